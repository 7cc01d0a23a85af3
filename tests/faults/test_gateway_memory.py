"""Bodies that no memory should hold, through a gateway under a real server."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("cachespec_asgi")
pytest.importorskip("uvicorn")
if sys.platform != "linux":
    pytest.skip("how much memory a process has had at most is read in /proc", allow_module_level=True)

SERVER = """
import socket, sys
import uvicorn
from cachespec import FileStore, Policy
from cachespec_asgi import CacheMiddleware

PIECE = bytes(range(256)) * 256

async def app(scope, receive, send):
    size = int(scope["query_string"])
    control = b"no-store" if scope["path"].startswith("/past/") else b"max-age=3600"
    lines = [(b"cache-control", control), (b"content-length", b"%d" % size)]
    await send({"type": "http.response.start", "status": 200, "headers": lines})
    if scope["path"] == "/whole":
        await send({"type": "http.response.body", "body": b"x" * size, "more_body": True})
        size = 0
    for _ in range(size // len(PIECE)):
        await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})

if sys.argv[1] != "bare":
    store = FileStore(sys.argv[1], max_bytes=1 << 40, max_body=1 << 40)
    app = CacheMiddleware(app, store, Policy.gateway(max_body=1 << 40))
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="error", access_log=False, lifespan="off", ws="none")
    uvicorn.Server(config).run(sockets=[listener])
"""
MIB = 1 << 20
LIMIT = 16 * MIB


class Served:
    """A server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._connection = http.client.HTTPConnection("127.0.0.1", int(process.stdout.readline()), timeout=60)
        self._status = Path(f"/proc/{process.pid}/status")
        self._forget = Path(f"/proc/{process.pid}/clear_refs")

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def get(self, path: str, size: int) -> str:
        """Ask for so many bytes, of which nothing is kept here; what Cache-Status says."""
        self._connection.request("GET", f"{path}?{size}")
        response = self._connection.getresponse()
        room = bytearray(MIB)
        got = 0
        while read := response.readinto(room):
            got += read
        assert (response.status, got) == (200, size)
        return response.getheader("cache-status", "")

    def most(self) -> int:
        """The most memory that the process has had since `forget`, in bytes."""
        found = re.search(r"^VmHWM:\s+(\d+) kB$", self._status.read_text(), re.MULTILINE)
        assert found
        return int(found[1]) * 1024

    def forget(self) -> None:
        """Have `most` begin anew, with what the process has now (proc(5))."""
        self._forget.write_text("5")


@pytest.fixture
def serve() -> Iterator[Callable[[str], Served]]:
    """Starts a server: with its store in a folder, or ``bare``."""
    running: list[tuple[subprocess.Popen[str], Served]] = []

    def start(what: str) -> Served:
        process = subprocess.Popen([sys.executable, "-c", SERVER, what], stdout=subprocess.PIPE, text=True)
        running.append((process, Served(process)))
        return running[-1][1]

    yield start
    for process, served in running:
        served.close()
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.parametrize("path", ["/kept/", "/past/"], ids=["stored in a file", "not stored"])
def test_a_large_body_passes_through_a_gateway_in_little_memory(
    serve: Callable[[str], Served], path: str, full: bool, tmp_path: Path
) -> None:
    size = 1024 * MIB if full else 128 * MIB
    served = serve(str(tmp_path))
    for _ in range(2):
        # What is loaded and kept once and for all is no part of it.
        served.get(f"{path}small", MIB)
    served.forget()
    before = served.most()
    first = served.get(f"{path}large", size)
    again = served.get(f"{path}large", size)
    assert "; fwd=uri-miss" in first
    assert ("; hit" in again) == (path == "/kept/")
    assert served.most() - before < LIMIT


def test_the_measure_would_see_a_body_that_is_held(serve: Callable[[str], Served]) -> None:
    served = serve("bare")
    served.get("/past/small", MIB)
    served.forget()
    before = served.most()
    # One piece that large is what a cache that gathers bodies has in memory.
    served.get("/whole", 2 * LIMIT)
    assert served.most() - before > LIMIT
