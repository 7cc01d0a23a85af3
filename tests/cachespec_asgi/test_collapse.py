"""Concurrent requests for one thing: one reaches the application, the others wait for it.  RFC 9111 §4, ruling D53"""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from cachespec import Policy
from cachespec_asgi import CacheMiddleware

pytestmark = pytest.mark.anyio

START = "http.response.start"
BODY = "http.response.body"
FRESH = [(b"cache-control", b"max-age=60")]


class Gated:
    """An application whose responses begin, go on and end when the test says so."""

    def __init__(self, headers: list[tuple[bytes, bytes]] = FRESH, status: int = 200) -> None:
        self.headers = headers
        self.status = status
        self.calls = 0
        self.start, self.end, self.twice = anyio.Event(), anyio.Event(), anyio.Event()
        self.received: list[str] = []
        self.raises: Exception | None = None
        self.listens = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        if self.calls == 2:
            self.twice.set()
        await self.start.wait()
        if self.raises is not None:
            raise self.raises
        async with anyio.create_task_group() as tasks:
            if self.listens:
                tasks.start_soon(self._listen, receive, tasks.cancel_scope)
            await send({"type": START, "status": self.status, "headers": self.headers})
            await send({"type": BODY, "body": b"hel", "more_body": True})
            await self.end.wait()
            await send({"type": BODY, "body": b"lo"})
            tasks.cancel_scope.cancel()

    async def _listen(self, receive: Any, scope: Any) -> None:
        while (message := await receive())["type"] != "http.disconnect":
            self.received.append(message["type"])
        self.received.append(message["type"])
        scope.cancel()


async def settled() -> None:
    """Until every task waits for something that the test has to do."""
    # A wake-up takes several rounds of asyncio's loop, and looks like waiting in between.
    for _ in range(5):
        await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()


async def test_a_hundred_cold_requests_reach_the_application_once(client: Any) -> None:
    app = Gated()
    call = client(CacheMiddleware(app))
    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(call, "/a")
        await settled()
        app.start.set()
        await settled()
        app.end.set()
    assert app.calls == 1
    assert {reply.body for reply in call.replies} == {b"hello"}
    assert sum("collapsed" in reply.cache or "hit" in reply.cache for reply in call.replies) == 99


async def test_requests_for_different_things_do_not_wait_for_each_other(client: Any) -> None:
    app = Gated()
    call = client(CacheMiddleware(app))
    async with anyio.create_task_group() as tasks:
        for path, method in (("/a", "GET"), ("/b", "GET"), ("/a", "POST"), ("/a", "HEAD")):
            tasks.start_soon(lambda path=path, method=method: call(path, method=method))
        await settled()
        assert app.calls == 4
        app.start.set()
        app.end.set()


async def test_all_are_let_go_at_the_head_of_a_response_that_is_not_stored_and_nobody_waits_next_time(
    client: Any,
) -> None:
    app = Gated([(b"cache-control", b"no-store")])
    call = client(CacheMiddleware(app))
    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(call, "/a")
        await settled()
        assert app.calls == 1
        app.start.set()
        await settled()
        # Long before the first one's end.
        assert app.calls == 10
        app.end.set()
    app.start = anyio.Event()
    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(call, "/a")
        await settled()
        # Hit for miss.
        assert app.calls == 20
        app.start.set()


async def test_a_waiter_whom_the_response_does_not_suit_goes_on_its_own(client: Any) -> None:
    app = Gated([*FRESH, (b"vary", b"accept-language")])
    call = client(CacheMiddleware(app))
    async with anyio.create_task_group() as tasks:
        for language in ("de", "de", "fr", "fr"):
            tasks.start_soon(lambda language=language: call("/a", headers=[("accept-language", language)]))
        await settled()
        app.start.set()
        app.end.set()
    assert app.calls == 2


async def test_waiters_share_the_failure_of_the_first(client: Any) -> None:
    app = Gated()
    app.raises = ValueError("no answer")
    call = client(CacheMiddleware(app))
    failures: list[str] = []

    async def attempt() -> None:
        try:
            await call("/a")
        except ValueError as error:
            failures.append(str(error))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(attempt)
        await settled()
        app.start.set()
    assert (app.calls, failures) == (1, ["no answer"] * 5)


async def test_waiters_are_left_to_the_server_where_the_first_gets_no_answer(client: Any) -> None:
    calls = 0
    begin = anyio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        await begin.wait()

    call = client(CacheMiddleware(app))
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(call, "/a")
        await settled()
        begin.set()
    assert (calls, [reply.messages for reply in call.replies]) == (1, [[], [], []])


