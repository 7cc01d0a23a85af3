"""Transactions that fail for a reason that is gone the next time, and those that fail for good."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.exc import DBAPIError, IntegrityError

from .dialects import Dialect, codes_of

TRIES: Final = 6
"""How often a transaction is tried that lost a race."""
PAUSE: Final = 0.01
"""Seconds before the second of them, at most; each further one waits twice as long."""
AT_ONCE: Final = 1.0
"""Seconds within which a connection turns out to be dead; a server that was silent for longer is not asked again."""


@dataclass(slots=True)
class Attempt:
    """One transaction, on its way."""

    dialect: Dialect
    number: int = 0
    done: bool = False
    """Whether there was nothing left to do but to commit: who knows what became of it then?"""
    began: float = field(default_factory=time.monotonic)

    def pause(self, error: DBAPIError) -> float:
        """Seconds to wait before the next attempt; raises `error` where there is none."""
        self.number += 1
        lost = isinstance(error, IntegrityError) or not codes_of(error.orig).isdisjoint(self.dialect.again)
        # The server was started anew, say: what the pool has is dead, and dropped by now.
        died = error.connection_invalidated and not self.done and self.number == 1
        died = died and time.monotonic() - self.began < AT_ONCE
        if self.number == TRIES or not (lost or died):
            raise error
        self.done = False
        # Those who met once are not to meet again.
        return random.random() * PAUSE * 2**self.number if lost else 0.0  # noqa: S311


def is_full(dialect: Dialect, error: DBAPIError) -> bool:
    """Whether there is no room, or no right to write."""
    return not codes_of(error.orig).isdisjoint(dialect.full)
