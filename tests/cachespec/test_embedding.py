"""The library author's case: a cache for urllib, built from the core's public names only."""

from __future__ import annotations

import ast
import gzip
import importlib.util
import threading
import urllib.error
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import OpenerDirector, Request, build_opener

import pytest

import cachespec
from cachespec import Cache

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "urllib_cache.py"


def load() -> Any:
    spec = importlib.util.spec_from_file_location("urllib_cache", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Origin(BaseHTTPRequestHandler):
    """A server whose answers are named by the path."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, dict[str, str]]]

    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        self.rfile.read(size)
        self.asked.append((self.path, dict(self.headers)))
        if self.headers.get("If-None-Match") == '"1"':
            self.send_response(304)
            self.end_headers()
            return
        body = gzip.compress(b"coded") if self.path == "/coded" else b"x" * 200_000
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Cache-Control", "max-age=0" if self.path == "/stale" else "max-age=60")
        self.send_header("ETag", '"1"')
        if self.path == "/coded":
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body) + (10 if self.path == "/cut" else 0)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    do_POST = do_GET  # noqa: N815  # http.server's name

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def origin() -> Iterator[Any]:
    handler = type("Handler", (Origin,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    handler.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]  # for the tests only
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def opener() -> OpenerDirector:
    return build_opener(load().CacheHandler(Cache()))


def get(opener: OpenerDirector, request: str | Request) -> tuple[bytes, str]:
    """The content, and what the cache did."""
    with opener.open(request, timeout=10) as response:
        return response.read(), response.cachespec.status


def test_the_example_is_built_from_public_names_of_the_core() -> None:
    imported = [
        alias.name
        for node in ast.walk(ast.parse(EXAMPLE.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cachespec")
        for alias in node.names
    ]
    assert imported
    assert set(imported) <= set(cachespec.__all__)


def test_a_fresh_response_is_answered_from_the_store(origin: Any, opener: OpenerDirector) -> None:
    assert get(opener, f"{origin.url}/a") == (b"x" * 200_000, "miss")
    assert get(opener, f"{origin.url}/a") == (b"x" * 200_000, "hit")
    assert len(origin.asked) == 1


def test_a_stale_response_is_validated(origin: Any, opener: OpenerDirector) -> None:
    get(opener, f"{origin.url}/stale")
    assert get(opener, f"{origin.url}/stale") == (b"x" * 200_000, "revalidated")
    assert origin.asked[1][1]["If-None-Match"] == '"1"'


def test_coded_content_stays_coded(origin: Any, opener: OpenerDirector) -> None:
    for _ in range(2):
        content, _ = get(opener, f"{origin.url}/coded")
        assert gzip.decompress(content) == b"coded"


def test_a_stored_error_is_an_error_again(origin: Any, opener: OpenerDirector) -> None:
    for _ in range(2):
        with pytest.raises(urllib.error.HTTPError) as error:
            opener.open(f"{origin.url}/missing", timeout=10)
        assert error.value.read() == b"x" * 200_000
        error.value.close()
    assert len(origin.asked) == 1


def test_content_that_stops_short_is_not_stored(origin: Any, opener: OpenerDirector) -> None:
    for _ in range(2):
        assert get(opener, f"{origin.url}/cut")[1] == "miss"
    assert len(origin.asked) == 2


def test_content_that_is_given_up_is_not_stored(origin: Any, opener: OpenerDirector) -> None:
    with opener.open(f"{origin.url}/a", timeout=10) as response:
        response.read(10)
    assert get(opener, f"{origin.url}/a")[1] == "miss"


def test_an_unsafe_request_drops_what_is_stored(origin: Any, opener: OpenerDirector) -> None:
    get(opener, f"{origin.url}/a")
    assert get(opener, Request(f"{origin.url}/a", data=b"new"))[1] == "bypass"
    assert get(opener, f"{origin.url}/a")[1] == "miss"
