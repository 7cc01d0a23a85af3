"""Bodies, in chunks of a bounded size.  Nobody sees one before an item names it."""

from __future__ import annotations

import time
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from cachespec.stores.building import ABANDONED, DamagedBodyError

from .shelf import NEVER, Shelf, mark
from .tables import BODIES, CHUNKS

PIECE: Final = 256 * 1024
"""Bytes of the longest chunk."""
BATCH: Final = 64
"""Chunks that are removed in one transaction."""

_NAMED: Final = (BODIES.c.space == bindparam("at"), BODIES.c.name == bindparam("called"))
_GROW: Final = (
    update(BODIES)
    .where(*_NAMED, BODIES.c.owner.is_(None), BODIES.c.gone == 0)
    .values(size=BODIES.c.size + bindparam("more"), since=bindparam("now"))
)
_SIZE: Final = select(BODIES.c.id, BODIES.c.size).where(*_NAMED)
_FIND: Final = select(BODIES.c.id).where(*_NAMED, BODIES.c.owner.is_not(None), BODIES.c.gone == 0)
_GONE: Final = update(BODIES).where(*_NAMED, BODIES.c.gone == 0).values(gone=1, since=bindparam("now"))
_CHUNK: Final = (
    select(CHUNKS.c.start, CHUNKS.c.octets)
    .where(CHUNKS.c.body == bindparam("body"), CHUNKS.c.start <= bindparam("position"))
    .order_by(CHUNKS.c.start.desc())
    .limit(1)
)


def append(connection: Connection, shelf: Shelf, body_id: str, chunk: bytes) -> tuple[bool, bool]:
    """Add to a body; whether it may be so long, and whether there is too much in the store now."""
    shelf.enter(connection)
    who = {"at": shelf.space, "called": body_id.encode()}
    grown = connection.execute(_GROW, {**who, "more": len(chunk), "now": time.time()}).rowcount
    there = connection.execute(_SIZE, who).one_or_none()
    if there is None:
        values = {"space": shelf.space, "name": body_id.encode(), "size": len(chunk), "since": time.time(), "gone": 0}
        connection.execute(insert(BODIES), values)
        there = connection.execute(_SIZE, who).one()
    elif not grown:
        # It was given up, or is complete.
        return False, False
    number, size = there
    first = size - len(chunk)
    rows = []
    for at in range(0, len(chunk), PIECE):
        octets = shelf.seal.seal(_context(number, first + at), chunk[at : at + PIECE])
        rows.append({"body": number, "start": first + at, "octets": octets})
    if rows:
        connection.execute(insert(CHUNKS), rows)
    shelf.add(connection, 0, len(chunk))
    return size <= shelf.max_body, shelf.is_over(connection)


def find(connection: Connection, shelf: Shelf, body_id: str) -> int | None:
    """The number of a body that an item names."""
    found: int | None = connection.execute(_FIND, {"at": shelf.space, "called": body_id.encode()}).scalar_one_or_none()
    return found


def piece(connection: Connection, shelf: Shelf, number: int, position: int) -> tuple[bytes, int]:
    """The chunk that covers a position, and where it starts; DamagedBodyError if it is not there as it was written."""
    row = connection.execute(_CHUNK, {"body": number, "position": position}).one_or_none()
    octets = None if row is None else shelf.seal.unseal(_context(number, row.start), bytes(row.octets))
    if row is None or octets is None or row.start + len(octets) <= position:
        raise DamagedBodyError("the stored body is damaged, or was removed to make room")
    return bytes(octets), row.start


def discard(connection: Connection, shelf: Shelf, body_id: str) -> None:
    """Say that a body is gone."""
    shelf.enter(connection)
    connection.execute(_GONE, {"at": shelf.space, "called": body_id.encode(), "now": time.time()})


def lose(connection: Connection, shelf: Shelf, number: int) -> None:
    """Say that a body is gone that was found to be damaged: whoever asks next has it fetched anew."""
    shelf.enter(connection)
    mark(connection, BODIES, (BODIES.c.id == number, BODIES.c.gone == 0), {"gone": 1, "since": time.time()})


def reap(connection: Connection, shelf: Shelf, before: float, most: int = BATCH) -> bool:
    """Remove what has gone before that time, at most so many bodies and a bounded part; whether there was anything."""
    shelf.enter(connection)
    gone = (
        select(BODIES.c.id, BODIES.c.size)
        .where(BODIES.c.space == shelf.space, BODIES.c.gone == 1, BODIES.c.since < before)
        .where(BODIES.c.id.not_in(sorted(set(shelf.reading.values()))))
        .order_by(BODIES.c.since)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    left = BATCH
    rows = connection.execute(gone).all()
    for number, size in rows:
        starts: Any = select(CHUNKS.c.start).where(CHUNKS.c.body == number).order_by(CHUNKS.c.start).limit(left)
        there = connection.execute(starts).scalars().all()
        if there:
            connection.execute(delete(CHUNKS).where(CHUNKS.c.body == number, CHUNKS.c.start <= there[-1]))
        left -= len(there)
        if left <= 0:
            break
        connection.execute(delete(BODIES).where(BODIES.c.id == number))
        shelf.add(connection, 0, -size)
    return bool(rows)


def abandon(connection: Connection, shelf: Shelf, now: float) -> int:
    """Say that bodies are gone which nobody named for so long that nobody will."""
    shelf.enter(connection)
    orphaned = (
        BODIES.c.space == shelf.space,
        BODIES.c.gone == 0,
        BODIES.c.owner.is_(None),
        BODIES.c.since < now - ABANDONED,
    )
    return mark(connection, BODIES, orphaned, {"gone": 1}, free=True)


def claim(connection: Connection, shelf: Shelf, names: tuple[str, ...], key: bytes) -> bool:
    """Give bodies to the item under `key`; False, and nothing done, if one of them is not there."""
    if not names:
        return True
    mine = (BODIES.c.space == shelf.space, BODIES.c.name.in_([name.encode() for name in names]), BODIES.c.gone == 0)
    # With this time, those that nobody has named are found without looking at the others.
    return mark(connection, BODIES, mine, {"owner": key, "since": NEVER}) == len(names)


def release(connection: Connection, shelf: Shelf, names: tuple[str, ...], key: bytes) -> None:
    """The item under `key` names no bodies but these any more; whoever put it there discards the others, or a sweep."""
    others = [BODIES.c.space == shelf.space, BODIES.c.owner == key, BODIES.c.gone == 0]
    if names:
        others.append(BODIES.c.name.not_in([name.encode() for name in names]))
    mark(connection, BODIES, others, {"owner": None, "since": time.time()})


def _context(number: int, start: int) -> bytes:
    return f"{number}:{start}".encode()
