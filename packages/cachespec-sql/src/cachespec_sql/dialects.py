"""What databases differ in, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cachespec.stores.building import Blocking


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One kind of database."""

    blocking: Blocking
    """How long a short read may take."""
    serial: bool
    """One writer at a time, which a transaction becomes by its first write: rows need not be locked."""
    again: frozenset[object]
    """Errors of a transaction that lost a race, and is right the next time."""
    full: frozenset[object]
    """Errors that say that there is no room, or no right to write."""
    changing: str | None = None
    """The isolation level of a transaction that changes something."""
    asking: str | None = None
    """That of a SELECT alone, where a connection of somebody else's can have it at no cost."""


# https://www.sqlite.org/rescode.html: SQLITE_BUSY_SNAPSHOT; SQLITE_READONLY, SQLITE_FULL
_SQLITE: Final = Dialect(blocking="writes", serial=True, again=frozenset({517}), full=frozenset({8, 13}))
# https://www.postgresql.org/docs/current/errcodes-appendix.html: serialization, deadlock, table is there; disk, read
# only
_POSTGRESQL: Final = Dialect(
    blocking="always",
    serial=False,
    again=frozenset({"40001", "40P01", "42P07"}),
    full=frozenset({"53100", "25006", "42501"}),
    changing="READ COMMITTED",
    asking="AUTOCOMMIT",
)
# https://mariadb.com/docs/server/reference/error-codes: deadlock, lock wait, changed, table is there; disk, table,
# read only, denied, longer than max_allowed_packet
_MYSQL: Final = Dialect(
    blocking="always",
    serial=False,
    again=frozenset({1213, 1205, 1020, 1050}),
    full=frozenset({1021, 1114, 1290, 1142, 1836, 1153}),
    changing="READ COMMITTED",
)

DIALECTS: Final = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL, "mysql": _MYSQL, "mariadb": _MYSQL}


def dialect_of(name: str) -> Dialect:
    """What is known of a database by SQLAlchemy's name; ValueError for one that no store works on."""
    found = DIALECTS.get(name)
    if found is None:
        raise ValueError(f"store: {name} is not among {', '.join(sorted(DIALECTS))}")
    return found


def codes_of(error: BaseException | None) -> set[object]:
    """What a driver's error says of its cause: SQLSTATEs and numbers."""
    codes: set[object] = {getattr(error, "sqlstate", None)}
    extended = getattr(error, "sqlite_errorcode", None)
    if extended is not None:
        # The lowest octet is the primary code, the others tell more (https://www.sqlite.org/rescode.html#extrc).
        codes |= {extended, extended & 0xFF}
    said = next(iter(getattr(error, "args", ())), None)
    if isinstance(said, Exception):
        # Some drivers wrap another's error.
        return codes | codes_of(said)
    return codes | {said} if isinstance(said, int) else codes
