"""Servers that accept connections and then say nothing.

Real ones are asked where there are any; here what stands in for the driver psycopg is scripted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from cachespec_sql.patience import bound, limits


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("postgresql+psycopg://h/n", {"connect_timeout": 3}),
        ("postgresql+asyncpg://h/n", {"timeout": 3}),
        ("mysql+pymysql://h/n", {"connect_timeout": 3, "read_timeout": 3, "write_timeout": 3}),
        ("mysql+pymysql://h/n?read_timeout=60", {"connect_timeout": 3, "write_timeout": 3}),
        ("mysql+asyncmy://h/n", {"connect_timeout": 3, "read_timeout": 3}),
        ("mysql+mysqldb://h/n", {}),
    ],
)
def test_each_driver_has_names_of_its_own_and_the_url_comes_first(url: str, known: dict[str, int]) -> None:
    assert limits(make_url(url), 3.2) == known


def test_drivers_know_whole_seconds_and_no_zero() -> None:
    assert limits(make_url("postgresql+psycopg://h/n"), 0.2) == {"connect_timeout": 1}


class Connection:
    """A connection of psycopg: the generators of what it does are given to `wait`."""

    made: list[Connection]

    def __init__(self) -> None:
        self.finished = 0
        self.pgconn = SimpleNamespace(finish=self.finish)

    def finish(self) -> None:
        self.finished += 1

    @classmethod
    def connect(cls, *args: object, **options: object) -> sqlite3.Connection:
        cls.made.append(cls())
        return sqlite3.connect(":memory:")

    def wait(self, generator: Generator[str, int, str], ready: list[int]) -> Any:
        waits = [next(generator)]
        try:
            while True:
                waits.append(generator.send(ready.pop(0)))
        except StopIteration as end:
            return waits, end.value


class SilentError(Exception):
    """psycopg's OperationalError."""


def work() -> Generator[str, int, str]:
    assert (yield "R") == 0
    assert (yield "RW") == 1
    return "done"


def connected(seconds: float, *, driven: bool = False) -> Any:
    """A connection of an engine that says it is psycopg's; `driven`: for an event loop."""
    engine: Any = create_engine("sqlite://")
    engine.dialect.driver = "psycopg_async" if driven else "psycopg"
    engine.dialect.is_async = driven
    if driven:
        engine.dialect.connect = lambda *_, async_creator_fn, **options: async_creator_fn()
    kind: Any = type("Scripted", (Connection,), {"made": []})
    names = {"Connection": kind, "AsyncConnection": kind, "OperationalError": SilentError}
    dbapi, engine.dialect.dbapi = engine.dialect.dbapi, SimpleNamespace(**names)
    bound(engine, seconds)
    engine.dialect.dbapi = dbapi
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()
    (made,) = kind.made
    return made


@pytest.mark.parametrize("driven", [False, True])
def test_what_comes_in_time_passes_through(driven: bool) -> None:
    made = connected(10.0, driven=driven)
    assert made.wait(work(), [0, 1]) == (["R", "RW"], "done")
    assert made.finished == 0


def test_a_server_that_is_silent_is_given_up() -> None:
    made = connected(-1.0)
    with pytest.raises(SilentError, match="the server is silent"):
        made.wait(work(), [0])
    assert made.finished == 1
