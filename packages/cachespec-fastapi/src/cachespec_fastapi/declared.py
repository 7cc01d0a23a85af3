"""What dependencies declare for one response, and the fields that it becomes.  RFC 9110 §5

A dependency runs before anybody knows what the response will be.  So it declares into an object that lies in the scope,
and the fields are worked out when the response starts, from its final status and from what it says itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakKeyDictionary

from fastapi import Response
from fastapi.requests import HTTPConnection

from cachespec import SCOPE_KEY, CacheInfo, EntityTag, Gateway, field_names, format_date, response_directives

from .asgi import RawLine, Scope
from .groups import group_list
from .operations import nearest_control

if TYPE_CHECKING:
    from .control import Control

log: Final = logging.getLogger("cachespec")

KEY: Final = "cachespec_fastapi"
"""Where it lies in the scope."""
SAFE: Final = frozenset({"GET", "HEAD", "QUERY"})
"""Methods whose responses are representations that a validator can be about."""

_CONTROL: Final = b"cache-control"
_TARGETED: Final = b"cachespec-cache-control"
_GROUPS: Final = b"cache-groups"
# What a response may say itself, and what it says counts.
_OWN: Final = frozenset({_CONTROL, _TARGETED, b"expires", b"vary", b"etag", b"last-modified"})
OURS: Final = frozenset({_CONTROL, _TARGETED, _GROUPS, b"cache-group-invalidation", b"etag", b"last-modified"})
"""Fields that one dependency may have set, and a nearer one sets anew, where no writer waits for the last word."""


class Alone:
    """What lies at ``scope["cachespec"]`` where no cache stands around the application."""

    __slots__ = ("caching", "fields", "info")

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []
        self.caching: bool = False
        self.info: CacheInfo | None = None

    async def purge(self, **_: Any) -> int:
        """There is nothing to purge: RuntimeError."""
        raise RuntimeError("no cache stands around this application")

    async def refresh(self, url: str) -> None:
        """There is nothing to refresh: RuntimeError."""
        raise RuntimeError(f"no cache stands around this application that could keep {url}")


class Declared:
    """What has been declared for the response to one request."""

    __slots__ = (
        "body_tag",
        "controls",
        "etag",
        "gateway",
        "installed",
        "invalidated",
        "method",
        "modified",
        "route",
        "tagged",
        "vary",
    )

    def __init__(self, scope: Scope, *, installed: bool) -> None:
        self.method: str = scope["method"]
        self.gateway: Gateway | None = scope.get(SCOPE_KEY)
        self.installed: bool = installed
        """Whether a writer waits for the start of the response."""
        # Not the scope itself, in which this lies: a cycle would be the garbage collector's work at every request.
        self.route: Any = None
        """The route, which is known when the first dependency is called."""
        self.controls: dict[Control, str | None] = {}
        """Each `cache(...)` and `never_cache` that was called, the latest last, with its Cache-Groups; None where those
        are too many for any cache."""
        self.vary: tuple[str, ...] = ()
        """Names for Vary, of all levels."""
        self.tagged: bool = False
        """Whether anybody knows the entity-tag of what is there, even if it is that nothing is."""
        self.etag: EntityTag | None = None
        self.modified: float | None = None
        """Last-Modified, in seconds since the epoch."""
        self.body_tag: str | None = None
        """How to tag the body itself: ``strong``, ``weak``, or not at all."""
        self.invalidated: dict[str, None] = {}
        """Groups that the request has made obsolete."""

    def lines(self, status: int, given: Iterable[RawLine]) -> list[RawLine]:
        """The field lines of a response with `status` that comes with the lines `given`."""
        lines = list(given)
        own: dict[bytes, bytes] = {}
        for name, value in lines:
            lower = name.lower()
            if lower in _OWN:
                own[lower] = own[lower] + b", " + value if lower in own else value
        control = self._nearest(status)
        if control is not None and control.counts_for(status):
            lines = self._controlled(control, lines, own)
        if self.vary:
            lines = _varying(self.vary, lines, own.get(b"vary"))
        # RFC 9110 §8.8: a validator is about the representation that a successful response to a safe method brings.
        if (200 <= status <= 299 or status == 304) and self.method in SAFE:
            if self.etag is not None and b"etag" not in own:
                lines.append((b"etag", str(self.etag).encode("latin-1")))
            # §15.4.5: a 304 with an entity-tag has no need for a date.
            if self.modified is not None and b"last-modified" not in own and (status != 304 or self.etag is None):
                # §8.8.2.1: never later than the message itself.
                lines.append((b"last-modified", format_date(min(self.modified, time.time())).encode("ascii")))
        if self.invalidated and (groups := group_list(self.invalidated)) is not None:
            lines.append((b"cache-group-invalidation", groups.encode("ascii")))
        return lines

    def _nearest(self, status: int) -> Control | None:
        """The declaration that counts."""
        # FastAPI calls a dependency once, also where it stands at two levels, and none behind one that has failed: the
        # latest call need not be of the nearest one.
        nearest = cast("Control | None", nearest_control(self.route))
        if nearest is not None and (nearest in self.controls or status >= 400):
            return nearest
        return next(reversed(self.controls), None)

    def _controlled(self, control: Control, lines: list[RawLine], own: Mapping[bytes, bytes]) -> list[RawLine]:
        """`lines` with Cache-Control, the field for the cache around us alone, and Cache-Groups."""
        said = own.get(_CONTROL, b"").decode("latin-1")
        if said or b"expires" in own:
            lines = [line for line in lines if line[0].lower() != _CONTROL]
            if joined := control.policy.joined_to(said, expires=b"expires" in own):
                lines.append((_CONTROL, joined.encode("latin-1")))
        elif control.line is not None:
            lines.append(control.line)
        gateway, groups = self.gateway, self.controls.get(control, control.cache_groups)
        # The field is for the cache around us and for nobody else: it goes out only where that cache removes it.
        if gateway is not None and gateway.caching and _TARGETED not in own:
            if groups is None:
                # What cannot be dropped with its groups must not be kept.
                lines.append((_TARGETED, b"no-store"))
            elif control.local is not None and not _restricted(said):
                lines.append(control.local)
        if groups:
            lines.append((_GROUPS, groups.encode("ascii")))
        return lines


def _restricted(said: str) -> bool:
    """Whether a response's own Cache-Control keeps it from being stored or used, whatever the lifetime."""
    if not said:
        return False
    directives = response_directives(said)
    return directives.no_store or directives.private or directives.no_cache


