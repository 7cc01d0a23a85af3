"""Purges, sweeps, and making room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from cachespec.stores import Scope
from cachespec.testing import samples
from cachespec.testing.kit import KEY, URL, put
from cachespec_sql import SQLStore
from cachespec_sql.shelf import FLUSH


class Told:
    """Remembers what went, and why."""

    def __init__(self) -> None:
        self.gone: list[tuple[str, str]] = []

    def __call__(self, item: Any, why: str) -> None:
        self.gone.append((item.url, why))


def test_whoever_wants_to_know_is_told_what_goes_and_why(make: Callable[..., SQLStore]) -> None:
    told = Told()
    store = make(on_evict=told, max_entries=5)
    for number in range(8):
        assert put(store, samples.key_of(samples.url_of(number)), samples.entry(samples.url_of(number), lifetime=10.0))
    assert told.gone == [(samples.url_of(number), "space") for number in range(3)]
    store.purge(Scope(urls=(samples.url_of(3),)))
    assert store.sweep(samples.NOW + 100 * 86_400) == 4
    assert Counter(why for _, why in told.gone) == {"space": 3, "purge": 1, "sweep": 4}


def test_nobody_is_told_of_what_cannot_be_read(make: Callable[..., SQLStore]) -> None:
    told = Told()
    with_key, other = make(signing_key=b"k" * 32), make(on_evict=told)
    assert put(with_key, KEY, samples.entry(URL))
    assert other.read(KEY).item is None
    assert list(other.items()) == []
    assert other.purge(Scope(urls=(URL,))) == 0
    assert told.gone == []
    assert with_key.read(KEY).revision == 0


def test_a_soft_purge_of_what_cannot_be_read_removes_it(make: Callable[..., SQLStore]) -> None:
    with_key, other = make(signing_key=b"k" * 32), make()
    assert put(with_key, KEY, samples.entry(URL))
    assert other.purge(Scope(urls=(URL,), stale_at=samples.NOW)) == 0
    assert with_key.read(KEY).revision == 0


def test_what_was_asked_for_is_told_to_the_others_in_batches(make: Callable[..., SQLStore]) -> None:
    one, other = make(max_entries=FLUSH + 10), make(max_entries=FLUSH + 10)
    asked = [samples.url_of(number) for number in range(FLUSH)]
    for url in asked:
        assert put(one, samples.key_of(url), samples.entry(url))
    for url in asked:
        one.read(samples.key_of(url))
    assert put(one, KEY, samples.entry(URL))
    # The other makes room, and knows what the first was asked for.
    for number in range(200, 220):
        assert put(other, samples.key_of(samples.url_of(number)), samples.entry(samples.url_of(number)))
    missing = [url for url in asked if one.read(samples.key_of(url)).item is None]
    assert missing == []


def test_an_empty_prefix_is_every_url(make: Callable[..., SQLStore]) -> None:
    store = make()
    assert put(store, KEY, samples.entry(URL))
    assert store.purge(Scope(prefix="")) == 1


@pytest.mark.parametrize("scope", [Scope(), Scope(urls=("https://sample.test/nothing",))])
def test_a_purge_may_hit_nothing(make: Callable[..., SQLStore], scope: Scope) -> None:
    store = make()
    assert put(store, KEY, samples.entry(URL))
    assert store.purge(scope) == 0
    assert store.read(KEY).item is not None


def test_variants_that_cannot_be_found_any_more_are_swept(make: Callable[..., SQLStore]) -> None:
    store = make()
    there = samples.variant_key_of(URL, "en")
    assert put(store, KEY, samples.record(URL))
    assert put(store, there, samples.variant(URL, "en"))
    assert put(store, KEY, samples.entry(URL))
    assert store.sweep(samples.NOW) == 1
    assert store.read(there).item is None
    assert store.read(KEY).item is not None


def test_nothing_is_evicted_where_there_is_nothing(make: Callable[..., SQLStore]) -> None:
    store = make(max_bytes=1_000, max_body=5_000)
    assert not store.append("1" * 32, b"x" * 4_000)
    assert store.stats().evictions == 0
