"""The only room that knows an event loop: asyncio, and trio where it is loaded.

Neither is imported before somebody runs in it, so that a synchronous program pays for neither.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    import trio

R = TypeVar("R")
Args = TypeVarTuple("Args")


def _trio() -> Any:
    """The module trio, if the caller runs in it."""
    trio = sys.modules.get("trio")
    if trio is None:
        return None
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return None
    return trio


def current() -> tuple[Any, Hashable]:
    """The loop and the task that run: what owns a flight.  None for what does not run."""
    # In this order: trio, where it is loaded and does not run, says so by an exception only.
    asyncio: Any = sys.modules.get("asyncio")
    loop = None if asyncio is None else asyncio._get_running_loop()
    task = None if loop is None else asyncio.current_task(loop)
    if task is None and (trio := _trio()):
        return trio.lowlevel.current_trio_token(), trio.lowlevel.current_task()
    return loop, task


def current_loop() -> Any:
    """The loop that runs: tasks of different loops cannot wait for each other.  RuntimeError where none does."""
    if trio := _trio():
        return trio.lowlevel.current_trio_token()
    import asyncio

    return asyncio.get_running_loop()


async def in_thread(call: Callable[[*Args], R], *args: *Args) -> R:
    """The result of a call that may wait, made in a thread."""
    if trio := _trio():
        result: R = await trio.to_thread.run_sync(call, *args)
        return result
    import asyncio

    return await asyncio.get_running_loop().run_in_executor(None, partial(call, *args))


def let_run(call: Callable[[*Args], object], *args: *Args) -> None:
    """Have a call that may wait made in a thread, without waiting for it: for cleaning up while being cancelled."""
    if trio := _trio():
        trio.lowlevel.spawn_system_task(trio.to_thread.run_sync, partial(quietly, call, *args))
        return
    import asyncio

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        # Nothing runs that could be held up: the garbage collector may come by when the loop is over.
        quietly(call, *args)
    else:
        loop.run_in_executor(None, partial(quietly, call, *args))


def quietly(call: Callable[[*Args], object], *args: *Args) -> None:
    """Make a call that cleans up, and let it fail."""
    try:
        call(*args)
    except Exception:
        # What cannot be cleaned up now is left to the store's sweep.
        return


class Waiter:
    """Something one task waits for, until somebody wakes it."""

    def __init__(self) -> None:
        self._loop: Any = current_loop()
        self._event: trio.Event | None = None
        self._future: Any = None
        if module := _trio():
            self._event = module.Event()
        else:
            self._future = self._loop.create_future()

    def wake(self) -> None:
        """End the wait, from wherever.  A second time does nothing."""
        try:
            here = current_loop() is self._loop
        except RuntimeError:
            here = False
        if here:
            self._end()
            return
        with suppress(RuntimeError):  # The loop has ended, and the wait with it.
            (self._loop.call_soon_threadsafe if self._event is None else self._loop.run_sync_soon)(self._end)

    def _end(self) -> None:
        if self._event is not None:
            self._event.set()
        elif not self._future.done():
            self._future.set_result(None)

    async def wait(self, seconds: float | None) -> bool:
        """Wait for `wake`, at most so long (None: as long as it takes); whether it came."""
        if self._event is not None:
            module = sys.modules["trio"]
            with module.move_on_after(float("inf") if seconds is None else seconds):
                await self._event.wait()
            return bool(self._event.is_set())
        import asyncio

        await asyncio.wait((self._future,), timeout=seconds)
        return bool(self._future.done())


class Tasks:
    """Background tasks, and their end.

    On asyncio they may be spawned at any time; on trio only between `aenter` and `aclose`, for there every task has a
    nursery.
    """

    def __init__(self) -> None:
        self._tasks: set[Any] = set()
        self._nursery: Any = None
        self._manager: Any = None

    async def aenter(self) -> None:
        """Open a nursery where one is needed."""
        if module := _trio():
            self._manager = module.open_nursery()
            self._nursery = await self._manager.__aenter__()

    def spawn(self, call: Callable[[*Args], Awaitable[object]], *args: *Args) -> bool:
        """Have a task run `call`; False where none can be had."""
        if _trio():
            if self._nursery is not None:
                self._nursery.start_soon(call, *args)
            return self._nursery is not None
        import asyncio

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return False
        task: asyncio.Future[object] = asyncio.ensure_future(call(*args))
        # The loop itself keeps only a weak reference.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def aclose(self) -> None:
        """Cancel what still runs, and wait for it."""
        if self._manager is not None:
            manager, self._manager = self._manager, None
            self._nursery.cancel_scope.cancel()
            self._nursery = None
            await manager.__aexit__(None, None, None)
        if self._tasks:
            import asyncio

            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
