"""Validation: conditional requests, what a 304 freshens, what a HEAD tells.  RFC 9111 §4.3, §3.2"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from .dates import format_date, parse_date
from .entries import Entry
from .fields import entity_tags, parse_entity_tag
from .headers import Headers
from .messages import Request, Response
from .policy import NO_WISH, Policy, Wish
from .preconditions import METHODS
from .storing import NOT_STORED, assess
from .verdicts import Verdict

IDENTIFIED = Verdict(True, "validated", "RFC 9111 §4.3.4", "The server says that the stored response still holds.")
OTHER_TAG = Verdict(
    False, "other-validator", "RFC 9111 §4.3.4", "The server's 304 speaks of {}, which is not what is stored."
)
AMBIGUOUS = Verdict(
    False, "ambiguous", "RFC 9111 §4.3.4", "The server's 304 does not say which of several stored responses it means."
)
HEAD_AGREES = Verdict(True, "head-agrees", "RFC 9111 §4.3.5", "The response to HEAD agrees with the stored one.")
HEAD_DIFFERS = Verdict(False, "head-differs", "RFC 9111 §4.3.5", "The response to HEAD has another {}.")

# RFC 9111 §3.2, ruling D30: what an update leaves alone, over what is never stored.
NOT_UPDATED: Final = NOT_STORED | {"content-length", "content-encoding", "content-range"}


def conditional(request: Request, nominated: Sequence[Entry]) -> Request:
    """The request that validates the `nominated` entries on behalf of `request`.  RFC 9111 §4.3.1

    Without any validator among them it is `request` itself: nothing is made up (ruling D57).  Where the client sent
    entity-tags of its own and we have tags too, the union is sent (§4.3.2); where we have only a date, the client's
    tags go as they are, for a date beside them would be ignored (RFC 9110 §13.1.3).  A method that would answer them
    with 412 gets none.
    """
    if request.method not in METHODS:
        return request
    own = [entry.etag for entry in nominated if entry.etag is not None]
    asked = request.headers.get("if-none-match")
    lines: list[tuple[str, str]] = []
    if own:
        if asked is not None:
            if entity_tags(asked) == "*":
                return request
            own.extend(tag for tag in (str(tag) for tag in entity_tags(asked)) if tag not in own)
        lines.append(("If-None-Match", ", ".join(own)))
    elif asked is not None:
        return request
    alone = _alone(nominated)
    if alone is not None and alone.last_modified is not None:
        lines.append(("If-Modified-Since", alone.last_modified))
    if not lines:
        return request
    headers = request.headers.without({"if-none-match", "if-modified-since"}).plus(*lines)
    return Request(request.method, request.url, headers, request.content)


def _alone(nominated: Sequence[Entry]) -> Entry | None:
    """The one that is nominated; None where there are others beside it."""
    match nominated:
        case [entry]:
            return entry
    return None


def identified(response: Response, nominated: Sequence[Entry], request: Request) -> tuple[Verdict, int | None]:
    """Which of the `nominated` entries a 304 validates: its place among them, or None.  RFC 9111 §4.3.4, ruling D31

    `request` is the client's own: a 304 without a tag may as well answer a tag that only the client named.
    """
    tag = response.headers.get("etag")
    alone = _alone(nominated)
    if tag is not None:
        for at, entry in enumerate(nominated):
            if entry.etag is not None and _same_tag(entry.etag, tag):
                return IDENTIFIED, at
        # An entry without a tag was validated by its date alone; a tag that is new does not contradict it.
        if alone is not None and alone.etag is None and "if-none-match" not in request.headers:
            return IDENTIFIED, 0
        return OTHER_TAG.of(tag), None
    asked = request.headers.get("if-none-match")
    if alone is not None and (asked is None or _only(asked, alone.etag)):
        modified = response.headers.get("last-modified")
        # Without a tag on either side the date is the validator.
        if modified is None or alone.etag is not None or modified == alone.last_modified:
            return IDENTIFIED, 0
        return OTHER_TAG.of(modified), None
    return AMBIGUOUS, None


def answers_client(response: Response, request: Request) -> bool:
    """Whether a 304 answers an entity-tag that the client named itself, so that it is for the client."""
    tag = parse_entity_tag(response.headers.fields.get("etag", ""))
    named = entity_tags(request.headers.fields.get("if-none-match", ""))
    return tag is not None and named != "*" and any(tag.weakly_matches(one) for one in named)


def _same_tag(stored: str, sent: str) -> bool:
    """Weak comparison unless the server's tag is strong: then ours must be the same strong one."""
    ours, theirs = parse_entity_tag(stored), parse_entity_tag(sent)
    if ours is None or theirs is None:
        # D41: what is no entity-tag goes out as it came, and comes back as it went.
        return stored == sent
    return ours.weakly_matches(theirs) if theirs.weak else ours.strongly_matches(theirs)


