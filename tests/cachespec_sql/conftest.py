"""Stores on SQLite, each in a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cachespec_sql import SQLStore


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where the database is."""
    return f"sqlite:///{tmp_path / 'cache.db'}"


@pytest.fixture
def make(url: str) -> Iterator[Callable[..., SQLStore]]:
    """Makes stores on the same data, each as another process has it; they are closed after the test."""
    made: list[SQLStore] = []

    def another(**options: object) -> SQLStore:
        made.append(SQLStore(url, **options))  # type: ignore[arg-type]
        return made[-1]

    yield another
    for store in made:
        store.close()
