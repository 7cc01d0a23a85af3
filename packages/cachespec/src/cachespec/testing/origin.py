"""A scripted origin, and a clock that moves when it is told to: for tests of programs that cache.

The origin answers from memory, as it was told, and remembers what was asked.  The packages for clients put it behind
a client: `cachespec_httpx.testing` and `cachespec_requests.testing`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Final, TypeAlias

from ..dates import format_date
from ..headers import HeadersLike
from ..messages import Request, Response
from ..preconditions import not_modified

START: Final = 1_000_000_000.0
"""Sun, 09 Sep 2001 01:46:40 GMT, where a `Clock` begins unless told otherwise."""


class Clock:
    """Seconds since the epoch, as a test wants them: the option `clock` of clients and caches."""

    def __init__(self, now: float = START) -> None:
        self.now: float = now
        """What it shows; may be set."""

    def __call__(self) -> float:
        return self.now

    def advance(self, time: float | timedelta) -> None:
        """Move it on by so many seconds."""
        self.now += time.total_seconds() if isinstance(time, timedelta) else time


class Reply:
    """What the origin answers: content, header fields, a status.  To a cache, it is a `cachespec.LiveResponse`."""

    def __init__(self, content: bytes | str = b"", headers: HeadersLike = (), status: int = 200) -> None:
        self.content: bytes = content.encode() if isinstance(content, str) else content
        self.head: Response = Response(status, headers)
        """Status and fields."""

    def chunks(self) -> Iterator[bytes]:
        """The content, at once."""
        return iter((self.content,))

    def close(self) -> None:
        """There is nothing to let go of."""


class AsyncReply(Reply):
    """The same on an event loop."""

    async def chunks(self) -> AsyncIterator[bytes]:  # type: ignore[override] # the colour is the difference
        """The content, at once."""
        yield self.content

    async def aclose(self) -> None:
        """There is nothing to let go of."""


Answer: TypeAlias = Reply | Exception
Script: TypeAlias = Answer | Callable[[Request], Answer]


class Origin:
    """A server that answers from memory, as it was told.

    It adds Date and Content-Length where they are missing, leaves out the content that a HEAD does not get, and answers
    304 where the request's conditions say that its client has what it would answer.  `clock`, for Date, should be the
    cache's; both are `time.time` by default.
    """

    def __init__(self, *script: Script, clock: Callable[[], float] | None = None) -> None:
        self.clock: Callable[[], float] = clock or time.time
        self.requests: list[Request] = []
        """What has been asked, in order."""
        self._script: deque[Script] = deque()
        self.serve(*script)

    def serve(self, *script: Script) -> None:
        """From now on answer with these in turn, the last of them again and again.

        Each is a `Reply`, an exception to raise, or a function of the request that gives either.  A `ConnectionError`
        stands for a server that cannot be reached, a `TimeoutError` for one that is too slow; without a script the
        answer is 404.
        """
        self._script = deque(script or (Reply(status=404),))

    @property
    def urls(self) -> list[str]:
        """The URLs that have been asked for, in order."""
        return [request.url for request in self.requests]

    def answer(self, request: Request) -> Reply:
        """The answer to `request`; raises what the script says."""
        self.requests.append(request)
        script = self._script.popleft() if len(self._script) > 1 else self._script[0]
        answer = script(request) if callable(script) else script
        if isinstance(answer, Exception):
            raise answer
        return self._completed(request, answer)

    def send(self, request: Request) -> Reply:
        """The same as `answer`: what `cachespec.Cache.fetch` sends requests with."""
        return self.answer(request)

    async def asend(self, request: Request) -> AsyncReply:
        """The same for `cachespec.AsyncCache.fetch`."""
        answer = self.answer(request)
        return AsyncReply(answer.content, answer.head.headers, answer.head.status)

    def _completed(self, request: Request, reply: Reply) -> Reply:
        head, headers, now = reply.head, reply.head.headers, self.clock()
        status = head.status
        if (
            status == 200
            and ("etag" in headers or "last-modified" in headers)
            and not_modified(request, head, now, now)
        ):
            status = 304
        bare = status in (204, 304)
        if "date" not in headers:
            headers = headers.plus(("Date", format_date(now)))
        if "content-length" not in headers and not bare:
            headers = headers.plus(("Content-Length", str(len(reply.content))))
        return Reply(b"" if bare or request.method == "HEAD" else reply.content, headers, status)
