"""Several caches with one store, as in several processes: one of them fetches, the others wait for it."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest

from cachespec import AsyncCache, Cache, MemoryStore, Policy, Request, Response, Wish

pytestmark = pytest.mark.anyio

URL = "https://example.com/a"
PATIENCE = 10
"""Seconds after which a test that hangs fails."""
POLICY = Policy.gateway()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Shared(MemoryStore):
    """A store that several caches share; a lease ends when it is given back."""

    def __init__(self) -> None:
        super().__init__()
        self.leases: dict[bytes, bytes] = {}
        self.asked = 0
        self.refused = threading.Semaphore(0)
        """Released whenever somebody has to wait."""
        self.lock = threading.Lock()

    def lease(self, slot: bytes, owner: bytes, seconds: float) -> bool:
        with self.lock:
            self.asked += 1
            granted = self.leases.setdefault(slot, owner) == owner
        if not granted:
            self.refused.release()
        return granted

    def release(self, slot: bytes, owner: bytes) -> None:
        with self.lock:
            if self.leases.get(slot) == owner:
                del self.leases[slot]


class Unshared(Shared):
    """A store that knows that nobody else has it."""

    def alone(self) -> bool:
        return True


class OnLoop:
    """The same for an event loop."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def read(self, key: bytes) -> Any:
        await anyio.lowlevel.checkpoint()
        return self.inner.read(key)

    async def lease(self, slot: bytes, owner: bytes, seconds: float) -> bool:
        await anyio.lowlevel.checkpoint()
        granted: bool = self.inner.lease(slot, owner, seconds)
        return granted

    async def release(self, slot: bytes, owner: bytes) -> None:
        await anyio.lowlevel.checkpoint()
        self.inner.release(slot, owner)

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            await anyio.lowlevel.checkpoint()
            return getattr(self.inner, name)(*args)

        return call


