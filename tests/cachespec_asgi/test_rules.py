"""Rules: what the operator lays down for some of the requests."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from cachespec_asgi import CacheMiddleware, Rule

pytestmark = pytest.mark.anyio


# --- which requests


@pytest.mark.parametrize(
    ("rule", "paths"),
    [
        pytest.param({}, {"/", "/api", "/api/a"}, id="all of them"),
        pytest.param({"path": "/api"}, {"/api"}, id="path"),
        pytest.param({"path": ["/", "/api"]}, {"/", "/api"}, id="one of several paths"),
        pytest.param({"prefix": "/api"}, {"/api", "/api/a"}, id="prefix"),
        pytest.param({"prefix": ("/b", "/api/")}, {"/api/a"}, id="one of several prefixes"),
        pytest.param({"regex": "/api/?.*"}, {"/api", "/api/a"}, id="regex"),
        pytest.param({"regex": re.compile("/A.I", re.IGNORECASE)}, {"/api"}, id="compiled regex, the whole path"),
        pytest.param({"where": lambda scope: scope["path"] == "/"}, {"/"}, id="predicate"),
        pytest.param({"prefix": "/api", "where": lambda scope: scope["path"] != "/api"}, {"/api/a"}, id="all have to"),
    ],
)
async def test_a_rule_is_about_the_requests_that_it_describes(
    client: Any, origin: Any, rule: dict[str, Any], paths: set[str]
) -> None:
    origin.headers = []
    call = client(CacheMiddleware(origin, rules=[Rule(ttl=60, **rule)]))
    for path in ("/", "/api", "/api/a"):
        origin.calls = 0
        await call(path)
        await call(path)
        assert (origin.calls == 1) == (path in paths), path


@pytest.mark.parametrize(
    ("rule", "argument"),
    [
        ({"path": "a"}, "path"),
        ({"path": 1}, "path"),
        ({"path": []}, "path"),
        ({"path": ["/a", "b"]}, "path"),
        ({"path": ["/a", 1]}, "path"),
        ({"prefix": "a"}, "prefix"),
        ({"where": 1}, "where"),
        ({"status": 99}, "status"),
        ({"status": (200, "404")}, "status"),
        ({"status": True}, "status"),
        ({"ttl": -1}, "ttl"),
        ({"ttl": 1.5}, "ttl"),
        ({"ttl": "60"}, "ttl"),
        ({"ttl": timedelta(milliseconds=1500)}, "ttl"),
        ({"declare": True}, "declare"),
        ({"declare": True, "ttl": 0}, "declare"),
        ({"vary_by": "x tenant"}, "vary_by"),
        ({"vary_by": ["x-tenant\r\n"]}, "vary_by"),
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_meant_is_refused_with_its_argument(rule: Any, argument: str) -> None:
    with pytest.raises((TypeError, ValueError), match=argument):
        Rule(**rule)


def test_a_regex_that_is_none_is_refused() -> None:
    with pytest.raises(re.error):
        Rule(regex="(")


def test_what_is_no_rule_is_refused(origin: Any) -> None:
    with pytest.raises(TypeError, match="rules: "):
        CacheMiddleware(origin, rules=["/api"])  # type: ignore[list-item]


# --- for how long


async def test_a_ttl_is_for_this_cache_only(client: Any, origin: Any, clock: Any) -> None:
    origin.headers = [("cache-control", "max-age=5")]
    call = client(CacheMiddleware(origin, rules=[Rule(ttl=timedelta(minutes=1))], clock=clock))
    await call("/a")
    clock.now += 50
    reply = await call("/a")
    assert (origin.calls, reply.cache) == (1, "cachespec; hit; ttl=10")
    assert reply.headers["cache-control"] == "max-age=5"
    assert "cachespec-cache-control" not in reply.headers


@pytest.mark.parametrize("control", ["no-store", "private", "no-cache", "max-age=60, no-store"])
async def test_a_ttl_lifts_no_restriction_of_the_response(client: Any, origin: Any, control: str) -> None:
    origin.headers = [("cache-control", control)]
    call = client(CacheMiddleware(origin, rules=[Rule(ttl=60)]))
    await call("/a")
    await call("/a")
    assert origin.calls == 2


@pytest.mark.parametrize(
    "request_", [{"headers": [("cookie", "a=b")]}, {"headers": [("authorization", "Basic YTpi")]}], ids=str
)
async def test_a_ttl_opens_no_response_to_a_request_with_credentials(client: Any, origin: Any, request_: Any) -> None:
    origin.headers = []
    call = client(CacheMiddleware(origin, rules=[Rule(ttl=60, declare=True)]))
    for _ in range(2):
        reply = await call("/a", **request_)
        # Nor is anybody else told that it may be kept.
        assert "cache-control" not in reply.headers
    assert origin.calls == 2
    origin.headers = [("cache-control", "public")]
    for _ in range(2):
        await call("/b", **request_)
    assert origin.calls == 3


async def test_a_ttl_leaves_a_response_with_set_cookie_alone(client: Any, origin: Any) -> None:
    origin.headers = [("set-cookie", "a=b")]
    call = client(CacheMiddleware(origin, ttl=60))
    for _ in range(2):
        assert "cache-control" not in (await call("/a")).headers
    assert origin.calls == 2


async def test_a_ttl_of_nothing_keeps_responses_out(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin, rules=[Rule(path="/a", ttl=0)]))
    for path, calls in (("/a", 1), ("/a", 2), ("/b", 3), ("/b", 3)):
        await call(path)
        assert origin.calls == calls


async def test_a_ttl_is_about_success_unless_it_names_another_status(client: Any, origin: Any) -> None:
    origin.status, origin.headers = 404, []
    rules = [Rule(prefix="/b", ttl=60, status=(200, 404)), Rule(ttl=30), Rule(prefix="/c", status=404, ttl=60)]
    call = client(CacheMiddleware(origin, rules=rules))
    for path, calls in (("/a", 1), ("/a", 2), ("/b", 3), ("/b", 3), ("/c", 4), ("/c", 4)):
        await call(path)
        assert origin.calls == calls


async def test_what_the_response_says_to_this_cache_goes_before_a_rule(client: Any, origin: Any) -> None:
    origin.headers = [("cachespec-cache-control", "no-store")]
    call = client(CacheMiddleware(origin, rules=[Rule(ttl=60)]))
    await call("/a")
    await call("/a")
    assert origin.calls == 2


async def test_what_stands_beside_the_lifetime_stays_in_force(client: Any, origin: Any, clock: Any) -> None:
    origin.headers = [
        (
            "cache-control",
            'public, stale-while-revalidate=100, stale-if-error=200, private="x-user", no-cache="x-token"',
        ),
        ("x-user", "me"),
        ("x-token", "secret"),
        ("x-other", "kept"),
    ]
    call = client(CacheMiddleware(origin, rules=[Rule(ttl=60)], clock=clock))
    await call("/a")
    clock.now += 100
    reply = await call("/a")
    assert reply.cache == "cachespec; hit; ttl=-40"
    assert not {"x-user", "x-token"} & reply.headers.keys()
    assert reply.headers["x-other"] == "kept"
    origin.headers = [("cache-control", "must-revalidate, stale-while-revalidate=100")]
    await call("/b")
    clock.now += 100
    assert (await call("/b")).cache == "cachespec; fwd=stale"


async def test_a_ttl_holds_for_what_a_304_confirms(client: Any, origin: Any, clock: Any) -> None:
    origin.headers = [("etag", '"1"')]
    call = client(CacheMiddleware(origin, rules=[Rule(ttl=60)], clock=clock))
    await call("/a")
    clock.now += 100
    await call("/a")
    reply = await call("/a")
    assert (origin.calls, reply.cache) == (2, "cachespec; hit; ttl=60")


# --- everything, for so many seconds


async def test_everything_can_be_kept_for_a_while_and_everybody_told(client: Any, origin: Any, clock: Any) -> None:
    origin.headers = [("content-type", "text/plain")]
    call = client(CacheMiddleware(origin, ttl=60, clock=clock))
    for _ in range(2):
        reply = await call("/a")
        assert reply.headers["cache-control"] == "max-age=60"
        assert reply.headers["expires"] == "Tue, 14 Nov 2023 22:14:20 GMT"
    assert origin.calls == 1
    # Answers to HEAD come from what GET has brought.
    assert (await call("/a", method="HEAD")).headers["content-length"] == "5"
    assert origin.calls == 1


@pytest.mark.parametrize(
    "line", [("cache-control", "max-age=5"), ("cache-control", "s-maxage=5"), ("expires", "0")], ids=str
)
async def test_nobody_is_told_anything_where_the_response_has_a_lifetime(client: Any, origin: Any, line: Any) -> None:
    origin.headers = [line]
    call = client(CacheMiddleware(origin, ttl=60))
    reply = await call("/a")
    assert [(name, value) for name, value in reply.lines if name in ("cache-control", "expires")] == [line]


async def test_a_ttl_that_is_none_is_refused_by_its_name(origin: Any) -> None:
    with pytest.raises(ValueError, match="ttl"):
        CacheMiddleware(origin, ttl=-1)


# --- past the cache, and the key


async def test_a_rule_may_have_requests_pass_by_the_cache(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin, rules=[Rule(prefix="/a", bypass=True)]))
    for _ in range(2):
        assert (await call("/a")).cache == "cachespec; fwd=bypass"
    assert origin.calls == 2
    assert origin.scopes[-1]["cachespec"].info.reason.code == "rule"
    await call("/b")
    await call("/b")
    assert origin.calls == 3


async def test_a_rule_may_keep_parameters_and_their_order_out_of_the_key(client: Any, origin: Any) -> None:
    rules = [Rule(prefix="/a", ignore_params=["utm_*", "ref"], sort_params=True), Rule(prefix="/b", ignore_params="x")]
    call = client(CacheMiddleware(origin, rules=rules))
    for path, query, calls in (
        ("/a", "x=1&y=2", 1),
        ("/a", "y=2&utm_source=mail&x=1&ref=z", 1),
        ("/a", "x=2&y=2", 2),
        ("/b", "x=1&y=2", 3),
        ("/b", "y=2&x=2", 3),
        ("/c", "x=1", 4),
        ("/c", "x=2", 5),
    ):
        await call(path, query=query)
        assert origin.calls == calls
    # The application sees the request as it came.
    assert origin.scopes[1]["query_string"] == b"x=2&y=2"


async def test_request_fields_may_tell_responses_apart(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin, rules=[Rule(vary_by=["X-Tenant", "x-plan"])]))
    given = [[("x-tenant", "a")], [("x-tenant", "b")], [("x-plan", "a")], [("x-tenant", "a"), ("x-plan", "")], []]
    for _ in range(2):
        for headers in given:
            reply = await call("/a", headers=headers)
            # Caches downstream cannot know what tells them apart.
            assert reply.headers["cache-control"] == "private, max-age=60"
    assert origin.calls == 5


async def test_a_function_may_tell_responses_apart_or_have_them_pass(client: Any, origin: Any) -> None:
    def tenant(scope: Any) -> str | None:
        return scope["path"][1:].partition("-")[0] or None

    middleware = CacheMiddleware(origin, rules=[Rule(vary_by=tenant, ignore_params=["*"])])
    call = client(middleware)
    origin.headers = [("cache-control", 'public, s-maxage=60, x="a, b"')]
    assert (await call("/a-1")).headers["cache-control"] == 'private, x="a, b"'
    await call("/a-1")
    assert origin.calls == 1
    for _ in range(2):
        assert (await call("/")).cache == "cachespec; fwd=bypass"
    assert origin.calls == 3
    # Kept as a digest only.
    assert "@partition" in str([item for _, item in middleware.cache.store.items()])


async def test_the_first_rule_that_matches_decides_about_the_request(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin, rules=[Rule(path="/a/keep", ttl=60), Rule(prefix="/a", bypass=True)]))
    for path, calls in (("/a/keep", 1), ("/a/keep", 1), ("/a/other", 2), ("/a/other", 3)):
        await call(path)
        assert origin.calls == calls
