"""A store in files: the standard library only, shared by processes, bounded, in the user's cache directory.

    secret                 32 octets
    purges                 the log of purges
    heads/a7/a7c0…         an item, a small body included
    bodies/3f/3f09…        a longer body
    queue/a7               a shard: its lock, its figures, its queue for eviction
    groups/…, leases/…     who belongs to a group, who has a lease

A reader opens one file and takes no lock.  Whoever changes something holds the shard's lock from the look at what is
there to the rename that replaces it, for a rename alone is no compare-and-set.  A process may be killed at any point:
what it leaves is invisible, and goes with a sweep.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple

from ..codec import Seal, decode, encode
from ..entries import Entry, Item, Variants
from ..keys import url_key, variant_key
from .bodies import Bodies, FileBody
from .contract import Blocking, OnEvict, Reading, Scope, Stats, Why, length_of_bodies
from .filelog import FileLog
from .groups import Groups, digest_of
from .locks import locked
from .places import (
    FULL,
    UNWRITABLE,
    check_namespace,
    default_folder,
    make_folder,
    read_file,
    remove_file,
    replace_file,
)
from .shards import COUNT, Shard, figures

log: logging.Logger = logging.getLogger("cachespec")

VERSION: Final = "v1"
"""The folder in which everything of this format lies; another format has another."""
ABANDONED: Final = 3600.0
"""Seconds after which a body that no item names counts as abandoned."""
SEEN: Final = 512
"""Hits whose recency is kept in the process, before all of them are written down."""
ROUNDS: Final = 2
"""How often room is looked for in all shards, before it is given up."""

_REVISION: Final = Struct("<Q")
_LEASE: Final = Struct("<d32s")
_NAME: Final = re.compile(r"(?:[0-9a-f]{64}|[0-9a-f]{128})\Z")


class _Lying(NamedTuple):
    """What lies in a head file: the item, its revision, and the bytes that it takes with its body."""

    item: Item | None
    revision: int
    size: int


class FileStore:
    """Responses in files, shared by all processes that name the same folder.

    `folder` is the user's cache directory unless given, never the working directory.  `namespace` keeps apart what
    several applications have in one folder.  `max_bytes` bounds what heads and bodies take together, `max_entries` how
    many there are, `max_body` the bytes of one body (an eighth of `max_bytes` unless given); among processes the first
    two hold approximately.  With a `signing_key`, at least 16 random octets that all who share the folder have, what
    others wrote there is not read.  With `inline_reads` a read counts as quick enough for an event loop.  `on_evict`
    is called with every item that this process removes, and the reason.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        namespace: str = "default",
        max_bytes: int = 1024 * 1024 * 1024,
        max_entries: int = 100_000,
        max_body: int | None = None,
        signing_key: bytes | None = None,
        inline_reads: bool = True,
        on_evict: OnEvict | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        for name, value in (("max_bytes", max_bytes), ("max_entries", max_entries), ("max_body", max_body)):
            if value is not None and (type(value) is not int or value <= 0):
                raise ValueError(f"{name}: {value!r} is not a positive number")
        self.folder: Path = (default_folder() if folder is None else Path(folder)).absolute()
        """Where it lies."""
        self.max_bytes = max_bytes
        self.max_entries = max_entries
        self.max_body: int = max_bytes // 8 if max_body is None else max_body
        self.evictions: int = 0
        """Items that this process had to remove to make room."""
        self.blocking: Blocking = "writes" if inline_reads else "always"
        self._root = str(self.folder / VERSION / check_namespace(namespace))
        self._seal = Seal(signing_key)
        self._heads = [f"{self._root}{os.sep}heads{os.sep}{first:02x}{os.sep}" for first in range(COUNT)]
        self._log = FileLog(self._within("purges"))
        self._bodies = Bodies(self._within("bodies"), self._seal)
        self._groups = Groups(self._within("groups"), self._belongs)
        self._on_evict = on_evict
        self._clock = clock
        self._secret: bytes | None = None
        self._seen: set[bytes] = set()
        self._figures: list[tuple[int, int]] = []
        """Of each shard, as this process last saw it."""
        self._hand = secrets.randbelow(COUNT)
        self._broom = secrets.randbelow(COUNT)
        self._writes = 0
        self._closed = False

    def __repr__(self) -> str:
        return f"<FileStore {self._root}>"

    # --- the contract

    def secret(self) -> bytes:
        """See `Store.secret`."""
        if self._secret is None:
            self._prepare()
            path = self._within("secret")
            with locked(f"{path}.lock"):
                self._make_secret(path)
            found = read_file(path)
            if found is None or len(found) != 32:
                raise ValueError(f"{path} is not this cache's secret; remove it")
            self._secret = found
        return self._secret

    def read(self, key: bytes) -> Reading:
        """See `Store.read`."""
        mark = self._mark()
        found = self._lying(key)
        if found.item is not None:
            self._seen.add(key)
            if len(self._seen) >= SEEN:
                self._write_down()
        return Reading(found.item, found.revision, mark)

    def swap(self, key: bytes, item: Item | None, revision: int, mark: int) -> bool:
        """See `Store.swap`."""
        self._mark()
        try:
            with self._shard(key[0]) as shard:
                there = self._lying(key)
                if there.revision != revision:
                    return False
                if item is None:
                    self._remove(shard, key, there)
                    return True
                size = self._publish(shard, key, item, there, mark)
        except OSError as error:
            if error.errno not in UNWRITABLE:
                raise
            log.info("nothing is stored in %s: %s", self._root, error)
            return False
        if size:
            self._upkeep()
        return size > 0

    def append(self, body_id: str, chunk: bytes) -> bool:
        """See `Store.append`."""
        self._mark()
        # What the checks take beside the octets themselves is next to nothing.
        return self._bodies.append(body_id, chunk, self.max_body + self.max_body // 1024 + 1024)

    def open(self, body_id: str) -> FileBody | None:
        """See `Store.open`."""
        return self._bodies.open(body_id)

    def discard(self, body_id: str) -> None:
        """See `Store.discard`."""
        self._bodies.remove(body_id)

    def purge(self, scope: Scope) -> int:
        """See `Store.purge`."""
        self._prepare()
        hit = 0
        # First the log: what is stored from now on has seen it, and what was stored before is found afterwards.
        try:
            self._log.add(scope)
        except OSError as error:
            if error.errno not in FULL:
                raise
            # What goes makes room for the note of it.
            hit = self._apply(scope)
            self._make_some_room()
            self._log.add(scope)
        return hit + self._apply(scope)

    def _apply(self, scope: Scope) -> int:
        """Apply `scope` to everything there is; how many responses it hit."""
        if scope.everything or scope.prefix is not None:
            return sum([self._purge_shard(first, scope, "") for first in range(COUNT)])
        hit = 0
        for url in scope.urls:
            begins = url_key(url)
            hit += self._purge_shard(begins[0], scope, begins.hex())
        for _, group in scope.groups:
            for key in dict.fromkeys(self._groups.keys(group)):
                with self._shard(key[0]) as shard:
                    hit += self._purge_key(shard, key, scope)
            if scope.stale_at is None:
                self._groups.put_in_order(digest_of(group))
        return hit

    def items(self) -> Iterator[tuple[bytes, Item]]:
        """See `Store.items`."""
        self._mark()
        for first in range(COUNT):
            for key in self._keys(first):
                item = self._lying(key).item
                if item is not None:
                    yield key, item

    def sweep(self, now: float, limit: int = 1000) -> int:
        """See `Store.sweep`.  It looks at everything, a shard at a time."""
        self._mark()
        swept = 0
        for _ in range(COUNT):
            swept += self._sweep_shard(self._broom, now, limit - swept)
            if swept >= limit:
                return swept
            self._broom = (self._broom + 1) % COUNT
        self._sweep_leases(now)
        for digest in self._groups.digests():
            self._groups.put_in_order(digest)
        return swept

    def stats(self) -> Stats:
        """See `Store.stats`."""
        self._mark()
        seen = [figures(self._queue(first)) for first in range(COUNT)]
        entries, size = (sum(each) for each in zip(*seen, strict=True))
        return Stats(entries, size, self.max_entries, self.max_bytes, self.evictions)

    def lease(self, slot: bytes, owner: bytes, seconds: float) -> bool:
        """See `Leasing.lease`."""
        self._prepare()
        path, first = self._lease(slot)
        now = self._clock()
        with self._shard(first):
            until, holder = self._leased(path)
            if now < until and holder != owner.ljust(32, b"\0"):
                return False
            replace_file(path, _LEASE.pack(now + seconds, owner), f"{path}.new")
            return True

    def release(self, slot: bytes, owner: bytes) -> None:
        """See `Leasing.release`."""
        path, first = self._lease(slot)
        with self._shard(first):
            if self._leased(path)[1] == owner.ljust(32, b"\0"):
                remove_file(path)

    def close(self) -> None:
        """See `Store.close`."""
        if not self._closed:
            self._closed = True
            self._write_down()

    # --- places

    def _within(self, name: str) -> str:
        return f"{self._root}{os.sep}{name}"

    def _queue(self, first: int) -> str:
        return f"{self._root}{os.sep}queue{os.sep}{first:02x}"

    def _head(self, key: bytes) -> str:
        return self._heads[key[0]] + key.hex()

    def _shard(self, first: int) -> Shard:
        return Shard(self._queue(first))

    def _mark(self) -> int:
        """The number of the latest purge; everything is made ready where there is nothing yet."""
        if self._closed:
            raise ValueError("the store is closed")
        try:
            return self._log.mark()
        except FileNotFoundError:
            self._prepare()
            return self._log.mark()

    def _prepare(self) -> None:
        # What lies in these has folders of its own, which are made when they are needed.
        for name in ("queue", "groups", "leases"):
            make_folder(self._within(name))
        self._log.create()

    def _make_secret(self, path: str) -> None:
        if not os.path.exists(path):
            replace_file(path, secrets.token_bytes(32), f"{path}.new")

    def _keys(self, first: int, begins: str = "") -> list[bytes]:
        """The keys in a shard whose names begin so.  What is not named as we name files is not ours."""
        try:
            names = os.listdir(self._heads[first])
        except FileNotFoundError:
            return []
        return [bytes.fromhex(name) for name in names if name.startswith(begins) and _NAME.match(name)]

    # --- items

    def _lying(self, key: bytes) -> _Lying:
        """What lies under `key`; nothing, where it cannot be read."""
        octets = read_file(self._head(key))
        if octets is None:
            return _Lying(None, 0, 0)
        payload = self._seal.unseal(key, octets)
        if payload is None:
            return _Lying(None, 0, len(octets))
        item = decode(payload[_REVISION.size :])
        if item is None:
            return _Lying(None, 0, len(octets))
        return _Lying(item, _REVISION.unpack_from(payload)[0], len(octets) + length_of_bodies(item))

    def _publish(self, shard: Shard, key: bytes, item: Item, there: _Lying, mark: int) -> int:
        """Put `item` in the place of what is there; the bytes that it takes, 0 if it was refused."""
        revision = secrets.randbits(63) or 1
        octets = self._seal.seal(key, _REVISION.pack(revision) + encode(item))
        size = len(octets) + length_of_bodies(item)
        if isinstance(item, Entry) and not all(self._bodies.publish(body_id, key) for body_id in item.body_ids):
            return 0
        before, after = _groups_of(there.item), _groups_of(item)
        for group in after:
            if group not in before:
                self._groups.add(group, key)
        # After the groups: a purge that this does not see finds the key among them, and waits for the shard.
        if size > self.max_bytes or self._log.refuses(item, mark):
            return 0
        path = self._head(key)
        new = there.size == 0
        shard.count(new, max(0, size - there.size))
        written = replace_file(path, octets, f"{self._heads[key[0]]}new", quickly=not new)
        if new:
            shard.push(key, written, self._exists)
        elif size < there.size:
            shard.count(0, size - there.size)
        self._saw(key[0], shard)
        self._groups.remove(group for group in before if group not in after)
        return size

    def _exists(self, key: bytes) -> bool:
        return os.path.exists(self._head(key))

    def _belongs(self, key: bytes, digest: str) -> bool:
        return any(digest_of(group) == digest for group in _groups_of(self._lying(key).item))

    def _remove(self, shard: Shard, key: bytes, there: _Lying) -> None:
        """Remove what lies under `key`, but leave its body to whoever asked for that."""
        if there.size and remove_file(self._head(key)):
            shard.count(-1, -there.size)
            self._saw(key[0], shard)
        self._groups.remove(_groups_of(there.item))

    def _evict(self, shard: Shard, key: bytes, there: _Lying, why: Why) -> None:
        self._remove(shard, key, there)
        self._seen.discard(key)
        for body_id in there.item.body_ids if isinstance(there.item, Entry) else ():
            self._bodies.remove(body_id)
        if self._on_evict is not None and there.item is not None:
            self._on_evict(there.item, why)

    # --- purges

    def _purge_shard(self, first: int, scope: Scope, begins: str) -> int:
        if not os.path.exists(self._queue(first)):
            # Whoever stores the first item there makes it, and looks into the log afterwards.
            return 0
        with self._shard(first) as shard:
            return sum([self._purge_key(shard, key, scope) for key in self._keys(first, begins)])

    def _purge_key(self, shard: Shard, key: bytes, scope: Scope) -> int:
        """Apply `scope` to what lies under `key`; how many responses it hit."""
        there = self._lying(key)
        item = there.item
        if item is None or not scope.hits(item):
            return 0
        if scope.stale_at is None:
            self._evict(shard, key, there, "purge")
        elif isinstance(item, Entry):
            octets = _REVISION.pack(secrets.randbits(63) or 1) + encode(item.expired(scope.stale_at))
            replace_file(self._head(key), self._seal.seal(key, octets), f"{self._heads[key[0]]}new", quickly=True)
        return int(isinstance(item, Entry))

    # --- room

    def _upkeep(self) -> None:
        """After something was stored: make room, and now and then sweep a shard."""
        self._writes += 1
        # So rarely that its price, which is that of reading a shard, is the same for every write.
        if self._writes >= max(64, self._figures[self._broom][0]):
            self._writes = 0
            self._sweep_shard(self._broom, self._clock(), 1000)
            self._broom = (self._broom + 1) % COUNT
            self._write_down()
        for _ in range(ROUNDS * COUNT):
            if not self._full():
                return
            self._turn_hand()

    def _make_some_room(self) -> None:
        """Where the disk is full, whatever the bounds: let something go, if there is anything."""
        self._saw(0, None)
        before = self.evictions
        for _ in range(ROUNDS * COUNT):
            if self.evictions == before:
                self._turn_hand(at_least=1)

    def _turn_hand(self, at_least: int = 0) -> None:
        """Make room in the next shard."""
        self._hand = (self._hand + 1) % COUNT
        if self._figures[self._hand][0]:
            with self._shard(self._hand) as shard:
                self._make_room(self._hand, shard, at_least)

    def _full(self) -> bool:
        return (
            sum([entries for entries, _ in self._figures]) > self.max_entries
            or sum([size for _, size in self._figures]) > self.max_bytes
        )

    def _make_room(self, first: int, shard: Shard, at_least: int) -> None:
        """Evict from the front of a shard's queue what nobody has asked for since it was put there."""
        self._saw(first, shard)
        enough = self.evictions + at_least
        for key, queued in shard.shift(8):
            try:
                changed = os.stat(self._head(key)).st_mtime_ns
            except FileNotFoundError:
                continue
            wanted = self.evictions < enough or self._full()
            if not wanted or changed != queued or key in self._seen:
                self._seen.discard(key)
                shard.push(key, changed, self._exists)
            else:
                self.evictions += 1
                self._evict(shard, key, self._lying(key), "space")

    def _saw(self, first: int, shard: Shard | None) -> None:
        """Note a shard's figures."""
        if not self._figures:
            self._figures = [figures(self._queue(each)) for each in range(COUNT)]
        if shard is not None:
            self._figures[first] = shard.entries, shard.bytes

    def _write_down(self) -> None:
        """Tell other processes what was asked for here: it gets a new time."""
        seen, self._seen = self._seen, set()
        now = time.time_ns()
        for key in seen:
            try:
                os.utime(self._head(key), ns=(now, now))
            except OSError:
                # It is gone, or nothing can be written.
                continue

    # --- the sweep

    def _sweep_shard(self, first: int, now: float, limit: int) -> int:
        """Remove what is of no use in one shard, at most `limit` items, and mend its figures and its queue."""
        swept = entries = size = 0
        if not os.path.exists(self._queue(first)) and not os.path.exists(self._heads[first]):
            return self._sweep_bodies(first, now)
        records: dict[bytes, int] = {}
        with self._shard(first) as shard:
            # Whoever wrote it would hold the lock.
            remove_file(f"{self._heads[first]}new")
            queued = shard.queued()
            for key in self._keys(first):
                there = self._lying(key)
                if swept < limit and (there.item is None or self._useless(key, there.item, now)):
                    self._evict(shard, key, there, "sweep")
                    swept += there.item is not None
                    continue
                entries += 1
                size += there.size
                records[key] = queued.get(key, 0)
            order = [key for key in queued if key in records]
            shard.recount(entries, size)
            shard.requeue({key: records[key] for key in (*order, *records)})
            self._saw(first, shard)
        return swept + self._sweep_bodies(first, now)

    def _useless(self, key: bytes, item: Item, now: float) -> bool:
        """Whether nothing can use an item any more: it is too old, or a variant that nobody can find."""
        if isinstance(item, Variants):
            return False
        if item.useless(now):
            return True
        if len(key) == 32:
            return False
        root = self._lying(key[:32]).item
        return not isinstance(root, Variants) or variant_key(key[:32], root.generation, item.selecting) != key

    def _sweep_bodies(self, first: int, now: float) -> int:
        swept = 0
        for body_id, changed in self._bodies.names(first):
            if now - changed > ABANDONED:
                owner = self._bodies.owner(body_id)
                item = None if owner is None else self._lying(owner).item
                if not (isinstance(item, Entry) and body_id in item.body_ids):
                    self._bodies.remove(body_id)
                    swept += 1
        return swept

    def _sweep_leases(self, now: float) -> None:
        for name in os.listdir(self._within("leases")):
            path = f"{self._within('leases')}{os.sep}{name}"
            if now - self._leased(path)[0] > ABANDONED:
                remove_file(path)

    # --- leases

    def _lease(self, slot: bytes) -> tuple[str, int]:
        digest = sha256(slot).digest()
        return f"{self._within('leases')}{os.sep}{digest.hex()}", digest[0]

    def _leased(self, path: str) -> tuple[float, bytes]:
        """Until when, and to whom."""
        octets = read_file(path) or b""
        if len(octets) != _LEASE.size:
            return 0.0, b""
        until, owner = _LEASE.unpack(octets)
        return until, owner


def _groups_of(item: Item | None) -> tuple[str, ...]:
    return item.groups if isinstance(item, Entry) else ()
