"""What the tests of the requests adapter share: an origin on loopback that does what a test says, and a clock."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from cachespec_requests import CachedSession

START = 1_000_000_000.0


@dataclass
class Seen:
    """A request as the origin saw it."""

    method: str
    target: str
    fields: dict[str, str]
    """By lower-case name."""
    body: bytes
    peer: tuple[str, int]
    """The client's end of the connection."""


@dataclass
class Reply:
    """What the origin answers."""

    body: bytes | Iterable[bytes] = b""
    fields: Iterable[tuple[str, str]] = ()
    status: int = 200
    reason: str = "OK"
    framing: str = "length"
    """``length``, ``chunked``, ``close``, or ``none`` where `fields` say it."""
    cut: bool = False
    """Whether the connection ends before the body does."""
    gate: threading.Event | None = None
    """Waited for before the head goes out."""


def fresh(body: bytes | Iterable[bytes] = b"ok", *fields: tuple[str, str], **options: Any) -> Reply:
    """A reply that may be stored, and is fresh for a minute."""
    return Reply(body, [("Cache-Control", "max-age=60"), ("ETag", '"v1"'), *fields], **options)


class Origin:
    """An HTTP server on loopback."""

    reply = Reply
    fresh = staticmethod(fresh)

    def __init__(self) -> None:
        self.port = 0
        self.clock: Callable[[], float] = lambda: START
        self.seen: list[Seen] = []
        self.sockets: set[socket.socket] = set()
        self.answer: Callable[[Seen], Reply | None] = lambda seen: Reply()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, answer: Reply | Callable[[Seen], Reply | None], *then: Reply) -> None:
        """Answer with a function of the request, or with replies in turn, the last of them again and again.

        None hangs up without a word.
        """
        if isinstance(answer, Reply):
            replies = deque([answer, *then])
            self.answer = lambda seen: replies.popleft() if len(replies) > 1 else replies[0]
        else:
            self.answer = answer

    @property
    def targets(self) -> list[str]:
        return [seen.target for seen in self.seen]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    origin: Origin

    def setup(self) -> None:
        self.origin.sockets.add(self.request)
        super().setup()

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()

    def log_message(self, *args: Any) -> None:
        pass

    def answer(self) -> None:
        size = self.headers.get("Content-Length")
        if size is not None:
            body = self.rfile.read(int(size))
        else:
            body = b"".join(self._chunks()) if "Transfer-Encoding" in self.headers else b""
        fields = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, self.path, fields, body, self.client_address)
        self.origin.seen.append(seen)
        reply = self.origin.answer(seen)
        if reply is None:
            self.close_connection = True
            return
        if reply.gate is not None:
            reply.gate.wait(10)
        self._send(reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer  # noqa: N815

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _send(self, reply: Reply) -> None:
        lines = [f"HTTP/1.1 {reply.status} {reply.reason}", f"Date: {formatdate(self.origin.clock(), usegmt=True)}"]
        lines += [f"{name}: {value}" for name, value in reply.fields]
        pieces = [reply.body] if isinstance(reply.body, bytes) else reply.body
        if reply.framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
        elif reply.framing == "length" and reply.status not in (204, 304):
            pieces = list(pieces)
            lines.append(f"Content-Length: {sum(map(len, pieces)) + (7 if reply.cut else 0)}")
        self.close_connection = reply.cut or reply.framing in ("close", "none")
        if self.close_connection:
            lines.append("Connection: close")
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        if self.command == "HEAD" or reply.status in (204, 304):
            return
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if reply.framing == "chunked" else piece)
        if reply.framing == "chunked" and not reply.cut:
            self.wfile.write(b"0\r\n\r\n")


@pytest.fixture(scope="session")
def listening() -> Iterator[Origin]:
    origin = Origin()
    handler = type("Handler", (Handler,), {"origin": origin})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    origin.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield origin
    server.shutdown()
    thread.join()
    server.server_close()


class Clock:
    """Seconds since the epoch, as the test wants them."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def origin(listening: Origin, clock: Clock) -> Iterator[Origin]:
    """The origin, with nothing to say yet, and with the test's clock."""
    listening.seen.clear()
    listening.clock = clock
    listening.answer = lambda seen: Reply()
    yield listening
    for connection in list(listening.sockets):
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    listening.sockets.clear()


@pytest.fixture
def session(clock: Clock) -> Iterator[CachedSession]:
    with CachedSession(clock=clock) as made:
        made.trust_env = False
        yield made


@pytest.fixture
def refused() -> str:
    """A URL at which nobody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}/"
