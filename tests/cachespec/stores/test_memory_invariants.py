"""Whatever is put into the store in memory, dropped and purged in whatever order: its books are right."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cachespec import Entry, Headers, MemoryStore
from cachespec.entries import Item, Variants
from cachespec.stores.contract import Reading, Scope
from cachespec.stores.memory import _keys, _weight

URLS = [f"https://a.test/{number}" for number in range(4)]
KEYS = [bytes([number]) * 32 for number in range(4)]
BODIES = ["a", "b", "c"]
NOW = 1e9
BOUND = 12_000


class Books(RuleBasedStateMachine):
    """Rules that a store may be driven by, and what holds after each."""

    def __init__(self) -> None:
        super().__init__()
        self.evicted: list[Item] = []
        self.store = MemoryStore(
            max_bytes=BOUND, max_entries=5, max_body=3000, on_evict=lambda item, why: self.evicted.append(item)
        )
        self.readings: list[tuple[bytes, Reading]] = []
        self.purges: list[tuple[int, Scope]] = []
        self.revisions: dict[bytes, set[int]] = {}

    @rule(key=st.sampled_from(KEYS))
    def read(self, key: bytes) -> None:
        self.readings.append((key, self.store.read(key)))

    @rule(
        which=st.integers(0, 20),
        url=st.sampled_from(URLS),
        groups=st.sampled_from([(), ("g",), ("g", "h")]),
        size=st.sampled_from([0, 100, 2000, 20_000]),
        body_id=st.sampled_from([None, *BODIES]),
        kind=st.sampled_from(["entry", "entry", "entry", "variants", "nothing"]),
    )
    def swap(self, which: int, url: str, groups: tuple[str, ...], size: int, body_id: str | None, kind: str) -> None:
        if not self.readings:
            return
        key, reading = self.readings[which % len(self.readings)]
        item: Item | None = None
        if kind == "variants":
            item = Variants(url, b"g", ((),), 1)
        elif kind == "entry":
            item = Entry(url, "GET", (), 200, "", Headers(), NOW, NOW, 0.0, 60.0, "max-age", NOW, groups=groups)
            item = replace(item, body=None if body_id else b"x" * size, body_id=body_id, length=size)
        before = self.store.read(key)
        swapped = self.store.swap(key, item, reading.revision, reading.mark)
        after = self.store.read(key)
        if swapped:
            # Compare and set.
            assert before.revision == reading.revision
            assert after.item is item
            if item is not None:
                # A purge beats what began before it, and a revision is never used twice.
                assert not any(mark > reading.mark and scope.hits(item) for mark, scope in self.purges)
                assert after.revision not in self.revisions.setdefault(key, set())
                self.revisions[key].add(after.revision)
        else:
            assert after.item is None or after.item is before.item

    @rule(body_id=st.sampled_from(BODIES), size=st.sampled_from([0, 1, 1000, 2500]))
    def append(self, body_id: str, size: int) -> None:
        if not self.store.append(body_id, b"x" * size):
            self.store.discard(body_id)

    @rule(body_id=st.sampled_from(BODIES))
    def discard(self, body_id: str) -> None:
        self.store.discard(body_id)
        assert self.store.open(body_id) is None

    @rule(
        scope=st.builds(
            Scope,
            urls=st.sampled_from([(), (URLS[0],), (URLS[1], URLS[2])]),
            groups=st.sampled_from([(), (("", "g"),), (("https://a.test:443", "h"),), (("https://b.test:443", "g"),)]),
            prefix=st.sampled_from([None, None, "https://a.test/1", "https://"]),
            everything=st.sampled_from([False, False, False, True]),
            stale_at=st.sampled_from([None, None, NOW + 5]),
        )
    )
    def purge(self, scope: Scope) -> None:
        hit = [item for _, item in self.store.items() if isinstance(item, Entry) and scope.hits(item)]
        assert self.store.purge(scope) == len(hit)
        self.purges.append((self.store.read(KEYS[0]).mark, scope))
        for item in [item for _, item in self.store.items() if scope.hits(item)]:
            assert scope.stale_at is not None
            assert isinstance(item, Variants) or item.lifetime <= item.age(scope.stale_at)

    @rule(days=st.sampled_from([0, 1, 40]))
    def sweep(self, days: int) -> None:
        self.store.sweep(NOW + days * 86400)
        if days == 40:
            assert not any(isinstance(item, Entry) for _, item in self.store.items())

    @invariant()
    def the_bytes_are_counted(self) -> None:
        items = sum(_weight(item) for _, item in self.store.items())
        bodies = sum(body.size for body in self.store._bodies.values())
        assert self.store.bytes == items + bodies
        assert self.store.bytes <= BOUND + 3000
        assert len(self.store) <= 5

    @invariant()
    def the_indexes_hold_what_is_there(self) -> None:
        by_url: dict[str, set[bytes]] = {}
        by_group: dict[str, set[bytes]] = {}
        for key, item in self.store.items():
            by_url.setdefault(item.url, set()).add(key)
            for group in item.groups if isinstance(item, Entry) else ():
                by_group.setdefault(group, set()).add(key)
        for index, expected in ((self.store._by_url, by_url), (self.store._by_group, by_group)):
            assert {name: _keys(index, name) for name in index} == expected

    @invariant()
    def the_queue_holds_what_is_there(self) -> None:
        forwards, backwards = [], []
        node = self.store._queue._oldest
        while node is not None:
            forwards.append(node.key)
            node = node.newer
        node = self.store._queue._newest
        while node is not None:
            backwards.append(node.key)
            node = node.older
        assert forwards == backwards[::-1]
        assert set(forwards) == set(self.store._nodes)
        assert len(forwards) == len(self.store._nodes)
        assert self.store._queue._hand is None or self.store._queue._hand.key in self.store._nodes


Books.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestBooks = Books.TestCase
