from __future__ import annotations

import dataclasses
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, NamedTuple

import anyio
import pytest

from cachespec import AsyncCache, CacheInfo, Entry, MemoryStore, Policy, Request, Response, Wish
from cachespec.flight import Flight
from cachespec.steps import Append, Drain, Made, Read, Send, Stored
from cachespec.stores.contract import NOTHING, Reading

URL = "https://example.com/a"
PATIENCE = 10
"""Seconds after which a test that hangs fails."""
RUN = Callable[[Callable[[], Awaitable[Any]]], Any]


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> RUN:
    """Runs a coroutine function on each kind of loop, and not for ever."""

    def run(main: Callable[[], Awaitable[Any]]) -> Any:
        async def patiently() -> Any:
            with anyio.fail_after(PATIENCE):
                return await main()

        return anyio.run(patiently, backend=request.param)

    return run


class Live:
    """A response whose chunks are given; one that is an event is waited for, an exception is raised."""

    def __init__(self, head: Response, *chunks: Any) -> None:
        self.head = head
        self.script = chunks
        self.closed = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self.script:
            if isinstance(chunk, BaseException):
                raise chunk
            if isinstance(chunk, bytes):
                yield chunk
            else:
                await chunk.wait()

    async def aclose(self) -> None:
        self.closed += 1


class Cancelling:
    """Something to be waited for that never comes, because whoever waits is cancelled."""

    def __init__(self, scope: anyio.CancelScope) -> None:
        self.scope = scope

    async def wait(self) -> None:
        self.scope.cancel()
        await anyio.sleep_forever()


def response(cache_control: str = "max-age=60", *chunks: Any, status: int = 200, **lines: str) -> Live:
    return Live(Response(status, {"Cache-Control": cache_control, **lines}), *(chunks or (b"content",)))


class Threaded(MemoryStore):
    """A store whose every call may wait; it notes the threads that call it."""

    blocking = "always"

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()

    def read(self, key: bytes) -> Reading:
        self.threads.add(threading.get_ident())
        return super().read(key)

    def swap(self, *args: Any) -> bool:
        self.threads.add(threading.get_ident())
        return super().swap(*args)


class Quick(Threaded):
    """A store whose reads are quick."""

    blocking = "writes"


class AsyncBody:
    def __init__(self, body: Any) -> None:
        self._body = body

    async def chunks(self, start: int, stop: int) -> AsyncIterator[bytes]:
        for chunk in self._body.chunks(start, stop):
            await anyio.lowlevel.checkpoint()
            yield chunk

    async def close(self) -> None:
        await anyio.lowlevel.checkpoint()


class Asynchronous:
    """A store for event loops only."""

    def __init__(self) -> None:
        self.inner = MemoryStore()

    async def read(self, key: bytes) -> Reading:
        await anyio.lowlevel.checkpoint()
        return self.inner.read(key)

    async def open(self, body_id: str) -> AsyncBody | None:
        body = self.inner.open(body_id)
        return None if body is None else AsyncBody(body)

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            await anyio.lowlevel.checkpoint()
            return getattr(self.inner, name)(*args)

        return call


STORES = pytest.mark.parametrize("store", [MemoryStore, Threaded, Quick, Asynchronous])


class Result(NamedTuple):
    head: Response
    info: CacheInfo
    body: bytes
    answer: Any


