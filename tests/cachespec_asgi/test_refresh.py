"""Refreshing in the background, inside the ASGI call of the request that got something stale.  RFC 5861 §3"""

from __future__ import annotations

import logging
from typing import Any

import anyio
import pytest

from cachespec import MemoryStore
from cachespec_asgi import CacheMiddleware, get_cache

pytestmark = pytest.mark.anyio

START = "http.response.start"
BODY = "http.response.body"
SWR = [("cache-control", "max-age=60, stale-while-revalidate=600")]


async def test_a_stale_answer_goes_out_first_and_the_refresh_follows_in_the_same_call(
    client: Any, origin: Any, clock: Any
) -> None:
    origin.headers = SWR
    call = client(CacheMiddleware(origin, clock=clock))
    await call("/a")
    clock.now += 100
    origin.body = b"new"
    answered: list[int] = []

    async def on_message(message: Any) -> None:
        answered.append(origin.calls)

    reply = await call("/a", on_message=on_message)
    assert (reply.body, reply.cache) == (b"hello", "cachespec; hit; ttl=-40")
    assert (answered, origin.calls) == ([1, 1], 2)
    reply = await call("/a")
    assert (reply.body, reply.cache, origin.calls) == (b"new", "cachespec; hit; ttl=60", 2)


async def test_a_refresh_validates_without_what_its_client_asked_for(client: Any, origin: Any, clock: Any) -> None:
    origin.headers = [*SWR, ("etag", '"1"')]
    call = client(CacheMiddleware(origin, clock=clock))
    await call("/a")
    clock.now += 100
    await call(
        "/a", method="HEAD", headers=[("if-none-match", '"2"'), ("range", "bytes=0-1"), ("accept", "text/plain")]
    )
    asked = origin.scopes[1]
    assert asked["method"] == "GET"
    assert [line for line in asked["headers"] if line[0] != b"host"] == [
        (b"accept", b"text/plain"),
        (b"if-none-match", b'"1"'),
    ]
    assert (await call("/a")).cache == "cachespec; hit; ttl=60"


async def test_one_refresh_at_a_time_for_one_thing(client: Any, origin: Any, clock: Any) -> None:
    calls = 0
    go = anyio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            await go.wait()
        await origin(scope, receive, send)

    origin.headers = SWR
    call = client(CacheMiddleware(app, clock=clock))
    await call("/a")
    clock.now += 100
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(call, "/a")
        await anyio.wait_all_tasks_blocked()
        assert calls == 2
        go.set()
    assert calls == 2


async def test_what_somebody_else_has_refreshed_meanwhile_is_not_refreshed_again(
    client: Any, origin: Any, clock: Any
) -> None:
    nested: list[Any] = []

    async def on_message(message: Any) -> None:
        if message["type"] == BODY and not nested:
            nested.append(None)
            await client(middleware)("/a")

    origin.headers = SWR
    middleware = CacheMiddleware(origin, clock=clock)
    call = client(middleware)
    await call("/a")
    clock.now += 100
    assert (await call("/a", on_message=on_message)).cache == "cachespec; hit; ttl=-40"
    assert origin.calls == 2


async def test_no_more_refreshes_at_a_time_than_allowed(client: Any, origin: Any, clock: Any) -> None:
    go = anyio.Event()
    refreshing = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal refreshing
        if clock.now > 1_700_000_050:
            refreshing += 1
            await go.wait()
        await origin(scope, receive, send)

    origin.headers = SWR
    call = client(CacheMiddleware(app, clock=clock, max_refreshes=2))
    for path in ("/a", "/b", "/c"):
        await call(path)
    clock.now += 100
    async with anyio.create_task_group() as tasks:
        for path in ("/a", "/b", "/c"):
            tasks.start_soon(call, path)
        await anyio.wait_all_tasks_blocked()
        assert refreshing == 2
        go.set()


