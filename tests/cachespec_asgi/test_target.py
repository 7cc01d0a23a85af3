"""The request as the scope describes it, and those that mean one thing to the cache and another to the application."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachespec import Headers
from cachespec_asgi import CacheMiddleware
from cachespec_asgi.target import fields_of, has_content, target_uri

pytestmark = pytest.mark.anyio


def uri(scope: dict[str, Any]) -> str | None:
    return target_uri(scope, fields_of(scope))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, "https://example.com/", id="plain"),
        pytest.param({"path": "/a%2Fb", "query": "x=1&x=2"}, "https://example.com/a%2Fb?x=1&x=2", id="verbatim"),
        pytest.param({"host": "Example.com:8443"}, "https://Example.com:8443/", id="host as it came"),
        pytest.param({"host": "[::1]:80", "scheme": "http"}, "http://[::1]:80/", id="IPv6"),
        pytest.param({"raw_path": None, "path": "/ä b/%"}, "https://example.com/%C3%A4%20b/%25", id="no raw path"),
        pytest.param({"raw_path": b"/a?b=1", "query": "b=1"}, "https://example.com/a?b=1", id="query in the raw path"),
        pytest.param({"host": None}, None, id="no host"),
        pytest.param({"host": ""}, None, id="empty host"),
        pytest.param({"host": "a, b"}, None, id="two hosts in one line"),
        pytest.param({"host": "a/b"}, None, id="path in the host"),
        pytest.param({"host": "user@example.com"}, None, id="user in the host"),
        pytest.param({"headers": [("host", "other.example")]}, None, id="two host lines"),
        pytest.param({"path": "http://example.com/a"}, None, id="absolute form"),
        pytest.param({"path": "*"}, None, id="asterisk form"),
        pytest.param({"path": "/a#b"}, None, id="fragment in the path"),
        pytest.param({"query": "a#b"}, None, id="fragment in the query"),
    ],
)
def test_the_target_uri_is_made_of_scheme_host_raw_path_and_query(given: Any, expected: Any, scope: Any) -> None:
    assert uri(scope(**given)) == expected


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=20))
def test_no_octets_make_it_fail(path: bytes, query: bytes, host: bytes) -> None:
    made = uri({"scheme": "http", "path": "/", "raw_path": path, "query_string": query, "headers": [(b"host", host)]})
    assert made is None or made.startswith("http://")


@pytest.mark.parametrize(
    ("fields", "content"),
    [
        ({}, False),
        ({"Content-Length": "0"}, False),
        ({"Content-Length": "000"}, False),
        ({"Content-Length": "1"}, True),
        ({"Content-Length": "10"}, True),
        ({"Content-Length": "x"}, True),
        ({"Transfer-Encoding": "chunked"}, True),
    ],
    ids=str,
)
def test_content_is_announced_by_its_length_or_its_coding(fields: dict[str, str], content: bool) -> None:
    assert has_content(Headers(fields)) is content


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        pytest.param({"host": "no good"}, "host", id="host"),
        pytest.param({"path": "*", "method": "OPTIONS"}, "target", id="target"),
        pytest.param({"headers": [("x-http-method-override", "DELETE")]}, "method-override", id="override"),
        pytest.param({"headers": [("x-method-override", "PUT")]}, "method-override", id="other override"),
        pytest.param({"headers": [("content-length", "0"), ("transfer-encoding", "chunked")]}, "smuggling", id="both"),
    ],
)
async def test_what_means_two_things_passes_by_the_cache(client: Any, origin: Any, request_: Any, code: str) -> None:
    call = client(CacheMiddleware(origin))
    for _ in range(3):
        reply = await call(**{"path": "/a", **request_})
        assert reply.cache.startswith("cachespec; fwd=")
        assert reply.body == b"hello"
    assert origin.calls == 3
    assert origin.scopes[-1]["cachespec"].info.reason.code == code


async def test_only_the_hosts_that_were_named_are_cached(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin, hosts=["Example.com", "[::1]"]))
    for host, calls in (("EXAMPLE.com:8000", 1), ("example.com:8000", 1), ("[::1]", 2), ("[::1]", 2)):
        await call("/a", host=host)
        assert origin.calls == calls
    for calls in (3, 4):
        await call("/a", host="other.example")
        assert origin.calls == calls
    assert origin.scopes[-1]["cachespec"].info.reason.sentence == (
        "The host other.example is not one of those that are cached."
    )


async def test_a_get_that_claims_to_be_something_else_invalidates_as_that(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin))
    await call("/a")
    await call("/a", headers=[("x-http-method", "delete")])
    await call("/a")
    assert origin.calls == 3


async def test_a_post_that_claims_to_be_a_get_invalidates_as_the_post_that_it_is(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin))
    await call("/a")
    await call("/a", method="POST", headers=[("x-http-method-override", "GET")])
    await call("/a")
    assert origin.calls == 3
