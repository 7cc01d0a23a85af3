"""The log of purges: what lets a purge win over what began before it.

Purges are numbered.  Whoever stores says which was the latest one when it began, and is refused where a later one
applies to what it stores, or where so many came later that nobody remembers the first of them.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from typing import Final

from ..entries import Item
from .contract import Reading, Scope

REMEMBERED: Final = 1000
"""Purges that are remembered; what began before the oldest of them is not stored."""
LIMIT: Final = 1024 * 1024
"""Bytes of the longest scope that is looked at."""
EVERYTHING: Final = Scope(everything=True)


def refuses(item: Item, mark: int, latest: int, later: Iterable[Scope]) -> bool:
    """Whether a purge after number `mark` applies to `item`, or may have.

    `latest` is the number of the latest purge, `later` are the scopes of those that came after `mark`.
    """
    if mark >= latest:
        return False
    return latest - mark > REMEMBERED or any(scope.hits(item) for scope in later)


class PurgeLog:
    """The log in memory.  Not safe to share between threads without a lock."""

    def __init__(self) -> None:
        self.nothing: Reading = Reading(None, 0, 0)
        """What is read where nothing lies, with the number of the latest purge."""
        self._scopes: deque[Scope] = deque(maxlen=REMEMBERED)

    @property
    def mark(self) -> int:
        """The number of the latest purge."""
        return self.nothing.mark

    def add(self, scope: Scope) -> None:
        """Remember a purge."""
        self._scopes.append(scope)
        self.nothing = Reading(None, 0, self.mark + 1)

    def refuses(self, item: Item, mark: int) -> bool:
        """Whether `item`, of an exchange that began when `mark` was the latest purge, must not be stored."""
        if mark == self.mark:
            return False
        later = max(0, len(self._scopes) - (self.mark - mark))
        return refuses(item, mark, self.mark, list(self._scopes)[later:])


def encode_scope(scope: Scope) -> bytes:
    """`scope` as octets, for a log that several processes share; in ASCII, without line breaks."""
    fields = {
        "urls": scope.urls,
        "groups": scope.groups,
        "prefix": scope.prefix,
        "everything": scope.everything,
    }
    return json.dumps({name: value for name, value in fields.items() if value}).encode("ascii")


def decode_scope(octets: bytes) -> Scope:
    """What `encode_scope` wrote.  What cannot be read may have been anything, and so counts as everything."""
    if len(octets) > LIMIT:
        return EVERYTHING
    try:
        fields = json.loads(octets)
        urls = tuple([str(url) for url in fields.get("urls", ())])
        groups = tuple([(str(origin), str(group)) for origin, group in fields.get("groups", ())])
        prefix = fields.get("prefix")
    except (ValueError, TypeError, AttributeError, RecursionError):
        return EVERYTHING
    if not (prefix is None or isinstance(prefix, str)) or not (urls or groups or prefix is not None):
        return EVERYTHING
    return Scope(urls=urls, groups=groups, prefix=prefix, everything=bool(fields.get("everything")))
