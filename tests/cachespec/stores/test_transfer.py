"""From one store into another, by way of a file."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from cachespec import FileStore, MemoryStore, Store
from cachespec.entries import Entry, Part
from cachespec.stores.transfer import FIRST_LINE, export_store, import_store
from cachespec.testing import samples
from cachespec.testing.kit import KEY, LONG, URL, body_at, long_body, put, read_body


def exported(store: Store) -> bytes:
    file = io.BytesIO()
    for _ in export_store(store, file):
        pass
    return file.getvalue()


def imported(store: Store, octets: bytes) -> int:
    return sum(1 for _ in import_store(store, io.BytesIO(octets)))


@pytest.fixture
def full() -> MemoryStore:
    """A store with something of everything."""
    store = MemoryStore()
    long, _ = long_body(store)
    assert put(store, KEY, long)
    two, three, four = [samples.url_of(number) for number in (2, 3, 4)]
    assert put(store, samples.key_of(two), samples.entry(two, groups=("news",)))
    assert put(store, samples.key_of(three), samples.record(three))
    assert put(store, samples.variant_key_of(three, "en"), samples.variant(three, "en"))
    assert store.append("4" * 32, b"0123456789")
    parts = (Part(0, 3, b"abc"), Part(10, 14, None, "4" * 32, 2))
    assert put(store, samples.key_of(four), samples.entry(four, None, length=20, parts=parts))
    return store


def test_everything_is_there_again(full: MemoryStore, tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    octets = exported(full)
    assert imported(store, octets) == len(full) == 5
    for key, item in full.items():
        there = store.read(key).item
        if isinstance(item, Entry) and item.body_id is not None:
            assert isinstance(there, Entry)
            assert there.body_id != item.body_id
            assert read_body(store, there) == read_body(full, item)
        elif isinstance(item, Entry) and item.parts:
            assert isinstance(there, Entry)
            assert there.parts[0] == item.parts[0]
            part = there.parts[1]
            opened = store.open(part.body_id or "")
            assert opened is not None
            assert b"".join(opened.chunks(part.skip, part.skip + 4)) == b"2345"
            opened.close()
        else:
            assert there == item
    assert imported(store, octets) == 0, "what is there stays"
    assert store.stats().entries == 5


def test_what_was_chosen_by_credentials_stays_behind() -> None:
    store = MemoryStore()
    for number, name in enumerate(("@principal", "cookie", "authorization", "accept")):
        url = samples.url_of(number)
        assert put(store, samples.key_of(url), samples.entry(url, selecting=((name, "x"),)))
    assert imported(MemoryStore(), exported(store)) == 1


def test_an_item_whose_body_is_gone_stays_behind(full: MemoryStore) -> None:
    item = full.read(KEY).item
    assert isinstance(item, Entry)
    full.discard(item.body_id or "")
    assert imported(MemoryStore(), exported(full)) == 4


def test_what_is_too_large_for_the_other_store_stays_behind(full: MemoryStore) -> None:
    small = MemoryStore(max_bytes=400_000)
    assert imported(small, exported(full)) == 4
    assert small.bytes < 100_000


def test_an_export_that_was_cut_short_is_refused(full: MemoryStore) -> None:
    octets = exported(full)
    for size in (0, 5, len(FIRST_LINE) + 2, len(FIRST_LINE) + 20, 1000, LONG // 2, len(octets) - 1):
        with pytest.raises(ValueError, match="export"):
            imported(MemoryStore(), octets[:size])


@pytest.mark.parametrize("at", [0, 30, 80, 500])
def test_a_damaged_export_is_refused(at: int) -> None:
    store = MemoryStore()
    assert put(store, KEY, samples.entry(URL, b"x" * 1000))
    octets = bytearray(exported(store))
    octets[at] ^= 1
    with pytest.raises(ValueError, match="export"):
        imported(MemoryStore(), bytes(octets))


def test_what_is_no_item_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    assert put(store, KEY, replace(samples.entry(URL), length=7))
    with pytest.raises(ValueError, match="the export is damaged"):
        imported(MemoryStore(), exported(store))


def test_items_come_as_they_are_moved(full: MemoryStore) -> None:
    file = io.BytesIO()
    moving = export_store(full, file)
    next(moving)
    assert len(file.getvalue()) > 100
    moving.close()
    other = MemoryStore()
    file.seek(0)
    assert [item.url for item in import_store(other, file)] == [URL]
    assert body_at(other, KEY) is None
