"""What the library promises of its own cost.  A gate is held by the median of three complete runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness import Table


@dataclass(frozen=True, slots=True)
class Gate:
    """A limit on one contender's figure in one scenario."""

    scenario: str
    contender: str
    kind: Literal["ratio", "wall", "extra", "calls"]
    """``ratio`` to the floor's processor time, ``wall`` for that to its time on the wall, ``extra`` microseconds of the
    processor beyond the floor's, or ``calls`` of the origin for one operation."""
    limit: float

    def figure(self, table: Table) -> float:
        """What was measured."""
        row = table.row(self.contender)
        figure = {"ratio": row.cpu_ratio, "wall": row.ratio, "extra": row.extra, "calls": row.calls}[self.kind]
        assert figure is not None
        return figure

    @property
    def bound(self) -> str:
        """The limit with its unit."""
        unit = {"ratio": "× floor", "wall": "× floor on the wall", "extra": "µs beyond floor", "calls": "origin calls"}[
            self.kind
        ]
        return f"{self.limit:g} {unit}"

    def __str__(self) -> str:
        return f"{self.scenario}: {self.contender}"


DISK = ("file", "sqlite")
SCALE = [(kind, adapter, 2 if kind == "file" else 1.5) for kind in ("memory", *DISK) for adapter in ("httpx", "asgi")]
# A store that processes share has one of them take a lease, which is written before the application is asked: that is
# measured, and no gate holds it.
FIRST_BYTES = ("stored in memory", "stored in a file of its own", "not stored")
GATES = (
    Gate("rules-stored", "cachespec", "ratio", 4),
    Gate("rules-raw", "cachespec", "ratio", 2),
    Gate("rules-storing", "cachespec", "ratio", 3),
    Gate("requests-hit", "cachespec, memory", "ratio", 1.25),
    Gate("httpx-hit", "cachespec, memory", "ratio", 1.35),
    *(Gate(f"{client}-hit", f"cachespec, {kind}", "ratio", 1.6) for client in ("requests", "httpx") for kind in DISK),
    Gate("async-hit", "cachespec, memory", "ratio", 1.5),
    *(Gate(f"{client}-miss", "cachespec, memory", "ratio", 1.6) for client in ("requests", "httpx", "async")),
    Gate("asgi-hit", "cachespec, memory", "ratio", 0.2),
    Gate("asgi-large", "cachespec, 1 MiB", "ratio", 2),
    Gate("asgi-past", "cachespec around it", "extra", 15),
    Gate("crowd-requests", "cachespec", "calls", 1),
    Gate("crowd-httpx", "cachespec", "calls", 1),
    Gate("crowd-asgi", "cachespec", "calls", 1),
    *(Gate(f"scale-{kind}-{adapter}", "10,000 entries", "ratio", limit) for kind, adapter, limit in SCALE),
    *(Gate(f"full-{kind}", "4,000 entries", "ratio", 1.5) for kind in ("memory", *DISK)),
    *(Gate(f"variants-{kind}", "2,000 variants", "ratio", 1.5) for kind in ("memory", *DISK)),
    Gate("crowd-past", "cachespec", "wall", 1.2),
    *(Gate("uvicorn-rate", "cachespec, memory", kind, 4 / 3) for kind in ("wall", "ratio")),
    *(Gate("uvicorn-first-byte", f"cachespec, {what}", "wall", 2) for what in FIRST_BYTES),
    Gate("dependencies", "cache()", "extra", 15),
)
