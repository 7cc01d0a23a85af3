"""What is stored in part, in a database: combined, completed, and gone without a trace."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from cachespec import AsyncCache, Cache, Policy, Request, Response
from cachespec_sql import AsyncSQLStore, SQLStore
from cachespec_sql.tables import BODIES

URL = "https://example.com/a"
CONTENT = bytes(range(256)) * 1600
NOW = 1_700_000_000.0


class Live:
    """A response of a server that knows one range."""

    def __init__(self, request: Request, tag: str) -> None:
        lines = {"Cache-Control": "max-age=60", "ETag": tag}
        value, condition = request.headers.get("range"), request.headers.get("if-range", tag)
        start, stop, status = 0, len(CONTENT), 200
        if value is not None and condition == tag:
            first, _, last = value.removeprefix("bytes=").partition("-")
            start, stop, status = int(first), int(last) + 1 if last else stop, 206
            lines["Content-Range"] = f"bytes {start}-{stop - 1}/{len(CONTENT)}"
        self.head = Response(status, lines)
        self.content = CONTENT[start:stop]

    def chunks(self) -> Any:
        yield from (self.content[at : at + 70_000] for at in range(0, len(self.content), 70_000))

    def close(self) -> None:
        pass


class AsyncLive(Live):
    async def chunks(self) -> Any:
        for chunk in super().chunks():
            yield chunk

    async def aclose(self) -> None:
        pass


class Scene:
    """Such a server behind a cache."""

    def __init__(self) -> None:
        self.tag = '"a"'
        self.asked: list[str | None] = []

    def note(self, request: Request) -> None:
        self.asked.append(request.headers.get("range"))

    def fetch(self, value: str | None) -> tuple[int, bytes, str]:
        raise NotImplementedError


class SyncScene(Scene):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.store = SQLStore(url)
        self.cache = Cache(self.store, Policy(partial=True), clock=lambda: NOW)

    def send(self, request: Request) -> Live:
        self.note(request)
        return Live(request, self.tag)

    def fetch(self, value: str | None) -> tuple[int, bytes, str]:
        answer = self.cache.fetch(Request("GET", URL, {} if value is None else {"Range": value}), self.send)
        body = b"".join(answer.content)
        answer.content.close()
        return answer.head.status, body, answer.info.status

    def clear(self) -> None:
        self.cache.clear()
        self.store.close()


class AsyncScene(Scene):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = AsyncSQLStore(url.replace("sqlite:", "sqlite+aiosqlite:"))
        self.cache = AsyncCache(self.store, Policy(partial=True), clock=lambda: NOW)

    async def send(self, request: Request) -> AsyncLive:
        self.note(request)
        return AsyncLive(request, self.tag)

    def fetch(self, value: str | None) -> tuple[int, bytes, str]:
        return self.loop.run_until_complete(self._fetch(value))

    async def _fetch(self, value: str | None) -> tuple[int, bytes, str]:
        answer = await self.cache.fetch(Request("GET", URL, {} if value is None else {"Range": value}), self.send)
        body = b"".join([chunk async for chunk in answer.content])
        await answer.content.aclose()
        return answer.head.status, body, answer.info.status

    def clear(self) -> None:
        self.loop.run_until_complete(self.cache.clear())
        self.loop.run_until_complete(self.store.close())
        self.loop.close()


def bodies(path: Path) -> int:
    """How many bodies there are that have not been dropped."""
    with sqlite3.connect(path) as database:
        found: int = database.execute(f"SELECT count(*) FROM {BODIES.name} WHERE gone = 0").fetchone()[0]
    database.close()
    return found


@pytest.fixture(params=[SyncScene, AsyncScene], ids=["sync", "async"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return request.param(f"sqlite:///{tmp_path / 'cache.db'}")


@pytest.mark.requirement("9111-3.3-02", "9111-3.3-04", "9111-3.3-05", "9111-3.4-01")
def test_parts_are_served_combined_and_completed(scene: Any, tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    assert scene.fetch("bytes=0-99999") == (206, CONTENT[:100_000], "miss")
    assert scene.fetch("bytes=100000-199999") == (206, CONTENT[100_000:200_000], "miss")
    assert bodies(path) == 2
    assert scene.fetch("bytes=99000-110000") == (206, CONTENT[99_000:110_001], "hit")
    assert scene.fetch(None) == (200, CONTENT, "revalidated")
    assert scene.fetch(None) == (200, CONTENT, "hit")
    assert scene.fetch("bytes=-300") == (206, CONTENT[-300:], "hit")
    assert scene.asked == ["bytes=0-99999", "bytes=100000-199999", "bytes=200000-"]
    assert bodies(path) == 3
    scene.clear()
    assert bodies(path) == 0


def test_parts_of_what_has_changed_are_dropped(scene: Any, tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    scene.fetch("bytes=0-99999")
    scene.fetch("bytes=100000-199999")
    scene.tag = '"b"'
    assert scene.fetch(None) == (200, CONTENT, "miss")
    assert bodies(path) == 1
    assert scene.fetch(None) == (200, CONTENT, "hit")
    scene.clear()
    assert bodies(path) == 0
