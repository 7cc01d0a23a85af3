"""The store for threads: engines of others, forks, dead connections, full disks."""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Pool, create_engine, event, text
from sqlalchemy.exc import OperationalError

from cachespec.stores.building import forks
from cachespec.testing import samples
from cachespec.testing.kit import KEY, LONG, URL, at_once, long_body, put, read_body
from cachespec_sql import DamagedBodyError, SQLStore
from cachespec_sql.opening import INHERITED
from cachespec_sql.sync import KEPT


def test_an_engine_that_is_passed_in_stays_as_it_is(url: str) -> None:
    engine = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=1)
    pool = engine.pool
    store = SQLStore(engine)
    item, _ = long_body(store)
    assert put(store, KEY, item)
    read_body(store, store.read(KEY).item)
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "delete"
    store.close()
    store.close()
    assert engine.pool is pool
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


def test_it_tells_where_it_is_and_no_password(url: str, make: Callable[..., SQLStore]) -> None:
    assert repr(make(namespace="news")) == f"<SQLStore {url} 'news'>"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_process_has_connections_of_its_own(make: Callable[..., SQLStore]) -> None:
    store = make()
    assert put(store, KEY, samples.entry(URL, b"parent"))
    store.read(KEY)
    child = os.fork()
    if child == 0:  # pragma: no cover - in another process, which coverage does not follow
        there = store.read(KEY)
        os._exit(0 if store.swap(KEY, samples.entry(URL, b"child"), there.revision, there.mark) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert store.read(KEY).item == samples.entry(URL, b"child")


@pytest.mark.parametrize("told", [True, False])
def test_a_process_that_was_forked_leaves_its_parents_connections_alone(
    told: bool, make: Callable[..., SQLStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make()
    assert put(store, KEY, samples.entry(URL))
    store.read(KEY)
    (before,) = store._readers
    monkeypatch.setattr(forks, "seen", forks.seen + told)
    if not told:
        # Some servers fork without telling Python.
        monkeypatch.setattr(forks, "_page", bytearray(1))
    assert store.read(KEY).item == samples.entry(URL)
    assert before not in store._readers
    # Before it finds itself in the parent again.
    store.close()
    monkeypatch.undo()
    # What a child keeps for as long as it runs.
    before.close()
    for kept in INHERITED:
        if isinstance(kept, Pool):
            kept.dispose()
    INHERITED.clear()


def test_a_connection_that_broke_is_not_used_again(make: Callable[..., SQLStore]) -> None:
    store = make()
    store.read(KEY)
    store._readers[0].driver_connection.close()
    with pytest.raises(sqlite3.ProgrammingError):
        store.read(KEY)
    assert store.read(KEY).revision == 0


def test_a_reader_is_told_when_the_database_goes_away(
    make: Callable[..., SQLStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make()
    item, _ = long_body(store)
    assert put(store, KEY, item)
    opened = store.open(item.body_id or "")
    assert opened is not None
    chunks = opened.chunks(0, item.length)
    next(chunks)

    def gone(step: object) -> None:
        raise OperationalError("SELECT", {}, Exception("server closed the connection"))

    monkeypatch.setattr(store, "ask", gone)
    with pytest.raises(DamagedBodyError, match="the database went away"):
        next(chunks)
    opened.close()


class Busy(deque[Any]):
    """As many connections as are kept; while one looks, others have them all."""

    def pop(self) -> Any:
        raise IndexError


def test_only_so_many_connections_are_kept_for_reading(make: Callable[..., SQLStore]) -> None:
    store = make()
    store.read(KEY)
    kept, store._readers = store._readers, Busy(range(KEPT))
    before = store.engine.pool.checkedout()
    assert store.read(KEY).revision == 0
    assert store.engine.pool.checkedout() == before
    assert len(store._readers) == KEPT
    store._readers = kept


def failing(store: SQLStore, code: int) -> None:
    """Have every statement that writes fail, as SQLite would for this reason."""

    def fail(connection: object, cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("SELECT"):
            error = sqlite3.OperationalError("scripted")
            error.sqlite_errorcode = code
            raise OperationalError(statement, None, error)

    event.listen(store.engine, "before_cursor_execute", fail)


def test_without_room_nothing_is_stored_and_nothing_raised(make: Callable[..., SQLStore]) -> None:
    store = make()
    failing(store, 13)
    assert not store.append("1" * 32, b"x")
    assert not store.swap(KEY, samples.entry(URL), 0, 0)


def test_other_trouble_is_raised(make: Callable[..., SQLStore]) -> None:
    store = make()
    failing(store, 10)
    with pytest.raises(OperationalError):
        store.append("1" * 32, b"x")
    with pytest.raises(OperationalError):
        store.discard("1" * 32)


def test_whatever_is_asked_is_asked_again_of_a_new_connection(make: Callable[..., SQLStore]) -> None:
    store = make()
    died = [OperationalError("SELECT", None, sqlite3.OperationalError("gone"), connection_invalidated=True)]

    def fail(*_: object) -> None:
        if died:
            raise died.pop()

    event.listen(store.engine, "before_cursor_execute", fail)
    assert store.stats().entries == 0
    assert died == []


def test_another_process_may_be_making_the_same_tables(url: str) -> None:
    stores = at_once([lambda: SQLStore(url) for _ in range(4)])
    assert len({store.secret() for store in stores}) == 1
    for store in stores:
        store.close()


def test_namespaces_are_apart(make: Callable[..., SQLStore]) -> None:
    one, other = make(namespace="one"), make(namespace="other")
    assert put(one, KEY, samples.entry(URL))
    assert other.read(KEY).item is None
    assert one.secret() != other.secret()


def test_a_body_is_read_by_way_of_its_chunks_alone(make: Callable[..., SQLStore], tmp_path: Path) -> None:
    store = make()
    item, body = long_body(store)
    assert put(store, KEY, item)
    opened = store.open(item.body_id or "")
    assert opened is not None
    chunks = opened.chunks(10, LONG - 10)
    read = next(chunks)
    assert store.engine.pool.checkedout() == len(store._readers)
    assert read + b"".join(chunks) == body[10 : LONG - 10]
