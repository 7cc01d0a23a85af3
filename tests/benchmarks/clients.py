"""What is done with a client, whichever library it comes from: hits, misses that are stored, confirmations."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from itertools import count, cycle

from harness import AbsentError, Contender
from origin import BASE, CONTENT, HOT, Origin

Get = Callable[[str], bytes]
AsyncGet = Callable[[str], Awaitable[bytes]]
Make = Callable[[Origin, ExitStack], Get]
AsyncMake = Callable[[Origin, ExitStack], AsyncGet]
URLS = [f"{BASE}{number}" for number in range(HOT)]


def hits(make: Make, stack: ExitStack, *, stale: bool = False) -> Contender:
    """Requests for what is stored already: fresh, or `stale` and to be confirmed."""
    origin = Origin(stale=stale)
    get, urls = make(origin, stack), cycle(URLS)
    for _ in range(2):
        for url in URLS:
            if get(url) != CONTENT:
                raise AbsentError("what it gives back is not what it stored")

    def run(n: int) -> None:
        for _ in range(n):
            get(next(urls))

    return Contender("", run, calls=lambda: origin.calls)


def misses(make: Make, stack: ExitStack) -> Contender:
    """Requests for one URL after the other, none of which was ever asked for, by an empty store."""
    origin, numbers = Origin(distinct=True), count()
    get: Get | None = None
    own = stack.enter_context(ExitStack())

    def prepare(n: int) -> None:
        nonlocal get
        own.close()
        get = make(origin, own)

    def run(n: int) -> None:
        assert get is not None
        for _ in range(n):
            get(f"{BASE}{next(numbers)}")

    prepare(1)
    run(1)
    return Contender("", run, prepare, lambda: origin.calls)


def async_hits(make: AsyncMake, stack: ExitStack, loop: asyncio.AbstractEventLoop, *, stale: bool = False) -> Contender:
    """The same for a client of asyncio, one request at a time."""
    origin = Origin(stale=stale)
    get, urls = make(origin, stack), cycle(URLS)

    async def requests(n: int) -> None:
        for _ in range(n):
            assert len(await get(next(urls))) == len(CONTENT)

    loop.run_until_complete(requests(2 * HOT))
    return Contender("", lambda n: loop.run_until_complete(requests(n)), calls=lambda: origin.calls)


def async_misses(make: AsyncMake, stack: ExitStack, loop: asyncio.AbstractEventLoop) -> Contender:
    """The same."""
    origin, numbers = Origin(distinct=True), count()
    get: AsyncGet | None = None
    own = stack.enter_context(ExitStack())

    def prepare(n: int) -> None:
        nonlocal get
        own.close()
        get = make(origin, own)

    async def requests(n: int) -> None:
        assert get is not None
        for _ in range(n):
            await get(f"{BASE}{next(numbers)}")

    prepare(1)
    loop.run_until_complete(requests(1))
    return Contender("", lambda n: loop.run_until_complete(requests(n)), prepare, lambda: origin.calls)
