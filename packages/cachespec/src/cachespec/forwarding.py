"""Asking the server, and what its response means for the store.  RFC 9111 §4.3, §4.4, §3

The second half of `exchange`: a conditional request, the 304 that freshens, the error that a stored response stands in
for, the full response with the plan to store it, and the invalidation that an unsafe request brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from .answers import answer_from, lacks
from .case import Case, Clock
from .completion import NO_STORE_NOW, OF_THE_REQUEST, TOO_LARGE, completed, plan_of_part, request_for_rest
from .directives import OWN_TARGET
from .entries import Entry
from .fields import content_length
from .freshness import corrected_initial_age, date_value
from .info import CacheInfo
from .invalidation import invalidated_groups, invalidated_urls
from .keys import origin_of, vary_names
from .messages import Request, Response
from .policy import Policy, Wish
from .reuse import may_stand_in
from .selection import Candidate, candidates, find, key_url, keys_for, publish, select, withdraw
from .steps import Close, Drop, Flow, Live, Outcome, Plan, Send, ServerError, Stored, StoreFlow, Swap
from .stores.contract import Scope
from .storing import STORABLE, assess
from .validation import answers_client, conditional, freshen, head_agrees, identified
from .verdicts import Verdict

METHOD = Verdict(False, "method", "RFC 9111 §4", "{} is not answered from a cache.")
BODY_GONE = Verdict(False, "body-gone", "RFC 9111 §4", "What was stored has just been removed.")
BAD_LENGTH = Verdict(
    False, "content-length", "RFC 9110 §8.6", "Its Content-Length is no length, so no end is complete."
)

ERRORS: Final = frozenset({500, 502, 503, 504})
"""Statuses for which a stale response may stand in (RFC 5861 §4, ruling D29)."""
_INSISTING: Final = {"reload": "no-cache", "no-cache": "max-age=0"}
NOT_THEIRS: Final = frozenset({206, 304, 412, 416})
"""Statuses that answer one client's own condition or range, and say nothing about anybody else's request."""


def from_server(case: Case, failure: Exception | None) -> Flow[Outcome[Any]]:
    """The answer from the server, or from the store after all.  RFC 9111 §4.3

    `failure` is that of the request that this one waited for.
    """
    if failure is not None:
        outcome = yield from _instead_of_error(case)
        if outcome is not None:
            return outcome
        if not isinstance(failure, ServerError):
            raise failure
    nominated: Sequence[Candidate] = ()
    rest: Request | None = None
    plain = case.request if case.wish.mode == "default" else _insisting(case)
    there = case.found.candidate is not None or bool(case.found.tagged)
    if (there or case.policy.partial) and not case.theirs.yes and case.wish.mode != "reload":
        if there:
            nominated = yield from candidates(case.found, case.keys)
        if case.policy.partial:
            # §4.3.2: tags of what does not hold all that is asked for stay out.
            now = case.clock()
            nominated = [each for each in nominated if not lacks(case.request, each.entry, now)]
            rest = request_for_rest(case, plain, now)
    asked = rest or plain
    if rest is None and nominated:
        asked = conditional(plain, [candidate.entry for candidate in nominated])
    requested = case.clock()
    try:
        head, live = yield Send(asked)
    except Exception as error:
        outcome = yield from _instead_of_error(case)
        if outcome is None:
            raise
        outcome.failure = error
        return outcome
    if head.status in ERRORS:
        outcome = yield from _instead_of_error(case)
        if outcome is not None:
            yield Close(live)
            case.info.forward_status = head.status
            outcome.failure = ServerError(head.status)
            return outcome
    if rest is not None and head.status in (206, 416):
        outcome = yield from completed(case, head, live, requested)
        if outcome is not None:
            return outcome
        requested = case.clock()
        head, live = yield Send(plain)
    elif head.status == 304 and asked is not plain:
        verdict, at = identified(head, [candidate.entry for candidate in nominated], case.request)
        case.note(verdict)
        if at is not None or not answers_client(head, case.request):
            yield Close(live)
            if at is not None:
                outcome = yield from _validated(case, nominated[at], head, requested)
                if outcome is not None:
                    return outcome
            # Ruling D31: it was about something else.  The same question once more, without conditions of ours.
            requested = case.clock()
            head, live = yield Send(plain)
    return (yield from _full(case, head, live, requested))


def sent(case: Case) -> Flow[Outcome[Any]]:
    """The answer from the server where the store has nothing to do with it: no condition, and nothing to stand in."""
    requested = case.clock()
    head, live = yield Send(case.request)
    return (yield from answered(case, head, live, requested, case.clock()))


def _insisting(case: Case) -> Request:
    """The request, saying to caches upstream what the caller said to this one, as in Fetch."""
    said = _INSISTING.get(case.wish.mode)
    if said is None or "cache-control" in case.request.headers:
        return case.request
    headers = case.request.headers.plus(("Cache-Control", said))
    return Request(case.request.method, case.request.url, headers, case.request.content)


def _instead_of_error(case: Case) -> Flow[Stored | None]:
    """The stale response that may stand in for an error.  RFC 5861 §4, RFC 9111 §4.2.4"""
    candidate = case.found.candidate
    if candidate is None or case.background or case.wish.mode == "reload" or case.theirs.yes:
        return None
    now = case.clock()
    verdict = may_stand_in(case.request, candidate.entry, case.policy, now, case.wish)
    case.note(verdict)
    if not verdict:
        return None
    return (yield from answer_from(case.request, candidate.entry, case.info, now, status="stale"))


def _validated(case: Case, candidate: Candidate, head: Response, requested: float) -> Flow[Stored | None]:
    """The answer from a stored response that a 304 confirmed, and freshened.  RFC 9111 §4.3.4"""
    received = case.clock()
    entry = candidate.entry
    merged, kept = freshen(
        entry, head, case.request, case.policy, request_time=requested, response_time=received, wish=case.wish
    )
    shown = kept if isinstance(kept, Entry) else _shown(case, entry, head, merged, requested, received)
    outcome = yield from answer_from(case.request, shown, case.info, received, status="revalidated")
    if outcome is None:
        case.note(BODY_GONE)
        return None
    case.info.forward_status = 304
    if isinstance(kept, Entry):
        case.info.stored = yield from _replace(case, candidate, kept)
        return outcome
    case.note(kept)
    if kept.code not in OF_THE_REQUEST:
        # What the 304 says bars it from the store from now on.
        case.info.stored = False
        yield from withdraw(candidate, case.found.root.mark)
    return outcome


def _shown(case: Case, entry: Entry, head: Response, merged: Response, requested: float, received: float) -> Entry:
    """What a 304 made of `entry` for this request, where it may not be stored."""
    date = date_value(head.headers, received)
    age = corrected_initial_age(head.headers, date, requested, received, trust_age=case.policy.trust_age)
    headers = merged.headers.without({OWN_TARGET})
    return replace(entry, headers=headers, request_time=requested, response_time=received, initial_age=age)


def _replace(case: Case, candidate: Candidate, kept: Entry) -> Flow[bool]:
    """Put a freshened entry where it belongs now.  The selecting values are taken anew (ruling D24)."""
    mark = case.found.root.mark
    old = candidate.entry
    names = vary_names(kept.headers.get("vary")) or ()
    placed = yield from select(kept, names, case.request, case.keys, case.policy)
    if placed is None or placed.selecting == old.selecting:
        return bool((yield Swap(candidate.key, kept, candidate.revision, mark)))
    same_names = [name for name, _ in placed.selecting] == [name for name, _ in old.selecting]
    if same_names:
        # Chosen by its entity-tag for a request with other values: it stays good for those it had.
        stays = yield Swap(candidate.key, kept, candidate.revision, mark)
        if placed.body_ids:
            # A body that lies by itself belongs to one entry only.
            return bool(stays)
    placed.url = case.keys.url
    plan = Plan(placed, case.keys.primary, case.found.root, names, None)
    published = yield from publish(plan, placed, case.policy)
    if not same_names and published:
        yield Swap(candidate.key, None, candidate.revision, mark)
    return published


def _full(case: Case, head: Response, live: Any, requested: float) -> Flow[Live[Any]]:
    """The server's response, to be passed on and, where it may be, stored.  RFC 9111 §4.3.3, §3"""
    received = case.clock()
    info = case.info
    info.status = "miss"
    # A method that the policy caches (POST for a search, D39) reads and does not write.
    if case.request.method not in case.policy.methods and not case.wish.body_in_key:
        yield from _invalidate(case.request, head, case.policy)
    if case.request.method == "HEAD":
        yield from _told_by_head(case, head, requested, received)
        return Live(head, live, None, info)
    return (yield from answered(case, head, live, requested, received))


