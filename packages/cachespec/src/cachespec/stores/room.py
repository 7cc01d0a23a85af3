"""Room in a `FileStore`: what goes to make some, at a cost that does not grow with what there is.

Eviction takes the key at the front of a shard's queue.  Where somebody has asked for it since it was put there, it goes
to the back; else its item goes.  What is asked for in this process is kept in mind, and written down now and then, as
the time of the head file, for the others to see: where the store is filling, for else nothing has to go soon.
"""

from __future__ import annotations

import os
import secrets
import time
from typing import Final

from .shards import COUNT, Shard
from .shelf import Shelf

SEEN: Final = 512
"""Hits whose recency is kept in the process, before all of them are written down."""
FILLING: Final = 0.75
"""The part of what there may be, from which on there will have to be room soon."""
LOOKED_AT: Final = 16
"""How many shards are looked at anew in one go, to see whether others have filled them."""
ROUNDS: Final = 2
"""How often room is looked for in all shards, before it is given up."""
AT_ONCE: Final = 8
"""Keys that are taken from a queue in one go."""


class Room:
    """The hand that goes round a shelf's shards."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._hand = secrets.randbelow(COUNT)
        self._looked_at = self._hand

    def asked_for(self, key: bytes, entries: int, size: int) -> None:
        """Note a hit in a store of at most so many entries and bytes."""
        seen = self._shelf.seen
        seen.add(key)
        if len(seen) >= SEEN:
            if self._is_filling(entries, size):
                self.write_down()
            else:
                self._shelf.seen = set()

    def write_down(self) -> None:
        """Tell other processes what was asked for here: it gets a new time."""
        seen, self._shelf.seen = self._shelf.seen, set()
        now = time.time_ns()
        # A copy, for another thread may be about to add to it still.
        for key in list(seen):
            try:
                os.utime(self._shelf.head(key), ns=(now, now))
            except OSError:
                # It is gone, or nothing can be written.
                continue

    def keep_within(self, entries: int, size: int) -> None:
        """Let go what is more than so many entries, or so many bytes."""
        for _ in range(ROUNDS * COUNT):
            if not self._is_over(entries, size):
                return
            self._turn(entries, size)

    def make_some(self, entries: int, size: int) -> None:
        """Where the disk is full, whatever the bounds: let something go, if there is anything."""
        before = self._shelf.evictions
        for _ in range(ROUNDS * COUNT):
            if self._shelf.evictions == before:
                self._turn(entries, size, at_least=1)

    def _is_filling(self, entries: int, size: int) -> bool:
        """Whether there will have to be room soon, as far as this process has seen."""
        for _ in range(LOOKED_AT):
            self._looked_at = (self._looked_at + 1) % COUNT
            self._shelf.look_at(self._looked_at)
        return self._is_over(int(entries * FILLING), int(size * FILLING))

    def _is_over(self, entries: int, size: int) -> bool:
        figures = self._shelf.figures
        return sum([each for each, _ in figures]) > entries or sum([each for _, each in figures]) > size

    def _turn(self, entries: int, size: int, at_least: int = 0) -> None:
        """Make room in the next shard, for as long as there is too much, or until `at_least` so many are gone."""
        shelf = self._shelf
        self._hand = (self._hand + 1) % COUNT
        if not shelf.figures[self._hand][0]:
            return
        enough = shelf.evictions + at_least
        with shelf.shard(self._hand) as shard:
            shelf.saw(self._hand, shard)
            for key, queued in shard.shift(AT_ONCE):
                wanted = shelf.evictions < enough or self._is_over(entries, size)
                self._pass(shard, key, queued, wanted=wanted)

    def _pass(self, shard: Shard, key: bytes, queued: int, *, wanted: bool) -> None:
        """Evict `key`, or put it at the back of the queue if it was asked for since, or no room is `wanted`."""
        shelf = self._shelf
        try:
            changed = os.stat(shelf.head(key)).st_mtime_ns
        except FileNotFoundError:
            return
        if not wanted or changed != queued or key in shelf.seen:
            shelf.seen.discard(key)
            shard.push(key, changed, shelf.exists)
        else:
            shelf.evictions += 1
            shelf.evict(shard, key, shelf.lying(key), "space")
