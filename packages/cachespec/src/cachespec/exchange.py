"""One exchange, from request to answer.  RFC 9111

The whole flow stands here, once: look up, choose, decide, revalidate, fall back to stale, plan to store, freshen,
invalidate.  It is a generator of the steps in `steps`; whoever drives it performs them, in whatever colour, and gets
an outcome.  A refresh is the same exchange with `background=True`, run after the answer has gone out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from .answers import answer_from, lacks
from .case import Case, Clock
from .directives import request_directives
from .forwarding import BODY_GONE, METHOD, from_server, past_the_store
from .info import CacheInfo
from .keys import variant_key
from .messages import Request, Response
from .options import seconds_of
from .policy import NO_WISH, Policy, Wish
from .reuse import decide
from .selection import Candidate, Keys, find, keys_for
from .steps import Flow, Join, Made, Outcome, Stored, Swap
from .stores.contract import Reading
from .verdicts import Verdict

ADMITTED = Verdict(True, "admitted", "RFC 9111 §4", "The request may be answered from the store.")
OFF = Verdict(False, "off", "Policy.enabled", "The cache is switched off.")
CONTENT = Verdict(False, "content", "RFC 9110 §9.3.1", "A {} with content may mean something by it.")
STREAMED = Verdict(False, "streamed", "RFC 10008 §2.7", "Content that is not at hand cannot be part of a key.")
NO_KEY = Verdict(False, "no-key", "RFC 9111 §2", "No key can be made for this request.")
WISHED_PAST = Verdict(False, "wish-no-store", "Wish.mode", "The caller wants nothing to do with the cache.")
FILTERED = Verdict(False, "filtered", "Policy.request_filter", "The request filter keeps it out.")
RELOAD = Verdict(False, "wish-reload", "Wish.mode", "The caller wants it from the server.")
NOTHING_STORED = Verdict(False, "nothing-stored", "RFC 9111 §4", "Nothing is stored for this URL.")
NO_VARIANT = Verdict(False, "no-variant", "RFC 9111 §4.1", "What is stored was chosen by other request fields.")
LACKING = Verdict(False, "lacking", "RFC 9111 §3.3", "Not all of what was asked for is stored.")
ONLY_IF_CACHED = Verdict(False, "only-if-cached", "RFC 9111 §5.2.1.7", "Only a stored response was wanted.")
GUARDED = Verdict(
    False,
    "guarded",
    "Policy.credentials",
    "The request has credentials, and what is stored is not open to all of them.",
)
UNDER_WAY = Verdict(False, "under-way", "RFC 5861 §3", "It is being refreshed already.")

ROUNDS: Final = 3
"""How often a request waits for another one's response before it goes on its own."""
SLIDE: Final = 0.05
"""The part of a sliding lifetime that must have passed before it is prolonged in the store."""
UNFIT: Final = frozenset({"content", "no-key", "streamed"})
"""Reasons for which a request that a cache could answer in principle is not answered by this one."""
ON_REQUEST: Final = frozenset({"request-no-cache", "request-max-age", "min-fresh", "wish-no-cache"})
"""Reasons to go forward with a response that is still fresh (RFC 9211 §2.2)."""


def exchange(
    request: Request,
    policy: Policy,
    clock: Clock,
    wish: Wish = NO_WISH,
    *,
    background: bool = False,
    looked: tuple[Keys, Reading] | None = None,
) -> Flow[Outcome[Any]]:
    """The exchange that answers `request`: a generator of steps that returns an outcome.

    With `background` it refreshes what is stored: stale is not good enough then, and nobody is waited for.  `looked`
    is where a plain request (`plain`) finds its answer, and what lies there, if the driver has looked.
    """
    keys: Keys | None
    root: Reading | None = None
    admitted = ADMITTED
    if looked is not None:
        keys, root = looked
    else:
        admitted = _admitted(request, policy, wish)
        keys = (yield from keys_for(request, policy, wish)) if admitted else None
    if keys is None:
        verdict = NO_KEY if admitted else admitted
        if verdict.code in UNFIT and _only_if_cached(request, wish):
            return _unavailable(CacheInfo("bypass", [verdict]))
        return (yield from past_the_store(request, policy, clock, wish, verdict))
    asked = request
    if background:
        request = _for_everybody(request)
    case = Case(request, policy, clock, wish, background, keys, CacheInfo(key=keys.url))
    failure: Exception | None = None
    for _ in range(ROUNDS):
        case.found = yield from find(request, keys, policy, root)
        root = None
        if background and policy.partial:
            _narrow(case, asked)
        if case.guarded:
            _hide(case)
        outcome = yield from _from_store(case)
        if outcome is not None:
            return outcome
        slot = _slot(case)
        if slot is None:
            break
        try:
            joined = yield Join(slot, wait=not background)
        except Exception as error:
            # The one we waited for failed, and so have we: what applies to its failure applies to ours.
            failure = error
            break
        if background and joined != "lead":
            case.note(UNDER_WAY)
            return Made(Response(204), case.info)
        if joined != "again":
            break
        case.info.collapsed = True
    return (yield from from_server(case, failure))


def _hide(case: Case) -> None:
    """Take no notice of a stored response that says neither public nor s-maxage: not for using, nor for validating."""
    candidate = case.found.candidate
    if candidate is None or not candidate.entry.explicit:
        if candidate is not None:
            case.note(GUARDED)
        case.found = replace(case.found, candidate=None, tagged=())


