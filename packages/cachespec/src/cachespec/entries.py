"""The stored response: its head, and what was worked out when it was stored.  RFC 9111 §3

Work belongs at storing time, so that a hit is a lookup, an addition and a comparison.  Request fields are never kept
whole; the selecting values hold what Vary needs, secrets among them only as keyed digests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from .headers import Headers, Line
from .keys import Selecting

RETENTION: Final = 30 * 86400.0
"""Seconds for which a stale response with a validator is worth keeping."""
SPARE: Final = 3600.0
"""Seconds for which one without is, beyond its windows: somebody may ask with max-stale."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a response's content that is stored while others may be missing.  Positions are bytes of the whole."""

    start: int
    """Position of the first byte."""
    stop: int
    """Position behind the last one."""
    body: bytes | None = None
    """The octets, where they are few enough to lie beside the head."""
    body_id: str | None = None
    """Where the store keeps them otherwise."""
    skip: int = 0
    """How many octets of that body come before these."""


# Not frozen: one is built for every stored response and copied for every 304.  Treat it as immutable.
@dataclass(slots=True)
class Entry:
    """A stored response.  Times are seconds since the epoch, lifetimes and windows seconds."""

    url: str
    """The normalised target URI."""
    method: str
    selecting: Selecting
    """What the request had for method, principal and Vary."""
    status: int
    reason: str
    headers: Headers
    """The fields as they are replayed: none that is connection-specific, no Age."""
    request_time: float
    response_time: float
    initial_age: float
    """corrected_initial_age (RFC 9111 §4.2.3)."""
    lifetime: float
    """freshness_lifetime (§4.2.1); 0 where it has none."""
    source: str
    """Where the lifetime comes from: a directive, ``expires``, ``heuristic`` or ``none``; or a user's
    ``override`` or ``wish``."""
    date: float
    """Date, or the time of receipt."""
    validate: bool = False
    """Unqualified no-cache: validated on every use (§5.2.2.4)."""
    never_stale: bool = False
    """must-revalidate, or for a shared cache proxy-revalidate: no stale use whatever asks for it (§5.2.2.2)."""
    no_max_stale: bool = False
    """For a shared cache s-maxage: no stale use but through windows that stand beside it (§5.2.2.10, D27)."""
    immutable: bool = False
    """A reload need not validate it while it is fresh (RFC 8246)."""
    explicit: bool = False
    """public or s-maxage: may be served to requests with credentials by a careful gateway."""
    while_revalidate: int = 0
    """stale-while-revalidate (RFC 5861 §3)."""
    if_error: int = 0
    """stale-if-error (RFC 5861 §4)."""
    kept: int = 0
    """For how long beyond its lifetime the user's own windows may need it: it is not swept before."""
    etag: str | None = None
    last_modified: str | None = None
    groups: tuple[str, ...] = ()
    """Cache-Groups (RFC 9875 §2)."""
    withheld: tuple[Line, ...] = ()
    """Fields that govern the response but are not replayed: our own targeted field (D47)."""
    created: float = 0.0
    """When the body was stored; a validation leaves it."""
    length: int = 0
    """The complete body's length in bytes."""
    body: bytes | None = None
    """The body, where it is small enough to lie beside the head."""
    body_id: str | None = None
    """Where the store keeps the body otherwise."""
    parts: tuple[Part, ...] = ()
    """Where the content came in parts, those that are there: ascending, none overlapping another (§3.3)."""

    def age(self, now: float) -> float:
        """current_age (RFC 9111 §4.2.3).  A clock that was set back adds nothing (ruling D15)."""
        resident = now - self.response_time
        return self.initial_age + resident if resident > 0.0 else self.initial_age

    @property
    def has_validator(self) -> bool:
        """Whether a conditional request can be made from it."""
        return self.etag is not None or self.last_modified is not None

    @property
    def body_ids(self) -> tuple[str, ...]:
        """The names of all bodies that belong to it in the store, each once."""
        if self.parts:
            return tuple(dict.fromkeys([part.body_id for part in self.parts if part.body_id is not None]))
        return () if self.body_id is None else (self.body_id,)

    def expired(self, now: float) -> Entry:
        """This response as one that turns stale at `now`, if it was not so before."""
        return replace(self, lifetime=min(self.lifetime, self.age(now)), source="purged")

    @property
    def spare(self) -> float:
        """For how long beyond its lifetime it is worth keeping."""
        windows = max(self.while_revalidate, self.if_error, self.kept)
        return max(windows, RETENTION if self.has_validator else SPARE)

    def useless(self, now: float) -> bool:
        """Whether it has been stale for so long that nothing is likely to use it."""
        return self.age(now) - self.lifetime > self.spare


@dataclass(slots=True)
class Variants:
    """What lies at the primary key where responses for one URL are told apart by selecting values."""

    url: str
    generation: bytes
    """128 random bits; part of every variant's key, so that without this record they cannot be found."""
    names: tuple[tuple[str, ...], ...]
    """The sets of field names that Vary was seen with, newest first, at most four."""
    count: int
    """How many variants were written since the generation began."""
    tags: tuple[tuple[str, bytes], ...] = ()
    """The newest variants' entity-tags with their keys, so that one conditional request can offer them all."""
    languages: tuple[tuple[str, bytes], ...] = ()
    """The newest variants' Content-Language, in lower case, with their keys (`Policy.select_language`)."""


Item: TypeAlias = Entry | Variants
"""What a store holds under a key."""
