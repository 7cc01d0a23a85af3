"""What the two drivers share: the answer, and an exchange on its way.

`drive_sync.Cache` and `drive_async.AsyncCache` perform an exchange's steps and own what outlives a step: the flights,
the background refreshes, the purges that a failing store still owes.
"""

from __future__ import annotations

import inspect
import logging
import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Generic, TypeVar

from .entries import Entry
from .flight import Flight, Flights, Landing
from .headers import Line
from .info import CacheInfo
from .keys import Selecting
from .messages import Request, Response
from .policy import Policy
from .steps import Flow, Lease, Live, Outcome, Release, Stored, StoreFlow, StoreStep
from .stores.contract import Leasing

log: logging.Logger = logging.getLogger("cachespec")

LEASED: Final = 10.0
"""Seconds after which a lease ends that was not given back, and the longest wait for other processes."""
PAUSES: Final = (0.01, 0.02, 0.05, *[0.1] * round(LEASED / 0.1))
"""Seconds between one look and the next at what another process has leased."""
COUNTED: Final = 10_000
"""How many stored responses have their uses counted."""

L = TypeVar("L")
C = TypeVar("C")


@dataclass(slots=True)
class Answer(Generic[L, C]):
    """What a request is answered with."""

    head: Response
    """Status and fields; the server's own where the response is live."""
    content: C
    """The content: to be read from here unless it is live and not `recorded`."""
    info: CacheInfo
    """What the cache did, and why."""
    live: L | None = None
    """The server's response, where that is what is passed on."""
    added: tuple[Line, ...] = ()
    """Field lines that the cache adds; an answer from the store has them in its head already."""


class Course:
    """One exchange on its way: the generator, where there is one, and the flight that it leads, if any.

    `tidy` drives a flow that cleans up.  `since` is what `Flights.over` was when somebody looked into the store for it.
    """

    __slots__ = ("_tidy", "cut", "flight", "flights", "flow", "lease", "since", "slot")

    def __init__(self, flights: Flights, tidy: Callable[[StoreFlow[None]], object], since: int | None = None) -> None:
        self._tidy = tidy
        self.since: int = flights.over if since is None else since
        """How many flights had landed when it began to look into the store, the last time."""
        self.flow: Flow[Outcome[Any]] | None = None
        self.flights: Flights = flights
        self.slot: Any = None
        self.flight: Flight | None = None
        self.lease: Release | None = None
        """What keeps other processes waiting, to be given back."""
        self.cut: StoreStep | None = None
        """The step that is being performed; still there where it was cut off, by a cancellation that others survive."""

    def board(self, slot: Hashable, owner: Hashable) -> tuple[bool, Flight | None]:
        """See `Flights.board`; a flight that it leads is its own from then on."""
        leads, flight = self.flights.board(slot, owner, self.since)
        if leads:
            self.slot, self.flight = slot, flight
        return leads, flight

    def leads(self, slot: object) -> bool:
        """Whether it leads the flight for `slot` already, having waited for another process; any other one is over."""
        if self.flight is not None and self.slot == slot:
            return True
        self.land("again")
        return False

    def leased(self, slot: bytes) -> Lease:
        """The step by which other processes are told to wait for this exchange."""
        lease = Lease(slot, os.urandom(16), LEASED)
        # Now, not when it is granted: whoever is cancelled meanwhile may have it without knowing.
        self.lease = Release(slot, lease.owner)
        return lease

    def land(self, landing: Landing, *, never: bool = False) -> None:
        """End the flight, if there is one.  A second time does nothing."""
        if self.flight is not None:
            self.flights.land(self.slot, self.flight, landing, never=never)
        if self.lease is not None:
            lease, self.lease = self.lease, None
            self._tidy(step for step in (lease,))

    def drains(self, wait: float) -> None:
        """A body is read into the store before there is an outcome: those who wait do so for `wait` more seconds."""
        if self.flight is not None:
            self.flights.headed(self.flight, wait)

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for it."""
        return self.flight is not None and self.flight.landing is None and self.flight.waiting > 0

    def when_deserted(self, wake: Callable[[], object]) -> bool:
        """Have `wake` called when nobody waits for it any more; False if nobody does."""
        return self.flight is not None and self.flights.when_deserted(self.flight, wake)

    def concluded(self, outcome: Outcome[Any], wait: float) -> None:
        """There is an outcome: tell those who wait, unless they have to wait for a body, for `wait` seconds then."""
        if self.flight is None:
            return
        if not isinstance(outcome, Live):
            self.land((outcome.failure if isinstance(outcome, Stored) else None) or "again")
        elif outcome.share == "commit" and outcome.plan is not None:
            # Given back when the body is in the store.
            outcome.plan.lease, self.lease = self.lease, None
            self.flights.headed(self.flight, wait)
        else:
            self.land("alone", never=outcome.share == "never")

    def broken(self, error: BaseException) -> None:
        """It failed, and those who wait fail likewise; or it was given up, and one of them goes on."""
        self.land(error if isinstance(error, Exception) else "again")
        if self.flow is not None:
            self.flow.close()

    def recorded(self, stored: bool | None) -> None:
        """The body has been read: those who wait find it stored, go on their own, or one of them begins anew."""
        self.land("alone" if stored is False else "again")


class Uses:
    """How often stored responses have answered.  Safe to share between threads; the oldest are forgotten."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, Selecting], tuple[float, count[int]]] = OrderedDict()

    def once_more(self, entry: Entry) -> int:
        """Count one more use of `entry`; how many there have been since its body was stored."""
        place = entry.url, entry.selecting
        created, uses = self._counts.get(place, (None, None))
        if uses is None or created != entry.created:
            if len(self._counts) >= COUNTED:
                self._counts.popitem(last=False)
            uses = count(1)
            self._counts[place] = entry.created, uses
        return next(uses)


def shared_by_more(store: object) -> Callable[[], bool]:
    """What tells, without waiting, whether other processes have to be asked who fetches."""
    if not isinstance(store, Leasing):
        return lambda: False
    alone: Callable[[], bool] | None = getattr(store, "alone", None)
    if alone is None or inspect.iscoroutinefunction(alone):
        return lambda: True
    return lambda: not alone()


def is_async(store: object) -> bool:
    """Whether `store` is made for an event loop."""
    return inspect.iscoroutinefunction(getattr(store, "read", None))


def lines_added(policy: Policy, info: CacheInfo) -> tuple[Line, ...]:
    """The field lines that the cache adds to a response.  RFC 9211 §2"""
    if info.status == "unavailable":
        return ()
    lines: tuple[Line, ...] = ()
    if policy.cache_status is not None:
        lines = (("Cache-Status", str(info.cache_status(policy.cache_status, debug=policy.debug))),)
    if policy.from_cache_field is not None and info.from_cache:
        lines += ((policy.from_cache_field, "1"),)
    return lines


def with_lines(head: Response, added: tuple[Line, ...]) -> Response:
    """`head` with the lines in `added`, behind those of caches upstream (RFC 9211 §2)."""
    return Response(head.status, head.headers.plus(*added), head.reason) if added else head


def refresh_failed(request: Request, error: Exception) -> None:
    """Say that a background refresh failed: what is stored stays stale, and the next request tries again."""
    log.info("refreshing %s in the background failed: %r", request.url, error)
