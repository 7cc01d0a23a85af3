"""Stores on servers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cachespec_sql import SQLStore


@pytest.fixture
def namespace() -> str:
    """A namespace that no other test has."""
    return secrets.token_hex(8)


@pytest.fixture
def url(server: Any) -> str:
    """Where the database is, for threads."""
    return str(server.url(server.drivers[0]))


@pytest.fixture
def async_url(server: Any) -> str:
    """Where the database is, for an event loop."""
    return str(server.url(server.drivers[1]))


@pytest.fixture
def make(url: str, namespace: str) -> Iterator[Callable[..., SQLStore]]:
    """Makes stores on the same data, each as another process has it; they are closed after the test."""
    made: list[SQLStore] = []

    def another(**options: Any) -> SQLStore:
        made.append(SQLStore(url, **{"namespace": namespace, **options}))
        return made[-1]

    yield another
    for store in made:
        store.close()
