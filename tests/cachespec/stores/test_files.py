"""The store in files: what it does when files are missing, foreign, damaged, or cannot be written."""

from __future__ import annotations

import errno
import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cachespec import Cache, FileStore, Request
from cachespec.entries import Item
from cachespec.stores.contract import Scope
from cachespec.stores.room import LOOKED_AT
from cachespec.stores.shards import COUNT
from cachespec.testing import StoreKit, samples
from cachespec.testing.kit import DAY, KEY, LONG, URL, body_at, long_body, put, read_body, sweep
from cachespec.testing.live import Live
from cachespec.testing.samples import NOW


class TestFileStore(StoreKit):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.tmp_path = tmp_path
        self.made = 0

    @property
    def folder(self) -> Path:
        return self.tmp_path / str(self.made)

    def make(self) -> FileStore:
        self.made += 1
        return FileStore(self.folder)

    def again(self) -> FileStore:
        return FileStore(self.folder)

    def bounded(self, items: int) -> FileStore:
        self.made += 1
        return FileStore(self.folder, max_entries=items)

    def damage(self, key: bytes) -> bool:
        spoil(self.folder, key.hex())
        return True

    def damage_body(self, body_id: str) -> bool:
        spoil(self.folder, body_id)
        return True

    def octets(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.folder.rglob("*") if path.is_file())

    @property
    def address(self) -> str:
        return self.folder.as_uri()


class TestSignedFileStore(TestFileStore):
    key = b"0123456789abcdef"
    seconds = 0.3

    def make(self) -> FileStore:
        self.made += 1
        return FileStore(self.folder, signing_key=self.key)

    def again(self) -> FileStore:
        return FileStore(self.folder, signing_key=self.key)

    @property
    def address(self) -> None:  # type: ignore[override] # a key is no part of a URL
        return None


def found(folder: Path, name: str) -> Path:
    """The file with this name."""
    (path,) = folder.rglob(name)
    return path


def spoil(folder: Path, name: str) -> None:
    """Change an octet near the end of the file with this name."""
    path = found(folder, name)
    octets = bytearray(path.read_bytes())
    octets[-10] ^= 1
    path.write_bytes(octets)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def store(folder: Path) -> FileStore:
    return FileStore(folder)


def put_some(store: FileStore, count: int, **changes: object) -> None:
    for number in range(count):
        url = samples.url_of(number)
        assert put(store, samples.key_of(url), samples.entry(url, **changes))


# --- how it is made


