"""ASGI: an application behind a cache, in process and without a server, against the bare application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import count, cycle
from typing import Any

from harness import AbsentError, Contender, Offer, Scenario
from origin import BASE, HOT, LARGE, SMALL, document, encoded
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from stores import KINDS, async_hishel, opened

from cachespec import Policy

FLOOR = "Starlette, no cache"
PREBUILT = "two messages made ready before"
LITTLE = "cachespec, 2 KiB"
MUCH = "cachespec, 1 MiB"
UNCACHEABLE = "the bare application"
PASSED = "cachespec around it"
POSTED = "cachespec around it, POST"
MANY = 5000
PATH = "/" + BASE.split("/", 3)[3]
FIELDS = [
    (b"host", b"example.test"),
    (b"user-agent", b"client/1.0"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip, deflate"),
    (b"connection", b"keep-alive"),
]

App = Callable[[Any, Any, Any], Any]
Wrap = Callable[[App, ExitStack], App]


class Counted:
    """A Starlette application with one JSON endpoint, and how often it was asked."""

    def __init__(self, size: int = SMALL, delay: float = 0, control: str = "public, max-age=86400") -> None:
        self.calls = 0
        value = document(size)

        async def endpoint(request: Request) -> JSONResponse:
            self.calls += 1
            if delay:
                await asyncio.sleep(delay)
            return JSONResponse(value, headers={"Cache-Control": control, "ETag": '"v1"'})

        self.app = Starlette(routes=[Route(PATH + "{number}", endpoint)])


def scope(number: int, method: str = "GET") -> dict[str, Any]:
    """What a server hands over for a request."""
    path = f"{PATH}{number}"
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": list(FIELDS),
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
        "state": {},
    }


async def receive() -> dict[str, Any]:
    """A request without content."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: Any) -> None:
    """Nobody looks at the response."""


async def answer(app: App, asked: dict[str, Any]) -> tuple[int, int]:
    """The status of a response and the length of its content."""
    status = length = 0

    async def looked_at(message: Any) -> None:
        nonlocal status, length
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            length += len(message.get("body", b""))

    await app(asked, receive, looked_at)
    return status, length


