"""Ranges, asked of an application that serves them, through a middleware that keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cachespec import FileStore, Policy
from cachespec_asgi import CacheMiddleware

pytestmark = pytest.mark.anyio

CONTENT = bytes(range(256)) * 800
"""More than lies beside a head."""


class Ranged:
    """An application that serves one range of `CONTENT`."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        fields = dict(scope["headers"])
        value = fields.get(b"range", b"").decode()
        self.asked.append(value or None)
        lines = [(b"cache-control", b"max-age=60"), (b"etag", b'"v1"')]
        content, status = CONTENT, 200
        if value:
            first, _, last = value.removeprefix("bytes=").partition("-")
            start, stop = int(first), int(last) + 1 if last else len(CONTENT)
            lines.append((b"content-range", f"bytes {start}-{stop - 1}/{len(CONTENT)}".encode()))
            content, status = CONTENT[start:stop], 206
        lines.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": lines})
        for at in range(0, len(content), 30_000):
            await send({"type": "http.response.body", "body": content[at : at + 30_000], "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@pytest.mark.requirement("9111-3.3-05", "9111-3.4-01")
@pytest.mark.parametrize("files", [False, True], ids=["in memory", "in files"])
@pytest.mark.parametrize("strict", [False, True], ids=["by default", "strict"])
async def test_parts_are_served_and_combined_and_the_whole_takes_their_place(
    strict: bool, files: bool, client: Any, tmp_path: Path
) -> None:
    origin = Ranged()
    policy = Policy.strict(shared=True) if strict else Policy.gateway(partial=True)
    call = client(CacheMiddleware(origin, policy=policy, store=FileStore(tmp_path) if files else None))

    async def get(value: str | None = None) -> tuple[int, bytes, bool]:
        reply = await call(headers=[] if value is None else [("range", f"bytes={value}")])
        return reply.status, reply.body, "age" in {name.lower() for name in reply.headers}

    assert await get("0-99999") == (206, CONTENT[:100_000], False)
    assert await get("500-999") == (206, CONTENT[500:1000], True)
    assert await get("100000-149999") == (206, CONTENT[100_000:150_000], False)
    assert await get("90000-120000") == (206, CONTENT[90_000:120_001], True)
    # An application answers while it is being asked: it cannot be read to its end before.
    assert await get() == (200, CONTENT, False)
    assert await get() == (200, CONTENT, True)
    assert await get("-300") == (206, CONTENT[-300:], True)
    assert origin.asked == ["bytes=0-99999", "bytes=100000-149999", None]


async def test_parts_that_make_a_whole_are_one(client: Any) -> None:
    origin = Ranged()
    call = client(CacheMiddleware(origin, policy=Policy.gateway(partial=True)))
    for value in ("0-99999", "100000-"):
        await call(headers=[("range", f"bytes={value}")])
    for _ in range(2):
        reply = await call()
        assert (reply.status, reply.body) == (200, CONTENT)
        assert "; hit" in reply.cache
