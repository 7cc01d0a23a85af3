"""A store in a database, for an event loop.  Needs the extra ``asyncio``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import URL, Connection
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from cachespec.stores.building import DamagedBodyError, Item, OnEvict, Reading, Scope, Stats, forks

from . import bodies, flows, items
from .attempts import Attempt, is_full
from .dialects import dialect_of
from .opening import INHERITED, SILENCE, SchemaError, engines, make_engine, parsed, prepared
from .options import Options
from .patience import ENDLESS
from .shelf import Flow, Shelf

R = TypeVar("R")


def _create(url: URL, **options: Any) -> Engine:
    return create_async_engine(url, **options).sync_engine


class AsyncSQLBody:
    """`SQLBody` for an event loop."""

    def __init__(self, store: AsyncSQLStore, shelf: Shelf, number: int) -> None:
        self._store = store
        self._shelf = shelf
        self._number = number
        shelf.reading[id(self)] = number

    async def chunks(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """See `AsyncBody.chunks`.  DamagedBodyError where it is not what was stored, or is there no more."""
        while start < stop:
            step = partial(bodies.piece, shelf=self._shelf, number=self._number, position=start)
            try:
                octets, begins = await self._store.ask(step)
            except DamagedBodyError:
                await self._store.run(partial(bodies.lose, shelf=self._shelf, number=self._number))
                raise
            except SQLAlchemyError as error:
                # To whoever reads it is the same as with a file: it cannot be read on.
                raise DamagedBodyError("the database went away while the body was being read") from error
            yield octets if begins == start and len(octets) <= stop - start else octets[start - begins : stop - begins]
            start = begins + len(octets)

    async def close(self) -> None:
        """See `AsyncBody.close`."""
        self._shelf.reading.pop(id(self), None)

    def __del__(self) -> None:
        self._shelf.reading.pop(id(self), None)


class AsyncSQLStore:
    """`SQLStore` for an event loop, one loop for each store.

    Takes what `SQLStore` takes; an engine is an `AsyncEngine`.  The database is first asked when the store is first
    used; one with tables that are not ours is asked only once, and every use raises the same SchemaError.
    """

    def __init__(
        self,
        url_or_engine: str | URL | AsyncEngine,
        *,
        namespace: str = "",
        max_bytes: int = 1024 * 1024 * 1024,
        max_entries: int = 1_000_000,
        max_body: int | None = None,
        signing_key: bytes | None = None,
        on_evict: OnEvict | None = None,
        timeout: float | None = None,
    ) -> None:
        self._options = Options(namespace, max_bytes, max_entries, max_body, signing_key, on_evict, timeout)
        self._owned = not isinstance(url_or_engine, AsyncEngine)
        self._options.check_engine(owned=self._owned)
        if isinstance(url_or_engine, AsyncEngine):
            self.engine: AsyncEngine = url_or_engine
        else:
            self.engine = AsyncEngine(make_engine(parsed(url_or_engine, driven=True), _create, timeout=timeout))
        self._dialect = dialect_of(self.engine.dialect.name)
        create = _create if self._owned else None
        changing, asking = engines(self.engine.sync_engine, self._dialect, create, timeout)
        self._changing, self._asking = AsyncEngine(changing), AsyncEngine(asking)
        silence = SILENCE if timeout is None else timeout
        self._longest = silence if self._owned and self.engine.dialect.driver in ENDLESS else None
        self._closed = False
        self._forks = forks.count()
        self._preparing = asyncio.Lock()
        self._shelf: Shelf | SchemaError | None = None

    def __repr__(self) -> str:
        return f"<AsyncSQLStore {self.engine.url!r} {self._options.namespace!r}>"

    async def _ready(self) -> Shelf:
        if self._closed:
            raise ValueError("the store is closed")
        count = forks.count()
        if self._forks != count:
            self._forks = count
            self._preparing = asyncio.Lock()
            if self._owned:
                INHERITED.extend((self.engine.pool, self._asking.pool))
                await self._asking.dispose(close=False)
                await self.engine.dispose(close=False)
        shelf = self._shelf or await self._prepare()
        if isinstance(shelf, SchemaError):
            raise shelf
        return shelf

    async def _prepare(self) -> Shelf | SchemaError:
        async with self._preparing:
            self._shelf = self._shelf or await self._prepared()
            return self._shelf

    async def _prepared(self) -> Shelf | SchemaError:
        try:
            space = await self.run(partial(prepared, name=self._options.namespace))
        except SchemaError as refused:
            return refused
        return self._options.shelf(space, self._dialect)

    async def run(self, step: Callable[[Connection], R]) -> R:
        """Take a step in a transaction of its own, again where it lost a race."""
        attempt = Attempt(self._dialect)
        while True:
            try:
                async with asyncio.timeout(self._longest), self._changing.begin() as connection:
                    result = await connection.run_sync(step)
                    attempt.done = True
                return result
            except DBAPIError as error:
                await asyncio.sleep(attempt.pause(error))

    async def ask(self, step: Callable[[Connection], R]) -> R:
        """Take a step that changes nothing, again where the connection turned out to be dead."""
        attempt = Attempt(self._dialect)
        while True:
            try:
                async with asyncio.timeout(self._longest), self._asking.connect() as connection:
                    return await connection.run_sync(step)
            except DBAPIError as error:
                await asyncio.sleep(attempt.pause(error))

    async def _drive(self, flow: Flow[R]) -> R:
        result = None
        while True:
            try:
                step = flow.send(result)
            except StopIteration as end:
                made: R = end.value
                return made
            result = await self.run(step)

    # --- the contract

    async def secret(self) -> bytes:
        """See `Store.secret`."""
        return (await self._ready()).secret

    async def read(self, key: bytes) -> Reading:
        """See `Store.read`."""
        return await self.ask(partial(items.read, shelf=await self._ready(), key=key))

    async def swap(self, key: bytes, item: Item | None, revision: int, mark: int) -> bool:
        """See `Store.swap`."""
        return await self._write(flows.swap(await self._ready(), key, item, revision, mark))

    async def append(self, body_id: str, chunk: bytes) -> bool:
        """See `Store.append`."""
        return await self._write(flows.append(await self._ready(), body_id, chunk))

    async def _write(self, flow: Flow[bool]) -> bool:
        try:
            return await self._drive(flow)
        except DBAPIError as error:
            if is_full(self._dialect, error):
                return False
            raise

    async def open(self, body_id: str) -> AsyncSQLBody | None:
        """See `Store.open`."""
        shelf = await self._ready()
        number = await self.ask(partial(bodies.find, shelf=shelf, body_id=body_id))
        return None if number is None else AsyncSQLBody(self, shelf, number)

    async def discard(self, body_id: str) -> None:
        """See `Store.discard`."""
        await self.run(partial(bodies.discard, shelf=await self._ready(), body_id=body_id))

    async def purge(self, scope: Scope) -> int:
        """See `Store.purge`."""
        return await self._drive(flows.purge(await self._ready(), scope))

    async def items(self) -> AsyncIterator[tuple[bytes, Item]]:
        """See `Store.items`."""
        shelf, after = await self._ready(), 0
        while True:
            after, found = await self.ask(partial(items.page, shelf=shelf, after=after))
            for each in found:
                yield each
            if not after:
                return

    async def sweep(self, now: float, limit: int = 1000) -> int:
        """See `Store.sweep`."""
        return await self._drive(flows.sweep(await self._ready(), now, limit))

    async def stats(self) -> Stats:
        """See `Store.stats`."""
        return await self.ask(partial(items.stats, shelf=await self._ready()))

    async def lease(self, slot: bytes, owner: bytes, seconds: float) -> bool:
        """See `Leasing.lease`."""
        step = partial(items.lease, shelf=await self._ready(), slot=slot, owner=owner, seconds=seconds)
        return await self.run(step)

    async def release(self, slot: bytes, owner: bytes) -> None:
        """See `Leasing.release`."""
        await self.run(partial(items.release_lease, shelf=await self._ready(), slot=slot, owner=owner))

    async def close(self) -> None:
        """See `Store.close`.  An engine that was passed in stays open."""
        if not self._closed:
            self._closed = True
            if self._owned:
                await self._asking.dispose()
                await self.engine.dispose()
