"""A server's responses, for tests of caches: scripted, and not over any network."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from typing import Self

from ..headers import Headers
from ..messages import Request, Response


class Live:
    """A server's response, fresh for an hour."""

    def __init__(self, body: bytes, **fields: str) -> None:
        self.body: bytes = body
        self.etag: str = f'"{hashlib.sha256(body).hexdigest()}"'
        self.head: Response = Response(200, Headers({"Cache-Control": "max-age=3600", "ETag": self.etag, **fields}))

    def answering(self, request: Request) -> Self:
        """What the server answers to `request`: this, or that it has not changed."""
        if request.headers.get("if-none-match") != self.etag:
            return self
        unchanged = type(self)(b"")
        unchanged.head = Response(304, self.head.headers)
        return unchanged

    def chunks(self) -> Iterator[bytes]:
        """The body in pieces."""
        for at in range(0, len(self.body), 100_000):
            yield self.body[at : at + 100_000]

    def close(self) -> None:
        """There is nothing to let go of."""


class AsyncLive(Live):
    """The same on an event loop."""

    async def chunks(self) -> AsyncIterator[bytes]:  # type: ignore[override] # the colour is the difference
        """The body in pieces."""
        for chunk in super().chunks():
            yield chunk

    async def aclose(self) -> None:
        """There is nothing to let go of."""
