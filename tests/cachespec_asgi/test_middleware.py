"""The middleware around an application: what is answered from the store, what passes, what goes out."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from cachespec import MemoryStore, Policy
from cachespec_asgi import CacheMiddleware, Rule, type_fits_path
from cachespec_asgi import target as target_module

pytestmark = pytest.mark.anyio


async def test_a_fresh_response_is_answered_from_the_store(client: Any, origin: Any, clock: Any) -> None:
    call = client(CacheMiddleware(origin, clock=clock))
    first = await call("/a")
    clock.now += 10
    second = await call("/a")
    assert origin.calls == 1
    assert (first.status, first.body, first.cache) == (200, b"hello", "cachespec; fwd=uri-miss")
    assert (second.status, second.body, second.cache) == (200, b"hello", "cachespec; hit; ttl=50")
    assert second.headers["age"] == "10"


async def test_a_stale_response_is_validated_and_the_answer_comes_from_the_store(
    client: Any, origin: Any, clock: Any
) -> None:
    origin.headers = [("cache-control", "max-age=60"), ("etag", '"1"')]
    call = client(CacheMiddleware(origin, clock=clock))
    await call("/a")
    clock.now += 100
    reply = await call("/a")
    assert origin.calls == 2
    assert (reply.status, reply.body) == (200, b"hello")
    assert reply.cache == "cachespec; fwd=stale; fwd-status=304; ttl=60; stored"


async def test_strict_mode_takes_any_policy_and_store(client: Any, origin: Any) -> None:
    origin.headers = [("cdn-cache-control", "max-age=60")]
    call = client(CacheMiddleware(origin, store=MemoryStore(), policy=Policy.strict(shared=True)))
    await call("/a")
    reply = await call("/a")
    assert origin.calls == 1
    assert reply.cache == ""


async def test_its_own_field_is_obeyed_whatever_targets_the_policy_names(client: Any, origin: Any) -> None:
    origin.headers = [("cdn-cache-control", "no-store"), ("cachespec-cache-control", "max-age=60")]
    call = client(CacheMiddleware(origin, policy=Policy(shared=True, targets=("cdn-cache-control",))))
    for _ in range(2):
        assert "cachespec-cache-control" not in (await call("/a")).headers
    assert origin.calls == 1


@pytest.mark.parametrize("kind", ["lifespan", "websocket", "something-new"])
async def test_what_is_not_http_reaches_the_application_untouched(kind: str) -> None:
    seen: list[Any] = []

    async def app(*given: Any) -> None:
        seen.append(given)

    given: tuple[Any, ...] = ({"type": kind}, object(), object())
    await CacheMiddleware(app)(*given)
    assert [a is b for a, b in zip(seen[0], given, strict=True)] == [True, True, True]


# --- answers that are parts, or none


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        ([("if-none-match", '"1"')], 304, b""),
        ([("if-none-match", '"2"'), ("if-modified-since", "Tue, 14 Nov 2033 22:14:20 GMT")], 200, b"hello"),
        ([("if-modified-since", "Tue, 14 Nov 2033 22:14:20 GMT")], 304, b""),
        ([("range", "bytes=1-2")], 206, b"el"),
        ([("range", "bytes=1-2"), ("if-range", '"1"')], 206, b"el"),
        ([("range", "bytes=1-2"), ("if-range", '"2"')], 200, b"hello"),
        ([("range", "bytes=9-")], 416, b""),
    ],
    ids=str,
)
async def test_conditions_and_ranges_are_answered_from_the_store(
    client: Any, origin: Any, headers: Any, status: int, body: bytes
) -> None:
    origin.headers = [("cache-control", "max-age=60"), ("etag", '"1"')]
    call = client(CacheMiddleware(origin))
    await call("/a")
    reply = await call("/a", headers=headers)
    assert (reply.status, reply.body, origin.calls) == (status, body, 1)


async def test_several_ranges_are_answered_in_several_parts(client: Any, origin: Any) -> None:
    origin.body = bytes(range(256)) * 1000
    call = client(CacheMiddleware(origin))
    await call("/a")
    reply = await call("/a", headers=[("range", "bytes=0-1,100-101")])
    assert (reply.status, origin.calls) == (206, 1)
    assert reply.headers["content-type"].startswith("multipart/byteranges; boundary=")
    assert reply.headers["content-length"] == str(len(reply.body))


async def test_head_is_answered_from_what_get_has_brought(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin))
    await call("/a")
    reply = await call("/a", method="HEAD")
    assert (reply.status, reply.body, reply.headers["content-length"], origin.calls) == (200, b"", "5", 1)


# --- the Date field, which servers add


async def test_a_date_of_the_applications_own_is_replayed(client: Any, origin: Any, clock: Any) -> None:
    origin.headers = [("cache-control", "max-age=60"), ("Date", "Tue, 14 Nov 2023 22:13:20 GMT")]
    call = client(CacheMiddleware(origin, clock=clock))
    for _ in range(3):
        assert [value for name, value in (await call("/a")).lines if name.lower() == "date"] == [
            "Tue, 14 Nov 2023 22:13:20 GMT"
        ]
    assert origin.calls == 1


async def test_a_date_that_the_server_adds_is_left_to_the_server(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin))
    for _ in range(3):
        assert "date" not in (await call("/a")).headers


# --- requests with content


async def test_the_content_of_a_query_is_part_of_the_key_and_reaches_the_application(client: Any, origin: Any) -> None:
    received: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        content, more = b"", True
        while more:
            message = await receive()
            content += message["body"]
            more = message["more_body"]
        received.append(content)
        await origin(scope, receive, send)

    call = client(CacheMiddleware(app, policy=Policy.gateway(methods=frozenset({"GET", "QUERY"}))))
    for content in ([b"ab", b"c"], b"abc", b"abd", b""):
        await call("/a", method="QUERY", content=content)
    assert received == [b"abc", b"abd", b""]


async def test_content_that_is_too_long_to_be_part_of_a_key_passes(client: Any, origin: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("cachespec_asgi.middleware.CONTENT_LIMIT", 4)
    received: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            message = await receive()
            received.append(message["body"])
            more = message["more_body"]
        await origin(scope, receive, send)

    call = client(CacheMiddleware(app, policy=Policy.gateway(methods=frozenset({"GET", "QUERY"}))))
    for _ in range(2):
        await call("/a", method="QUERY", content=[b"abc", b"def", b"ghi"])
    assert received == [b"abc", b"def", b"ghi"] * 2
    assert origin.calls == 2


async def test_content_of_other_methods_is_not_read_ahead(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin))
    await call("/a", method="POST", content=b"abc")
    assert (origin.calls, origin.scopes[0]["cachespec"].info.forward) == (1, "method")


async def test_a_client_that_leaves_while_its_content_is_read_ahead_is_told_to_the_application(
    client: Any, origin: Any
) -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([(await receive())["type"] for _ in range(2)])

    leaves = anyio.Event()
    leaves.set()
    call = client(CacheMiddleware(app, policy=Policy.gateway(methods=frozenset({"GET", "QUERY"}))))
    await call("/a", method="QUERY", leaves=leaves, headers=[("transfer-encoding", "chunked")])
    assert seen == ["http.request", "http.disconnect"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_in_http_2_only_the_first_message_tells_whether_there_is_content(
    client: Any, origin: Any, method: str
) -> None:
    """RFC 9113 §8.1: a request may have content without any field that says so."""
    call = client(CacheMiddleware(origin))
    for _ in range(3):
        reply = await call("/a", http_version="2")
    assert ("; hit" in reply.cache, origin.calls) == (True, 1)

    async def fat(content: list[bytes]) -> Any:
        events = [{"type": "http.request", "body": piece, "more_body": True} for piece in content]

        async def receive() -> Any:
            return events.pop(0)

        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        given = target_scope(method)
        await call.app(given, receive, send)
        return sent

    def target_scope(method: str) -> Any:
        lines = [(b"host", b"example.com")]
        return {"type": "http", "http_version": "2", "method": method, "scheme": "https", "path": "/a",
                "raw_path": b"/a", "query_string": b"", "headers": lines}  # fmt: skip

    for content in ([b"a"], [b"", b"a"]):
        await fat(content)
    assert origin.calls == 3


async def test_what_passes_by_the_cache_is_not_read_ahead_in_http_2(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin, rules=[Rule(bypass=True)]))
    # Its client never sends anything: nobody waits for it.
    await call("/a", scope=None, http_version="2")
    assert origin.calls == 1
    assert target_module.framed({})


# --- sessions


@pytest.mark.parametrize(
    ("session", "stored"),
    [
        pytest.param({}, True, id="empty"),
        pytest.param({"user": 1}, False, id="with something in it"),
        pytest.param(SimpleNamespace(accessed=False), True, id="not looked at"),
        pytest.param(SimpleNamespace(accessed=True), False, id="looked at"),
        pytest.param(None, True, id="none"),
    ],
)
async def test_a_session_that_was_touched_makes_the_response_private(
    client: Any, origin: Any, session: Any, stored: bool
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"] = session
        await origin(scope, receive, send)

    origin.headers = [("cache-control", "public, max-age=60"), ("cachespec-cache-control", "max-age=60, public")]
    call = client(CacheMiddleware(app))
    for _ in range(3):
        reply = await call("/a")
        assert reply.headers["cache-control"] == ("public, max-age=60" if stored else "private, max-age=60")
    assert origin.calls == (1 if stored else 3)


# --- what is logged


async def test_the_first_of_each_kind_that_a_switch_would_let_in_is_logged_with_its_name(
    client: Any, origin: Any, caplog: pytest.LogCaptureFixture
) -> None:
    origin.headers = [("cache-control", "max-age=60"), ("set-cookie", "a=b")]
    call = client(CacheMiddleware(origin))
    with caplog.at_level(logging.INFO, "cachespec"):
        for path in ("/a", "/b", "/c"):
            await call(path)
        await call("/a", host=None)
    assert caplog.messages == [
        "The response sets a cookie.  Such requests bypass the cache (Policy.set_cookie).",
    ]


# --- armour


@pytest.mark.parametrize(
    ("path", "type_", "status", "stored"),
    [
        ("/account/x.css", "text/html", 200, False),
        ("/x.css", "text/css; charset=utf-8", 200, True),
        ("/x.js", "application/javascript", 200, True),
        ("/x.js", "application/x-javascript", 200, True),
        ("/x.png", "", 200, False),
        ("/x%2Ecss", "text/html", 200, False),
        ("/account", "text/html", 200, True),
        ("/x.unknown", "text/html", 200, True),
        ("/x.css", "text/html", 404, True),
        ("/a.css/b", "text/html", 200, True),
    ],
)
async def test_a_response_that_its_path_belies_is_not_stored_under_armour(
    client: Any, origin: Any, path: str, type_: str, status: int, stored: bool
) -> None:
    origin.status = status
    origin.headers = [("cache-control", "max-age=60"), *([("content-type", type_)] if type_ else [])]
    call = client(CacheMiddleware(origin, policy=Policy.gateway(response_filter=type_fits_path)))
    await call(path)
    await call(path)
    assert (origin.calls == 1) == stored
