"""Stores: where responses lie.  `open_store` makes one from a URL."""

from __future__ import annotations

from importlib import import_module
from urllib.parse import urlsplit

from .contract import AsyncBody, AsyncStore, Body, Reading, Scope, Store
from .memory import MemoryStore

__all__ = ["AsyncBody", "AsyncStore", "Body", "MemoryStore", "Reading", "Scope", "Store", "open_store"]


def open_store(url: str) -> Store:
    """The store at `url`; ValueError for a URL that names none, ImportError where its package is missing.

    ``memory:`` is a new `MemoryStore`; a database's URL, such as ``sqlite:///cache.db`` or
    ``postgresql+psycopg://host/name``, is an `SQLStore` from the package cachespec-sql.
    """
    scheme = urlsplit(url).scheme
    if url == "memory:":
        return MemoryStore()
    if scheme.partition("+")[0] in ("sqlite", "postgresql", "mysql", "mariadb"):
        try:
            module = import_module("cachespec_sql")
        except ImportError as missing:
            raise ImportError(
                f"store: {scheme} needs the package cachespec-sql: pip install cachespec-sql"
            ) from missing
        store: Store = module.SQLStore(url)
        return store
    raise ValueError(f"store: {url!r} is not a store; give memory: or a database's URL")
