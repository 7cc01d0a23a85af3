"""What takes more than one transaction: writing with making room for it, purges, sweeps."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from cachespec.stores.building import ABANDONED, REMEMBERED, Entry, Item, Scope, encode_scope

from . import bodies, items
from .shelf import FLUSH, GRACE, Flow, Shelf, digest, parts
from .tables import BODIES, GROUPS, HEAD, ITEMS, LEASES, PURGES, SPACES

BATCH: Final = 64
"""Items that are removed in one transaction."""


def swap(shelf: Shelf, key: bytes, item: Item | None, revision: int, mark: int) -> Flow[bool]:
    """See `Store.swap`."""
    done, over = yield lambda connection: items.swap(connection, shelf, key, item, revision, mark)
    if len(shelf.asked) >= FLUSH:
        yield shelf.flush
    if over:
        yield from make_room(shelf)
    return bool(done)


def append(shelf: Shelf, body_id: str, chunk: bytes) -> Flow[bool]:
    """See `Store.append`."""
    fits, over = yield lambda connection: bodies.append(connection, shelf, body_id, chunk)
    if over:
        # Bodies under way, which nothing can evict, may fill it all by themselves.
        over = not (yield from make_room(shelf))
    if not fits or over:
        yield lambda connection: bodies.discard(connection, shelf, body_id)
        return False
    return True


def make_room(shelf: Shelf) -> Flow[bool]:
    """Remove until there is no more than there may be; whether that came about.

    First what killed processes have left behind, and what is gone for so long that nobody should be reading it; then
    what was not asked for.
    """
    yield lambda connection: bodies.abandon(connection, shelf, time.time())
    while (yield shelf.is_over):
        if (yield lambda connection: bodies.reap(connection, shelf, time.time() - GRACE)):
            continue
        if (yield partial(_reap_spared, shelf=shelf)):
            continue
        rows = yield partial(evict, shelf=shelf)
        if rows is None:
            return False
        shelf.evictions += len(rows)
        shelf.tell(rows, "space")
    return True


def _reap_spared(connection: Connection, shelf: Shelf) -> bool:
    """Remove the first of what is only just gone, where it takes more than it may; whether there was anything."""
    shelf.enter(connection)
    return shelf.lately(connection) > shelf.spared and bodies.reap(connection, shelf, time.time() + 1, 1)


def evict(connection: Connection, shelf: Shelf) -> Sequence[Any] | None:
    """Items out of the queue's front, those that were asked for to its end; None if nothing is there to be evicted.

    It is SIEVE's bit in a queue: what nobody asked for again goes when its turn comes.
    """
    shelf.flush(connection)
    crowd, heavy = shelf.excess(connection)
    # A little more than must be, so that not every writer has to.
    crowd = crowd + shelf.max_entries // 100 if crowd > 0 else 0
    heavy = heavy + shelf.max_bytes // 100 if heavy > 0 else 0
    owned = select(func.coalesce(func.sum(BODIES.c.size), 0)).where(
        BODIES.c.space == ITEMS.c.space, BODIES.c.owner == ITEMS.c.key, BODIES.c.gone == 0
    )
    front = (
        select(*_wanted(shelf), ITEMS.c.visited, owned.scalar_subquery().label("owned"))
        .where(ITEMS.c.space == shelf.space)
        .order_by(ITEMS.c.turn)
        .limit(BATCH)
        .with_for_update(skip_locked=True, of=ITEMS)
    )
    going, staying = [], []
    for row in connection.execute(front).all():
        if row.visited:
            staying.append(row.id)
        elif crowd > 0 or heavy > 0:
            going.append(row)
            crowd -= 1
            heavy -= row.weight + int(row.owned)
    if staying:
        connection.execute(update(ITEMS).where(ITEMS.c.id.in_(staying)).values(visited=0, turn=items.turn()))
    if going:
        shelf.take(connection, going)
    return going if going or staying else None


def _wanted(shelf: Shelf) -> list[Any]:
    """The columns of what is going to go."""
    wanted: list[Any] = [ITEMS.c.id, ITEMS.c.key, ITEMS.c.weight, ITEMS.c.generation]
    return [*wanted, ITEMS.c.blob] if shelf.on_evict is not None else wanted


def purge(shelf: Shelf, scope: Scope) -> Flow[int]:
    """See `Store.purge`."""
    last = yield partial(_note, shelf=shelf, scope=scope)
    hit = 0
    for where in _indexed(shelf, scope):
        numbers: Sequence[int] = (0,)
        while numbers := (yield partial(_page, shelf=shelf, where=where, after=numbers[-1], last=last)):
            count, gone = yield partial(_purge_some, shelf=shelf, scope=scope, numbers=numbers)
            hit += count
            shelf.tell(gone, "purge")
    return hit


def _note(connection: Connection, shelf: Shelf, scope: Scope) -> int:
    """Number the purge, so that nothing it applies to is stored from now on; the last item that it may apply to."""
    connection.execute(update(SPACES).where(SPACES.c.id == shelf.space).values(mark=SPACES.c.mark + 1))
    number = connection.execute(select(SPACES.c.mark).where(SPACES.c.id == shelf.space)).scalar_one()
    connection.execute(insert(PURGES), {"space": shelf.space, "number": number, "scope": encode_scope(scope)})
    if number % items.PAGE == 0:
        old = (PURGES.c.space == shelf.space, PURGES.c.number <= number - REMEMBERED)
        connection.execute(delete(PURGES).where(*old))
    last = connection.execute(select(func.max(ITEMS.c.id)).where(ITEMS.c.space == shelf.space)).scalar_one()
    return last or 0


def _indexed(shelf: Shelf, scope: Scope) -> Iterator[ColumnElement[bool]]:
    """Conditions that find all that a purge may hit, by an index each."""
    if scope.everything:
        yield ITEMS.c.id > 0
        return
    if scope.prefix is not None:
        octets = scope.prefix.encode("utf-8", "surrogatepass")[:HEAD]
        # No text in UTF-8 has an octet of 255.
        yield (ITEMS.c.head >= octets) & (ITEMS.c.head < octets + b"\xff") if octets else ITEMS.c.id > 0
    for urls in parts(scope.urls):
        yield ITEMS.c.url.in_([digest(url) for url in urls])
    for groups in parts(scope.groups):
        names = [digest(group) for _, group in groups]
        yield ITEMS.c.id.in_(select(GROUPS.c.item).where(GROUPS.c.space == shelf.space, GROUPS.c.name.in_(names)))


def _page(connection: Connection, shelf: Shelf, where: ColumnElement[bool], after: int, last: int) -> Sequence[int]:
    """The numbers of some items that a purge may apply to."""
    some = (
        select(ITEMS.c.id)
        .where(ITEMS.c.space == shelf.space, ITEMS.c.id > after, ITEMS.c.id <= last, where)
        .order_by(ITEMS.c.id)
        .limit(items.PAGE)
    )
    return connection.execute(some).scalars().all()


def _purge_some(connection: Connection, shelf: Shelf, scope: Scope, numbers: Sequence[int]) -> tuple[int, list[Any]]:
    """Apply a purge to some items: how many responses were hit, and what has gone."""
    shelf.enter(connection)
    locked = (
        select(ITEMS.c.id, ITEMS.c.key, ITEMS.c.weight, ITEMS.c.generation, ITEMS.c.blob)
        .where(ITEMS.c.id.in_(numbers))
        .order_by(ITEMS.c.id)
        .with_for_update()
    )
    rows = connection.execute(locked).all()
    hit, going = 0, []
    for row in rows:
        item = shelf.unsealed(bytes(row.key), bytes(row.blob))
        if item is not None and not scope.hits(item):
            continue
        hit += isinstance(item, Entry)
        if item is None or scope.stale_at is None:
            going.append(row)
        elif isinstance(item, Entry):
            values = items.columns(shelf, bytes(row.key), item.expired(scope.stale_at))
            connection.execute(update(ITEMS).where(ITEMS.c.id == row.id).values(values))
            shelf.add(connection, 0, values["weight"] - row.weight)
    if going:
        shelf.take(connection, going)
    return hit, going


def sweep(shelf: Shelf, now: float, limit: int) -> Flow[int]:
    """See `Store.sweep`."""
    swept: int = yield lambda connection: bodies.abandon(connection, shelf, now)
    while swept < limit:
        size = min(BATCH, limit - swept)
        rows = yield partial(_sweep_some, shelf=shelf, now=now, size=size)
        shelf.tell(rows, "sweep")
        swept += len(rows)
        if len(rows) < size:
            break
    while (yield lambda connection: bodies.reap(connection, shelf, now - ABANDONED)):
        pass
    return swept


def _sweep_some(connection: Connection, shelf: Shelf, now: float, size: int) -> Sequence[Any]:
    shelf.enter(connection)
    useless = (
        select(*_wanted(shelf))
        .where(ITEMS.c.space == shelf.space, ITEMS.c.until < now)
        .order_by(ITEMS.c.until)
        .limit(size)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(useless).all()
    if rows:
        shelf.take(connection, rows)
    connection.execute(delete(LEASES).where(LEASES.c.space == shelf.space, LEASES.c.until < time.time()))
    return rows
