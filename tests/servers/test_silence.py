"""A server that accepts connections and says nothing: requests go on as misses, and soon."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from cachespec import AsyncCache, Cache, Request
from cachespec.shelter import REST
from cachespec.testing.kit import URL
from cachespec.testing.live import AsyncLive, Live
from cachespec_sql import AsyncSQLStore, SQLStore

# Some drivers leave the sockets of connections that died to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

TIMEOUT = 1.0
SLOW = 4.5
"""Seconds within which a request is answered then, on a machine that is busy: some drivers take a while to give up."""
PATIENCE = 30.0


class Wire:
    """A port that leads to a server's socket, as long as nothing is `held`."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.through = threading.Event()
        self.through.set()
        self.sockets = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.sockets.append(client)
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        self.through.wait(PATIENCE)
        server = socket.socket(socket.AF_UNIX)
        self.sockets.append(server)
        server.connect(self.place)
        threading.Thread(target=self._pass, args=(client, server), daemon=True).start()
        self._pass(server, client)

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while octets := source.recv(65536):
                self.through.wait(PATIENCE)
                sink.sendall(octets)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.through.set()
        for each in self.sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def wire(url: str) -> Iterator[Wire]:
    parsed = make_url(url)
    folder = parsed.query.get("host")
    made = Wire(str(parsed.query["unix_socket"]) if folder is None else str(Path(str(folder)) / ".s.PGSQL.5432"))
    yield made
    made.close()


def by(wire: Wire, url: str) -> Any:
    """The URL by way of the wire."""
    parsed = make_url(url)
    return parsed.set(host="127.0.0.1", port=wire.port, query={})


def test_requests_go_on_while_the_server_is_silent(wire: Wire, url: str, namespace: str) -> None:
    cache: Cache = Cache(SQLStore(by(wire, url), namespace=namespace, timeout=TIMEOUT))

    def ask() -> str:
        answer = cache.fetch(Request("GET", URL), Live(b"x" * 300_000).answering)
        assert b"".join(answer.content) == b"x" * 300_000
        answer.content.close()
        return answer.info.status

    assert [ask(), ask()] == ["miss", "hit"]
    wire.through.clear()
    for _ in range(2):
        began = time.monotonic()
        assert ask() == "miss"
        assert time.monotonic() - began < SLOW
        # The first of them found connections that had been open, the second opens new ones.
        time.sleep(REST)
    wire.through.set()
    late = time.monotonic() + PATIENCE
    while ask() != "hit":
        assert time.monotonic() < late
    cache.store.close()


@pytest.mark.parametrize("number", [1, 2])
def test_on_an_event_loop_it_is_the_same(server: Any, wire: Wire, namespace: str, number: int) -> None:
    async def use() -> None:
        url = by(wire, server.url(server.drivers[min(number, len(server.drivers) - 1)]))
        store = AsyncSQLStore(url, namespace=namespace, timeout=TIMEOUT)
        cache = AsyncCache(store)
        live = AsyncLive(b"x" * 300_000)

        async def send(request: Request) -> AsyncLive:
            return live.answering(request)

        async def ask() -> str:
            answer = await cache.fetch(Request("GET", URL), send)
            assert b"".join([chunk async for chunk in answer.content]) == live.body
            await answer.content.aclose()
            return answer.info.status

        assert [await ask(), await ask()] == ["miss", "hit"]
        wire.through.clear()
        for _ in range(2):
            began = time.monotonic()
            assert await ask() == "miss"
            assert time.monotonic() - began < SLOW
            await asyncio.sleep(REST)
        wire.through.set()
        late = time.monotonic() + PATIENCE
        while await ask() != "hit":
            assert time.monotonic() < late
        await cache.aclose()
        await store.close()

    asyncio.run(use())
