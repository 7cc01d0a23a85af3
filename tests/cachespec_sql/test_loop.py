"""The store for event loops."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import greenlet_spawn

import cachespec_sql
from cachespec.stores.building import forks
from cachespec.testing import samples
from cachespec.testing.kit import KEY, LONG, URL
from cachespec_sql import AsyncSQLStore, DamagedBodyError, SchemaError
from cachespec_sql.opening import INHERITED
from cachespec_sql.tables import CHUNKS, ITEMS


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


async def put(store: AsyncSQLStore, item: Any) -> bool:
    there = await store.read(KEY)
    return await store.swap(KEY, item, there.revision, there.mark)


def change(url: str, statement: str) -> None:
    with sqlite3.connect(str(make_url(url).database)) as database:
        database.execute(statement)
    database.close()


def test_an_engine_that_is_passed_in_stays_as_it_is(url: str) -> None:
    async def test() -> None:
        engine = create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:"))
        pool = engine.pool
        store = AsyncSQLStore(engine)
        assert await put(store, samples.entry(URL))
        await store.close()
        await store.close()
        assert engine.pool is pool
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
        await engine.dispose()

    run(test())


def test_it_tells_where_it_is(url: str) -> None:
    where = url.replace("sqlite:", "sqlite+aiosqlite:")
    assert repr(AsyncSQLStore(url, namespace="news")) == f"<AsyncSQLStore {where} 'news'>"


def test_foreign_tables_are_refused_each_time_and_looked_at_once(url: str) -> None:
    change(url, f"CREATE TABLE {ITEMS.name} (id INTEGER)")

    async def test() -> None:
        store = AsyncSQLStore(url)
        with pytest.raises(SchemaError, match="is not ours") as first:
            await store.read(KEY)
        said: list[str] = []
        event.listen(store.engine.sync_engine, "before_cursor_execute", lambda *args: said.append(args[2]))
        with pytest.raises(SchemaError) as second:
            await store.secret()
        assert second.value is first.value
        assert said == []
        await store.close()

    run(test())


def test_tasks_that_start_at_once_prepare_it_once(url: str) -> None:
    async def test() -> None:
        store = AsyncSQLStore(url)
        assert len(set(await asyncio.gather(*[store.secret() for _ in range(5)]))) == 1
        await store.close()

    run(test())


def test_a_process_that_was_forked_has_connections_of_its_own(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(theirs: Any) -> None:
        store = AsyncSQLStore(url if theirs is None else theirs)
        assert await put(store, samples.entry(URL))
        pool = store.engine.pool
        monkeypatch.setattr(forks, "seen", forks.seen + 1)
        assert (await store.read(KEY)).item == samples.entry(URL)
        assert (store.engine.pool is pool) is (theirs is not None)
        monkeypatch.undo()
        await store.close()
        await store.engine.dispose()
        # What a child keeps for as long as it runs.
        INHERITED.clear()
        await greenlet_spawn(pool.dispose)

    run(test(None))
    run(test(create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:"))))


def failing(store: AsyncSQLStore, code: int) -> None:
    def fail(connection: object, cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("SELECT"):
            error = sqlite3.OperationalError("scripted")
            error.sqlite_errorcode = code
            raise OperationalError(statement, None, error)

    event.listen(store.engine.sync_engine, "before_cursor_execute", fail)


def test_without_room_nothing_is_stored_and_nothing_raised(url: str) -> None:
    async def test() -> None:
        store = AsyncSQLStore(url)
        await store.secret()
        failing(store, 13)
        assert not await store.append("1" * 32, b"x")
        await store.close()

    run(test())


def test_other_trouble_is_raised(url: str) -> None:
    async def test() -> None:
        store = AsyncSQLStore(url)
        await store.secret()
        failing(store, 10)
        with pytest.raises(OperationalError):
            await store.append("1" * 32, b"x")
        await store.close()

    run(test())


def test_a_lost_race_is_run_again(url: str) -> None:
    async def test() -> None:
        store = AsyncSQLStore(url)
        await store.secret()
        store._dialect = replace(store._dialect, again=frozenset({5}))
        lost = [5, 5, 5]

        def lose(*_: object) -> None:
            if lost:
                error = sqlite3.OperationalError("scripted")
                error.sqlite_errorcode = lost.pop()
                raise OperationalError("", None, error)

        event.listen(store.engine.sync_engine, "before_cursor_execute", lose)
        assert (await store.stats()).entries == 0
        lost.append(5)
        assert await store.append("1" * 32, b"x")
        assert lost == []
        await store.close()

    run(test())


def test_a_reader_that_is_cut_off_is_told(url: str) -> None:
    async def test() -> None:
        store = AsyncSQLStore(url)
        item, body = samples.signed(1, LONG, URL)
        item.body_id = "1" * 32
        assert await store.append(item.body_id, body)
        assert await put(store, item)
        opened = await store.open(item.body_id)
        assert opened is not None
        chunks = opened.chunks(0, LONG)
        assert body.startswith(await anext(chunks))
        change(url, f"DELETE FROM {CHUNKS.name}")
        with pytest.raises(DamagedBodyError):
            await anext(chunks)
        await opened.close()
        assert await store.open(item.body_id) is None
        await store.close()

    run(test())


def test_a_reader_is_told_when_the_database_goes_away(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(step: object) -> None:
        raise OperationalError("SELECT", {}, Exception("server closed the connection"))

    async def test() -> None:
        store = AsyncSQLStore(url)
        item, body = samples.signed(1, LONG, URL)
        item.body_id = "1" * 32
        assert await store.append(item.body_id, body)
        assert await put(store, item)
        opened = await store.open(item.body_id)
        assert opened is not None
        chunks = opened.chunks(0, LONG)
        await anext(chunks)
        monkeypatch.setattr(store, "ask", gone)
        with pytest.raises(DamagedBodyError, match="the database went away"):
            await anext(chunks)
        await opened.close()
        await store.close()

    run(test())


def test_the_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonesuch'"):
        cachespec_sql.nonesuch  # noqa: B018


def test_without_its_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "cachespec_sql.loop", None)
    with pytest.raises(ImportError, match=r"pip install 'cachespec-sql\[asyncio\]'"):
        cachespec_sql.AsyncSQLStore  # noqa: B018
