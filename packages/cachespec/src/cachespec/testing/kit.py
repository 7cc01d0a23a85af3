"""The kit that every store must pass: the promises of `cachespec.stores.contract`, one test each.

    class TestMyStore(StoreKit):
        def make(self):
            return MyStore()

is all that pytest needs.  What a store can do beyond the contract's minimum is tested where the class says how:
`again`, `bounded`, `damage`, `damage_body`, `octets` and `address`.  A test whose hook is missing is skipped.
"""

from __future__ import annotations

import asyncio
import threading
import unittest
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, TypeVar

from .. import codec
from ..content import AsyncContent
from ..drive_async import AsyncCache
from ..drive_sync import Cache
from ..entries import Entry, Item
from ..keys import keyed_digest
from ..messages import Request
from ..stores.contract import Leasing, Scope, Store
from ..stores.purges import REMEMBERED
from . import crowd
from .blocking import Blocking
from .live import AsyncLive, Live
from .samples import NOW, body_of, entry, is_right, key_of, record, signed, url_of, variant, variant_key_of

R = TypeVar("R")

DAY = 86400.0
URL = url_of(1)
KEY = key_of(URL)
LONG = 600_000
"""Bytes of a body that does not lie beside its head."""
SECRETS = ("Bearer abracadabra", "session=sesame")


class StoreKit:
    """Tests of one store.  Subclass it in a test module, and say how to make the store."""

    threads: ClassVar[int] = 8
    seconds: ClassVar[float] = 0.5
    """How long each of the tests with many at once lasts."""

    # --- what a store's author says

    def make(self) -> Any:
        """A new, empty store."""
        raise NotImplementedError

    def again(self) -> Any:
        """A second store on what the last one made has, as another process or the next run would have it."""
        return None

    def bounded(self, items: int) -> Any:
        """A new store with room for about so many items."""
        return None

    def damage(self, key: bytes) -> bool:
        """Spoil what lies under `key` where it is at rest; False if that cannot be done."""
        return False

    def damage_body(self, body_id: str) -> bool:
        """Spoil the last octets of a body where it is at rest; False if that cannot be done."""
        return False

    def octets(self) -> bytes | None:
        """Everything that the last store made has at rest."""
        return None

    @property
    def address(self) -> str | None:
        """Where other processes find the last store made: a URL for `open_store`, or ``module:function``."""
        return None

    # --- what the kit does around each test

    def setup_method(self) -> None:
        """Nothing is open yet."""
        self._opened: list[Store] = []

    def teardown_method(self) -> None:
        """Close what was opened."""
        for store in reversed(self._opened):
            store.close()

    def opened(self, store: Any) -> Store:
        """`store` in synchronous form, to be closed after the test."""
        self._opened.append(store)
        made: Store = store
        return made

    def store(self) -> Store:
        """A new store."""
        return self.opened(self.make())

    def second(self) -> Store:
        """A second one on the same data."""
        made = self.again()
        if made is None:
            raise unittest.SkipTest("again: no second store on the same data")
        return self.opened(made)

    # --- items

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

    # --- bodies

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

    # --- purges

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

    # --- room

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

    # --- secrets, damage, the end

    def test_the_secret_is_one_and_random(self) -> None:
        store = self.store()
        secret = store.secret()
        assert len(secret) >= 32
        assert store.secret() == secret
        assert self.opened(self.make()).secret() != secret or self.again() is not None

    def test_no_request_field_is_at_rest(self) -> None:
        store = self.store()
        cache: Cache = Cache(store, clock=lambda: NOW)
        live = Live(b"x" * LONG, Vary="Cookie")
        for authorization, cookie in (SECRETS, ("Basic dGVzdA==", "other=1")):
            headers = {"Authorization": authorization, "Cookie": cookie}
            answer = cache.fetch(Request("GET", URL, headers), live.answering)
            assert b"".join(answer.content) == live.body
            assert answer.info.stored
        at_rest = b"".join(codec.encode(item) for _, item in store.items()) + (self.octets() or b"")
        assert keyed_digest(store.secret(), SECRETS[1]).encode() in at_rest
        for value in ("abracadabra", "sesame", "dGVzdA"):
            assert value.encode() not in at_rest

    def test_a_damaged_item_is_not_there_and_can_be_replaced(self) -> None:
        store = self.store()
        assert put(store, KEY, entry(URL, b"x" * 1000))
        if not self.damage(KEY):
            raise unittest.SkipTest("damage: cannot be done")
        assert store.read(KEY).item is None
        assert KEY not in dict(store.items())
        store.sweep(NOW)
        assert put(store, KEY, entry(URL, b"new"))
        assert body_at(store, KEY) == b"new"

    def test_a_damaged_body_is_not_handed_out(self) -> None:
        store = self.store()
        item, body = long_body(store)
        assert put(store, KEY, item)
        if not self.damage_body(item.body_id or ""):
            raise unittest.SkipTest("damage_body: cannot be done")
        opened = store.open(item.body_id or "")
        assert opened is not None
        read: list[bytes] = []
        assert raises(lambda: read.extend(opened.chunks(0, LONG)))
        opened.close()
        assert body.startswith(b"".join(read))

    def test_a_closed_store_raises(self) -> None:
        store = self.make()
        opened = self.opened(store)
        opened.read(KEY)
        opened.close()
        opened.close()
        assert raises(partial(opened.read, KEY))
        assert raises(partial(opened.swap, KEY, entry(URL), 0, 0))

    # --- under a cache

    def test_a_cache_stores_and_answers_from_it(self) -> None:
        served = self._conversation(self.store())
        assert served == ["miss", "hit", "miss", "hit", "revalidated", "miss", "miss", "hit", "hit", "miss"]

    def _conversation(self, store: Any) -> list[str]:
        """What a cache over `store` did for ten requests."""
        now = [NOW]
        cache = Cache(store, clock=lambda: now[0])

        def ask(url: str, live: Live, **fields: str) -> str:
            answer = cache.fetch(Request("GET", url, fields), live.answering)
            assert b"".join(answer.content) == live.body
            answer.content.close()
            return answer.info.status

        small, large = Live(b"small"), Live(b"x" * LONG)
        did = [ask(URL, small), ask(URL, small), ask(url_of(2), large), ask(url_of(2), large)]
        now[0] += 7200
        did.append(ask(url_of(2), large))
        english, french = Live(b"hello", Vary="Accept-Language"), Live(b"bonjour", Vary="Accept-Language")
        for language, live in (("en", english), ("fr", french), ("en", english), ("fr", french)):
            did.append(ask(url_of(3), live, **{"Accept-Language": language}))
        cache.purge(url=url_of(3))
        did.append(ask(url_of(3), english, **{"Accept-Language": "en"}))
        return did

    def test_tasks_share_it(self) -> None:
        made = self.make()
        asyncio.run(self._tasks(made))

    async def _tasks(self, made: Any) -> None:
        cache = AsyncCache(made)

        async def one(number: int) -> str:
            url = url_of(number % 5)
            body = body_of(number % 5, 1000 if number % 2 else LONG)

            async def send(request: Request) -> AsyncLive:
                await asyncio.sleep(0)
                return AsyncLive(body).answering(request)

            answer = await cache.fetch(Request("GET", url), send)
            content: AsyncContent = answer.content
            read = b"".join([chunk async for chunk in content])
            await content.aclose()
            assert read in (body_of(number % 5, 1000), body_of(number % 5, LONG))
            if number % 17 == 0:
                await cache.purge(url=url)
            return answer.info.status

        did = Counter(await asyncio.gather(*[one(number) for number in range(100)]))
        assert did["hit"] > 50
        assert cache.shelter.failures == 0
        await cache.aclose()
        closing = made.close()
        if closing is not None:
            await closing

    # --- many at once

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