class InProcess:
    """Applications that are asked in turn, all of them on one loop."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.loop = asyncio.new_event_loop()
        stack.callback(self.loop.close)

    def hits(self, wrap: Wrap, size: int = SMALL, urls: int = HOT) -> Contender:
        """Requests for what is stored already, if anything stores it."""
        inner = Counted(size)
        app, numbers = wrap(inner.app, self.stack), cycle(range(urls))

        async def requests(n: int) -> None:
            for _ in range(n):
                await app(scope(next(numbers)), receive, send)

        async def first() -> None:
            await requests(urls)
            assert await answer(app, scope(0)) == (200, size)

        self.loop.run_until_complete(first())
        return Contender("", lambda n: self.loop.run_until_complete(requests(n)), calls=lambda: inner.calls)

    def misses(self, wrap: Wrap) -> Contender:
        """Requests for one URL after the other, all of them new to an empty store."""
        inner, numbers = Counted(), count()
        own = self.stack.enter_context(ExitStack())
        app = wrap(inner.app, own)

        def prepare(n: int) -> None:
            nonlocal app
            own.close()
            app = wrap(inner.app, own)

        async def requests(n: int) -> None:
            for _ in range(n):
                await app(scope(next(numbers)), receive, send)

        self.loop.run_until_complete(requests(1))
        return Contender("", lambda n: self.loop.run_until_complete(requests(n)), prepare, lambda: inner.calls)

    def past(self, wrap: Wrap, method: str = "GET", urls: int = HOT) -> Contender:
        """Requests whose responses nobody may store, of an application that takes no time itself."""
        calls, numbers = 0, cycle(range(urls))
        start = {"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"no-store")]}
        body = {"type": "http.response.body", "body": b"hello", "more_body": False}

        async def plain(asked: Any, receive: Any, send: Any) -> None:
            nonlocal calls
            calls += 1
            await send(dict(start))
            await send(dict(body))

        app = wrap(plain, self.stack)

        async def requests(n: int) -> None:
            for _ in range(n):
                await app(scope(next(numbers), method), receive, send)

        assert self.loop.run_until_complete(answer(app, scope(0, method))) == (200, 5)
        return Contender("", lambda n: self.loop.run_until_complete(requests(n)), calls=lambda: calls)


def bare(app: App, stack: ExitStack) -> App:
    return app


def prebuilt(app: App, stack: ExitStack) -> App:
    """The least that any cache can do."""
    content = encoded(document(SMALL))
    headers = [
        (b"cache-control", b"public, max-age=86400"),
        (b"etag", b'"v1"'),
        (b"content-length", str(len(content)).encode()),
        (b"content-type", b"application/json"),
        (b"age", b"0"),
        (b"cache-status", b"cachespec; hit; ttl=86399"),
    ]

    async def ready(asked: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content, "more_body": False})

    return ready


def ours(kind: str, app: App, stack: ExitStack, **policy: Any) -> App:
    try:
        from cachespec_asgi import CacheMiddleware
    except ImportError as error:
        raise AbsentError(str(error)) from error
    return CacheMiddleware(app, store=opened(kind, stack), policy=Policy.gateway(**policy))


def theirs_hishel(kind: str, app: App, stack: ExitStack) -> App:
    from hishel.asgi import ASGICacheMiddleware

    middleware: App = ASGICacheMiddleware(app, storage=async_hishel(kind, stack))
    return middleware


def theirs_starlette_caches(app: App, stack: ExitStack) -> App:
    from aiocache import Cache
    from starlette_caches.middleware import CacheMiddleware

    middleware: App = CacheMiddleware(app, cache=Cache(Cache.MEMORY, ttl=86400))
    return middleware


CACHES: dict[str, Wrap] = {
    **{f"cachespec, {kind}": partial(ours, kind) for kind in KINDS},
    "hishel, sqlite in memory": partial(theirs_hishel, "memory"),
    "hishel, sqlite": partial(theirs_hishel, "sqlite"),
    "starlette-caches, memory": theirs_starlette_caches,
}


def _hits(stack: ExitStack, offer: Offer) -> None:
    here = InProcess(stack)
    for name, wrap in {FLOOR: bare, PREBUILT: prebuilt, **CACHES}.items():
        offer.add(name, partial(here.hits, wrap))
    offer.add(f"cachespec, memory, {MANY:,} URLs in turn", partial(here.hits, partial(ours, "memory"), urls=MANY))


def _large(stack: ExitStack, offer: Offer) -> None:
    here = InProcess(stack)
    offer.add(LITTLE, partial(here.hits, partial(ours, "memory")))
    offer.add(MUCH, partial(here.hits, partial(ours, "memory"), LARGE))
    offer.add("hishel, sqlite in memory, 1 MiB", partial(here.hits, partial(theirs_hishel, "memory"), LARGE))
    offer.add("starlette-caches, memory, 1 MiB", partial(here.hits, theirs_starlette_caches, LARGE))
    offer.add("Starlette, no cache, 1 MiB", partial(here.hits, bare, LARGE))


def _misses(stack: ExitStack, offer: Offer) -> None:
    here = InProcess(stack)
    for name, wrap in {FLOOR: bare, **CACHES}.items():
        offer.add(name, partial(here.misses, wrap))


def _past(stack: ExitStack, offer: Offer) -> None:
    here = InProcess(stack)
    offer.add(UNCACHEABLE, partial(here.past, bare))
    offer.add(PASSED, partial(here.past, partial(ours, "memory")))
    offer.add(
        "cachespec around it, a URL met for the first time", partial(here.past, partial(ours, "memory"), urls=10**9)
    )
    offer.add(POSTED, partial(here.past, partial(ours, "memory"), "POST"))
    offer.add("hishel around it", partial(here.past, partial(theirs_hishel, "memory")))
    offer.add("starlette-caches around it", partial(here.past, theirs_starlette_caches))


SCENARIOS = [
    Scenario("asgi-hit", "ASGI: a hit, 2 KiB", FLOOR, _hits),
    Scenario("asgi-large", "ASGI: a hit, 1 MiB", LITTLE, _large),
    Scenario("asgi-miss", "ASGI: a miss that is stored, 2 KiB", FLOOR, _misses, fixed=200),
    Scenario("asgi-past", "ASGI: a response that nobody may store", UNCACHEABLE, _past),
]
