"""What both drivers do with the store when the caller asks for it, and with a response when they are cut off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from cachespec import AsyncCache, Cache, MemoryStore, Policy, Request, Response
from cachespec.stores.contract import Reading

YEAR = 365 * 86400.0


class Live:
    """A response of two octets that remembers whether it was closed."""

    def __init__(self, max_age: int = 60) -> None:
        self.head = Response(200, {"Cache-Control": f"max-age={max_age}", "Content-Length": "2"})
        self.closed = False

    def chunks(self) -> Iterator[bytes]:
        yield b"ok"

    def close(self) -> None:
        self.closed = True


class AsyncLive(Live):
    """The same on an event loop."""

    async def chunks(self) -> AsyncIterator[bytes]:  # type: ignore[override]
        yield b"ok"

    async def aclose(self) -> None:
        self.closed = True


class AsyncMemory:
    """A store in memory for event loops only."""

    def __init__(self) -> None:
        self._store = MemoryStore()

    async def read(self, key: bytes) -> Reading:
        return self._store.read(key)

    async def items(self) -> AsyncIterator[Any]:
        for item in self._store.items():
            yield item

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            return getattr(self._store, name)(*args)

        return call


class Threaded(MemoryStore):
    """A store that says its calls may wait."""

    blocking = "always"


class Sync:
    """A cache for threads, driven one call at a time."""

    def __init__(self, store: Any = None, clock: Callable[[], float] = lambda: 1e9) -> None:
        self.cache = Cache(store, clock=clock)

    def get(self, url: str, max_age: int = 60) -> None:
        answer = self.cache.fetch(Request("GET", url), lambda _: Live(max_age))
        for _ in answer.content:
            pass
        answer.content.close()

    def call(self, name: str, **given: Any) -> Any:
        return getattr(self.cache, name)(**given)


class Async:
    """A cache for an event loop, driven one call at a time."""

    def __init__(self, store: Any = None, clock: Callable[[], float] = lambda: 1e9) -> None:
        self.cache = AsyncCache(store, clock=clock)

    def get(self, url: str, max_age: int = 60) -> None:
        async def send(request: Request) -> AsyncLive:
            return AsyncLive(max_age)

        async def get() -> None:
            answer = await self.cache.fetch(Request("GET", url), send)
            async for _ in answer.content:
                pass
            await answer.content.aclose()

        asyncio.run(get())

    def call(self, name: str, **given: Any) -> Any:
        async def call() -> Any:
            return await getattr(self.cache, name)(**given)

        return asyncio.run(call())


KINDS = pytest.mark.parametrize(
    "made",
    [
        pytest.param(lambda **given: Sync(MemoryStore(), **given), id="sync"),
        pytest.param(lambda **given: Async(MemoryStore(), **given), id="async, a store in memory"),
        pytest.param(lambda **given: Async(Threaded(), **given), id="async, a store in threads"),
        pytest.param(lambda **given: Async(AsyncMemory(), **given), id="async, an asynchronous store"),
    ],
)


@KINDS
def test_the_urls_are_listed_once_each_until_all_is_cleared(made: Callable[..., Sync | Async]) -> None:
    driver = made()
    for url in ("http://a.test/1", "http://a.test/2", "http://a.test/1"):
        driver.get(url)
    assert driver.call("urls") == ["http://a.test/1", "http://a.test/2"]
    assert driver.call("clear") == 2
    assert driver.call("urls") == []


@KINDS
def test_what_is_stored_for_a_url_can_be_looked_at(made: Callable[..., Sync | Async]) -> None:
    cache = made(clock=lambda: 1e9)
    cache.get("https://example.com/a")
    entry = cache.call("get", url="https://EXAMPLE.com:443/a")
    assert (entry.url, entry.status, entry.body, entry.lifetime) == ("https://example.com/a", 200, b"ok", 60)
    assert cache.call("get", url="https://example.com/b") is None
    assert cache.call("contains", url="https://example.com/a")
    assert not cache.call("contains", url="https://example.com/a", headers={"Authorization": "Basic eA=="})


def test_what_has_no_key_is_not_there() -> None:
    assert not Cache(policy=Policy(key=lambda request: None)).contains("https://example.com/a")


class Broken(MemoryStore):
    """A store that has broken down."""

    def read(self, key: bytes) -> Reading:
        raise OSError("no disk")


@pytest.mark.parametrize("kind", [Sync, Async])
def test_looking_into_a_store_that_fails_raises(kind: Any) -> None:
    with pytest.raises(OSError, match="no disk"):
        kind(Broken()).call("contains", url="https://example.com/a")


@KINDS
def test_what_nobody_can_use_any_more_is_removed_on_demand(made: Callable[..., Sync | Async]) -> None:
    now = [1e9]
    driver = made(clock=lambda: now[0])
    driver.get("http://a.test/short", max_age=1)
    driver.get("http://a.test/long", max_age=int(YEAR))
    driver.get("http://b.test/long", max_age=int(YEAR))
    now[0] += YEAR / 2
    assert driver.call("purge", expired=True) == 1
    assert driver.call("urls") == ["http://a.test/long", "http://b.test/long"]
    assert driver.call("purge", expired=True, prefix="http://a.test/") == 1
    assert driver.call("urls") == ["http://b.test/long"]


@KINDS
def test_a_purge_of_nothing_is_an_error(made: Callable[..., Sync | Async]) -> None:
    driver = made()
    with pytest.raises(ValueError, match="purge"):
        driver.call("purge")


def test_a_response_that_nobody_will_get_is_closed() -> None:
    live = Live()

    def clock() -> float:
        if sent:
            raise KeyboardInterrupt
        return 1e9

    def send(request: Request) -> Live:
        sent.append(request)
        return live

    sent: list[Request] = []
    with pytest.raises(KeyboardInterrupt):
        Cache(clock=clock).fetch(Request("GET", "http://a.test/"), send)
    assert live.closed


class Stuck(AsyncMemory):
    """A store that never gets done with removing anything."""

    async def purge(self, scope: object) -> int:
        await asyncio.Event().wait()
        raise AssertionError


def test_a_response_that_nobody_will_get_is_closed_when_the_task_is_cancelled() -> None:
    live = AsyncLive()

    async def send(request: Request) -> AsyncLive:
        return live

    async def main() -> None:
        cache = AsyncCache(Stuck())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await cache.fetch(Request("DELETE", "http://a.test/"), send)

    asyncio.run(main())
    assert live.closed
