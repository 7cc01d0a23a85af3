"""Answering a client's conditions from a stored response, and at the origin.  RFC 9110 §13, RFC 9111 §4.3.2

A cache evaluates If-None-Match and If-Modified-Since, and If-Range where it serves ranges (`ranges`).  If-Match and
If-Unmodified-Since are about the origin's state, which no stored response can vouch for: that is `evaluate_conditions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import floor
from typing import Final, Literal

from .dates import parse_date
from .entries import Entry
from .fields import EntityTag, entity_tags, parse_entity_tag
from .headers import Headers
from .messages import Request, Response
from .verdicts import Verdict

UNCONDITIONAL = Verdict(False, "unconditional", "RFC 9110 §13.1", "The request has no condition for a cache.")
CONDITION_METHOD = Verdict(False, "condition-method", "RFC 9110 §13.2.1", "Conditions on {} are not for a cache.")
CONDITION_STATUS = Verdict(
    False, "condition-status", "RFC 9110 §13.2.1", "Without the condition the status would be {}, so it does not count."
)
ANY_MATCHES = Verdict(True, "any-etag", "RFC 9110 §13.1.2", "The request wants nothing that exists, and this exists.")
ETAG_MATCHES = Verdict(True, "etag-matches", "RFC 9110 §13.1.2", "The client has what is stored, by its entity-tag.")
ETAG_DIFFERS = Verdict(False, "etag-differs", "RFC 9110 §13.1.2", "The client has something else, by its entity-tags.")
NO_ETAG = Verdict(False, "no-etag", "RFC 9110 §13.1.2", "What is stored has no entity-tag to compare.")
NO_DATE = Verdict(False, "condition-date", "RFC 9110 §13.1.3", "If-Modified-Since is not one valid date.")
UNMODIFIED = Verdict(True, "unmodified", "RFC 9110 §13.1.3", "What is stored was not modified since.")
MODIFIED = Verdict(False, "modified", "RFC 9110 §13.1.3", "What is stored was modified since.")

IF_MATCH = Verdict(True, "if-match", "RFC 9111 §4.3.2", "If-Match is for the origin server to evaluate.")
IF_UNMODIFIED_SINCE = Verdict(
    True, "if-unmodified-since", "RFC 9111 §4.3.2", "If-Unmodified-Since is for the origin server to evaluate."
)
NOT_LEFT = Verdict(False, "not-left", "RFC 9111 §4.3.2", "No condition is reserved for the origin server.")

NOT_SELECTED = Verdict(
    False, "if-match-false", "RFC 9110 §13.1.1", "What is there is not what If-Match asks for, or nothing is."
)
CHANGED = Verdict(False, "if-unmodified-since-false", "RFC 9110 §13.1.4", "What is there was modified since.")

METHODS: Final = frozenset({"GET", "HEAD", "QUERY"})
"""Methods whose false If-None-Match or If-Modified-Since is answered with a 304 (RFC 9110 §13.1.2, RFC 10008 §2.6)."""

# RFC 9110 §8.3-8.7, RFC 9530 §2, §3, RFC 6266: what describes the content and its data.
ABOUT_CONTENT: Final = frozenset(
    {
        "content-digest",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-length",
        "content-md5",
        "content-range",
        "content-type",
        "digest",
        "repr-digest",
    }
)
"""Representation metadata that a 304 has no use for (lower case); Content-Location and validators are not here."""


def not_modified(request: Request, stored: Response | Entry, received: float, now: float) -> Verdict:
    """Whether `stored`, which may answer `request`, answers it with a 304.  RFC 9110 §13.2.2, RFC 9111 §4.3.2

    `received` is when the stored response came, `now` the present, both in seconds since the epoch.
    """
    fields = request.headers.fields
    tags = fields.get("if-none-match")
    if tags is None and "if-modified-since" not in fields:
        return UNCONDITIONAL
    # §13.1.2, §13.1.3: with any other method a false condition means 412 or nothing at all.
    if request.method not in METHODS:
        return CONDITION_METHOD.of(request.method)
    # §13.2.1: conditions are ignored where the response without them is not successful.
    if not 200 <= stored.status <= 299:
        return CONDITION_STATUS.of(stored.status)
    # §13.1.3: If-Modified-Since is ignored where there is an If-None-Match, even one that is malformed.
    if tags is not None:
        return _matched(tags, stored.headers.get("etag"))
    return _unmodified(fields["if-modified-since"], stored.headers, received, now)


def _matched(value: str, etag: str | None) -> Verdict:
    """If-None-Match against the stored ETag.  RFC 9110 §13.1.2"""
    tags = entity_tags(value)
    # "*" is false if there is a current representation, and what may be reused counts as one.
    if tags == "*":
        return ANY_MATCHES
    # D41: what is no entity-tag matches nothing, not even itself.
    ours = None if etag is None else parse_entity_tag(etag)
    if ours is None:
        return NO_ETAG
    # Weak comparison: this is about reusing a copy, not about parts of it.
    return ETAG_MATCHES if any(ours.weakly_matches(tag) for tag in tags) else ETAG_DIFFERS


def _unmodified(value: str, stored: Headers, received: float, now: float) -> Verdict:
    """If-Modified-Since against Last-Modified, else Date, else the time of receipt.  RFC 9111 §4.3.2, D43"""
    # Two lines are joined with a comma here and so make no date.
    since = parse_date(value, now)
    if since is None:
        return NO_DATE
    # A Last-Modified that is no date counts as missing: Date, if anything, is later.
    for name in ("last-modified", "date"):
        modified = parse_date(stored.fields.get(name, ""), now)
        if modified is not None:
            break
    else:
        # A date has whole seconds, and so had what the client was sent for the missing Date.
        modified = floor(received)
    return UNMODIFIED if modified <= since else MODIFIED


def not_modified_headers(headers: Headers) -> Headers:
    """The fields of a 304 that is made from the stored `headers`.  RFC 9110 §15.4.5

    All but representation metadata; of that Content-Location and ETag stay, and Last-Modified where there is no ETag.
    Content-Length could stay where it is known to be right (§8.6); it tells nothing, so it goes.
    """
    gone = ABOUT_CONTENT | {"last-modified"} if "etag" in headers.fields else ABOUT_CONTENT
    return headers.without(gone)


def left_to_origin(request: Request) -> Verdict:
    """Whether `request` has a condition that only the origin server evaluates, so that it is forwarded.  D42"""
    fields = request.headers.fields
    if "if-match" in fields:
        return IF_MATCH
    return IF_UNMODIFIED_SINCE if "if-unmodified-since" in fields else NOT_LEFT


def evaluate_conditions(
    method: str,
    fields: Mapping[str, str],
    etag: EntityTag | None,
    modified: float | None,
    now: float,
    *,
    tagged: bool = True,
) -> tuple[Literal[304, 412], Verdict] | None:
    """The answer that the conditions of a request get from the origin server in place of the method's; None for none.

    `fields` are the request's, by lower-case name; `etag` and `modified`, in seconds since the epoch, are those of
    what is there now, or None.  With `tagged` False nobody knows the entity-tag, so conditions on it do not count.
    The order is that of RFC 9110 §13.2.2.
    """
    # §13.2.1: these methods do not select a representation.
    if method in {"CONNECT", "OPTIONS", "TRACE"}:
        return None
    if "if-match" in fields:
        if tagged and not _selected(fields["if-match"], etag, modified):
            return 412, NOT_SELECTED
    # §13.1.4: ignored where there is an If-Match, no valid date, or no date to compare.
    elif "if-unmodified-since" in fields and modified is not None:
        since = parse_date(fields["if-unmodified-since"], now)
        if since is not None and floor(modified) > since:
            return 412, CHANGED
    if "if-none-match" in fields:
        if not tagged:
            return None
        tags = entity_tags(fields["if-none-match"])
        if tags == "*":
            found = ANY_MATCHES if etag is not None or modified is not None else None
        else:
            found = ETAG_MATCHES if etag is not None and any(etag.weakly_matches(tag) for tag in tags) else None
        if found is None:
            return None
        # §13.1.2: to a safe method that wants the content it says that the client has it; any other one must not go on.
        return (304, found) if method in METHODS else (412, found)
    if "if-modified-since" in fields and method in METHODS and modified is not None:
        since = parse_date(fields["if-modified-since"], now)
        if since is not None and floor(modified) <= since:
            return 304, UNMODIFIED
    return None


def _selected(value: str, etag: EntityTag | None, modified: float | None) -> bool:
    """If-Match against what is there.  RFC 9110 §13.1.1"""
    tags = entity_tags(value)
    if tags == "*":
        return etag is not None or modified is not None
    return etag is not None and any(etag.strongly_matches(tag) for tag in tags)
