"""The short way for what most requests are: a plain GET.

A *plain* request has no field that bears on caching: no credentials, no conditions, no range, no directives, no
content.  What the exchange decides for such a request depends on its target, the store and the clock alone.

- What is *fresh* goes out as it lies in the store, where looking there needs no waiting: each of a million responses as
  quickly as one of a few.  Only of those few that are asked for all the time it is *kept* how they go out.
- What is *passing* is remembered: a target whose response was not to be stored, by its own word, within the last
  seconds ("hit for miss").  The application is called at once, and what comes passes.  So is what was *refused*: for
  the fields of a response that bear on storing, what Cache-Status says of it.
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
    Looked,
    Verdict,
    lines_added,
)

from .interface import Message, RawLine, Scope
from .lines import ADDED_DATE, RAW_TARGET, Names, octets
from .target import OVERRIDES

Target: TypeAlias = tuple[str, bytes, bytes, bytes]
"""Scheme, Host, path and query, as they came."""

KEPT: Final = 1024
"""How many targets that pass are remembered, and how many kinds of responses."""
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
HOT: Final = 64
"""How many responses are kept in the form in which they go out."""
UNSEEN = Verdict(False, "hit-for-miss", "CacheMiddleware", "Nothing was stored for it a moment ago: it passes unseen.")


@dataclass(slots=True)
class Kept:
    """How the response for one target goes out."""

    url: str
    keys: Any
    """Where it lies, as `AsyncCache.glance` has told."""
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
        bearing = frozenset(BEARING_ON_REUSE | own | set(policy.vary_by))
        # Whether a field means nothing to the cache.
        self._names = Names[bytes, bool](lambda name: name.decode("latin-1").lower() not in bearing)
        # Whether it is the value that matters, or only that there is one.
        self._bearing = {name.encode(): name not in MATTER_BEING_THERE for name in BEARING_ON_STORING}
        self._bearing |= dict.fromkeys([name.encode() for name in policy.targets], True)
        # With a filter or an override, more bears on it than the fields.
        self._passes = not (policy.response_filter or policy.overrides or policy.post_as_get)
        self._kept: dict[Target, Kept] = {}
        self._passing: dict[Target, float] = {}
        self._refused: dict[tuple[object, ...], list[RawLine]] = {}

    @staticmethod
    def serves(cache: AsyncCache) -> bool:
        """Whether there is a short way at all: where a request is judged by its fields, and by nothing else."""
        policy = cache.policy
        return policy.enabled and policy.key is None and policy.request_filter is None and not policy.debug

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

    # --- what lies in the store

    def kept(self, target: Target) -> Kept | None:
        """What is kept of the response for `target`."""
        return self._kept.get(target)

    def fresh(self, target: Target, url: str, looked: Looked) -> tuple[Message, Entry] | None:
        """The start of the response that was found, and all of it, if it goes out as it lies there."""
        now = self._cache.clock()
        entry = self._cache.fresh(looked, now)
        if entry is None:
            return None
        kept = self._kept.get(target)
        if kept is None or kept.headers is not entry.headers:
            self._kept.pop(target, None)
            lines = octets(entry.headers.lines, ADDED_DATE)
            kept = _bounded(self._kept, HOT)[target] = Kept(url, looked[0], entry.headers, lines)
        age = entry.age(now)
        seconds = int(age), int((entry.lifetime - age) // 1)
        if seconds != kept.seconds:
            info = CacheInfo("hit", stored=True, age=age, lifetime=entry.lifetime)
            kept.dated = (*kept.lines, (b"age", b"%d" % seconds[0]), *octets(lines_added(self._cache.policy, info)))
            kept.seconds = seconds
        return {"type": "http.response.start", "status": entry.status, "headers": list(kept.dated)}, entry

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
            _bounded(self._passing, KEPT)[target] = time.monotonic() + PASSING
            added = octets(lines_added(self._cache.policy, info))
            _bounded(self._refused, KEPT)[self._bearing_on(outcome.head.status, lines)] = added

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


def _bounded(known: dict[Any, Any], limit: int) -> dict[Any, Any]:
    """`known`, with room for one more: the oldest goes."""
    if len(known) >= limit:
        del known[next(iter(known))]
    return known
