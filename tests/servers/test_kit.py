"""The kit, on real servers, with each of their drivers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest
from sqlalchemy import Connection, create_engine, select, update

from cachespec.testing import AsyncStoreKit, StoreKit
from cachespec_sql import AsyncSQLStore, SQLStore
from cachespec_sql.tables import BODIES, CHUNKS, ITEMS, METADATA, SPACES

NUMBERS = itertools.count(1)


class OnServer:
    """Every store has a namespace of its own in one database."""

    kind: Any
    driver: ClassVar[int]
    seconds = 1.0

    @pytest.fixture(autouse=True)
    def _server(self, server: Any) -> None:
        self.server = server
        self.namespace = ""

    @property
    def url(self) -> str:
        return str(self.server.url(self.server.drivers[self.driver]))

    @property
    def address(self) -> str | None:
        return f"{self.server.url(self.server.drivers[0])}#{self.namespace}"

    def make(self, **options: Any) -> Any:
        self.namespace = f"n{next(NUMBERS)}"
        return self.kind(self.url, namespace=self.namespace, **options)

    def again(self) -> Any:
        return self.kind(self.url, namespace=self.namespace)

    def bounded(self, items: int) -> Any:
        return self.make(max_entries=items)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        engine = create_engine(self.server.url(self.server.drivers[0]))
        with engine.begin() as connection:
            yield connection
        engine.dispose()

    @property
    def space(self) -> Any:
        return select(SPACES.c.id).where(SPACES.c.name == self.namespace.encode()).scalar_subquery()

    def damage(self, key: bytes) -> bool:
        there = (ITEMS.c.space == self.space, ITEMS.c.key == key)
        with self.connection() as connection:
            row = connection.execute(select(ITEMS.c.id, ITEMS.c.blob).where(*there)).one()
            spoilt = bytes(row.blob[:200]) + b"\0" + bytes(row.blob[201:])
            connection.execute(update(ITEMS).where(ITEMS.c.id == row.id).values(blob=spoilt))
        return True

    def damage_body(self, body_id: str) -> bool:
        body = select(BODIES.c.id).where(BODIES.c.space == self.space, BODIES.c.name == body_id.encode())
        with self.connection() as connection:
            number = connection.execute(body).scalar_one()
            there = select(CHUNKS).where(CHUNKS.c.body == number).order_by(CHUNKS.c.start.desc()).limit(1)
            last = connection.execute(there).one()
            this = (CHUNKS.c.body == number, CHUNKS.c.start == last.start)
            connection.execute(update(CHUNKS).where(*this).values(octets=bytes(last.octets[:-1]) + b"\0"))
        return True

    def octets(self) -> bytes | None:
        with self.connection() as connection:
            rows = [row for table in METADATA.sorted_tables for row in connection.execute(select(table))]
        return b"".join([bytes(value) for row in rows for value in row if not isinstance(value, int | float | None)])


class TestSQLStore(OnServer, StoreKit):
    kind = SQLStore
    driver = 0


class TestAsyncSQLStore(OnServer, AsyncStoreKit):
    kind = AsyncSQLStore
    driver = 1


class TestAsyncSQLStoreOverAsyncpgOnPostgresql(OnServer, AsyncStoreKit):
    kind = AsyncSQLStore
    driver = 2

    @pytest.fixture(autouse=True)
    def _server(self, postgresql: Any) -> None:
        self.server = postgresql
        self.namespace = ""
