from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachespec import Cache, CacheInfo, Entry, Headers, MemoryStore, Policy, Recording
from cachespec.keys import primary_key
from cachespec.record import INLINE, PIECE
from cachespec.steps import Plan

URL = "https://example.com/a"
NOW = 1_000_000_000.0
KEY = primary_key(URL, "private:")


class Bench:
    """A recording, and the store it goes into."""

    def __init__(self, declared: int | None = None, *, status: int = 200, store: Any = None, **options: Any) -> None:
        self.store = MemoryStore() if store is None else store
        self.cache = Cache(self.store)
        self.info = CacheInfo()
        entry = Entry(URL, "GET", (), status, "", Headers(), NOW, NOW, 5.0, 60.0, "max-age", NOW, created=NOW)
        plan = Plan(entry, KEY, self.store.read(KEY), (), declared)
        self.recording = Recording(plan, Policy(**options), self.info)

    def take(self, *chunks: bytes) -> list[bool]:
        """What `take` said of each; it is flushed where it says so."""
        said = []
        for chunk in chunks:
            said.append(self.recording.take(chunk))
            if said[-1]:
                self.cache.run(self.recording.flush())
        return said

    def commit(self) -> bool:
        return self.cache.run(self.recording.commit())

    def abort(self) -> None:
        self.cache.run(self.recording.abort())

    @property
    def stored(self) -> bytes | None:
        """The body that is stored."""
        entry = self.store.read(KEY).item
        if entry is None:
            return None
        body = entry.body if entry.body_id is None else b"".join(self.store.open(entry.body_id).chunks(0, entry.length))
        assert len(body) == entry.length
        return bytes(body)


def test_a_small_body_lies_beside_its_head() -> None:
    bench = Bench(7)
    assert bench.take(b"con", b"tent") == [False, False]
    assert bench.recording.complete
    assert bench.commit()
    entry = bench.store.read(KEY).item
    assert (entry.body, entry.body_id, entry.length) == (b"content", None, 7)
    assert bench.info.stored
    assert (bench.info.created_at, bench.info.lifetime, bench.info.expires_at) == (NOW, 60, NOW + 55)


