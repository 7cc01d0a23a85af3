"""Room: what is useless is swept, what is too much goes, and the figures are right."""

from __future__ import annotations

import unittest
from dataclasses import replace

from ..samples import NOW, entry, key_of, url_of
from .acts import DAY, KEY, LONG, URL, long_body, put
from .subject import Subject


class Room(Subject):
    """What a store promises of its size."""

    def test_what_nobody_can_use_any_more_is_swept_in_steps(self) -> None:
        store = self.store()
        for number in range(20):
            lifetime = 10.0 if number % 2 else 1000 * DAY
            assert put(store, key_of(url_of(number)), entry(url_of(number), lifetime=lifetime, groups=("a",)))
        assert store.sweep(NOW + 5) == 0
        swept = [store.sweep(NOW + 100 * DAY, 4) for _ in range(4)]
        assert sum(swept) == 10
        assert max(swept) <= 4
        assert store.stats().entries == 10
        assert store.sweep(NOW + 100 * DAY) == 0

    def test_there_is_no_more_than_there_may_be(self) -> None:
        store = self.bounded(100)
        if store is None:
            raise unittest.SkipTest("bounded: no store with a bound")
        store = self.opened(store)
        for number in range(400):
            url = url_of(number)
            if number % 40:
                assert put(store, key_of(url), entry(url, b"x" * 1000, groups=("a", f"g{number}")))
            else:
                item, _ = long_body(store, number)
                assert put(store, key_of(url), replace(item, url=url))
        stats = store.stats()
        assert 50 <= stats.entries <= 110
        assert stats.bytes <= stats.max_bytes
        assert stats.entries == sum(1 for _ in store.items())
        assert stats.evictions >= 290

    def test_what_is_asked_for_again_stays(self) -> None:
        store = self.bounded(100)
        if store is None:
            raise unittest.SkipTest("bounded: no store with a bound")
        store = self.opened(store)
        asked_for = [key_of(url_of(number)) for number in range(10)]
        missed = 0
        for number in range(600):
            url = url_of(number)
            assert put(store, key_of(url), entry(url))
            if number >= 10:
                missed += store.read(asked_for[number % 10]).item is None
        assert missed == 0

    def test_figures_tell_what_there_is(self) -> None:
        store = self.store()
        assert store.stats()[:2] == (0, 0)
        assert put(store, KEY, entry(URL, b"x" * 10_000))
        one = store.stats()
        assert one.entries == 1
        assert 10_000 < one.bytes < 15_000
        item, _ = long_body(store)
        assert put(store, key_of(url_of(2)), replace(item, url=url_of(2)))
        assert store.stats().entries == 2
        assert LONG + 10_000 < store.stats().bytes < LONG + 60_000
        assert put(store, KEY, entry(URL, b"y"))
        assert store.stats().bytes < LONG + 50_000
        assert put(store, KEY, None)
        assert store.stats().entries == 1
