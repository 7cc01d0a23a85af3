"""A disk that is full: a small file system of its own, where the machine lets us make one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from cachespec import Cache, Request, open_store
from cachespec.stores.contract import Scope
from cachespec.testing import samples
from cachespec.testing.kit import DAY, sweep
from cachespec.testing.live import Live
from cachespec.testing.samples import NOW


def ask(cache: Cache, number: int, size: int) -> str:
    body = samples.body_of(number, size)
    answer = cache.fetch(Request("GET", samples.url_of(number)), Live(body).answering)
    assert b"".join(answer.content) == body
    answer.content.close()
    return answer.info.status


def fill(cache: Cache) -> None:
    for number in range(60):
        ask(cache, number, 50_000)
        ask(cache, 100 + number, 300_000)


def test_on_a_full_disk_requests_go_on_and_what_is_there_is_served(
    small_disk: Path, address_in: Callable[[Path], str]
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 2_500_000)
    store = open_store(address_in(small_disk))
    cache: Cache = Cache(store, clock=lambda: NOW)
    fill(cache)
    assert [ask(cache, number, 50_000) for number in range(5)].count("hit") >= 2
    assert cache.shelter.failures == 0
    # Somebody makes room, and everything is as before.
    ballast.unlink()
    assert store.purge(Scope(everything=True)) > 5
    sweep(store, NOW + 400 * DAY)
    assert [ask(cache, 200, 100_000) for _ in range(2)] == ["miss", "hit"]
    store.close()


def test_a_purge_makes_room_for_itself(small_disk: Path) -> None:
    store = open_store((small_disk / "cache").as_uri())
    cache: Cache = Cache(store, clock=lambda: NOW)
    fill(cache)
    with (small_disk / "the last octet").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    for number in range(1000, 3000):
        store.purge(Scope(urls=(samples.url_of(number),)))
    assert ask(cache, 0, 50_000) in ("hit", "miss")
    assert store.purge(Scope(everything=True)) > 0
    assert list(store.items()) == []
    store.close()
