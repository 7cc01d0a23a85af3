"""What a hit costs on a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from cachespec import Cache, Policy, Request
from cachespec.testing import samples
from cachespec.testing.kit import KEY, LONG, URL, put
from cachespec.testing.live import Live
from cachespec_sql import AsyncSQLStore, SQLStore


def heard(store: Any) -> list[str]:
    """The statements that a store sends from now on, its transactions included."""
    said: list[str] = []
    for engine in {getattr(each, "sync_engine", each) for each in (store._asking, store._changing)}:
        event.listen(engine, "before_cursor_execute", lambda *args: said.append(args[2]))
    return said


def test_a_common_hit_is_one_select(make: Callable[..., SQLStore]) -> None:
    store = make()
    cache: Cache = Cache(store, Policy.gateway(), clock=lambda: samples.NOW)
    live = Live(b"small")
    assert b"".join(cache.fetch(Request("GET", URL), live.answering).content) == b"small"
    asked = questions(store)
    said = heard(store)
    for _ in range(10):
        answer = cache.fetch(Request("GET", URL), live.answering)
        assert b"".join(answer.content) == b"small"
        assert answer.info.status == "hit"
    assert len(said) == 10
    assert all(statement.startswith("SELECT") for statement in said)
    if asked is not None:
        # Nor is there anything else that the server is asked for, but for this question itself.
        assert questions(store) == asked + 11


def questions(store: SQLStore) -> int | None:
    """What the server has been asked for so far; None where it does not tell."""
    if store.engine.dialect.name not in ("mysql", "mariadb"):
        return None
    with store._asking.connect() as connection:
        return int(connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Questions'").one()[1])


def test_a_common_hit_is_one_select_on_an_event_loop(async_url: str, namespace: str) -> None:
    async def use() -> list[str]:
        store = AsyncSQLStore(async_url, namespace=namespace)
        mark = (await store.read(KEY)).mark
        assert await store.swap(KEY, samples.entry(URL), 0, mark)
        said = heard(store)
        assert (await store.read(KEY)).item == samples.entry(URL)
        await store.close()
        return said

    assert len(asyncio.run(use())) == 1


def test_nothing_is_held_while_a_client_reads_a_body(make: Callable[..., SQLStore]) -> None:
    store = make()
    item, body = samples.signed(1, LONG, URL)
    item.body_id = "1" * 32
    assert store.append(item.body_id, body)
    assert put(store, KEY, item)
    opened = store.open(item.body_id)
    assert opened is not None
    chunks = opened.chunks(0, LONG)
    read = next(chunks)
    assert [engine.pool.checkedout() for engine in (store._asking, store._changing)] == [0, 0]
    said = heard(store)
    assert read + b"".join(chunks) == body
    assert len(said) == 2
    opened.close()
