"""Stores by URL."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from cachespec import MemoryStore, open_store
from cachespec.stores import FileStore
from cachespec.stores.places import default_folder


def test_a_store_has_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert isinstance(open_store("memory:"), MemoryStore)
    default = open_store("file:")
    assert isinstance(default, FileStore)
    assert default.folder == default_folder()
    spaced = open_store((tmp_path / "my cache").as_uri() + "#shop")
    assert isinstance(spaced, FileStore)
    assert spaced.folder == tmp_path / "my cache"
    assert repr(spaced).endswith("/shop>")
    assert isinstance(open_store("file://localhost/tmp/x"), FileStore)


@pytest.mark.parametrize("url", ["", "memory", "memory:x", "memory:#shop", "file:here", "file://host/x", "redis://x"])
def test_what_is_no_stores_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^store: "):
        open_store(url)


def test_a_database_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cachespec_sql", None)
    with pytest.raises(ImportError, match="sqlite needs the package cachespec-sql: pip install cachespec-sql"):
        open_store("sqlite:///cache.db")


def test_a_database_is_opened_by_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("cachespec_sql")
    opened: list[tuple[str, str]] = []
    module.SQLStore = lambda url, namespace: opened.append((url, namespace))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cachespec_sql", module)
    open_store("postgresql+psycopg://host/name#shop")
    open_store("sqlite:///cache.db")
    assert opened == [("postgresql+psycopg://host/name", "shop"), ("sqlite:///cache.db", "")]
