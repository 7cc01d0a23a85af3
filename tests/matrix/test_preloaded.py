"""Workers that were forked from a process which has made and used the clients: gunicorn with ``--preload``."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from servers import PATIENCE, Reply, Site, serving

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

WORKERS = 2
ROUNDS = 300
HEADERS = {
    "/cached": [("Cache-Control", "max-age=60")],
    "/stale": [("Cache-Control", "max-age=10, stale-while-revalidate=600"), ("Age", "100")],
    "/none": [("Cache-Control", "no-store")],
}
PADDING = b"x" * 20_000
STORES = {"memory": "memory:", "files": "file://{}/store", "sqlite": "sqlite:///{}/cache.db"}


class Origin(ThreadingHTTPServer):
    """An origin that says what it was asked for, and the how-many-eth time; it keeps its connections open."""

    request_queue_size = 100
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.calls: Counter[str] = Counter()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Origin

    def do_GET(self) -> None:
        calls = self.server.calls
        calls[self.path] += 1
        body = f"{self.path}:{calls[self.path]}:".encode() + PADDING
        self.send_response(200)
        for name, value in HEADERS[self.path.partition("?")[0]]:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def origin() -> Iterator[Origin]:
    server = Origin()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def number(target: str, reply: Reply) -> int:
    """Which of the origin's responses to `target` this is, after a look at whether it is one, and whole."""
    asked, made, padding = reply.body.split(b":")
    assert (reply.status, asked, padding) == (200, target.encode(), PADDING)
    return int(made)


@contextmanager
def preloaded(
    kind: str, client: str, store: str, origin: Origin, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """The site under gunicorn."""
    monkeypatch.setenv("ORIGIN", f"http://127.0.0.1:{origin.server_port}")
    monkeypatch.setenv("CLIENT", client)
    options = ("--worker-class", kind, "--threads", "4" if kind == "gthread" else "1", "--workers", str(WORKERS))
    address = STORES[store].format(folder)
    with serving("gunicorn", "", folder, *options, store=address, app="preloaded:app") as site:
        yield site


def of_each(site: Site, target: str) -> list[Reply]:
    """The first reply of each worker to `target`, in the order in which they came."""
    first: dict[str, Reply] = {}
    end = time.monotonic() + PATIENCE
    while len(first) < WORKERS:
        assert time.monotonic() < end, "a worker does not answer"
        reply = site.ask(target)
        number(target, reply)
        first.setdefault(reply.headers["worker"], reply)
    return list(first.values())


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("client", ["requests", "httpx"])
@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_workers_behave(
    kind: str, store: str, client: str, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with preloaded(kind, client, store, origin, tmp_path, monkeypatch) as site:
        # What their parent has stored is there, in memory, too.
        assert [reply.cache for reply in of_each(site, "/cached?master")] == ["hit"] * WORKERS
        # What one of them stores is the other's, too, unless it is in memory.
        shared = ["miss", "miss"] if store == "memory" else ["miss", "hit"]
        assert [reply.cache for reply in of_each(site, "/cached?shared")] == shared
        # All at once: nobody gets what another has asked for.
        targets = [f"{list(HEADERS)[n % 3]}?{n * 7 % 20}" for n in range(ROUNDS)]
        with ThreadPoolExecutor(12) as threads:
            replies = list(threads.map(site.ask, targets))
        for target, reply in zip(targets, replies, strict=True):
            number(target, reply)
        workers = {int(reply.headers["worker"]) for reply in replies}
        assert len(workers) == WORKERS
        # Something stale is refreshed, though the threads that did so in the parent are not there.
        before = number("/stale?master", site.ask("/stale?master"))
        end = time.monotonic() + PATIENCE
        while number("/stale?master", reply := site.ask("/stale?master")) <= before + WORKERS:
            assert reply.cache == "stale"
            assert time.monotonic() < end, "nothing is refreshed"
        site.stop()
        assert site.process.returncode == 0
        assert all(map(gone, workers))
    assert (tmp_path / "said").read_text(encoding="utf-8") == ""
