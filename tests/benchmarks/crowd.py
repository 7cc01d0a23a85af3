"""A crowd: many at once ask for one thing that nobody has stored yet.  How often is the origin asked?

One operation is a whole crowd, so that the calls are those of a crowd, and its time is that of the last answer.

Where nothing may be stored, a crowd that waits for one answer after the other would take as many times as long as it is
large.  The first crowd cannot know; what is measured is the second one, for the same URL.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import count

from harness import Contender, Offer, Scenario
from httpx import AsyncBaseTransport, AsyncClient, ByteStream, Request, Response
from origin import BASE, CONTENT, SMALL, Origin
from stores import async_hishel, hishel, opened
from with_asgi import Counted, Wrap, answer, bare, ours, scope, theirs_hishel, theirs_starlette_caches
from with_requests import Get, Pool, session, stubbed

UNCACHED = "no cache"
OURS = "cachespec"
HISHEL = "hishel"
SIZE = 100
THREADS = 8
DELAY = 0.02
"""How long the origin takes, in seconds."""


class Slow(AsyncBaseTransport):
    """An origin behind httpx that takes its time."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin

    async def handle_async_request(self, request: Request) -> Response:
        status, lines, content = self.origin.answer(None)
        await asyncio.sleep(DELAY)
        return Response(status, headers=lines, stream=ByteStream(content))


def _httpx(stack: ExitStack, offer: Offer) -> None:
    loop = asyncio.new_event_loop()
    stack.callback(loop.close)

    def crowd(wrap: Callable[[AsyncBaseTransport], AsyncBaseTransport]) -> Contender:
        origin, numbers = Origin(), count()
        client = AsyncClient(transport=wrap(Slow(origin)))
        stack.callback(lambda: loop.run_until_complete(client.aclose()))

        async def come(n: int) -> None:
            for _ in range(n):
                url = f"{BASE}{next(numbers)}"
                answers = await asyncio.gather(*[client.get(url) for _ in range(SIZE)])
                assert all(each.content == CONTENT for each in answers)

        return Contender("", lambda n: loop.run_until_complete(come(n)), calls=lambda: origin.calls)

    def ours_httpx(transport: AsyncBaseTransport) -> AsyncBaseTransport:
        from cachespec_httpx import AsyncCacheTransport

        return AsyncCacheTransport(transport, store=opened("memory", stack))

    def hishel_httpx(transport: AsyncBaseTransport) -> AsyncBaseTransport:
        from hishel.httpx import AsyncCacheTransport

        made: AsyncBaseTransport = AsyncCacheTransport(transport, storage=async_hishel("memory", stack), rfc=True)
        return made

    offer.add(UNCACHED, partial(crowd, lambda transport: transport))
    offer.add(OURS, partial(crowd, ours_httpx))
    offer.add(HISHEL, partial(crowd, hishel_httpx))


def _asgi(stack: ExitStack, offer: Offer) -> None:
    loop = asyncio.new_event_loop()
    stack.callback(loop.close)

    def crowd(wrap: Wrap) -> Contender:
        inner, numbers = Counted(delay=DELAY), count()
        app = wrap(inner.app, stack)

        async def come(n: int) -> None:
            for _ in range(n):
                number = next(numbers)
                answers = await asyncio.gather(*[answer(app, scope(number)) for _ in range(SIZE)])
                assert all(each == (200, SMALL) for each in answers)

        return Contender("", lambda n: loop.run_until_complete(come(n)), calls=lambda: inner.calls)

    offer.add(UNCACHED, partial(crowd, bare))
    offer.add(OURS, partial(crowd, partial(ours, "memory")))
    offer.add(HISHEL, partial(crowd, partial(theirs_hishel, "memory")))
    offer.add("starlette-caches", partial(crowd, theirs_starlette_caches))


def _past(stack: ExitStack, offer: Offer) -> None:
    loop = asyncio.new_event_loop()
    stack.callback(loop.close)

    def crowd(wrap: Wrap) -> Contender:
        inner, number = Counted(delay=DELAY, control="no-store"), 0
        app = wrap(inner.app, stack)

        async def come() -> None:
            answers = await asyncio.gather(*[answer(app, scope(number)) for _ in range(SIZE)])
            assert all(each == (200, SMALL) for each in answers)

        def first(n: int) -> None:
            nonlocal number
            number += 1
            loop.run_until_complete(come())

        return Contender("", lambda n: loop.run_until_complete(come()), first, lambda: inner.calls)

    offer.add(UNCACHED, partial(crowd, bare))
    offer.add(OURS, partial(crowd, partial(ours, "memory")))
    offer.add(HISHEL, partial(crowd, partial(theirs_hishel, "memory")))


class SlowPool(Pool):
    """An origin behind requests that takes its time."""

    def urlopen(self, **options: object) -> object:  # type: ignore[override]
        time.sleep(DELAY)
        return super().urlopen(**options)  # type: ignore[arg-type]


def _threads(stack: ExitStack, offer: Offer) -> None:
    from requests.adapters import HTTPAdapter

    def crowd(make: Callable[[Origin], Get]) -> Contender:
        origin, numbers = Origin(), count()
        get = make(origin)

        def come(n: int) -> None:
            with ThreadPoolExecutor(THREADS) as threads:
                for _ in range(n):
                    assert [*threads.map(get, [f"{BASE}{next(numbers)}"] * THREADS)] == [CONTENT] * THREADS

        return Contender("", come, calls=lambda: origin.calls)

    def uncached(origin: Origin) -> Get:
        return session(stubbed(HTTPAdapter, SlowPool(origin)), stack)

    def ours_requests(origin: Origin) -> Get:
        from cachespec_requests import CacheAdapter

        return session(stubbed(CacheAdapter, SlowPool(origin), store=opened("memory", stack)), stack)

    def cachecontrol(origin: Origin) -> Get:
        from cachecontrol import CacheControlAdapter

        return session(stubbed(CacheControlAdapter, SlowPool(origin)), stack)

    def hishel_requests(origin: Origin) -> Get:
        from hishel.requests import CacheAdapter

        return session(stubbed(CacheAdapter, SlowPool(origin), storage=hishel("memory", stack), rfc=True), stack)

    offer.add(UNCACHED, partial(crowd, uncached))
    offer.add(OURS, partial(crowd, ours_requests))
    offer.add("CacheControl", partial(crowd, cachecontrol))
    offer.add(HISHEL, partial(crowd, hishel_requests))


SCENARIOS = [
    Scenario("crowd-httpx", f"A crowd of {SIZE} tasks with httpx; the origin takes 20 ms", UNCACHED, _httpx, fixed=1),
    Scenario("crowd-asgi", f"A crowd of {SIZE} requests to ASGI; the origin takes 20 ms", UNCACHED, _asgi, fixed=1),
    Scenario("crowd-past", f"A second crowd of {SIZE} for what nobody may store", UNCACHED, _past, fixed=1),
    Scenario(
        "crowd-requests",
        f"A crowd of {THREADS} threads with requests; the origin takes 20 ms",
        UNCACHED,
        _threads,
        fixed=1,
    ),
]
