"""httpx: a client with a cache, against the same client whose transport answers from memory."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from functools import partial
from typing import Any

from clients import AsyncGet, AsyncMake, Get, Make, async_hits, async_misses, hits, misses
from harness import AbsentError, Offer, Scenario
from httpx import AsyncBaseTransport, AsyncClient, BaseTransport, ByteStream, Client, Request, Response
from origin import CONTENT, Origin
from stores import KINDS, async_hishel, hishel, opened

FLOOR = "answered by a stub transport"
UNCACHED = "no cache, the network is a stub"


class Direct(BaseTransport, AsyncBaseTransport):
    """A new response for each request, from octets made ready before: the least that any cache can do."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.lines = [(name.encode(), value.encode()) for name, value in origin.lines]

    def handle_request(self, request: Request) -> Response:
        self.origin.calls += 1
        return Response(200, headers=self.lines, stream=ByteStream(CONTENT))

    async def handle_async_request(self, request: Request) -> Response:
        return self.handle_request(request)


class Network(BaseTransport, AsyncBaseTransport):
    """In the place of httpx's own transports."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin

    def handle_request(self, request: Request) -> Response:
        status, lines, content = self.origin.answer(request.headers.get("if-none-match"))
        return Response(status, headers=lines, stream=ByteStream(content))

    async def handle_async_request(self, request: Request) -> Response:
        return self.handle_request(request)


def client(transport: BaseTransport, stack: ExitStack) -> Get:
    """A client that goes through `transport`."""
    used = stack.enter_context(Client(transport=transport))
    return lambda url: used.get(url).content


def direct(origin: Origin, stack: ExitStack) -> Get:
    return client(Direct(origin), stack)


def uncached(origin: Origin, stack: ExitStack) -> Get:
    return client(Network(origin), stack)


def ours(kind: str, origin: Origin, stack: ExitStack) -> Get:
    try:
        from cachespec_httpx import CacheTransport
    except ImportError as error:
        raise AbsentError(str(error)) from error
    return client(CacheTransport(Network(origin), store=opened(kind, stack)), stack)


def theirs(kind: str, origin: Origin, stack: ExitStack) -> Get:
    from hishel.httpx import CacheTransport

    return client(CacheTransport(Network(origin), storage=hishel(kind, stack), rfc=True), stack)


class Asynchronous:
    """The same for asyncio, all of it on one loop."""

    def __init__(self, stack: ExitStack) -> None:
        self.loop = asyncio.new_event_loop()
        stack.callback(self.loop.close)

    def client(self, transport: AsyncBaseTransport, stack: ExitStack) -> AsyncGet:
        used = AsyncClient(transport=transport)
        stack.callback(lambda: self.loop.run_until_complete(used.aclose()))

        async def get(url: str) -> bytes:
            return (await used.get(url)).content

        return get

    def direct(self, origin: Origin, stack: ExitStack) -> AsyncGet:
        return self.client(Direct(origin), stack)

    def uncached(self, origin: Origin, stack: ExitStack) -> AsyncGet:
        return self.client(Network(origin), stack)

    def ours(self, kind: str, origin: Origin, stack: ExitStack) -> AsyncGet:
        try:
            from cachespec_httpx import AsyncCacheTransport
        except ImportError as error:
            raise AbsentError(str(error)) from error
        return self.client(AsyncCacheTransport(Network(origin), store=opened(kind, stack)), stack)

    def theirs(self, kind: str, origin: Origin, stack: ExitStack) -> AsyncGet:
        from hishel.httpx import AsyncCacheTransport

        transport: Any = AsyncCacheTransport(Network(origin), storage=async_hishel(kind, stack), rfc=True)
        return self.client(transport, stack)

    @property
    def caches(self) -> dict[str, AsyncMake]:
        return {
            **{f"cachespec, {kind}": partial(self.ours, kind) for kind in KINDS},
            "hishel, sqlite in memory": partial(self.theirs, "memory"),
            "hishel, sqlite": partial(self.theirs, "sqlite"),
        }


CACHES: dict[str, Make] = {
    **{f"cachespec, {kind}": partial(ours, kind) for kind in KINDS},
    "hishel, sqlite in memory": partial(theirs, "memory"),
    "hishel, sqlite": partial(theirs, "sqlite"),
}


def _hits(stack: ExitStack, offer: Offer) -> None:
    for name, make in {FLOOR: direct, UNCACHED: uncached, **CACHES}.items():
        offer.add(name, partial(hits, make, stack))


def _misses(stack: ExitStack, offer: Offer) -> None:
    for name, make in {UNCACHED: uncached, **CACHES}.items():
        offer.add(name, partial(misses, make, stack))


def _confirmed(stack: ExitStack, offer: Offer) -> None:
    for name, make in {UNCACHED: uncached, **CACHES}.items():
        offer.add(name, partial(hits, make, stack, stale=True))


def _async_hits(stack: ExitStack, offer: Offer) -> None:
    on = Asynchronous(stack)
    for name, make in {FLOOR: on.direct, UNCACHED: on.uncached, **on.caches}.items():
        offer.add(name, partial(async_hits, make, stack, on.loop))


def _async_misses(stack: ExitStack, offer: Offer) -> None:
    on = Asynchronous(stack)
    for name, make in {UNCACHED: on.uncached, **on.caches}.items():
        offer.add(name, partial(async_misses, make, stack, on.loop))


def _async_confirmed(stack: ExitStack, offer: Offer) -> None:
    on = Asynchronous(stack)
    for name, make in {UNCACHED: on.uncached, **on.caches}.items():
        offer.add(name, partial(async_hits, make, stack, on.loop, stale=True))


SCENARIOS = [
    Scenario("httpx-hit", "httpx: a hit, 2 KiB", FLOOR, _hits),
    Scenario("httpx-miss", "httpx: a miss that is stored, 2 KiB", UNCACHED, _misses, fixed=200),
    Scenario("httpx-304", "httpx: confirmed by 304", UNCACHED, _confirmed),
    Scenario("async-hit", "httpx, asyncio: a hit, 2 KiB", FLOOR, _async_hits),
    Scenario("async-miss", "httpx, asyncio: a miss that is stored, 2 KiB", UNCACHED, _async_misses, fixed=100),
    Scenario("async-304", "httpx, asyncio: confirmed by 304", UNCACHED, _async_confirmed),
]
