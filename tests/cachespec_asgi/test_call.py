"""The call of the application: what it may do with `receive` and `send`, and what comes of it."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import Any

import anyio
import pytest

from cachespec import MemoryStore
from cachespec_asgi import CacheMiddleware

pytestmark = pytest.mark.anyio

START = "http.response.start"
BODY = "http.response.body"
OK: dict[str, Any] = {"type": START, "status": 200, "headers": [(b"cache-control", b"max-age=60")]}
STALE = [("cache-control", "max-age=0, stale-if-error=600"), ("etag", '"1"')]


class Slow:
    """A store on the event loop that does not come back from the calls that `waits` names."""

    def __init__(self) -> None:
        self.inner = MemoryStore()
        self.waits: set[str] = set()

    async def _call(self, name: str, *given: Any) -> Any:
        if name in self.waits:
            await anyio.sleep_forever()
        return getattr(self.inner, name)(*given)

    async def secret(self) -> Any:
        return await self._call("secret")

    async def read(self, *given: Any) -> Any:
        return await self._call("read", *given)

    async def swap(self, *given: Any) -> Any:
        return await self._call("swap", *given)

    async def append(self, *given: Any) -> Any:
        return await self._call("append", *given)

    async def open(self, *given: Any) -> Any:
        return await self._call("open", *given)

    async def discard(self, *given: Any) -> Any:
        return await self._call("discard", *given)

    async def purge(self, *given: Any) -> Any:
        return await self._call("purge", *given)


# --- streaming


async def test_every_chunk_is_passed_on_before_the_next_one_is_made(client: Any) -> None:
    seen: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        for piece in (b"a", b"b"):
            await send({"type": BODY, "body": piece, "more_body": True})
            seen.append(len(call.last.chunks))
        await send({"type": BODY})

    call = client(CacheMiddleware(app))
    await call("/a")
    assert seen == [1, 2]
    assert (await call("/a")).body == b"ab"
    assert seen == [1, 2]


async def test_it_is_stored_before_its_end_is_passed_on(client: Any, origin: Any) -> None:
    inner: list[Any] = []

    async def on_message(message: Any) -> None:
        if message["type"] == BODY and not message.get("more_body"):
            inner.append(await client(middleware)("/a"))

    middleware = CacheMiddleware(origin)
    await client(middleware)("/a", on_message=on_message)
    assert (origin.calls, inner[0].body) == (1, b"hello")


async def test_it_is_stored_before_the_chunk_that_reaches_its_length_is_passed_on(client: Any) -> None:
    calls = 0
    inner: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        await send({**OK, "headers": [*OK["headers"], (b"content-length", b"2")]})
        await send({"type": BODY, "body": b"a", "more_body": True})
        await send({"type": BODY, "body": b"b", "more_body": True})
        await send({"type": BODY, "body": b""})

    async def on_message(message: Any) -> None:
        if message.get("body") == b"b":
            inner.append(await client(middleware)("/a"))

    middleware = CacheMiddleware(app)
    await client(middleware)("/a", on_message=on_message)
    assert (calls, inner[0].body) == (1, b"ab")


async def test_a_memoryview_is_copied_because_its_owner_may_go_on_using_it(client: Any) -> None:
    buffer = bytearray(b"abc")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        await send({"type": BODY, "body": memoryview(buffer)[:3], "more_body": True})
        buffer[:] = b"xyz"
        await send({"type": BODY})

    call = client(CacheMiddleware(app))
    await call("/a")
    assert (await call("/a")).body == b"abc"


async def test_a_long_body_is_passed_to_the_store_in_pieces(client: Any, origin: Any) -> None:
    origin.body = [bytes([at]) * 100_000 for at in range(10)]
    call = client(CacheMiddleware(origin))
    await call("/a")
    for _ in range(2):
        reply = await call("/a")
        assert reply.body == b"".join(origin.body)
        assert len(reply.chunks) > 1
        assert [message["more_body"] for message in reply.of(BODY)][-2:] == [True, False]
    assert origin.calls == 1


async def test_fields_that_are_no_list_are_read_as_well(client: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**OK, "headers": iter(OK["headers"])})
        await send({"type": BODY, "body": b"a"})

    call = client(CacheMiddleware(app))
    assert (await call("/a")).headers["cache-control"] == "max-age=60"
    assert (await call("/a")).headers["cache-control"] == "max-age=60"


async def test_a_start_without_fields_passes(client: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": START, "status": 204})
        await send({"type": BODY})

    reply = await client(CacheMiddleware(app))("/a")
    assert (reply.status, reply.lines) == (204, [("cache-status", "cachespec; fwd=uri-miss")])


async def test_the_field_for_the_cache_itself_never_goes_out(client: Any, origin: Any) -> None:
    origin.headers = [("cache-control", "no-store"), ("Cachespec-Cache-Control", "max-age=60")]
    call = client(CacheMiddleware(origin))
    for _ in range(3):
        assert "achespec-cache-control" not in str((await call("/a")).lines)
    assert origin.calls == 1
    # Nor where nothing is stored, whichever way the response takes.
    origin.headers = [("cachespec-cache-control", "no-store")]
    for request in ({"path": "/b"}, {"path": "/b"}, {"path": "/c", "method": "POST"}, {"path": "/d", "host": None}):
        assert "cachespec-cache-control" not in (await call(**request)).headers


# --- messages that are not the response's


@pytest.mark.requirement("9110-15.2-01", "9110-6.5.1-01")
async def test_messages_before_the_start_and_behind_the_end_pass_at_once(client: Any) -> None:
    kinds = ["http.response.early_hint", "http.response.debug", START, BODY, "http.response.trailers"]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for kind in kinds:
            await send({**OK, "type": kind, "body": b"a"} if kind in (START, BODY) else {"type": kind})

    call = client(CacheMiddleware(app))
    assert [message["type"] for message in (await call("/a")).messages] == kinds
    # Trailers are passed on and not stored.
    assert [message["type"] for message in (await call("/a")).messages] == [START, BODY]


async def test_an_unknown_message_in_the_middle_of_the_body_passes_and_ends_the_recording(client: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        await send({"type": BODY, "body": b"a", "more_body": True})
        await send({"type": "http.response.zerocopysend", "file": 3, "more_body": True})
        await send({"type": BODY, "body": b"b"})

    call = client(CacheMiddleware(app))
    for _ in range(2):
        reply = await call("/a")
        assert [message["type"].rpartition(".")[2] for message in reply.messages] == [
            "start",
            "body",
            "zerocopysend",
            "body",
        ]


async def test_a_second_start_is_passed_on_for_the_server_to_refuse(client: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        await send(OK)
        await send({"type": BODY, "body": b"a"})

    call = client(CacheMiddleware(app))
    for _ in range(2):
        assert len((await call("/a")).of(START)) == 2


async def test_a_file_that_is_sent_by_its_path_is_recorded_as_it_passes(client: Any, tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 1000)
    control = b"max-age=60"
    calls = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        await send({"type": START, "status": 200, "headers": [(b"cache-control", control)]})
        await send({"type": "http.response.pathsend", "path": str(path)})

    call = client(CacheMiddleware(app))
    for _ in range(2):
        assert (await call("/a")).body == path.read_bytes()
    assert calls == 1
    control = b"no-store"
    # What is not stored is left to the server, which is quicker.
    for _ in range(2):
        assert (await call("/b")).messages[-1] == {"type": "http.response.pathsend", "path": str(path)}


async def test_a_file_that_is_longer_than_announced_passes_and_is_not_stored(client: Any, tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a" * 200_000)
    headers = [(b"cache-control", b"max-age=60"), (b"content-length", b"100000")]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": START, "status": 200, "headers": headers})
        await send({"type": "http.response.pathsend", "path": str(path)})

    call = client(CacheMiddleware(app))
    for _ in range(2):
        reply = await call("/a")
        assert (reply.body, reply.cache) == (path.read_bytes(), "cachespec; fwd=uri-miss")


# --- answers in the place of the application's


async def test_the_stored_answer_goes_out_from_inside_the_last_send_before_background_tasks(
    client: Any, clock: Any
) -> None:
    order: list[str] = []
    status = 200

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"etag", b'"1"'), (b"cache-control", b"no-cache")]
        await send({"type": START, "status": status, "headers": headers})
        await send({"type": BODY, "body": b"hello" if status == 200 else b"", "more_body": True})
        order.append(f"{len(call.last.messages)} messages")
        await send({"type": "http.response.debug"})
        await send({"type": BODY})
        order.append(f"{len(call.last.messages)} messages")
        await send({"type": "http.response.trailers"})

    call = client(CacheMiddleware(app, clock=clock))
    await call("/a")
    order.clear()
    status = 304
    reply = await call("/a")
    assert (reply.status, reply.body) == (200, b"hello")
    assert order == ["0 messages", "2 messages"]
    assert len(reply.messages) == 2


async def test_a_304_that_is_about_something_else_has_the_application_called_once_more(client: Any) -> None:
    asked: list[Any] = []
    first = True

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal first
        tag = dict(scope["headers"]).get(b"if-none-match")
        messages = [await receive()]
        asked.append((tag, messages[0], scope.get("seen")))
        scope["seen"] = True
        status = 304 if tag else 200
        etag = b'"1"' if first else b'"2"'
        first = False
        await send({"type": START, "status": status, "headers": [(b"etag", etag), (b"cache-control", b"no-cache")]})
        await send({"type": BODY, "body": etag if status == 200 else b""})

    call = client(CacheMiddleware(app))
    await call("/a")
    reply = await call("/a")
    empty = {"type": "http.request", "body": b"", "more_body": False}
    assert (reply.status, reply.body) == (200, b'"2"')
    # The second of the two finds the scope as the first did, and a request of its own.
    assert asked[1:] == [(b'"1"', empty, None), (None, empty, None)]


async def test_the_second_call_sees_the_client_leave(client: Any, origin: Any) -> None:
    leaves = anyio.Event()
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        tag = dict(scope["headers"]).get(b"if-none-match")
        await receive()
        if origin.calls and not tag:
            leaves.set()
            seen.append((await receive())["type"])
        etag = b'"2"' if origin.calls else b'"1"'
        origin.calls += 1
        status = 304 if tag else 200
        await send({"type": START, "status": status, "headers": [(b"etag", etag), (b"cache-control", b"no-cache")]})
        await send({"type": BODY, "body": b"" if tag else etag})

    call = client(CacheMiddleware(app))
    await call("/a")
    await call("/a", leaves=leaves)
    assert seen == ["http.disconnect"]


async def test_a_failure_behind_an_unrelated_304_is_raised_when_the_second_call_has_answered(client: Any) -> None:
    calls = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        conditional = b"if-none-match" in dict(scope["headers"])
        etag = b'"1"' if calls == 1 else b'"2"'
        headers = [(b"etag", etag), (b"cache-control", b"no-cache")]
        await send({"type": START, "status": 304 if conditional else 200, "headers": headers})
        await send({"type": BODY, "body": b"" if conditional else etag})
        if conditional:
            raise ValueError("behind the end")

    call = client(CacheMiddleware(app))
    await call("/a")
    with pytest.raises(ValueError, match="behind the end"):
        await call("/a")
    assert (call.last.status, call.last.body, calls) == (200, b'"2"', 3)


async def test_a_failure_before_the_end_of_an_unrelated_304_ends_it(client: Any) -> None:
    calls = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        conditional = b"if-none-match" in dict(scope["headers"])
        etag = b'"1"' if calls == 1 else b'"2"'
        headers = [(b"etag", etag), (b"cache-control", b"no-cache")]
        await send({"type": START, "status": 304 if conditional else 200, "headers": headers})
        if conditional:
            raise ValueError("before the end")
        await send({"type": BODY, "body": etag})

    call = client(CacheMiddleware(app))
    await call("/a")
    with pytest.raises(ValueError, match="before the end"):
        await call("/a")
    assert (call.last.messages, calls) == ([], 2)


# --- failures


async def test_what_the_application_raises_before_it_answers_comes_out(client: Any, origin: Any) -> None:
    origin.raises = ValueError("no answer")
    call = client(CacheMiddleware(origin))
    with pytest.raises(ValueError, match="no answer"):
        await call("/a")
    assert call.last.messages == []


async def test_a_stored_response_stands_in_for_one_that_fails(
    client: Any, origin: Any, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    origin.headers = STALE
    call = client(CacheMiddleware(origin, clock=clock))
    await call("/a")
    clock.now += 100
    origin.raises = ValueError("no answer")
    with caplog.at_level(logging.ERROR, "cachespec"):
        reply = await call("/a")
    assert (reply.status, reply.body, reply.headers["age"]) == (200, b"hello", "100")
    # It is not hidden from whoever runs the server.
    assert "no answer" in caplog.text


async def test_a_stored_response_stands_in_for_a_503_and_what_is_raised_behind_it_is_raised(
    client: Any, origin: Any, clock: Any
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if origin.calls:
            await send({"type": START, "status": 503, "headers": []})
            await send({"type": BODY, "body": b"sorry"})
            raise ValueError("for the log")
        await origin(scope, receive, send)

    origin.headers = STALE
    call = client(CacheMiddleware(app, clock=clock))
    await call("/a")
    with pytest.raises(ValueError, match="for the log"):
        await call("/a")
    assert (call.last.status, call.last.body) == (200, b"hello")
    assert "fwd-status=503" in call.last.cache


async def test_one_that_fails_behind_the_start_of_its_503_is_answered_all_the_same(client: Any, origin: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if origin.calls:
            await send({"type": START, "status": 503, "headers": []})
            raise ValueError("for the log")
        await origin(scope, receive, send)

    origin.headers = STALE
    call = client(CacheMiddleware(app))
    await call("/a")
    with pytest.raises(ValueError, match="for the log"):
        await call("/a")
    assert (call.last.status, call.last.body, call.last.complete) == (200, b"hello", True)


async def test_an_application_that_returns_without_an_answer_is_left_to_the_server(client: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        return

    call = client(CacheMiddleware(app))
    assert (await call("/a")).messages == []


async def test_a_stored_response_stands_in_for_no_answer_at_all(client: Any, origin: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if not origin.calls:
            await origin(scope, receive, send)

    origin.headers = STALE
    call = client(CacheMiddleware(app))
    await call("/a")
    assert (await call("/a")).body == b"hello"


async def test_an_application_that_returns_before_the_end_of_its_body_leaves_nothing_behind(client: Any) -> None:
    calls = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        await send(OK)
        await send({"type": BODY, "body": b"a", "more_body": True})

    call = client(CacheMiddleware(app))
    for _ in range(2):
        assert (await call("/a")).chunks == [b"a"]
    assert calls == 2


async def test_an_exception_in_the_middle_of_the_body_leaves_nothing_behind(client: Any) -> None:
    calls = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        await send(OK)
        await send({"type": BODY, "body": b"a", "more_body": True})
        raise ValueError("in the middle")

    call = client(CacheMiddleware(app))
    for _ in range(2):
        with pytest.raises(ValueError, match="in the middle"):
            await call("/a")
    assert calls == 2


async def test_an_exception_behind_the_end_neither_undoes_the_storing_nor_is_swallowed(client: Any) -> None:
    calls = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        await send(OK)
        await send({"type": BODY, "body": b"a"})
        raise ValueError("a background task")

    call = client(CacheMiddleware(app))
    with pytest.raises(ValueError, match="a background task"):
        await call("/a")
    assert (await call("/a")).body == b"a"
    assert calls == 1


async def test_a_body_that_ends_short_of_its_length_is_not_stored(client: Any, origin: Any) -> None:
    origin.headers = [("cache-control", "max-age=60"), ("content-length", "9")]
    call = client(CacheMiddleware(origin))
    for calls in (1, 2):
        await call("/a")
        assert origin.calls == calls


async def test_a_body_that_outgrows_its_length_is_not_stored(client: Any, origin: Any) -> None:
    origin.headers = [("cache-control", "max-age=60"), ("content-length", "3")]
    call = client(CacheMiddleware(origin))
    for calls in (1, 2):
        assert (await call("/a")).body == b"hello"
        assert origin.calls == calls


async def test_what_the_server_raises_out_of_send_reaches_the_application(client: Any, origin: Any) -> None:
    async def broken(message: Any) -> None:
        raise OSError("the client has gone")

    call = client(CacheMiddleware(origin))
    with pytest.raises(OSError, match="the client has gone"):
        await call("/a", on_message=broken)
    await call("/a")
    assert origin.calls == 2


# --- being cancelled


async def test_a_cancelled_call_leaves_nothing_behind_and_lets_the_next_one_begin_anew(client: Any) -> None:
    calls = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        await send(OK)
        await send({"type": BODY, "body": b"a", "more_body": True})
        if calls == 1:
            await anyio.sleep_forever()
        await send({"type": BODY, "body": b"b"})

    call = client(CacheMiddleware(app))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call, "/a")
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert (await call("/a")).body == b"ab"
    assert calls == 2
    await call("/a")
    assert calls == 2


async def test_a_call_that_is_cancelled_while_the_stored_response_waits_lets_go_of_it(
    client: Any, tmp_path: Any
) -> None:
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

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"etag", b'"1"'), (b"cache-control", b"no-cache")]
        validating = b"if-none-match" in dict(scope["headers"])
        await send({"type": START, "status": 304 if validating else 200, "headers": headers})
        if validating:
            await anyio.sleep_forever()
        await send({"type": BODY, "body": b"a" * 100_000})

    call = client(CacheMiddleware(app, store=Store()))
    await call("/a")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call, "/a")
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert [body.closed for body in opened] == [True]


async def test_a_step_that_the_application_cuts_off_counts_as_failed_and_the_answer_still_comes(client: Any) -> None:
    store = Slow()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"etag", b'"1"'), (b"cache-control", b"no-cache")]
        validating = b"if-none-match" in dict(scope["headers"])
        with anyio.move_on_after(0.01):
            await send({"type": START, "status": 304 if validating else 200, "headers": headers})
            await send({"type": BODY, "body": b"" if validating else b"hello"})

    call = client(CacheMiddleware(app, store=store))  # type: ignore[arg-type]  # as much of a store as is called
    await call("/a")
    store.waits = {"swap"}
    reply = await call("/a")
    assert (reply.status, reply.body) == (200, b"hello")


async def test_a_purge_that_the_application_cuts_off_is_owed(client: Any) -> None:
    store = Slow()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with anyio.move_on_after(0.01 if scope["method"] == "POST" else 5):
            await send(OK)
            await send({"type": BODY, "body": b"a"})

    middleware = CacheMiddleware(app, store=store)  # type: ignore[arg-type]
    call = client(middleware)
    await call("/a")
    store.waits = {"purge"}
    await call("/a", method="POST")
    assert [owed.urls for owed in middleware.cache.shelter.owed] == [("https://example.com/a",)]
    store.waits = set()
    # Delivered before the store is believed again.
    assert (await call("/a")).cache == "cachespec; fwd=uri-miss"


async def test_an_application_that_begins_anew_after_it_was_cut_off_is_passed_on_unseen(client: Any) -> None:
    store = Slow()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"etag", b'"1"'), (b"cache-control", b"no-cache")]
        validating = b"if-none-match" in dict(scope["headers"])
        with anyio.move_on_after(0.01):
            await send({"type": START, "status": 304 if validating else 200, "headers": headers})
            await send({"type": BODY, "body": b"" if validating else b"hello"})
            return
        await send({"type": START, "status": 504, "headers": []})
        await send({"type": BODY, "body": b"late"})

    call = client(CacheMiddleware(app, store=store))  # type: ignore[arg-type]
    await call("/a")
    store.waits = {"swap"}
    reply = await call("/a")
    assert (reply.status, reply.body, reply.cache) == (504, b"late", "cachespec; fwd=bypass")


async def test_a_recording_that_the_application_cuts_off_is_given_up_and_the_rest_passes(client: Any) -> None:
    store = Slow()
    calls = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        await send(OK)
        with anyio.move_on_after(0.01):
            await send({"type": BODY, "body": b"a" * 300_000, "more_body": True})
        await send({"type": BODY, "body": b"b"})

    store.waits = {"append"}
    call = client(CacheMiddleware(app, store=store))  # type: ignore[arg-type]
    for _ in range(2):
        assert (await call("/a")).body == b"b"
    assert calls == 2


# --- what frameworks leave and find


async def test_context_variables_that_the_application_sets_are_seen_behind_it(client: Any, origin: Any) -> None:
    variable: ContextVar[str] = ContextVar("variable", default="unset")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        variable.set("set")
        await origin(scope, receive, send)

    middleware = CacheMiddleware(app)
    await client(middleware)("/a")
    assert variable.get() == "set"


async def test_what_the_application_leaves_in_the_scope_is_seen_by_those_around_it(
    client: Any, origin: Any, scope: Any
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["route"] = "/{name}"
        await origin(scope, receive, send)

    origin.headers = [("etag", '"1"'), ("cache-control", "no-cache")]
    call = client(CacheMiddleware(app))
    for _ in range(2):
        # The second time it is asked with conditions of ours.
        given = scope("/a")
        lines = list(given["headers"])
        await call(scope=given)
        assert given["route"] == "/{name}"
        assert given["headers"] == lines


async def test_fields_that_were_added_for_validation_are_in_lower_case_as_servers_send_them(
    client: Any, origin: Any
) -> None:
    origin.headers = [
        ("etag", '"1"'),
        ("last-modified", "Mon, 06 Nov 2023 00:00:00 GMT"),
        ("cache-control", "no-cache"),
    ]
    call = client(CacheMiddleware(origin))
    await call("/a")
    await call("/a")
    assert all(name == name.lower() for name, _ in origin.scopes[1]["headers"])
    assert dict(origin.scopes[1]["headers"])[b"if-none-match"] == b'"1"'


async def test_only_if_cached_is_answered_with_504_where_nothing_is_stored(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin))
    reply = await call("/a", headers=[("cache-control", "only-if-cached")])
    assert (reply.status, reply.body, reply.complete, origin.calls) == (504, b"", True, 0)
