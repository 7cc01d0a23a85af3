"""What lies in one folder of a `FileStore`: heads, bodies, groups, and the shards that they are counted in.

A head file holds an item, a small body included; in front of it stands its revision, and around both the seal.
"""

from __future__ import annotations

import os
import re
import secrets
from struct import Struct
from typing import Final, NamedTuple

from ..codec import Seal, decode, encode
from ..entries import Entry, Item
from .bodies import Bodies
from .contract import OnEvict, Why, length_of_bodies
from .groups import Groups, digest_of
from .known import Known
from .places import read_file, remove_file, replace_file
from .shards import COUNT, Shard, figures

_REVISION: Final = Struct("<Q")
_NAME: Final = re.compile(r"(?:[0-9a-f]{64}|[0-9a-f]{128})\Z")


class Lying(NamedTuple):
    """What lies under a key: the item, its revision, and the bytes that it takes with its body."""

    item: Item | None
    revision: int
    size: int

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that it belongs to."""
        return groups_of(self.item)

    @property
    def body_ids(self) -> tuple[str, ...]:
        """The bodies that belong to it."""
        return self.item.body_ids if isinstance(self.item, Entry) else ()


class Shelf:
    """One folder's heads, bodies, groups and shards.  What changes something wants the shard, locked."""

    def __init__(self, root: str, seal: Seal, on_evict: OnEvict | None) -> None:
        self.root = root
        self.bodies: Bodies = Bodies(self.within("bodies"), seal)
        self.groups: Groups = Groups(self.within("groups"), self._belongs)
        self.seen: set[bytes] = set()
        """What was asked for in this process, as long as it was not written down."""
        self.evictions: int = 0
        """Items that this process had to remove to make room."""
        self._heads = [f"{root}{os.sep}heads{os.sep}{first:02x}{os.sep}" for first in range(COUNT)]
        self._seal = seal
        self._on_evict = on_evict
        self._known: Known[Lying] = Known()
        self._figures: list[tuple[int, int]] = []

    def within(self, name: str) -> str:
        """The path of what is called so."""
        return f"{self.root}{os.sep}{name}"

    # --- shards

    def queue(self, first: int) -> str:
        """The file of a shard."""
        return f"{self.root}{os.sep}queue{os.sep}{first:02x}"

    def shard(self, first: int) -> Shard:
        """A shard, locked."""
        return Shard(self.queue(first))

    def is_empty(self, first: int) -> bool:
        """Whether nothing was ever stored in a shard, as far as one can see."""
        return not (os.path.exists(self.queue(first)) or os.path.exists(self._heads[first]))

    @property
    def figures(self) -> list[tuple[int, int]]:
        """How many entries each shard has, and their bytes, as this process last saw it."""
        if not self._figures:
            self.look()
        return self._figures

    def look(self) -> list[tuple[int, int]]:
        """The figures as they are now."""
        self._figures = [figures(self.queue(each)) for each in range(COUNT)]
        return self._figures

    def look_at(self, first: int) -> None:
        """Note a shard's figures as they are now."""
        self.figures[first] = figures(self.queue(first))

    def saw(self, first: int, shard: Shard) -> None:
        """Note a shard's figures."""
        self.figures[first] = shard.entries, shard.bytes

    # --- items

    def head(self, key: bytes) -> str:
        """The file of what lies under `key`."""
        return self._heads[key[0]] + key.hex()

    def new_head(self, first: int) -> str:
        """The file that a shard's next head is written to."""
        return f"{self._heads[first]}new"

    def keys(self, first: int, begins: str = "") -> list[bytes]:
        """The keys in a shard whose names begin so.  What is not named as we name files is not ours."""
        try:
            names = os.listdir(self._heads[first])
        except FileNotFoundError:
            return []
        return [bytes.fromhex(name) for name in names if name.startswith(begins) and _NAME.match(name)]

    def exists(self, key: bytes) -> bool:
        """Whether anything lies under `key`."""
        return os.path.exists(self.head(key))

    def lying(self, key: bytes) -> Lying:
        """What lies under `key`; nothing, where it cannot be read."""
        octets = read_file(self.head(key))
        if octets is None:
            return Lying(None, 0, 0)
        known = self._known.get(key, octets)
        return self._known.put(key, octets, self._lying(key, octets)) if known is None else known

    def _lying(self, key: bytes, octets: bytes) -> Lying:
        payload = self._seal.unseal(key, octets)
        item = None if payload is None else decode(payload[_REVISION.size :])
        if payload is None or item is None:
            return Lying(None, 0, len(octets))
        return Lying(item, _REVISION.unpack_from(payload)[0], len(octets) + length_of_bodies(item))

    def written(self, key: bytes, item: Item) -> bytes:
        """`item` as it is going to lie under `key`, with a revision that was never used."""
        return self._seal.seal(key, _REVISION.pack(secrets.randbits(63) or 1) + encode(item))

    def put(self, key: bytes, octets: bytes, *, new: bool) -> int:
        """Put what `written` gave in its place; the file's time in nanoseconds."""
        return replace_file(self.head(key), octets, self.new_head(key[0]), quickly=not new)

    def remove(self, shard: Shard, key: bytes, there: Lying) -> None:
        """Remove what lies under `key`, but leave its body to whoever asked for that."""
        if there.size and remove_file(self.head(key)):
            shard.count(-1, -there.size)
            self.saw(key[0], shard)
        self.groups.remove(there.groups)

    def evict(self, shard: Shard, key: bytes, there: Lying, why: Why) -> None:
        """Remove what lies under `key`, its body with it, and tell whoever wants to know."""
        self.remove(shard, key, there)
        self.seen.discard(key)
        for body_id in there.body_ids:
            self.bodies.remove(body_id)
        if self._on_evict is not None and there.item is not None:
            self._on_evict(there.item, why)

    def _belongs(self, key: bytes, digest: str) -> bool:
        return any(digest_of(group) == digest for group in self.lying(key).groups)


def groups_of(item: Item | None) -> tuple[str, ...]:
    """The groups that `item` belongs to."""
    return item.groups if isinstance(item, Entry) else ()
