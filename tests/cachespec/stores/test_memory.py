"""The store in memory, and its eviction."""

from __future__ import annotations

import gc
import os
import random
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator
from pathlib import Path

import pytest

from cachespec import MemoryStore
from cachespec.entries import Entry, Item
from cachespec.stores.contract import Scope, Stats
from cachespec.stores.sieve import Node
from cachespec.testing import StoreKit, samples
from cachespec.testing.kit import DAY, KEY, LONG, URL, body_at, long_body, put
from cachespec.testing.samples import NOW


class TestMemoryStore(StoreKit):
    def make(self) -> MemoryStore:
        return MemoryStore()

    def bounded(self, items: int) -> MemoryStore:
        return MemoryStore(max_entries=items)


@pytest.mark.parametrize("name", ["max_bytes", "max_entries", "max_body"])
@pytest.mark.parametrize("value", [0, -1, True, 1.5, "1"])
def test_a_bound_is_a_positive_number(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        MemoryStore(**{name: value})  # type: ignore[arg-type]


def test_it_tells_how_much_it_holds() -> None:
    store = MemoryStore(max_bytes=1_000_000, max_entries=10)
    assert put(store, KEY, samples.entry(URL))
    assert len(store) == 1
    assert repr(store) == f"<MemoryStore 1 items, {store.bytes} of 1000000 bytes>"
    assert store.stats() == Stats(1, store.bytes, 10, 1_000_000, 0)


def test_bytes_are_bounded() -> None:
    store = MemoryStore(max_bytes=100_000)
    for number in range(100):
        url = samples.url_of(number)
        assert put(store, samples.key_of(url), samples.entry(url, b"x" * 8_000))
        assert store.bytes <= 100_000
    assert len(store) > 5


def test_what_is_larger_than_the_store_is_refused() -> None:
    store = MemoryStore(max_bytes=5_000)
    assert not put(store, KEY, samples.entry(URL, b"x" * 5_000))
    assert put(store, KEY, samples.entry(URL, b"x"))


def test_a_body_has_a_bound_of_its_own() -> None:
    store = MemoryStore(max_bytes=1_000_000)
    assert store.append("a", b"x" * 100_000)
    assert not store.append("a", b"x" * 30_000)
    assert MemoryStore(max_bytes=1_000_000, max_body=500_000).append("a", b"x" * 500_000)


def test_bodies_under_way_do_not_grow_beyond_it_together() -> None:
    store = MemoryStore(max_bytes=100_000, max_body=40_000)
    assert store.append("a", b"x" * 40_000)
    assert put(store, KEY, samples.entry(URL))
    assert store.append("b", b"x" * 40_000)
    assert body_at(store, KEY) == b"small"
    assert not store.append("c", b"x" * 40_000)
    assert len(store) == 0
    store.discard("c")
    assert store.bytes == 80_000


def test_why_an_item_went_is_told() -> None:
    told: list[tuple[str, str]] = []

    def on_evict(item: Item, why: str) -> None:
        told.append((item.url, why))

    store = MemoryStore(max_entries=2, on_evict=on_evict)
    for number in range(3):
        url = samples.url_of(number)
        assert put(store, samples.key_of(url), samples.entry(url))
    store.purge(Scope(urls=(samples.url_of(1),)))
    store.sweep(NOW + 400 * DAY)
    assert told == [(samples.url_of(0), "space"), (samples.url_of(1), "purge"), (samples.url_of(2), "sweep")]


def test_a_variant_that_nobody_can_find_is_swept() -> None:
    store = MemoryStore()
    url = samples.url_of(2)
    for key, item in (
        (KEY, samples.record(URL)),
        (samples.variant_key_of(URL, "en"), samples.variant(URL, "en")),
        (samples.variant_key_of(url, "en"), samples.variant(url, "en")),
    ):
        assert put(store, key, item)
    # One never had a record, the other loses it to a plain response.
    assert store.sweep(NOW) == 1
    assert put(store, KEY, samples.entry(URL))
    assert store.sweep(NOW) == 1
    assert [key for key, _ in store.items()] == [KEY]


def test_a_variant_of_another_generation_is_swept() -> None:
    store = MemoryStore()
    assert put(store, samples.variant_key_of(URL, "en"), samples.variant(URL, "en"))
    record = samples.record(URL)
    record.generation = b"\x08" * 16
    assert put(store, KEY, record)
    assert store.sweep(NOW) == 1
    assert store.read(KEY).item == record


def test_a_sweep_stops_at_its_limit_and_lets_young_bodies_be() -> None:
    store = MemoryStore()
    assert store.append("a", b"x")
    assert store.sweep(NOW) == 0
    assert store.sweep(NOW + 60) == 0
    assert store.sweep(NOW + 2 * DAY) == 1


def test_what_is_replaced_while_a_sweep_looks_at_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    assert put(store, KEY, samples.entry(URL, lifetime=0.0, etag=None))
    useless = Entry.useless

    def meanwhile(entry: Entry, now: float) -> bool:
        monkeypatch.undo()
        found = useless(entry, now)
        assert put(store, KEY, samples.entry(URL, b"new", response_time=now))
        return found

    monkeypatch.setattr(Entry, "useless", meanwhile)
    assert store.sweep(NOW + 400 * DAY) == 0
    assert body_at(store, KEY) == b"new"


def test_an_evicted_item_takes_its_body_along() -> None:
    store = MemoryStore(max_entries=1)
    item, _ = long_body(store)
    assert put(store, KEY, item)
    assert put(store, samples.key_of(samples.url_of(2)), samples.entry(samples.url_of(2)))
    assert store.open(item.body_id or "") is None
    assert store.bytes < LONG


# --- a child process


def in_child(answer: Iterator[bytes]) -> bytes:
    """What a forked child says."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:  # pragma: no cover - another process
        os.write(writing, next(answer))
        os._exit(0)
    os.close(writing)
    said = os.read(reading, 100)
    os.close(reading)
    os.waitpid(pid, 0)
    return said


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("held", [False, True], ids=["at rest", "while another thread writes"])
def test_a_child_process_goes_on_by_itself(held: bool) -> None:
    store = MemoryStore()
    assert put(store, KEY, samples.entry(URL))

    def answer() -> Iterator[bytes]:
        stored = put(store, samples.key_of(samples.url_of(2)), samples.entry(samples.url_of(2)))
        yield f"{stored} {len(store)}".encode()

    if held:
        with store._lock:
            assert in_child(answer()) == b"True 1"
    else:
        assert in_child(answer()) == b"True 2"
    assert len(store) == 1


def test_a_process_that_finds_itself_a_child_starts_with_a_lock_of_its_own() -> None:
    for held in (False, True):
        store = MemoryStore()
        assert put(store, KEY, samples.entry(URL))
        store._forks = -1
        if held:
            store._lock.acquire()
        assert put(store, samples.key_of(samples.url_of(2)), samples.entry(samples.url_of(2)))
        assert len(store) == (1 if held else 2)


def test_readers_need_no_lock() -> None:
    store = MemoryStore()
    assert put(store, KEY, samples.entry(URL))
    with store._lock:
        read: list[bytes | None] = []
        thread = threading.Thread(target=lambda: read.append(body_at(store, KEY)))
        thread.start()
        thread.join(10)
    assert read == [b"small"]


# --- SIEVE against LRU


def zipf(count: int, requests: int, seed: int) -> list[int]:
    """A trace in which the n-th most popular of `count` things is asked for 1/n as often as the first."""
    chance = random.Random(seed)
    return chance.choices(range(count), [1 / (rank + 1) for rank in range(count)], k=requests)


def with_scans(trace: list[int]) -> list[int]:
    """The same, with runs of things that are asked for once and never again."""
    mixed: list[int] = []
    for at in range(0, len(trace), 2_000):
        mixed += trace[at : at + 2_000]
        mixed += range(1_000_000 + at, 1_000_000 + at + 1_000)
    return mixed


def hits_of_lru(trace: list[int], room: int) -> int:
    kept: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for thing in trace:
        if thing in kept:
            kept.move_to_end(thing)
            hits += 1
        else:
            kept[thing] = None
            if len(kept) > room:
                kept.popitem(last=False)
    return hits


def hits_of_store(trace: list[int], room: int) -> int:
    store = MemoryStore(max_entries=room)
    keys = {thing: thing.to_bytes(32, "big") for thing in trace}
    counted: Counter[bool] = Counter()
    item = samples.entry(URL, b"")
    for thing in trace:
        there = store.read(keys[thing])
        counted[there.item is not None] += 1
        if there.item is None:
            assert store.swap(keys[thing], item, 0, there.mark)
    return counted[True]


ROOM = (125, 250, 500)
"""Of 5,000 things, a fortieth, a twentieth, a tenth."""


@pytest.mark.parametrize(
    ("name", "trace", "gain"),
    [
        pytest.param("Zipf", zipf(5_000, 30_000, 1), 1.05, id="Zipf"),
        pytest.param("Zipf with scans", with_scans(zipf(5_000, 30_000, 2)), 1.1, id="scans"),
    ],
)
def test_more_is_found_than_with_least_recently_used(name: str, trace: list[int], gain: float) -> None:
    page = (Path(__file__).parents[3] / "docs" / "stores.md").read_text(encoding="utf-8")
    for room in ROOM:
        sieve, lru = hits_of_store(trace, room), hits_of_lru(trace, room)
        if room == 250:
            assert sieve > gain * lru
        # Where people read it.
        row = f"| {name} | {room / 5_000:.1%} | {sieve / len(trace):.1%} | {lru / len(trace):.1%} |"
        assert row in page


def test_a_store_that_is_closed_leaves_nothing_to_the_garbage_collector() -> None:
    def nodes() -> int:
        return sum(isinstance(each, Node) for each in gc.get_objects())

    gc.disable()
    try:
        before = nodes()
        store = MemoryStore()
        for number in range(10):
            url = samples.url_of(number)
            assert put(store, samples.key_of(url), samples.entry(url, b"x"))
        assert nodes() == before + 10
        store.close()
        assert nodes() == before
    finally:
        gc.enable()


def test_where_bodies_under_way_leave_no_room_an_item_is_refused() -> None:
    store = MemoryStore(max_bytes=10_000, max_body=10_000)
    assert store.append("a", b"x" * 9_000)
    assert not put(store, KEY, samples.entry(URL))