def _only(asked: str, tag: str | None) -> bool:
    """Whether the client's If-None-Match names our tag and no other."""
    return tag is not None and {str(asked_tag) for asked_tag in entity_tags(asked)} <= {tag}


def freshen(
    entry: Entry,
    response: Response,
    request: Request,
    policy: Policy,
    *,
    request_time: float,
    response_time: float,
    wish: Wish = NO_WISH,
) -> tuple[Response, Entry | Verdict]:
    """The head that an update makes of `entry`, and what to store of it or why it may no longer be kept.  RFC 9111 §3.2

    `response` is the 304 (or the 200 to a HEAD) and the times are those of the exchange that brought it: age counts
    anew from there (§4.2.3).
    """
    update = response.headers
    date = update.get("date")
    if date is None or parse_date(date, response_time) is None:
        # The clocked recipient adds it (RFC 9110 §6.6.1); the stored one would make the response old again.
        update = update.replacing(("Date", format_date(response_time)))
    governing = Headers.trusted(entry.headers.lines + entry.withheld)
    merged = Response(entry.status, merge(governing, update), entry.reason)
    # Age is no stored field: it counts for this exchange only (ruling D32).
    aged = merged.headers if "age" not in update else merged.headers.plus(("Age", update["age"]))
    assessed = assess(
        Request(entry.method, entry.url, request.headers, request.content),
        Response(entry.status, aged, entry.reason),
        policy,
        request_time=request_time,
        response_time=response_time,
        selecting=entry.selecting,
        wish=wish,
    )
    if isinstance(assessed, Verdict):
        return merged, assessed
    return merged, replace(
        assessed,
        # A group that the caller named stays.
        groups=tuple(dict.fromkeys(assessed.groups + entry.groups)),
        created=entry.created,
        length=entry.length,
        body=entry.body,
        body_id=entry.body_id,
        parts=entry.parts,
    )


def merge(stored: Headers, update: Headers) -> Headers:
    """`stored` with every field that `update` has replaced by its lines, in their order.  RFC 9111 §3.2, ruling D30"""
    barred = set(NOT_UPDATED)
    if "connection" in update:
        barred.update(name.strip(" \t").lower() for name in update["connection"].split(","))
    new = update.without(barred)
    return Headers.trusted(stored.without(new.fields.keys()).lines + new.lines)


def head_agrees(entry: Entry, response: Response) -> Verdict:
    """Whether a 200 to HEAD speaks of the stored response.  RFC 9111 §4.3.5, ruling D34

    Validators have to agree as received, and Content-Length where it is sent.
    """
    fields = response.headers.fields
    for name, ours in (("etag", entry.etag), ("last-modified", entry.last_modified)):
        if name in fields and fields[name] != ours:
            return HEAD_DIFFERS.of(name)
    if "content-length" in fields and fields["content-length"] != str(entry.length):
        return HEAD_DIFFERS.of("content-length")
    return HEAD_AGREES
