"""Declaring for one endpoint or one application how its responses are to be cached."""

from __future__ import annotations

from typing import Any

import pytest

from cachespec_asgi import CacheControlMiddleware, CacheMiddleware, cache_control, cached, never_cache, vary_on

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("own", "directives", "expected"),
    [
        pytest.param("", {"public": True, "max_age": 60}, "public, max-age=60", id="adds"),
        pytest.param("max-age=30", {"max_age": 60}, "max-age=30", id="never prolongs"),
        pytest.param("max-age=90", {"max_age": 60}, "max-age=60", id="shortens"),
        pytest.param("s-maxage=90", {"s_maxage": 60}, "s-maxage=60", id="shortens for shared caches"),
        pytest.param("max-age=x", {"max_age": 60}, "max-age=0", id="what cannot be read is nothing"),
        pytest.param("no-transform, max-age=5", {"no_transform": False}, "max-age=5", id="removes"),
        pytest.param("no-transform", {"no_transform": False}, None, id="removes all"),
        pytest.param("private, max-age=5", {"public": True}, "max-age=5, public", id="public for private"),
        pytest.param("public", {"private": True}, "private", id="private for public"),
        pytest.param('x="a, b"', {"no_cache": ["set-cookie"]}, 'x="a, b", no-cache="set-cookie"', id="keeps others"),
        pytest.param("no-store", {"stale_while_revalidate": None}, "no-store", id="None says nothing"),
    ],
)
async def test_directives_are_added_removed_and_shortened(
    client: Any, origin: Any, own: str, directives: Any, expected: str | None
) -> None:
    origin.headers = [("Cache-Control", own)] if own else []
    for app in (CacheControlMiddleware(origin, **directives), cache_control(**directives)(origin)):
        assert (await client(app)("/a")).headers.get("cache-control") == expected


async def test_an_error_gets_no_directive_that_has_it_stored_or_used_longer(client: Any, origin: Any) -> None:
    origin.headers, origin.status = [], 500
    app = CacheControlMiddleware(origin, public=True, max_age=60, stale_if_error=600, must_revalidate=True)
    assert (await client(app)("/a")).headers["cache-control"] == "must-revalidate"
    origin.status = 200
    reply = await client(app)("/a")
    assert reply.headers["cache-control"] == "public, max-age=60, must-revalidate, stale-if-error=600"


@pytest.mark.parametrize(
    "directives",
    [{"max_age": -1}, {"max_age": 1.5}, {"maxage": 1}, {"private": "a b"}, {"public": True, "private": True}],
    ids=str,
)
def test_a_directive_that_cannot_be_meant_is_refused(origin: Any, directives: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        cache_control(**directives)


async def test_never_cache_goes_before_everything_else(client: Any, origin: Any) -> None:
    origin.headers = [
        ("cache-control", "public, max-age=60"),
        ("expires", "Tue, 14 Nov 2033 22:14:20 GMT"),
        ("cachespec-cache-control", "max-age=60"),
        ("cdn-cache-control", "max-age=60"),
        ("etag", '"1"'),
    ]
    call = client(CacheMiddleware(never_cache(origin)))
    for _ in range(2):
        reply = await call("/a")
        assert reply.headers["cache-control"] == "private, no-store, no-cache, max-age=0, must-revalidate"
        assert not {"expires", "cdn-cache-control"} & reply.headers.keys()
    assert origin.calls == 2


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ("", "Accept, Accept-Language"),
        ("accept", "accept, Accept-Language"),
        ("Accept, accept-language", "Accept, accept-language"),
    ],
)
async def test_vary_on_adds_what_is_missing(client: Any, origin: Any, own: str, expected: str) -> None:
    origin.headers = [("Vary", own)] if own else []
    reply = await client(vary_on("Accept", "Accept-Language")(origin))("/a")
    assert ", ".join(value for name, value in reply.lines if name.lower() == "vary") == expected


@pytest.mark.parametrize("names", [(), ("",), ("a b",), ("a\r\nb",), ("Accept", "a,b")], ids=str)
def test_vary_on_refuses_what_is_no_field(names: Any) -> None:
    with pytest.raises(ValueError, match="names: "):
        vary_on(*names)


@pytest.mark.parametrize(
    "around",
    [cache_control(max_age=1), never_cache, vary_on("accept"), cached(60), CacheControlMiddleware],
    ids=["cache_control", "never_cache", "vary_on", "cached", "CacheControlMiddleware"],
)
async def test_what_is_not_http_passes_untouched_and_what_is_no_application_is_refused(around: Any) -> None:
    seen: list[Any] = []

    async def app(*given: Any) -> None:
        seen.append(given)

    given = ({"type": "websocket"}, object(), object())
    await around(app)(*given)
    assert all(one is other for one, other in zip(seen[0], given, strict=True))

    async def endpoint(request: Any) -> None: ...

    with pytest.raises(TypeError, match=r"app: .*endpoint does not take scope, receive and send"):
        around(endpoint)
    with pytest.raises(TypeError, match="app: 1 is not callable"):
        around(1)


async def test_an_endpoint_class_of_starlette_can_be_decorated(client: Any) -> None:
    from starlette.applications import Starlette
    from starlette.endpoints import HTTPEndpoint
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    calls: list[str] = []

    @cached(60)
    @cache_control(max_age=5)
    class Endpoint(HTTPEndpoint):
        async def get(self, request: Any) -> PlainTextResponse:
            calls.append(request.url.path)
            return PlainTextResponse("hello")

    call = client(Starlette(routes=[Route("/a", Endpoint)]))
    for _ in range(2):
        reply = await call("/a")
        assert (reply.body, reply.headers["cache-control"]) == (b"hello", "max-age=5")
    assert calls == ["/a"]


# --- cached


async def test_cached_keeps_the_responses_of_one_callable(client: Any, origin: Any, clock: Any) -> None:
    origin.headers = []
    call = client(cached(60)(origin))
    for _ in range(2):
        reply = await call("/a")
        assert "cache-control" not in reply.headers
    assert (origin.calls, "; hit" in reply.cache) == (1, True)


async def test_cached_may_tell_everybody(client: Any, origin: Any) -> None:
    origin.headers = []
    call = client(cached(60, declare=True)(origin))
    assert (await call("/a")).headers["cache-control"] == "max-age=60"


async def test_inside_a_cache_it_is_that_one_which_keeps_them(client: Any, origin: Any, clock: Any) -> None:
    origin.headers = []
    middleware = CacheMiddleware(cached(60, declare=True)(origin), clock=clock)
    call = client(middleware)
    for cache in ("cachespec; fwd=uri-miss", "cachespec; hit; ttl=60"):
        reply = await call("/a")
        assert (reply.cache, reply.headers["cache-control"]) == (cache, "max-age=60")
    assert len(middleware.cache.store) == 1
    assert origin.calls == 1


@pytest.mark.parametrize("control", ["no-store", "private"])
async def test_cached_lifts_no_restriction(client: Any, origin: Any, control: str) -> None:
    origin.headers = [("cache-control", control)]
    for app in (cached(60)(origin), CacheMiddleware(cached(60)(origin))):
        origin.calls = 0
        await client(app)("/a")
        await client(app)("/a")
        assert origin.calls == 2


async def test_cached_opens_nothing_to_requests_with_credentials(client: Any, origin: Any) -> None:
    origin.headers = []
    for app in (cached(60, declare=True)(origin), CacheMiddleware(cached(60, declare=True)(origin))):
        origin.calls = 0
        for _ in range(2):
            reply = await client(app)("/a", headers=[("cookie", "a=b")])
            assert "cache-control" not in reply.headers
        assert origin.calls == 2