def _varying(names: tuple[str, ...], lines: list[RawLine], own: bytes | None) -> list[RawLine]:
    """`lines` with one Vary that names `names`, too.  RFC 9110 §12.5.5"""
    if own is None:
        lines.append((b"vary", b"*" if "*" in names else ", ".join(names).encode("ascii")))
        return lines
    said = own.decode("latin-1")
    known = field_names(said)
    if "*" in known:
        return lines
    missing = [name for name in names if name.lower() not in known]
    if "*" in missing:
        said = "*"
    elif missing:
        said = ", ".join([*([said] if known else []), *missing])
    else:
        return lines
    return [*[line for line in lines if line[0].lower() != b"vary"], (b"vary", said.encode("latin-1"))]


MISSING: Final = (
    "cachespec_fastapi.install(app) was not called: what dependencies declare does not reach a response that an "
    "endpoint returns as a Response, and does not know the final status"
)


def declared_for(connection: HTTPConnection) -> Declared | None:
    """Where to declare; None where there will be no response."""
    scope = connection.scope
    if scope["type"] != "http":
        return None
    declared: Declared | None = scope.get(KEY)
    if declared is None:
        tell_once(scope["app"], MISSING)
        scope[KEY] = declared = Declared(scope, installed=False)
    declared.route = scope.get("route")
    return declared


def write_at_once(declared: Declared, response: Response) -> None:
    """Set the fields on the response that FastAPI merges into what it makes of an endpoint's return value."""
    given = [line for line in response.headers.raw if line[0] not in OURS]
    response.headers.raw[:] = declared.lines(200, given)


_told: Final[WeakKeyDictionary[Any, set[str]]] = WeakKeyDictionary()


def tell_once(application: object, message: str, *values: object) -> None:
    """Log a warning, once for each application."""
    told = _told.setdefault(application, set())
    if message not in told:
        told.add(message)
        log.warning(message, *values)
