"""Items: read, swapped, listed, counted; and leases."""

from __future__ import annotations

import secrets
import time
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update

from cachespec.stores.building import Entry, Item, Reading, Stats, decode_scope, encode, refuses

from .bodies import claim, release
from .shelf import NEVER, OVERHEAD, Shelf, digest
from .tables import GROUPS, HEAD, ITEMS, LEASES, PURGES, SPACES

PAGE: Final = 100
"""Items that are looked at in one transaction."""

READ: Final = (
    select(SPACES.c.mark, ITEMS.c.revision, ITEMS.c.blob)
    .select_from(SPACES)
    .outerjoin(ITEMS, and_(ITEMS.c.space == SPACES.c.id, ITEMS.c.key == bindparam("key")))
    .where(SPACES.c.id == bindparam("space"))
)
_FIND: Final = select(ITEMS.c.id).where(ITEMS.c.space == bindparam("space"), ITEMS.c.key == bindparam("key"))
# Rows are locked by their numbers, and in their order: whoever came by another index might wait for who waits for it.
_LOCK: Final = (
    select(ITEMS.c.id, ITEMS.c.key, ITEMS.c.revision, ITEMS.c.weight, ITEMS.c.generation)
    .where(ITEMS.c.id == bindparam("number"))
    .with_for_update()
)
_LATER: Final = select(PURGES.c.scope).where(PURGES.c.space == bindparam("space"), PURGES.c.number > bindparam("mark"))
_REPLACE: Final = update(ITEMS).where(ITEMS.c.id == bindparam("at"))


def reading(shelf: Shelf, key: bytes, row: Any) -> Reading:
    """What a row of `READ` tells; what cannot be read is None, with its revision."""
    mark, revision, blob = row
    if revision is None:
        return Reading(None, 0, mark)
    item = shelf.unsealed(key, blob)
    shelf.hit(key)
    return Reading(item, revision, mark)


def read(connection: Connection, shelf: Shelf, key: bytes) -> Reading:
    """See `Store.read`."""
    return reading(shelf, key, connection.execute(READ, {"space": shelf.space, "key": key}).one())


def swap(
    connection: Connection, shelf: Shelf, key: bytes, item: Item | None, revision: int, mark: int
) -> tuple[bool, bool]:
    """See `Store.swap`; and whether there is too much in the store now."""
    latest = shelf.enter(connection)
    found = connection.execute(_FIND, {"space": shelf.space, "key": key}).scalar_one_or_none()
    there = None if found is None else connection.execute(_LOCK, {"number": found}).one_or_none()
    if (0 if there is None else there.revision) != revision:
        return False, False
    if item is None:
        if there is not None:
            release(connection, shelf, (), key)
            shelf.take(connection, [there])
        return True, False
    if _is_purged(connection, shelf, item, mark, latest):
        return False, False
    names = item.body_ids if isinstance(item, Entry) else ()
    values = columns(shelf, key, item)
    if values["weight"] > shelf.max_bytes or not claim(connection, shelf, names, key):
        return False, False
    if there is None:
        values |= {"space": shelf.space, "key": key, "turn": turn(), "visited": 0}
        made: Any = connection.execute(insert(ITEMS), values).inserted_primary_key
        number = made[0]
        shelf.add(connection, 1, values["weight"])
    else:
        number = there.id
        release(connection, shelf, names, key)
        if there.generation not in (None, values["generation"]):
            shelf.strand(connection, key)
        connection.execute(_REPLACE, values | {"at": number, "visited": 1})
        connection.execute(delete(GROUPS).where(GROUPS.c.item == number))
        shelf.add(connection, 0, values["weight"] - there.weight)
    if isinstance(item, Entry) and item.groups:
        digests = {digest(group) for group in item.groups}
        connection.execute(insert(GROUPS), [{"space": shelf.space, "name": each, "item": number} for each in digests])
    return True, shelf.is_over(connection)


def columns(shelf: Shelf, key: bytes, item: Item) -> dict[str, Any]:
    """What is written for an item, each time with a revision that was never used."""
    blob = shelf.seal.seal(key, encode(item))
    entry = item if isinstance(item, Entry) else None
    return {
        "revision": secrets.randbits(62) + 1,
        "blob": blob,
        "generation": None if isinstance(item, Entry) else item.generation,
        "url": digest(item.url),
        "head": item.url.encode("utf-8", "surrogatepass")[:HEAD],
        "weight": OVERHEAD + len(blob),
        "until": NEVER if entry is None else _until(entry),
    }


def _until(entry: Entry) -> float:
    """When `Entry.useless` turns true."""
    return max(1.0, min(NEVER, entry.response_time - entry.initial_age + entry.lifetime + entry.spare))


def turn() -> int:
    """The last place in the queue for eviction."""
    return time.time_ns() // 1000


def _is_purged(connection: Connection, shelf: Shelf, item: Item, mark: int, latest: int) -> bool:
    if mark >= latest:
        return False
    later = connection.execute(_LATER, {"space": shelf.space, "mark": mark}).scalars()
    return refuses(item, mark, latest, [decode_scope(bytes(scope)) for scope in later])


def page(connection: Connection, shelf: Shelf, after: int) -> tuple[int, list[tuple[bytes, Item]]]:
    """Some items, and the number of the last of them; 0 after the last page."""
    some = (
        select(ITEMS.c.id, ITEMS.c.key, ITEMS.c.blob)
        .where(ITEMS.c.space == shelf.space, ITEMS.c.id > after)
        .order_by(ITEMS.c.id)
        .limit(PAGE)
    )
    rows = connection.execute(some).all()
    found = [(bytes(row.key), shelf.unsealed(bytes(row.key), bytes(row.blob))) for row in rows]
    return (rows[-1].id if rows else 0), [(key, item) for key, item in found if item is not None]


def stats(connection: Connection, shelf: Shelf) -> Stats:
    """See `Store.stats`."""
    items, octets = shelf.totals(connection)
    return Stats(items, octets, shelf.max_entries, shelf.max_bytes, shelf.evictions)


def lease(connection: Connection, shelf: Shelf, slot: bytes, owner: bytes, seconds: float) -> bool:
    """See `Leasing.lease`."""
    now = time.time()
    shelf.enter(connection)
    mine = (LEASES.c.space == shelf.space, LEASES.c.slot == slot)
    free = (LEASES.c.owner == owner) | (LEASES.c.until <= now)
    if connection.execute(update(LEASES).where(*mine, free).values(owner=owner, until=now + seconds)).rowcount:
        return True
    if connection.execute(select(LEASES.c.until).where(*mine)).one_or_none() is not None:
        return False
    values = {"space": shelf.space, "slot": slot, "owner": owner, "until": now + seconds}
    connection.execute(insert(LEASES), values)
    return True


def release_lease(connection: Connection, shelf: Shelf, slot: bytes, owner: bytes) -> None:
    """See `Leasing.release`."""
    mine = (LEASES.c.space == shelf.space, LEASES.c.slot == slot, LEASES.c.owner == owner)
    connection.execute(delete(LEASES).where(*mine))
