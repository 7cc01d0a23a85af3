"""Stores by name, each of them new and empty, in a folder that goes with the scenario."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness import AbsentError

from cachespec import MemoryStore, Store, open_store

KINDS = ("memory", "file", "sqlite")


def folder(stack: ExitStack) -> Path:
    """A new folder."""
    return Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))


def opened(kind: str, stack: ExitStack) -> Store:
    """A new store of ours."""
    if kind == "memory":
        return MemoryStore()
    place = folder(stack)
    url = f"file://{place}" if kind == "file" else f"sqlite:///{place / 'cache.db'}"
    try:
        store = open_store(url)
    except (ValueError, AttributeError) as error:
        raise AbsentError(f"open_store() opens no {url.partition(':')[0]}:") from error
    if hasattr(store, "close"):
        stack.callback(store.close)
    return store


def hishel(kind: str, stack: ExitStack) -> Any:
    """A storage of hishel's: SQLite, in memory or in a file."""
    from hishel import SqliteStorage

    if kind == "memory":
        connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        stack.callback(connection.close)
        return SqliteStorage(connection=connection)
    storage = SqliteStorage(database_path=folder(stack) / "hishel.db")
    stack.callback(storage.close)
    return storage


def async_hishel(kind: str, stack: ExitStack) -> Any:
    """The same for asyncio."""
    import anysqlite
    from hishel import AsyncSqliteStorage

    if kind == "memory":
        connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        stack.callback(connection.close)
        return AsyncSqliteStorage(connection=anysqlite.Connection(connection))
    return AsyncSqliteStorage(database_path=folder(stack) / "hishel.db")
