"""Bodies: invisible until complete, read to their end, gone when nobody names them."""

from __future__ import annotations

from dataclasses import replace

from ...entries import Entry, Part
from ...stores.contract import Scope, Store
from ..samples import NOW, entry, key_of, record, url_of, variant_key_of
from .acts import DAY, KEY, LONG, URL, long_body, put, read_body, sweep
from .subject import Subject


def in_parts(store: Store) -> tuple[Entry, tuple[bytes, bytes]]:
    """A response in parts, of which two lie by themselves in `store`, and the octets of these."""
    item, first = long_body(store)
    other, second = long_body(store, 2)
    parts = (
        Part(0, LONG, None, item.body_id),
        Part(LONG, LONG + 5, b"small"),
        Part(LONG + 10, LONG + 20, None, other.body_id, 7),
    )
    return replace(item, length=2 * LONG, body_id=None, parts=parts), (first, second)


class Bodies(Subject):
    """What a store promises of bodies."""

    def test_a_body_is_read_in_whole_and_in_part(self) -> None:
        store = self.store()
        item, body = long_body(store)
        assert put(store, KEY, item)
        opened = store.open(item.body_id or "")
        assert opened is not None
        assert b"".join(opened.chunks(0, LONG)) == body
        for span in ((0, 1), (1, 2), (LONG - 1, LONG), (99_999, 300_001), (262_144, 262_145), (5, 5)):
            assert b"".join(opened.chunks(*span)) == body[slice(*span)], span
        assert max(len(chunk) for chunk in opened.chunks(0, LONG)) < LONG
        opened.close()
        opened.close()

    def test_nothing_is_visible_before_it_is_complete(self) -> None:
        store = self.store()
        assert store.append("f" * 32, b"x" * LONG)
        assert store.read(KEY).item is None
        assert list(store.items()) == []

    def test_an_item_whose_body_is_missing_is_refused(self) -> None:
        store = self.store()
        assert not put(store, KEY, entry(URL, None, length=5, body_id="0" * 32))
        assert store.read(KEY)[:2] == (None, 0)
        assert store.open("0" * 32) is None

    def test_a_body_that_was_given_up_is_gone(self) -> None:
        store = self.store()
        item, _ = long_body(store)
        store.discard(item.body_id or "")
        store.discard(item.body_id or "")
        assert not put(store, KEY, item)

    def test_an_item_may_name_several_bodies(self) -> None:
        store = self.store()
        item, octets = in_parts(store)
        assert put(store, KEY, item)
        sweep(store, NOW + 2 * DAY)
        there = store.read(KEY).item
        assert isinstance(there, Entry)
        assert there.parts == item.parts
        for body_id, whole in zip(there.body_ids, octets, strict=True):
            opened = store.open(body_id)
            assert opened is not None
            assert b"".join(opened.chunks(0, LONG)) == whole
            opened.close()

    def test_an_item_of_whose_bodies_one_is_missing_is_refused(self) -> None:
        store = self.store()
        item, _ = in_parts(store)
        store.discard(item.body_ids[1])
        assert not put(store, KEY, item)
        assert store.read(KEY).item is None

    def test_all_bodies_go_with_their_item(self) -> None:
        store = self.store()
        item, _ = in_parts(store)
        assert put(store, KEY, item)
        assert store.purge(Scope(everything=True)) == 1
        for body_id in item.body_ids:
            one = entry(url_of(2), None, length=LONG, body_id=body_id)
            assert not put(store, key_of(url_of(2)), one)

    def test_a_body_that_nobody_named_is_swept(self) -> None:
        store = self.store()
        item, _ = long_body(store)
        kept, _ = long_body(store, 2)
        assert put(store, KEY, kept)
        sweep(store, NOW)
        sweep(store, NOW + 2 * DAY)
        # By another clock it may be young still.
        sweep(store, NOW + 400 * DAY)
        assert not put(store, key_of(url_of(2)), replace(item, url=url_of(2)))
        assert store.stats().bytes < LONG + 50_000

    def test_an_open_body_is_read_to_its_end_whatever_happens(self) -> None:
        store = self.store()
        for number, happens in enumerate(("purge", "replaced", "removed")):
            item, body = long_body(store, number)
            assert put(store, KEY, item)
            opened = store.open(item.body_id or "")
            assert opened is not None
            chunks = iter(opened.chunks(0, LONG))
            seen = next(chunks)
            if happens == "purge":
                store.purge(Scope(urls=(URL,)))
            else:
                assert put(store, KEY, entry(URL) if happens == "replaced" else None)
                store.discard(item.body_id or "")
            assert seen + b"".join(chunks) == body
            opened.close()

    def test_a_body_lives_on_under_a_freshened_head(self) -> None:
        store = self.store()
        item, body = long_body(store)
        assert put(store, KEY, item)
        assert put(store, KEY, replace(item, lifetime=7200.0))
        # A variant that is told apart by other fields now lies elsewhere.
        there = variant_key_of(URL, "en")
        assert put(store, there, replace(item, selecting=(("accept-language", "en"),)))
        assert put(store, KEY, record(URL))
        sweep(store, NOW)
        assert read_body(store, store.read(there).item) == body
