"""One exchange under way: what was asked, of which cache, and what is known so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from .info import CacheInfo
from .messages import Request
from .policy import Policy, Wish
from .preconditions import left_to_origin
from .selection import Found, Keys
from .status import FwdReason
from .verdicts import Verdict

Clock: TypeAlias = Callable[[], float]
"""Seconds since the epoch."""


@dataclass(slots=True)
class Case:
    """One exchange under way: what was asked, of which cache, and what is known so far."""

    request: Request
    policy: Policy
    clock: Clock
    wish: Wish
    background: bool
    keys: Keys
    info: CacheInfo
    found: Found = field(init=False)
    """What lies in the store, once somebody has looked."""

    @property
    def guarded(self) -> bool:
        """Whether the request has credentials that a careful gateway serves only what is explicitly for all."""
        fields = self.request.headers.fields
        return self.policy.credentials == "explicit" and ("cookie" in fields or "authorization" in fields)

    @property
    def theirs(self) -> Verdict:
        """Whether it has a condition that only the origin server evaluates."""
        return left_to_origin(self.request)

    def note(self, verdict: Verdict, forward: FwdReason | None = None) -> None:
        """Remember a decision and, where it sends the request to the server, what Cache-Status calls it."""
        self.info.verdicts.append(verdict)
        if forward is not None:
            self.info.forward = forward
