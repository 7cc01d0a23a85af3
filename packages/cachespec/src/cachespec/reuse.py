"""May a stored response answer this request.  RFC 9111 §4

The response was found by its key, so URI, method and selecting fields match already (§4's first three conditions);
what is decided here is the rest: whether it is fresh, may be used stale, or has to be validated first.
"""

from __future__ import annotations

from typing import Final

from .directives import RequestDirectives, request_directives
from .entries import Entry
from .messages import Request
from .options import seconds_of
from .policy import NO_WISH, Policy, Wish
from .verdicts import Verdict

BEARING: Final = frozenset(
    {
        "authorization",
        "cache-control",
        "cookie",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-unmodified-since",
        "pragma",
        "range",
    }
)
"""Request fields (lower case) that bear on whether and how a stored response without Vary answers a GET."""

FRESH = Verdict(True, "fresh", "RFC 9111 §4.2", "It is fresh.")
MAX_STALE = Verdict(True, "max-stale", "RFC 9111 §5.2.1.2", "It is stale by {:.0f} s, which the request accepts.")
WHILE_REVALIDATE = Verdict(
    True, "stale-while-revalidate", "RFC 5861 §3", "It is stale by {:.0f} s, which it allows while it is refreshed."
)
FORCED = Verdict(True, "forced", "Wish.mode", "The caller takes what is stored, fresh or not.")
IMMUTABLE = Verdict(True, "immutable", "RFC 8246 §2", "It is fresh and will not change: a reload changes nothing.")
IF_ERROR = Verdict(
    True, "stale-if-error", "RFC 5861 §4", "The server failed; it is stale by {:.0f} s, which is allowed."
)

STALE = Verdict(False, "stale", "RFC 9111 §4.2", "It is {:.0f} s old and was fresh for {:.0f} s.")
NO_CACHE = Verdict(False, "no-cache", "RFC 9111 §5.2.2.4", "The response wants to be validated on every use.")
REQUEST_NO_CACHE = Verdict(False, "request-no-cache", "RFC 9111 §5.2.1.4", "The request wants it validated.")
REQUEST_MAX_AGE = Verdict(
    False, "request-max-age", "RFC 9111 §5.2.1.1", "It is {:.0f} s old; the request accepts {} s."
)
MIN_FRESH = Verdict(False, "min-fresh", "RFC 9111 §5.2.1.3", "It is not fresh for as long as the request wants: {} s.")
ALWAYS = Verdict(False, "always-revalidate", "Policy.revalidate", "This cache validates on every use.")
SET_ASIDE = Verdict(
    False, "wish-overrides", "Wish.overrides", "It was stored by an override, which does not count for this request."
)
WISHED = Verdict(False, "wish-no-cache", "Wish.mode", "The caller wants it validated.")
MUST_REVALIDATE = Verdict(
    False, "must-revalidate", "RFC 9111 §5.2.2.2", "It may not be used stale: it says must-revalidate."
)
NO_WINDOW = Verdict(False, "error", "RFC 9111 §4.2.4", "Nothing allows it to stand in for an error.")


def decide(request: Request, entry: Entry, policy: Policy, now: float, wish: Wish = NO_WISH) -> Verdict:
    """Whether `entry` may answer `request` at `now` (seconds since the epoch) without asking the server.

    The code of the verdict tells how: ``stale-while-revalidate`` is a yes that calls for a refresh.
    """
    fields = request.headers.fields
    if wish is not NO_WISH:
        if wish.mode != "default":
            return _wished(wish)
        if entry.source == "override" and not wish.overrides:
            return SET_ASIDE
    age = entry.age(now)
    lifetime = entry.lifetime
    if ("cache-control" in fields or "pragma" in fields) and policy.honour_request:
        return _asked(request, entry, policy, age)
    # "the stored response does not contain the no-cache directive"
    if entry.validate:
        return NO_CACHE
    if policy.revalidate == "always":
        return ALWAYS
    # "the stored response is fresh"
    if lifetime > age:
        return FRESH
    return _stale(entry, policy, age)


