"""Responses under way, as the core sees them, and their content, as httpx sees it.

Octets are passed as they come over the wire, content codings and all, whatever the caller asks httpx to make of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

from cachespec import AsyncContent, Content
from cachespec import Response as CoreResponse

from .messages import head_of
from .target import AsyncByteStream, ByteStream, Response, StreamClosed, StreamConsumed, SyncByteStream, TransportError


class _Under:
    """A server's response under way."""

    __slots__ = ("_begun", "head", "read", "response", "stream")

    def __init__(self, response: Response) -> None:
        self.response: Response = response
        # The response gets another one when it is recorded.
        self.stream: Any = response.stream
        self.read: bool = response.is_stream_consumed
        """Whether the wrapped transport has read it already, so that nobody will ask for its stream."""
        self.head: CoreResponse = head_of(response)
        self._begun = self.read

    def _octets(self) -> Any:
        """The stream of the octets as they come; StreamConsumed if only the decoded content is left of them."""
        self._begun = True
        if not self.read or isinstance(self.stream, ByteStream):
            return self.stream
        if "content-encoding" in self.response.headers:
            raise StreamConsumed
        return ByteStream(self.response.content)

    @property
    def _at_its_end(self) -> bool:
        """Whether there is no content, and only the connection does not know yet.

        A connection of HTTP/1.1 is used again only if the response was read; a stream of HTTP/2 is its own affair.
        """
        if self.response.extensions.get("http_version", b"")[:6] != b"HTTP/1":
            return False
        return self.head.status == 304 or self.head.headers.get("content-length") == "0"


class Live(_Under):
    """A server's response: the core's `LiveResponse`."""

    __slots__ = ()

    def chunks(self) -> Iterator[bytes]:
        """The octets as they come."""
        return iter(self._octets())

    def close(self) -> None:
        """Let go of it."""
        if not self._begun and self._at_its_end:
            with suppress(TransportError):
                next(iter(self.stream), None)
        self.stream.close()


class AsyncLive(_Under):
    """A server's response: the core's `AsyncLiveResponse`."""

    __slots__ = ()

    def chunks(self) -> AsyncIterator[bytes]:
        """The octets as they come."""
        return aiter(self._octets())

    async def aclose(self) -> None:
        """Let go of it."""
        if not self._begun and self._at_its_end:
            with suppress(TransportError):
                await anext(aiter(self.stream), None)
        await self.stream.aclose()


class ContentStream(SyncByteStream):
    """The content of an answer: from the store, or into it on the way.

    A client wraps the stream of a response in one that knows the response, so that only the garbage collector would
    free the two.  Where `response` is given, it gets this stream back when it is closed, and both are freed at once.
    """

    def __init__(self, content: Content, response: Response | None = None) -> None:
        self._content: Content | None = content
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        if self._content is None:
            raise StreamClosed
        return self._content

    def close(self) -> None:
        """Let go of it; what was not read to its end is not stored."""
        # And let it go: the response that it came from has this stream.
        content, self._content = self._content, None
        response, self._response = self._response, None
        if response is not None and response.is_closed:
            response.stream = self
        if content is not None:
            content.close()


class AsyncContentStream(AsyncByteStream):
    """`ContentStream` on an event loop."""

    def __init__(self, content: AsyncContent, response: Response | None = None) -> None:
        self._content: AsyncContent | None = content
        self._response = response

    def __aiter__(self) -> AsyncIterator[bytes]:
        if self._content is None:
            raise StreamClosed
        return self._content

    async def aclose(self) -> None:
        """Let go of it; what was not read to its end is not stored."""
        content, self._content = self._content, None
        response, self._response = self._response, None
        if response is not None and response.is_closed:
            response.stream = self
        if content is not None:
            await content.aclose()
