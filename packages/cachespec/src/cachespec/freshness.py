"""Freshness lifetime and age.  RFC 9111 §4.2

Times are seconds since the epoch as floats, compared unrounded (ruling D15); nothing here reads a clock.
"""

from __future__ import annotations

from typing import Final

from .dates import parse_date
from .directives import ResponseDirectives
from .fields import delta_seconds
from .headers import Headers
from .policy import HEURISTICALLY_CACHEABLE, Policy


def date_value(headers: Headers, received: float) -> float:
    """Date of a response; the time of receipt where it is missing or invalid.  RFC 9110 §6.6.1, ruling D14"""
    date = sent_date(headers, received)
    return received if date is None else date


def sent_date(headers: Headers, received: float) -> float | None:
    """Date of a response as it was sent; None where it is missing or invalid."""
    date = headers.fields.get("date")
    parsed = None if date is None else parse_date(date, received)
    return None if parsed is None else float(parsed)


def age_value(headers: Headers) -> int:
    """Age of a response in seconds, 0 where it has no usable one.  RFC 9111 §5.1

    Of several members the first counts; where that is no number the field is ignored.
    """
    age = headers.fields.get("age")
    if age is None:
        return 0
    return delta_seconds(age.partition(",")[0].strip(" \t")) or 0


def corrected_initial_age(
    headers: Headers, date: float, request_time: float, response_time: float, *, trust_age: bool = False
) -> float:
    """The age of a response when it was received, in seconds.  RFC 9111 §4.2.3, ruling D13

    `date` is its `date_value`.  With `trust_age` only Age counts, which is right where every hop is known to send it.
    """
    # A clock that was set back while the request was out must not make anything younger.
    response_delay = response_time - request_time if response_time > request_time else 0.0
    corrected_age_value = (age_value(headers) if "age" in headers.fields else 0) + response_delay
    apparent_age = response_time - date
    # The corrected value is never negative, so that a Date ahead of our clock adds nothing.
    return corrected_age_value if trust_age or corrected_age_value > apparent_age else apparent_age


def freshness_lifetime(
    status: int, headers: Headers, said: ResponseDirectives, field: str, date: float, policy: Policy
) -> tuple[float, str]:
    """The freshness lifetime in seconds, and where it comes from.  RFC 9111 §4.2.1

    `said` are the directives that govern the response and `field` the field they stand in, from
    `directives.policy_of`; `date` is its `date_value`.  The source is ``none`` where the response has no lifetime.
    """
    # Rules 1 and 2.  A private cache does not look at s-maxage at all (ruling D10).
    if policy.shared and said.s_maxage is not None:
        return said.s_maxage, "s-maxage"
    if said.max_age is not None:
        return said.max_age, "max-age"
    fields = headers.fields
    # Rule 3.  A targeted field takes the place of Expires, too (RFC 9213 §2.2).
    if "expires" in fields and field == "cache-control":
        # What cannot be parsed has expired (§5.3), and so has what stands on several lines (ruling D11).
        lines = headers.getlist("expires")
        expires = parse_date(lines.pop(), date) if len(lines) == 1 else None
        return (0.0 if expires is None else max(0.0, expires - date)), "expires"
    return _heuristic_lifetime(status, headers, said, date, policy)


_NO_LIFETIME: Final = (0.0, "none")


def _heuristic_lifetime(
    status: int, headers: Headers, said: ResponseDirectives, date: float, policy: Policy
) -> tuple[float, str]:
    """A part of the time since Last-Modified.  RFC 9111 §4.2.2, ruling D17"""
    if not policy.heuristics or said.must_revalidate:
        return _NO_LIFETIME
    if status not in HEURISTICALLY_CACHEABLE and not said.public:
        return _NO_LIFETIME
    fields = headers.fields
    # Pragma has no meaning in a response; it only keeps us from guessing (ruling D21).
    if not said.present and "no-cache" in fields.get("pragma", "").lower():
        return _NO_LIFETIME
    modified = fields.get("last-modified")
    parsed = None if modified is None else parse_date(modified, date)
    if parsed is None or parsed > date:
        return _NO_LIFETIME
    return min(policy.heuristic_fraction * (date - parsed), float(policy.heuristic_cap)), "heuristic"