class AsyncStoreKit(StoreKit):
    """The same tests for a store that is made for an event loop; `make` and `again` return it as it is."""

    def setup_method(self) -> None:
        """Start the loop in which the store is used."""
        super().setup_method()
        self.loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def teardown_method(self) -> None:
        """Close what was opened, and the loop."""
        super().teardown_method()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def opened(self, store: Any) -> Store:
        """`store` in synchronous form, to be closed after the test."""
        return super().opened(store if isinstance(store, Blocking) else Blocking(store, self.loop))


def raises(call: Callable[[], object]) -> bool:
    """Whether `call` raises; what, is the store's business."""
    try:
        call()
    except Exception:  # noqa: BLE001 - see above
        return True
    return False


def put(store: Store, key: bytes, item: Item | None) -> bool:
    """Put `item` in the place of what is there now."""
    there = store.read(key)
    return store.swap(key, item, there.revision, there.mark)


def long_body(store: Store, seed: int = 1) -> tuple[Entry, bytes]:
    """Append a long body in pieces of odd sizes, and make the entry that names it."""
    item, body = signed(seed, LONG, URL)
    body_id = f"{seed:032x}"
    for start, stop in ((0, 262_144), (262_144, 262_145), (262_145, 300_000), (300_000, LONG)):
        assert store.append(body_id, body[start:stop])
    return replace(item, body_id=body_id), body


def read_body(store: Store, item: Item | None) -> bytes:
    """The body that `item` names; AssertionError if it is not there, or wrong."""
    assert isinstance(item, Entry)
    opened = store.open(item.body_id or "")
    assert opened is not None
    body = b"".join(opened.chunks(0, item.length))
    opened.close()
    assert is_right(item, body)
    return body


def body_at(store: Store, key: bytes) -> bytes | None:
    """The small body that lies under `key`."""
    item = store.read(key).item
    return item.body if isinstance(item, Entry) else None


def sweep(store: Store, now: float) -> int:
    """Sweep until nothing is left to do."""
    return sum(iter(lambda: store.sweep(now), 0))


def at_once(calls: Iterable[Callable[[], R]]) -> list[R]:
    """The results of calls that are made in threads at the same time."""
    calls = list(calls)
    barrier = threading.Barrier(len(calls))
    results: dict[int, R] = {}

    def run(number: int, call: Callable[[], R]) -> None:
        barrier.wait()
        results[number] = call()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[number] for number in range(len(calls))]
