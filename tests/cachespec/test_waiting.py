from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from cachespec import waiting

RUN = Callable[[Callable[[], Awaitable[Any]]], Any]


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> RUN:
    """Runs a coroutine function on each kind of loop."""
    return lambda main: anyio.run(main, backend=request.param)


def test_neither_asyncio_nor_trio_is_imported_before_somebody_runs_in_it() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import sys, cachespec; print({'asyncio', 'trio', 'anyio'} & set(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "set()"


def test_task_and_loop_are_told(run: RUN) -> None:
    async def main() -> None:
        tasks, loops = [], []

        async def note() -> None:
            loop, task = waiting.current()
            tasks.append(task)
            loops.append(loop)

        await note()
        await note()
        async with anyio.create_task_group() as group:
            group.start_soon(note)
        assert tasks[0] is tasks[1] is not tasks[2]
        assert loops[0] is loops[1] is loops[2] is not None

    run(main)


@pytest.mark.parametrize("loaded", [True, False], ids=["trio is loaded", "trio is not loaded"])
def test_where_no_loop_runs_there_is_none(loaded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("trio")
    if not loaded:
        monkeypatch.delitem(sys.modules, "trio")
    with pytest.raises(RuntimeError):
        waiting.current_loop()


def test_a_call_that_may_wait_is_made_in_a_thread(run: RUN) -> None:
    async def main() -> None:
        assert await waiting.in_thread(lambda a, b: (threading.get_ident(), a + b), 1, 2) != (threading.get_ident(), 3)
        assert (await waiting.in_thread(lambda a, b: (0, a + b), 1, 2))[1] == 3
        with pytest.raises(ValueError, match="x"):
            await waiting.in_thread(int, "x")

    run(main)


def test_cleaning_up_waits_for_nothing_and_may_fail(run: RUN) -> None:
    done = threading.Event()
    threads: list[int] = []

    def clean(failing: bool) -> None:
        threads.append(threading.get_ident())
        done.set()
        if failing:
            raise OSError

    async def main() -> None:
        for failing in (False, True):
            done.clear()
            waiting.let_run(clean, failing)
            await anyio.to_thread.run_sync(done.wait, 10)
            assert done.is_set()
        assert threading.get_ident() not in threads

    run(main)


def test_where_no_loop_runs_cleaning_up_is_done_at_once() -> None:
    done: list[int] = []
    waiting.let_run(done.append, 1)
    waiting.let_run(int, "fails")
    assert done == [1]


def test_a_waiter_is_woken(run: RUN) -> None:
    async def main() -> None:
        waiter = waiting.Waiter()

        async def wake() -> None:
            waiter.wake()
            waiter.wake()

        async with anyio.create_task_group() as group:
            group.start_soon(wake)
            assert await waiter.wait(None)
        assert await waiter.wait(0)

    run(main)


def test_a_waiter_gives_up(run: RUN) -> None:
    async def main() -> None:
        waiter = waiting.Waiter()
        assert not await waiter.wait(0)
        assert not await waiter.wait(0.001)
        waiter.wake()
        assert await waiter.wait(1)

    run(main)


def test_a_waiter_may_be_woken_from_another_thread(run: RUN) -> None:
    async def main() -> None:
        waiter = waiting.Waiter()
        thread = threading.Thread(target=waiter.wake)
        thread.start()
        assert await waiter.wait(10)
        thread.join()

    run(main)


def test_a_waiter_may_be_woken_when_its_loop_has_ended(run: RUN) -> None:
    waiters = []

    async def main() -> None:
        waiters.append(waiting.Waiter())

    run(main)
    waiters[0].wake()

    async def other() -> None:
        waiters[0].wake()

    run(other)


def test_on_asyncio_tasks_are_spawned_at_any_time() -> None:
    async def main() -> None:
        tasks = waiting.Tasks()
        await tasks.aenter()
        done = asyncio.Event()

        async def work(number: int) -> None:
            if number == 1:
                done.set()
            else:
                await asyncio.Event().wait()

        assert tasks.spawn(work, 1)
        await done.wait()
        assert tasks.spawn(work, 2)
        await asyncio.sleep(0)
        assert len(tasks._tasks) == 1
        await tasks.aclose()
        await tasks.aclose()
        assert tasks._tasks == set()

    asyncio.run(main())


def test_on_trio_tasks_are_spawned_while_there_is_a_nursery() -> None:
    trio = pytest.importorskip("trio")

    async def main() -> None:
        tasks = waiting.Tasks()
        done = trio.Event()
        ended: list[int] = []

        async def work(number: int) -> None:
            try:
                done.set()
                await trio.sleep_forever()
            finally:
                ended.append(number)

        assert not tasks.spawn(work, 0)
        await tasks.aenter()
        assert tasks.spawn(work, 1)
        await done.wait()
        await tasks.aclose()
        assert ended == [1]
        assert not tasks.spawn(work, 2)
        await tasks.aclose()

    trio.run(main)


def test_where_no_loop_runs_there_is_no_task_to_be_had() -> None:
    async def never() -> None:
        raise AssertionError

    assert not waiting.Tasks().spawn(never)
