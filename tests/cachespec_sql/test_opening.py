"""Engines, and tables that are there before the first request."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, make_url
from sqlalchemy.engine import Engine

from cachespec.testing import samples
from cachespec.testing.kit import KEY, URL, put
from cachespec_sql import AsyncSQLStore, SchemaError, SQLStore
from cachespec_sql.dialects import DIALECTS
from cachespec_sql.opening import engines, make_engine, parsed, prepared
from cachespec_sql.tables import ITEMS, SPACES


@pytest.mark.parametrize(
    ("url", "threads", "loops"),
    [
        ("postgresql://host/name", "postgresql+psycopg", "postgresql+psycopg"),
        ("postgresql+asyncpg://host/name", "postgresql+asyncpg", "postgresql+asyncpg"),
        ("mysql://host/name", "mysql+pymysql", "mysql+asyncmy"),
        ("mariadb://host/name", "mariadb+pymysql", "mariadb+asyncmy"),
    ],
)
def test_a_url_that_names_no_driver_gets_ours(url: str, threads: str, loops: str) -> None:
    assert parsed(url, driven=False).drivername == threads
    assert parsed(make_url(url), driven=True).drivername == loops


def test_sqlite_gets_a_driver_for_event_loops(url: str) -> None:
    assert parsed(url, driven=True).drivername == "sqlite+aiosqlite"
    assert parsed(url, driven=False).drivername == "sqlite"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"])
def test_sqlite_in_memory_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="use MemoryStore"):
        SQLStore(url)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_what_is_stored_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    for url in (f"sqlite:///{path}", f"sqlite:///file:{path}?uri=true"):
        with_store = SQLStore(url)
        assert put(with_store, KEY, samples.entry(URL))
        assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
        with_store.close()


def test_a_database_that_cannot_be_opened_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="unable to open database file"):
        SQLStore(f"sqlite:///{tmp_path / 'nowhere' / 'cache.db'}")


@pytest.mark.parametrize(
    ("url", "module", "said"),
    [
        ("postgresql://host/name", "psycopg", r"pip install 'cachespec-sql\[postgresql\]'"),
        ("mysql://host/name", "pymysql", r"pip install 'cachespec-sql\[mysql\]'"),
        ("mysql+nobodys://host/name", "nobodys", "pip install 'nobodys'"),
    ],
)
def test_a_missing_driver_is_named(url: str, module: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=said):
        SQLStore(url)


def test_a_driver_of_the_other_colour_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^store: the driver of sqlite\+aiosqlite is made for an event loop$"):
        SQLStore(url.replace("sqlite:", "sqlite+aiosqlite:"))
    with pytest.raises(ValueError, match=r"^store: the driver of sqlite\+pysqlite is not made for an event loop$"):
        AsyncSQLStore(url.replace("sqlite:", "sqlite+pysqlite:"))


class Making:
    """Stands in for SQLAlchemy where there is no server: remembers what engines were to be made."""

    def __init__(self) -> None:
        self.options: list[dict[str, Any]] = []

    def __call__(self, url: Any, **options: Any) -> Engine:
        self.options.append(options)
        engine = create_engine("sqlite://")
        engine.url = url
        return engine


def test_engines_for_servers_wait_for_nobody_for_long() -> None:
    create = Making()
    url = make_url("postgresql+psycopg://host/name")
    changing, asking = engines(make_engine(url, create), DIALECTS["postgresql"], create, 2.0)
    assert changing is not asking
    first, second = create.options
    assert (first["isolation_level"], second["isolation_level"]) == ("READ COMMITTED", "AUTOCOMMIT")
    assert (first["pool_timeout"], first["connect_args"]) == (5.0, {"connect_timeout": 5})
    assert second["pool_reset_on_return"] is None
    assert (second["pool_timeout"], second["connect_args"]) == (2.0, {"connect_timeout": 2})


def test_what_a_url_says_of_waiting_counts() -> None:
    create = Making()
    make_engine(make_url("mysql+aiomysql://host/name?connect_timeout=1"), create)
    make_engine(make_url("mysql+mysqldb://host/name"), create)
    assert [options["connect_args"] for options in create.options] == [{}, {}]


def test_an_engine_that_is_not_ours_is_shared() -> None:
    theirs = create_engine("sqlite://")
    changing, asking = engines(theirs, DIALECTS["postgresql"], None)
    assert changing.pool is asking.pool is theirs.pool
    assert changing.get_execution_options()["isolation_level"] == "READ COMMITTED"
    assert asking.get_execution_options()["isolation_level"] == "AUTOCOMMIT"
    changing, asking = engines(theirs, DIALECTS["mysql"], None)
    assert changing is asking
    assert engines(theirs, DIALECTS["sqlite"], None) == (theirs, theirs)


def test_foreign_tables_are_refused(url: str) -> None:
    with sqlite3.connect(str(make_url(url).database)) as database:
        database.execute(f"CREATE TABLE {ITEMS.name} (id INTEGER, key BLOB)")
    database.close()
    with pytest.raises(SchemaError, match=f"the table {ITEMS.name} is not ours, it lacks blob, generation, "):
        SQLStore(url)


def test_another_version_is_refused(url: str) -> None:
    SQLStore(url).close()
    with sqlite3.connect(str(make_url(url).database)) as database:
        database.execute(f"UPDATE {SPACES.name} SET version = 7")
    database.close()
    with pytest.raises(SchemaError, match="the tables are of version 7, this program knows version 1"):
        SQLStore(url)


def test_tables_of_others_are_left_alone(url: str) -> None:
    path = str(make_url(url).database)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE articles (id INTEGER)")
    store = SQLStore(url)
    assert put(store, KEY, samples.entry(URL))
    store.close()
    assert database.execute("SELECT count(*) FROM articles").fetchone() == (0,)
    database.close()
    assert os.path.getsize(path) > 0


def test_a_transaction_that_has_begun_is_used_as_it_is(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = create_engine(url)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    store = SQLStore(engine)
    # Elsewhere than on SQLite, the definition of a table begins one as everything does.
    monkeypatch.setattr(engine.dialect, "name", "another")
    with engine.begin() as connection:
        assert prepared(connection, "").secret == store.secret()
    engine.dispose()
