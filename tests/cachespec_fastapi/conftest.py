"""Applications asked in process, and over real sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn

Lines = list[tuple[str, str]]


@dataclass
class Reply:
    """A response, as the application sent it."""

    status: int
    lines: Lines
    body: bytes
    messages: list[MutableMapping[str, Any]] = field(repr=False)

    def all(self, name: str) -> list[str]:
        """The values of the lines of one field."""
        return [value for given, value in self.lines if given == name]

    def __getitem__(self, name: str) -> str | None:
        """The value of a field that has at most one line."""
        values = self.all(name)
        assert len(values) <= 1, values
        return values[0] if values else None

    @property
    def cache_control(self) -> str | None:
        return self["cache-control"]


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for all that is asked in process."""
    with asyncio.Runner() as running:
        yield running


Ask = Callable[..., Reply]


@pytest.fixture
def ask(runner: asyncio.Runner) -> Ask:
    """`ask(app, "/path?query", "GET", {"field": "value"}, b"content", extension=…)`: its `Reply`."""

    async def asked(
        app: Any,
        target: str,
        method: str = "GET",
        headers: Mapping[str, str] | Lines = (),  # type: ignore[assignment]
        content: bytes = b"",
        **scope: Any,
    ) -> Reply:
        messages: list[MutableMapping[str, Any]] = []
        incoming = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive() -> MutableMapping[str, Any]:
            return incoming.pop() if incoming else await asyncio.Event().wait()  # type: ignore[return-value]

        async def send(message: MutableMapping[str, Any]) -> None:
            messages.append(message)

        path, _, query = target.partition("?")
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        lines = [(b"host", b"example.com"), *[(name.lower().encode(), value.encode()) for name, value in pairs]]
        if content:
            lines.append((b"content-length", str(len(content)).encode()))
        await app(
            {
                "type": "http",
                "asgi": {"version": "3.0", "spec_version": "2.4"},
                "http_version": "1.1",
                "method": method,
                "scheme": "http",
                "path": path,
                "raw_path": path.encode(),
                "query_string": query.encode(),
                "root_path": "",
                "headers": lines,
                "server": ("127.0.0.1", 80),
                "client": ("127.0.0.1", 50000),
                **scope,
            },
            receive,
            send,
        )
        start = messages[0]
        assert start["type"] == "http.response.start"
        return Reply(
            start["status"],
            [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]],
            b"".join([message.get("body", b"") for message in messages[1:]]),
            messages,
        )

    return lambda *args, **scope: runner.run(asked(*args, **scope))


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """`app` under uvicorn, on a port of its own: the URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Whoever connects before the server is up waits in the backlog.
        server = uvicorn.Server(uvicorn.Config(app, ws="none", log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def serve() -> Callable[[Any], Any]:
    """`with serve(app) as url`: the application under uvicorn."""
    return serving


@pytest.fixture(params=["alone", "cached"])
def around(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """What stands around the application: nothing, or a cache."""
    if request.param == "alone":
        return lambda app: app
    wrapped: Callable[[Any], Any] = pytest.importorskip("cachespec_asgi").CacheMiddleware
    return wrapped
