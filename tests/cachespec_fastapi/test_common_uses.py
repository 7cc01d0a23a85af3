"""What people declare most, through a real server and a real client: the field byte for byte, and who answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Response
from fastapi.responses import FileResponse

from cachespec_fastapi import cache, install

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100"
    "c9fe92ef0000000049454e44ae426082"
)

USES = {
    "/static/logo.png": (
        {"max_age": 31536000, "public": True, "immutable": True},
        b"public, max-age=31536000, immutable",
    ),
    "/api/articles": ({"max_age": 300, "public": True}, b"public, max-age=300"),
    "/api/user/profile": ({"max_age": 300, "private": True}, b"private, max-age=300"),
    "/api/data": ({"max_age": 60, "s_maxage": 3600, "public": True}, b"public, max-age=60, s-maxage=3600"),
    "/api/secrets": ({"no_store": True}, b"no-store"),
}
SHARED = {"/static/logo.png", "/api/articles", "/api/data"}
"""What a cache that serves everybody may keep."""


def application(folder: Path, called: Counter[str]) -> FastAPI:
    app = FastAPI()
    install(app)
    logo = folder / "logo.png"
    logo.write_bytes(PIXEL)

    def declared(path: str) -> Any:
        return app.get(path, dependencies=[cache(**USES[path][0])])

    @declared("/static/logo.png")
    async def get_logo() -> Response:
        called["/static/logo.png"] += 1
        return FileResponse(logo)

    @declared("/api/articles")
    async def get_articles() -> Any:
        called["/api/articles"] += 1
        return {"articles": ["one", "two"]}

    @declared("/api/user/profile")
    def get_profile() -> Any:
        called["/api/user/profile"] += 1
        return {"user": "john_doe"}

    @declared("/api/data")
    async def get_data(response: Response) -> Any:
        called["/api/data"] += 1
        response.headers["X-Mine"] = "yes"
        return {"data": "it"}

    @declared("/api/secrets")
    def get_secrets() -> Any:
        called["/api/secrets"] += 1
        return {"secret": "value"}

    return app


@pytest.fixture(params=["headers only", "kept in memory", "kept in SQLite"])
def around(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Any], Any] | None]:
    """What stands around the application, if anything."""
    if request.param == "headers only":
        yield None
        return
    middleware = pytest.importorskip("cachespec_asgi").CacheMiddleware
    if request.param == "kept in memory":
        yield middleware
        return
    packaged = pytest.importorskip("cachespec_sql")
    if not hasattr(packaged, "SQLStore"):
        pytest.skip("cachespec-sql has no store yet")
    store = packaged.SQLStore(f"sqlite:///{tmp_path / 'cache.db'}")
    yield lambda app: middleware(app, store=store)
    store.close()


@pytest.fixture
def called() -> Counter[str]:
    """How often each endpoint was called."""
    return Counter()


@pytest.fixture
def url(around: Any, called: Counter[str], tmp_path: Path, serve: Callable[[Any], Any]) -> Iterator[str]:
    """The application under uvicorn."""
    app = application(tmp_path, called)
    with serve(app if around is None else around(app)) as served:
        yield served


@pytest.mark.parametrize("path", USES)
def test_the_field_is_as_declared_and_the_second_request_goes_where_it_may(
    url: str, path: str, around: Any, called: Counter[str]
) -> None:
    with httpx2.Client(base_url=url) as client:
        first, second = client.get(path), client.get(path)
    for reply in (first, second):
        assert reply.status_code == 200
        lines = [value for name, value in reply.headers.raw if name.lower() == b"cache-control"]
        assert lines == [USES[path][1]]
        assert "cachespec-cache-control" not in reply.headers
    assert first.content == second.content
    assert called[path] == (1 if around and path in SHARED else 2)
    if around:
        assert first.headers["cache-status"].startswith("cachespec; fwd=")
        assert ("cachespec; hit" in second.headers["cache-status"]) == (path in SHARED)


def test_an_error_is_not_declared_and_not_kept(url: str) -> None:
    with httpx2.Client(base_url=url) as client:
        for _ in range(2):
            reply = client.get("/api/elsewhere")
            assert (reply.status_code, reply.headers.get("cache-control")) == (404, None)
