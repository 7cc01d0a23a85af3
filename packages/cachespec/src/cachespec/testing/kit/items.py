"""Items: read as they were stored, replaced by whoever saw what is there."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ...entries import Entry, Item
from ..samples import entry, key_of, record, url_of, variant, variant_key_of
from .acts import KEY, URL, at_once, body_at, put
from .subject import Subject


class Items(Subject):
    """What a store promises of items."""

    def test_nothing_lies_under_a_new_key(self) -> None:
        item, revision, mark = self.store().read(KEY)
        assert (item, revision) == (None, 0)
        assert mark >= 0

    def test_a_response_is_read_as_it_was_stored(self) -> None:
        store = self.store()
        plain = entry(URL, bytes(range(256)) * 10)
        rich = entry(
            url_of(2),
            validate=True,
            never_stale=True,
            no_max_stale=True,
            immutable=True,
            explicit=True,
            while_revalidate=10,
            if_error=20,
            kept=30,
            last_modified="Fri, 15 Jan 2027 08:00:00 GMT",
            groups=("news", 'odd "name"\n'),
            withheld=(("Cachespec-Cache-Control", "max-age=1"),),
            selecting=(("accept", None), ("accept-language", ""), ("x", "=\r\n%0A\0")),
        )
        empty = entry(url_of(3), b"", reason="", etag=None, source="none", lifetime=0.0, status=404)
        for item in (plain, rich, empty):
            assert store.swap(key_of(item.url), item, 0, store.read(KEY).mark)
        for item in (plain, rich, empty):
            found = store.read(key_of(item.url))
            assert found.item == item
            assert isinstance(found.item, Entry)
            assert found.item.headers.lines == item.headers.lines
            assert found.revision != 0

    def test_a_record_of_variants_is_read_as_it_was_stored(self) -> None:
        store = self.store()
        wanted = replace(record(URL, ("en", "fr")), names=((), ("accept", "accept-language")))
        assert put(store, KEY, wanted)
        assert store.read(KEY).item == wanted

    def test_swap_needs_the_revision_that_is_there(self) -> None:
        store = self.store()
        mark = store.read(KEY).mark
        assert not store.swap(KEY, entry(URL), 1, mark)
        assert store.swap(KEY, entry(URL, b"one"), 0, mark)
        first = store.read(KEY).revision
        assert not store.swap(KEY, entry(URL, b"two"), 0, mark)
        assert not store.swap(KEY, entry(URL, b"two"), first + 1, mark)
        assert body_at(store, KEY) == b"one"
        assert store.swap(KEY, entry(URL, b"two"), first, mark)
        assert body_at(store, KEY) == b"two"
        assert not store.swap(KEY, entry(URL, b"three"), first, mark)
        assert body_at(store, KEY) == b"two"

    def test_an_item_is_removed_by_its_revision(self) -> None:
        store = self.store()
        assert put(store, KEY, entry(URL))
        _, revision, mark = store.read(KEY)
        assert not store.swap(KEY, None, revision + 1, mark)
        assert store.read(KEY).item is not None
        assert store.swap(KEY, None, revision, mark)
        assert store.read(KEY)[:2] == (None, 0)
        assert store.swap(KEY, None, 0, mark)

    def test_a_revision_is_not_used_twice(self) -> None:
        store = self.store()
        seen: list[int] = []
        for _ in range(5):
            assert put(store, KEY, entry(URL))
            seen.append(store.read(KEY).revision)
            assert put(store, KEY, entry(URL))
            seen.append(store.read(KEY).revision)
            assert put(store, KEY, None)
        assert len(set(seen)) == 10

    def test_of_two_that_saw_the_same_one_wins(self) -> None:
        store = self.store()
        for attempt in range(10):
            there = store.read(KEY)
            won = at_once(
                [
                    partial(store.swap, KEY, entry(URL, b"%d" % n), there.revision, there.mark)
                    for n in range(self.threads)
                ]
            )
            assert sum(won) == 1, f"attempt {attempt}"
            assert body_at(store, KEY) == b"%d" % won.index(True)

    def test_keys_of_one_url_do_not_meet(self) -> None:
        store = self.store()
        other = key_of(URL, "shared:")
        assert put(store, KEY, entry(URL, b"private"))
        assert put(store, other, entry(URL, b"shared"))
        assert (body_at(store, KEY), body_at(store, other)) == (b"private", b"shared")

    def test_everything_is_listed(self) -> None:
        store = self.store()
        wanted: dict[bytes, Item] = {key_of(url_of(n)): entry(url_of(n), b"%d" % n) for n in range(30)}
        wanted[KEY] = record(URL)
        wanted[variant_key_of(URL, "en")] = variant(URL, "en")
        for key, item in wanted.items():
            assert put(store, key, item)
        assert dict(store.items()) == wanted
