"""The kit, on SQLite: what every store promises."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from cachespec.testing import AsyncStoreKit, StoreKit
from cachespec_sql import AsyncSQLStore, SQLStore
from cachespec_sql.tables import BODIES, CHUNKS, ITEMS


class OnSQLite:
    """Where the kit finds what lies in a file."""

    kind: Any
    folder: Path

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'cache.db'}"

    @property
    def address(self) -> str | None:
        return self.url

    def make(self, **options: Any) -> Any:
        for path in self.folder.glob("cache.db*"):
            path.unlink()
        return self.kind(self.url, **options)

    def again(self) -> Any:
        return self.kind(self.url)

    def bounded(self, items: int) -> Any:
        return self.make(max_entries=items)

    def change(self, statement: str, *values: object) -> bool:
        with sqlite3.connect(self.folder / "cache.db") as database:
            changed = database.execute(statement, values).rowcount
        database.close()
        return changed == 1

    def damage(self, key: bytes) -> bool:
        spoilt = "CAST(substr(blob, 1, 200) || x'00' || substr(blob, 202) AS BLOB)"
        return self.change(f"UPDATE {ITEMS.name} SET blob = {spoilt} WHERE key = ?", key)

    def damage_body(self, body_id: str) -> bool:
        last = f"SELECT max(c.rowid) FROM {CHUNKS.name} c JOIN {BODIES.name} b ON b.id = c.body WHERE b.name = ?"
        spoilt = "CAST(substr(octets, 1, length(octets) - 1) || x'00' AS BLOB)"
        return self.change(f"UPDATE {CHUNKS.name} SET octets = {spoilt} WHERE rowid = ({last})", body_id.encode())

    def octets(self) -> bytes | None:
        return b"".join(path.read_bytes() for path in self.folder.glob("cache.db*"))


class TestSQLStore(OnSQLite, StoreKit):
    kind = SQLStore


class TestAsyncSQLStore(OnSQLite, AsyncStoreKit):
    kind = AsyncSQLStore