class Scene:
    """A cache on an event loop, and an origin that answers what it is told, when it is told."""

    def __init__(self, store: Any = None, policy: Policy | None = None) -> None:
        self.now = 1e9
        self.cache = AsyncCache(store, policy or Policy(collapse_wait=PATIENCE), clock=lambda: self.now)
        self.asked: list[Request] = []
        self.answers: list[Any] = []
        self.last: Any = None
        self.held: list[anyio.Event] = []
        """While there is one, the next request waits for it."""
        self.arrived = anyio.Event()
        self.waiting = 0
        self.crowded: tuple[int, anyio.Event] = (0, anyio.Event())
        wait = self.cache._flights.wait

        def counted(flight: Flight) -> None:
            wait(flight)
            self.waiting += 1
            if self.waiting == self.crowded[0]:
                self.crowded[1].set()

        self.cache._flights.wait = counted  # type: ignore[method-assign]

    async def send(self, request: Request) -> Any:
        self.asked.append(request)
        self.arrived.set()
        if self.held:
            await self.held.pop(0).wait()
        if self.answers:
            self.last = self.answers.pop(0)
        if isinstance(self.last, BaseException):
            raise self.last
        return Live(self.last.head, *self.last.script)

    def says(self, *answers: Any) -> Scene:
        self.answers += answers
        return self

    async def get(self, headers: Any = (), *, method: str = "GET", url: str = URL, **options: Any) -> Result:
        answer = await self.cache.fetch(Request(method, url, headers), self.send, **options)
        try:
            body = b"".join([chunk async for chunk in answer.content])
        finally:
            await answer.content.aclose()
        return Result(answer.head, answer.info, body, answer)

    async def refreshed(self) -> None:
        """Wait until nothing runs in the background."""
        tasks = self.cache.tasks
        while tasks._tasks or (tasks._nursery is not None and tasks._nursery.child_tasks):
            await anyio.lowlevel.checkpoint()

    async def crowd(self, number: int) -> None:
        """Wait until so many wait for somebody else."""
        if self.waiting < number:
            self.crowded = (number, anyio.Event())
            await self.crowded[1].wait()


# --- the flow, over stores of every colour


@STORES
@pytest.mark.parametrize("size", [7, 100_000, 600_000])
def test_a_response_is_stored_served_validated_and_dropped(store: Any, size: int, run: RUN) -> None:
    body = bytes(range(256)) * (size // 256 + 1)

    async def main() -> None:
        scene = Scene(store()).says(response("max-age=60", body[:5], body[5:size], ETag='"a"'))
        first = await scene.get()
        assert (first.info.status, first.info.stored, first.body) == ("miss", True, body[:size])
        assert first.answer.live is not None
        hit = await scene.get()
        assert (hit.info.status, hit.body, hit.answer.live) == ("hit", body[:size], None)
        part = await scene.get({"Range": "bytes=2-6"})
        assert (part.head.status, part.body) == (206, body[2:7])
        scene.now += 61
        scene.says(Live(Response(304, {"ETag": '"a"'})))
        assert (await scene.get()).info.status == "revalidated"
        assert (await scene.get(method="HEAD")).info.status == "hit"
        assert (await scene.get({"Cache-Control": "only-if-cached"}, url="https://b.test/")).head.status == 504
        scene.says(response("no-store"))
        await scene.get(method="PUT")
        assert (await scene.get()).info.status == "miss"
        assert await scene.cache.purge(everything=True) == 0

    run(main)


@pytest.mark.parametrize(("store", "inline"), [(Threaded, set()), (Quick, {"read"})])
def test_calls_that_may_wait_are_made_in_threads(store: Any, inline: set[str], run: RUN) -> None:
    async def main() -> None:
        scene = Scene(store()).says(response())
        await scene.get()
        assert scene.cache.store.threads
        scene.cache.store.threads.clear()
        await scene.get()
        assert (scene.cache.store.threads == {threading.get_ident()}) is ("read" in inline)

    run(main)


@STORES
def test_a_purge_says_how_many_it_hit(store: Any, run: RUN) -> None:
    async def main() -> None:
        scene = Scene(store()).says(response("max-age=60, stale-if-error=99"))
        await scene.get()
        await scene.get(url="https://b.test/")
        assert await scene.cache.purge(url="HTTPS://Example.com/a", soft=True) == 1
        scene.says(ConnectionError())
        assert (await scene.get()).info.status == "stale"
        assert await scene.cache.purge(prefix="https://b.test/") == 1
        assert await scene.cache.clear() == 1

    run(main)


def test_a_wider_policy_may_be_used_for_some_requests(run: RUN) -> None:
    async def main() -> None:
        scene = Scene().says(response())
        careful = scene.cache.under(Policy(enabled=False))
        answer = await careful.fetch(Request("GET", URL), scene.send)
        await answer.content.aclose()
        assert answer.info.status == "bypass"
        assert (await scene.get()).info.status == "miss"

    run(main)


def test_another_store_may_take_the_place_of_one_that_was_closed(run: RUN) -> None:
    async def main() -> None:
        scene = Scene().says(response())
        scene.cache.store.close()
        assert (await scene.get()).info.stored is False
        scene.cache.reopen(MemoryStore())
        scene.cache.shelter.resting_until = 0.0
        await scene.get()
        assert (await scene.get()).info.status == "hit"

    run(main)


def test_without_arguments_there_are_a_store_a_policy_and_a_clock(run: RUN) -> None:
    async def main() -> None:
        async def send(request: Request) -> Live:
            return response()

        cache = AsyncCache()
        answer = await cache.fetch(Request("GET", URL), send)
        assert b"".join([chunk async for chunk in answer.content]) == b"content"
        assert (await cache.fetch(Request("GET", URL), send)).content.whole == b"content"

    run(main)


# --- one request for all


@pytest.mark.requirement("9111-4-10")
@STORES
def test_of_many_who_ask_at_once_one_goes(store: Any, run: RUN) -> None:
    async def main() -> None:
        scene = Scene(store()).says(response())
        hold = anyio.Event()
        scene.held.append(hold)
        results: list[Result] = []

        async def ask() -> None:
            results.append(await scene.get())

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(ask)
            await scene.crowd(9)
            hold.set()
        assert len(scene.asked) == 1
        assert sorted(result.info.status for result in results) == ["hit"] * 9 + ["miss"]
        assert {result.body for result in results} == {b"content"}

    run(main)


@pytest.mark.requirement("9111-4-11", "9111-5.2.2.5-02")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(response("no-store"), id="no-store"),
        pytest.param(response("max-age=60", status=503), id="an error that is stored"),
        pytest.param(response("no-store", status=503), id="an error"),
        pytest.param(response("max-age=60", b"x", OSError("cut off")), id="a body that breaks off"),
        pytest.param(response("max-age=60", Vary="Accept"), id="another variant"),
    ],
)
def test_what_is_not_for_the_others_is_shared_with_nobody(answer: Live, run: RUN) -> None:
    async def main() -> None:
        scene = Scene().says(answer, response())
        hold = anyio.Event()
        scene.held.append(hold)
        results: list[Any] = []

        async def ask(accept: str) -> None:
            try:
                results.append(await scene.get({"Accept": accept}))
            except OSError as error:
                results.append(error)

        async with anyio.create_task_group() as group:
            group.start_soon(ask, "a")
            await scene.arrived.wait()
            group.start_soon(ask, "b")
            await scene.crowd(1)
            hold.set()
        shared = answer.head.status == 503 and "no-store" not in answer.head.headers["cache-control"]
        assert len(scene.asked) == (1 if shared else 2)

    run(main)