@pytest.mark.parametrize("name", ["max_bytes", "max_entries", "max_body"])
@pytest.mark.parametrize("value", [0, -1, True, 1.5, "1"])
def test_a_bound_is_a_positive_number(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        FileStore("x", **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("namespace", ["", "../up", "a/b", "a b", "x" * 65, "ü", "a\n"])
def test_a_namespace_is_no_path(namespace: str) -> None:
    with pytest.raises(ValueError, match=r"^namespace: "):
        FileStore("x", namespace=namespace)


def test_namespaces_see_nothing_of_each_other(folder: Path) -> None:
    one, two = FileStore(folder, namespace="one"), FileStore(folder, namespace="two")
    put_some(one, 3)
    assert list(two.items()) == []
    assert two.purge(Scope(everything=True)) == 0
    assert one.stats().entries == 3
    assert one.secret() != two.secret()
    assert repr(one) == f"<FileStore {folder}/v1/one>"


def test_nothing_is_made_before_it_is_used(folder: Path) -> None:
    FileStore(folder).close()
    assert not folder.exists()


def test_reads_may_be_left_to_threads(folder: Path) -> None:
    assert FileStore(folder).blocking == "writes"
    assert FileStore(folder, inline_reads=False).blocking == "always"


@pytest.mark.requirement("9111-7-01")
def test_nobody_else_may_read_or_write(folder: Path, store: FileStore) -> None:
    before = os.umask(0)
    try:
        store.secret()
        put_some(store, 3, groups=("a",))
        assert put(store, KEY, long_body(store)[0])
        store.purge(Scope(urls=(URL,)))
        assert store.lease(KEY, b"me", 60.0)
    finally:
        os.umask(before)
    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_working_directory_stays_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    store = FileStore()
    put_some(store, 1)
    assert store.folder == tmp_path / "caches" / "cachespec"
    assert os.listdir(tmp_path) == ["caches"]


def test_a_relative_folder_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = FileStore("mine")
    monkeypatch.chdir("/")
    put_some(store, 1)
    assert store.folder == tmp_path / "mine"
    assert (tmp_path / "mine").is_dir()


# --- room


def test_bytes_are_bounded(folder: Path) -> None:
    told: list[str] = []

    def on_evict(item: Item, why: str) -> None:
        told.append(why)

    store = FileStore(folder, max_bytes=200_000, on_evict=on_evict)
    put_some(store, 60, body=b"x" * 8_000)
    assert store.stats().bytes <= 200_000
    assert set(told) == {"space"}
    assert len(told) == store.evictions == store.stats().evictions
    assert not put(store, KEY, samples.entry(URL, b"x" * 200_000))


def test_an_evicted_entry_takes_its_body_along(folder: Path) -> None:
    store = FileStore(folder, max_bytes=1_500_000, max_body=1_000_000)
    for number in range(5):
        url = samples.url_of(number)
        item, _ = long_body(store, number)
        item.url = url
        assert put(store, samples.key_of(url), item)
    assert len([path for path in folder.rglob("bodies/*/*") if path.is_file()]) <= 2


def test_a_body_has_a_bound_of_its_own(folder: Path) -> None:
    store = FileStore(folder, max_bytes=1_000_000)
    assert store.append("a" * 32, b"x" * 120_000)
    assert not store.append("a" * 32, b"x" * 120_000)
    assert store.append("a" * 32, b"x"), "it was removed"


def test_a_body_may_have_any_name(store: FileStore, folder: Path) -> None:
    assert store.append("../../../evil\udc80", b"x")
    assert put(store, KEY, samples.entry(URL, None, length=1, body_id="../../../evil\udc80"))
    assert read_names(folder, "bodies") == [store._shelf.bodies.path("../../../evil\udc80").rpartition("/")[2]]


def read_names(folder: Path, below: str) -> list[str]:
    return [path.name for path in folder.rglob(f"{below}/**/*") if path.is_file()]


def test_what_one_process_asks_for_another_does_not_evict(folder: Path) -> None:
    reader, writer = FileStore(folder, max_entries=600), FileStore(folder, max_entries=600)
    put_some(writer, 600)
    asked_for = [samples.key_of(samples.url_of(number)) for number in range(512)]
    for key in asked_for:
        assert reader.read(key).item is not None
    for number in range(600, 660):
        url = samples.url_of(number)
        assert put(writer, samples.key_of(url), samples.entry(url))
    assert sum(reader.read(key).item is not None for key in asked_for) > 500


def test_while_there_is_room_nobody_is_told_what_was_asked_for(folder: Path) -> None:
    reader, writer = FileStore(folder, max_entries=600), FileStore(folder, max_entries=600)
    reader._shelf.look()
    put_some(writer, 512)
    keys = [samples.key_of(samples.url_of(number)) for number in range(512)]

    def times() -> set[float]:
        return {Path(reader._shelf.head(key)).stat().st_mtime_ns for key in keys}

    before = times()
    for _ in range(COUNT // LOOKED_AT // 2):
        for key in keys:
            reader.read(key)
    assert times() == before
    # It takes a while until it has seen what others have stored.
    for _ in range(COUNT // LOOKED_AT // 2):
        for key in keys:
            reader.read(key)
    assert times().isdisjoint(before)


def test_the_recency_of_what_is_gone_is_nobodys_business(store: FileStore) -> None:
    put_some(store, 1)
    key = samples.key_of(samples.url_of(0))
    assert store.read(key).item is not None
    assert put(store, key, None)
    store.close()
    store.close()


def test_where_all_was_asked_for_somebody_has_to_go(folder: Path) -> None:
    store = FileStore(folder, max_entries=20)
    for number in range(60):
        url = samples.url_of(number)
        assert put(store, samples.key_of(url), samples.entry(url))
        for key in dict(store.items()):
            store.read(key)
    assert store.stats().entries <= 20


def test_what_was_removed_is_passed_over_in_the_queue(folder: Path) -> None:
    store = FileStore(folder, max_entries=20)
    for number in range(100):
        url = samples.url_of(number)
        assert put(store, samples.key_of(url), samples.entry(url))
        if number % 2:
            assert put(store, samples.key_of(url), None)
    assert 10 < store.stats().entries <= 20


def test_groups_are_kept_where_an_entry_stays(store: FileStore) -> None:
    for body in (b"a long body", b"short"):
        assert put(store, KEY, samples.entry(URL, body, groups=("news", "sport")))
    assert store.purge(Scope(groups=(("", "news"),), stale_at=NOW)) == 1
    assert store.purge(Scope(groups=(("", "sport"),))) == 1


def test_a_large_group_is_put_in_order_as_it_grows(store: FileStore, folder: Path) -> None:
    put_some(store, 140, groups=("news",))
    for number in range(130):
        assert put(store, samples.key_of(samples.url_of(number)), None)
    put_some(store, 140, groups=("news",))
    assert store.purge(Scope(groups=(("", "news"),))) == 140
    assert read_names(folder, "groups") == []


def test_figures_that_cannot_be_met_do_not_go_on_for_ever(folder: Path) -> None:
    store = FileStore(folder, max_entries=5)
    put_some(store, 3)
    # Somebody has put figures there that are far too high.
    with store._shelf.shard(7) as shard:
        shard.count(1000, 0)
    store._shelf._figures = []
    assert put(store, KEY, samples.entry(URL))
    sweep(store, NOW)
    assert store.stats().entries == sum(1 for _ in store.items())


def test_now_and_then_a_shard_is_swept_while_storing(folder: Path) -> None:
    clock = [NOW]
    store = FileStore(folder, clock=lambda: clock[0])
    put_some(store, 300, lifetime=1.0)
    clock[0] += 400 * DAY
    before = store.stats().entries
    for number in range(64 * 300):
        url = samples.url_of(1_000_000 + number % 3)
        assert put(store, samples.key_of(url), samples.entry(url, lifetime=1e9))
        if store.stats().entries < before:
            break
    assert store.stats().entries < before


# --- what others leave there


def test_what_is_not_ours_is_left_alone(folder: Path, store: FileStore) -> None:
    put_some(store, 1)
    foreign = [
        folder / "v1/default/heads/00/README",
        folder / "v1/default/heads/00/abcdef",
        folder / "v1/default/bodies/00/notes.txt",
        folder / "something",
    ]
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    sweep(store, NOW + 400 * DAY)
    store.purge(Scope(everything=True))
    assert list(store.items()) == []
    assert all(path.read_text() == "mine" for path in foreign)


@pytest.mark.parametrize("octets", [b"", b"x", b"x" * 100, bytes(5000)], ids=len)
def test_a_foreign_head_is_no_item_and_is_replaced(folder: Path, store: FileStore, octets: bytes) -> None:
    put_some(store, 1)
    path = folder / "v1/default/heads" / KEY.hex()[:2] / KEY.hex()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(octets)
    assert store.read(KEY)[:2] == (None, 0)
    assert put(store, KEY, samples.entry(URL))
    assert body_at(store, KEY) == b"small"


def test_a_sound_seal_around_what_is_no_item_is_no_item(folder: Path, store: FileStore) -> None:
    put_some(store, 1)
    path = folder / "v1/default/heads" / KEY.hex()[:2] / KEY.hex()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(store._shelf._seal.seal(KEY, b"12345678 and what no version writes"))
    assert store.read(KEY)[:2] == (None, 0)
    sweep(store, NOW)
    assert not path.exists()


def test_a_head_that_was_moved_is_no_item(folder: Path, store: FileStore) -> None:
    put_some(store, 2)
    one, two = [samples.key_of(samples.url_of(number)) for number in range(2)]
    octets = found(folder, one.hex()).read_bytes()
    found(folder, two.hex()).write_bytes(octets)
    assert store.read(two).item is None


def test_a_large_head_is_read(store: FileStore) -> None:
    assert put(store, KEY, samples.entry(URL, b"x" * 64 * 1024))
    assert body_at(store, KEY) == b"x" * 64 * 1024


def test_only_what_was_signed_with_the_key_is_read(folder: Path) -> None:
    key = b"0123456789abcdef"
    signed, plain = FileStore(folder, signing_key=key), FileStore(folder)
    assert put(signed, KEY, samples.entry(URL))
    assert body_at(FileStore(folder, signing_key=key), KEY) == b"small"
    assert plain.read(KEY).item is None
    assert put(plain, KEY, samples.entry(URL))
    assert signed.read(KEY).item is None
    item, _ = long_body(plain)
    assert put(signed, samples.key_of(samples.url_of(5)), samples.entry(samples.url_of(5), None, length=LONG))
    assert plain._shelf.bodies.publish(item.body_id or "", KEY)
    assert signed.open(item.body_id or "") is None
    assert key not in b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_secret_of_the_wrong_length_is_refused(folder: Path, store: FileStore) -> None:
    put_some(store, 1)
    (folder / "v1/default/secret").write_bytes(b"short")
    with pytest.raises(ValueError, match="is not this cache's secret"):
        store.secret()


def test_a_secret_that_is_empty_is_made_anew(folder: Path, store: FileStore) -> None:
    put_some(store, 1)
    (folder / "v1/default/secret").touch()
    assert store.secret() == FileStore(folder).secret()


def test_after_the_end_nothing_is_purged_or_leased(store: FileStore) -> None:
    store.close()
    for call in (partial(store.purge, Scope(everything=True)), partial(store.lease, KEY, b"one", 1.0), store.secret):
        with pytest.raises(ValueError, match="the store is closed"):
            call()


def test_a_folder_that_is_removed_is_made_anew(folder: Path, store: FileStore) -> None:
    before = store.read(KEY).mark
    put_some(store, 3)
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    assert not store.swap(KEY, samples.entry(URL), 0, before), "nobody knows what was purged meanwhile"
    put_some(store, 3)
    assert store.stats().entries == 3


# --- bodies


def test_a_body_that_was_cut_short_is_not_opened(folder: Path, store: FileStore) -> None:
    item, _ = long_body(store)
    assert put(store, KEY, item)
    path = found(folder, item.body_id or "")
    os.truncate(path, 100_000)
    assert store.open(item.body_id or "") is None
    os.truncate(path, 20)
    assert store.open(item.body_id or "") is None


def test_a_body_that_nobody_published_is_not_opened(store: FileStore) -> None:
    item, _ = long_body(store)
    assert store.open(item.body_id or "") is None


@pytest.mark.parametrize("at", [100_000, 84], ids=["in a piece", "in a length"])
def test_a_body_that_is_overwritten_while_it_is_read_raises(folder: Path, store: FileStore, at: int) -> None:
    item, _ = long_body(store)
    assert put(store, KEY, item)
    opened = store.open(item.body_id or "")
    assert opened is not None
    with found(folder, item.body_id or "").open("r+b") as file:
        file.seek(at)
        file.write(b"\xff" * 8)
    with pytest.raises(OSError, match=r"the stored body .* is"):
        list(opened.chunks(0, LONG))
    opened.close()
    with pytest.raises(ValueError, match="closed"):
        list(opened.chunks(0, 1))


def test_a_body_that_shrinks_while_it_is_read_raises(folder: Path, store: FileStore) -> None:
    item, _ = long_body(store)
    assert put(store, KEY, item)
    opened = store.open(item.body_id or "")
    assert opened is not None
    chunks = opened.chunks(0, LONG)
    next(chunks)
    os.truncate(found(folder, item.body_id or ""), 262_300)
    with pytest.raises(OSError, match="the stored body"):
        list(chunks)


def test_bodies_that_a_killed_process_left_are_swept(folder: Path, store: FileStore) -> None:
    long_body(store, 1)
    orphan, _ = long_body(store, 2)
    kept, body = long_body(store, 3)
    assert put(store, KEY, orphan)
    assert put(store, KEY, kept)
    now = os.stat(found(folder, kept.body_id or "")).st_mtime
    assert store.sweep(now + 60) == 0
    assert store.sweep(now + 7200) == 2
    assert read_body(store, store.read(KEY).item) == body
    assert read_names(folder, "bodies") == [kept.body_id]


def test_a_body_that_the_system_does_not_let_go_stays_for_the_sweep(
    folder: Path, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, _ = long_body(store)

    def refuse(path: str) -> None:
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        store.discard(item.body_id or "")
    assert read_names(folder, "bodies") == [item.body_id]


def test_bodies_that_go_while_they_are_listed_are_passed_over(store: FileStore) -> None:
    long_body(store, 1)
    long_body(store, 2)
    listed = store._shelf.bodies.names(0)
    first = next(listed)[0]
    for number in (1, 2):
        store.discard(f"{number:032x}")
    assert list(listed) == []
    assert store._shelf.bodies.owner(first) is None


# --- where nothing can be written


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """As on a full disk, a write stops in the middle."""
    resource: Any = pytest.importorskip("resource", reason="the system has no limits for a process")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_where_there_is_no_room_nothing_is_stored_and_nothing_raised(folder: Path, store: FileStore) -> None:
    put_some(store, 3)
    cache: Cache = Cache(store, clock=lambda: NOW)
    large = Live(samples.body_of(1, LONG))
    url = samples.url_of(7)
    with no_file_larger_than(300_000):
        for _ in range(2):
            answer = cache.fetch(Request("GET", url), large.answering)
            assert b"".join(answer.content) == large.body
            assert not answer.info.stored
        assert not put(store, samples.key_of(samples.url_of(9)), samples.entry(samples.url_of(9), b"x" * 400_000))
    assert cache.shelter.failures == 0
    assert read_names(folder, "bodies") == []
    answer = cache.fetch(Request("GET", url), large.answering)
    assert b"".join(answer.content) == large.body
    assert answer.info.stored
    sweep(store, NOW)
    assert store.stats().entries == 4


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """Nothing below `folder` can be written, not even by who may write everywhere, and so becomes nobody."""
    root = os.geteuid() == 0
    everything = (folder, *folder.rglob("*"))
    parents = {path: path.stat().st_mode for path in folder.parents if root}
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    for path, mode in parents.items():
        path.chmod(mode | 0o055)
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path, mode in parents.items():
            path.chmod(mode)
        for path in everything:
            path.chmod(0o700 if path.is_dir() else 0o600)


def asked(cache: Cache, number: int, body: bytes) -> tuple[str, bool]:
    answer = cache.fetch(Request("GET", samples.url_of(number)), Live(body).answering)
    assert b"".join(answer.content) == body
    return answer.info.status, answer.info.stored


def test_a_folder_that_is_read_only_is_read(folder: Path, store: FileStore) -> None:
    cache: Cache = Cache(store, clock=lambda: NOW)
    assert asked(cache, 1, b"small") == ("miss", True)
    assert asked(cache, 2, b"x" * LONG) == ("miss", True)
    secret = store.secret()
    with without_rights(folder):
        assert FileStore(folder).secret() == secret
        assert asked(cache, 1, b"small") == ("hit", True)
        assert asked(cache, 3, b"other") == ("miss", False)
        assert asked(cache, 4, b"y" * LONG) == ("miss", False)
        assert asked(cache, 2, b"x" * LONG) == ("hit", True)
        with pytest.raises(PermissionError):
            store.purge(Scope(everything=True))
        assert store.stats().entries == 2
        store._room.write_down()
    assert cache.shelter.failures == 0
    assert asked(cache, 3, b"other") == ("miss", True)


def test_another_error_of_the_system_is_raised(folder: Path, store: FileStore) -> None:
    put_some(store, 1)
    path = folder / "v1/default/queue" / KEY.hex()[:2]
    path.unlink(missing_ok=True)
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        put(store, KEY, samples.entry(URL))
    body = folder / "v1/default/bodies/aa" / ("a" * 32)
    body.mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        store.append("a" * 32, b"x")


# --- leases


def test_a_lease_ends_with_its_time(folder: Path) -> None:
    clock = [1000.0]
    one, two = FileStore(folder, clock=lambda: clock[0]), FileStore(folder, clock=lambda: clock[0])
    assert one.lease(KEY, b"one", 5.0)
    assert not two.lease(KEY, b"two", 5.0)
    clock[0] += 5
    assert two.lease(KEY, b"two", 5.0)
    one.release(KEY, b"one")
    assert not one.lease(KEY, b"one", 5.0)


def test_a_store_knows_whether_others_on_its_folder_ask_for_leases(folder: Path) -> None:
    one, two, other = FileStore(folder), FileStore(folder), FileStore(folder, namespace="other")
    assert (one.alone(), one.alone(), other.alone()) == (True, True, True)
    assert not two.alone()
    assert not one.alone()
    two.close()
    assert not two.alone()
    assert one.alone()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_that_was_forked_and_its_parent_are_two(folder: Path) -> None:
    store = FileStore(folder)
    assert store.alone()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, str(store.alone()).encode())
        signal.pause()
    try:
        assert os.read(reader, 9) == b"False"
        assert not store.alone()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)
        os.close(writer)
    assert store.alone()


def test_whoever_cannot_tell_at_once_is_not_alone(folder: Path, store: FileStore) -> None:
    with store._leases._asking:
        assert not store.alone()
    folder.with_name("file").touch()
    assert not FileStore(folder.with_name("file")).alone()


def test_leases_that_nobody_gave_back_are_swept(folder: Path) -> None:
    store = FileStore(folder, clock=lambda: 1000.0)
    assert store.lease(KEY, b"one", 5.0)
    store.sweep(1000.0)
    assert len(read_names(folder, "leases")) == 1
    store.sweep(10_000.0)
    assert read_names(folder, "leases") == []


def test_a_damaged_lease_is_nobodys(folder: Path, store: FileStore) -> None:
    assert store.lease(KEY, b"one", 60.0)
    found(folder, read_names(folder, "leases")[0]).write_bytes(b"x")
    assert store.lease(KEY, b"two", 60.0)


def test_a_queue_forgets_what_comes_and_goes(store: FileStore, folder: Path) -> None:
    for _ in range(200):
        assert put(store, KEY, samples.entry(URL))
        assert put(store, KEY, None)
    assert (folder / "v1/default/queue" / KEY.hex()[:2]).stat().st_size < 80 * 72


def test_a_purge_on_a_full_disk_makes_room_for_its_note(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put_some(store, 5)
    full = [OSError(errno.ENOSPC, "scripted")]
    add = store._log.add

    def note(scope: Scope) -> None:
        if full:
            raise full.pop()
        add(scope)

    monkeypatch.setattr(store._log, "add", note)
    assert store.purge(Scope(urls=(samples.url_of(1),))) == 1
    assert store.evictions == 1
    assert store.stats().entries == 3
    full.append(OSError(errno.EIO, "scripted"))
    with pytest.raises(OSError, match="scripted"):
        store.purge(Scope(everything=True))
