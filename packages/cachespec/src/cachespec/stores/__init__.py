"""Stores: where responses lie.  `open_store` makes one from a URL."""

from __future__ import annotations

from importlib import import_module
from urllib.parse import urlsplit
from urllib.request import url2pathname

from .contract import AsyncBody, AsyncStore, Body, Leasing, Reading, Scope, Stats, Store
from .files import FileStore
from .memory import MemoryStore
from .transfer import export_store, import_store

__all__ = [
    "AsyncBody",
    "AsyncStore",
    "Body",
    "FileStore",
    "Leasing",
    "MemoryStore",
    "Reading",
    "Scope",
    "Stats",
    "Store",
    "export_store",
    "import_store",
    "open_store",
]


def open_store(url: str) -> Store:
    """The store at `url`; ValueError for a URL that names none, ImportError where its package is missing.

    ``memory:`` is a new `MemoryStore`, ``file:`` the `FileStore` in the user's cache directory and
    ``file:///some/folder`` one elsewhere; a database's URL, such as ``sqlite:///cache.db`` or
    ``postgresql+psycopg://host/name``, is an `SQLStore` from the package cachespec-sql.  Before a ``#`` stands the
    URL, behind it may stand a namespace.
    """
    url, _, namespace = url.partition("#")
    scheme = urlsplit(url).scheme
    if url == "memory:" and not namespace:
        return MemoryStore()
    if scheme == "file":
        return FileStore(_folder(url), namespace=namespace or "default")
    if scheme.partition("+")[0] in ("sqlite", "postgresql", "mysql", "mariadb"):
        try:
            module = import_module("cachespec_sql")
        except ImportError as missing:
            raise ImportError(
                f"store: {scheme} needs the package cachespec-sql: pip install cachespec-sql"
            ) from missing
        store: Store = module.SQLStore(url, namespace=namespace)
        return store
    raise ValueError(f"store: {url!r} is not a store; give memory:, file:, file:///folder or a database's URL")


def _folder(url: str) -> str | None:
    """The folder that a file URL names; None for the default one.  RFC 8089 §2"""
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or (parts.path and not parts.path.startswith("/")):
        raise ValueError(f"store: {url!r} does not name a folder of this machine; write file:///some/folder")
    return url2pathname(parts.path) or None
