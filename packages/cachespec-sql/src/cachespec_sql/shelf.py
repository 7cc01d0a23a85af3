"""A namespace in a database, and the statements that all that changes it has in common.

What works on it is a *step*: called with a connection inside of a short transaction, and repeated from its start where
the database says that it lost a race.  A *flow* yields steps and is sent their results; both colours of the store run
the same ones.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from hashlib import sha256
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import Connection, Table, bindparam, delete, func, select, update

from cachespec.stores.building import Item, Known, OnEvict, Seal, Why, decode

from .dialects import Dialect
from .opening import PARTS, Space
from .tables import BODIES, GROUPS, ITEMS, SPACES, TOTALS

R = TypeVar("R")
Step: TypeAlias = Callable[[Connection], Any]
Flow: TypeAlias = Generator[Step, Any, R]

NEVER: Final = 1e15
"""Seconds since the epoch that nobody will see; not every database has infinity."""
OVERHEAD: Final = 300
"""Bytes that an item takes beside its blob, roughly."""
FLUSH: Final = 64
"""Hits after which a writer tells the others what was asked for."""
GRACE: Final = 60.0
"""Seconds for which a body counts as only just gone."""
MOST: Final = 1000
"""Bodies that are only just gone of which it is asked how much they take."""
REMEMBERED_HITS: Final = 10_000

_HOLD: Final = update(SPACES).where(SPACES.c.id == bindparam("space")).values(mark=SPACES.c.mark)
_MARK: Final = select(SPACES.c.mark).where(SPACES.c.id == bindparam("space")).with_for_update(read=True)
_ADD: Final = (
    update(TOTALS)
    .where(TOTALS.c.space == bindparam("at"), TOTALS.c.part == bindparam("of"))
    .values(entries=TOTALS.c.entries + bindparam("more"), bytes=TOTALS.c.bytes + bindparam("heavier"))
)
_TOTALS: Final = select(func.sum(TOTALS.c.entries), func.sum(TOTALS.c.bytes)).where(
    TOTALS.c.space == bindparam("space")
)
_GONE: Final = (
    select(BODIES.c.size)
    .where(BODIES.c.space == bindparam("space"), BODIES.c.gone == 1, BODIES.c.since >= bindparam("before"))
    .limit(MOST)
    .subquery()
)
_LATELY: Final = select(func.sum(_GONE.c.size))


def digest(text: str) -> bytes:
    """A text as the indexes have it."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