def _wished(wish: Wish) -> Verdict:
    """What the caller asked for in so many words."""
    return FORCED if wish.mode in ("force-cache", "only-if-cached") else WISHED


def _asked(request: Request, entry: Entry, policy: Policy, age: float) -> Verdict:
    """With the request's own directives.  RFC 9111 §5.2.1, rulings D16, D18, D20, D21, D60"""
    fields = request.headers.fields
    if "cache-control" in fields:
        said = request_directives(fields["cache-control"])
    else:
        # Pragma counts where Cache-Control is absent, and in private caches only (ruling D21).
        said = RequestDirectives(no_cache=not policy.shared and "no-cache" in fields["pragma"].lower())
    if said.no_cache:
        return REQUEST_NO_CACHE
    if entry.validate:
        return NO_CACHE
    if policy.revalidate == "always":
        return ALWAYS
    fresh = entry.lifetime > age
    # Windows are inclusive (ruling D16).
    if said.max_age is not None and age > said.max_age:
        if fresh and entry.immutable and said.max_age == 0:
            return IMMUTABLE
        return REQUEST_MAX_AGE.of(age, said.max_age)
    if said.min_fresh is not None and entry.lifetime < age + said.min_fresh:
        return MIN_FRESH.of(said.min_fresh)
    if fresh:
        return FRESH
    staleness = age - entry.lifetime
    if said.max_stale is not None and staleness <= said.max_stale:
        # Explicit prohibitions win (§4.2.4); s-maxage bars a shared cache, too (§5.2.2.10).
        if entry.never_stale:
            return MUST_REVALIDATE
        if not entry.no_max_stale:
            return MAX_STALE.of(staleness)
    if said.max_age is not None:
        # max-age without max-stale accepts nothing stale (§5.2.1.1).
        return STALE.of(age, entry.lifetime)
    return _stale(entry, policy, age)


def _stale(entry: Entry, policy: Policy, age: float) -> Verdict:
    """Stale: unless stale-while-revalidate, its own or the policy's, allows it, it is validated.  RFC 5861 §3"""
    staleness = age - entry.lifetime
    window = entry.while_revalidate
    if policy.stale_while_revalidate and not entry.no_max_stale:
        window = max(window, policy.stale_while_revalidate)
    if window and staleness <= window and _windows_hold(entry, policy):
        return WHILE_REVALIDATE.of(staleness)
    return STALE.of(age, entry.lifetime)


def _windows_hold(entry: Entry, policy: Policy) -> bool:
    """Whether RFC 5861's windows may be used at all.

    Never against must-revalidate; s-maxage implies as much only where nothing stands beside it (ruling D27).
    """
    return not entry.never_stale and not (entry.no_max_stale and policy.strict_s_maxage)


def may_stand_in(request: Request, entry: Entry, policy: Policy, now: float, wish: Wish = NO_WISH) -> Verdict:
    """Whether `entry` may answer although it is stale, because the server failed.  RFC 5861 §4, RFC 9111 §4.2.4

    The window of the request, of the response or of the policy suffices (ruling D29).
    """
    staleness = entry.age(now) - entry.lifetime
    if entry.validate:
        return NO_CACHE
    if not _windows_hold(entry, policy):
        return MUST_REVALIDATE
    windows = [entry.if_error]
    if not entry.no_max_stale:
        # Without a window of its own beside it, s-maxage bars stale use (§5.2.2.10).
        asked = request.headers.get("cache-control") if policy.honour_request else None
        wished = seconds_of(wish.stale_if_error)
        others = request_directives(asked).stale_if_error, policy.stale_if_error if wished is None else wished
        windows.extend(filter(None, others))
    # A response that is fresh, and was to be validated for the request's sake only, may stand in without a window.
    if staleness < 0 or 0 < max(windows) >= staleness:
        return IF_ERROR.of(max(0.0, staleness))
    return NO_WINDOW
