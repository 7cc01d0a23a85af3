"""A store that is made for an event loop, in synchronous form: for tests, which want to wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, TypeVar

from ..entries import Item
from ..stores.contract import AsyncBody, AsyncStore, Body, Reading, Scope, Stats
from ..stores.contract import Blocking as StoreBlocking

R = TypeVar("R")


class Blocking:
    """An `AsyncStore` in the form of a `Store`: every call waits for the loop in which the store lives."""

    blocking: StoreBlocking = "always"

    def __init__(self, store: AsyncStore, loop: asyncio.AbstractEventLoop) -> None:
        self.wrapped = store
        self._loop = loop
        self._leasing: Any = store

    def wait(self, call: Awaitable[R]) -> R:
        async def awaited() -> R:
            return await call

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result()

    def each(self, items: AsyncIterator[R]) -> Iterator[R]:
        while True:
            try:
                yield self.wait(anext(items))
            except StopAsyncIteration:
                return

    def secret(self) -> bytes:
        return self.wait(self.wrapped.secret())

    def read(self, key: bytes) -> Reading:
        return self.wait(self.wrapped.read(key))

    def swap(self, key: bytes, item: Item | None, revision: int, mark: int) -> bool:
        return self.wait(self.wrapped.swap(key, item, revision, mark))

    def append(self, body_id: str, chunk: bytes) -> bool:
        return self.wait(self.wrapped.append(body_id, chunk))

    def open(self, body_id: str) -> Body | None:
        body: AsyncBody | None = self.wait(self.wrapped.open(body_id))
        return None if body is None else _BlockingBody(body, self)

    def discard(self, body_id: str) -> None:
        self.wait(self.wrapped.discard(body_id))

    def purge(self, scope: Scope) -> int:
        return self.wait(self.wrapped.purge(scope))

    def items(self) -> Iterator[tuple[bytes, Item]]:
        return self.each(self.wrapped.items())

    def sweep(self, now: float, limit: int = 1000) -> int:
        return self.wait(self.wrapped.sweep(now, limit))

    def stats(self) -> Stats:
        return self.wait(self.wrapped.stats())

    def close(self) -> None:
        self.wait(self.wrapped.close())

    def lease(self, slot: bytes, owner: bytes, seconds: float) -> bool:
        leased: bool = self.wait(self._leasing.lease(slot, owner, seconds))
        return leased

    def release(self, slot: bytes, owner: bytes) -> None:
        self.wait(self._leasing.release(slot, owner))


class _BlockingBody:
    def __init__(self, body: AsyncBody, store: Blocking) -> None:
        self._body = body
        self._store = store

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        return self._store.each(self._body.chunks(start, stop))

    def close(self) -> None:
        self._store.wait(self._body.close())
