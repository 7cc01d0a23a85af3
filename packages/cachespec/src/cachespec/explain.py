"""What a response's header fields mean for a cache, in words.  RFC 9111 §3, §4.2, §5.2.2"""

from __future__ import annotations

from typing import Final

from .entries import Entry
from .keys import vary_names
from .messages import Request, Response
from .policy import Policy
from .storing import STORABLE, assess
from .verdicts import Verdict

_SOURCES: Final = {
    "s-maxage": "s-maxage says so (RFC 9111 §5.2.2.10)",
    "max-age": "max-age says so (RFC 9111 §5.2.2.1)",
    "expires": "Expires says so (RFC 9111 §5.3)",
    "heuristic": "nothing says, and it is a tenth of the time since Last-Modified (RFC 9111 §4.2.2)",
    "override": "an override of the policy says so",
    "none": "nothing says how long, and there is nothing to guess from (RFC 9111 §4.2.1)",
}
_UNITS: Final = (("day", 86400), ("hour", 3600), ("minute", 60))


def explain(request: Request, response: Response, policy: Policy, now: float) -> list[str]:
    """Sentences about what a cache with `policy` makes of `response`, received `now` (seconds since the epoch)."""
    assessed = assess(request, response, policy, request_time=now, response_time=now)
    kind = "shared" if policy.shared else "private"
    if isinstance(assessed, Verdict):
        return [f"A {kind} cache may not store it. {assessed.sentence} ({assessed.clause})"]
    return [
        f"A {kind} cache may store it. {STORABLE.sentence} ({STORABLE.clause})",
        *_freshness(assessed, now),
        *_when_stale(assessed),
        *_which_requests(assessed),
    ]


def _freshness(entry: Entry, now: float) -> list[str]:
    source = _SOURCES.get(entry.source, f"{entry.source} says so")
    said = [f"It is fresh for {duration(entry.lifetime)}, for {source}."]
    age = entry.age(now)
    if age >= 1 and entry.lifetime > 0:
        left = entry.lifetime - age
        said.append(
            f"It is {duration(age)} old already (RFC 9111 §4.2.3), which leaves {duration(left)}."
            if left > 0
            else f"It is {duration(age)} old already, and so it arrives stale (RFC 9111 §4.2.3)."
        )
    if entry.validate:
        said.append("It is validated before every use all the same, for it says no-cache (RFC 9111 §5.2.2.4).")
    if entry.immutable:
        said.append("While it is fresh not even a reload need validate it, for it is immutable (RFC 8246 §2).")
    return said


def _when_stale(entry: Entry) -> list[str]:
    said = []
    if entry.etag is not None:
        said.append(f"Once stale it is validated with If-None-Match: {entry.etag} (RFC 9111 §4.3.1).")
    elif entry.last_modified is not None:
        said.append(f"Once stale it is validated with If-Modified-Since: {entry.last_modified} (RFC 9111 §4.3.1).")
    else:
        said.append("It has no validator: once stale it is fetched anew (RFC 9111 §4.3.1).")
    if entry.never_stale:
        said.append("It is never used stale, whatever asks for it: must-revalidate (RFC 9111 §5.2.2.2).")
    elif entry.no_max_stale:
        said.append("No client's max-stale makes a shared cache use it stale: s-maxage (RFC 9111 §5.2.2.10).")
    for window, clause, what in (
        (entry.while_revalidate, "RFC 5861 §3", "while it is refreshed in the background"),
        (entry.if_error, "RFC 5861 §4", "if the server fails"),
    ):
        if window:
            said.append(f"It may be used stale for {duration(window)} more {what} ({clause}).")
    return said


def _which_requests(entry: Entry) -> list[str]:
    said = []
    names = vary_names(entry.headers.get("vary"))
    if names:
        said.append(f"It answers requests with the same {', '.join(names)} (RFC 9111 §4.1).")
    if entry.groups:
        said.append(f"It belongs to {', '.join(entry.groups)} and is invalidated with them (RFC 9875 §2).")
    return said


def duration(seconds: float) -> str:
    """`seconds` in words: the number, and where that helps in a larger unit."""
    whole = int(seconds) if seconds < 1e15 else None
    if whole is None:
        return "ever"
    text = f"{whole} second{'' if whole == 1 else 's'}"
    for unit, size in _UNITS:
        if whole >= size:
            count = round(whole / size, 1)
            return f"{text} ({count:g} {unit}{'' if count == 1 else 's'})"
    return text
