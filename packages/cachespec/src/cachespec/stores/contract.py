"""What a store promises.

Everything clever is above the store: which key, which variant, what may be stored and for how long.  A store keeps
items by key with compare-and-set, streams bodies, and remembers purges for as long as an exchange may take:

- *Invisible until complete.*  A body is appended to in pieces; nobody finds it before an item that names it has been
  swapped in, and an item whose body is not there is not swapped in.  What was appended and never named is removed by
  `discard`, or by `sweep` after a crash.
- *Compare-and-set.*  Every item has a revision, never 0 and never used twice for one key; 0 stands for no item.
- *A purge beats what began before it.*  Purges are numbered; `read` tells the number of the latest one *before* it
  looks for the item, and `swap` refuses an item that a later purge would have hit.
- *What cannot be read is not there.*  A damaged or foreign item is None, with a revision that `swap` takes for it, so
  that it can be replaced.  A body is never handed out wrong or short: one that turns out to be damaged raises.
- *Bounded.*  What makes room for new items goes at a cost that does not grow with their number.
- *No request's failure.*  No room, no right to write: `append` and `swap` say False.  Whatever is raised counts as a
  miss; only a purge that fails is remembered.
- *Whoever drops an item drops its body*, except in `swap`: the caller knows what it replaces, and discards.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

from ..entries import Entry, Item, Variants
from ..keys import normalise_url, origin_of, variant_key


class Reading(NamedTuple):
    """What lies under a key: the item or None, its revision (0: none), and the number of the latest purge."""

    item: Item | None
    revision: int
    mark: int


NOTHING = Reading(None, 0, -1)
"""What a store that cannot be asked would have said; with a negative mark nothing is written back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a purge hits: an item is hit if any part applies to it.  Nothing given hits nothing."""

    urls: tuple[str, ...] = ()
    """Normalised URLs, with all their variants."""
    groups: tuple[tuple[str, str], ...] = ()
    """Pairs of an origin and a group's name (RFC 9875 §2.1); an empty origin means every origin."""
    prefix: str | None = None
    """Normalised URLs that begin so."""
    everything: bool = False
    stale_at: float | None = None
    """Where given, what is hit stays, but counts as stale from this time on (seconds since the epoch)."""

    def hits(self, item: Item) -> bool:
        """Whether this purge applies to `item`."""
        if self.everything or item.url in self.urls:
            return True
        if self.prefix is not None and item.url.startswith(self.prefix):
            return True
        if self.groups and isinstance(item, Entry) and item.groups:
            origin = origin_of(item.url)
            return any(group in item.groups and where in ("", origin) for where, group in self.groups)
        return False


def scope(
    *,
    url: str | None = None,
    groups: Iterable[str] | str = (),
    prefix: str | None = None,
    everything: bool = False,
    stale_at: float | None = None,
) -> Scope:
    """The scope of an explicit purge, from what people write.

    `groups` names groups of every origin.  Nothing to purge is a ValueError.
    """
    named = (groups,) if isinstance(groups, str) else tuple(groups)
    if url is None and not named and prefix is None and not everything:
        raise ValueError("purge: name a url, groups, a prefix, or everything=True")
    return Scope(
        urls=() if url is None else (normalise_url(url),),
        groups=tuple([("", group) for group in named]),
        prefix=None if prefix is None else normalise_url(prefix),
        everything=everything,
        stale_at=stale_at,
    )


def length_of_bodies(item: Item) -> int:
    """Bytes of the bodies that `item` names; what lies beside its head does not count."""
    if not isinstance(item, Entry):
        return 0
    if item.body_id is not None:
        return item.length
    return sum([part.stop - part.start for part in item.parts if part.body_id is not None])


ABANDONED: Final = 3600.0
"""Seconds after which a body that no item names counts as abandoned."""


def is_useless(key: bytes, item: Item, now: float, look: Callable[[bytes], Item | None]) -> bool:
    """Whether nothing can use an item any more: it is too old, or a variant that nobody can find.

    `look` tells what lies under another key.
    """
    if isinstance(item, Variants):
        return False
    if item.useless(now):
        return True
    if len(key) == 32:
        return False
    root = look(key[:32])
    return not isinstance(root, Variants) or variant_key(key[:32], root.generation, item.selecting) != key


Blocking: TypeAlias = Literal["never", "writes", "always"]
"""With ``writes``, `Store.read` is quick enough for an event loop."""
Why: TypeAlias = Literal["space", "purge", "sweep"]
"""Why an item went: to make room, because it was purged, or because nothing could use it any more."""
OnEvict: TypeAlias = Callable[[Item, Why], None]
"""Is told of an item that goes, and why.  It may be called with a lock held: it should be quick and must not call the
store."""


