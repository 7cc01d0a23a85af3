"""Of concurrent requests for one thing one goes out, and whatever becomes of it, the others go on."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
import trio

from cachespec import FileStore, Policy
from cachespec_httpx import AsyncCacheClient, CacheClient, cache_info

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Origin, Seen

FRESH = [("Cache-Control", "max-age=60")]
PATIENT = Policy(collapse_wait=10.0)


class Crowd:
    """Requests of the test's own that run side by side, and what became of each."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self.client = client
        self.url = url
        self.outcomes: list[Any] = []

    async def ask(self, scope: anyio.CancelScope | None = None) -> None:
        with scope or anyio.CancelScope():
            try:
                self.outcomes.append(await self.client.get(self.url))
            except httpx.HTTPError as error:
                self.outcomes.append(error)

    @property
    def statuses(self) -> list[str]:
        return sorted(cache_info(outcome).status for outcome in self.outcomes)


async def until(condition: Callable[[], object]) -> None:
    """Let others run until something has come about."""
    with anyio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - what it waits for happens in another thread
            await anyio.sleep(0.001)


def waiting(client: AsyncCacheClient) -> int:
    """How many wait for somebody else's response."""
    return sum(len(flight.wakes) for flight in client.cache._flights._flights.values())


@pytest.mark.anyio
@pytest.mark.parametrize("length", [True, False], ids=["with a length", "without a length"])
async def test_of_a_hundred_cold_requests_one_reaches_the_origin(origin: Origin, length: bool) -> None:
    gate = threading.Event()
    origin.serve(origin.reply(headers=FRESH, body=b"x" * 9 if length else [b"xxx"] * 3, gate=gate))
    async with AsyncCacheClient(policy=PATIENT) as client:
        crowd = Crowd(client, origin.url)
        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(crowd.ask)
            await until(lambda: waiting(client) == 99)
            gate.set()
    assert len(origin.seen) == 1
    assert {response.content for response in crowd.outcomes} == {b"x" * 9}
    assert crowd.statuses == ["hit"] * 99 + ["miss"]
    assert sum(cache_info(response).collapsed for response in crowd.outcomes) == 99


def test_of_eight_threads_one_reaches_the_origin(origin: Origin) -> None:
    gate = threading.Event()
    origin.serve(origin.reply(headers=FRESH, body=b"x", gate=gate))
    with CacheClient(policy=PATIENT) as client, ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(client.get, origin.url) for _ in range(8)]
        while sum(len(flight.wakes) for flight in client.cache._flights._flights.values()) < 7:
            assert not futures[0].done()
        gate.set()
        responses = [future.result() for future in futures]
    assert len(origin.seen) == 1
    assert sorted(cache_info(response).status for response in responses) == ["hit"] * 7 + ["miss"]


@pytest.mark.anyio
async def test_when_the_leader_is_cancelled_one_waiter_goes_on(origin: Origin) -> None:
    gate = threading.Event()
    origin.serve(origin.reply(gate=gate), origin.reply(headers=FRESH, body=b"second"))
    async with AsyncCacheClient(policy=PATIENT) as client:
        crowd = Crowd(client, origin.url)
        scope = anyio.CancelScope()
        async with anyio.create_task_group() as group:
            group.start_soon(crowd.ask, scope)
            await until(lambda: origin.seen)
            for _ in range(10):
                group.start_soon(crowd.ask)
            await until(lambda: waiting(client) == 10)
            scope.cancel()
        gate.set()
    assert len(origin.seen) == 2
    assert {response.content for response in crowd.outcomes} == {b"second"}
    assert crowd.statuses == ["hit"] * 9 + ["miss"]


