"""Single flight: of concurrent requests for one thing, one goes and the others wait.  RFC 9111 §4, ruling D53

A waiter never shares a response that could not have been stored for it: when the flight lands it looks into the
store again, and goes on its own if that holds nothing for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from copy import copy
from itertools import count
from typing import Final, Literal, TypeAlias

Landing: TypeAlias = Literal["again", "alone"] | Exception
"""What the waiters do: look again, go on their own, or share the failure."""

NEVER_FOR: Final = 10.0
"""Seconds for which nobody waits for what was found uncacheable ("hit for miss")."""
NEVER_MOST: Final = 10_000
"""How many such things are remembered."""
LATELY: Final = 1_000
"""How many flights that are over are remembered, at least; there may be twice as many."""


class Flight:
    """One request under way, and who waits for it."""

    __slots__ = ("deadline", "deserted", "landing", "owner", "waiting", "wakes")

    def __init__(self, owner: Hashable) -> None:
        self.owner: Hashable = owner
        """The thread or task that leads."""
        self.landing: Landing | None = None
        self.deadline: float | None = None
        """When waiting ends, by the monotonic clock; None as long as there is no response head."""
        self.wakes: list[Callable[[], object]] = []
        """Called when any of that changes, once each."""
        self.waiting: int = 0
        """How many tasks wait; all of them are on one loop."""
        self.deserted: list[Callable[[], object]] = []
        """Called when none does any more, once each."""

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


def _call(wakes: list[Callable[[], object]]) -> None:
    """Call and forget what is in `wakes`; several may be about it at once."""
    while wakes:
        with suppress(IndexError):
            wakes.pop(0)()


class Flights:
    """The flights of one driver.  Every method is quick, never waits, and may be called from any thread.

    What every request needs takes no lock, for it has its order.  To look for a flight and to begin one is a single
    call.  A flight that lands is noted among the latest before it gives its slot up, so that whoever gets the slot
    finds it there.  Whoever waits says so, and then looks whether it is worth while; whoever ends the wait writes that
    down, and then looks who waits: one of the two sees the other.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, Flight] = {}
        self.over: int = 0
        """How many flights have landed."""
        self._numbers = count(1)
        self._lately: dict[Hashable, int] = {}
        self._before: dict[Hashable, int] = {}
        """What was `_lately` until that was full."""
        self._never: dict[Hashable, float] = {}
        self._lock = threading.Lock()
        """Held while `_never` is changed."""

    def board(self, slot: Hashable, owner: Hashable, since: int | None = None) -> tuple[bool, Flight | None]:
        """Whether the caller leads, and the flight: its own, the one to wait for, or None to go alone.

        `since` is what `over` was when the caller began to look into the store.  If a flight has landed meanwhile, it
        gets one that has: it may have looked before the response was there.
        """
        if slot in self._never and self._nobody_waits(slot):
            return False, None
        own = Flight(owner)
        flight = self._flights.setdefault(slot, own)
        if flight is not own:
            # Whoever leads and asks again would wait for itself: for an answer that it holds unread, say.
            return False, None if flight.owner == owner else flight
        if since is not None and since != self.over and self._landed(slot) > since:
            own.landing = "again"
            self._end(slot, own)
            return False, own
        return True, own

    def headed(self, flight: Flight, wait: float) -> None:
        """The response head is there: from now on `wait` seconds are enough."""
        flight.deadline = time.monotonic() + wait
        if flight.wakes:
            _call(flight.wakes)

    def land(self, slot: Hashable, flight: Flight, landing: Landing, *, never: bool = False) -> None:
        """The flight is over.  With `never`, nobody waits for this slot for a while.  A second time does nothing."""
        if flight.landing is not None:
            return
        flight.landing = landing
        number = next(self._numbers)
        if never:
            self._never_for_now(slot)
        elif landing == "again":
            if len(self._lately) >= LATELY:
                self._before, self._lately = self._lately, {}
            self._lately[slot] = number
        self.over = number
        self._end(slot, flight)

    def wait(self, flight: Flight) -> None:
        """One more task waits for `flight`."""
        flight.waiting += 1

    def leave(self, flight: Flight) -> None:
        """One of those that wait gives up, or has what it waited for."""
        flight.waiting -= 1
        if not flight.waiting:
            _call(flight.deserted)

    def when_deserted(self, flight: Flight, wake: Callable[[], object]) -> bool:
        """Have `wake` called when nobody waits for `flight` any more; False if nobody does."""
        if not flight.waiting:
            return False
        flight.deserted.append(wake)
        return flight.landing is None

    def watch(self, flight: Flight, wake: Callable[[], object]) -> bool:
        """Have `wake` called when something changes; False if it has landed already.

        What is left to wait has to be asked afterwards.
        """
        flight.wakes.append(wake)
        return flight.landing is None

    def _end(self, slot: Hashable, flight: Flight) -> None:
        """Give up the slot, and wake everybody."""
        if self._flights.get(slot) is flight:
            self._flights.pop(slot, None)
        if flight.wakes or flight.deserted:
            _call(flight.wakes)
            _call(flight.deserted)

    def _landed(self, slot: Hashable) -> int:
        """The number of the latest flight for `slot` that may have stored something; 0 if that was long ago."""
        return self._lately.get(slot) or self._before.get(slot, 0)

    def _nobody_waits(self, slot: Hashable) -> bool:
        """Whether what came for `slot` was not storable, a short while ago."""
        with self._lock:
            if time.monotonic() < self._never.get(slot, 0.0):
                return True
            self._never.pop(slot, None)
            return False

    def _never_for_now(self, slot: Hashable) -> None:
        with self._lock:
            if len(self._never) >= NEVER_MOST:
                self._never.pop(next(iter(self._never)))
            self._never[slot] = time.monotonic() + NEVER_FOR
