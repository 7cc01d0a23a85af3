"""The content of an answer, octet by octet, and that of what comes out of the store.

Two colours of each, for an iterator cannot be both.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any, Protocol

from .partial import Piece
from .stores.contract import AsyncBody, Body


class Content(Protocol):
    """The content of an answer: iterate over it once, then close it."""

    whole: bytes | None
    """All of it, where it is at hand."""
    recorded: bool
    """Whether it is on its way into the store, so that it has to be read from here."""

    def __iter__(self) -> Iterator[bytes]: ...

    def __next__(self) -> bytes: ...

    def close(self) -> None:
        """Let go of it.  What was to be stored and is not complete is forgotten."""
        ...


class AsyncContent(Protocol):
    """`Content` on an event loop."""

    whole: bytes | None
    recorded: bool

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes: ...

    async def aclose(self) -> None:
        """Let go of it.  What was to be stored and is not complete is forgotten."""
        ...


def whole_of(pieces: tuple[Piece, ...], octets: bytes | None) -> bytes | None:
    """All of the content, where it is at hand and goes out in one piece."""
    if not pieces:
        return b""
    if len(pieces) == 1:
        piece = pieces[0]
        if isinstance(piece, bytes):
            return piece
        if octets is not None and piece == (0, len(octets)):
            return octets
    return None


def _reader(octets: bytes | None, body: Any) -> Callable[[int, int], Any]:
    """Reads a span of a stored body, which lies beside its head or by itself."""
    if body is not None:
        read: Callable[[int, int], Any] = body.chunks
        return read
    whole = octets or b""
    return lambda start, stop: iter((whole[start:stop],))


class StoredContent:
    """Pieces of a stored body, which lies beside its head (`octets`) or by itself (`body`)."""

    __slots__ = ("_body", "_chunks", "_octets", "_pieces", "recorded", "whole")

    def __init__(self, pieces: tuple[Piece, ...], octets: bytes | None, body: Body | None) -> None:
        self.whole: bytes | None = whole_of(pieces, octets)
        self.recorded: bool = False
        self._pieces = pieces
        self._octets = octets
        self._body = body
        # Made when somebody reads from here: nearly nobody does, who finds all of it in `whole`.
        self._chunks: Generator[bytes, None, None] | None = None

    def _iterate(
        self, pieces: tuple[Piece, ...], read: Callable[[int, int], Iterator[bytes]]
    ) -> Generator[bytes, None, None]:
        for piece in pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                yield from read(*piece)
        self._let_go()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._chunks is None:
            self._chunks = self._iterate(self._pieces, _reader(self._octets, self._body))
        return next(self._chunks)

    def close(self) -> None:
        """See `Content.close`."""
        self._pieces = ()
        if self._chunks is not None:
            self._chunks.close()
        self._let_go()

    def _let_go(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.close()


class AsyncStoredContent:
    """`StoredContent` on an event loop; the body may be of either colour, a synchronous one is read by way of `hop`."""

    __slots__ = ("_body", "_chunks", "_hop", "_octets", "_pieces", "recorded", "whole")

    def __init__(
        self,
        pieces: tuple[Piece, ...],
        octets: bytes | None,
        body: AsyncBody | Body | None,
        hop: Callable[..., Awaitable[bytes]] | None,
    ) -> None:
        self.whole: bytes | None = whole_of(pieces, octets)
        self.recorded: bool = False
        self._pieces = pieces
        self._octets = octets
        self._body = body
        self._hop = None if body is None else hop
        self._chunks: AsyncGenerator[bytes, None] | None = None

    async def _iterate(
        self,
        pieces: tuple[Piece, ...],
        read: Callable[[int, int], AsyncIterator[bytes] | Iterator[bytes]],
        hop: Callable[..., Awaitable[bytes]] | None,
    ) -> AsyncGenerator[bytes, None]:
        for piece in pieces:
            if isinstance(piece, bytes):
                yield piece
                continue
            chunks = read(*piece)
            if isinstance(chunks, AsyncIterator):
                try:
                    async for chunk in chunks:
                        yield chunk
                finally:
                    await ended(chunks)
            elif hop is None:
                for chunk in chunks:
                    yield chunk
            else:
                while chunk := await hop(next, chunks, b""):
                    yield chunk
        await self._let_go()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._chunks is None:
            self._chunks = self._iterate(self._pieces, _reader(self._octets, self._body), self._hop)
        return await anext(self._chunks)

    async def aclose(self) -> None:
        """See `AsyncContent.aclose`."""
        self._pieces = ()
        if self._chunks is not None:
            await self._chunks.aclose()
        await self._let_go()

    async def _let_go(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            closing = body.close()
            if closing is not None:
                await closing


async def ended(chunks: object) -> None:
    """End a generator that may be half-way: the garbage collector would end it who knows when and where."""
    aclose = getattr(chunks, "aclose", None)
    if aclose is not None:
        await aclose()
