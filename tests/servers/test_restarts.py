"""A server that goes away and comes back: requests go on, and nobody has to do anything."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cachespec import AsyncCache, Cache, Request
from cachespec.stores import Scope
from cachespec.testing import samples
from cachespec.testing.kit import KEY, URL, put
from cachespec.testing.live import AsyncLive, Live
from cachespec_sql import AsyncSQLStore, SQLStore

# Some drivers leave the sockets of connections that died to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SIZES = (100, 5_000, 300_000)
PATIENCE = 30.0
"""Seconds within which everything is as before."""


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


def body_of(number: int) -> bytes:
    return samples.body_of(number, SIZES[number % len(SIZES)])


class Load:
    """Requests in threads, as long as the test goes on."""

    def __init__(self, store: SQLStore) -> None:
        self.cache: Cache = Cache(store)
        self.did: Counter[str] = Counter()
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._ask, args=(seed,)) for seed in range(4)]

    def _ask(self, seed: int) -> None:
        chance = random.Random(seed)
        while not self.over.is_set():
            number = chance.randrange(12)
            try:
                answer = self.cache.fetch(Request("GET", samples.url_of(number)), Live(body_of(number)).answering)
                read = b"".join(answer.content)
                answer.content.close()
                self.did["wrong" if read != body_of(number) else answer.info.status] += 1
            except OSError:
                # A body that was being read from the database when it went away: the client sees that it is cut off.
                self.did["cut off"] += 1
            time.sleep(0.005)

    def until(self, status: str) -> None:
        """Wait for one more of these."""
        before, late = self.did[status], time.monotonic() + PATIENCE
        while self.did[status] == before:
            assert time.monotonic() < late, self.did
            time.sleep(0.01)


def test_requests_go_on_while_the_server_is_started_anew(server: Any, make: Callable[..., SQLStore]) -> None:
    load = Load(make())
    for thread in load.threads:
        thread.start()
    try:
        load.until("hit")
        for _ in range(2):
            server.stop()
            load.until("miss")
            load.until("miss")
            server.start()
            load.until("hit")
    finally:
        load.over.set()
        for thread in load.threads:
            thread.join()
    assert load.did["wrong"] == 0
    assert load.did["miss"] > 20
    assert set(load.did) <= {"hit", "miss", "cut off", "wrong"}, load.did
    assert load.cache.shelter.failures > 0


def test_what_is_left_of_old_connections_fails_nobody(server: Any, make: Callable[..., SQLStore]) -> None:
    store = make()
    assert put(store, KEY, samples.entry(URL))
    server.stop()
    server.start()
    assert store.read(KEY).item is not None
    assert put(store, KEY, samples.entry(URL, b"new"))
    assert store.purge(Scope(urls=(URL,))) == 1


def test_on_an_event_loop_it_is_the_same(server: Any, async_url: str, namespace: str) -> None:
    async def use() -> list[str]:
        store = AsyncSQLStore(async_url, namespace=namespace)
        cache = AsyncCache(store)
        live = AsyncLive(b"x" * 300_000)

        async def send(request: Request) -> AsyncLive:
            return live.answering(request)

        async def ask() -> str:
            answer = await cache.fetch(Request("GET", URL), send)
            assert b"".join([chunk async for chunk in answer.content]) == live.body
            await answer.content.aclose()
            return answer.info.status

        async def until(status: str) -> str:
            late = time.monotonic() + PATIENCE
            did = ""
            while did != status and time.monotonic() < late:
                did = await ask()
            return did

        did = [await until("hit")]
        server.stop()
        did.append(await ask())
        server.start()
        did.append(await until("hit"))
        await cache.aclose()
        await store.close()
        return did

    assert asyncio.run(use()) == ["hit", "miss", "hit"]
