"""Real servers, each a process on a loopback port, and what cannot run on what."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

HERE = Path(__file__).parent
PATIENCE = 20.0
"""Seconds after which what does not come counts as failed."""

SITES = ("raw", "starlette", "fastapi", "litestar", "quart", "blacksheep", "django")
SERVERS: dict[str, tuple[str, ...]] = {
    "uvicorn": ("uvicorn", "--ws", "wsproto", "--log-level", "error", "--timeout-graceful-shutdown", "3"),
    "hypercorn": ("hypercorn", "--graceful-timeout", "3", "--log-level", "error"),
    "hypercorn-trio": ("hypercorn", "-k", "trio", "--graceful-timeout", "3", "--log-level", "error"),
    "granian": ("granian", "--interface", "asgi", "--log-level", "error", "--workers-kill-timeout", "3"),
}
"""The command line of each, without the address."""
GUNICORN = ("gunicorn", "--preload", "--no-control-socket", "--graceful-timeout", "3", "--log-level", "warning")
"""That of one which forks its workers when the application is there; it has servers for its workers of its own."""

IMPOSSIBLE = {
    ("hypercorn-trio", "django"): "Django awaits futures of asyncio",
}
"""Why a framework does not run on a server, whatever stands around it."""
LACKS = {
    ("blacksheep", "leaving"): "BlackSheep makes a stream to its end, whoever has left meanwhile",
    ("django", "websocket"): "Django serves no WebSocket",
    ("django", "lifespan"): "Django refuses the lifespan scope, so that nobody tells the middleware of the end",
}
"""What a framework has not got."""


def address(server: str, port: int) -> list[str]:
    """Where a server is to listen."""
    if server.startswith(("hypercorn", "gunicorn")):
        return ["--bind", f"127.0.0.1:{port}"]
    return ["--host", "127.0.0.1", "--port", str(port)]


@dataclass
class Reply:
    """A response that was read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def cache(self) -> str:
        """The Cache-Status field."""
        return self.headers.get("cache-status", "")


@dataclass
class Site:
    """One framework on one server."""

    server: str
    site: str
    port: int
    process: subprocess.Popen[bytes]
    trace: Path
    connections: list[HTTPConnection] = field(default_factory=list)

    def ask(self, target: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Reply:
        """The response to a request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            lines = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, body, lines)
            response = connection.getresponse()
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, fields, response.read())
        finally:
            connection.close()

    @contextmanager
    def raw(self, target: str, *lines: str) -> Iterator[socket.socket]:
        """A socket on which a GET was sent."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as made:
            head = [f"GET {target} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *lines, "", ""]
            made.sendall("\r\n".join(head).encode())
            yield made

    def until(self, target: str, wanted: Callable[[bytes], bool]) -> Reply:
        """Ask until such a body comes."""
        end = time.monotonic() + PATIENCE
        while not wanted((reply := self.ask(target)).body):
            assert time.monotonic() < end, reply
            time.sleep(0.05)
        return reply

    def stop(self) -> None:
        """Have the server end in its own time; a second time does nothing."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def serving(
    server: str, site: str, folder: Path, *options: str, store: str | None = None, app: str = "application:app"
) -> Iterator[Site]:
    """The site on a framework, under a server; what it says goes into a file in `folder`."""
    port = free_port()
    command = [sys.executable, "-m", *{**SERVERS, "gunicorn": GUNICORN}[server], *address(server, port), *options, app]
    loop = "trio" if server.endswith("trio") else "asyncio"
    trace = folder / "trace"
    environment = {
        **os.environ,
        "SITE": site,
        "STORE": store or f"file://{folder / 'store'}",
        "TRACE": str(trace),
        "LOOP": loop,
    }
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, cwd=HERE, env=environment, stdout=said, stderr=said)
    made = Site(server, site, port, process, trace)
    try:
        end = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None, (folder / "said").read_text(encoding="utf-8")
            assert time.monotonic() < end, "the server does not answer"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield made
    finally:
        made.stop()
