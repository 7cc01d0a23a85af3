"""Ranges, asked of an application that serves them, through a middleware that keeps them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from cachespec import FileStore, MemoryStore, Policy
from cachespec_asgi import CacheMiddleware

pytestmark = pytest.mark.anyio

CONTENT = bytes(range(256)) * 800
"""More than lies beside a head."""


class Ranged:
    """An application that serves one range of `CONTENT`, if If-Range allows it."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.tag = b'"v1"'
        self.obeys = True
        self.meddles: Callable[[Any, Any], Awaitable[bool]] | None = None
        """Called before each message with `send` and the message; whether that was all."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        fields = dict(scope["headers"])
        value = fields.get(b"range", b"").decode()
        self.asked.append(value or None)
        lines = [(b"cache-control", b"max-age=60"), (b"etag", self.tag)]
        content, status = CONTENT, 200
        if value and (not self.obeys or fields.get(b"if-range", self.tag) == self.tag):
            first, _, last = value.removeprefix("bytes=").partition("-")
            start, stop = int(first), int(last) + 1 if last else len(CONTENT)
            lines.append((b"content-range", f"bytes {start}-{stop - 1}/{len(CONTENT)}".encode()))
            content, status = CONTENT[start:stop], 206
        lines.append((b"content-length", str(len(content)).encode()))
        messages: list[dict[str, Any]] = [{"type": "http.response.start", "status": status, "headers": lines}]
        pieces = [content[at : at + 30_000] for at in range(0, len(content), 30_000)]
        messages += [{"type": "http.response.body", "body": piece, "more_body": True} for piece in pieces]
        messages.append({"type": "http.response.body", "body": b"", "more_body": False})
        for message in messages:
            if self.meddles is not None and await self.meddles(send, message):
                return
            await send(message)


def asks(call: Any, value: str | None = None) -> Any:
    """A call for this range of bytes."""
    return call(headers=[] if value is None else [("range", f"bytes={value}")])


@pytest.mark.requirement("9111-3.3-04", "9111-3.3-05", "9111-3.4-01")
@pytest.mark.parametrize("files", [False, True], ids=["in memory", "in files"])
@pytest.mark.parametrize("strict", [False, True], ids=["by default", "strict"])
async def test_parts_are_served_combined_and_completed(strict: bool, files: bool, client: Any, tmp_path: Path) -> None:
    origin = Ranged()
    policy = Policy.strict(shared=True) if strict else Policy.gateway(partial=True)
    call = client(CacheMiddleware(origin, policy=policy, store=FileStore(tmp_path) if files else None))

    async def get(value: str | None = None) -> tuple[int, bytes, bool]:
        reply = await asks(call, value)
        return reply.status, reply.body, "age" in {name.lower() for name in reply.headers}

    assert await get("0-99999") == (206, CONTENT[:100_000], False)
    assert await get("500-999") == (206, CONTENT[500:1000], True)
    assert await get("100000-149999") == (206, CONTENT[100_000:150_000], False)
    assert await get("90000-120000") == (206, CONTENT[90_000:120_001], True)
    assert await get() == (200, CONTENT, True)
    assert await get() == (200, CONTENT, True)
    assert await get("-300") == (206, CONTENT[-300:], True)
    assert origin.asked == ["bytes=0-99999", "bytes=100000-149999", "bytes=150000-"]


async def test_parts_that_make_a_whole_are_one(client: Any) -> None:
    origin = Ranged()
    call = client(CacheMiddleware(origin, policy=Policy.gateway(partial=True)))
    for value in ("0-99999", "100000-"):
        await asks(call, value)
    for _ in range(2):
        reply = await call()
        assert (reply.status, reply.body) == (200, CONTENT)
        assert "; hit" in reply.cache


@pytest.fixture
async def held(client: Any) -> Any:
    """An application, a cache that holds its first bytes, and a client for both."""
    origin = Ranged()
    store = MemoryStore()
    call = client(CacheMiddleware(origin, policy=Policy.gateway(partial=True), store=store))
    await asks(call, "0-99999")
    return origin, call, store


async def test_the_rest_goes_in_before_anything_goes_out_and_what_comes_after_is_the_applications_own(
    held: Any,
) -> None:
    origin, call, _ = held
    seen: list[int] = []

    async def meddle(send: Any, message: Any) -> bool:
        if message.get("more_body", True):
            seen.append(len(call.last.messages))
            return False
        # All that was announced has come.
        assert call.last.complete
        await send(message)
        await send({"type": "http.response.trailers", "headers": []})
        return True

    origin.meddles = meddle
    reply = await asks(call)
    assert (reply.status, reply.body, reply.complete) == (200, CONTENT, True)
    assert set(seen) == {0}
    assert "fwd=partial" in reply.cache


@pytest.mark.requirement("9110-13.1.5-05")
@pytest.mark.parametrize("obeys", [True, False], ids=["if-range", "no if-range"])
async def test_what_has_changed_meanwhile_is_made_anew(obeys: bool, held: Any) -> None:
    origin, call, store = held
    origin.tag, origin.obeys = b'"v2"', obeys
    for _ in range(2):
        reply = await asks(call)
        assert (reply.status, reply.body, reply.headers["etag"]) == (200, CONTENT, '"v2"')
    assert origin.asked[1:] == (["bytes=100000-"] if obeys else ["bytes=100000-", None])
    assert len(store._bodies) == 1


@pytest.mark.parametrize("how", ["raises", "returns"])
async def test_an_application_that_breaks_off_leaves_what_was_there(how: str, held: Any) -> None:
    origin, call, store = held
    before = set(store._bodies)
    sent: list[Any] = []

    async def meddle(send: Any, message: Any) -> bool:
        sent.append(message)
        if len(sent) == 4:
            if how == "raises":
                raise ValueError("broken")
            return True
        return False

    origin.meddles = meddle
    if how == "raises":
        with pytest.raises(ValueError, match="broken"):
            await asks(call)
    else:
        await asks(call)
    assert call.last.messages == []
    assert set(store._bodies) == before
    origin.meddles = None
    assert (await asks(call)).body == CONTENT
    assert origin.asked == ["bytes=0-99999", "bytes=100000-", "bytes=100000-"]


async def test_a_rest_that_comes_as_a_file_is_read(held: Any, tmp_path: Path) -> None:
    origin, call, _ = held
    path = tmp_path / "rest"
    path.write_bytes(CONTENT[100_000:])

    async def meddle(send: Any, message: Any) -> bool:
        if message["type"] != "http.response.body":
            return False
        await send({"type": "http.response.debug", "info": {}})
        await send({"type": "http.response.pathsend", "path": str(path)})
        return True

    origin.meddles = meddle
    assert (await asks(call)).body == CONTENT
    assert len(origin.asked) == 2


async def test_a_rest_for_which_there_is_no_room_is_asked_for_with_all_else(client: Any) -> None:
    origin = Ranged()
    call = client(CacheMiddleware(origin, policy=Policy.gateway(partial=True), store=MemoryStore(max_body=100_000)))
    await asks(call, "0-99999")
    assert (await asks(call)).body == CONTENT
    assert origin.asked == ["bytes=0-99999", "bytes=100000-", None]


async def test_a_rest_that_the_application_cuts_off_is_asked_for_with_all_else(held: Any) -> None:
    origin, call, _ = held

    async def meddle(send: Any, message: Any) -> bool:
        if message["type"] == "http.response.body" and len(origin.asked) == 2:
            await send({"type": "http.response.zerocopysend", "file": 0})
            return True
        return False

    origin.meddles = meddle
    reply = await asks(call)
    assert (reply.status, reply.body) == (200, CONTENT)
    assert origin.asked[1:] == ["bytes=100000-", None]


async def test_a_client_that_leaves_meanwhile_is_not_answered(held: Any, client: Any) -> None:
    origin, call, store = held
    leaves = anyio.Event()
    before = set(store._bodies)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def listening(_: Any, message: Any) -> bool:
            if message["type"] != "http.response.body":
                return False
            await receive()
            leaves.set()
            return bool((await receive())["type"] == "http.disconnect")

        origin.meddles = listening
        await origin(scope, receive, send)

    middleware = call.app
    middleware.app = app
    await call(leaves=leaves)
    assert call.last.messages == []
    assert set(store._bodies) == before
