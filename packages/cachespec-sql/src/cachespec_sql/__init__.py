"""A store for cachespec on SQLAlchemy: SQLite, PostgreSQL, MySQL and MariaDB, shared by workers and machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cachespec.stores.building import DamagedBodyError

from .opening import SchemaError
from .sync import SQLStore

if TYPE_CHECKING:
    from .loop import AsyncSQLStore

__all__ = ["AsyncSQLStore", "DamagedBodyError", "SQLStore", "SchemaError"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # SQLAlchemy's half for event loops needs the extra `asyncio`: it is imported by whoever asks for it.
    if name == "AsyncSQLStore":
        try:
            from .loop import AsyncSQLStore
        except ImportError as missing:
            raise ImportError("AsyncSQLStore needs an extra: pip install 'cachespec-sql[asyncio]'") from missing
        return AsyncSQLStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
