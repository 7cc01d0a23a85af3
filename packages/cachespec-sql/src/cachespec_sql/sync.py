"""A store in a database, for threads."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cachespec.stores.building import Blocking, DamagedBodyError, Item, OnEvict, Reading, Scope, Stats, forks

from . import bodies, flows, items
from .attempts import Attempt, is_full
from .dialects import dialect_of
from .gate import Gate
from .opening import INHERITED, engines, make_engine, parsed, prepared
from .options import Options
from .shelf import Flow, Shelf

R = TypeVar("R")

KEPT: Final = 4
"""Connections to an SQLite file that are kept for reading."""


class SQLBody:
    """A body in a database: each chunk is a short SELECT, and no connection is held between two of them."""

    def __init__(self, store: SQLStore, shelf: Shelf, number: int) -> None:
        self._store = store
        self._shelf = shelf
        self._number = number
        shelf.reading[id(self)] = number

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """See `Body.chunks`.  DamagedBodyError where it is not what was stored, or is there no more."""
        while start < stop:
            step = partial(bodies.piece, shelf=self._shelf, number=self._number, position=start)
            try:
                octets, begins = self._store.ask(step)
            except DamagedBodyError:
                self._store.run(partial(bodies.lose, shelf=self._shelf, number=self._number))
                raise
            except SQLAlchemyError as error:
                # To whoever reads it is the same as with a file: it cannot be read on.
                raise DamagedBodyError("the database went away while the body was being read") from error
            yield octets if begins == start and len(octets) <= stop - start else octets[start - begins : stop - begins]
            start = begins + len(octets)

    def close(self) -> None:
        """See `Body.close`."""
        self._shelf.reading.pop(id(self), None)

    def __del__(self) -> None:
        self.close()


class SQLStore:
    """Responses in a database that threads, processes and machines share.

    `url_or_engine` is a database's URL, such as ``sqlite:///cache.db`` or ``postgresql+psycopg://host/name``, or an
    engine of SQLAlchemy's, which stays the caller's: it is neither changed nor disposed of.  `namespace` keeps
    applications apart that share a database.  `max_bytes`, `max_entries` and `max_body` bound what heads and bodies
    take together, how many there are, and the bytes of one body (an eighth of `max_bytes` unless given).  With a
    `signing_key`, at least 16 random octets that all who share the namespace have, what others wrote into the database
    is not read.  `on_evict` is told of every item that goes, and why.  `timeout` is for how many seconds a database
    server may be silent before it counts as down (5), and a writer of an SQLite file waits for others (15).

    ValueError for options and URLs that make no sense, ImportError for a missing driver, SchemaError for tables that
    are not ours; what SQLAlchemy raises where the database cannot be reached.
    """

    def __init__(
        self,
        url_or_engine: str | URL | Engine,
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
        self._owned = not isinstance(url_or_engine, Engine)
        self._options.check_engine(owned=self._owned)
        if isinstance(url_or_engine, Engine):
            self.engine: Engine = url_or_engine
        else:
            self.engine = make_engine(parsed(url_or_engine, driven=False), timeout=timeout)
        if self.engine.dialect.is_async:
            raise ValueError(f"store: the driver of {self.engine.url.drivername} is made for an event loop")
        self._dialect = dialect_of(self.engine.dialect.name)
        self.blocking: Blocking = self._dialect.blocking
        create = create_engine if self._owned else None
        self._changing, self._asking = engines(self.engine, self._dialect, create, timeout)
        self._closed = False
        self._forks = forks.count()
        self._readers: deque[Any] = deque()
        # With pools of the user's own, nothing is kept: they may be small.
        self._keeps: bool = self._owned and self._dialect.serial
        self._gate = self._new_gate()
        try:
            space = self._take(partial(prepared, name=namespace))
        except BaseException:
            self._dispose()
            raise
        self._shelf: Shelf = self._options.shelf(space, self._dialect)
        compiled = items.READ.compile(dialect=self.engine.dialect)
        self._read = str(compiled)
        self._space_first: bool = list(getattr(compiled, "positiontup", None) or ())[:1] == ["space"]

    def __repr__(self) -> str:
        return f"<SQLStore {self.engine.url!r} {self._options.namespace!r}>"

    def _ready(self) -> Shelf:
        if self._closed:
            raise ValueError("the store is closed")
        count = forks.count()
        if self._forks != count:
            self._forks = count
            INHERITED.extend((self._readers, self.engine.pool, self._asking.pool))
            self._readers = deque()
            self._gate = self._new_gate()
            self._dispose(close=False)
        return self._shelf

    def _new_gate(self) -> AbstractContextManager[None]:
        return Gate(self._close_idle) if self._keeps else nullcontext()

    def run(self, step: Callable[[Connection], R]) -> R:
        """Take a step in a transaction of its own, again where it lost a race."""
        self._ready()
        return self._take(step)

    def _take(self, step: Callable[[Connection], R]) -> R:
        attempt = Attempt(self._dialect)
        while True:
            try:
                with self._gate, self._changing.begin() as connection:
                    result = step(connection)
                    attempt.done = True
                return result
            except DBAPIError as error:
                time.sleep(attempt.pause(error))

    def ask(self, step: Callable[[Connection], R]) -> R:
        """Take a step that changes nothing, again where the connection turned out to be dead."""
        self._ready()
        attempt = Attempt(self._dialect)
        while True:
            try:
                with self._gate, self._asking.connect() as connection:
                    return step(connection)
            except DBAPIError as error:
                time.sleep(attempt.pause(error))

    def _drive(self, flow: Flow[R]) -> R:
        result = None
        try:
            while True:
                result = self.run(flow.send(result))
        except StopIteration as end:
            made: R = end.value
            return made

    # --- the contract

    def secret(self) -> bytes:
        """See `Store.secret`."""
        return self._ready().secret

    def read(self, key: bytes) -> Reading:
        """See `Store.read`."""
        shelf = self._ready()
        if not self._keeps:
            return self.ask(partial(items.read, shelf=shelf, key=key))
        with self._gate:
            row = self._row((shelf.space, key) if self._space_first else (key, shelf.space))
        return items.reading(shelf, key, row)

    def _row(self, values: tuple[Any, Any]) -> Any:
        """What stands at a key, by a connection that is kept for this."""
        try:
            reader = self._readers.pop()
        except IndexError:
            reader = self.engine.raw_connection()
        try:
            row = reader.dbapi_connection.execute(self._read, values).fetchall()[0]
        except BaseException:
            reader.invalidate()
            raise
        if len(self._readers) < KEPT and not self._closed:
            self._readers.append(reader)
        else:
            reader.close()
        return row

    def swap(self, key: bytes, item: Item | None, revision: int, mark: int) -> bool:
        """See `Store.swap`."""
        return self._write(flows.swap(self._ready(), key, item, revision, mark))

    def append(self, body_id: str, chunk: bytes) -> bool:
        """See `Store.append`."""
        return self._write(flows.append(self._ready(), body_id, chunk))

    def _write(self, flow: Flow[bool]) -> bool:
        try:
            return self._drive(flow)
        except DBAPIError as error:
            if is_full(self._dialect, error):
                return False
            raise

    def open(self, body_id: str) -> SQLBody | None:
        """See `Store.open`."""
        shelf = self._ready()
        number = self.ask(partial(bodies.find, shelf=shelf, body_id=body_id))
        return None if number is None else SQLBody(self, shelf, number)

    def discard(self, body_id: str) -> None:
        """See `Store.discard`."""
        self.run(partial(bodies.discard, shelf=self._ready(), body_id=body_id))

    def purge(self, scope: Scope) -> int:
        """See `Store.purge`."""
        return self._drive(flows.purge(self._ready(), scope))

    def items(self) -> Iterator[tuple[bytes, Item]]:
        """See `Store.items`."""
        shelf, after = self._ready(), 0
        while True:
            after, found = self.ask(partial(items.page, shelf=shelf, after=after))
            yield from found
            if not after:
                return

    def sweep(self, now: float, limit: int = 1000) -> int:
        """See `Store.sweep`."""
        return self._drive(flows.sweep(self._ready(), now, limit))

    def stats(self) -> Stats:
        """See `Store.stats`."""
        return self.ask(partial(items.stats, shelf=self._ready()))

    def lease(self, slot: bytes, owner: bytes, seconds: float) -> bool:
        """See `Leasing.lease`."""
        return self.run(partial(items.lease, shelf=self._ready(), slot=slot, owner=owner, seconds=seconds))

    def release(self, slot: bytes, owner: bytes) -> None:
        """See `Leasing.release`."""
        self.run(partial(items.release_lease, shelf=self._ready(), slot=slot, owner=owner))

    def close(self) -> None:
        """See `Store.close`.  An engine that was passed in stays open."""
        if not self._closed:
            self._ready()
            self._closed = True
            self._close_idle()

    def _close_idle(self) -> None:
        while self._readers:
            self._readers.pop().close()
        self._dispose()

    def _dispose(self, *, close: bool = True) -> None:
        if self._owned:
            self._asking.dispose(close=close)
            self.engine.dispose(close=close)
