"""The content of an answer, octet by octet: out of the store, or from the server and into it.

Two colours of each, for an iterator cannot be both.  What is stored is committed *before* the end of the body is
handed on, so that whoever has seen the end finds it in the store.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any, Protocol, TypeAlias

from .messages import Response
from .partial import Piece
from .record import Recording
from .steps import StoreFlow
from .stores.contract import AsyncBody, Body


class LiveResponse(Protocol):
    """A server's response, as far as the cache knows it."""

    head: Response

    def chunks(self) -> Iterator[bytes]:
        """The octets as they come, content codings and all."""
        ...

    def close(self) -> object:
        """Let go of it, read or not.  May be called more than once."""
        ...


class AsyncLiveResponse(Protocol):
    """`LiveResponse` on an event loop."""

    head: Response

    def chunks(self) -> AsyncIterator[bytes]:
        """The octets as they come, content codings and all."""
        ...

    async def aclose(self) -> object:
        """Let go of it, read or not.  May be called more than once."""
        ...


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


Left: TypeAlias = deque[Recording]
"""Recordings whose response was dropped unread, to be aborted by the next request."""


def aborted(left: Left) -> Iterator[StoreFlow[None]]:
    """The flows that abort what is `left`."""
    while left:
        try:
            recording = left.popleft()
        except IndexError:
            return  # Another thread was quicker.
        yield recording.abort()


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


class LiveContent:
    """A server's content, recorded on the way where there is a `recording`.

    `run` drives the recording's flows, and `landed` is told once how it ended: stored or not, or None for given up.
    In `left` it is left behind if it is dropped.
    """

    __slots__ = ("_chunks", "_landed", "_left", "_live", "_recording", "_run", "recorded", "whole")

    def __init__(
        self,
        live: LiveResponse,
        recording: Recording | None,
        run: Callable[[StoreFlow[Any]], Any],
        landed: Callable[[bool | None], object],
        left: Left,
    ) -> None:
        self.whole: bytes | None = None
        self.recorded: bool = recording is not None
        self._live = live
        self._chunks: Iterator[bytes] | None = None
        self._recording = recording
        self._run = run
        self._landed = landed
        self._left = left

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._chunks is None:
            self._chunks = self._live.chunks()
        try:
            chunk = next(self._chunks, None)
        except Exception:
            self.forget(stored=False)
            raise
        except BaseException:
            self.forget()
            raise
        recording = self._recording
        if chunk is None:
            if recording is not None:
                self._complete(recording)
            raise StopIteration
        if recording is not None:
            if recording.take(chunk):
                self._run(recording.flush())
            if recording.complete:
                self._complete(recording)
            elif not recording.going:
                self.forget(stored=False)
        return chunk

    def _complete(self, recording: Recording) -> None:
        self._recording = None
        self._landed(bool(self._run(recording.commit())))

    def forget(self, *, stored: bool | None = None) -> None:
        """Record no further, and store nothing."""
        if self._recording is not None:
            recording, self._recording = self._recording, None
            self._run(recording.abort())
            self._landed(stored)

    def close(self) -> None:
        """See `Content.close`."""
        if self._recording is not None:
            self.forget()
        self._live.close()

    def __del__(self) -> None:
        # A response that was dropped unread must not leave others waiting for it.  The store has to wait, though:
        # this may be the garbage collector, in the midst of one of its calls.
        recording = getattr(self, "_recording", None)
        if recording is not None:
            self._left.append(recording)
            self._landed(None)


class AsyncLiveContent:
    """`LiveContent` on an event loop.  `tidy` runs a flow without waiting, for when the task is being cancelled."""

    __slots__ = ("_chunks", "_landed", "_left", "_live", "_recording", "_run", "_tidy", "recorded", "whole")

    def __init__(
        self,
        live: AsyncLiveResponse,
        recording: Recording | None,
        run: Callable[[StoreFlow[Any]], Awaitable[Any]],
        tidy: Callable[[StoreFlow[Any]], object],
        landed: Callable[[bool | None], object],
        left: Left,
    ) -> None:
        self.whole: bytes | None = None
        self.recorded: bool = recording is not None
        self._live = live
        self._chunks: AsyncIterator[bytes] | None = None
        self._recording = recording
        self._run = run
        self._tidy = tidy
        self._landed = landed
        self._left = left

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._chunks is None:
            self._chunks = self._live.chunks()
        try:
            chunk = await anext(self._chunks)
            if self._recording is not None:
                await self._take(self._recording, chunk)
        except StopAsyncIteration:
            await self._complete()
            raise
        except Exception:
            self.forget(stored=False)
            raise
        except BaseException:
            # Cancelled: one of those who wait begins anew.
            self.forget()
            raise
        return chunk

    async def _take(self, recording: Recording, chunk: bytes) -> None:
        if recording.take(chunk):
            await self._run(recording.flush())
        if recording.complete:
            await self._complete()
        elif not recording.going:
            self.forget(stored=False)

    async def _complete(self) -> None:
        if self._recording is not None:
            stored = await self._run(self._recording.commit())
            self._recording = None
            self._landed(bool(stored))

    def forget(self, *, stored: bool | None = None) -> None:
        """Record no further, and store nothing."""
        if self._recording is not None:
            recording, self._recording = self._recording, None
            self._tidy(recording.abort())
            self._landed(stored)

    async def aclose(self) -> None:
        """See `AsyncContent.aclose`."""
        self.forget()
        await ended(self._chunks)
        await self._live.aclose()

    def __del__(self) -> None:
        # A response that was dropped unread must not leave others waiting for it.  The store has to wait, though:
        # this may be the garbage collector, in the midst of one of its calls.
        recording = getattr(self, "_recording", None)
        if recording is not None:
            self._left.append(recording)
            self._landed(None)
