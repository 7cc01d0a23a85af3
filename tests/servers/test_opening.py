"""Engines and tables on real servers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from cachespec.testing import samples
from cachespec.testing.kit import KEY, URL, at_once, put
from cachespec_sql import AsyncSQLStore, SchemaError, SQLStore
from cachespec_sql.tables import ITEMS


@contextmanager
def fresh_database(url: str) -> Iterator[Any]:
    """The URL of a database in which there is nothing."""
    name = f"d{secrets.token_hex(8)}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(url).set(database=name)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name}"))
    engine.dispose()


def test_processes_that_start_at_once_make_the_tables_once(url: str) -> None:
    with fresh_database(url) as fresh:
        stores = at_once([partial(SQLStore, fresh) for _ in range(6)])
        assert len({store.secret() for store in stores}) == 1
        for store in stores:
            store.close()


def test_foreign_tables_are_refused_when_a_store_is_made(url: str) -> None:
    with fresh_database(url) as fresh:
        engine = create_engine(fresh)
        with engine.begin() as connection:
            connection.execute(text(f"CREATE TABLE {ITEMS.name} (id INTEGER)"))
        engine.dispose()
        with pytest.raises(SchemaError, match=f"the table {ITEMS.name} is not ours, it lacks"):
            SQLStore(fresh)


def test_names_and_keys_are_told_apart_by_every_octet(make: Callable[..., SQLStore]) -> None:
    one, other, third = make(namespace="news"), make(namespace="NEWS"), make(namespace="news ")
    assert len({store.secret() for store in (one, other, third)}) == 3
    assert put(one, KEY, samples.entry(URL))
    assert other.read(KEY).item is third.read(KEY).item is None
    assert put(one, bytes(range(32)), samples.entry(URL))
    assert one.read(bytes(reversed(range(32)))).item is None
    upper = samples.entry("https://sample.test/Things", groups=("A",))
    lower = samples.entry("https://sample.test/things", groups=("a",))
    assert put(one, b"A" * 32, upper)
    assert put(one, b"a" * 32, lower)
    assert (one.read(b"A" * 32).item, one.read(b"a" * 32).item) == (upper, lower)


def test_an_engine_that_is_passed_in_is_shared_and_stays_as_it_is(url: str, namespace: str) -> None:
    engine = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=1)
    with engine.connect() as connection:
        level = connection.get_isolation_level()
    pool = engine.pool
    store = SQLStore(engine, namespace=namespace)
    assert put(store, KEY, samples.entry(URL))
    assert store.read(KEY).item == samples.entry(URL)
    with engine.connect() as connection:
        assert connection.get_isolation_level() == level
    store.close()
    assert engine.pool is pool
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


def test_an_engine_for_an_event_loop_is_shared_and_stays_as_it_is(async_url: str, namespace: str) -> None:
    async def use() -> None:
        engine = create_async_engine(async_url, pool_size=1, max_overflow=0, pool_timeout=1)
        store = AsyncSQLStore(engine, namespace=namespace)
        mark = (await store.read(KEY)).mark
        assert await store.swap(KEY, samples.entry(URL), 0, mark)
        assert (await store.read(KEY)).item == samples.entry(URL)
        await store.close()
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
        await engine.dispose()

    asyncio.run(use())


def test_a_driver_of_the_other_colour_is_refused_by_name(server: Any) -> None:
    threads, loops = server.url(server.drivers[0]), server.url(server.drivers[-1])
    with pytest.raises(ValueError, match="is made for an event loop"):
        SQLStore(loops)
    if server.drivers[0] != server.drivers[1]:
        with pytest.raises(ValueError, match="is not made for an event loop"):
            AsyncSQLStore(threads)
