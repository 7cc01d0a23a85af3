"""Several processes with one database: one of them asks the application, for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from cachespec_asgi import CacheMiddleware
from cachespec_sql import AsyncSQLStore, SQLStore

SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "https",
    "path": "/slow",
    "raw_path": b"/slow",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"host", b"example.com")],
    "server": ("example.com", 443),
}


class Application:
    """An application that takes its time, and counts."""

    def __init__(self, length: int) -> None:
        self.calls = 0
        self.body = b"x" * length

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        await asyncio.sleep(0.3)
        headers = [(b"cache-control", b"max-age=60"), (b"content-length", str(len(self.body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


async def ask(middleware: CacheMiddleware) -> bytes:
    """The body of what comes out of it."""
    read: list[bytes] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        read.append(message.get("body", b""))

    await middleware(SCOPE.copy(), receive, send)
    return b"".join(read)


async def everybody(application: Application, stores: list[Any]) -> list[bytes]:
    """What four requests in each of so many processes are answered with at the same time."""
    processes = [CacheMiddleware(application, store=store) for store in stores]
    read = await asyncio.gather(*[ask(process) for process in processes for _ in range(4)])
    for process in processes:
        await process.cache.aclose()
    return read


@pytest.mark.parametrize("length", [100, 400_000])
def test_processes_that_share_a_database_ask_the_application_once(make: Callable[..., SQLStore], length: int) -> None:
    application = Application(length)
    read = asyncio.run(everybody(application, [make(), make(), make()]))
    assert read == [application.body] * 12
    assert application.calls == 1


def test_so_do_those_on_event_loops(async_url: str, namespace: str) -> None:
    async def use() -> int:
        application = Application(100)
        stores = [AsyncSQLStore(async_url, namespace=namespace) for _ in range(3)]
        assert await everybody(application, stores) == [application.body] * 12
        for store in stores:
            await store.close()
        return application.calls

    assert asyncio.run(use()) == 1
