from __future__ import annotations

from pathlib import Path

from cachespec import Entry, FileStore
from cachespec.stores.known import LIMIT, LONGEST, MOST, Known
from cachespec.testing.samples import entry

KEY = bytes(32)
OTHER = b"\1" * 32


def test_what_was_found_is_known_by_key_and_octets() -> None:
    known: Known[str] = Known()
    assert known.get(KEY, b"octets") is None
    assert known.put(KEY, b"octets", "found") == "found"
    assert known.get(KEY, bytes(bytearray(b"octets"))) == "found"
    assert known.get(KEY, b"Octets") is None
    assert known.get(OTHER, b"octets") is None


def test_what_is_long_is_not_remembered() -> None:
    known: Known[str] = Known()
    known.put(KEY, bytes(LONGEST), "found")
    known.put(OTHER, bytes(LONGEST + 1), "found")
    assert known.get(KEY, bytes(LONGEST)) == "found"
    assert known.get(OTHER, bytes(LONGEST + 1)) is None


def test_all_is_forgotten_before_it_becomes_too_much() -> None:
    known: Known[str] = Known()
    keys = [number.to_bytes(32, "big") for number in range(LIMIT // LONGEST + 1)]
    for key in keys:
        known.put(key, bytes(LONGEST), "found")
    assert [known.get(key, bytes(LONGEST)) for key in keys] == [None] * (len(keys) - 1) + ["found"]


def test_all_is_forgotten_before_it_becomes_too_many() -> None:
    known: Known[str] = Known()
    keys = [number.to_bytes(32, "big") for number in range(MOST + 1)]
    for key in keys:
        known.put(key, b"octets", "found")
    assert [known.get(key, b"octets") for key in keys] == [None] * MOST + ["found"]


def test_a_store_decodes_once_what_is_read_again(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    assert store.swap(KEY, entry("https://example.test/a"), 0, store.read(KEY).mark)
    first = store.read(KEY)
    assert store.read(KEY).item is first.item
    # Another process puts another in its place: that is seen at once.
    other = FileStore(tmp_path)
    assert other.swap(KEY, entry("https://example.test/a", b"new"), first.revision, first.mark)
    item = store.read(KEY).item
    assert isinstance(item, Entry)
    assert item.body == b"new"
