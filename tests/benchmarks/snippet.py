"""What a careful programmer writes in an afternoon: RFC 9111 in some 150 lines, without reasons for its answers.

The floor that the rules of `cachespec` are measured against.  A stored response is read once, into a `Kept`; every
later decision on it is arithmetic.  Left out are must-understand, the qualified forms of no-cache and private, targeted
fields, all dates but the IMF-fixdate, credentials beyond RFC 9111 §3.5, and malformed values, which count as absent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

MONTHS = dict(Jan=1, Feb=2, Mar=3, Apr=4, May=5, Jun=6, Jul=7, Aug=8, Sep=9, Oct=10, Nov=11, Dec=12)  # noqa: C408
CACHEABLE = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"}
    | {"upgrade", "proxy-connection", "age"}
)

Lines = list[tuple[str, str]]
Fields = dict[str, str]


class Decision(Enum):
    USE = "use"
    VALIDATE = "validate"
    USE_AND_REFRESH = "use and refresh"
    OTHER = "other variant"


def combined(lines: Iterable[tuple[str, str]]) -> Fields:
    """Values by lower-case name, repeated lines joined."""
    fields: Fields = {}
    for name, value in lines:
        name = name.lower()
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def http_date(text: str | None) -> float | None:
    """Seconds since 1970, of an IMF-fixdate."""
    if text is None or len(text) != 29 or not text.endswith(" GMT"):
        return None
    try:
        day, month, year = int(text[5:7]), MONTHS[text[8:11]], int(text[12:16])
        return datetime(year, month, day, int(text[17:19]), int(text[20:22]), int(text[23:25]), tzinfo=UTC).timestamp()
    except (ValueError, KeyError):
        return None


def directives(value: str | None) -> dict[str, str | None]:
    """Cache-Control by directive; the first occurrence counts."""
    said: dict[str, str | None] = {}
    if not value:
        return said
    for member in split(value) if '"' in value else value.split(","):
        name, equals, argument = member.partition("=")
        name = name.strip().lower()
        if name and name not in said:
            said[name] = argument.strip().strip('"') if equals else None
    return said


def split(value: str) -> list[str]:
    """Divided at commas that stand outside quoted strings."""
    parts, start, quoted = [], 0, False
    for at, character in enumerate(value):
        if character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            parts.append(value[start:at])
            start = at + 1
    return [*parts, value[start:]]


def seconds(said: dict[str, str | None], name: str) -> int | None:
    argument = said.get(name)
    if argument is None or not (argument.isascii() and argument.isdigit()):
        return None
    return min(int(argument), 2**31)


@dataclass(slots=True)
class Kept:
    """A stored response: its lines, and what decisions need."""

    lines: Lines
    method: str
    vary: dict[str, str | None]
    initial_age: float
    received: float
    lifetime: float
    no_cache: bool
    must_revalidate: bool
    while_revalidate: int
    etag: str | None
    last_modified: str | None


def store(
    method: str, asked: Lines, status: int, answered: Lines, *, shared: bool, sent: float, received: float
) -> Kept | None:
    """What to keep of a response; None where it must not be stored.  RFC 9111 §3"""
    request, response = combined(asked), combined(answered)
    said = directives(response.get("cache-control"))
    if method != "GET" or not 200 <= status <= 599 or status in (206, 304) or "no-store" in said:
        return None
    if "cache-control" in request and "no-store" in directives(request["cache-control"]):
        return None
    if shared and "private" in said:
        return None
    if shared and "authorization" in request and not said.keys() & {"public", "s-maxage", "must-revalidate"}:
        return None
    varying = [name.strip().lower() for name in response["vary"].split(",")] if "vary" in response else []
    if "*" in varying:
        return None
    date = http_date(response.get("date"))
    if date is None:
        date = received
    lifetime = lifetime_of(status, response, said, date, shared=shared)
    etag, modified = response.get("etag"), response.get("last-modified")
    if lifetime is None and not (status in CACHEABLE and (etag or modified)):
        return None
    age = response.get("age", "")
    initial_age = max(received - date, (int(age) if age.isascii() and age.isdigit() else 0) + received - sent, 0.0)
    return Kept(
        lines=[line for line in answered if line[0].lower() not in HOP_BY_HOP],
        method=method,
        vary={name: request.get(name) for name in varying},
        initial_age=initial_age,
        received=received,
        lifetime=lifetime or 0.0,
        no_cache="no-cache" in said,
        must_revalidate="must-revalidate" in said or (shared and ("proxy-revalidate" in said or "s-maxage" in said)),
        while_revalidate=seconds(said, "stale-while-revalidate") or 0,
        etag=etag,
        last_modified=modified,
    )


def lifetime_of(
    status: int, response: Fields, said: dict[str, str | None], date: float, *, shared: bool
) -> float | None:
    """RFC 9111 §4.2.1, §4.2.2"""
    if shared and "s-maxage" in said:
        return seconds(said, "s-maxage") or 0
    if "max-age" in said:
        return seconds(said, "max-age") or 0
    if "expires" in response:
        expires = http_date(response["expires"])
        return 0.0 if expires is None else max(0.0, expires - date)
    modified = http_date(response.get("last-modified"))
    if modified is not None and modified <= date and status in CACHEABLE:
        return min((date - modified) / 10, 86400.0)
    return None


def decide(kept: Kept, method: str, request: Fields, now: float) -> Decision:
    """How a stored response may answer a request.  RFC 9111 §4"""
    if method != kept.method:
        return Decision.OTHER
    for name, value in kept.vary.items():
        if request.get(name) != value:
            return Decision.OTHER
    age = kept.initial_age + max(0.0, now - kept.received)
    staleness = age - kept.lifetime
    if kept.no_cache:
        return Decision.VALIDATE
    if "cache-control" in request:
        said = directives(request["cache-control"])
        if "no-cache" in said or ("max-age" in said and age > (seconds(said, "max-age") or 0)):
            return Decision.VALIDATE
        if "min-fresh" in said and -staleness < (seconds(said, "min-fresh") or 0):
            return Decision.VALIDATE
        if staleness >= 0 and "max-stale" in said and not kept.must_revalidate:
            if said["max-stale"] is None or staleness <= (seconds(said, "max-stale") or 0):
                return Decision.USE
        if staleness >= 0 and "max-age" in said:
            return Decision.VALIDATE
    elif not kept.must_revalidate and "no-cache" in request.get("pragma", ""):
        return Decision.VALIDATE
    if staleness < 0:
        return Decision.USE
    if kept.while_revalidate and staleness <= kept.while_revalidate and not kept.must_revalidate:
        return Decision.USE_AND_REFRESH
    return Decision.VALIDATE