def test_a_failure_is_shared(run: RUN) -> None:
    async def main() -> None:
        scene = Scene().says(ConnectionError("out of reach"))
        hold = anyio.Event()
        scene.held.append(hold)
        errors: list[str] = []

        async def ask() -> None:
            with pytest.raises(ConnectionError) as caught:
                await scene.get()
            errors.append(str(caught.value))

        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(ask)
            await scene.crowd(3)
            hold.set()
        assert errors == ["out of reach"] * 4
        assert len(scene.asked) == 1

    run(main)


@pytest.mark.parametrize("while_", ["it waits for the head", "it reads the body"])
def test_when_the_leader_is_cancelled_one_of_the_others_goes(while_: str, run: RUN) -> None:
    async def main() -> None:
        never = anyio.Event()
        reading = while_ == "it reads the body"
        scene = Scene().says(*([response("max-age=60", b"x", never)] if reading else []), response())
        hold = anyio.Event()
        scene.held.append(hold if reading else never)
        leader = anyio.CancelScope()
        results: list[Result] = []

        async def lead() -> None:
            with leader:
                await scene.get()
                raise AssertionError

        async def ask() -> None:
            results.append(await scene.get())

        async with anyio.create_task_group() as group:
            group.start_soon(lead)
            await scene.arrived.wait()
            for _ in range(3):
                group.start_soon(ask)
            await scene.crowd(3)
            hold.set()
            if reading:
                await anyio.wait_all_tasks_blocked()
            leader.cancel()
        assert len(scene.asked) == 2
        assert sorted(result.info.status for result in results) == ["hit", "hit", "miss"]

    run(main)


