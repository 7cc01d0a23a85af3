"""Background refreshes: begun after the answer, and over when the client is closed.  RFC 5861 §3"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from cachespec import MemoryStore, forks
from cachespec_httpx import AsyncCacheClient, CacheClient, CacheTransport, cache_info

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Clock, Origin, SyncCaller, Wire

LINES = [("Cache-Control", "max-age=10, stale-while-revalidate=60"), ("ETag", '"1"')]


class Watched(MemoryStore):
    """A store that tells when something has been put into it."""

    def __init__(self) -> None:
        super().__init__()
        self.put = threading.Event()

    def swap(self, *args: Any) -> bool:
        swapped = super().swap(*args)
        self.put.set()
        return swapped


@contextmanager
def stale(caller: SyncCaller, origin: Origin, clock: Clock, *then: Any) -> Iterator[tuple[Any, Watched]]:
    """A client in whose store lies a stale response that may be used while it is refreshed."""
    store = Watched()
    origin.serve(origin.reply(headers=LINES, body=b"old"), *then)
    with caller.open(caller.caching(store=store, clock=clock)) as client:
        caller.get(client, origin.url)
        store.put.clear()
        clock.now += 20
        yield client, store


def test_a_stale_response_is_refreshed_in_the_background(caller: SyncCaller, origin: Origin, clock: Clock) -> None:
    gate = threading.Event()
    with stale(caller, origin, clock, origin.reply(headers=LINES, body=b"new", gate=gate)) as (client, store):
        response = caller.get(client, origin.url)
        # It came although the server holds its answer back.
        assert (response.content, cache_info(response).status) == (b"old", "stale")
        gate.set()
        assert store.put.wait(10)
        after = caller.get(client, origin.url)
    assert (after.content, cache_info(after).status) == (b"new", "hit")
    assert len(origin.seen) == 2


def test_a_head_has_the_whole_response_refreshed(caller: SyncCaller, origin: Origin, clock: Clock) -> None:
    with stale(caller, origin, clock, origin.reply(headers=LINES, body=b"new")) as (client, store):
        caller.call(client.head, origin.url)
        assert store.put.wait(10)
        assert caller.get(client, origin.url).content == b"new"
    assert [seen.method for seen in origin.seen] == ["GET", "GET"]


def test_a_refresh_that_is_answered_with_304_counts(caller: SyncCaller, origin: Origin, clock: Clock) -> None:
    with stale(caller, origin, clock, origin.reply(304, headers=LINES)) as (client, store):
        caller.get(client, origin.url)
        assert store.put.wait(10)
        after = caller.get(client, origin.url)
    assert origin.seen[1].headers["if-none-match"] == '"1"'
    assert (after.content, cache_info(after).status) == (b"old", "hit")


def test_a_refresh_leaves_out_what_concerned_its_client_only(caller: SyncCaller, origin: Origin, clock: Clock) -> None:
    with stale(caller, origin, clock, origin.reply(headers=LINES, body=b"new")) as (client, store):
        part = caller.get(client, origin.url, headers={"Range": "bytes=0-0", "X-Ours": "1"})
        assert part.content == b"o"
        assert store.put.wait(10)
        assert caller.get(client, origin.url).content == b"new"
    assert "range" not in origin.seen[1].headers
    assert origin.seen[1].headers["x-ours"] == "1"


def test_a_refresh_that_fails_changes_nothing(caller: SyncCaller, origin: Origin, clock: Clock) -> None:
    with stale(caller, origin, clock, origin.reply(503), origin.reply(headers=LINES, body=b"new")) as (client, store):
        assert caller.get(client, origin.url).content == b"old"
        # Every request tries again, unless a refresh is under way.
        while not store.put.wait(0.01):
            caller.get(client, origin.url)
        assert caller.get(client, origin.url).content == b"new"
    assert len(origin.seen) == 3


def test_closing_a_client_finishes_what_has_begun(origin: Origin, clock: Clock) -> None:
    before = set(threading.enumerate())
    store = MemoryStore()
    origin.serve(origin.reply(headers=LINES, body=b"old"), origin.reply(headers=LINES, body=b"new"))
    with CacheClient(store=store, clock=clock) as client:
        client.get(origin.url)
        clock.now += 20
        assert client.get(origin.url).content == b"old"
    assert not [thread for thread in set(threading.enumerate()) - before if "refresh" in thread.name]
    with CacheClient(store=store, clock=clock) as client:
        assert client.get(origin.url).content == b"new"


@pytest.mark.anyio
async def test_closing_a_client_cancels_what_has_begun(origin: Origin, clock: Clock, anyio_backend_name: str) -> None:
    # On trio nothing is left by its nature: whoever began it waits for its end.
    before = len(asyncio.all_tasks()) if anyio_backend_name == "asyncio" else 0
    gate = threading.Event()
    origin.serve(origin.reply(headers=LINES, body=b"old"), origin.reply(headers=LINES, body=b"new", gate=gate))
    async with AsyncCacheClient(clock=clock) as client:
        await client.get(origin.url)
        clock.now += 20
        origin.arrived.clear()
        assert (await client.get(origin.url)).content == b"old"
        await anyio.to_thread.run_sync(origin.arrived.wait, 10)
    gate.set()
    assert not client.cache._flights._flights
    if anyio_backend_name == "asyncio":
        assert len(asyncio.all_tasks()) == before


@pytest.mark.anyio
async def test_without_a_block_on_trio_a_refresh_comes_first(
    origin: Origin, clock: Clock, anyio_backend_name: str
) -> None:
    origin.serve(origin.reply(headers=LINES, body=b"old"), origin.reply(headers=LINES, body=b"new"))
    client = AsyncCacheClient(clock=clock)
    await client.get(origin.url)
    clock.now += 20
    response = await client.get(origin.url)
    # Nothing outlives a task on trio, unless somebody waits for it.
    if anyio_backend_name == "trio":
        assert len(origin.seen) == 2
        assert (await client.get(origin.url)).content == b"new"
    assert response.content == b"old"
    assert cache_info(response).status == "stale"
    await client.aclose()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_worker_goes_on_by_itself(origin: Origin, clock: Clock) -> None:
    origin.serve(origin.reply(headers=LINES, body=b"old"), origin.reply(headers=LINES, body=b"new"))
    with CacheClient(clock=clock, timeout=httpx.Timeout(5)) as client:
        client.get(origin.url)
        clock.now += 20
        client.get(origin.url)
        while client.get(origin.url).content != b"new":
            pass
        # The parent's pool is of no use any more; and no thread holds a lock, which it would hold in the child forever.
        pool = client.cache._pool
        assert pool is not None
        pool.shutdown()
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            code = 1
            try:
                clock.now += 20
                response = client.get(origin.url)
                stored = cache_info(response).status == "stale" and response.content == b"new"
                client.cache.close()
                code = 0 if stored and cache_info(client.get(origin.url)).status == "hit" else 2
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_worker_and_its_parent_do_not_read_from_one_connection(origin: Origin) -> None:
    origin.serve(lambda seen: origin.reply(body=seen.target.encode()))
    with CacheClient(base_url=origin.url) as client:
        client.get("/parent")
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            code = 1
            try:
                code = 0 if client.get("/child").text == "/child" else 2
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert client.get("/parent").text == "/parent"
    first, second, third = origin.seen
    assert first.peer == third.peer != second.peer


def pool_of(client: Any) -> Any:
    return client._transport.transport._pool


def test_after_a_fork_connections_are_new(origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    origin.serve(origin.reply(body=b"x"))
    with CacheClient() as client:
        client.get(origin.url)
        inherited = pool_of(client)
        monkeypatch.setattr(forks, "seen", forks.seen + 1)
        for _ in range(2):
            client.get(origin.url)
    inherited.close()
    first, second, third = origin.seen
    assert first.peer != second.peer == third.peer


def test_after_a_fork_nobody_waits_for_a_thread_of_the_parents(origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    origin.serve(origin.reply(body=b"x"))
    with CacheClient() as client:
        client.get(origin.url)
        # What a thread of httpcore's does now and then.
        inherited = pool_of(client)
        with inherited._optional_thread_lock:
            monkeypatch.setattr(forks, "seen", forks.seen + 1)
            assert client.get(origin.url, timeout=5).content == b"x"
        inherited.close()


def test_after_a_fork_a_transport_of_an_unknown_make_lets_go_of_its_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Pool:
        """Not as it is known."""

        closed = 0

        def close(self) -> None:
            self.closed += 1

        def handle_request(self, request: Any) -> Any:
            raise httpx.ConnectError("scripted")

    inner: Any = httpx.HTTPTransport()
    inner._pool = pool = Pool()
    client = httpx.Client(transport=CacheTransport(inner))
    monkeypatch.setattr(forks, "seen", forks.seen + 1)
    with pytest.raises(httpx.ConnectError):
        client.get("http://a.test/")
    assert pool.closed == 1
    client.close()


def test_after_a_fork_any_other_transport_is_left_open(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    with httpx.Client(transport=CacheTransport(wire)) as client:
        monkeypatch.setattr(forks, "seen", forks.seen + 1)
        client.get("http://a.test/")
        assert wire.closed == 0
