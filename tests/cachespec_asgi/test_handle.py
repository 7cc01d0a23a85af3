"""What lies at ``scope["cachespec"]``: purging from the application, and fields declared in it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

from cachespec import Gateway
from cachespec_asgi import CacheMiddleware, DuplicateCaching, get_cache

pytestmark = pytest.mark.anyio


class Publishing:
    """An application that purges on POST."""

    def __init__(self, origin: Any) -> None:
        self.origin = origin
        self.arguments: dict[str, Any] = {}
        self.hit = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST":
            self.hit = await get_cache(Request(scope)).purge(**self.arguments)
        await self.origin(scope, receive, send)


@pytest.mark.parametrize(
    ("arguments", "gone"),
    [
        pytest.param({"url": "/a"}, {"/a"}, id="relative URL"),
        pytest.param({"url": "https://example.com/a"}, {"/a"}, id="absolute URL"),
        pytest.param({"prefix": "/a"}, {"/a", "/a/b"}, id="prefix"),
        pytest.param({"groups": "news"}, {"/c"}, id="group"),
        pytest.param({"groups": ["news", "other"], "soft": True}, {"/c"}, id="groups, softly"),
        pytest.param({"everything": True}, {"/a", "/a/b", "/c"}, id="everything"),
        pytest.param({"expired": True}, set(), id="expired"),
    ],
)
async def test_the_application_may_purge(client: Any, origin: Any, arguments: Any, gone: set[str]) -> None:
    app = Publishing(origin)
    app.arguments = arguments
    call = client(CacheMiddleware(app))
    await call("/a")
    await call("/a/b")
    origin.headers = [("cache-control", "max-age=60"), ("cache-groups", '"news"')]
    await call("/c")
    await call("/publish", method="POST")
    assert app.hit == len(gone)
    assert {path for path in ("/a", "/a/b", "/c") if "; hit" not in (await call(path)).cache} == gone


async def test_a_purge_beats_what_began_before_it(client: Any, origin: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if origin.calls == 0:
            await get_cache(scope).purge(url="")
        await origin(scope, receive, send)

    call = client(CacheMiddleware(app))
    for calls in (1, 2, 2):
        await call("/a")
        assert origin.calls == calls


async def test_what_is_purged_is_named_relative_to_the_request_even_where_that_is_not_cached(
    client: Any, origin: Any
) -> None:
    app = Publishing(origin)
    app.arguments = {"url": "https://example.com/a"}
    call = client(CacheMiddleware(app))
    await call("/a")
    await call("/publish", method="POST", host="no good")
    assert app.hit == 1


def test_without_a_cache_there_is_nothing_to_get() -> None:
    with pytest.raises(LookupError, match="no CacheMiddleware"):
        get_cache({"type": "http"})
    with pytest.raises(LookupError):
        get_cache(SimpleNamespace(scope={}))


async def test_it_is_there_whichever_way_the_request_takes(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin))
    origin.headers = [("cache-control", "no-store")]
    for request in ({}, {}, {"host": None}, {"method": "POST"}, {"headers": [("x-http-method", "PUT")]}):
        await call("/a", **request)
        handle = origin.scopes[-1]["cachespec"]
        assert isinstance(handle, Gateway)
        assert handle.caching
    assert origin.calls == 5


async def test_what_the_cache_did_is_told_behind_the_start(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin))
    await call("/a")
    info = origin.scopes[-1]["cachespec"].info
    assert (info.status, info.stored, info.reason.code) == ("miss", True, "storable")


class Declaring:
    """An application that declares field lines and does not write them."""

    def __init__(self, origin: Any) -> None:
        self.origin = origin
        self.lines: list[tuple[str, str]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        get_cache(scope).fields.extend(self.lines)
        await self.origin(scope, receive, send)


async def test_fields_that_were_declared_are_written_and_obeyed(client: Any, origin: Any) -> None:
    origin.headers = [("vary", "accept"), ("x-own", "1")]
    app = Declaring(origin)
    app.lines = [
        ("Cache-Control", "max-age=60"),
        ("Cachespec-Cache-Control", "max-age=90"),
        ("Vary", "accept-language"),
        ("X-Own", "2"),
    ]
    call = client(CacheMiddleware(app))
    for cache in ("cachespec; fwd=uri-miss", "cachespec; hit; ttl=89"):
        reply = await call("/a")
        assert reply.cache == cache
        assert reply.headers["cache-control"] == "max-age=60"
        assert reply.headers["vary"] == "accept, accept-language"
        assert reply.headers["x-own"] == "1"
    assert origin.calls == 1


async def test_fields_that_were_declared_do_not_count_for_an_error(client: Any, origin: Any) -> None:
    origin.headers, origin.status = [], 404
    app = Declaring(origin)
    app.lines = [("Cache-Control", "max-age=60")]
    call = client(CacheMiddleware(app))
    for _ in range(2):
        assert "cache-control" not in (await call("/a")).headers
    assert origin.calls == 2


async def test_fields_that_were_declared_are_written_where_nothing_is_cached(client: Any, origin: Any) -> None:
    origin.headers = []
    app = Declaring(origin)
    app.lines = [("Cache-Control", "no-store")]
    call = client(CacheMiddleware(app))
    for request in ({"path": "/a"}, {"path": "/a"}, {"path": "/a", "host": None}, {"path": "/a", "method": "POST"}):
        assert (await call(**request)).headers["cache-control"] == "no-store"


async def test_an_object_that_somebody_further_out_has_made_is_told(client: Any, origin: Any) -> None:
    outer = SimpleNamespace(fields=[("x-declared", "1")], caching=False, info=None)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        outer.caching = False
        await middleware({**scope, "cachespec": outer}, receive, send)

    middleware = CacheMiddleware(origin)
    call = client(app)
    reply = await call("/a")
    assert (reply.headers["x-declared"], outer.caching) == ("1", True)
    await call("/a")
    assert (outer.info.status, origin.calls) == ("hit", 1)


# --- one inside another


async def test_a_cache_inside_another_one_steps_aside(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(CacheMiddleware(origin)))
    assert (await call("/a")).cache == "cachespec; fwd=uri-miss"
    assert (await call("/a")).cache.startswith("cachespec; hit")
    assert origin.calls == 1


async def test_a_strict_one_says_so(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(CacheMiddleware(origin, strict=True)))
    with pytest.raises(DuplicateCaching, match="inside another one"):
        await call("/a")