class Stats(NamedTuple):
    """What a store holds.  Where several processes share it, the figures may be a little behind."""

    entries: int
    """Responses, and records of variants."""
    bytes: int
    """What their heads and bodies take."""
    max_entries: int
    """How many there may be."""
    max_bytes: int
    """How much they may take together."""
    evictions: int
    """How many this instance has removed to make room."""


class Body(Protocol):
    """A stored body that was opened: it can be read to its end whatever becomes of its item meanwhile."""

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """The octets from `start` up to `stop`, in pieces of a bounded size."""
        ...

    def close(self) -> None:
        """Let go of it.  May be called more than once."""
        ...


class AsyncBody(Protocol):
    """`Body` for an event loop."""

    def chunks(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """The octets from `start` up to `stop`, in pieces of a bounded size."""
        ...

    async def close(self) -> None:
        """Let go of it.  May be called more than once."""
        ...


class Store(Protocol):
    """A store, as the rest of the library sees it.  Any method may raise; that is a miss, never a failed request.

    Keys are 32 or 64 octets; those that share the first 32 belong to one URL.
    """

    blocking: Blocking
    """Which calls may wait for a disk or a network, so that an event loop must not make them itself."""

    def secret(self) -> bytes:
        """At least 32 random octets, the same for all that share the store."""
        ...

    def read(self, key: bytes) -> Reading:
        """What lies under `key`, and the number of the latest purge as it was before looking."""
        ...

    def swap(self, key: bytes, item: Item | None, revision: int, mark: int) -> bool:
        """Put `item` (None: nothing) in the place of what has `revision`; False if that is no longer there.

        False, too, where a purge with a number above `mark` applies to `item`, or is no longer remembered.
        """
        ...

    def append(self, body_id: str, chunk: bytes) -> bool:
        """Add to the body `body_id`, which nobody can see yet; False if there is no room for it."""
        ...

    def open(self, body_id: str) -> Body | None:
        """The body `body_id` for reading, or None if it is gone."""
        ...

    def discard(self, body_id: str) -> None:
        """Remove the body `body_id`, complete or not."""
        ...

    def purge(self, scope: Scope) -> int:
        """Apply `scope` at once, for everybody that shares the store; the number of items hit."""
        ...

    def items(self) -> Iterator[tuple[bytes, Item]]:
        """Everything there is, in no particular order."""
        ...

    def sweep(self, now: float, limit: int = 1000) -> int:
        """Remove up to `limit` items that can never be used again, and orphaned bodies; how many were removed."""
        ...

    def stats(self) -> Stats:
        """How much there is, at a cost that does not grow with it."""
        ...

    def close(self) -> None:
        """Let go of files and connections.  Afterwards every other method raises."""
        ...


@runtime_checkable
class Leasing(Protocol):
    """What a store may do beside: settle which of several processes fetches, while the others wait for it.

    Where a store has a method ``alone``, which waits for nobody, and that says True, there is nobody to settle it with.
    """

    def lease(self, slot: bytes, owner: bytes, seconds: float) -> bool:
        """Give `slot` (at most 64 octets) to `owner` (at most 32) for so long, if nobody else has it."""
        ...

    def release(self, slot: bytes, owner: bytes) -> None:
        """Take `slot` back from `owner` before that time.  Does nothing if somebody else has it by now."""
        ...


class AsyncStore(Protocol):
    """`Store` for an event loop: the same promises, every method a coroutine."""

    async def secret(self) -> bytes:
        """See `Store.secret`."""
        ...

    async def read(self, key: bytes) -> Reading:
        """See `Store.read`."""
        ...

    async def swap(self, key: bytes, item: Item | None, revision: int, mark: int) -> bool:
        """See `Store.swap`."""
        ...

    async def append(self, body_id: str, chunk: bytes) -> bool:
        """See `Store.append`."""
        ...

    async def open(self, body_id: str) -> AsyncBody | None:
        """See `Store.open`."""
        ...

    async def discard(self, body_id: str) -> None:
        """See `Store.discard`."""
        ...

    async def purge(self, scope: Scope) -> int:
        """See `Store.purge`."""
        ...

    def items(self) -> AsyncIterator[tuple[bytes, Item]]:
        """See `Store.items`."""
        ...

    async def sweep(self, now: float, limit: int = 1000) -> int:
        """See `Store.sweep`."""
        ...

    async def stats(self) -> Stats:
        """See `Store.stats`."""
        ...

    async def close(self) -> None:
        """See `Store.close`."""
        ...