def answered(case: Case, head: Response, live: Any, requested: float, received: float) -> StoreFlow[Live[Any]]:
    """The server's response to what may be answered from the store the next time: with a plan, or why there is none."""
    plan = yield from _plan(case, head, requested, received)
    if plan is not None:
        return Live(head, live, plan, case.info, "commit")
    candidate = case.found.candidate
    if candidate is not None and head.status < 500 and head.status not in NOT_THEIRS:
        # Ruling D33: what it replaces must not be used again, although it is not stored itself.
        yield from withdraw(candidate, case.found.root.mark)
    return _unstored(case, head, live)


def answered_at_once(case: Case, head: Response, live: Any, requested: float, received: float) -> Live[Any] | None:
    """`answered`, where the store has nothing to do with that; None where it may have.

    That nothing lies there, and that the request has neither a range nor selecting values, is known.
    """
    if "vary" in head.headers.fields:
        return None
    plan = _plan_of_whole(case, head, requested, received)
    if plan is None:
        return _unstored(case, head, live)
    case.note(STORABLE)
    return Live(head, live, plan, case.info, "commit")


def _unstored(case: Case, head: Response, live: Any) -> Live[Any]:
    """The server's response where it is not stored, and what those do who wait for it."""
    of_the_request = case.info.verdicts[-1].code in OF_THE_REQUEST and not case.guarded
    alone = head.status >= 500 or head.status in NOT_THEIRS or of_the_request
    return Live(head, live, None, case.info, "alone" if alone else "never")