@pytest.mark.anyio
async def test_when_the_leader_fails_the_waiters_fail_likewise(origin: Origin) -> None:
    gate = threading.Event()
    origin.serve(origin.reply(gate=gate))
    async with AsyncCacheClient(policy=PATIENT, timeout=0.2) as client:
        crowd = Crowd(client, origin.url)
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(crowd.ask)
        gate.set()
    assert len(origin.seen) == 1
    assert {type(outcome) for outcome in crowd.outcomes} == {httpx.ReadTimeout}
    assert len(crowd.outcomes) == 10


@pytest.mark.anyio
@pytest.mark.parametrize("status", [200, 503])
async def test_nobody_waits_for_the_body_of_what_is_not_stored(origin: Origin, status: int) -> None:
    gates = [threading.Event(), threading.Event()]

    def answer(seen: Seen) -> Any:
        # The first one's body ends only after all the others have been answered.
        first = len(origin.seen) == 1
        lines = [("Cache-Control", "no-store")]
        return origin.reply(status, lines, [b"x"], gate=gates[0] if first else None, last=gates[1] if first else None)

    origin.serve(answer)
    async with AsyncCacheClient(policy=PATIENT) as client:
        crowd = Crowd(client, origin.url)
        async with anyio.create_task_group() as group:
            group.start_soon(crowd.ask)
            await until(lambda: origin.seen)
            for _ in range(10):
                group.start_soon(crowd.ask)
            await until(lambda: waiting(client) == 10)
            gates[0].set()
            await until(lambda: len(crowd.outcomes) == 10)
            gates[1].set()
    assert len(origin.seen) == 11
    assert crowd.statuses == ["miss"] * 11


@pytest.mark.anyio
async def test_nobody_waits_long_for_a_body_that_does_not_end(origin: Origin) -> None:
    last = threading.Event()
    origin.serve(lambda seen: origin.reply(headers=FRESH, body=[b"x"], last=last if len(origin.seen) == 1 else None))
    async with AsyncCacheClient(policy=Policy(collapse_wait=0.05)) as client:
        crowd = Crowd(client, origin.url)
        async with anyio.create_task_group() as group:
            group.start_soon(crowd.ask)
            await until(lambda: origin.seen)
            group.start_soon(crowd.ask)
            await until(lambda: crowd.outcomes)
            last.set()
    assert len(origin.seen) == 2


@pytest.mark.anyio
async def test_whoever_holds_an_unread_response_does_not_wait_for_itself(origin: Origin) -> None:
    origin.serve(origin.reply(headers=FRESH, body=b"x" * 10))
    async with AsyncCacheClient(policy=PATIENT) as client, client.stream("GET", origin.url) as held:
        with anyio.fail_after(5):
            again = await client.get(origin.url)
        assert cache_info(again).status == "miss"
        assert await held.aread() == b"x" * 10


@pytest.mark.anyio
@pytest.mark.parametrize("gated", ["head", "body"])
async def test_a_cancelled_miss_leaves_nothing_behind(origin: Origin, gated: str) -> None:
    gate = threading.Event()
    where = {"gate" if gated == "head" else "last": gate}
    origin.serve(origin.reply(headers=FRESH, body=[b"half"], **where), origin.reply(headers=FRESH, body=b"whole"))
    limits = httpx.Limits(max_connections=1)
    scope = anyio.CancelScope()

    async def cancel(_: httpx.Response) -> None:
        scope.cancel()

    async with AsyncCacheClient(limits=limits, timeout=httpx.Timeout(5, pool=1)) as client:
        if gated == "body":
            client.event_hooks["response"] = [cancel]
        async with anyio.create_task_group() as group:
            group.start_soon(Crowd(client, origin.url).ask, scope)
            await until(lambda: origin.seen)
            if gated == "head":
                scope.cancel()
        gate.set()
        assert scope.cancelled_caught
        client.event_hooks["response"] = []
        assert not client.cache._flights._flights
        assert await client.urls() == []
        response = await client.get(origin.url)
        assert response.content == b"whole"
        assert cache_info(response).stored


