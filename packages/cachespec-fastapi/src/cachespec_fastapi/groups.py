"""Groups of responses that become obsolete together.  RFC 9875

A name becomes a String of structured fields, which holds printable ASCII only.  What a path parameter brings along may
be anything, so that names are made to fit, and never refused, while requests are served: everything else is
percent-encoded, and a long name is cut.  Two names that become one are dropped together, which is safe.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from inspect import isawaitable
from typing import Final, TypeAlias
from urllib.parse import quote

from fastapi import Request

from cachespec import MAX_GROUP, MAX_GROUPS, serialise_list

Names: TypeAlias = str | Iterable[str]
Groups: TypeAlias = Names | Callable[[Request], Names | Awaitable[Names]]
"""Names of groups, one or several, or a callable that makes them from the request."""

_PRINTABLE: Final = "".join(map(chr, range(0x20, 0x7F)))
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def declared_groups(groups: Groups) -> tuple[str, ...] | Callable[[Request], Names | Awaitable[Names]]:
    """`groups` as a declaration keeps them; ValueError or TypeError for what cannot be names of groups."""
    if callable(groups):
        return groups
    names = _listed(groups)
    for name in names:
        if not name or _CONTROL.search(name):
            raise ValueError(f"groups: {name!r} is no name of a group")
        if len(written(name)) != len(quote(name, _PRINTABLE)):
            raise ValueError(f"groups: {name[:20]!r}… is longer than {MAX_GROUP} characters")
    if len(names) > MAX_GROUPS:
        raise ValueError(f"groups: caches look at {MAX_GROUPS} groups at most")
    return names


async def groups_of(groups: Callable[[Request], Names | Awaitable[Names]], request: Request) -> tuple[str, ...]:
    """The groups that a callable names for a request."""
    made = groups(request)
    return _listed(await made if isawaitable(made) else made)


def written(name: str) -> str:
    """The name of a group as it is sent."""
    return quote(name, _PRINTABLE)[:MAX_GROUP]


def group_list(names: Iterable[str]) -> str | None:
    """The value of Cache-Groups or Cache-Group-Invalidation; None where there are more than caches look at."""
    each = dict.fromkeys([written(name) for name in names])
    return serialise_list(each) if len(each) <= MAX_GROUPS else None


def _listed(groups: Names) -> tuple[str, ...]:
    """One name or several, as a tuple."""
    if isinstance(groups, str):
        return (groups,)
    try:
        names = tuple(groups)
    except TypeError:
        raise TypeError(f"groups: {groups!r} is neither a name, nor names, nor a callable") from None
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"groups: {name!r} is no name of a group")
    return names
