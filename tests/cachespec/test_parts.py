from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachespec.entries import Part
from cachespec.parts import AsyncPartedBody, PartedBody, bodies_needed, octets_of, parted

WHOLE = bytes(range(100))
PARTS = (
    Part(10, 20, WHOLE[10:20]),
    Part(20, 40, body_id="one"),
    Part(40, 50, WHOLE[40:50]),
    Part(60, 70, body_id="two", skip=5),
    Part(80, 90, body_id="one", skip=60),
)
HELD = {"one": WHOLE[20:90], "two": WHOLE[55:70]}


class Body:
    """A stored body, handed out in threes; it knows which spans were asked for."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.asked: list[tuple[int, int]] = []
        self.closed = 0
        self.ended = 0

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        self.asked.append((start, stop))
        for at in range(start, stop, 3):
            yield self.octets[at : min(at + 3, stop)]

    def close(self) -> None:
        self.closed += 1


class AsyncBody(Body):
    async def chunks(self, start: int, stop: int) -> AsyncIterator[bytes]:  # type: ignore[override]
        try:
            for chunk in super().chunks(start, stop):
                await anyio.lowlevel.checkpoint()
                yield chunk
        finally:
            self.ended += 1

    async def close(self) -> None:  # type: ignore[override]
        self.closed += 1


@pytest.mark.parametrize(
    ("spans", "names"),
    [
        ([(10, 20)], ()),
        ([(19, 21)], ("one",)),
        ([(60, 61)], ("two",)),
        ([(20, 40), (80, 90)], ("one",)),
        ([(40, 60)], ()),
        ([(10, 90)], ("one", "two")),
        ([], ()),
    ],
    ids=str,
)
def test_only_the_bodies_that_are_read_from_are_needed_each_once(
    spans: list[tuple[int, int]], names: tuple[str, ...]
) -> None:
    assert bodies_needed(PARTS, spans) == names


within = st.sampled_from([(10, 50), (60, 70), (80, 90)]).flatmap(
    lambda span: st.tuples(st.integers(*span), st.integers(*span)).map(lambda pair: (min(pair), max(pair)))
)


@given(within)
def test_octets_are_found_by_their_position_in_the_whole(span: tuple[int, int]) -> None:
    opened = {name: Body(HELD[name]) for name in bodies_needed(PARTS, [span])}
    body = parted(PARTS, opened)
    assert isinstance(body, PartedBody)
    assert b"".join(body.chunks(*span)) == WHOLE[slice(*span)]
    assert all(start < stop for each in opened.values() for start, stop in each.asked)


@given(within)
def test_they_are_found_on_an_event_loop_too(span: tuple[int, int]) -> None:
    async def main() -> bytes:
        opened = {name: AsyncBody(HELD[name]) for name in bodies_needed(PARTS, [span])}
        body = AsyncPartedBody(PARTS, opened)
        return b"".join([chunk async for chunk in body.chunks(*span)])

    assert anyio.run(main) == WHOLE[slice(*span)]


def test_what_lies_beside_the_head_is_had_at_once() -> None:
    assert octets_of((Part(5, 10, b"56789"), Part(10, 13, b"abc")), (8, 12)) == b"89ab"


def test_all_opened_bodies_are_closed_together() -> None:
    opened = {name: Body(octets) for name, octets in HELD.items()}
    body: Any = parted(PARTS, opened)
    body.close()
    assert [each.closed for each in opened.values()] == [1, 1]
    anyio.run(body.aclose)
    assert [each.closed for each in opened.values()] == [2, 2]


def test_bodies_of_an_event_loop_are_closed_there() -> None:
    opened = {name: AsyncBody(octets) for name, octets in HELD.items()}
    body: Any = parted(PARTS, opened)
    assert isinstance(body, AsyncPartedBody)
    anyio.run(body.aclose)
    assert [each.closed for each in opened.values()] == [1, 1]


def test_a_body_that_is_not_read_to_its_end_is_ended_nevertheless() -> None:
    async def main() -> AsyncBody:
        one = AsyncBody(HELD["one"])
        chunks = AsyncPartedBody(PARTS, {"one": one}).chunks(20, 40)
        assert await anext(chunks) == WHOLE[20:23]
        await chunks.aclose()
        return one

    assert anyio.run(main).ended == 1