@pytest.mark.parametrize("size", [INLINE, INLINE + 1, PIECE, 3 * PIECE + 7])
def test_a_larger_one_lies_by_itself(size: int) -> None:
    bench = Bench(size)
    body = bytes(range(256)) * (size // 256 + 1)
    bench.take(*[body[at : at + 10_000] for at in range(0, size, 10_000)][:-1])
    bench.take(body[(size - 1) // 10_000 * 10_000 : size])
    assert bench.commit()
    assert bench.stored == body[:size]
    assert (bench.store.read(KEY).item.body_id is None) is (size <= INLINE)


def test_it_is_passed_on_in_pieces() -> None:
    bench = Bench()
    assert bench.take(b"x" * (PIECE - 1), b"x", b"x", b"x" * PIECE) == [False, True, False, True]
    assert bench.store.bytes == 2 * PIECE + 1


@pytest.mark.requirement("9111-3.3-03", "9112-8-01")
def test_nothing_is_visible_before_it_is_complete() -> None:
    bench = Bench(3 * PIECE)
    bench.take(b"x" * PIECE, b"x" * PIECE)
    assert len(bench.store) == 0
    assert not bench.recording.complete
    assert bench.recording.going


@pytest.mark.requirement("9112-8-01", "9110-8.6-01")
@pytest.mark.parametrize("size", [0, 1, 6, INLINE, PIECE])
def test_fewer_bytes_than_announced_are_not_stored(size: int) -> None:
    bench = Bench(size + 1)
    bench.take(b"x" * size)
    assert not bench.commit()
    assert (bench.stored, bench.store.bytes, bench.info.stored) == (None, 0, False)


@pytest.mark.requirement("9112-8-01", "9110-8.6-01")
@pytest.mark.parametrize("size", [0, 6, INLINE, PIECE])
def test_more_bytes_than_announced_are_not_stored(size: int) -> None:
    bench = Bench(size)
    bench.take(b"x" * size)
    assert bench.recording.complete
    bench.take(b"x")
    assert not bench.recording.going
    assert not bench.recording.complete
    assert not bench.commit()
    assert (bench.stored, bench.store.bytes) == (None, 0)


def test_more_bytes_than_allowed_are_not_stored() -> None:
    bench = Bench(max_body=2 * PIECE)
    assert bench.take(b"x" * PIECE, b"x" * PIECE, b"x") == [True, True, True]
    assert not bench.recording.going
    assert not bench.commit()
    assert bench.store.bytes == 0
    bench = Bench(max_body=5)
    assert bench.take(b"123456") == [False]
    assert not bench.recording.going


def test_just_as_many_as_allowed_are_stored() -> None:
    bench = Bench(max_body=5)
    bench.take(b"12345")
    assert bench.commit()
    assert bench.stored == b"12345"


@pytest.mark.parametrize(("status", "length"), [(200, "7"), (404, "7"), (204, None), (205, None)])
def test_where_no_length_was_announced_it_is_added(status: int, length: str | None) -> None:
    bench = Bench(status=status)
    bench.take(b"content")
    assert not bench.recording.complete
    assert bench.commit()
    assert bench.store.read(KEY).item.headers.get("content-length") == length


def test_it_ends_once() -> None:
    bench = Bench()
    bench.take(b"x" * (INLINE + 1))
    assert bench.commit()
    assert not bench.commit()
    bench.abort()
    assert bench.stored == b"x" * (INLINE + 1)


@pytest.mark.parametrize("size", [7, PIECE])
def test_what_is_given_up_leaves_nothing(size: int) -> None:
    bench = Bench()
    bench.take(b"x" * size)
    bench.abort()
    bench.abort()
    assert not bench.commit()
    assert (bench.stored, bench.store.bytes) == (None, 0)


def test_a_store_without_room_ends_it() -> None:
    bench = Bench(store=MemoryStore(max_body=PIECE))
    assert bench.take(b"x" * PIECE, b"x" * PIECE) == [True, True]
    assert not bench.recording.going
    assert not bench.commit()
    assert bench.store.bytes == 0
    bench = Bench(store=MemoryStore(max_body=PIECE))
    bench.take(b"x" * PIECE, b"x")
    assert not bench.commit()
    assert bench.store.bytes == 0


@pytest.mark.parametrize("size", [7, PIECE])
def test_what_comes_too_late_leaves_nothing(size: int) -> None:
    bench = Bench()
    quick = Bench(store=bench.store)
    bench.take(b"x" * size)
    quick.take(b"quick")
    assert quick.commit()
    assert not bench.commit()
    assert not bench.info.stored
    assert bench.stored == b"quick"
    assert bench.store.bytes < 3000


def test_a_filter_sees_all_of_it() -> None:
    seen = []

    def wanted(content: bytes) -> bool:
        seen.append(content)
        return content.endswith(b"!")

    for end, stored in ((b"!", True), (b"?", False)):
        bench = Bench()
        bench.recording._plan.wanted = wanted
        assert bench.take(b"x" * PIECE, end) == [False, False]
        assert bench.commit() is stored
        assert seen.pop() == b"x" * PIECE + end
        assert [verdict.code for verdict in bench.info.verdicts] == ([] if stored else ["unwanted"])


@given(st.lists(st.integers(0, 3 * PIECE), max_size=6), st.booleans())
def test_whatever_the_chunks_what_is_stored_is_what_came(sizes: list[int], announced: bool) -> None:
    chunks = [bytes([number]) * size for number, size in enumerate(sizes)]
    body = b"".join(chunks)
    bench = Bench(len(body) if announced else None)
    bench.take(*chunks)
    assert bench.commit()
    assert bench.stored == body
