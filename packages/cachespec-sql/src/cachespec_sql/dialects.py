"""What databases differ in, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

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
    execution: tuple[tuple[str, Any], ...] = ()
    """Execution options of connections, but for those of an engine on SQLite."""


_SERVER: Final = (("isolation_level", "READ COMMITTED"),)
# https://www.sqlite.org/rescode.html: SQLITE_READONLY, SQLITE_FULL
_SQLITE: Final = Dialect(blocking="writes", serial=True, again=frozenset(), full=frozenset({8, 13}))
# https://www.postgresql.org/docs/current/errcodes-appendix.html: serialization, deadlock; disk, read only
_POSTGRESQL: Final = Dialect(
    blocking="always",
    serial=False,
    again=frozenset({"40001", "40P01"}),
    full=frozenset({"53100", "25006", "42501"}),
    execution=_SERVER,
)
# https://mariadb.com/docs/server/reference/error-codes: deadlock, lock wait, changed; disk, table, read only, denied
_MYSQL: Final = Dialect(
    blocking="always",
    serial=False,
    again=frozenset({1213, 1205, 1020}),
    full=frozenset({1021, 1114, 1290, 1142, 1836}),
    execution=_SERVER,
)

DIALECTS: Final = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL, "mysql": _MYSQL, "mariadb": _MYSQL}


def dialect_of(name: str) -> Dialect:
    """What is known of a database by SQLAlchemy's name; ValueError for one that no store works on."""
    found = DIALECTS.get(name)
    if found is None:
        raise ValueError(f"store: {name} is not among {', '.join(sorted(DIALECTS))}")
    return found


def code_of(error: BaseException | None) -> object:
    """What a driver's error says of its cause: an SQLSTATE, or a number; None where it says nothing."""
    state = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorcode", None)
    if isinstance(state, int):
        # The lowest octet is the primary code, the others tell more (https://www.sqlite.org/rescode.html#extrc).
        return state & 0xFF
    return state or next(iter(getattr(error, "args", ())), None)
