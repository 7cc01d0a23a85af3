"""What the cache did for one request, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .status import CacheStatus, FwdReason
from .verdicts import Verdict

Status: TypeAlias = Literal["hit", "stale", "revalidated", "miss", "bypass", "unavailable"]


@dataclass(slots=True)
class CacheInfo:
    """What the cache did, on every response.  Times are seconds since the epoch."""

    status: Status = "miss"
    """``hit``: from the store, fresh. ``stale``: from the store, stale, and allowed to be. ``revalidated``: from the
    store after the server confirmed it. ``miss``: from the server. ``bypass``: from the server, the cache had no say.
    ``unavailable``: only-if-cached, and nothing to answer with."""
    verdicts: list[Verdict] = field(default_factory=list)
    """Every decision on the way, in order."""
    stored: bool = False
    """Whether the response lies in the store now; turns true when its body is complete."""
    age: float | None = None
    """Seconds since the server made or confirmed it, for a response from the store."""
    lifetime: float | None = None
    """Seconds for which it is fresh."""
    created_at: float | None = None
    """When its body was stored."""
    expires_at: float | None = None
    """When it stops being fresh."""
    key: str | None = None
    """The URL under which it is found."""
    uses: int = 0
    """How often this cache, since it was made, has answered with what is stored here, this time included."""
    collapsed: bool = False
    """Whether the request waited for another one's response."""
    forward: FwdReason | None = None
    """Why the request went to the server (RFC 9211 §2.2)."""
    forward_status: int | None = None
    """What the server answered, where that is not what the client gets."""

    @property
    def from_cache(self) -> bool:
        """Whether the body came out of the store."""
        return self.status in ("hit", "stale", "revalidated")

    @property
    def revalidated(self) -> bool:
        """Whether the server confirmed a stored response for this request."""
        return self.status == "revalidated"

    @property
    def reason(self) -> Verdict | None:
        """The decision that settled it: the last one."""
        return self.verdicts[-1] if self.verdicts else None

    def cache_status(self, cache: str, *, debug: bool = False) -> CacheStatus:
        """The Cache-Status member for this response.  RFC 9211 §2, ruling D50"""
        hit = self.forward is None
        ttl = None
        if self.age is not None and self.lifetime is not None:
            ttl = int((self.lifetime - self.age) // 1)
        return CacheStatus(
            cache,
            hit=hit,
            fwd=self.forward,
            fwd_status=self.forward_status,
            ttl=ttl if hit or self.status == "revalidated" else None,
            # A stale response that stands in for an error was stored before; what came now was not.
            stored=True if self.stored and not hit and self.status != "stale" else None,
            # §2.6: in vain, if it went forward by itself after all.
            collapsed=self.status in ("hit", "stale") if self.collapsed and not hit else None,
            key=self.key if debug else None,
            detail=self.reason.code if debug and self.reason is not None else None,
        )