async def test_one_of_the_waiters_begins_anew_where_the_first_is_cancelled(client: Any) -> None:
    app = Gated()
    call = client(CacheMiddleware(app))
    async with anyio.create_task_group() as tasks:
        leader = anyio.CancelScope()

        async def first() -> None:
            with leader:
                await call("/a")

        tasks.start_soon(first)
        await settled()
        for _ in range(3):
            tasks.start_soon(call, "/a")
        await settled()
        leader.cancel()
        await settled()
        assert app.calls == 2
        app.start.set()
        app.end.set()
    assert app.calls == 2
    assert [reply.body for reply in call.replies[1:]] == [b"hello"] * 3


async def test_a_waiter_that_is_cancelled_while_it_waits_leaves_the_others_waiting(client: Any) -> None:
    app = Gated()
    call = client(CacheMiddleware(app))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call, "/a")
        await settled()
        with anyio.move_on_after(0.01):
            await call("/a")
        tasks.start_soon(call, "/a")
        await settled()
        app.start.set()
        app.end.set()
    assert app.calls == 1


async def test_nobody_waits_longer_than_that_for_a_slow_reader(client: Any) -> None:
    app = Gated()
    call = client(CacheMiddleware(app, policy=Policy.gateway(collapse_wait=0.01)))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call, "/a")
        await settled()
        app.start.set()
        await settled()
        tasks.start_soon(call, "/a")
        with anyio.fail_after(5):
            await app.twice.wait()
        app.end.set()


# --- the first one's client leaves


async def test_while_others_wait_the_application_does_not_learn_that_its_client_has_gone(client: Any) -> None:
    app = Gated()
    app.listens = True
    call = client(CacheMiddleware(app))
    leaves = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: call("/a", leaves=leaves))
        await settled()
        tasks.start_soon(call, "/a")
        await settled()
        app.start.set()
        await settled()
        leaves.set()
        await settled()
        assert app.received == ["http.request"]
        app.end.set()
    assert app.calls == 1
    first, second = call.replies
    # Its output went nowhere from then on; the other one has all of it.
    assert (first.chunks, second.body) == ([b"hel"], b"hello")


async def test_it_learns_that_its_client_has_gone_where_nobody_waits(client: Any) -> None:
    app = Gated()
    app.listens = True
    call = client(CacheMiddleware(app))
    leaves = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: call("/a", leaves=leaves))
        await settled()
        app.start.set()
        await settled()
        leaves.set()
    assert app.received == ["http.request", "http.disconnect"]
    app.listens = False
    app.end.set()
    await call("/a")
    # What was cut off was not stored.
    assert app.calls == 2


async def test_it_learns_that_its_client_has_gone_when_the_last_waiter_goes(client: Any) -> None:
    app = Gated()
    app.listens = True
    call = client(CacheMiddleware(app))
    leaves = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: call("/a", leaves=leaves))
        await settled()
        waiter = anyio.CancelScope()

        async def second() -> None:
            with waiter:
                await call("/a")

        tasks.start_soon(second)
        await settled()
        app.start.set()
        await settled()
        leaves.set()
        await settled()
        assert app.received == ["http.request"]
        waiter.cancel()
        await settled()
        assert app.received == ["http.request", "http.disconnect"]


async def test_a_send_that_fails_because_the_client_has_gone_is_hidden_while_others_wait(client: Any) -> None:
    app = Gated()
    call = client(CacheMiddleware(app))

    async def gone(message: Any) -> None:
        raise OSError("the client has gone")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: call("/a", on_message=gone))
        await settled()
        tasks.start_soon(call, "/a")
        await settled()
        app.start.set()
        app.end.set()
    assert (app.calls, call.last.body) == (1, b"hello")


async def test_an_application_that_gives_up_with_its_client_does_not_fail_those_who_wait(client: Any) -> None:
    calls = 0
    begin = anyio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            await receive()
            await receive()
            # Somebody waits from now on.
            begin.set()
            await settled()
            raise ValueError("the client has gone")
        await send({"type": START, "status": 200, "headers": FRESH})
        await send({"type": BODY, "body": b"hello"})

    call = client(CacheMiddleware(app))
    leaves = anyio.Event()
    raised: list[str] = []

    async def first() -> None:
        try:
            await call("/a", leaves=leaves)
        except ValueError as error:
            raised.append(str(error))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first)
        await settled()
        leaves.set()
        await begin.wait()
        tasks.start_soon(call, "/a")
    assert (raised, calls, call.last.body) == (["the client has gone"], 2, b"hello")
