"""A place that cannot be written to any more, and files that were cut short, overwritten, or are somebody else's."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cachespec import Cache, FileStore, Request, Store, open_store
from cachespec.testing import samples
from cachespec.testing.live import Live
from cachespec.testing.samples import NOW

NUMBERS = range(12)


def ask(cache: Cache, number: int) -> str:
    """What the cache did; AssertionError for a wrong body."""
    body = samples.body_of(number, 300_000 if number % 3 == 0 else 3_000)
    answer = cache.fetch(Request("GET", samples.url_of(number)), Live(body).answering)
    assert b"".join(answer.content) == body
    answer.content.close()
    return answer.info.status


def filled(address: str) -> None:
    """Store something at `address`, and close it."""
    store = open_store(address)
    cache: Cache = Cache(store, clock=lambda: NOW)
    assert {ask(cache, number) for number in NUMBERS} == {"miss"}
    assert {ask(cache, number) for number in NUMBERS} == {"hit"}
    store.close()


def opened(address: str) -> Store | None:
    """The store at `address`; None where it says that it cannot work with what is there."""
    try:
        return open_store(address)
    except Exception as error:
        # A database says what is wrong when the program starts.
        if address.startswith("file:") or not str(error):
            raise
        return None


def test_what_can_only_be_read_is_served(small_disk: Path, address_in: Callable[[Path], str]) -> None:
    address = address_in(small_disk)
    store = open_store(address)
    cache: Cache = Cache(store, clock=lambda: NOW)
    ask(cache, 1)
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    again = opened(address)
    if again is None:
        return
    cache = Cache(again, clock=lambda: NOW)
    did = [ask(cache, number) for number in (1, 2, 2)]
    if isinstance(again, FileStore):
        assert did == ["hit", "miss", "miss"]
        assert cache.shelter.failures == 0
    again.close()


@pytest.mark.parametrize("how", ["cut short", "emptied", "overwritten", "foreign"])
def test_no_damage_is_served_or_raised(address_in: Callable[[Path], str], tmp_path: Path, how: str) -> None:
    address = address_in(tmp_path)
    filled(address)
    chance = random.Random(how)
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        octets = bytearray(path.read_bytes())
        if how == "cut short":
            path.write_bytes(octets[: len(octets) * chance.randrange(10) // 10])
        elif how == "emptied":
            path.write_bytes(b"")
        elif how == "foreign":
            path.write_bytes(os.urandom(max(100, len(octets))))
        else:
            for _ in range(1 + len(octets) // 1000):
                if octets:
                    octets[chance.randrange(len(octets))] ^= 1 + chance.randrange(255)
            path.write_bytes(octets)
    store = opened(address)
    if store is None:
        return
    cache: Cache = Cache(store, clock=lambda: NOW)
    assert {ask(cache, number) for number in NUMBERS} <= {"hit", "miss"}
    assert {ask(cache, number) for number in NUMBERS} == {"hit"}
    store.close()
