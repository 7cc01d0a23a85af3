"""Many at once: threads, processes, and two stores on the same data."""

from __future__ import annotations

import unittest
from collections import Counter
from functools import partial
from typing import Any

from ...stores.contract import Leasing, Scope
from .. import crowd
from ..samples import NOW, entry, key_of, url_of
from .acts import DAY, KEY, URL, at_once, body_at, long_body, put, read_body, sweep
from .subject import Subject


class Sharing(Subject):
    """What a store promises to those that share it."""

    def test_threads_share_it(self) -> None:
        store = self.store()
        did = at_once([partial(crowd.work, store, n, self.seconds) for n in range(self.threads)])
        total = sum(did, Counter[str]())
        assert (total["wrong"], total["raised"]) == (0, 0), total
        assert total["read"] > 0
        assert total["stored"] > 0
        store.purge(Scope(everything=True))
        sweep(store, NOW + 400 * DAY)
        assert store.stats()[:2] == (0, 0)

    def test_processes_share_it(self) -> None:
        store = self.store()
        if self.address is None:
            raise unittest.SkipTest("address: other processes do not find it")
        did = crowd.processes(self.address, 3, self.seconds)
        assert (did["wrong"], did["raised"]) == (0, 0), did
        assert did["read"] > 0
        assert did["stored"] > 0
        store.purge(Scope(everything=True))
        sweep(store, NOW + 400 * DAY)
        assert store.stats().entries == 0

    # --- two on the same data

    def test_what_one_stores_the_other_reads(self) -> None:
        one = self.store()
        item, body = long_body(one)
        assert put(one, KEY, item)
        other = self.second()
        assert other.secret() == one.secret()
        assert other.read(KEY)[:2] == one.read(KEY)[:2]
        assert read_body(other, other.read(KEY).item) == body
        assert put(other, key_of(url_of(2)), entry(url_of(2)))
        assert one.read(key_of(url_of(2))).item == entry(url_of(2))
        assert dict(one.items()) == dict(other.items())

    def test_a_purge_by_one_is_seen_by_the_other_at_once(self) -> None:
        one = self.store()
        other = self.second()
        before = other.read(KEY).mark
        assert put(one, KEY, entry(URL))
        assert one.purge(Scope(urls=(URL,))) == 1
        assert other.read(KEY).item is None
        assert not other.swap(KEY, entry(URL), 0, before)
        assert put(other, KEY, entry(URL))

    def test_of_two_stores_that_saw_the_same_one_wins(self) -> None:
        stores = self.store(), self.second()
        for _ in range(5):
            there = [store.read(KEY) for store in stores]
            calls = [
                partial(store.swap, KEY, entry(URL, b"%d" % n), there[n].revision, there[n].mark)
                for n, store in enumerate(stores)
            ]
            won = at_once(calls)
            assert sum(won) == 1
            assert body_at(stores[0], KEY) == body_at(stores[1], KEY) == b"%d" % won.index(True)

    def test_it_is_there_the_next_time(self) -> None:
        one = self.store()
        assert put(one, KEY, entry(URL))
        one.close()
        self._opened.remove(one)
        assert self.second().read(KEY).item == entry(URL)

    def test_a_lease_has_one_owner_at_a_time(self) -> None:
        one: Any = self.store()
        if not isinstance(getattr(one, "wrapped", one), Leasing):
            raise unittest.SkipTest("lease: not offered")
        other: Any = self.second()
        assert one.lease(KEY, b"one", 60.0)
        assert one.lease(KEY, b"one", 60.0)
        assert not other.lease(KEY, b"other", 60.0)
        assert other.lease(key_of(url_of(2)), b"other", 60.0)
        other.release(KEY, b"other")
        assert not other.lease(KEY, b"other", 60.0)
        one.release(KEY, b"one")
        assert other.lease(KEY, b"other", 0.0)
        # It has run out already.
        assert one.lease(KEY, b"one", 60.0)