@pytest.mark.anyio
async def test_a_cancelled_wait_leaves_the_leader_alone(origin: Origin) -> None:
    gate = threading.Event()
    origin.serve(origin.reply(headers=FRESH, body=b"x", gate=gate))
    async with AsyncCacheClient(policy=PATIENT) as client:
        crowd = Crowd(client, origin.url)
        scope = anyio.CancelScope()
        async with anyio.create_task_group() as group:
            group.start_soon(crowd.ask)
            await until(lambda: origin.seen)
            group.start_soon(crowd.ask, scope)
            await until(lambda: waiting(client) == 1)
            scope.cancel()
            gate.set()
    assert len(origin.seen) == 1
    assert crowd.statuses == ["miss"]


@pytest.mark.anyio
async def test_a_deadline_around_a_hit_does_no_harm(origin: Origin) -> None:
    origin.serve(origin.reply(headers=FRESH, body=b"x"))
    async with AsyncCacheClient() as client:
        await client.get(origin.url)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await client.get(origin.url)
        assert cache_info(await client.get(origin.url)).status == "hit"
    assert len(origin.seen) == 1


def large(folder: Path) -> list[Path]:
    """The bodies that lie in a folder's store, complete or not."""
    return [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 100_000]


@pytest.mark.anyio
async def test_a_miss_that_is_cancelled_halfway_leaves_no_body_on_disk(origin: Origin, tmp_path: Path) -> None:
    last = threading.Event()
    pieces = [b"x" * 300_000] * 2
    origin.serve(origin.reply(headers=FRESH, body=pieces, last=last), origin.reply(headers=FRESH, body=pieces))
    store = FileStore(tmp_path)
    async with AsyncCacheClient(store=store) as client:
        scope = anyio.CancelScope()
        async with anyio.create_task_group() as group:
            group.start_soon(Crowd(client, origin.url).ask, scope)
            await until(lambda: large(tmp_path))
            scope.cancel()
        last.set()
        await until(lambda: not large(tmp_path))
        assert await client.urls() == []
        assert cache_info(await client.get(origin.url)).stored
    store.close()


@pytest.mark.anyio
async def test_a_hit_that_is_cancelled_halfway_does_no_harm(origin: Origin, tmp_path: Path) -> None:
    body = b"x" * 1_000_000
    origin.serve(origin.reply(headers=FRESH, body=[body]))
    store = FileStore(tmp_path)
    async with AsyncCacheClient(store=store) as client:
        await client.get(origin.url)
        with anyio.CancelScope() as scope:
            async with client.stream("GET", origin.url) as response:
                assert cache_info(response).status == "hit"
                async for _ in response.aiter_raw():
                    scope.cancel()
        assert scope.cancelled_caught
        again = await client.get(origin.url)
    assert (again.content, cache_info(again).status) == (body, "hit")
    assert len(origin.seen) == 1
    store.close()


@pytest.mark.anyio
async def test_a_deadline_of_the_loops_own_may_stand_around_anything(origin: Origin, anyio_backend_name: str) -> None:
    gate = threading.Event()
    origin.serve(origin.reply(headers=FRESH, body=b"x", gate=gate), origin.reply(headers=FRESH, body=b"y"))

    async def hurried(seconds: float) -> bool:
        """Whether the request was over in time."""
        if anyio_backend_name == "trio":
            with trio.move_on_after(seconds) as scope:
                await client.get(origin.url)
            return not scope.cancelled_caught
        try:
            async with asyncio.timeout(seconds):
                await client.get(origin.url)
        except TimeoutError:
            return False
        return True

    async with AsyncCacheClient(policy=PATIENT) as client:
        crowd = Crowd(client, origin.url)
        async with anyio.create_task_group() as group:
            group.start_soon(crowd.ask)
            await until(lambda: origin.seen)
            # A wait, then the leader goes on.
            assert not await hurried(0.05)
            gate.set()
        assert crowd.statuses == ["miss"]
        assert await hurried(10)
        assert not client.cache._flights._flights
    assert len(origin.seen) == 1