def _told_by_head(case: Case, head: Response, requested: float, received: float) -> Flow[None]:
    """What a forwarded HEAD says about the stored response.  RFC 9111 §4.3.5, ruling D34"""
    candidate = case.found.candidate
    if candidate is None or head.status != 200:
        return
    verdict = head_agrees(candidate.entry, head)
    case.note(verdict)
    told: Entry | Verdict = replace(candidate.entry, lifetime=0.0, source="head")
    if verdict:
        _, told = freshen(
            candidate.entry, head, case.request, case.policy, request_time=requested, response_time=received
        )
    if isinstance(told, Entry):
        yield Swap(candidate.key, told, candidate.revision, case.found.root.mark)
    elif told.code not in OF_THE_REQUEST:
        yield from withdraw(candidate, case.found.root.mark)


def _plan(case: Case, head: Response, requested: float, received: float) -> StoreFlow[Plan | None]:
    """What to store of a response, and where; None where it is not stored, for the reason noted."""
    if head.status == 206 and case.policy.partial:
        return (yield from plan_of_part(case, head, requested, received, combine=False))
    plan = _plan_of_whole(case, head, requested, received)
    if plan is None:
        return None
    if plan.names or case.keys.base:
        placed = yield from select(plan.entry, plan.names, case.request, case.keys, case.policy)
        if placed is None:
            case.note(NO_STORE_NOW)
            return None
        plan.entry = placed
    case.note(STORABLE)
    return plan


def _plan_of_whole(case: Case, head: Response, requested: float, received: float) -> Plan | None:
    """What to store of a response that is no part, its selecting values left out; None, with the reason noted."""
    policy = case.policy
    url = case.keys.url
    assessed = assess(
        case.request, head, policy, request_time=requested, response_time=received, wish=case.wish, url=url
    )
    if isinstance(assessed, Verdict):
        case.note(assessed)
        return None
    declared, verdict = _declared_length(head, policy)
    if verdict.yes and case.found.root.mark < 0:
        verdict = NO_STORE_NOW
    if not verdict.yes:
        case.note(verdict)
        return None
    varies = head.headers.fields.get("vary")
    names = () if varies is None else vary_names(varies) or ()
    wanted = None
    if policy.content_filter is not None:
        wanted = partial(policy.content_filter, case.request, head)
    return Plan(assessed, case.keys.primary, case.found.root, names, declared, wanted)


def _declared_length(head: Response, policy: Policy) -> tuple[int | None, Verdict]:
    """Content-Length in bytes, and whether a body of that length may be stored.  RFC 9110 §8.6"""
    value = head.headers.fields.get("content-length")
    if value is None:
        return None, STORABLE
    declared = content_length(value)
    if declared is None:
        return None, BAD_LENGTH
    return declared, STORABLE if declared <= policy.max_body else TOO_LARGE.of(declared, policy.max_body)


def past_the_store(request: Request, policy: Policy, clock: Clock, wish: Wish, verdict: Verdict) -> Flow[Outcome[Any]]:
    """Forward a request that the store has no say in, and drop what an unsafe method makes obsolete."""
    info = CacheInfo("bypass", [verdict], forward="method" if verdict.code == METHOD.code else "bypass")
    requested = clock()
    head, live = yield Send(request)
    received = clock()
    plan = None
    if policy.enabled:
        yield from _invalidate(request, head, policy)
        if policy.post_as_get and request.method == "POST" and wish.mode != "no-store":
            plan = yield from _post_as_get(request, policy, wish, head, requested, received)
    return Live(head, live, plan, info)


def _post_as_get(
    request: Request, policy: Policy, wish: Wish, head: Response, requested: float, received: float
) -> Flow[Plan | None]:
    """The plan to store a POST's response for later GETs, where it says so.  RFC 9110 §9.3.3, ruling D39"""
    keys = yield from keys_for(Request("GET", request.url, request.headers), policy, wish)
    if keys is None:
        return None
    found = yield from find(request, keys, policy)
    case = Case(request, policy, lambda: received, wish, False, keys, CacheInfo())
    case.found = found
    return (yield from _plan(case, head, requested, received))


def _invalidate(request: Request, head: Response, policy: Policy) -> Flow[None]:
    """Drop what a successful unsafe request makes obsolete.  RFC 9111 §4.4, RFC 9875 §3"""
    stand_ins = [key_url(Request("GET", url, request.headers), policy) for url in invalidated_urls(request, head)]
    urls = tuple([url for url in stand_ins if url is not None])
    groups = invalidated_groups(request, head)
    if urls or groups:
        origin = origin_of(request.url) or ""
        yield Drop(Scope(urls=urls, groups=tuple([(origin, group) for group in groups])))
