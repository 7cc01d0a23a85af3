"""Stores by name, each of them new and empty, in a folder that goes when all is measured.

Not sooner, and that matters: on an ext4 without a journal, a new file took 800 µs in the place of 20 for minutes after
a few thousand were removed.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from harness import AbsentError

from cachespec import FileStore, MemoryStore, Store, open_store

PLACE = "BENCHMARKS_KEPT_APART_IN"
"""The variable that tells where the folders lie."""
KINDS = ("memory", "file", "sqlite")
ROOM = 1 << 40
"""Bytes that nothing here is longer than."""


@contextmanager
def kept_apart() -> Iterator[None]:
    """The time in which each new `folder`, of this process and its children, lies in one that goes at the end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        os.environ[PLACE] = place
        try:
            yield
        finally:
            del os.environ[PLACE]


def folder() -> Path:
    """A new folder."""
    return Path(tempfile.mkdtemp(dir=os.environ.get(PLACE)))


def opened(kind: str, stack: ExitStack) -> Store:
    """A new store of ours; ``roomy`` is one in files that has room for everything."""
    if kind == "memory":
        memory = MemoryStore()
        stack.callback(memory.close)
        return memory
    place = folder()
    if kind == "roomy":
        roomy = FileStore(place, max_bytes=ROOM, max_body=ROOM)
        stack.callback(roomy.close)
        return roomy
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
    storage = SqliteStorage(database_path=folder() / "hishel.db")
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
    return AsyncSqliteStorage(database_path=folder() / "hishel.db")