def test_who_is_cancelled_while_waiting_holds_up_nobody(run: RUN) -> None:
    async def main() -> None:
        scene = Scene().says(response())
        hold = anyio.Event()
        scene.held.append(hold)
        impatient = anyio.CancelScope()

        async def ask(scope: anyio.CancelScope) -> None:
            with scope:
                await scene.get()

        async with anyio.create_task_group() as group:
            group.start_soon(ask, anyio.CancelScope())
            await scene.arrived.wait()
            group.start_soon(ask, impatient)
            group.start_soon(ask, anyio.CancelScope())
            await scene.crowd(2)
            impatient.cancel()
            hold.set()
        assert len(scene.asked) == 1

    run(main)


@pytest.mark.parametrize("how", ["closed", "dropped"])
def test_when_the_leader_does_not_read_one_of_the_others_goes(how: str, run: RUN) -> None:
    async def main() -> None:
        scene = Scene().says(response())
        results: list[Result] = []

        async def lead() -> Any:
            # Another task, for nobody waits for an answer that it holds itself.
            held.append(await scene.cache.fetch(Request("GET", URL), scene.send))

        async def ask() -> None:
            results.append(await scene.get())

        held: list[Any] = []
        async with anyio.create_task_group() as group:
            group.start_soon(lead)
        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await scene.crowd(1)
            if how == "closed":
                await held[0].content.aclose()
            held.clear()
        assert results[0].info.status == "miss"
        assert len(scene.asked) == 2

    run(main)


def test_waiting_for_a_body_is_bounded(run: RUN) -> None:
    async def main() -> None:
        scene = Scene(policy=Policy(collapse_wait=0.0)).says(response())

        async def lead() -> None:
            held.append(await scene.cache.fetch(Request("GET", URL), scene.send))

        held: list[Any] = []
        async with anyio.create_task_group() as group:
            group.start_soon(lead)
        assert (await scene.get()).info.status == "miss"
        await held[0].content.aclose()

    run(main)


def test_without_collapsing_everybody_goes(run: RUN) -> None:
    async def main() -> None:
        scene = Scene(policy=Policy(collapse=False)).says(response())
        first = await scene.cache.fetch(Request("GET", URL), scene.send)
        assert (await scene.get()).info.status == "miss"
        await first.content.aclose()
        assert len(scene.asked) == 2

    run(main)


def test_a_task_that_holds_an_unread_answer_does_not_wait_for_itself(run: RUN) -> None:
    async def main() -> None:
        scene = Scene().says(response())
        first = await scene.cache.fetch(Request("GET", URL), scene.send)
        assert (await scene.get()).info.status == "miss"
        await first.content.aclose()

    run(main)


def test_those_who_wait_are_counted(run: RUN) -> None:
    async def main() -> None:
        scene = Scene().says(response())
        course = scene.cache.course(Request("GET", URL))
        assert course.awaited is False
        assert not course.when_deserted(lambda: None)
        step = await scene.cache.advance(course)
        assert isinstance(step, Send)
        told: list[str] = []
        scope = anyio.CancelScope()

        async def ask() -> None:
            with scope:
                await scene.get()

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await scene.crowd(1)
            assert course.awaited is True
            assert course.when_deserted(lambda: told.append("deserted"))
            scope.cancel()
        assert told == ["deserted"]
        assert course.awaited is False
        course.broken(KeyboardInterrupt())

    run(main)


def test_loops_do_not_wait_for_each_other() -> None:
    scene = None
    answered = threading.Event()

    async def lead() -> None:
        nonlocal scene
        scene = Scene().says(response())
        answer = await scene.cache.fetch(Request("GET", URL), scene.send)
        thread = threading.Thread(target=lambda: anyio.run(ask), daemon=True)
        thread.start()
        await anyio.to_thread.run_sync(answered.wait, PATIENCE)
        assert answered.is_set()
        await answer.content.aclose()
        thread.join()

    async def ask() -> None:
        assert scene is not None
        assert (await scene.get()).info.status == "miss"
        answered.set()

    anyio.run(lead)


