"""Engines, and what has to be there before the first request."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import URL, Connection, create_engine, event, insert, inspect, make_url, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import InvalidRequestError, NoSuchModuleError

from .dialects import Dialect, dialect_of
from .patience import bound, limits
from .tables import METADATA, SPACES, TOTALS, VERSION

PARTS: Final = 16
"""How many rows the totals of a namespace are spread over."""
PATIENCE: Final = 15.0
"""Seconds that one writer waits for the others of an SQLite file."""
SILENCE: Final = 5.0
"""Seconds that a server may be silent."""
INHERITED: Final[list[object]] = []
"""Connections of a parent process: to close one here would let go of its locks there."""

# Where a URL names no driver.
_DRIVERS: Final = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}
_ASYNC_DRIVERS: Final = {"sqlite": "aiosqlite", "postgresql": "psycopg", "mysql": "asyncmy", "mariadb": "asyncmy"}
_EXTRAS: Final = {"aiosqlite": "asyncio", "psycopg": "postgresql", "pymysql": "mysql", "asyncmy": "mysql"}

Create: TypeAlias = Callable[..., Engine]
"""`create_engine`, or the like."""


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


def make_engine(
    url: URL, create: Create = create_engine, *, timeout: float | None = None, asking: bool = False
) -> Engine:
    """An engine of our own; ImportError that names what to install where the driver is missing.

    `timeout` is how many seconds a writer of an SQLite file waits, and how many a server may be silent.
    With `asking` it is for a SELECT at a time, each of which is a transaction of its own, and costs one round trip.
    """
    driver = url.get_driver_name()
    options: dict[str, Any] = {"connect_args": {"timeout": PATIENCE if timeout is None else timeout}}
    silence = SILENCE if timeout is None else timeout
    level = dialect_of(url.get_backend_name()).changing
    if level is not None:
        options = {"connect_args": limits(url, silence), "pool_recycle": 1800, "pool_timeout": silence}
        options |= (
            {"isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None} if asking else {"isolation_level": level}
        )
    try:
        engine = create(url, hide_parameters=True, **options)
    except (ImportError, NoSuchModuleError) as missing:
        package = f"cachespec-sql[{_EXTRAS[driver]}]" if driver in _EXTRAS else driver
        raise ImportError(f"store: {url.drivername} needs its driver: pip install '{package}'") from missing
    except InvalidRequestError as wrong:
        raise ValueError(f"store: the driver of {url.drivername} is not made for an event loop") from wrong
    if asking:
        # There is nothing to be rolled back.
        engine.dialect.skip_autocommit_rollback = True
    if level is None:
        event.listen(engine, "connect", _prepare)
    else:
        bound(engine, silence)
    return engine


def engines(
    engine: Engine, dialect: Dialect, create: Create | None, timeout: float | None = None
) -> tuple[Engine, Engine]:
    """The engines to change something with, and to ask; without `create` it is not ours: shared, and left as it is."""
    if dialect.changing is None:
        return engine, engine
    if create is not None:
        return engine, make_engine(engine.url, create, timeout=timeout, asking=True)
    changing = engine.execution_options(isolation_level=dialect.changing)
    return changing, engine.execution_options(isolation_level=dialect.asking) if dialect.asking else changing


def _prepare(connection: Any, _: object) -> None:
    """On SQLite, readers do not wait for a writer, and a commit does not wait for the disk."""
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
    known = select(SPACES.c.id, SPACES.c.version, SPACES.c.secret).where(SPACES.c.name == name.encode())
    found = connection.execute(known).one_or_none()
    if found is None:
        values = {"name": name.encode(), "version": VERSION, "secret": secrets.token_bytes(32), "mark": 0}
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
