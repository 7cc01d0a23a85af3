"""Items in a database."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import event

from cachespec import Cache, Policy, Request
from cachespec.stores import Scope
from cachespec.testing import samples
from cachespec.testing.kit import KEY, URL, put
from cachespec.testing.live import Live
from cachespec_sql import SQLStore
from cachespec_sql.items import PAGE


def test_a_common_hit_is_one_select(make: Callable[..., SQLStore]) -> None:
    store = make()
    cache: Cache = Cache(store, Policy.gateway(), clock=lambda: samples.NOW)
    live = Live(b"small")
    assert b"".join(cache.fetch(Request("GET", URL), live.answering).content) == b"small"
    store.read(KEY)
    said: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *args: said.append(args[2]))
    for reader in store._readers:
        reader.driver_connection.set_trace_callback(said.append)
    answer = cache.fetch(Request("GET", URL), live.answering)
    assert b"".join(answer.content) == b"small"
    assert answer.info.status == "hit"
    assert len(said) == 1
    assert said[0].startswith("SELECT")


def test_an_item_that_can_never_fit_is_refused(make: Callable[..., SQLStore]) -> None:
    store = make(max_bytes=10_000)
    assert not put(store, KEY, samples.entry(URL, b"x" * 20_000))
    assert put(store, KEY, samples.entry(URL, b"x" * 2_000))


def test_what_is_not_there_cannot_be_removed_by_a_revision(make: Callable[..., SQLStore]) -> None:
    store = make()
    assert not store.swap(KEY, None, 5, 0)
    assert store.swap(KEY, None, 0, 0)


def test_more_than_a_page_is_listed_and_purged(make: Callable[..., SQLStore]) -> None:
    store = make()
    urls = {samples.url_of(number) for number in range(PAGE + 20)}
    for url in urls:
        assert put(store, samples.key_of(url), samples.entry(url))
    assert {item.url for _, item in store.items()} == urls
    assert store.purge(Scope(prefix="https://sample.test/")) == PAGE + 20
    assert store.stats()[:2] == (0, 0)


def test_a_lease_that_has_run_out_is_swept(make: Callable[..., SQLStore]) -> None:
    store = make()
    assert store.lease(KEY, b"one", 0.0)
    store.sweep(samples.NOW)
    assert store.lease(KEY, b"other", 60.0)
    assert not store.lease(KEY, b"one", 60.0)
    store.release(KEY, b"other")
    assert store.lease(KEY, b"one", 60.0)
