"""The groups of a store in files."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from cachespec.stores.groups import Groups, digest_of
from cachespec.stores.locks import locked

KEYS = [bytes([number]) * 32 for number in range(1, 200)]


@pytest.fixture
def groups(tmp_path: Path) -> tuple[Groups, set[bytes]]:
    living: set[bytes] = set()
    return Groups(str(tmp_path), lambda key, digest: key in living), living


def test_a_group_remembers_its_keys(groups: tuple[Groups, set[bytes]]) -> None:
    index, living = groups
    for key in (KEYS[0], KEYS[1] * 2):
        living.add(key)
        index.add("news", key)
    assert index.keys("news") == [KEYS[0], KEYS[1] * 2]
    assert index.keys("sport") == []
    living.discard(KEYS[0])
    index.remove(["news", "sport"])
    assert index.keys("news") == [KEYS[1] * 2]
    living.clear()
    index.remove(["news"])
    assert index.digests() == []


def test_a_long_group_is_put_in_order_when_it_has_doubled(groups: tuple[Groups, set[bytes]], tmp_path: Path) -> None:
    index, living = groups
    for _ in range(50):
        for key in KEYS[:70]:
            living.add(key)
            index.add("news", key)
    assert (tmp_path / digest_of("news")).stat().st_size <= 256 * 64
    living.clear()
    # It is long, so that this would take too long for each of its keys.
    index.remove(["news"])
    assert len(index.keys("news")) >= 70
    index.put_in_order(digest_of("news"))
    assert index.digests() == []


def test_a_record_that_was_cut_off_is_written_over(groups: tuple[Groups, set[bytes]], tmp_path: Path) -> None:
    index, _ = groups
    index.add("news", KEYS[0])
    with (tmp_path / digest_of("news")).open("ab") as file:
        file.write(b"cut off")
    index.add("news", KEYS[1])
    assert index.keys("news") == [KEYS[0], KEYS[1]]


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="only Linux tells which files are open")
def test_who_waited_for_a_file_that_was_removed_opens_another(
    groups: tuple[Groups, set[bytes]], tmp_path: Path
) -> None:
    index, _ = groups
    index.add("news", KEYS[0])
    path = str(tmp_path / digest_of("news"))
    with locked(path) as held:
        waiting = threading.Thread(target=index.add, args=("news", KEYS[1]))
        waiting.start()
        while waiting.is_alive() and not _is_open(path, held):
            pass
        os.unlink(path)
    waiting.join()
    assert index.keys("news") == [KEYS[1]]


def _is_open(path: str, but: int) -> bool:
    """Whether this process has `path` open elsewhere than at `but`."""
    for name in os.listdir("/proc/self/fd"):
        try:
            if int(name) != but and os.readlink(f"/proc/self/fd/{name}") == path:
                return True
        except FileNotFoundError:
            continue
    return False
