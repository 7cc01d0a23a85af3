"""What comes from the server, octet by octet, and into the store on its way.

Two colours of each, for an iterator cannot be both.  What is stored is committed *before* the end of the body is
handed on, so that whoever has seen the end finds it in the store.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Protocol, TypeAlias

from .content import ended
from .messages import Response
from .record import Recording
from .steps import StoreFlow


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
        if recording is not None:
            if chunk is not None and recording.take(chunk):
                self._run(recording.flush())
            if chunk is None or recording.complete:
                stored = self._run(recording.commit())
                # Not before: whoever interrupts that leaves it to `close` to tell those who wait.
                self._recording = None
                self._landed(bool(stored))
            elif not recording.going:
                self.forget(stored=False)
        if chunk is None:
            raise StopIteration
        return chunk

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
    """`LiveContent` on an event loop.

    `tidy` runs a flow without waiting, for when the task is being cancelled, and `at_once`, where there is one, does so
    with a result.
    """

    __slots__ = (
        *("_at_once", "_chunks", "_landed", "_left", "_live", "_over", "_recording", "_run", "_tidy"),
        *("recorded", "whole"),
    )

    def __init__(
        self,
        live: AsyncLiveResponse,
        recording: Recording | None,
        run: Callable[[StoreFlow[Any]], Awaitable[Any]],
        at_once: Callable[[StoreFlow[Any]], Any] | None,
        tidy: Callable[[StoreFlow[Any]], object],
        landed: Callable[[bool | None], object],
        left: Left,
    ) -> None:
        self.whole: bytes | None = None
        self.recorded: bool = recording is not None
        self._live = live
        self._chunks: AsyncIterator[bytes] | None = None
        self._over = False
        self._recording = recording
        self._run = run
        self._at_once = at_once
        self._tidy = tidy
        self._landed = landed
        self._left = left

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._chunks is None:
            self._chunks = self._live.chunks()
        try:
            chunk = await anext(self._chunks, None)
            # Not before: meanwhile it may have been closed.
            recording = self._recording
            if recording is not None:
                if chunk is not None and recording.take(chunk):
                    await self._run(recording.flush())
                if chunk is None or recording.complete:
                    flow = recording.commit()
                    stored = await self._run(flow) if self._at_once is None else self._at_once(flow)
                    self._recording = None
                    self._landed(bool(stored))
                elif not recording.going:
                    self.forget(stored=False)
        except Exception:
            self.forget(stored=False)
            raise
        except BaseException:
            # Cancelled: one of those who wait begins anew.
            self.forget()
            raise
        if chunk is None:
            self._over = True
            raise StopAsyncIteration
        return chunk

    def forget(self, *, stored: bool | None = None) -> None:
        """Record no further, and store nothing."""
        if self._recording is not None:
            recording, self._recording = self._recording, None
            self._tidy(recording.abort())
            self._landed(stored)

    async def aclose(self) -> None:
        """See `AsyncContent.aclose`."""
        if self._recording is not None:
            self.forget()
        if self._chunks is not None and not self._over:
            await ended(self._chunks)
        await self._live.aclose()

    def __del__(self) -> None:
        # A response that was dropped unread must not leave others waiting for it.  The store has to wait, though:
        # this may be the garbage collector, in the midst of one of its calls.
        recording = getattr(self, "_recording", None)
        if recording is not None:
            self._left.append(recording)
            self._landed(None)
