"""The store and the application's life: opened from a URL, closed at the end, and bypassed where it is of no use."""

from __future__ import annotations

from typing import Any

import pytest

from cachespec import MemoryStore
from cachespec_asgi import CacheMiddleware, Rule

pytestmark = pytest.mark.anyio


class Living:
    """An application with a life of its own."""

    def __init__(self, origin: Any, ending: str = "lifespan.shutdown.complete") -> None:
        self.origin = origin
        self.ending = ending

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": self.ending})
        else:
            await self.origin(scope, receive, send)


async def live(app: Any) -> list[str]:
    sent: list[str] = []

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    return sent


@pytest.mark.parametrize("ending", ["lifespan.shutdown.complete", "lifespan.shutdown.failed"])
async def test_a_store_from_a_url_lives_as_long_as_the_application(client: Any, origin: Any, ending: str) -> None:
    middleware = CacheMiddleware(Living(origin, ending), store="memory:", rules=[Rule(path="/b", sort_params=True)])
    call = client(middleware)
    assert await live(middleware) == ["lifespan.startup.complete", ending]
    # It is closed, so everything passes.
    for calls in (1, 2):
        assert (await call("/a")).body == b"hello"
        assert origin.calls == calls
    middleware.cache.shelter.resting_until = 0.0
    closed = middleware.cache.store
    assert await live(middleware) == ["lifespan.startup.complete", ending]
    assert middleware.cache.store is not closed


async def test_after_a_new_start_there_is_a_new_store(client: Any, origin: Any) -> None:
    states: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await send({"type": "lifespan.startup.complete"})
            for _ in range(2):
                reply = await client(middleware)("/a")
                states.append(reply.cache)
            await send({"type": "lifespan.shutdown.complete"})
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await origin(scope, receive, send)

    middleware = CacheMiddleware(app, store="memory:")
    await live(middleware)
    middleware.cache.shelter.resting_until = 0.0
    await live(middleware)
    assert ["; hit" in state for state in states] == [False, True, False, True]


async def test_a_store_on_the_event_loop_is_closed_there(client: Any, origin: Any, monkeypatch: Any) -> None:
    closed: list[bool] = []

    class Store(MemoryStore):
        async def read(self, key: bytes) -> Any:  # type: ignore[override]
            return MemoryStore.read(self, key)

        async def close(self) -> None:  # type: ignore[override]
            closed.append(True)

    monkeypatch.setattr("cachespec_asgi.middleware.open_store", lambda url: Store())
    await live(CacheMiddleware(Living(origin), store="loop:"))
    assert closed == [True]


async def test_a_store_that_was_given_is_left_open(client: Any, origin: Any) -> None:
    store = MemoryStore()
    middleware = CacheMiddleware(Living(origin), store=store)
    await live(middleware)
    await client(middleware)("/a")
    assert len(store) == 1


def test_a_url_that_names_no_store_is_refused_at_once(origin: Any) -> None:
    with pytest.raises(ValueError, match="store: "):
        CacheMiddleware(origin, store="nowhere:")


async def test_a_store_that_fails_is_bypassed_and_never_an_error(client: Any, origin: Any) -> None:
    class Broken(MemoryStore):
        def read(self, key: bytes) -> Any:
            raise ConnectionError("no database")

    call = client(CacheMiddleware(origin, store=Broken()))
    for calls in (1, 2):
        assert (await call("/a")).body == b"hello"
        assert origin.calls == calls


async def test_a_store_that_begins_to_fail_is_bypassed_on_the_short_way_too(client: Any, origin: Any) -> None:
    store = MemoryStore()
    call = client(CacheMiddleware(origin, store=store))
    for _ in range(3):
        await call("/a")
    assert origin.calls == 1
    store.close()
    assert (await call("/a")).body == b"hello"
    assert origin.calls == 2
