"""What the kit's tests do with a store, again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from ...entries import Entry, Item
from ...stores.contract import Store
from ..samples import is_right, key_of, signed, url_of

R = TypeVar("R")

DAY = 86400.0
URL = url_of(1)
KEY = key_of(URL)
LONG = 600_000
"""Bytes of a body that does not lie beside its head."""
SECRETS = ("Bearer abracadabra", "session=sesame")


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
