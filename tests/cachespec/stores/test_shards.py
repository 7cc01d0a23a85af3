"""The parts of a store in files: shards, groups, the log of purges, locks, places."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from cachespec import MemoryStore, open_store
from cachespec.stores import FileStore
from cachespec.stores.contract import Scope
from cachespec.stores.filelog import LONGEST, FileLog
from cachespec.stores.groups import Groups, digest_of
from cachespec.stores.locks import lock
from cachespec.stores.places import default_folder, make_folder, read_file, write_all
from cachespec.stores.shards import Shard, figures
from cachespec.testing import samples

KEYS = [bytes([number]) * 32 for number in range(1, 200)]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "queue")


def there(key: bytes) -> bool:
    return True


# --- shards


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


# --- groups


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


def test_who_waited_for_a_file_that_was_removed_opens_another(
    groups: tuple[Groups, set[bytes]], tmp_path: Path
) -> None:
    index, _ = groups
    index.add("news", KEYS[0])
    path = str(tmp_path / digest_of("news"))
    with open(path, "r+b") as held:
        lock(held.fileno())
        waiting = threading.Thread(target=index.add, args=("news", KEYS[1]))
        waiting.start()
        while waiting.is_alive() and not _is_open(path, held.fileno()):
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


# --- the log of purges


def scope(number: int) -> Scope:
    return Scope(urls=(f"https://sample.test/{number}/" + "x" * 1000,))


def test_numbers_go_on_when_the_older_half_is_forgotten(path: str) -> None:
    log, other = FileLog(path), FileLog(path)
    log.create()
    first = last = other.mark()
    item = samples.entry(samples.url_of(1))
    for number in range(400):
        before = log.mark()
        log.add(scope(number))
        assert log.mark() == other.mark() > last
        last = log.mark()
        assert not other.refuses(item, before)
    assert os.stat(path).st_size <= LONGEST + 2000
    assert other.refuses(item, first)
    assert other.refuses(item, last + 1), "of a log that was removed"
    log.add(Scope(urls=(item.url,)))
    assert other.refuses(item, last)
    assert not other.refuses(item, log.mark())


def test_one_scope_may_be_longer_than_the_log(path: str) -> None:
    log = FileLog(path)
    log.create()
    before = log.mark()
    for _ in range(3):
        log.add(Scope(urls=tuple(f"https://sample.test/{number}" for number in range(10_000))))
    assert log.mark() > before
    assert log.refuses(samples.entry("https://sample.test/5"), before)


@pytest.mark.parametrize("octets", [b"", b"cachespec purges 1 x\n", b"x" * 100], ids=len)
def test_a_log_that_cannot_be_read_begins_anew_with_higher_numbers(path: str, octets: bytes) -> None:
    log = FileLog(path)
    log.create()
    before = log.mark()
    Path(path).write_bytes(octets)
    with pytest.raises(FileNotFoundError):
        log.mark()
    log.add(scope(1))
    assert log.mark() > before
    assert log.refuses(samples.entry(samples.url_of(1)), before)


def test_a_line_that_was_cut_off_counts_as_everything(path: str) -> None:
    log = FileLog(path)
    log.create()
    before = log.mark()
    with Path(path).open("ab") as file:
        file.write(b'{"urls": ["https')
    log.add(scope(1))
    assert log.refuses(samples.entry(samples.url_of(1)), before)


# --- locks and places


def test_a_lock_that_somebody_holds_is_given_up_in_the_end(path: str) -> None:
    with open(path, "w+b") as held, open(path, "r+b") as wanted:
        lock(held.fileno())
        with pytest.raises(TimeoutError, match="somebody else holds"):
            lock(wanted.fileno(), 0.01)
    with open(path, "r+b") as free:
        lock(free.fileno(), 0.0)


HOME = "/somewhere/somebody"


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        pytest.param("linux", {}, f"{HOME}/.cache/cachespec", id="Linux"),
        pytest.param("linux", {"XDG_CACHE_HOME": "/var/x"}, "/var/x/cachespec", id="XDG"),
        pytest.param("linux", {"XDG_CACHE_HOME": "relative"}, f"{HOME}/.cache/cachespec", id="XDG, but relative"),
        pytest.param("darwin", {"XDG_CACHE_HOME": "/var/x"}, f"{HOME}/Library/Caches/cachespec", id="macOS"),
        pytest.param(
            "win32", {"LOCALAPPDATA": "/somewhere/AppData/Local"}, "/somewhere/AppData/Local/cachespec", id="Windows"
        ),
        pytest.param("win32", {}, f"{HOME}/AppData/Local/cachespec", id="Windows without LOCALAPPDATA"),
    ],
)
def test_the_default_place_is_the_systems(
    platform: str, environment: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", HOME)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert default_folder(platform) == Path(folder)


def test_without_a_home_a_folder_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "nowhere")
    with pytest.raises(ValueError, match=r"^folder: "):
        default_folder("linux")


def test_folders_are_made_on_the_way(tmp_path: Path) -> None:
    make_folder(str(tmp_path / "a" / "b"))
    make_folder(str(tmp_path / "a" / "b"))
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_that_somebody_else_makes_first_is_as_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "isdir", lambda path: path != str(tmp_path))
    make_folder(str(tmp_path))
    assert tmp_path.is_dir()


def test_a_file_of_any_length_is_read(path: str) -> None:
    assert read_file(path) is None
    for size in (0, 9, 10, 11, 3_000_000):
        Path(path).write_bytes(b"x" * size)
        assert read_file(path, 10) == b"x" * size


def test_what_the_system_takes_bit_by_bit_is_written_whole(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    with open(path, "wb") as file:
        monkeypatch.setattr(os, "write", lambda fd, octets: write(fd, octets[:3]))
        write_all(file.fileno(), b"0123456789")
        monkeypatch.undo()
    assert Path(path).read_bytes() == b"0123456789"


# --- by URL


def test_a_store_has_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert isinstance(open_store("memory:"), MemoryStore)
    default = open_store("file:")
    assert isinstance(default, FileStore)
    assert default.folder == default_folder()
    spaced = open_store((tmp_path / "my cache").as_uri() + "#shop")
    assert isinstance(spaced, FileStore)
    assert spaced.folder == tmp_path / "my cache"
    assert repr(spaced).endswith("/shop>")
    assert isinstance(open_store("file://localhost/tmp/x"), FileStore)


@pytest.mark.parametrize("url", ["", "memory", "memory:x", "memory:#shop", "file:here", "file://host/x", "redis://x"])
def test_what_is_no_stores_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^store: "):
        open_store(url)


def test_a_database_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cachespec_sql", None)
    with pytest.raises(ImportError, match="sqlite needs the package cachespec-sql: pip install cachespec-sql"):
        open_store("sqlite:///cache.db")


def test_a_database_is_opened_by_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("cachespec_sql")
    opened: list[tuple[str, str]] = []
    module.SQLStore = lambda url, namespace: opened.append((url, namespace))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cachespec_sql", module)
    open_store("postgresql+psycopg://host/name#shop")
    open_store("sqlite:///cache.db")
    assert opened == [("postgresql+psycopg://host/name", "shop"), ("sqlite:///cache.db", "")]
