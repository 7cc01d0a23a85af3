"""The example application of the documentation: a newspaper with one worker in process, and with two under uvicorn."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "articles.py"

pytest.importorskip("cachespec_asgi")


@pytest.fixture
def one_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Callable[[Any], Any]) -> Iterator[str]:
    """The application in this process, with its cache in memory."""
    monkeypatch.setenv("ARTICLES_FOLDER", str(tmp_path))
    monkeypatch.setenv("ARTICLES_STORE", "memory:")
    spec = importlib.util.spec_from_file_location("articles", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # FastAPI looks up the names in its annotations there.
    monkeypatch.setitem(sys.modules, "articles", module)
    spec.loader.exec_module(module)
    with serve(module.app) as url:
        yield url


@pytest.fixture
def two_workers(tmp_path: Path) -> Iterator[str]:
    """The application in two processes, with its cache in SQLite."""
    if not hasattr(pytest.importorskip("cachespec_sql"), "SQLStore"):
        pytest.skip("cachespec-sql has no store yet")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLE.parent), "articles:app"]
    server = subprocess.Popen(
        [*command, "--port", str(port), "--workers", "2", "--log-level", "warning"],
        env={**os.environ, "ARTICLES_FOLDER": str(tmp_path)},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                httpx2.get(f"{url}/static/logo.v1.svg")
                break
            except httpx2.ConnectError:
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def get(request: pytest.FixtureRequest) -> Any:
    """`get("/path")`, each time over a connection of its own, so that any worker may answer."""
    base = request.getfixturevalue(getattr(request, "param", "one_worker"))

    def asked(path: str, method: str = "GET", **headers: str) -> httpx2.Response:
        return httpx2.request(
            method, base + path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    asked.base = base  # type: ignore[attr-defined]
    return asked


# For what one worker does and another one has to know.
however_many = pytest.mark.parametrize("get", ["one_worker", "two_workers"], indirect=True)


def hits(reply: httpx2.Response) -> bool:
    """Whether the cache around the application answered."""
    return reply.headers["cache-status"].startswith("cachespec; hit")


@however_many
def test_articles_are_kept_until_they_change(get: Any) -> None:
    first = get("/articles")
    assert first.headers["cache-control"] == "public, max-age=60"
    assert first.headers["cache-groups"] == '"articles"'
    assert "cachespec-cache-control" not in first.headers
    assert [article["title"] for article in first.json()] == ["Squirrels seen in the park", "Park closed"]
    assert all(hits(get("/articles")) for _ in range(6))
    before = get("/articles/1")
    assert before.headers["etag"] == '"1-0"'
    assert all(hits(get("/articles/1")) for _ in range(6))

    changed = get("/articles/1?title=Squirrels+gone", "PUT", if_match='"1-0"')
    assert changed.json() == {"number": 1, "title": "Squirrels gone", "revision": 1}
    assert changed.headers["cache-group-invalidation"] == '"articles", "article-1"'
    for _ in range(6):
        assert get("/articles/1").json()["title"] == "Squirrels gone"
        assert get("/articles").json()[0]["title"] == "Squirrels gone"
    assert get("/articles/1", if_none_match='"1-0"').status_code == 200
    unchanged = get("/articles/1", if_none_match='"1-1"')
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["cache-control"] == "public, max-age=60"


def test_a_change_to_what_is_no_longer_there_is_refused(get: Any) -> None:
    assert get("/articles/1?title=A", "PUT", if_match='"1-7"').status_code == 412
    assert get("/articles/9?title=A", "PUT", if_match="*").status_code == 412
    assert get("/articles/9?title=A", "PUT").status_code == 404
    assert get("/articles/1").json()["revision"] == 0


def test_an_article_that_is_not_there_is_not_kept(get: Any) -> None:
    for _ in range(2):
        missing = get("/articles/9")
        assert (missing.status_code, missing.headers.get("cache-control")) == (404, None)
        assert not hits(missing)


def test_each_user_gets_what_is_theirs(get: Any) -> None:
    for name in ("ada", "ben", "ada"):
        reply = get("/users/me", authorization=f"Bearer {name}")
        assert (reply.json(), reply.headers["cache-control"]) == ({"name": name}, "private, max-age=300")
        assert not hits(reply)
    assert get("/users/me").status_code in (401, 403)


def test_static_files_are_kept_for_a_year(get: Any) -> None:
    for _ in range(2):
        reply = get("/static/logo.v1.svg")
        assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert hits(reply)


@however_many
def test_events_come_as_they_happen(get: Any) -> None:
    with httpx2.stream("GET", f"{get.base}/events", timeout=10) as reply:
        assert reply.headers["cache-control"] == "no-store"
        lines = reply.iter_lines()
        assert [next(lines) for _ in range(3)] == ["event: changes", "data: 0", ""]
        get("/articles/2?title=Park+open", "PUT")
        assert [next(lines) for _ in range(3)] == ["event: changes", "data: 1", ""]
