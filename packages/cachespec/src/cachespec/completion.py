"""Parts of a response on their way into the store, and the request for what is missing.  RFC 9111 §3.3, §3.4

A 206 counts as an incomplete 200 (ruling D36).  It is added to what is stored if both have the same strong validator,
and else stands for itself.  Where all is wanted and only some is there, the gap is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from .answers import answer_from
from .case import Case
from .combining import MAX_PARTS, differs, enclosed, gives_way, held, may_combine
from .entries import Entry, Item
from .keys import vary_names
from .messages import Request, Response
from .partial import OF_MESSAGE, ContentRange
from .ranges import strong_validator
from .selection import find, select, withdraw
from .steps import Addition, Close, Drain, Flow, Plan, Stored, StoreFlow
from .storing import PART, assess
from .validation import freshen
from .verdicts import Verdict

TOO_LARGE = Verdict(False, "too-large", "Policy.max_body", "Its {} bytes are more than the {} that may be stored.")
NO_STORE_NOW = Verdict(False, "store-fails", "Store", "The store cannot be asked at present.")
STORABLE_PART = Verdict(True, "storable-part", "RFC 9111 §3.3", "Nothing forbids to store it as an incomplete 200.")
FILTERED_PART = Verdict(
    False, "filtered-part", "Policy.content_filter", "The content filter could not see all of the content."
)
MISFIT = Verdict(False, "misfit", "RFC 9111 §3.4", "It does not fit the parts that are stored, or they are too many.")
NOTHING_NEW = Verdict(False, "nothing-new", "RFC 9110 §15.3.7.3", "The complete response is stored already.")
KEPT = Verdict(False, "kept", "RFC 9111 §3.4", "What is stored is fresh and complete, or more recent.")

OF_THE_REQUEST: Final = frozenset({"request-no-store", "authorization", "cookie", "own-condition", "part-fields"})
"""Reasons not to store that lie with the request, so that somebody else's may fare better."""
HARMLESS: Final = frozenset({MISFIT.code, TOO_LARGE.code, FILTERED_PART.code})
"""Reasons not to store a part that say nothing against what is stored."""
OWN: Final = frozenset({"range", "if-none-match", "if-modified-since"})
"""Request fields for which the whole is not what the client wants, or not for sure."""


@dataclass(slots=True)
class Arrival:
    """A 206 that has come, at the times given."""

    case: Case
    head: Response
    found: ContentRange
    requested: float
    received: float
    alone: Entry | Verdict
    """What it is by itself, or why that may not be stored."""

    def base(self, there: Item | None) -> Entry | Verdict:
        """What it is to be added to where `there` lies in the store: that, updated, or an entry without content."""
        if isinstance(there, Entry):
            if may_combine(there, self.head, self.received):
                return self._updated(there)
            if not isinstance(self.alone, Verdict) and not gives_way(there, self.alone, self.received):
                return KEPT
        return self.alone

    def _updated(self, there: Entry) -> Entry | Verdict:
        """`there` with the fields of this response.  RFC 9111 §3.4, §3.2"""
        policy, fields = self.case.policy, self.head.headers.fields
        before = held(there)
        after = before.plus(self.found)
        coding = fields.get("content-encoding", there.headers.get("content-encoding"))
        # RFC 9110 §8.8.1: one strong validator stands for one coding.  Whoever breaks that breaks ranges, too.
        if after is None or len(there.parts) >= MAX_PARTS or coding != there.headers.get("content-encoding"):
            return MISFIT
        if before.complete:
            # RFC 9110 §15.3.7.3: a stored 200 keeps its fields.
            return there
        if after.size > policy.max_body:
            return TOO_LARGE.of(after.size, policy.max_body)
        _, kept = freshen(
            there,
            Response(206, self.head.headers.without(OF_MESSAGE)),
            self.case.request,
            policy,
            request_time=self.requested,
            response_time=self.received,
            wish=self.case.wish,
        )
        return kept