class Late(Asynchronous):
    """A store whose first reading arrives when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.read_once, self.go = anyio.Event(), anyio.Event()

    async def read(self, key: bytes) -> Reading:
        found = self.inner.read(key)
        if not self.read_once.is_set():
            self.read_once.set()
            await self.go.wait()
        return found


def test_whoever_has_looked_before_another_one_stored_looks_again(run: RUN) -> None:
    async def main() -> None:
        store = Late()
        scene = Scene(store).says(response())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(late, scene)
            await store.read_once.wait()
            assert (await scene.get()).info.status == "miss"
            store.go.set()
        assert len(scene.asked) == 1

    async def late(scene: Scene) -> None:
        assert (await scene.get()).info.status == "hit"

    run(main)


# --- refreshes


@STORES
@pytest.mark.requirement("5861-3-02")
@pytest.mark.parametrize("size", [7, 100_000])
def test_within_the_window_a_stale_response_answers_and_is_refreshed(store: Any, size: int, run: RUN) -> None:
    async def main() -> None:
        scene = Scene(store()).says(response("max-age=1, stale-while-revalidate=99", b"o" * size, ETag='"a"'))
        await scene.get()
        for answer in (Live(Response(304, {"ETag": '"a"'})), response("max-age=60", b"new")):
            scene.now += 2
            scene.says(answer)
            await scene.cache.tasks.aenter()
            stale = await scene.get()
            assert (stale.info.status, stale.body) == ("stale", b"o" * size)
            await scene.refreshed()
            await scene.cache.aclose()
        assert (await scene.get()).body == b"new"
        assert len(scene.asked) == 3

    run(main)


def test_on_trio_without_a_nursery_it_is_refreshed_before_the_answer() -> None:
    pytest.importorskip("trio")

    async def main() -> None:
        scene = Scene().says(response("max-age=1, stale-while-revalidate=99"), response("max-age=60", b"new"))
        await scene.get()
        scene.now += 2
        assert (await scene.get()).body == b"content"
        assert len(scene.asked) == 2
        assert (await scene.get()).body == b"new"

    anyio.run(main, backend="trio")


def test_on_trio_without_a_nursery_a_cancelled_refresh_lets_go_of_the_answer() -> None:
    pytest.importorskip("trio")

    async def main() -> None:
        closed: list[int] = []

        class Body:
            def chunks(self, start: int, stop: int) -> Iterator[bytes]:
                yield b"x" * (stop - start)

            def close(self) -> None:
                closed.append(1)

        class Store(MemoryStore):
            def open(self, body_id: str) -> Any:
                return Body()

        scene = Scene(Store()).says(response("max-age=1, stale-while-revalidate=99", b"x" * 100_000))
        await scene.get()
        scene.now += 2
        scene.held.append(anyio.Event())
        with anyio.move_on_after(0.01):
            await scene.get()
        assert closed == [1]

    anyio.run(main, backend="trio")


def test_a_refresh_that_fails_is_told(run: RUN, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        scene = Scene().says(response("max-age=1, stale-while-revalidate=99"), ConnectionError("out of reach"))
        await scene.get()
        scene.now += 2
        await scene.cache.tasks.aenter()
        assert (await scene.get()).info.status == "stale"
        while "out of reach" not in caplog.text:
            await anyio.lowlevel.checkpoint()
        await scene.cache.aclose()

    with caplog.at_level("INFO", "cachespec"):
        run(main)


def test_a_refresh_that_is_not_stored_is_let_go(run: RUN) -> None:
    async def main() -> None:
        scene = Scene().says(response("max-age=1, stale-while-revalidate=99"))
        await scene.get()
        scene.now += 2
        scene.says(response("no-store", OSError("it is read")))
        await scene.cache._refreshed(Request("GET", URL), scene.send, Wish())
        assert len(scene.asked) == 2
        # Somebody refreshes it already: nothing is sent.
        url = "https://b.test/"
        scene.says(response("max-age=1, stale-while-revalidate=99"))
        await scene.get(url=url)
        scene.now += 2
        course = scene.cache.course(Request("GET", url), background=True)
        assert isinstance(await scene.cache.advance(course), Send)
        other = scene.cache.course(Request("GET", url), background=True)
        assert isinstance(await scene.cache.advance(other), Made)
        course.broken(KeyboardInterrupt())
        # It is fresh again: nothing is sent either.
        await scene.get({"Cache-Control": "no-cache"}, url=url)
        asked = len(scene.asked)
        await scene.cache._refreshed(Request("GET", url), scene.send, Wish())
        assert len(scene.asked) == asked

    run(main)


# --- cut off


@STORES
def test_a_body_that_is_cut_off_by_a_cancellation_leaves_nothing(store: Any, run: RUN) -> None:
    async def main() -> None:
        made = store()
        with anyio.CancelScope() as scope:
            scene = Scene(made).says(response("max-age=60", b"x" * 300_000, Cancelling(scope)))
            await scene.get()
        memory = made.inner if isinstance(made, Asynchronous) else made
        assert len(memory) == 0
        # What an asynchronous store has is left to its sweep, for nothing can be awaited here.
        while not isinstance(made, Asynchronous) and memory.bytes:
            await anyio.lowlevel.checkpoint()

    run(main)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # trio tells who dropped it
def test_what_a_dropped_answer_left_in_the_store_goes_with_the_next_request(run: RUN) -> None:
    async def main() -> None:
        scene = Scene().says(response("max-age=60", b"x" * 300_000, b"y"))
        answer = await scene.cache.fetch(Request("GET", URL), scene.send)
        await anext(answer.content)
        assert scene.cache.store.bytes == 300_000
        del answer
        scene.says(response("no-store"))
        await scene.get()
        assert scene.cache.store.bytes == 0

    run(main)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # trio tells who dropped it
def test_what_a_dropped_answer_left_in_the_store_goes_with_the_next_pushed_exchange(run: RUN) -> None:
    async def main() -> None:
        scene = Scene().says(response("max-age=60", b"x" * 300_000, b"y"))
        answer = await scene.cache.fetch(Request("GET", URL), scene.send)
        await anext(answer.content)
        del answer
        scene.cache.course(Request("GET", URL))
        assert scene.cache.store.bytes == 0

    run(main)


def test_a_response_that_a_filter_of_the_users_fails_on_is_let_go(run: RUN) -> None:
    def broken(request: Request, response: Response) -> bool:
        raise ValueError("the filter")

    async def main() -> None:
        scene = Scene(policy=Policy(response_filter=broken))
        live = response()

        async def send(request: Request) -> Live:
            return live

        with pytest.raises(ValueError, match="the filter"):
            await scene.cache.fetch(Request("GET", URL), send)
        assert live.closed == 1
        # Nobody waits for it any more.
        scene.says(response())
        with pytest.raises(ValueError, match="the filter"):
            await scene.get()

    run(main)


def test_cleaning_up_may_fail(run: RUN) -> None:
    class Failing(MemoryStore):
        def discard(self, body_id: str) -> None:
            raise OSError

    async def main() -> None:
        scene = Scene(Failing()).says(response("max-age=60", b"x" * 300_000, b"y"))
        answer = await scene.cache.fetch(Request("GET", URL), scene.send)
        await anext(answer.content)
        await answer.content.aclose()

    run(main)


class Stuck(Asynchronous):
    """A store that never ends one kind of call."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.stuck = name

    async def read(self, key: bytes) -> Reading:
        if self.stuck == "read":
            await anyio.sleep_forever()
        return await super().read(key)

    def __getattr__(self, name: str) -> Any:
        async def stuck(*args: Any) -> Any:
            await anyio.sleep_forever()

        return stuck if name == self.stuck else super().__getattr__(name)


