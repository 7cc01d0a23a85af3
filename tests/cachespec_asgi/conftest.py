"""An application that does as it is told, a client that calls it without a server, and a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

Message = MutableMapping[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]
Lines = Iterable[tuple[str, str]]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The loop that a test with the marker `anyio` runs on: both, one after the other."""
    return str(request.param)


@dataclass
class Clock:
    """Seconds since the epoch, moved by hand."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@dataclass
class Reply:
    """What came out of an application."""

    messages: list[Message] = field(default_factory=list)

    def of(self, kind: str) -> list[Message]:
        return [message for message in self.messages if message["type"] == kind]

    @property
    def status(self) -> int:
        (start,) = self.of("http.response.start")
        return int(start["status"])

    @property
    def lines(self) -> list[tuple[str, str]]:
        (start,) = self.of("http.response.start")
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]

    @property
    def headers(self) -> dict[str, str]:
        return {name: ", ".join(v for n, v in self.lines if n == name) for name, _ in self.lines}

    @property
    def chunks(self) -> list[bytes]:
        return [bytes(message.get("body", b"")) for message in self.of("http.response.body")]

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def complete(self) -> bool:
        return bool(self.messages) and not self.messages[-1].get("more_body", False)

    @property
    def cache(self) -> str:
        """The Cache-Status field."""
        return self.headers.get("cache-status", "")


def scope_of(
    path: str = "/",
    *,
    method: str = "GET",
    headers: Lines = (),
    host: str | None = "example.com",
    query: str = "",
    scheme: str = "https",
    **others: Any,
) -> dict[str, Any]:
    """The scope that a server makes of a request."""
    lines = [] if host is None else [("host", host)]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": path,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in [*lines, *headers]],
        "client": ("192.0.2.1", 50000),
        "server": ("192.0.2.2", 443),
        "extensions": {},
        **others,
    }


@dataclass
class Client:
    """Calls an application as a server does, and keeps what it sends."""

    app: App
    replies: list[Reply] = field(default_factory=list)

    @property
    def last(self) -> Reply:
        """What the latest call has brought so far."""
        return self.replies[-1]

    async def __call__(
        self,
        path: str = "/",
        *,
        content: bytes | list[bytes] = b"",
        scope: dict[str, Any] | None = None,
        leaves: anyio.Event | None = None,
        on_message: Callable[[Message], Awaitable[None]] | None = None,
        **request: Any,
    ) -> Reply:
        """Send a request.  The client stays until `leaves` is set; `on_message` is called with what comes."""
        pieces = [content] if isinstance(content, bytes) else list(content)
        if content:
            framing = ("content-length", str(sum(map(len, pieces))))
            request["headers"] = [*request.get("headers", ()), framing]
        events: list[Message] = [
            {"type": "http.request", "body": piece, "more_body": at < len(pieces) - 1}
            for at, piece in enumerate(pieces)
        ]
        reply = Reply()
        self.replies.append(reply)

        async def receive() -> Message:
            if events:
                return events.pop(0)
            if leaves is None:
                await anyio.sleep_forever()
            else:
                await leaves.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            reply.messages.append(message)
            if on_message is not None:
                await on_message(message)

        await self.app(scope_of(path, **request) if scope is None else scope, receive, send)
        return reply


@pytest.fixture
def client() -> Callable[[App], Client]:
    """Makes a client for an application."""
    return Client


@pytest.fixture
def scope() -> Callable[..., dict[str, Any]]:
    """Makes a scope; see `scope_of`."""
    return scope_of


@dataclass
class Origin:
    """An application that answers with what it was given last, and counts.

    Where the request's If-None-Match names the ETag it answers with 304, unless `validates` is False.
    """

    status: int = 200
    headers: Lines = (("cache-control", "max-age=60"),)
    body: bytes | list[bytes] = b"hello"
    validates: bool = True
    calls: int = 0
    scopes: list[dict[str, Any]] = field(default_factory=list)
    raises: Exception | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        self.scopes.append(dict(scope))
        if self.raises is not None:
            raise self.raises
        asked = dict(scope["headers"])
        tag = dict(self.headers).get("etag", "").encode()
        lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers]
        if self.validates and tag and asked.get(b"if-none-match") == tag:
            await send({"type": "http.response.start", "status": 304, "headers": lines})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.start", "status": self.status, "headers": lines})
        pieces = [self.body] if isinstance(self.body, bytes) else self.body
        for at, piece in enumerate(pieces):
            more = at < len(pieces) - 1
            await send({"type": "http.response.body", "body": piece, **({"more_body": True} if more else {})})


@pytest.fixture
def origin() -> Origin:
    """An application that does as it is told."""
    return Origin()
