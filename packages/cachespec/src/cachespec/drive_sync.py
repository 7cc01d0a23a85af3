"""The driver for synchronous code: threads, no event loop."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias, TypeVar

from . import forks
from .case import Case, Clock
from .content import Content, StoredContent
from .drive import (
    PAUSES,
    Answer,
    Course,
    Uses,
    is_async,
    lines_added,
    refresh_failed,
    shared_by_more,
    with_lines,
)
from .entries import Entry
from .exchange import exchange
from .flight import Flights
from .forwarding import answered, answered_at_once
from .inventory import Inventory
from .live import Left, LiveContent, LiveResponse, aborted
from .messages import Request
from .plain import plain_hit, plain_keys, plain_miss
from .policy import NO_WISH, Policy, Wish
from .record import Recording
from .shelter import Shelter
from .steps import Close, Drain, Flow, Join, Live, Made, Outcome, Send, Stored, StoreFlow, StoreStep
from .stores.contract import Store
from .stores.memory import MemoryStore

L = TypeVar("L", bound=LiveResponse)
R = TypeVar("R")
Sender: TypeAlias = Callable[[Request], L]
"""Sends a request, and gives the response as soon as its head is there.  Given the very request that `fetch` was given,
it should send the original message untouched."""

REFRESHES: Final = 4
"""Background refreshes at a time."""


class Cache(Inventory):
    """An HTTP cache for synchronous code, safe to share between threads.

    `store` defaults to a new `MemoryStore`; an asynchronous one is a TypeError.  `clock` gives seconds since the
    epoch.
    """

    def __init__(self, store: Store | None = None, policy: Policy | None = None, *, clock: Clock = time.time) -> None:
        if store is not None and is_async(store):
            raise TypeError(f"store: {type(store).__name__} is asynchronous, and this cache is not")
        self.store: Store = MemoryStore() if store is None else store
        self._shared = shared_by_more(self.store)
        self.policy: Policy = Policy() if policy is None else policy
        self.clock: Clock = clock
        self.shelter: Shelter = Shelter()
        self._uses = Uses()
        self._flights = Flights()
        self._left: Left = deque()
        self._pool: ThreadPoolExecutor | None = None
        self._forks = forks.seen
        self._lock = threading.Lock()
        """Held while the pool is made, used or closed."""

    def fetch(
        self, request: Request, send: Sender[L], wish: Wish = NO_WISH, *, patience: float | None = None
    ) -> Answer[L, Content]:
        """Answer `request`, from the store or through `send`.

        What `send` raises comes out of here, unless a stored response stands in.  The answer's content has to be read
        to its end or closed.  `patience` is for how many seconds at most another request for the same is waited for,
        where the caller has a timeout that is shorter than the other's may be.
        """
        if self._left or self._forks != forks.seen:
            self._tidy_up()
        looked, case, since = None, None, self._flights.over
        keys = plain_keys(request, self.policy, wish)
        if keys is not None:
            looked = keys, self.shelter.read(keys.primary, self.store)
            item = looked[1].item
            if item is None:
                case = plain_miss(request, self.policy, self.clock, wish, looked)
            else:
                hit = plain_hit(request, keys.url, item, self.policy, self.clock())
                if hit is not None:
                    return self._stored(hit)
        course = Course(self._flights, self.run, since)
        if case is not None and self._boards(course, case.keys.primary):
            outcome: Outcome[L] = self._forward(course, case, send)
        else:
            flow = exchange(request, self.policy, self.clock, wish, looked=looked)
            outcome = self._conduct(course, flow, send, patience)
        if isinstance(outcome, Live):
            added = lines_added(self.policy, outcome.info)
            return Answer(outcome.head, self._record(course, outcome), outcome.info, outcome.live, added)
        if isinstance(outcome, Stored) and outcome.refresh:
            self._refresh(request, send, wish)
        return self._stored(outcome)

    def close(self) -> None:
        """Wait for background refreshes that have begun, and drop those that have not.  The store stays open.

        Whoever goes on asking afterwards begins anew, and closes again.
        """
        self._mind_fork()
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)

    # --- driving

    def perform(self, step: StoreStep) -> Any:
        """The result of a step for the store; if the store fails, what the step has for that case."""
        return self.shelter.performed(step, self.store)

    def run(self, flow: StoreFlow[R], perform: Callable[[StoreStep], Any] | None = None) -> R:
        """Drive a flow that asks for nothing but the store."""
        if perform is None:
            return self.shelter.run(flow, self.store)
        try:
            step = next(flow)
            while True:
                step = flow.send(perform(step))
        except StopIteration as end:
            result: R = end.value
            return result

    def _stored(self, outcome: Stored | Made) -> Answer[Any, Content]:
        """The answer that is no live response."""
        head = with_lines(outcome.head, lines_added(self.policy, outcome.info))
        if isinstance(outcome, Made):
            return Answer(head, StoredContent((), None, None), outcome.info)
        outcome.info.uses = self._uses.once_more(outcome.entry)
        return Answer(head, StoredContent(outcome.pieces, outcome.entry.body, outcome.body), outcome.info)

    def _tidy_up(self) -> None:
        """Abort what was left behind, and make anew what a child process has not inherited."""
        self._mind_fork()
        for abort in aborted(self._left):
            self.run(abort)

    def _forward(self, course: Course, case: Case, send: Sender[L]) -> Live[L]:
        """What `_conduct` comes to for a plain miss."""
        live: L | None = None
        try:
            requested = case.clock()
            live = send(case.request)
            head, received = live.head, case.clock()
            outcome = answered_at_once(case, head, live, requested, received)
            if outcome is None:
                outcome = self.run(answered(case, head, live, requested, received))
        except BaseException as error:
            course.broken(error)
            if live is not None:
                live.close()
            raise
        course.concluded(outcome, self.policy.collapse_wait)
        return outcome

    def _conduct(
        self, course: Course, flow: Flow[Outcome[Any]], send: Sender[L], patience: float | None = None
    ) -> Outcome[L]:
        """Drive an exchange to its outcome."""
        course.flow = flow
        live: L | None = None
        result: Any = None
        failure: Exception | None = None
        try:
            while True:
                step = flow.send(result) if failure is None else flow.throw(failure)
                result = failure = None
                if isinstance(step, Send):
                    try:
                        live = send(step.request)
                    except Exception as error:
                        failure = error
                    else:
                        result = live.head, live
                elif isinstance(step, Join):
                    try:
                        result = self._join(course, step, patience)
                        course.since = self._flights.over
                    except Exception as error:
                        failure = error
                elif isinstance(step, Close):
                    step.live.close()
                elif isinstance(step, Drain):
                    try:
                        result = self._drain(course, step)
                    except Exception as error:
                        failure = error
                else:
                    result = self.perform(step)
        except StopIteration as end:
            course.concluded(end.value, self.policy.collapse_wait)
            outcome: Outcome[L] = end.value
            return outcome
        except BaseException as error:
            course.broken(error)
            if live is not None:
                # Nobody else knows of it: its connection would never be given back.
                live.close()
            raise

    def _boards(self, course: Course, slot: bytes) -> bool:
        """Whether `course` can set off at once: nobody else is under way, or nobody waits for anybody."""
        policy = self.policy
        if not policy.collapse:
            return True
        if policy.collapse_across and self._shared():
            return False
        return course.board(slot, threading.get_ident())[0]

    def _join(self, course: Course, step: Join, patience: float | None) -> str:
        if course.flight is not None and course.leads(step.slot):
            return "lead"
        until = None if patience is None else time.monotonic() + patience
        leads, flight = course.board(step.slot, threading.get_ident())
        if leads:
            return self._lease(course, step, until) if self.policy.collapse_across and self._shared() else "lead"
        if flight is None or not step.wait:
            return "alone"
        while flight.landing is None:
            changed = threading.Event()
            if not self._flights.watch(flight, changed.set):
                break
            seconds = flight.remaining()
            if until is not None:
                left = max(0.0, until - time.monotonic())
                seconds = left if seconds is None else min(seconds, left)
            if not changed.wait(seconds):
                return "alone"
        return flight.landed()

    def _lease(self, course: Course, step: Join, until: float | None) -> str:
        """Settle with other processes who goes; ``again`` if one of them went meanwhile."""
        lease = course.leased(step.slot)
        for tries, pause in enumerate(PAUSES):
            if self.perform(lease):
                return "again" if tries else "lead"
            if not step.wait:
                return "alone"
            if until is not None and time.monotonic() + pause > until:
                break
            time.sleep(pause)
        return "lead"

    def _drain(self, course: Course, step: Drain[L]) -> Entry | None:
        """Read a live response to its end, into the store; what is stored then."""
        course.drains(self.policy.collapse_wait)
        recording = Recording(step.plan, self.policy, step.info)
        try:
            for chunk in step.live.chunks():
                if recording.take(chunk):
                    self.run(recording.flush())
                if not recording.going:
                    break
            self.run(recording.commit())
        finally:
            self.run(recording.abort())
            step.live.close()
        return recording.entry

    def _record(self, course: Course, outcome: Live[L]) -> LiveContent:
        recording = None if outcome.plan is None else Recording(outcome.plan, self.policy, outcome.info)
        return LiveContent(outcome.live, recording, self.run, course.recorded, self._left)

    def _refresh(self, request: Request, send: Sender[L], wish: Wish) -> None:
        """Run the exchange again in the background, for the store's sake.  RFC 5861 §3"""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(REFRESHES, thread_name_prefix="cachespec-refresh")
            self._pool.submit(self._refreshed, request, send, wish)

    def _refreshed(self, request: Request, send: Sender[L], wish: Wish) -> None:
        try:
            course = Course(self._flights, self.run)
            flow = exchange(request, self.policy, self.clock, wish, background=True)
            outcome = self._conduct(course, flow, send)
            if isinstance(outcome, Live):
                content = self._record(course, outcome)
                try:
                    for _ in content if content.recorded else ():
                        pass
                finally:
                    content.close()
            elif isinstance(outcome, Stored) and outcome.body is not None:
                # Confirmed, or refreshed by somebody else meanwhile: nobody reads it.
                outcome.body.close()
        except Exception as error:
            refresh_failed(request, error)

    def _mind_fork(self) -> None:
        """A child process has neither its parent's threads nor its flights, and its locks may be held by nobody."""
        if self._forks != forks.seen:
            self._forks = forks.seen
            self._pool = None
            self._lock = threading.Lock()
            self._flights = Flights()
            self.shelter = self.shelter.inherited()