def test_a_purge_that_is_cut_off_is_owed(run: RUN) -> None:
    async def main() -> None:
        store = Stuck("purge")
        scene = Scene(store).says(response())
        await scene.get()
        with anyio.move_on_after(0.01):
            await scene.get(method="PUT")
        assert len(scene.cache.shelter.owed) == 1
        store.stuck = ""
        assert (await scene.get()).info.status == "miss"
        assert scene.cache.shelter.owed == []

    run(main)


def test_a_step_that_is_cut_off_counts_as_failed_where_the_exchange_goes_on(run: RUN) -> None:
    async def main() -> None:
        store = Stuck("read")
        scene = Scene(store).says(response())
        course = scene.cache.course(Request("GET", URL))
        with anyio.move_on_after(0.01):
            await scene.cache.advance(course)
        assert isinstance(course.cut, Read)
        step = await scene.cache.advance(course)
        assert isinstance(step, Send)
        assert course.cut is None
        outcome: Any = await scene.cache.advance(course, (response().head, response()))
        assert outcome.plan is None

    run(main)


@pytest.mark.parametrize("store", [MemoryStore, Threaded, Asynchronous])
def test_a_rest_that_is_cut_off_leaves_what_was_there(store: Any, run: RUN) -> None:
    content = bytes(range(256)) * 1600

    def part(start: int, stop: int, *chunks: Any) -> Live:
        told = {
            "Cache-Control": "max-age=60",
            "ETag": '"a"',
            "Content-Range": f"bytes {start}-{stop - 1}/{len(content)}",
        }
        return Live(Response(206, told), *(chunks or (content[start:stop],)))

    async def main() -> None:
        scene = Scene(store(), Policy(partial=True)).says(part(0, 100_000))
        await scene.get({"Range": "bytes=0-99999"})
        kept = scene.cache.store if store is not Asynchronous else scene.cache.store.inner
        before = set(kept._bodies)
        discarded, discard = threading.Event(), kept.discard

        def noted(body_id: str) -> None:
            discard(body_id)
            discarded.set()

        kept.discard = noted
        rest = part(100_000, len(content), content[100_000:], anyio.Event())
        scene.says(rest)
        with anyio.move_on_after(0.05) as scope:
            await scene.get()
        assert scope.cancelled_caught
        if store is not Asynchronous:
            # It is cleaned up behind the back of who was cancelled; for a loop that is left to the sweep.
            assert await anyio.to_thread.run_sync(discarded.wait, PATIENCE)
            assert set(kept._bodies) == before
        # Nobody waits for it for ever, and the next one has it all.
        scene.says(part(100_000, len(content)))
        whole = await scene.get()
        assert (whole.head.status, whole.body, len(scene.asked)) == (200, content, 3)

    run(main)


