"""Bodies in a database, for those who read them while others remove them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

import pytest
from sqlalchemy import make_url, text

from cachespec import Cache, Policy, Request
from cachespec.entries import Entry
from cachespec.stores import Scope
from cachespec.testing import samples
from cachespec.testing.kit import KEY, LONG, URL, long_body, put, read_body, sweep
from cachespec.testing.live import Live
from cachespec_sql import DamagedBodyError, SQLStore
from cachespec_sql.tables import BODIES, CHUNKS

ROOM = 24 * LONG


def stored(store: SQLStore, number: int) -> Entry:
    """A long body under a URL of its own."""
    url = samples.url_of(number)
    item, body = samples.signed(number, LONG, url)
    item.body_id = f"{number:032x}"
    assert store.append(item.body_id, body)
    assert put(store, samples.key_of(url), item)
    return item


def change(url: str, statement: str) -> None:
    """Change something behind the store's back."""
    with sqlite3.connect(str(make_url(url).database)) as database:
        database.execute(statement)
    database.close()


def test_who_reads_in_another_process_is_not_cut_off_when_room_is_made(make: Callable[..., SQLStore]) -> None:
    writer, reader = make(max_bytes=ROOM, max_body=ROOM), make()
    item = stored(writer, 0)
    opened = reader.open(item.body_id or "")
    assert opened is not None
    chunks = opened.chunks(0, LONG)
    read = next(chunks)
    number = 0
    while not writer.stats().evictions:
        number += 1
        stored(writer, number)
    assert samples.key_of(item.url) not in dict(writer.items())
    assert samples.is_right(item, read + b"".join(chunks))
    opened.close()


def test_what_is_only_just_gone_takes_no_more_than_an_eighth(make: Callable[..., SQLStore]) -> None:
    store = make(max_bytes=ROOM, max_body=ROOM)
    for number in range(60):
        stored(store, number)
        assert store.stats().bytes <= ROOM + ROOM // 8
    assert store.stats().entries >= 20


def test_what_is_gone_for_long_goes_first(make: Callable[..., SQLStore], url: str) -> None:
    store = make(max_bytes=ROOM, max_body=ROOM)
    for number in range(20):
        stored(store, number)
    store.purge(Scope(urls=tuple(samples.url_of(number) for number in range(18))))
    change(url, f"UPDATE {BODIES.name} SET since = 0 WHERE gone = 1")
    for number in range(20, 36):
        stored(store, number)
    assert store.stats().evictions == 0


def test_a_reader_that_is_cut_off_is_told(make: Callable[..., SQLStore], url: str) -> None:
    store = make()
    cache: Cache = Cache(store, Policy(max_body=LONG), clock=lambda: samples.NOW)
    live = Live(samples.body_of(1, LONG))
    assert b"".join(cache.fetch(Request("GET", URL), live.answering).content) == live.body
    answer = cache.fetch(Request("GET", URL), live.answering)
    read = [next(answer.content)]
    change(url, f"DELETE FROM {CHUNKS.name}")
    with pytest.raises(DamagedBodyError, match="damaged, or was removed to make room"):
        read.extend(answer.content)
    answer.content.close()
    assert live.body.startswith(b"".join(read))
    assert len(b"".join(read)) < LONG


def test_a_body_that_turned_out_to_be_damaged_is_fetched_anew(make: Callable[..., SQLStore], url: str) -> None:
    store = make()
    cache: Cache = Cache(store, clock=lambda: samples.NOW)
    live = Live(samples.body_of(1, LONG))
    assert b"".join(cache.fetch(Request("GET", URL), live.answering).content) == live.body
    change(url, f"UPDATE {CHUNKS.name} SET octets = x'00'")
    with pytest.raises(DamagedBodyError):
        b"".join(cache.fetch(Request("GET", URL), live.answering).content)
    assert [b"".join(cache.fetch(Request("GET", URL), live.answering).content) for _ in range(2)] == [live.body] * 2


def test_what_is_read_here_is_not_swept(make: Callable[..., SQLStore]) -> None:
    store = make()
    item, body = long_body(store)
    assert put(store, KEY, item)
    opened = store.open(item.body_id or "")
    assert opened is not None
    store.purge(Scope(urls=(URL,)))
    sweep(store, time.time() + 10_000)
    assert b"".join(opened.chunks(0, LONG)) == body
    del opened
    sweep(store, time.time() + 10_000)
    assert store.stats()[:2] == (0, 0)


def test_a_body_longer_than_one_may_be_is_refused_and_gone(make: Callable[..., SQLStore]) -> None:
    store = make(max_body=LONG)
    assert store.append("1" * 32, b"x" * LONG)
    assert not store.append("1" * 32, b"x")
    assert not store.append("1" * 32, b"x" * LONG * 2)
    sweep(store, time.time() + 10_000)
    assert store.stats().bytes == 0


def test_bodies_under_way_may_fill_it_all(make: Callable[..., SQLStore]) -> None:
    store = make(max_bytes=ROOM, max_body=ROOM)
    assert all(store.append(f"{number:032x}", b"x" * LONG) for number in range(24))
    assert not store.append("f" * 32, b"x" * LONG * 2)
    assert store.append("e" * 32, b"")


def test_what_killed_processes_left_behind_makes_room_for_others(make: Callable[..., SQLStore], url: str) -> None:
    store = make(max_bytes=ROOM, max_body=ROOM)
    kept = stored(store, 0)
    assert all(store.append(f"f{number:031x}", b"x" * LONG) for number in range(22))
    change(url, f"UPDATE {BODIES.name} SET since = 0 WHERE owner IS NULL")
    for number in range(1, 10):
        stored(store, number)
    assert store.stats().evictions == 0
    assert read_body(store, kept)


def test_an_empty_body_is_swept_like_any_other(make: Callable[..., SQLStore]) -> None:
    store = make()
    assert store.append("1" * 32, b"")
    store.discard("1" * 32)
    sweep(store, time.time() + 10_000)
    with store.engine.connect() as connection:
        assert connection.execute(text(f"SELECT count(*) FROM {BODIES.name}")).scalar_one() == 0


def test_a_large_body_is_swept_in_bounded_steps(make: Callable[..., SQLStore]) -> None:
    store = make()
    piece = b"x" * 262_144
    for _ in range(70):
        assert store.append("1" * 32, piece)
    store.discard("1" * 32)
    sweep(store, time.time() + 10_000)
    assert store.stats().bytes == 0
    with store.engine.connect() as connection:
        assert connection.execute(text(f"SELECT count(*) FROM {CHUNKS.name}")).scalar_one() == 0


def test_a_body_may_be_claimed_again_by_who_has_it(make: Callable[..., SQLStore]) -> None:
    store = make()
    item, _ = long_body(store)
    assert put(store, KEY, item)
    assert put(store, KEY, item)
    read_body(store, store.read(KEY).item)
