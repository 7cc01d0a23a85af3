"""Content on its way through, and into the store.  RFC 9111 §3.3, ruling D55

Nothing is held back and nothing is complete before it is: what is recorded is committed before the end of the body, or
the chunk that reaches Content-Length, is passed on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import IO, Any, Final

from cachespec import AsyncCache, Course, Drain, Entry, Live, Recording, in_thread

from .interface import Message

PIECE: Final = 64 * 1024
"""Bytes that are read from a file at a time."""
BODY: Final = "http.response.body"
CONTENT: Final = frozenset({BODY, "http.response.pathsend", "http.response.zerocopysend"})
"""Messages that bring content."""
HARMLESS: Final = frozenset(
    {"http.response.trailers", "http.response.early_hint", "http.response.debug", "http.response.push"}
)
"""Messages that are no part of the content; trailers are passed on and not stored (ruling D59)."""


class Tee:
    """The recording of one response that passes."""

    __slots__ = ("_cache", "_course", "_recording", "complete", "entry")

    def __init__(self, cache: AsyncCache, course: Course, outcome: Live[Any] | Drain[Any]) -> None:
        self._cache = cache
        self._course = course
        self._recording: Recording | None = None
        self.complete: bool = False
        """Whether all of it has been recorded."""
        self.entry: Entry | None = None
        """What is stored of it."""
        if outcome.plan is not None:
            self._recording = Recording(outcome.plan, cache.policy, outcome.info)

    @property
    def going(self) -> bool:
        """Whether anything is being recorded."""
        return self._recording is not None

    async def take(self, message: Message) -> None:
        """Take in a message, which is to be passed on afterwards."""
        recording = self._recording
        if recording is None:
            return
        kind = message["type"]
        if kind != BODY:
            if kind not in HARMLESS:
                # Content that does not come in chunks, or something newer than this code.
                self.forget(stored=False)
            return
        body = message.get("body", b"")
        try:
            if body and recording.take(body if type(body) is bytes else bytes(body)):
                await self._cache.run(recording.flush())
            if recording.complete or (recording.going and not message.get("more_body", False)):
                stored = await self._cache.run(recording.commit())
                self._recording = None
                self.complete = True
                self.entry = recording.entry
                self._course.recorded(stored)
        except BaseException:
            # Cut off, by a cancel scope of the application's own maybe, which may go on sending.
            self.forget()
            raise
        if not recording.going:
            self.forget(stored=False)

    def forget(self, *, stored: bool | None = None) -> None:
        """Record no further, and store nothing: those who wait go on their own (False), or one of them begins anew."""
        if self._recording is not None:
            recording, self._recording = self._recording, None
            self._cache.tidy(recording.abort())
            self._course.recorded(stored)


async def unrolled(message: Message) -> AsyncIterator[Message]:
    """The file of an ``http.response.pathsend`` as body messages, so that it can be recorded as it passes."""
    file: IO[bytes] = await in_thread(open, message["path"], "rb")
    try:
        while chunk := await in_thread(file.read, PIECE):
            yield {"type": BODY, "body": chunk, "more_body": True}
    finally:
        file.close()
    yield {"type": BODY, "body": b"", "more_body": False}
