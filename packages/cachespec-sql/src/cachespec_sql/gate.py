"""Connections to an SQLite file, which no fork may find open.  https://www.sqlite.org/howtocorrupt.html §2.6

SQLite remembers by process what it has locked.  A child process that was forked while another thread was writing would
find the file locked by nobody for ever, and one that was forked at a better moment would count on locks that only its
parent has.  So whoever forks waits until nobody uses a connection, and closes them all; they are opened again when they
are needed.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from weakref import WeakMethod, WeakSet

LONGEST: Final = 5.0
"""Seconds that a fork waits at most."""


class Gate:
    """What those who use a connection of one store pass; `close`, a method, closes all that are not in use."""

    def __init__(self, close: Callable[[], None]) -> None:
        self._close = WeakMethod(close)
        self._lock = threading.Lock()
        self._left = threading.Condition(self._lock)
        self._inside: deque[None] = deque()
        """As many as there are inside."""
        self._awaited = False
        """Whether somebody wants to shut it, or has."""
        GATES.add(self)

    def __enter__(self) -> None:
        # Without the lock, for nearly always it is open.  In this order: either whoever shuts it sees that somebody is
        # inside, or is seen here.
        self._inside.append(None)
        if self._awaited:
            self.__exit__()
            with self._lock:
                self._inside.append(None)

    def __exit__(self, *raised: object) -> None:
        self._inside.pop()
        if self._awaited:
            with self._lock:
                self._left.notify()

    def _nobody(self) -> bool:
        return not self._inside

    def shut(self) -> None:
        """Let nobody in until `open`, and close what is open."""
        self._lock.acquire()
        self._awaited = True
        empty = self._left.wait_for(self._nobody, LONGEST)
        close = self._close()
        if empty and close is not None:
            # Whatever goes wrong here, the process forks, and whoever waits at the gate has to be let in again.
            with suppress(Exception):
                close()

    def open(self) -> None:
        """Let everybody in again; in a child process, too."""
        self._awaited = False
        self._lock.release()


GATES: Final[WeakSet[Gate]] = WeakSet()
_SHUT: Final[list[Gate]] = []
_FORKING: Final = threading.Lock()
"""One thread forks at a time."""


def _before() -> None:
    _FORKING.acquire()
    for gate in list(GATES):
        gate.shut()
        _SHUT.append(gate)


def _after() -> None:
    while _SHUT:
        _SHUT.pop().open()
    _FORKING.release()


if hasattr(os, "register_at_fork"):  # pragma: no branch - there is nothing to be done on Windows
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)
