"""Engines, and what has to be there before the first request."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from typing import Any, Final, NamedTuple

from sqlalchemy import URL, Connection, create_engine, event, insert, inspect, make_url, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, OperationalError

from .dialects import dialect_of
from .tables import METADATA, SPACES, TOTALS, VERSION

PARTS: Final = 16
"""How many rows the totals of a namespace are spread over."""
TRIES: Final = 5
PATIENCE: Final = 15.0
"""Seconds that one writer waits for the others of an SQLite file."""

# Where a URL names no driver.
_DRIVERS: Final = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}
_ASYNC_DRIVERS: Final = {"sqlite": "aiosqlite", "postgresql": "psycopg", "mysql": "aiomysql", "mariadb": "aiomysql"}
_EXTRAS: Final = {"sqlite": "asyncio", "postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}


class SchemaError(Exception):
    """The database has tables with our names that this version cannot work with."""


class Space(NamedTuple):
    """A namespace."""

    number: int
    secret: bytes


def parsed(url: str | URL, *, driven: bool) -> URL:
    """`url` with the driver that we prefer where it names none; `driven`: for an event loop."""
    made = make_url(url)
    name = made.drivername
    dialect_of(made.get_backend_name())
    if name == "sqlite" or name.startswith("sqlite+"):
        if made.database in (None, "", ":memory:") or "mode=memory" in str(made):
            raise ValueError("store: SQLite in memory is not shared by threads; use MemoryStore")
        _create_private(str(made.database))
    drivers = _ASYNC_DRIVERS if driven else _DRIVERS
    return made.set(drivername=f"{name}+{drivers[name]}") if name in drivers else made


def _create_private(path: str) -> None:
    """What is stored is its owner's only: SQLite gives its further files the rights of the first."""
    if not path.startswith("file:"):
        with suppress(OSError):  # SQLite says it better
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def make_engine(url: URL) -> Engine:
    """An engine of our own; ImportError that names the extra where the driver is missing."""
    options: dict[str, Any] = {"pool_recycle": 1800}
    if url.get_backend_name() == "sqlite":
        options = {"connect_args": {"timeout": PATIENCE}}
    try:
        engine = create_engine(url, hide_parameters=True, **options)
    except (ImportError, NoSuchModuleError) as missing:
        extra = _EXTRAS[url.get_backend_name()]
        raise ImportError(
            f"store: {url.drivername} needs its driver: pip install 'cachespec-sql[{extra}]'"
        ) from missing
    tune(engine)
    return engine


def tune(engine: Engine) -> None:
    """On SQLite: readers do not wait for a writer, and a commit does not wait for the disk."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare)


def _prepare(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    with suppress(Exception):  # somebody else is setting it: it holds for the file, so for us, too
        cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def prepared(connection: Connection, name: str) -> Space:
    """The namespace `name`, made with its tables where they are missing; SchemaError for tables of another form."""
    if connection.dialect.name == "sqlite":
        driven: Any = connection.connection.driver_connection
        # Python's driver begins no transaction for the definition of a table.
        if not driven.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
    _check(connection)
    METADATA.create_all(connection)
    known = select(SPACES.c.id, SPACES.c.version, SPACES.c.secret).where(SPACES.c.name == name)
    found = connection.execute(known).one_or_none()
    if found is None:
        values = {"name": name, "version": VERSION, "secret": secrets.token_bytes(32), "mark": 0}
        connection.execute(insert(SPACES), values)
        found = connection.execute(known).one()
        parts = [{"space": found.id, "part": part, "entries": 0, "bytes": 0} for part in range(PARTS)]
        connection.execute(insert(TOTALS), parts)
    if found.version != VERSION:
        raise SchemaError(f"store: the tables are of version {found.version}, this program knows version {VERSION}")
    return Space(found.id, bytes(found.secret))


def _check(connection: Connection) -> None:
    looked = inspect(connection)
    for table in METADATA.sorted_tables:
        if looked.has_table(table.name):
            there = {column["name"] for column in looked.get_columns(table.name)}
            missing = sorted(set(table.c.keys()) - there)
            if missing:
                raise SchemaError(f"store: the table {table.name} is not ours, it lacks {', '.join(missing)}")


def again(error: DBAPIError, attempt: int) -> bool:
    """Whether to prepare once more: several processes may be making the same tables."""
    if attempt + 1 >= TRIES or isinstance(error, OperationalError):
        return False
    time.sleep(0.01 * (attempt + 1))
    return True