class Shelf:
    """A namespace as one store sees it: its limits, and what this process alone knows."""

    def __init__(
        self,
        space: Space,
        dialect: Dialect,
        *,
        seal: Seal,
        max_bytes: int,
        max_entries: int,
        max_body: int,
        on_evict: OnEvict | None,
    ) -> None:
        self.space: int = space.number
        self.secret: bytes = space.secret
        self.dialect: Dialect = dialect
        self.seal: Seal = seal
        self.max_bytes: int = max_bytes
        self.max_entries: int = max_entries
        self.max_body: int = max_body
        self.spared: int = max_bytes // 8
        """Bytes that bodies may take which are only just gone, beside `max_bytes`: other processes may read them."""
        self.on_evict: OnEvict | None = on_evict
        self.evictions: int = 0
        self.asked: set[bytes] = set()
        """The keys of items that were hit since that was last written down."""
        self.reading: dict[int, int] = {}
        """The bodies that are being read here."""
        self._known: Known[Item] = Known()
        self._part = secrets.randbelow(PARTS)

    def enter(self, connection: Connection) -> int:
        """Begin to write, and the number of the latest purge: there is none until this transaction has ended."""
        if self.dialect.serial:
            connection.execute(_HOLD, {"space": self.space})
        mark: int = connection.execute(_MARK, {"space": self.space}).scalar_one()
        return mark

    def add(self, connection: Connection, items: int, octets: int) -> None:
        """Count."""
        if items or octets:
            values = {"at": self.space, "of": self._part, "more": items, "heavier": octets}
            connection.execute(_ADD, values)

    def totals(self, connection: Connection) -> tuple[int, int]:
        """How many items there are, and how many bytes they and all bodies take."""
        items, octets = connection.execute(_TOTALS, {"space": self.space}).one()
        return int(items), int(octets)

    def lately(self, connection: Connection) -> int:
        """How many bytes the bodies take that are only just gone."""
        gone = connection.execute(_LATELY, {"space": self.space, "before": time.time() - GRACE}).scalar_one()
        return int(gone or 0)

    def excess(self, connection: Connection) -> tuple[int, int]:
        """How many items and bytes there are beyond what there may be, and beyond what is spared for readers."""
        items, octets = self.totals(connection)
        heavy = octets - self.max_bytes
        if heavy > 0:
            heavy -= min(self.lately(connection), self.spared)
        return items - self.max_entries, heavy

    def is_over(self, connection: Connection) -> bool:
        """Whether there is more than there may be."""
        items, octets = self.excess(connection)
        return items > 0 or octets > 0

    def unsealed(self, key: bytes, blob: bytes) -> Item | None:
        """The item that a blob stands for; None for a damaged one."""
        item = self._known.get(key, blob)
        if item is None:
            payload = self.seal.unseal(key, blob)
            item = None if payload is None else decode(payload)
            if item is not None:
                self._known.put(key, blob, item)
        return item

    def hit(self, key: bytes) -> None:
        """Remember that an item was asked for."""
        if len(self.asked) < REMEMBERED_HITS:
            self.asked.add(key)

    def flush(self, connection: Connection) -> None:
        """Write down what was asked for."""
        self.enter(connection)
        keys, self.asked = sorted(self.asked), set()
        for part in parts(keys):
            where = (ITEMS.c.space == self.space, ITEMS.c.key.in_(part), ITEMS.c.visited == 0)
            mark(connection, ITEMS, where, {"visited": 1}, free=True)

    def take(self, connection: Connection, rows: Sequence[Any]) -> None:
        """Take items out, and say that their bodies are gone."""
        ids, keys = [row.id for row in rows], [bytes(row.key) for row in rows]
        connection.execute(delete(GROUPS).where(GROUPS.c.item.in_(ids)))
        connection.execute(delete(ITEMS).where(ITEMS.c.id.in_(ids)))
        owned = (BODIES.c.space == self.space, BODIES.c.owner.in_(keys), BODIES.c.gone == 0)
        mark(connection, BODIES, owned, {"gone": 1, "since": time.time()})
        for row in rows:
            if row.generation is not None:
                self.strand(connection, bytes(row.key))
        self.add(connection, -len(ids), -sum([row.weight for row in rows]))

    def strand(self, connection: Connection, root: bytes) -> None:
        """The variants under `root` cannot be found any more: the next sweep may have them."""
        under = (ITEMS.c.space == self.space, ITEMS.c.key > root, ITEMS.c.key < root + b"\xff" * 33)
        mark(connection, ITEMS, under, {"until": 0.0}, free=True)

    def tell(self, rows: Iterable[Any], why: Why) -> None:
        """Tell whoever wants to know what has gone."""
        if self.on_evict is not None:
            for row in rows:
                item = self.unsealed(bytes(row.key), bytes(row.blob))
                if item is not None:
                    self.on_evict(item, why)


def mark(
    connection: Connection, table: Table, where: Sequence[Any], values: dict[str, Any], *, free: bool = False
) -> int:
    """Set columns of the rows that meet conditions; how many.  With `free`, not of those that somebody else has locked.

    They are looked for first, and then locked by their numbers and in that order.  Whoever locked them as an index
    has them, or while going through them all, might wait for somebody who waits for him.
    """
    rows = select(table.c.id).where(*where).order_by(table.c.id)
    if free:
        rows = rows.with_for_update(skip_locked=True)
    marked = 0
    for part in parts(connection.execute(rows).scalars().all()):
        marked += connection.execute(update(table).where(table.c.id.in_(part), *where).values(values)).rowcount
    return marked


def parts(values: Sequence[R], size: int = 200) -> Iterable[Sequence[R]]:
    """`values` in parts of a size that every database takes in one statement."""
    return [values[at : at + size] for at in range(0, len(values), size)]
