"""Declaring for one endpoint, or for a whole application, how its responses are to be cached.  RFC 9111 §5.2.2

Each of these stands around any ASGI callable, an application or an endpoint, and changes the fields of its responses as
they pass.  Caches that stand further out, this package's among them, obey the fields.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import update_wrapper
from typing import Any, Final, TypeAlias

from cachespec import SCOPE_KEY, AsyncStore, CacheControl, Policy, Store, field_names, response_directives

from .interface import ASGIApp, Message, RawLine, Receive, Scope, Send
from .lines import OWN_TARGET, RAW_TARGET, head_of, members, octets, raw_lines, value_of, without
from .middleware import CacheMiddleware
from .rules import Rule, ruled
from .target import has_credentials

Change: TypeAlias = Callable[[int, list[RawLine]], list[RawLine]]
"""Makes the field lines of a response with a status from those that the application gave it."""
Decorator: TypeAlias = Callable[[ASGIApp], ASGIApp]
Directive: TypeAlias = bool | int | timedelta | str | Iterable[str] | None

LIFETIMES: Final = ("max-age", "s-maxage")
LOOSE: Final = frozenset(
    {"public", "max-age", "s-maxage", "immutable", "must-understand", "stale-while-revalidate", "stale-if-error"}
)
"""Directives that let a response be stored or used longer: for an error nobody asked for that."""
NEVER: Final = (b"cache-control", b"private, no-store, no-cache, max-age=0, must-revalidate")


class _Around:
    """An ASGI application around another one, whose responses' fields it changes."""

    def __init__(self, app: ASGIApp, change: Change) -> None:
        _check_application(app)
        update_wrapper(self, app, updated=())
        self._app = app
        self._change = change

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": self._change(message["status"], raw_lines(message))}
            await send(message)

        await self._app(scope, receive, sent)


class CacheControlMiddleware(_Around):
    """Sets directives of Cache-Control on every response of `app`.

    The directives are those of `CacheControl`.  True adds one, False removes it; `max_age` and `s_maxage` never prolong
    what the response says itself; `public` takes the place of `private` and the other way round.  On errors (4xx, 5xx)
    nothing is set that lets them be stored or used longer.
    """

    def __init__(self, app: ASGIApp, **directives: Directive) -> None:
        super().__init__(app, _control(directives))


def cache_control(**directives: Directive) -> Decorator:
    """A decorator that does for one ASGI callable what `CacheControlMiddleware` does for an application."""
    change = _control(directives)
    return lambda app: _Around(app, change)


def never_cache(app: ASGIApp) -> ASGIApp:
    """Keep the responses of `app` out of every cache, whatever they say."""
    return _Around(app, _never)


def vary_on(*names: str) -> Decorator:
    """A decorator that adds request fields to the Vary of every response of an ASGI callable."""
    if not names or any(field_names(name) != (name.lower(),) for name in names):
        raise ValueError(f"names: {names!r} are not the names of fields")

    def change(_status: int, lines: list[RawLine]) -> list[RawLine]:
        own = field_names(value_of(lines, b"vary"))
        missing = [name for name in names if name.lower() not in own]
        return [*lines, (b"vary", ", ".join(missing).encode("ascii"))] if missing else lines

    return lambda app: _Around(app, change)


def cached(
    ttl: int | timedelta,
    *,
    declare: bool = False,
    store: AsyncStore | Store | str | None = None,
    policy: Policy | None = None,
) -> Decorator:
    """A decorator that has the successful responses of an ASGI callable kept for `ttl` seconds (see `Rule.ttl`).

    Where a `CacheMiddleware` stands around the application, that one keeps them, and `store` and `policy` do not count;
    else a cache of the callable's own does.  With `declare` everybody else is told, too.
    """
    rule = Rule(ttl=ttl, declare=declare)
    return lambda app: _Cached(app, rule, store, policy)


class _Cached:
    """An ASGI callable whose responses are cached."""

    def __init__(self, app: ASGIApp, rule: Rule, store: AsyncStore | Store | str | None, policy: Policy | None) -> None:
        _check_application(app)
        update_wrapper(self, app, updated=())
        self._app = app
        self._rule = rule
        self._own = CacheMiddleware(app, store, policy, [rule])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        around = scope.get(SCOPE_KEY)
        if scope["type"] != "http" or around is None or not around.caching:
            await self._own(scope, receive, send)
            return
        guarded = has_credentials(scope)

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                lines = raw_lines(message)
                head = head_of(message["status"], lines)
                under, told = ruled((self._rule,), head, guarded=guarded, now=self._own.cache.clock())
                if under is not head:
                    lines += octets([*told, (OWN_TARGET, under.headers[OWN_TARGET])])
                    message = {**message, "headers": lines}
            await send(message)

        await self._app(scope, receive, sent)


def _check_application(app: Any) -> None:
    """Refuse what is called with a request and returns a response."""
    if not callable(app):
        raise TypeError(f"app: {app!r} is not callable")
    if inspect.isfunction(app):
        try:
            inspect.signature(app).bind({}, None, None)
        except TypeError:
            raise TypeError(
                f"app: {app.__qualname__} does not take scope, receive and send: wrap the route, not the function"
            ) from None


def _never(_status: int, lines: list[RawLine]) -> list[RawLine]:
    """Nothing that others say counts beside this."""
    return [*without(lines, b"cache-control", b"expires", RAW_TARGET, b"cdn-cache-control"), NEVER]


def _control(directives: dict[str, Directive]) -> Change:
    """What a declaration changes."""
    given: dict[str, Any] = {name: value for name, value in directives.items() if value is not None}
    removed = {name.replace("_", "-") for name, value in given.items() if value is False}
    # Checked there, names and values both.
    declared = CacheControl(**given).directives

    def change(status: int, lines: list[RawLine]) -> list[RawLine]:
        said = value_of(lines, b"cache-control")
        kept = dict(members(said))
        for name in removed:
            kept.pop(name, None)
        own = response_directives(said)
        for name, value in declared.items():
            if status >= 400 and name in LOOSE:
                continue
            if name in LIFETIMES:
                before = own.max_age if name == "max-age" else own.s_maxage
                value = value if before is None or name not in kept else min(before, int(value))  # type: ignore[arg-type]
            if name in ("public", "private"):
                kept.pop("private" if name == "public" else "public", None)
            kept[name] = str(CacheControl(**{name.replace("-", "_"): value}))  # type: ignore[arg-type]
        text = ", ".join(kept.values())
        lines = without(lines, b"cache-control")
        return [*lines, (b"cache-control", text.encode("latin-1"))] if text else lines

    return change
