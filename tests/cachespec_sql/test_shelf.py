"""What all that changes a namespace has in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import event

from cachespec.testing import samples
from cachespec.testing.kit import KEY, URL, put
from cachespec_sql import SQLStore
from cachespec_sql.shelf import REMEMBERED_HITS, parts


def test_where_many_write_at_once_they_lock_rows_and_not_the_namespace(make: Callable[..., SQLStore]) -> None:
    store = make()
    assert put(store, KEY, samples.entry(URL))
    said: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *args: said.append(args[2]))
    assert put(store, KEY, samples.entry(URL, b"one"))
    assert any(statement.startswith("UPDATE cachespec1_spaces") for statement in said)
    said.clear()
    store._shelf.dialect = replace(store._shelf.dialect, serial=False)
    assert put(store, KEY, samples.entry(URL, b"two"))
    assert not any(statement.startswith("UPDATE cachespec1_spaces") for statement in said)


def test_only_so_many_hits_are_remembered(make: Callable[..., SQLStore]) -> None:
    store = make()
    assert put(store, KEY, samples.entry(URL))
    store._shelf.asked = {number.to_bytes(32) for number in range(REMEMBERED_HITS)}
    store.read(KEY)
    assert len(store._shelf.asked) == REMEMBERED_HITS


def test_long_lists_go_into_several_statements() -> None:
    assert [len(part) for part in parts(range(450))] == [200, 200, 50]
    assert list(parts(())) == []