def test_what_lies_in_memory_may_be_had_at_a_glance(run: RUN) -> None:
    async def main() -> None:
        scene = Scene().says(response("max-age=60", bytes(100_000)))
        cache = scene.cache

        def fresh(url: str, now: float = 1e9) -> Entry | None:
            looked = cache.glance(url)
            return None if looked is None else cache.fresh(looked, now)

        assert fresh(URL) is None
        await scene.get()
        entry = fresh(URL)
        assert entry is not None
        assert fresh(URL, 1e9 + 60) is None
        looked = cache.glance(URL)
        assert looked is not None
        # Who knows where it lies need not have it worked out again.
        assert cache.glance(URL, looked[0]) == looked
        pieces = cache.pieces(entry)
        assert pieces is not None
        assert b"".join(pieces) == bytes(100_000)
        cache.store.discard(entry.body_id)
        assert cache.pieces(entry) is None
        # One that lies beside its head is there already; one in parts has no body.
        assert cache.pieces(dataclasses.replace(entry, body=b"", body_id=None)) is None
        assert cache.glance("https://example.com/" + "a" * 20_000) is None
        cache.store.close()
        assert cache.glance(URL) is None

    run(main)


def test_what_cannot_be_had_at_a_glance_is_not_looked_for(run: RUN) -> None:
    class Failing(MemoryStore):
        def open(self, body_id: str) -> Any:
            raise OSError

    async def main() -> None:
        scene = Scene(Failing()).says(response("max-age=60", bytes(100_000)))
        await scene.get()
        [(_, entry)] = scene.cache.store.items()
        assert scene.cache.pieces(entry) is None
        assert Scene(Threaded()).cache.glance(URL) is None
        # A look takes no waiting there, and reading a body might.
        assert Scene(Quick()).cache.glance(URL) is not None
        assert Scene(Quick()).cache.pieces(entry) is None

    run(main)