def _admitted(request: Request, policy: Policy, wish: Wish) -> Verdict:
    """Whether the store has any say in this request."""
    if not policy.enabled:
        return OFF
    if wish.mode == "no-store":
        return WISHED_PAST
    method = request.method
    if method in ("GET", "HEAD"):
        # A fat GET: what its content selects is in no key.
        if request.content != b"" and not policy.ignore_fat_get:
            return CONTENT.of(method)
    elif method not in policy.methods and not (method == "POST" and wish.body_in_key):
        return METHOD.of(method)
    elif request.content is None:
        return STREAMED
    if policy.request_filter is not None and not policy.request_filter(request):
        return FILTERED
    return ADMITTED


def _for_everybody(request: Request) -> Request:
    """What a refresh sends: the request without what concerned its own client only."""
    conditions = {"if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "range", "if-range"}
    personal = conditions | {"cache-control", "pragma"}
    method = "GET" if request.method == "HEAD" else request.method
    return Request(method, request.url, request.headers.without(personal), request.content)


def _narrow(case: Case, asked: Request) -> None:
    """Refresh of what is incomplete no more than was asked for: the whole may be long, and nobody has wanted it."""
    candidate = case.found.candidate
    if candidate is not None and "range" in asked.headers and lacks(case.request, candidate.entry, case.clock()):
        headers = case.request.headers.plus(("Range", asked.headers["range"]))
        case.request = Request(case.request.method, case.request.url, headers, case.request.content)


def _slot(case: Case) -> bytes | None:
    """What others wait for: the variant where its key is known, else the URL for this principal.  Ruling D53

    None where nobody waits.  RFC 9111 §4: only where what comes could be the whole response, so not with a
    range, a condition or a method of one's own.  A refresh always asks, so that there is one at a time.
    """
    found, keys, request = case.found, case.keys, case.request
    if not (case.policy.collapse or case.background) or request.method == "HEAD" or case.wish.mode != "default":
        return None
    if not case.background and ("range" in request.headers.fields or case.theirs.yes):
        return None
    base = (*keys.base, ("@guarded", "")) if case.guarded else keys.base
    if found.varies and found.key:
        return variant_key(found.key, b"", base) if case.guarded else found.key
    return variant_key(keys.primary, b"", base) if base else keys.primary


# --- from the store


def _from_store(case: Case) -> Flow[Outcome[Any] | None]:
    """The answer from the store, or None where the server has to be asked.  RFC 9111 §4"""
    candidate = case.found.candidate
    if case.theirs.yes:
        case.note(case.theirs, "request")
    elif case.wish.mode == "reload":
        case.note(RELOAD, "request")
    elif candidate is not None:
        outcome = yield from _from_candidate(case, candidate)
        if outcome is not None:
            return outcome
    elif case.found.varies:
        case.note(NO_VARIANT, "vary-miss")
    else:
        case.note(NOTHING_STORED, "uri-miss")
    return _unavailable(case.info) if _only_if_cached(case.request, case.wish) else None


def _unavailable(info: CacheInfo) -> Made:
    """The answer where only a stored response was wanted.  RFC 9111 §5.2.1.7

    It is based on nothing stored, so that it has no Cache-Status member (RFC 9211 §2).
    """
    info.verdicts.append(ONLY_IF_CACHED)
    info.status = "unavailable"
    return Made(Response(504, (("Content-Length", "0"),), "Gateway Timeout"), info)


def _from_candidate(case: Case, candidate: Candidate) -> Flow[Stored | None]:
    now = case.clock()
    entry = candidate.entry
    verdict = decide(case.request, entry, case.policy, now, case.wish)
    case.note(verdict)
    refresh = verdict.code == "stale-while-revalidate"
    fresh = entry.lifetime > entry.age(now)
    if not verdict or (refresh and case.background):
        case.info.forward = "request" if fresh and verdict.code in ON_REQUEST else "stale"
        return None
    outcome = yield from answer_from(case.request, entry, case.info, now, status="hit" if fresh else "stale")
    if outcome is None:
        lacking = lacks(case.request, entry, now)
        case.note(LACKING if lacking else BODY_GONE, "partial" if lacking else "miss")
    else:
        # What must not go forward does not go forward for a refresh either (ruling D44).
        outcome.refresh = refresh and not _only_if_cached(case.request, case.wish)
        if case.wish.sliding:
            yield from _slide(case, candidate, now, seconds_of(case.wish.ttl) or 0, "wish")
        elif entry.source == "override" and case.policy.overrides:
            override = case.policy.override(case.request, entry.status)
            if override is not None and override.sliding:
                yield from _slide(case, candidate, now, seconds_of(override.ttl) or 0, "override")
    return outcome


def _slide(case: Case, candidate: Candidate, now: float, ttl: int, source: str) -> Flow[None]:
    """Prolong the lifetime of what was hit, where the user wants it so: not oftener than is worth a write."""
    entry = candidate.entry
    lifetime = entry.age(now) + ttl
    if lifetime - entry.lifetime > ttl * SLIDE:
        prolonged = replace(entry, lifetime=lifetime, source=source)
        yield Swap(candidate.key, prolonged, candidate.revision, case.found.root.mark)


def _only_if_cached(request: Request, wish: Wish) -> bool:
    """Whether the client or the caller rules out the server.  RFC 9111 §5.2.1.7, ruling D44"""
    if wish.mode == "only-if-cached":
        return True
    fields = request.headers.fields
    return "cache-control" in fields and request_directives(fields["cache-control"]).only_if_cached
