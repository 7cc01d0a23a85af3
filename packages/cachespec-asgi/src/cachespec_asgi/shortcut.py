"""The short way for what most requests are: a plain GET that was answered the same way a moment ago.

A *plain* request has no field that bears on caching: no credentials, no conditions, no range, no directives, no
content.  What the exchange decides for such a request depends on its target, the store and the clock alone.  So where
the long way was taken once, its findings are kept, and what they rest on is looked at again each time:

- *kept*: for a target, where its response lies and how its fields go out.  The store is asked, and the core decides
  whether what lies there is fresh; it must still be the response whose fields were kept.
- *passing*: a target whose response was not to be stored, by its own word, within the last seconds ("hit for miss").
  The application is called at once, and what comes passes.
- *refused*: for the fields of a response that bear on storing, what Cache-Status says of it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from cachespec import (
    BEARING_ON_REUSE,
    BEARING_ON_STORING,
    AsyncCache,
    CacheInfo,
    Entry,
    Headers,
    Live,
    Request,
    Stored,
    Verdict,
    decide,
    lines_added,
)

from .interface import Message, RawLine, Scope
from .lines import ADDED_DATE, RAW_TARGET, octets
from .target import OVERRIDES

Target: TypeAlias = tuple[str, bytes, bytes, bytes]
"""Scheme, Host, path and query, as they came."""

KEPT: Final = 1024
"""How many targets are kept, of each kind."""
NAMES: Final = 4096
"""How many field names are remembered."""
PASSING: Final = 10.0
"""Seconds for which a target's responses pass without asking the store."""
TIMELESS: Final = frozenset(
    {
        "interim",
        "no-store",
        "not-cacheable",
        "private",
        "set-cookie",
        "status",
        "status-never",
        "status-refused",
        "useless",
        "vary",
        "vary-many",
        "vary-refused",
    }
)
"""Reasons not to store that rest on the response's fields, and hold for every plain request at any time."""
MATTER_BEING_THERE: Final = frozenset({"date", "etag", "last-modified", "set-cookie"})
"""Fields whose values cannot change any of these reasons, where there is no Expires."""
UNSEEN = Verdict(False, "hit-for-miss", "CacheMiddleware", "Nothing was stored for it a moment ago: it passes unseen.")

_PLAIN: Final = Request("GET", "")


class _Names(dict[bytes, bool]):
    """Whether a request field means nothing to the cache, by its name, worked out when it is first met."""

    def __init__(self, bearing: frozenset[str]) -> None:
        self._bearing = bearing

    def __missing__(self, name: bytes) -> bool:
        if len(self) >= NAMES:
            self.clear()
        plain = self[name] = name.decode("latin-1").lower() not in self._bearing
        return plain


@dataclass(slots=True)
class _Kept:
    """How the response for one target goes out."""

    place: bytes
    headers: Headers
    """What lies there has these very fields, the same object: what replaces it has others."""
    lines: list[RawLine]
    """Those fields in octets."""
    seconds: tuple[int, int] = (-1, -1)
    """Age and time to live, in whole seconds, that `dated` was made for."""
    dated: tuple[RawLine, ...] = ()
    """`lines`, Age and what the cache adds."""


