"""A shard: the lock on a part of the keys, its figures, and its queue."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cachespec.stores.shards import Shard, figures

KEYS = [bytes([number]) * 32 for number in range(1, 200)]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "queue")


def there(key: bytes) -> bool:
    return True


def test_a_queue_gives_its_keys_in_order(path: str) -> None:
    with Shard(path) as shard:
        for number, key in enumerate((KEYS[0], KEYS[1] * 2, KEYS[2])):
            shard.push(key, number, there)
    with Shard(path) as shard:
        assert shard.shift(2) == [(KEYS[0], 0), (KEYS[1] * 2, 1)]
    with Shard(path) as shard:
        assert shard.queued() == {KEYS[2]: 2}
        assert shard.shift(5) == [(KEYS[2], 2)]
        assert shard.shift(5) == []


def test_figures_are_never_negative(path: str) -> None:
    assert figures(path) == (0, 0)
    with Shard(path) as shard:
        shard.count(2, 100)
        assert figures(path) == (2, 100)
        shard.count(-3, -200)
    assert figures(path) == (0, 0)


@pytest.mark.parametrize("octets", [b"", b"cspq1", b"x" * 100], ids=len)
def test_a_shard_that_cannot_be_read_begins_anew(path: str, octets: bytes) -> None:
    Path(path).write_bytes(octets)
    assert figures(path) == (0, 0)
    with Shard(path) as shard:
        assert (shard.entries, shard.bytes, shard.queued()) == (0, 0, {})
        shard.push(KEYS[0], 1, there)
        shard.count(1, 10)
    with Shard(path) as shard:
        assert (shard.entries, shard.bytes) == (1, 10)
        assert KEYS[0] in shard.queued()


@pytest.mark.parametrize("at", [8, 16, 24, 32])
def test_figures_that_were_damaged_are_not_believed(path: str, at: int) -> None:
    with Shard(path) as shard:
        shard.push(KEYS[0], 1, there)
        shard.count(2, 100)
    octets = bytearray(Path(path).read_bytes())
    octets[at] ^= 128
    Path(path).write_bytes(octets)
    assert figures(path) == (0, 0)
    with Shard(path) as shard:
        assert (shard.entries, shard.bytes, shard.queued()) == (0, 0, {})
        shard.count(1, 10)
    assert figures(path) == (1, 10)


def test_a_record_that_was_cut_off_does_not_count(path: str) -> None:
    with Shard(path) as shard:
        shard.push(KEYS[0], 1, there)
        shard.push(KEYS[1], 2, there)
        shard.count(2, 2)
    os.truncate(path, os.stat(path).st_size - 10)
    with Shard(path) as shard:
        assert shard.queued() == {KEYS[0]: 1}
        shard.push(KEYS[2], 3, there)
        assert shard.queued() == {KEYS[0]: 1, KEYS[2]: 3}


def test_a_queue_does_not_grow_with_what_comes_and_goes(path: str) -> None:
    for number in range(2_000):
        key = number.to_bytes(32, "big")
        with Shard(path) as shard:
            shard.push(key, number, lambda queued: False)
    assert os.stat(path).st_size < 100 * 72
    with Shard(path) as shard:
        assert key in shard.queued()


def test_a_queue_whose_figures_are_too_low_is_not_rewritten_each_time(path: str) -> None:
    asked = []

    def exists(key: bytes) -> bool:
        asked.append(key)
        return True

    for key in KEYS:
        with Shard(path) as shard:
            shard.push(key, 1, exists)
    assert len(asked) < 2 * len(KEYS)
    with Shard(path) as shard:
        assert len(shard.queued()) == len(KEYS)


def test_a_failed_look_unlocks_the_shard(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(fd: int) -> None:
        raise RuntimeError("scripted")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", fail)
        with pytest.raises(RuntimeError, match="scripted"):
            Shard(path)
    with Shard(path) as shard:
        assert shard.entries == 0
