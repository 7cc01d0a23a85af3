from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest

from cachespec.content import AsyncStoredContent, StoredContent, ended, whole_of

OCTETS = b"0123456789"


class Body:
    """An opened body that remembers what was asked of it."""

    def __init__(self, octets: bytes = OCTETS, size: int = 4) -> None:
        self.octets = octets
        self.size = size
        self.closed = 0
        self.threads: set[int] = set()

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        for at in range(start, stop, self.size):
            self.threads.add(threading.get_ident())
            yield self.octets[at : min(at + self.size, stop)]

    def close(self) -> None:
        self.closed += 1


class AsyncBody(Body):
    """The same on an event loop."""

    async def chunks(self, start: int, stop: int) -> AsyncIterator[bytes]:  # type: ignore[override]
        for chunk in super().chunks(start, stop):
            yield chunk

    async def close(self) -> None:  # type: ignore[override]
        self.closed += 1


@pytest.mark.parametrize(
    ("pieces", "octets", "whole"),
    [
        ((), None, b""),
        ((), OCTETS, b""),
        (((0, 10),), OCTETS, OCTETS),
        (((0, 9),), OCTETS, None),
        (((1, 10),), OCTETS, None),
        (((0, 10), b"x"), OCTETS, None),
        (((0, 10),), None, None),
    ],
)
def test_all_of_it_is_at_hand_where_it_lies_beside_its_head(pieces: Any, octets: Any, whole: Any) -> None:
    assert whole_of(pieces, octets) == whole
    assert StoredContent(pieces, octets, Body()).whole == whole
    assert AsyncStoredContent(pieces, octets, Body(), None).whole == whole


PIECES = pytest.mark.parametrize(
    ("pieces", "octets", "expected"),
    [
        ((), OCTETS, b""),
        (((0, 10),), OCTETS, OCTETS),
        ((b"<", (2, 4), b"|", (8, 10), b">"), OCTETS, b"<23|89>"),
        (((0, 10),), None, OCTETS),
        ((b"<", (2, 9), b">"), None, b"<2345678>"),
        ((b"only",), None, b"only"),
    ],
)


@PIECES
def test_pieces_come_in_order(pieces: Any, octets: bytes | None, expected: bytes) -> None:
    body = Body()
    content = StoredContent(pieces, octets, None if octets else body)
    assert not content.recorded
    assert iter(content) is content
    assert b"".join(content) == expected
    assert body.closed == (0 if octets else 1)
    content.close()
    assert body.closed == (0 if octets else 1)


@PIECES
@pytest.mark.parametrize("kind", ["asynchronous", "inline", "in threads"])
def test_pieces_come_in_order_on_a_loop(kind: str, pieces: Any, octets: bytes | None, expected: bytes) -> None:
    body: Any = AsyncBody() if kind == "asynchronous" else Body()

    async def main() -> None:
        async def hop(call: Any, *args: Any) -> Any:
            return await anyio.to_thread.run_sync(call, *args)

        content = AsyncStoredContent(pieces, octets, None if octets else body, hop if kind == "in threads" else None)
        assert not content.recorded
        assert b"".join([chunk async for chunk in content]) == expected
        assert body.closed == (0 if octets else 1)
        await content.aclose()
        assert body.closed == (0 if octets else 1)
        if kind == "in threads":
            assert threading.get_ident() not in body.threads

    anyio.run(main)


def test_an_unread_body_is_closed() -> None:
    body = Body()
    content = StoredContent(((0, 10),), None, body)
    content.close()
    assert body.closed == 1
    assert list(content) == []


def test_an_iterator_that_cannot_be_ended_is_left_as_it_is() -> None:
    anyio.run(ended, iter(b""))