class Shortcut:
    """What one middleware remembers of the long way."""

    __slots__ = ("_bearing", "_cache", "_kept", "_names", "_passes", "_passing", "_refused")

    def __init__(self, cache: AsyncCache) -> None:
        policy = cache.policy
        self._cache = cache
        own = {"host", "content-length", "transfer-encoding", *OVERRIDES}
        self._names = _Names(frozenset(BEARING_ON_REUSE | own | set(policy.vary_by)))
        # Whether it is the value that matters, or only that there is one.
        self._bearing = {name.encode(): name not in MATTER_BEING_THERE for name in BEARING_ON_STORING}
        self._bearing |= dict.fromkeys([name.encode() for name in policy.targets], True)
        # With a filter or an override, more bears on it than the fields.
        self._passes = not (policy.debug or policy.response_filter or policy.overrides or policy.post_as_get)
        self._kept: dict[Target, _Kept] = {}
        self._passing: dict[Target, float] = {}
        self._refused: dict[tuple[object, ...], list[RawLine]] = {}

    @staticmethod
    def serves(cache: AsyncCache) -> bool:
        """Whether there is a short way at all: where a request is judged by its fields, and by nothing else."""
        return cache.policy.enabled and cache.policy.key is None and cache.policy.request_filter is None

    def target(self, scope: Scope) -> Target | None:
        """The target of a plain request; None for any other."""
        if scope["method"] != "GET" or scope.get("http_version", "1.1")[:1] != "1":
            return None
        host: bytes | None = None
        names = self._names
        for name, value in scope["headers"]:
            if not names[name]:
                if name != b"host" or host is not None:
                    return None
                host = value
        path = scope.get("raw_path")
        if host is None or path is None:
            return None
        return scope["scheme"], host, path, scope["query_string"]

    # --- what was answered from the store

    def fresh(self, target: Target) -> tuple[Message, Entry] | None:
        """The start of the response that lies in the store for `target`, and all of it, if it is the one that was kept.

        None where the long way has to be taken.
        """
        kept = self._kept.get(target)
        if kept is None:
            return None
        cache = self._cache
        entry = cache.glance(kept.place)
        if entry is None or entry.headers is not kept.headers:
            del self._kept[target]
            return None
        policy = cache.policy
        now = cache.clock()
        verdict = decide(_PLAIN, entry, policy, now)
        if verdict.code != "fresh":
            return None
        age = entry.age(now)
        seconds = int(age), int((entry.lifetime - age) // 1)
        if seconds != kept.seconds:
            info = CacheInfo("hit", [verdict], stored=True, age=age, lifetime=entry.lifetime, key=entry.url)
            added = octets(lines_added(policy, info))
            kept.dated = (*kept.lines, (b"age", str(seconds[0]).encode()), *added)
            kept.seconds = seconds
        return {"type": "http.response.start", "status": entry.status, "headers": list(kept.dated)}, entry

    def keep(self, target: Target, request: Request, outcome: Stored) -> None:
        """Remember how a plain request was answered from the store."""
        entry = outcome.entry
        if outcome.info.status != "hit" or outcome.head.status != entry.status or entry.selecting:
            return
        place = self._cache.place(request)
        there = None if place is None else self._cache.glance(place)
        if place is None or there is None or there.headers is not entry.headers:
            return
        lines = octets([line for line in entry.headers.lines if line[0] != ADDED_DATE])
        _bounded(self._kept)[target] = _Kept(place, entry.headers, lines)

    # --- what passes

    def passing(self, target: Target) -> bool:
        """Whether the response for `target` passes unseen."""
        until = self._passing.get(target)
        if until is None:
            return False
        if time.monotonic() < until:
            return True
        del self._passing[target]
        return False

    def stop(self, target: Target) -> None:
        """Have the next request for `target` take the long way."""
        self._passing.pop(target, None)

    def refused(self, target: Target, status: int, lines: list[RawLine]) -> list[RawLine]:
        """The lines of a response that passes: its own, and what the cache adds."""
        known = self._refused.get(self._bearing_on(status, lines))
        if known is None:
            # Another response than those that were not stored: maybe the next of its kind is.
            self.stop(target)
            info = CacheInfo("bypass", [UNSEEN], forward="bypass")
            known = octets(lines_added(self._cache.policy, info))
        return [*[line for line in lines if line[0].lower() != RAW_TARGET], *known]

    def learn(self, target: Target, lines: list[RawLine], outcome: Live[Any]) -> None:
        """Remember that the response to a plain request was not to be stored."""
        info = outcome.info
        reason = info.reason
        if not self._passes or outcome.share != "never" or reason is None or reason.code not in TIMELESS:
            return
        if info.forward == "uri-miss" and not info.collapsed and "expires" not in outcome.head.headers.fields:
            _bounded(self._passing)[target] = time.monotonic() + PASSING
            added = octets(lines_added(self._cache.policy, info))
            _bounded(self._refused)[self._bearing_on(outcome.head.status, lines)] = added

    def _bearing_on(self, status: int, lines: list[RawLine]) -> tuple[object, ...]:
        """What a response has that bears on storing it: of some fields the line, of others that they are there."""
        bearing = self._bearing
        found: list[object] = [status]
        for line in lines:
            name = line[0]
            matters = bearing.get(name)
            if matters is None and not name.islower():
                matters = bearing.get(name.lower())
            if matters is not None:
                found.append(line if matters else name)
        return tuple(found)


def _bounded(known: dict[Any, Any]) -> dict[Any, Any]:
    """`known`, with room for one more: the oldest goes."""
    if len(known) >= KEPT:
        del known[next(iter(known))]
    return known
