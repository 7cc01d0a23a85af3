"""The kit itself: that it runs for a store on an event loop, says what it skips, and finds what is wrong."""

from __future__ import annotations

import json
import unittest
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cachespec import FileStore, MemoryStore
from cachespec.entries import Item
from cachespec.stores.contract import AsyncBody, Body, Reading, Scope, Stats
from cachespec.testing import AsyncStoreKit, StoreKit, crowd, samples
from cachespec.testing.kit import KEY, LONG, URL, long_body, put


class AsyncBodyOf:
    def __init__(self, body: Body) -> None:
        self.body = body

    async def chunks(self, start: int, stop: int) -> AsyncIterator[bytes]:
        for chunk in self.body.chunks(start, stop):
            yield chunk

    async def close(self) -> None:
        self.body.close()


class AsyncOf:
    """A store in the form that an event loop wants, as a third party would write it."""

    def __init__(self, store: FileStore) -> None:
        self.store = store

    async def secret(self) -> bytes:
        return self.store.secret()

    async def read(self, key: bytes) -> Reading:
        return self.store.read(key)

    async def swap(self, key: bytes, item: Item | None, revision: int, mark: int) -> bool:
        return self.store.swap(key, item, revision, mark)

    async def append(self, body_id: str, chunk: bytes) -> bool:
        return self.store.append(body_id, chunk)

    async def open(self, body_id: str) -> AsyncBody | None:
        body = self.store.open(body_id)
        return None if body is None else AsyncBodyOf(body)

    async def discard(self, body_id: str) -> None:
        self.store.discard(body_id)

    async def purge(self, scope: Scope) -> int:
        return self.store.purge(scope)

    async def items(self) -> AsyncIterator[tuple[bytes, Item]]:
        for each in self.store.items():
            yield each

    async def sweep(self, now: float, limit: int = 1000) -> int:
        return self.store.sweep(now, limit)

    async def stats(self) -> Stats:
        return self.store.stats()

    async def close(self) -> None:
        self.store.close()

    async def lease(self, slot: bytes, owner: bytes, seconds: float) -> bool:
        return self.store.lease(slot, owner, seconds)

    async def release(self, slot: bytes, owner: bytes) -> None:
        self.store.release(slot, owner)


class TestAsyncStore(AsyncStoreKit):
    seconds = 0.2
    threads = 4

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.tmp_path = tmp_path
        self.made = 0

    def make(self) -> AsyncOf:
        self.made += 1
        return self.again()

    def again(self) -> AsyncOf:
        return AsyncOf(FileStore(self.tmp_path / str(self.made)))

    def bounded(self, items: int) -> AsyncOf:
        self.made += 1
        return AsyncOf(FileStore(self.tmp_path / str(self.made), max_entries=items))


class Bare(StoreKit):
    """As little as a store's author can say."""

    def make(self) -> MemoryStore:
        return MemoryStore()


@pytest.mark.parametrize(
    "name",
    [
        "test_there_is_no_more_than_there_may_be",
        "test_what_is_asked_for_again_stays",
        "test_a_damaged_item_is_not_there_and_can_be_replaced",
        "test_a_damaged_body_is_not_handed_out",
        "test_processes_share_it",
        "test_what_one_stores_the_other_reads",
        "test_a_lease_has_one_owner_at_a_time",
    ],
)
def test_what_a_store_does_not_offer_is_skipped_with_its_reason(name: str) -> None:
    kit = Bare()
    kit.setup_method()
    with pytest.raises(unittest.SkipTest, match=r"^[a-z_]+: "):
        getattr(kit, name)()
    kit.teardown_method()


def test_how_to_make_the_store_has_to_be_said() -> None:
    with pytest.raises(NotImplementedError):
        StoreKit().make()


class Forgetful(MemoryStore):
    """It takes anything, and shows bodies before they are complete."""

    def swap(self, key: bytes, item: Item | None, revision: int, mark: int) -> bool:
        there = super().read(key)
        return super().swap(key, item, there.revision, there.mark)

    def read(self, key: bytes) -> Reading:
        return super().read(key) if not self._closed else Reading(None, 0, 0)


class Torn(MemoryStore):
    """Its bodies lack an octet."""

    def append(self, body_id: str, chunk: bytes) -> bool:
        return super().append(body_id, chunk[:-1])


@pytest.mark.parametrize(
    ("store", "name"),
    [
        (Forgetful, "test_swap_needs_the_revision_that_is_there"),
        (Forgetful, "test_a_purge_beats_what_began_before_it"),
        (Forgetful, "test_a_closed_store_raises"),
        (Torn, "test_a_body_is_read_in_whole_and_in_part"),
        (Torn, "test_threads_share_it"),
    ],
)
def test_a_store_that_breaks_a_promise_is_found_out(store: type[MemoryStore], name: str) -> None:
    class Kit(StoreKit):
        def make(self) -> MemoryStore:
            return store()

    kit = Kit()
    kit.setup_method()
    with pytest.raises(AssertionError):
        getattr(kit, name)()


# --- the crowd


def test_a_member_of_the_crowd_tells_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crowd.main([tmp_path.as_uri(), "7", "0"])
    did = json.loads(capsys.readouterr().out)
    assert did["wrong"] == did["raised"] == 0
    assert sum(did.values()) >= crowd.LEAST


def test_a_store_is_found_by_the_function_that_makes_it() -> None:
    assert isinstance(crowd.open_at("cachespec:MemoryStore"), MemoryStore)


def test_a_process_that_fails_counts() -> None:
    assert crowd.processes("cachespec:no_such_store", 1, 0)["raised"] == 1


class Broken(MemoryStore):
    def read(self, key: bytes) -> Reading:
        raise OSError("scripted")


def test_what_is_raised_is_counted_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    did = crowd.work(Broken(), 1, 0.0)
    assert did["raised"] > 0
    assert "scripted" in capsys.readouterr().err


def test_a_body_that_is_gone_is_a_miss_and_another_one_is_wrong() -> None:
    store: Any = MemoryStore()
    item, _ = long_body(store)
    assert put(store, KEY, item)
    assert crowd.get(store, URL) is True
    store.discard(item.body_id)
    assert crowd.get(store, URL) is None
    assert store.append(item.body_id, b"x" * LONG)
    assert crowd.get(store, URL) is False
    assert crowd.get(store, samples.url_of(5)) is None
