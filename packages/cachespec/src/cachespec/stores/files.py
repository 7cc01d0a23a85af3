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
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from ..codec import Seal
from ..entries import Entry, Item
from ..keys import url_key
from .bodies import FileBody
from .broom import Broom
from .contract import Blocking, OnEvict, Reading, Scope, Stats, length_of_bodies
from .filelog import FileLog
from .groups import digest_of
from .leases import Leases
from .locks import locked
from .places import FULL, UNWRITABLE, check_namespace, default_folder, make_folder, read_file, replace_file
from .room import Room
from .shards import COUNT, Shard
from .shelf import Lying, Shelf, groups_of

log: logging.Logger = logging.getLogger("cachespec")

VERSION: Final = "v1"
"""The folder in which everything of this format lies; another format has another."""


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
        self.blocking: Blocking = "writes" if inline_reads else "always"
        self._shelf = Shelf(
            str(self.folder / VERSION / check_namespace(namespace)),
            Seal(signing_key),
            on_evict,
        )
        self._log = FileLog(self._shelf.within("purges"))
        self._room = Room(self._shelf)
        self._broom = Broom(self._shelf)
        self._leases = Leases(self._shelf)
        self._clock = clock
        self._secret: bytes | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<FileStore {self._shelf.root}>"

    @property
    def evictions(self) -> int:
        """Items that this process had to remove to make room."""
        return self._shelf.evictions

    # --- the contract

    def secret(self) -> bytes:
        """See `Store.secret`."""
        if self._secret is None:
            path = self._shelf.within("secret")
            # It may be there where nothing can be written.
            found = read_file(path) or self._make_secret(path)
            if len(found) != 32:
                raise ValueError(f"{path} is not this cache's secret; remove it")
            self._secret = found
        return self._secret

    def read(self, key: bytes) -> Reading:
        """See `Store.read`."""
        mark = self._mark()
        found = self._shelf.lying(key)
        if found.item is not None:
            self._room.asked_for(key, self.max_entries, self.max_bytes)
        return Reading(found.item, found.revision, mark)

    def swap(self, key: bytes, item: Item | None, revision: int, mark: int) -> bool:
        """See `Store.swap`."""
        self._mark()
        try:
            with self._shelf.shard(key[0]) as shard:
                there = self._shelf.lying(key)
                if there.revision != revision:
                    return False
                if item is None:
                    self._shelf.remove(shard, key, there)
                    return True
                published = self._publish(shard, key, item, there, mark)
        except OSError as error:
            if error.errno not in UNWRITABLE:
                raise
            log.info("nothing is stored in %s: %s", self._shelf.root, error)
            return False
        if published:
            self._upkeep()
        return published

    def append(self, body_id: str, chunk: bytes) -> bool:
        """See `Store.append`."""
        self._mark()
        # What the checks take beside the octets themselves is next to nothing.
        return self._shelf.bodies.append(body_id, chunk, self.max_body + self.max_body // 1024 + 1024)

    def open(self, body_id: str) -> FileBody | None:
        """See `Store.open`."""
        return self._shelf.bodies.open(body_id)

    def discard(self, body_id: str) -> None:
        """See `Store.discard`."""
        self._shelf.bodies.remove(body_id)

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
            self._room.make_some(self.max_entries, self.max_bytes)
            self._log.add(scope)
        return hit + self._apply(scope)

    def items(self) -> Iterator[tuple[bytes, Item]]:
        """See `Store.items`."""
        self._mark()
        for first in range(COUNT):
            for key in self._shelf.keys(first):
                item = self._shelf.lying(key).item
                if item is not None:
                    yield key, item

    def sweep(self, now: float, limit: int = 1000) -> int:
        """See `Store.sweep`.  It looks at everything, a shard at a time."""
        self._mark()
        swept = self._broom.sweep(now, limit)
        if swept < limit:
            self._leases.sweep(now)
        return swept

    def stats(self) -> Stats:
        """See `Store.stats`."""
        self._mark()
        entries, size = (sum(each) for each in zip(*self._shelf.look(), strict=True))
        return Stats(entries, size, self.max_entries, self.max_bytes, self.evictions)

    def alone(self) -> bool:
        """Whether no other store that asks for leases is on this folder: nobody has to be told who fetches, then."""
        return not self._closed and self._leases.alone()

    def lease(self, slot: bytes, owner: bytes, seconds: float) -> bool:
        """See `Leasing.lease`."""
        self._prepare()
        return self._leases.take(slot, owner, self._clock(), seconds)

    def release(self, slot: bytes, owner: bytes) -> None:
        """See `Leasing.release`."""
        self._leases.give(slot, owner)

    def close(self) -> None:
        """See `Store.close`."""
        if not self._closed:
            self._closed = True
            self._leases.close()
            self._room.write_down()

    # --- what the contract is made of

    def _mark(self) -> int:
        """The number of the latest purge; everything is made ready where there is nothing yet."""
        if self._closed:
            raise ValueError("the store is closed")
        try:
            return self._log.mark()
        except FileNotFoundError:
            self._prepare()
            return self._log.mark()

    def _make_secret(self, path: str) -> bytes:
        self._prepare()
        with locked(f"{path}.lock"):
            # Somebody else may have been quicker.
            made = read_file(path) or secrets.token_bytes(32)
            replace_file(path, made, f"{path}.new")
        return made

    def _prepare(self) -> None:
        if self._closed:
            raise ValueError("the store is closed")
        # What lies in these has folders of its own, which are made when they are needed.
        for name in ("queue", "groups", "leases"):
            make_folder(self._shelf.within(name))
        self._log.create()

    def _publish(self, shard: Shard, key: bytes, item: Item, there: Lying, mark: int) -> bool:
        """Put `item` in the place of what is there; False if it was refused."""
        shelf = self._shelf
        octets = shelf.written(key, item)
        size = len(octets) + length_of_bodies(item)
        if isinstance(item, Entry) and not all(shelf.bodies.publish(body_id, key) for body_id in item.body_ids):
            return False
        before, after = there.groups, groups_of(item)
        for group in after:
            if group not in before:
                shelf.groups.add(group, key)
        # After the groups: a purge that this does not see finds the key among them, and waits for the shard.
        if size > self.max_bytes or self._log.refuses(item, mark):
            return False
        new = there.size == 0
        shard.count(new, max(0, size - there.size))
        written = shelf.put(key, octets, new=new)
        if new:
            shard.push(key, written, shelf.exists)
        elif size < there.size:
            shard.count(0, size - there.size)
        shelf.saw(key[0], shard)
        shelf.groups.remove(group for group in before if group not in after)
        return True

    def _upkeep(self) -> None:
        """After something was stored: make room, and now and then sweep a shard."""
        if self._broom.after_a_write(self._clock()):
            self._room.write_down()
        self._room.keep_within(self.max_entries, self.max_bytes)

    # --- purges

    def _apply(self, scope: Scope) -> int:
        """Apply `scope` to everything there is; how many responses it hit."""
        if scope.everything or scope.prefix is not None:
            return sum([self._purge_shard(first, scope, "") for first in range(COUNT)])
        hit = 0
        for url in scope.urls:
            begins = url_key(url)
            hit += self._purge_shard(begins[0], scope, begins.hex())
        groups = self._shelf.groups
        for _, group in scope.groups:
            for key in dict.fromkeys(groups.keys(group)):
                with self._shelf.shard(key[0]) as shard:
                    hit += self._purge_key(shard, key, scope)
            if scope.stale_at is None:
                groups.put_in_order(digest_of(group))
        return hit

    def _purge_shard(self, first: int, scope: Scope, begins: str) -> int:
        if not os.path.exists(self._shelf.queue(first)):
            # Whoever stores the first item there makes it, and looks into the log afterwards.
            return 0
        with self._shelf.shard(first) as shard:
            return sum([self._purge_key(shard, key, scope) for key in self._shelf.keys(first, begins)])

    def _purge_key(self, shard: Shard, key: bytes, scope: Scope) -> int:
        """Apply `scope` to what lies under `key`; how many responses it hit."""
        there = self._shelf.lying(key)
        item = there.item
        if item is None or not scope.hits(item):
            return 0
        if scope.stale_at is None:
            self._shelf.evict(shard, key, there, "purge")
        elif isinstance(item, Entry):
            self._shelf.put(key, self._shelf.written(key, item.expired(scope.stale_at)), new=False)
        return int(isinstance(item, Entry))
