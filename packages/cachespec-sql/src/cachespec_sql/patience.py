"""How long a database may take: one that accepts connections and then says nothing must not hold up requests."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, Final

from sqlalchemy import URL, event
from sqlalchemy.engine import Engine

CONNECTING: Final = {
    "psycopg": ("connect_timeout",),
    "asyncpg": ("timeout",),
    "pymysql": ("connect_timeout", "read_timeout", "write_timeout"),
    "aiomysql": ("connect_timeout",),
    "asyncmy": ("connect_timeout", "read_timeout"),
}
"""The drivers' own names for it, in seconds."""
ENDLESS: Final = ("asyncpg", "aiomysql")
"""Drivers that wait for ever for a server that is silent once it is connected, unless their task is cancelled."""


def limits(url: URL, seconds: float) -> dict[str, Any]:
    """What to tell the driver of `url`, except for what the URL itself tells it."""
    names = CONNECTING.get(url.get_driver_name(), ())
    return {name: max(1, round(seconds)) for name in names if name not in url.query}


def bound(engine: Engine, seconds: float) -> None:
    """Have connections of psycopg, which has no such limit, give up a server that is silent for so long."""
    if engine.dialect.driver not in ("psycopg", "psycopg_async"):
        return
    module: Any = engine.dialect.dbapi
    # What SQLAlchemy has for an event loop stands around it.
    psycopg = getattr(module, "psycopg", module)
    kind = psycopg.AsyncConnection if engine.dialect.is_async else psycopg.Connection

    def wait(connection: Any, generator: Any, *args: Any, **options: Any) -> Any:
        return kind.wait(
            connection, _within(seconds, generator, connection, psycopg.OperationalError), *args, **options
        )

    patient: Any = type("Patient", (kind,), {"wait": wait})

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _: object, args: Any, options: Any) -> Any:
        if dialect.is_async:
            return dialect.connect(*args, **options, async_creator_fn=patient.connect)
        return patient.connect(*args, **options)


def _within(seconds: float, generator: Any, connection: Any, silent: type[Exception]) -> Generator[Any, Any, Any]:
    """The same steps; `silent` is raised, and a connection that is closed, if they are not done after so long.

    Whoever waits for the socket looks in every now and then.
    """
    until = time.monotonic() + seconds
    try:
        waits = next(generator)
        while True:
            ready = yield waits
            if not ready and time.monotonic() > until:
                connection.pgconn.finish()
                raise silent("the server is silent")
            waits = generator.send(ready)
    except StopIteration as end:
        return end.value
