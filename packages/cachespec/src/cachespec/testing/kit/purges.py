"""Purges: of a URL, a group, a prefix, everything; they beat what began before them."""

from __future__ import annotations

from dataclasses import replace

from ...entries import Entry
from ...stores.contract import Scope
from ...stores.purges import REMEMBERED
from ..samples import NOW, entry, key_of, record, url_of, variant, variant_key_of
from .acts import DAY, KEY, URL, long_body, put, read_body, sweep
from .subject import Subject


class Purges(Subject):
    """What a store promises of purges."""

    def test_a_url_is_purged_with_all_its_variants(self) -> None:
        store = self.store()
        other = url_of(10)  # begins with the same characters
        for key, item in (
            (KEY, record(URL, ("en", "fr"))),
            (variant_key_of(URL, "en"), variant(URL, "en")),
            (variant_key_of(URL, "fr"), variant(URL, "fr")),
            (key_of(URL, "shared:"), entry(URL)),
            (key_of(other), entry(other)),
        ):
            assert put(store, key, item)
        assert store.purge(Scope(urls=(URL, url_of(99)))) == 3
        assert [item.url for _, item in store.items()] == [other]
        assert store.purge(Scope(urls=(URL,))) == 0

    def test_a_group_is_purged_within_its_origin_or_everywhere(self) -> None:
        store = self.store()
        one, two, three = url_of(1, "a.test"), url_of(2, "b.test"), url_of(3, "a.test")
        for url, groups in ((one, ("news", "sport")), (two, ("news",)), (three, ("weather",))):
            assert put(store, key_of(url), entry(url, groups=groups))
        assert store.purge(Scope(groups=(("https://b.test:443", "sport"),))) == 0
        assert store.purge(Scope(groups=(("https://a.test:443", "news"),))) == 1
        assert store.purge(Scope(groups=(("", "news"), ("", "nothing")))) == 1
        assert [item.url for _, item in store.items()] == [three]

    def test_groups_follow_what_is_stored(self) -> None:
        store = self.store()
        assert put(store, KEY, entry(URL, groups=("old",)))
        assert put(store, KEY, entry(URL, groups=("new",)))
        assert store.purge(Scope(groups=(("", "old"),))) == 0
        assert put(store, KEY, entry(URL))
        assert store.purge(Scope(groups=(("", "new"),))) == 0
        assert put(store, KEY, entry(URL, groups=("new",)))
        assert store.purge(Scope(groups=(("", "new"),))) == 1

    def test_a_prefix_is_purged(self) -> None:
        store = self.store()
        long = "https://sample.test/" + "long/" * 200
        urls = (url_of(1), url_of(2), "https://sample.test/thin", long + "1", long + "2", "https://sample.test/%25_")
        for url in urls:
            assert put(store, key_of(url), entry(url))
        assert store.purge(Scope(prefix="https://sample.test/things/")) == 2
        assert store.purge(Scope(prefix=long + "1")) == 1
        assert store.purge(Scope(prefix="https://sample.test/%")) == 1
        assert store.purge(Scope(prefix="https://sample.test/_")) == 0
        assert sorted(item.url for _, item in store.items()) == sorted((long + "2", "https://sample.test/thin"))

    def test_everything_is_purged(self) -> None:
        store = self.store()
        assert put(store, KEY, record(URL))
        assert put(store, variant_key_of(URL, "en"), variant(URL, "en"))
        assert put(store, key_of(url_of(2)), entry(url_of(2), groups=("a",)))
        assert store.purge(Scope(everything=True)) == 2
        assert list(store.items()) == []
        assert store.read(KEY)[:2] == (None, 0)

    def test_a_soft_purge_leaves_what_it_hits_stale(self) -> None:
        store = self.store()
        item, body = long_body(store)
        assert put(store, KEY, item)
        assert put(store, key_of(url_of(2)), record(url_of(2)))
        before = store.read(KEY).revision
        assert store.purge(Scope(prefix="https://sample.test/", stale_at=NOW + 60)) == 1
        kept, revision, _ = store.read(KEY)
        assert isinstance(kept, Entry)
        assert kept == item.expired(NOW + 60)
        assert kept.lifetime <= kept.age(NOW + 60)
        assert revision not in (0, before)
        assert read_body(store, kept) == body
        assert store.read(key_of(url_of(2))).item is not None

    def test_a_purge_beats_what_began_before_it(self) -> None:
        for number, scope in enumerate(
            (
                Scope(urls=(URL,)),
                Scope(groups=(("", "news"),)),
                Scope(groups=(("https://sample.test:443", "news"),)),
                Scope(prefix="https://sample.test/things"),
                Scope(everything=True),
                Scope(urls=(URL,), stale_at=NOW),
            )
        ):
            store = self.store()
            item = entry(URL, groups=("news",))
            before = store.read(KEY).mark
            other = Scope(urls=(url_of(7),), groups=(("https://other.test:443", "news"),), prefix="https://other.test/")
            store.purge(other)
            assert store.swap(KEY, item, 0, before), f"{number}: only what a purge applies to is refused"
            assert put(store, KEY, None)
            store.purge(scope)
            assert not store.swap(KEY, item, 0, before), f"{number}: {scope}"
            assert store.read(KEY).item is None
            assert store.swap(KEY, item, 0, store.read(KEY).mark), f"{number}: what begins after it is stored"

    def test_a_purge_is_remembered_or_what_began_before_it_is_refused(self) -> None:
        store = self.store()
        before = store.read(KEY).mark
        store.purge(Scope(urls=(URL,)))
        for number in range(REMEMBERED + 1):
            store.purge(Scope(urls=(url_of(1000 + number),)))
        assert not store.swap(KEY, entry(URL), 0, before)
        assert put(store, KEY, entry(URL))

    def test_a_purged_body_is_swept(self) -> None:
        store = self.store()
        for number in range(3):
            item, _ = long_body(store, number)
            assert put(store, key_of(url_of(number)), replace(item, url=url_of(number)))
        store.purge(Scope(everything=True))
        sweep(store, NOW + 400 * DAY)
        assert store.stats()[:2] == (0, 0)
