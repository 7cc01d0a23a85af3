"""Between the flow and a store that may fail: a failing store is a miss, never a failed request.

No purge is ever lost: one that failed is owed, and until it is delivered the store counts as empty, because nobody
can say what in it is still good.  After a failure the store is left in peace for a moment, so that requests do not
wait for a database that is down, one after the other.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Final, TypeVar

from .steps import Drop, Lease, Read, Release, StoreFlow, StoreStep
from .stores.contract import Reading, Scope, Store

OWED: Final = 100
"""Purges that are remembered one by one; more become one of everything."""
REST: Final = 1.0
"""Seconds of peace after a failure."""
TELL_EVERY: Final = 60.0
"""Seconds between two log lines about the same trouble."""

log: logging.Logger = logging.getLogger("cachespec")

R = TypeVar("R")


class Shelter:
    """What a driver remembers of its store's failures."""

    __slots__ = ("_lock", "_told_at", "failures", "owed", "resting_until")

    def __init__(self) -> None:
        self.owed: list[Scope] = []
        """Purges that failed, to be delivered before the store is believed again."""
        self.failures: int = 0
        """How often the store has failed, for metrics."""
        self._lock = threading.Lock()
        self.resting_until: float = 0.0
        """Until when the store is left in peace, by the monotonic clock; 0 where it has never failed."""
        self._told_at = float("-inf")

    def inherited(self) -> Shelter:
        """The same for a child process, where the lock may be held by a thread that it lacks."""
        other = Shelter()
        other.owed[:] = self.owed
        return other

    @property
    def resting(self) -> bool:
        """Whether the store is to be left in peace."""
        return self.resting_until > 0.0 and time.monotonic() < self.resting_until

    def performed(self, step: StoreStep, store: Store) -> Any:
        """The result of a step for a synchronous store; if that fails, what the step has for that case."""
        if self.resting_until and self.resting:
            return self.spared(step)
        try:
            while self.owed:
                owed = self.oldest()
                store.purge(owed)
                self.delivered(owed)
            return step.on(store)
        except Exception as failure:
            return self.failed(step, failure)

    def read(self, key: bytes, store: Store) -> Reading:
        """What `Read` results in.  Every request begins with one, and nearly always there is nothing to mind."""
        if self.owed or self.resting_until:
            reading: Reading = self.performed(Read(key), store)
        else:
            try:
                reading = store.read(key)
            except Exception as failure:
                reading = self.failed(Read(key), failure)
        return reading

    def run(self, flow: StoreFlow[R], store: Store) -> R:
        """Drive a flow that asks for nothing but a synchronous store."""
        try:
            step = next(flow)
            while True:
                step = flow.send(self.performed(step, store))
        except StopIteration as end:
            result: R = end.value
            return result

    def spared(self, step: StoreStep) -> Any:
        """What a step results in while the store rests."""
        if isinstance(step, Drop):
            self._owe(step.scope)
        return step.otherwise

    def failed(self, step: StoreStep, error: Exception) -> Any:
        """Note that `step` failed with `error`; what it results in."""
        self.failures += 1
        now = time.monotonic()
        if not isinstance(step, Lease | Release):
            # Where there is no room for a lease, what is stored can be read all the same.
            self.resting_until = now + REST
        if now - self._told_at >= TELL_EVERY:
            self._told_at = now
            log.warning("the store failed to %s, which counts as a miss: %r", type(step).__name__.lower(), error)
        return self.spared(step)

    def oldest(self) -> Scope:
        """The purge to deliver next; one of nothing where somebody else has just delivered the last one."""
        with self._lock:
            return self.owed[0] if self.owed else Scope()

    def delivered(self, scope: Scope) -> None:
        """Take `scope` off the list, for it has been delivered; somebody else may have done so meanwhile."""
        with self._lock:
            self.owed[:] = [owed for owed in self.owed if owed is not scope]

    def _owe(self, scope: Scope) -> None:
        with self._lock:
            self.owed.append(scope)
            if len(self.owed) > OWED:
                self.owed[:] = [Scope(everything=True)]