async def test_messages_beside_the_content_are_dropped_in_a_refresh(client: Any, origin: Any, clock: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.debug"})
        await origin(scope, receive, send)
        await send({"type": "http.response.trailers", "headers": []})

    origin.headers = SWR
    call = client(CacheMiddleware(app, clock=clock))
    await call("/a")
    clock.now += 100
    assert len((await call("/a")).messages) == 2
    assert (await call("/a")).cache == "cachespec; hit; ttl=60"


async def test_a_refresh_that_fails_is_logged_and_the_next_request_tries_again(
    client: Any, origin: Any, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    origin.headers = SWR
    call = client(CacheMiddleware(origin, clock=clock))
    await call("/a")
    clock.now += 100
    origin.raises = ValueError("no answer")
    with caplog.at_level(logging.INFO, "cachespec"):
        for calls in (2, 3):
            assert (await call("/a")).body == b"hello"
            assert origin.calls == calls
    assert "refreshing https://example.com/a in the background failed: ValueError('no answer')" in caplog.text


async def test_an_application_finds_a_request_without_content_and_a_client_that_stays_to_the_end(
    client: Any, origin: Any, clock: Any
) -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        refreshing = bool(origin.calls)
        if refreshing:
            seen.append(await receive())
        await origin(scope, receive, send)
        if refreshing:
            seen.append(await receive())

    origin.headers = SWR
    call = client(CacheMiddleware(app, clock=clock))
    await call("/a")
    clock.now += 100
    await call("/a")
    assert seen == [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]


async def test_a_response_that_is_not_to_be_stored_any_more_is_not_awaited_if_it_is_a_stream(
    client: Any, origin: Any, clock: Any
) -> None:
    chunks = 0
    learned: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal chunks
        if not origin.calls:
            await origin(scope, receive, send)
            return
        await send({"type": START, "status": 200, "headers": [(b"cache-control", b"no-store")]})
        try:
            while True:
                await send({"type": BODY, "body": b"tick", "more_body": True})
                chunks += 1
        except OSError:
            await receive()
            learned.append((await receive())["type"])
            raise

    origin.headers = SWR
    call = client(CacheMiddleware(app, clock=clock))
    await call("/a")
    clock.now += 100
    assert (await call("/a")).body == b"hello"
    assert (chunks, learned) == (0, ["http.disconnect"])


async def test_a_short_response_that_is_not_to_be_stored_any_more_removes_the_old_one(
    client: Any, origin: Any, clock: Any
) -> None:
    origin.headers = SWR
    call = client(CacheMiddleware(origin, clock=clock))
    await call("/a")
    clock.now += 100
    origin.headers = [("cache-control", "no-store")]
    await call("/a")
    assert (await call("/a")).cache == "cachespec; fwd=uri-miss"


async def test_a_validated_body_that_nobody_reads_is_closed(client: Any, origin: Any, clock: Any) -> None:
    opened: list[Any] = []

    class Store(MemoryStore):
        def open(self, body_id: str) -> Any:
            body = super().open(body_id)

            class Counted:
                closed = False
                chunks = staticmethod(body.chunks)

                def close(self) -> None:
                    self.closed = True

            opened.append(Counted())
            return opened[-1]

    origin.headers = [*SWR, ("etag", '"1"')]
    origin.body = b"a" * 100_000
    call = client(CacheMiddleware(origin, store=Store(), clock=clock))
    await call("/a")
    clock.now += 100
    await call("/a")
    assert [body.closed for body in opened] == [True, True]


# --- on demand


async def test_the_application_can_have_another_url_fetched_and_stored(client: Any, origin: Any, clock: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/publish":
            for url in ("/a", "https://example.com/b?x=%20"):
                await get_cache(scope).refresh(url)
            await origin(scope, receive, send)
        else:
            await origin(scope, receive, send)

    call = client(CacheMiddleware(app, clock=clock))
    await call("/a")
    origin.body = b"new"
    await call("/publish", method="POST")
    calls = origin.calls
    assert (await call("/a")).body == b"new"
    assert (await call("/b", query="x=%20")).body == b"new"
    assert origin.calls == calls
    asked = origin.scopes[-3]
    assert (asked["method"], asked["path"], asked["raw_path"], asked["query_string"]) == ("GET", "/a", b"/a", b"")


async def test_what_is_refreshed_gets_a_state_of_its_own_and_nothing_of_the_request_that_asked(
    client: Any, origin: Any, scope: Any
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/publish":
            scope["state"]["request"] = "publish"
            scope["root_path"] = "/mounted"
            await get_cache(scope).refresh("/a")
        await origin(scope, receive, send)

    call = client(CacheMiddleware(app))
    await call(scope=scope("/publish", method="POST", headers=[("cookie", "a=b")], state={"app": 1}))
    asked = origin.scopes[0]
    assert asked["path"] == "/a"
    assert (asked["state"]["app"], asked["root_path"], dict(asked["headers"]).get(b"cookie")) == (1, "", None)


async def test_a_failure_of_what_is_refreshed_on_demand_is_raised(client: Any, origin: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/publish":
            await get_cache(scope).refresh("/a")
        raise ValueError("no answer")

    with pytest.raises(ValueError, match="no answer"):
        await client(CacheMiddleware(app))("/publish", method="POST")


@pytest.mark.parametrize("url", ["mailto:nobody", "https://no good/"])
async def test_what_is_no_url_of_this_application_cannot_be_refreshed(client: Any, origin: Any, url: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(ValueError, match="url: "):
            await get_cache(scope).refresh(url)
        await origin(scope, receive, send)

    await client(CacheMiddleware(app))("/publish", method="POST")


async def test_a_refresh_on_demand_that_is_cancelled_leaves_nothing_behind(client: Any, origin: Any) -> None:
    class Never(MemoryStore):
        async def read(self, key: bytes) -> Any:
            await anyio.sleep_forever()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with anyio.move_on_after(0.01):
            await get_cache(scope).refresh("/a")
        await origin(scope, receive, send)

    assert (await client(CacheMiddleware(app, store=Never()))("/publish", method="POST")).body == b"hello"