def plan_of_part(
    case: Case, head: Response, requested: float, received: float, *, combine: bool
) -> StoreFlow[Plan | None]:
    """What to store of a 206, and where; None where it is not stored, for the reason noted.

    With `combine` it answers a request for what was missing, and is of no use by itself.
    """
    policy, request = case.policy, case.request
    found = enclosed(head)
    if request.method != "GET" or not (combine or "range" in request.headers.fields) or found is None:
        case.note(PART)
        return None
    alone: Entry | Verdict = MISFIT
    if not combine:
        alone = assess(request, head, policy, request_time=requested, response_time=received, wish=case.wish)
    if not isinstance(alone, Verdict):
        alone = replace(alone, length=found.length or 0)
    arrival = Arrival(case, head, found, requested, received, alone)
    start, stop = found.span or (0, 0)
    base = arrival.base(None if case.found.candidate is None else case.found.candidate.entry)
    if policy.content_filter is not None:
        base = FILTERED_PART
    elif stop - start > policy.max_body:
        base = TOO_LARGE.of(stop - start, policy.max_body)
    if isinstance(base, Verdict):
        case.note(base)
        yield from _give_up(case, head, base, received)
        return None
    if held(base).complete:
        case.note(NOTHING_NEW)
        return None
    names = vary_names(base.headers.get("vary")) or ()
    placed = yield from select(base, names, request, case.keys, policy)
    if placed is None or case.found.root.mark < 0:
        case.note(NO_STORE_NOW)
        return None
    placed = replace(placed, url=case.keys.url)
    if not isinstance(alone, Verdict):
        arrival.alone = replace(alone, url=placed.url, selecting=placed.selecting)
    case.note(STORABLE_PART)
    addition = Addition((start, stop), arrival.base)
    return Plan(placed, case.keys.primary, case.found.root, names, stop - start, addition=addition)


def _give_up(case: Case, head: Response, verdict: Verdict, now: float) -> StoreFlow[None]:
    """Remove what is stored where a 206 that is not stored tells that it must not be used again (ruling D33)."""
    candidate = case.found.candidate
    if candidate is None:
        return
    barred = may_combine(candidate.entry, head, now) and verdict.code not in OF_THE_REQUEST | HARMLESS
    if barred or differs(candidate.entry, head):
        yield from withdraw(candidate, case.found.root.mark)


def request_for_rest(case: Case, plain: Request, now: float) -> Request | None:
    """The request for what is missing of the stored response; None where all is to be asked for.  RFC 9111 §3.3

    Several gaps are asked for as one, together with what lies between them.
    """
    candidate = case.found.candidate
    if case.background or candidate is None or not candidate.entry.parts or candidate.entry.url != case.keys.url:
        return None
    fields, entry = plain.headers.fields, candidate.entry
    # A range of its own, or a condition, is the client's business.
    if plain.method != "GET" or not OWN.isdisjoint(fields) or entry.length > case.policy.max_body:
        return None
    validator = strong_validator(entry.headers, now)
    gaps = held(entry).missing((0, entry.length))
    if validator is None or not gaps:
        return None
    start, stop = gaps[0][0], gaps[-1][1]
    if stop - start == entry.length:
        return None
    _, kept = freshen(
        entry, Response(206), case.request, case.policy, request_time=now, response_time=now, wish=case.wish
    )
    if isinstance(kept, Verdict):
        # The request bars the rest from the store, and what would do for the whole is one answer.
        return None
    wanted = f"bytes={start}-" if stop == entry.length else f"bytes={start}-{stop - 1}"
    # RFC 9110 §13.1.5: If-Range without Range means nothing; ours takes its place.
    headers = plain.headers.without({"if-range"}).plus(("Range", wanted), ("If-Range", validator))
    return Request(plain.method, plain.url, headers, plain.content)


def completed(case: Case, head: Response, live: Any, requested: float) -> Flow[Stored | None]:
    """The answer from the stored response and the rest of it that has come; None where that did not work out."""
    received = case.clock()
    plan = None
    if head.status == 206:
        plan = yield from plan_of_part(case, head, requested, received, combine=True)
    if plan is None:
        yield Close(live)
    else:
        entry: Entry | None = yield Drain(live, plan, case.info)
        if entry is not None and held(entry).complete:
            outcome = yield from answer_from(case.request, entry, case.info, case.clock(), status="revalidated")
            if outcome is not None:
                case.info.forward_status = 206
                return outcome
        elif entry is None and case.found.candidate is not None:
            # The store has no room for it, say: trying again and again would cost twice.
            yield from withdraw(case.found.candidate, case.found.root.mark)
        case.info.stored = False
    # What has been removed or added meanwhile is not what the whole will take the place of.
    case.found = yield from find(case.request, case.keys, case.policy)
    return None
