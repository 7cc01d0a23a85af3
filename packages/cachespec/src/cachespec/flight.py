"""Single flight: of concurrent requests for one thing, one goes and the others wait.  RFC 9111 §4, ruling D53

A waiter never shares a response that could not have been stored for it: when the flight lands it looks into the
store again, and goes on its own if that holds nothing for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from copy import copy
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Landing: TypeAlias = Literal["again", "alone"] | Exception
"""What the waiters do: look again, go on their own, or share the failure."""

NEVER_FOR: Final = 10.0
"""Seconds for which nobody waits for what was found uncacheable ("hit for miss")."""
NEVER_MOST: Final = 10_000
"""How many such things are remembered."""
LATELY: Final = 1_000
"""How many flights that are over are remembered."""


@dataclass(slots=True, eq=False)
class Flight:
    """One request under way, and who waits for it."""

    owner: Hashable
    """The thread or task that leads."""
    landing: Landing | None = None
    deadline: float | None = None
    """When waiting ends, by the monotonic clock; None as long as there is no response head."""
    wakes: tuple[Callable[[], object], ...] = ()
    """Called when any of that changes, once each."""
    waiting: int = 0
    """How many wait."""
    deserted: tuple[Callable[[], object], ...] = ()
    """Called when nobody waits any more, once each."""

    def landed(self) -> Literal["again", "alone"]:
        """What one who has waited does now; the leader's failure is raised, in a copy of its own.

        Raised as it is, in many threads at once, it would gather the traceback of them all.
        """
        if isinstance(self.landing, Exception):
            failure = _copied(self.landing)
            raise failure from (None if failure is self.landing else self.landing)
        return self.landing or "again"

    def remaining(self) -> float | None:
        """Seconds that are left to wait; None for as long as it takes."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


def _copied(failure: Exception) -> Exception:
    """Another exception that says the same; where it cannot be copied, itself."""
    try:
        other = copy(failure)
    except Exception:  # noqa: BLE001 - exceptions need not be made to be copied
        other = None
    return other if type(other) is type(failure) else failure.with_traceback(None)


class Flights:
    """The flights of one driver.  Every method is quick, never waits, and may be called from any thread."""

    def __init__(self) -> None:
        # Re-entrant: what ends a flight may be the garbage collector, in the midst of another method.
        self._lock = threading.RLock()
        self._flights: dict[Hashable, Flight] = {}
        self._never: dict[Hashable, float] = {}
        self.over: int = 0
        """How many flights have landed."""
        self._lately: dict[Hashable, int] = {}

    def board(self, slot: Hashable, owner: Hashable, since: int | None = None) -> tuple[bool, Flight | None]:
        """Whether the caller leads, and the flight: its own, the one to wait for, or None to go alone.

        `since` is what `over` was when the caller began to look into the store.  If a flight has landed meanwhile, it
        gets that one: it may have looked before the response was there.
        """
        with self._lock:
            flight = self._flights.get(slot)
            if flight is not None:
                # Whoever leads and asks again would wait for itself: for an answer that it holds unread, say.
                return False, None if flight.owner == owner else flight
            until = self._never.get(slot)
            if until is not None:
                if time.monotonic() < until:
                    return False, None
                del self._never[slot]
            if since is not None and self._lately.get(slot, 0) > since:
                return False, Flight(owner, "again")
            flight = self._flights[slot] = Flight(owner)
            return True, flight

    def headed(self, flight: Flight, wait: float) -> None:
        """The response head is there: from now on `wait` seconds are enough."""
        with self._lock:
            flight.deadline = time.monotonic() + wait
            wakes, flight.wakes = flight.wakes, ()
        for wake in wakes:
            wake()

    def land(self, slot: Hashable, flight: Flight, landing: Landing, *, never: bool = False) -> None:
        """The flight is over.  With `never`, nobody waits for this slot for a while.  A second time does nothing."""
        with self._lock:
            if flight.landing is not None:
                return
            flight.landing = landing
            if self._flights.get(slot) is flight:
                del self._flights[slot]
            if never:
                if len(self._never) >= NEVER_MOST:
                    self._never.pop(next(iter(self._never)))
                self._never[slot] = time.monotonic() + NEVER_FOR
            self.over += 1
            if landing == "again":
                self._lately.pop(slot, None)
                if len(self._lately) >= LATELY:
                    self._lately.pop(next(iter(self._lately)))
                self._lately[slot] = self.over
            wakes = flight.wakes + flight.deserted
            flight.wakes = flight.deserted = ()
        for wake in wakes:
            wake()

    def wait(self, flight: Flight) -> None:
        """One more waits for `flight`."""
        with self._lock:
            flight.waiting += 1

    def leave(self, flight: Flight) -> None:
        """One of those who wait gives up, or has what it waited for."""
        with self._lock:
            flight.waiting -= 1
            wakes: tuple[Callable[[], object], ...] = ()
            if not flight.waiting:
                wakes, flight.deserted = flight.deserted, ()
        for wake in wakes:
            wake()

    def when_deserted(self, flight: Flight, wake: Callable[[], object]) -> bool:
        """Have `wake` called when nobody waits for `flight` any more; False if nobody does."""
        with self._lock:
            if flight.landing is not None or not flight.waiting:
                return False
            flight.deserted += (wake,)
            return True

    def watch(self, flight: Flight, wake: Callable[[], object]) -> bool:
        """Have `wake` called when something changes; False if it has landed already."""
        with self._lock:
            if flight.landing is not None:
                return False
            flight.wakes += (wake,)
            return True