def test_an_empty_body_is_one_empty_piece(run: RUN) -> None:
    async def main() -> None:
        scene = Scene().says(response())
        await scene.get()
        [entry] = [item for _, item in scene.cache.store.items()]
        assert scene.cache.store.append("0" * 32, b"")
        assert scene.cache.pieces(dataclasses.replace(entry, body=None, body_id="0" * 32, length=0)) == [b""]

    run(main)


def test_a_child_process_has_flights_of_its_own(run: RUN) -> None:
    async def main() -> None:
        scene = Scene().says(response())
        flights, scene.cache._forks = scene.cache._flights, -1
        await scene.get()
        assert scene.cache._flights is not flights

    run(main)


@pytest.mark.parametrize("kind", [MemoryStore, Threaded])
def test_a_store_that_fails_is_a_miss(kind: Any, run: RUN) -> None:
    class Failing(kind):  # type: ignore[misc]
        def read(self, key: bytes) -> Reading:
            raise OSError

    async def main() -> None:
        scene = Scene(Failing()).says(response())
        assert (await scene.get()).info.status == "miss"
        assert scene.cache.shelter.failures == 1
        # While it rests, nothing is asked of it.
        assert await scene.cache.perform(Read(b"")) == NOTHING
        assert await scene.cache.perform(Append("", b"")) is False
        assert scene.cache.shelter.failures == 1

    run(main)


def test_the_outcome_of_a_pushed_exchange_is_read_like_any_other(run: RUN) -> None:
    async def main() -> None:
        scene = Scene().says(response())
        await scene.get()
        outcome = await scene.cache.advance(scene.cache.course(Request("GET", URL)))
        assert isinstance(outcome, Stored)
        assert scene.cache.stored_content(outcome).whole == b"content"

    run(main)


def test_a_plain_miss_is_pushed_like_any_other(run: RUN) -> None:
    async def main() -> None:
        scene = Scene()
        request = Request("GET", URL)
        course = scene.cache.course(request, looked=scene.cache.glance(URL))
        step = await scene.cache.advance(course)
        assert isinstance(step, Send)
        assert step.request is request
        # Somebody goes already, and whoever has looked as well waits.
        other = scene.cache.course(request, looked=scene.cache.glance(URL))
        async with anyio.create_task_group() as group:
            group.start_soon(scene.cache.advance, other)
            await scene.crowd(1)
            assert course.awaited is True
            group.cancel_scope.cancel()
        live = response()
        outcome: Any = await scene.cache.advance(course, (live.head, live))
        assert (outcome.live, outcome.share, outcome.info.status) == (live, "commit", "miss")

    run(main)


def test_who_waits_with_a_pushed_exchange_fails_with_the_one_waited_for(run: RUN) -> None:
    async def main() -> None:
        scene = Scene()
        course, other = (scene.cache.course(Request("GET", URL)) for _ in range(2))
        await scene.cache.advance(course)

        async def wait() -> None:
            with pytest.raises(OSError, match="it is down"):
                await scene.cache.advance(other)

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await scene.crowd(1)
            course.broken(OSError("it is down"))

    run(main)


def test_the_rest_of_a_part_is_left_to_whoever_pushes(run: RUN) -> None:
    def part(span: str, body: bytes) -> Live:
        lines = {"ETag": '"a"', "Content-Range": f"bytes {span}/7", "Content-Length": str(len(body))}
        return response("max-age=60", body, status=206, **lines)

    async def main() -> None:
        scene = Scene(policy=Policy(partial=True)).says(part("0-3", b"cont"))
        await scene.get({"Range": "bytes=0-3"})
        course = scene.cache.course(Request("GET", URL))
        step = await scene.cache.advance(course)
        assert isinstance(step, Send)
        assert step.request.headers["range"] == "bytes=4-"
        live = part("4-6", b"ent")
        assert isinstance(await scene.cache.advance(course, (live.head, live)), Drain)
        course.broken(KeyboardInterrupt())

    run(main)
