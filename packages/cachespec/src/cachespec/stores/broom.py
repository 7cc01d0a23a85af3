"""The sweep of a `FileStore`: what is of no use to anybody, and what killed processes left behind."""

from __future__ import annotations

import secrets

from ..entries import Entry, Item
from .contract import ABANDONED, is_useless
from .places import remove_file
from .shards import COUNT
from .shelf import Shelf


class Broom:
    """It sweeps a shelf shard by shard, and goes on where it stopped."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._next = secrets.randbelow(COUNT)
        self._writes = 0

    def sweep(self, now: float, limit: int) -> int:
        """Remove up to `limit` items; how many were removed, bodies that nobody named included."""
        swept = 0
        for _ in range(COUNT):
            swept += self._sweep(self._next, now, limit - swept)
            if swept >= limit:
                return swept
            self._next = (self._next + 1) % COUNT
        for digest in self._shelf.groups.digests():
            self._shelf.groups.put_in_order(digest)
        return swept

    def after_a_write(self, now: float) -> bool:
        """Now and then sweep a shard; whether it was done.

        So rarely that its price, which is that of reading a shard, is the same for every write.
        """
        self._writes += 1
        if self._writes < max(64, self._shelf.figures[self._next][0]):
            return False
        self._writes = 0
        self._sweep(self._next, now, 1000)
        self._next = (self._next + 1) % COUNT
        return True

    def _sweep(self, first: int, now: float, limit: int) -> int:
        """Remove what is of no use in one shard, at most `limit` items, and mend its figures and its queue."""
        shelf = self._shelf
        if shelf.is_empty(first):
            return self._sweep_bodies(first, now)
        swept = entries = size = 0
        records: dict[bytes, int] = {}
        with shelf.shard(first) as shard:
            # Whoever wrote it would hold the lock.
            remove_file(shelf.new_head(first))
            queued = shard.queued()
            for key in shelf.keys(first):
                there = shelf.lying(key)
                if swept < limit and (there.item is None or is_useless(key, there.item, now, self._item)):
                    shelf.evict(shard, key, there, "sweep")
                    swept += there.item is not None
                    continue
                entries += 1
                size += there.size
                records[key] = queued.get(key, 0)
            order = [key for key in queued if key in records]
            shard.recount(entries, size)
            shard.requeue({key: records[key] for key in (*order, *records)})
            shelf.saw(first, shard)
        return swept + self._sweep_bodies(first, now)

    def _item(self, key: bytes) -> Item | None:
        return self._shelf.lying(key).item

    def _sweep_bodies(self, first: int, now: float) -> int:
        shelf, swept = self._shelf, 0
        for body_id, changed in shelf.bodies.names(first):
            if now - changed > ABANDONED:
                owner = shelf.bodies.owner(body_id)
                item = None if owner is None else shelf.lying(owner).item
                if not (isinstance(item, Entry) and body_id in item.body_ids):
                    shelf.bodies.remove(body_id)
                    swept += 1
        return swept
