"""The parts of a stored response as one body.  RFC 9111 §3.3, §3.4

Parts that came at different times lie in bodies of their own, and are never copied together: here they are read one
after the other, by their position in the whole.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping, Sequence
from typing import Any

from .content import ended
from .entries import Part
from .partial import Span
from .stores.contract import AsyncBody, Body


def bodies_needed(parts: Sequence[Part], spans: Sequence[Span]) -> tuple[str, ...]:
    """The names of the bodies that the octets of `spans` lie in, each once."""
    names = [
        part.body_id
        for part in parts
        if part.body_id is not None and any(start < part.stop and part.start < stop for start, stop in spans)
    ]
    return tuple(dict.fromkeys(names))


def octets_of(parts: Sequence[Part], span: Span) -> bytes:
    """The octets of `span`, where all of it lies beside the head."""
    return b"".join([(part.body or b"")[at[0] : at[1]] for part, at in _within(parts, *span)])


def _within(parts: Sequence[Part], start: int, stop: int) -> Iterator[tuple[Part, Span]]:
    """The parts that have something from `start` to `stop`, each with where that stands in its own body."""
    for part in parts:
        first, last = max(start, part.start), min(stop, part.stop)
        if first < last:
            before = part.skip - part.start
            yield part, (first + before, last + before)


class PartedBody:
    """`Body` over parts and those of their bodies that were opened."""

    def __init__(self, parts: Sequence[Part], bodies: Mapping[str | None, Body]) -> None:
        self._parts = parts
        self._bodies = bodies

    def chunks(self, start: int, stop: int) -> Generator[bytes, None, None]:
        """See `Body.chunks`."""
        for part, at in _within(self._parts, start, stop):
            if part.body is not None:
                yield part.body[at[0] : at[1]]
            else:
                yield from self._bodies[part.body_id].chunks(*at)

    def close(self) -> None:
        """See `Body.close`."""
        for body in self._bodies.values():
            body.close()

    async def aclose(self) -> None:
        """As a live response is let go of on an event loop."""
        self.close()


class AsyncPartedBody:
    """`PartedBody` for an event loop."""

    def __init__(self, parts: Sequence[Part], bodies: Mapping[str | None, AsyncBody]) -> None:
        self._parts = parts
        self._bodies = bodies

    async def chunks(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """See `AsyncBody.chunks`."""
        for part, at in _within(self._parts, start, stop):
            if part.body is not None:
                yield part.body[at[0] : at[1]]
                continue
            chunks = self._bodies[part.body_id].chunks(*at)
            try:
                async for chunk in chunks:
                    yield chunk
            finally:
                await ended(chunks)

    async def close(self) -> None:
        """See `AsyncBody.close`."""
        for body in self._bodies.values():
            await body.close()

    async def aclose(self) -> None:
        """As a live response is let go of on an event loop."""
        await self.close()


def parted(parts: Sequence[Part], bodies: Mapping[str | None, Any]) -> PartedBody | AsyncPartedBody:
    """The parts as one body, of the colour that the opened `bodies` have."""
    if any(inspect.iscoroutinefunction(body.close) for body in bodies.values()):
        return AsyncPartedBody(parts, bodies)
    return PartedBody(parts, bodies)