class Live:
    """A response that either colour can read."""

    def __init__(self, control: str, **lines: str) -> None:
        self.head = Response(200, {"Cache-Control": control, **lines})

    def chunks(self) -> Any:
        return Chunks()

    def close(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


class Chunks:
    def __init__(self) -> None:
        self.left = [b"content"]

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self.left:
            raise StopIteration
        return self.left.pop()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop()


# --- threads


class Pair:
    """Two caches with one store: the first is asked, and while its origin takes its time, so is the second."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.store = Shared()
        self.caches = [Cache(self.store, policy) for _ in range(2)]
        self.calls: list[int] = []
        self.begun, self.go = threading.Event(), threading.Event()
        self.answer: Any = Live("max-age=60")
        self.second: Any = Live("max-age=60")
        self.results: dict[int, Any] = {}

    def ask(self, number: int, *, headers: Any = (), **options: Any) -> None:
        def send(request: Request) -> Live:
            self.calls.append(number)
            if number == 0:
                self.begun.set()
                assert self.go.wait(PATIENCE)
            answer = self.answer if number == 0 else self.second
            if isinstance(answer, Exception):
                raise answer
            live: Live = answer
            return live

        try:
            answer = self.caches[number].fetch(Request("GET", URL, headers), send, **options)
            self.results[number] = answer.info, b"".join(answer.content)
            answer.content.close()
        except ConnectionError as error:
            self.results[number] = error

    def both(self, **options: Any) -> None:
        threads = [threading.Thread(target=self.ask, args=(0,))]
        threads[0].start()
        assert self.begun.wait(PATIENCE)
        threads.append(threading.Thread(target=self.ask, args=(1,), kwargs=options))
        threads[1].start()
        assert self.store.refused.acquire(timeout=PATIENCE)
        self.go.set()
        for thread in threads:
            thread.join(PATIENCE)


def test_another_process_waits_and_finds_it_stored() -> None:
    pair = Pair()
    pair.both()
    info, body = pair.results[1]
    assert (pair.calls, info.status, info.collapsed, body) == ([0], "hit", True, b"content")
    assert pair.store.leases == {}


@pytest.mark.parametrize("answer", [Live("no-store"), ConnectionError("out of reach")], ids=["no-store", "fails"])
def test_another_process_goes_when_there_is_nothing_to_wait_for(answer: Any) -> None:
    pair = Pair()
    pair.answer = answer
    pair.both()
    assert pair.calls == [0, 1]
    assert pair.results[1][1] == b"content"
    assert pair.store.leases == {}


def test_another_process_goes_when_the_response_is_left_unread() -> None:
    pair = Pair()
    pair.go.set()
    answer = pair.caches[0].fetch(Request("GET", URL), lambda request: Live("max-age=60"))
    assert len(pair.store.leases) == 1
    answer.content.close()
    assert pair.store.leases == {}
    pair.caches[0].fetch(Request("GET", URL), lambda request: Live("max-age=60"))
    # The garbage collector gives nothing back by itself: the next request does.
    pair.caches[0].fetch(Request("GET", f"{URL}/b"), lambda request: Live("no-store"))
    assert pair.store.leases == {}


def test_another_process_that_gets_a_variant_of_its_own_leases_that() -> None:
    pair = Pair()
    pair.answer = pair.second = Live("max-age=60", Vary="Accept")
    pair.both(headers=(("Accept", "text/html"),))
    assert pair.calls == [0, 1]
    assert pair.results[1][1] == b"content"
    assert pair.store.leases == {}


def test_nobody_waits_longer_than_a_lease_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cachespec.drive_sync.PAUSES", (0.0, 0.0))
    pair = Pair()
    pair.store.lease = lambda *args: False  # type: ignore[method-assign]
    pair.ask(1)
    assert (pair.calls, pair.results[1][1]) == ([1], b"content")


def test_nobody_waits_longer_than_its_own_patience() -> None:
    pair = Pair()
    pair.store.lease = lambda *args: False  # type: ignore[method-assign]
    pair.ask(1, patience=0.0)
    assert (pair.calls, pair.results[1][1]) == ([1], b"content")


def test_what_another_process_refreshes_is_not_refreshed() -> None:
    now = 1e9
    store = Shared()
    cache = Cache(store, POLICY, clock=lambda: now)
    calls: list[Request] = []

    def send(request: Request) -> Live:
        calls.append(request)
        return Live("max-age=1, stale-while-revalidate=60")

    for _ in range(2):
        assert b"".join(cache.fetch(Request("GET", URL), send).content) == b"content"
        now += 10
        ((slot, _),) = store.items()
        store.leases[slot] = b"somebody else"
    cache.close()
    assert len(calls) == 1
    assert store.leases == {slot: b"somebody else"}


def test_a_store_without_room_for_a_lease_still_answers() -> None:
    pair = Pair()
    pair.ask(1)

    def fail(*args: Any) -> bool:
        raise OSError(28, "no space left on device")

    pair.store.lease = fail  # type: ignore[method-assign]
    pair.caches[1].fetch(Request("GET", f"{URL}/b"), lambda request: Live("no-store"))
    pair.ask(1)
    assert pair.results[1][0].status == "hit"


def test_a_store_that_fails_to_lease_keeps_nobody_waiting() -> None:
    pair = Pair()

    def fail(*args: Any) -> bool:
        raise ConnectionError

    pair.store.lease = fail  # type: ignore[method-assign]
    pair.ask(1)
    assert pair.results[1][1] == b"content"


@pytest.mark.parametrize("policy", [Policy(), Policy.gateway(collapse_across=False), Policy.gateway(collapse=False)])
def test_nothing_is_leased_where_nobody_asked_for_it(policy: Policy) -> None:
    pair = Pair(policy)
    pair.ask(1)
    assert pair.store.asked == 0


# --- event loops


class Loops:
    """Two caches with one store on one loop."""

    def __init__(self, store: Any) -> None:
        self.store: Any = getattr(store, "inner", store)
        self.caches = [AsyncCache(store, POLICY) for _ in range(2)]
        self.calls: list[int] = []
        self.begun, self.go = anyio.Event(), anyio.Event()
        self.answer: Any = Live("max-age=60")
        self.results: dict[int, Any] = {}

    async def ask(self, number: int) -> None:
        async def send(request: Request) -> Any:
            self.calls.append(number)
            if number == 0:
                self.begun.set()
                await self.go.wait()
                if isinstance(self.answer, Exception):
                    raise self.answer
                return self.answer
            return Live("max-age=60")

        try:
            answer = await self.caches[number].fetch(Request("GET", URL), send)
            self.results[number] = answer.info, b"".join([chunk async for chunk in answer.content])
            await answer.content.aclose()
        except ConnectionError as error:
            self.results[number] = error

    async def second_waits(self) -> None:
        while not self.store.refused.acquire(blocking=False):
            await anyio.lowlevel.checkpoint()

    async def both(self) -> None:
        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.ask, 0)
                await self.begun.wait()
                tasks.start_soon(self.ask, 1)
                await self.second_waits()
                self.go.set()


@pytest.fixture(params=["inline", "threads", "loop"])
def store(request: pytest.FixtureRequest) -> Any:
    made = Shared()
    if request.param == "threads":
        made.blocking = "always"  # type: ignore[assignment]
    return OnLoop(made) if request.param == "loop" else made


async def test_on_a_loop_another_process_waits_and_finds_it_stored(store: Any) -> None:
    loops = Loops(store)
    await loops.both()
    info, body = loops.results[1]
    assert (loops.calls, info.status, info.collapsed, body) == ([0], "hit", True, b"content")


@pytest.mark.parametrize("answer", [Live("no-store"), ConnectionError("out of reach")], ids=["no-store", "fails"])
async def test_on_a_loop_another_process_goes_when_there_is_nothing_to_wait_for(
    store: Any, answer: Any, anyio_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(store, OnLoop) and anyio_backend == "trio":
        # Without a nursery nothing can be given back behind anybody's back: the lease ends with its time.
        monkeypatch.setattr("cachespec.drive_async.PAUSES", (0.0, 0.0))
    loops = Loops(store)
    loops.answer = answer
    await loops.both()
    assert loops.calls == [0, 1]
    assert loops.results[1][1] == b"content"


async def test_on_a_loop_whoever_is_cancelled_keeps_nobody_waiting(store: Any, anyio_backend: str) -> None:
    if isinstance(store, OnLoop) and anyio_backend == "trio":
        pytest.skip("without a nursery the lease ends with its time")
    loops = Loops(store)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(loops.ask, 0)
            await loops.begun.wait()
            tasks.cancel_scope.cancel()
        await loops.ask(1)
    assert loops.results[1][1] == b"content"


async def test_on_a_loop_what_another_process_refreshes_is_not_refreshed() -> None:
    now = 1e9
    shared = Shared()
    cache = AsyncCache(shared, POLICY, clock=lambda: now)
    calls: list[Request] = []

    async def send(request: Request) -> Any:
        calls.append(request)
        return Live("max-age=1, stale-while-revalidate=60")

    async def get(wish: Wish) -> None:
        answer = await cache.fetch(Request("GET", URL), send, wish)
        assert b"".join([chunk async for chunk in answer.content]) == b"content"

    await get(Wish())
    now += 10
    ((slot, _),) = shared.items()
    shared.leases[slot] = b"somebody else"
    await get(Wish())
    await anyio.wait_all_tasks_blocked()
    assert len(calls) == 1


# --- where nobody else is there


def test_a_store_that_nobody_else_has_is_asked_for_no_lease() -> None:
    store = Unshared()
    assert Cache(store, POLICY).fetch(Request("GET", URL), lambda _: Live("max-age=60")).info.status == "miss"
    assert store.asked == 0


async def test_a_store_that_nobody_else_has_is_asked_for_no_lease_on_a_loop() -> None:
    async def send(_: Request) -> Any:
        return Live("max-age=60")

    store = Unshared()
    cache = AsyncCache(Shared(), POLICY)
    cache.reopen(store)
    answer = await cache.fetch(Request("GET", URL), send)
    await answer.content.aclose()
    assert (answer.info.status, store.asked) == ("miss", 0)
