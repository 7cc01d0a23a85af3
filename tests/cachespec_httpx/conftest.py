"""What the tests of the httpx adapter share: an origin on loopback, a clock, and callers of three colours."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias

import anyio.from_thread
import httpx
import pytest
import uvicorn

from cachespec_httpx import AsyncCacheClient, AsyncCacheTransport, CacheClient, CacheTransport

Lines: TypeAlias = Iterable[tuple[str, str]]


@dataclass
class Seen:
    """A request as the origin saw it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    peer: tuple[str, int]


@dataclass
class Reply:
    """What the origin answers.  `gate` holds it back before the head, `last` before the last piece of the body."""

    status: int = 200
    headers: Lines = ()
    body: bytes | Iterable[bytes] = b""
    gate: threading.Event | None = None
    last: threading.Event | None = None
    cut: bool = False
    """Whether the connection ends before the body does."""


class Origin:
    """An HTTP server on loopback that answers as a test says."""

    reply = Reply

    def __init__(self) -> None:
        self.port = 0
        self.seen: list[Seen] = []
        self.answer: Callable[[Seen], Reply] = lambda seen: Reply()
        self.arrived = threading.Event()
        """Set by every request that comes in."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, answer: Reply | Callable[[Seen], Reply], *then: Reply) -> None:
        """Answer with a function of the request, or with replies in turn, the last of them again and again."""
        if isinstance(answer, Reply):
            replies = [answer, *then]
            self.answer = lambda seen: replies.pop(0) if len(replies) > 1 else replies[0]
        else:
            self.answer = answer

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        seen = Seen(scope["method"], target, fields, body, scope["client"])
        self.seen.append(seen)
        self.arrived.set()
        reply = self.answer(seen)
        if reply.gate is not None:
            await asyncio.to_thread(reply.gate.wait, 10)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
        if isinstance(reply.body, bytes) and not reply.cut and reply.status not in (204, 304):
            headers.append((b"content-length", str(len(reply.body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        pieces = [reply.body] if isinstance(reply.body, bytes) else reply.body
        for piece in pieces if scope["method"] != "HEAD" else ():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if reply.last is not None:
            await asyncio.to_thread(reply.last.wait, 10)
        if not reply.cut:
            await send({"type": "http.response.body", "body": b""})


@contextmanager
def running(app: Any, **options: Any) -> Iterator[int]:
    """Serve an ASGI application with uvicorn, in a thread; the port that it listens on."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, lifespan="off", ws="none", log_level="critical", date_header=False, server_header=False, **options
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture(scope="session")
def listening() -> Iterator[Origin]:
    origin = Origin()
    with running(origin) as port:
        origin.port = port
        yield origin


@pytest.fixture
def origin(listening: Origin) -> Origin:
    """The origin, with nothing to say yet."""
    listening.seen.clear()
    listening.arrived.clear()
    listening.answer = lambda seen: Reply()
    return listening


@pytest.fixture
def refused() -> str:
    """A URL at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}/"


@dataclass
class Clock:
    """A clock that a test sets."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class SyncCaller:
    """What a test does with a client, in synchronous code."""

    asynchronous = False
    backend = "threads"
    plain: Any = httpx.Client
    caching: Any = CacheClient
    transport: Any = CacheTransport
    wire: Any = httpx.HTTPTransport

    def open(self, client: Any) -> AbstractContextManager[Any]:
        manager: AbstractContextManager[Any] = client
        return manager

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    def get(self, client: Any, url: str, **kwargs: Any) -> httpx.Response:
        response: httpx.Response = client.get(url, **kwargs)
        return response

    def start(self, client: Any, url: str, **kwargs: Any) -> httpx.Response:
        """A response whose content is yet to be read."""
        response: httpx.Response = client.send(client.build_request("GET", url, **kwargs), stream=True)
        return response

    def raw(self, response: httpx.Response, pieces: int | None = None) -> bytes:
        """The next octets of a response as they came; all that are left where `pieces` is None."""
        return b"".join(islice(response.iter_raw(), pieces))

    def read(self, response: httpx.Response) -> bytes:
        return response.read()

    def close(self, response_or_client: Any) -> None:
        response_or_client.close()


class AsyncCaller(SyncCaller):
    """The same on an event loop, which runs in another thread."""

    asynchronous = True
    plain = httpx.AsyncClient
    caching = AsyncCacheClient
    transport = AsyncCacheTransport
    wire = httpx.AsyncHTTPTransport

    def __init__(self, portal: anyio.from_thread.BlockingPortal, backend: str) -> None:
        self.portal = portal
        self.backend = backend

    def open(self, client: Any) -> AbstractContextManager[Any]:
        return self.portal.wrap_async_context_manager(client)

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        async def called() -> Any:
            return await function(*args, **kwargs)

        return self.portal.call(called)

    def get(self, client: Any, url: str, **kwargs: Any) -> httpx.Response:
        response: httpx.Response = self.call(client.get, url, **kwargs)
        return response

    def start(self, client: Any, url: str, **kwargs: Any) -> httpx.Response:
        response: httpx.Response = self.call(client.send, client.build_request("GET", url, **kwargs), stream=True)
        return response

    def raw(self, response: httpx.Response, pieces: int | None = None) -> bytes:
        async def some() -> bytes:
            found = []
            async for piece in response.aiter_raw():
                found.append(piece)
                if len(found) == pieces:
                    break
            return b"".join(found)

        octets: bytes = self.portal.call(some)
        return octets

    def read(self, response: httpx.Response) -> bytes:
        octets: bytes = self.call(response.aread)
        return octets

    def close(self, response_or_client: Any) -> None:
        self.call(response_or_client.aclose)


@pytest.fixture(params=["threads", "asyncio", "trio"])
def caller(request: pytest.FixtureRequest) -> Iterator[SyncCaller]:
    """Each test that takes this runs three times: in synchronous code, on asyncio and on trio."""
    if request.param == "threads":
        yield SyncCaller()
    else:
        with anyio.from_thread.start_blocking_portal(request.param) as portal:
            yield AsyncCaller(portal, request.param)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Each coroutine test runs twice."""
    backend: str = request.param
    return backend


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A stream of either colour."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


@dataclass
class Wire(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport of either colour that remembers what it was given and answers from memory."""

    answer: Callable[[httpx.Request], httpx.Response] = lambda request: httpx.Response(200)
    given: list[httpx.Request] = field(default_factory=list)
    closed: int = 0
    pieces = Pieces

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.given.append(request)
        return self.answer(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.given.append(request)
        return self.answer(request)

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


@pytest.fixture
def wire() -> Wire:
    return Wire()
