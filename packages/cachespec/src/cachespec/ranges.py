"""Parts of a stored response: Range, If-Range, 206 and 416.  RFC 9110 §14, §13.1.5, §15.3.7

`select` says which bytes a request is to be given, `serve_range` makes the answer.  Bytes are counted in the stored,
coded content (§14.1.2).  A range is only ever a favour: what is malformed, excessive or not worth it gets the whole
(§14.2, D37), so that no request yields more bytes than the whole response has.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Final, TypeAlias

from .dates import parse_date
from .entries import Entry
from .fields import members, parse_entity_tag
from .headers import Headers
from .messages import Request, Response
from .partial import (
    MAX_BOUNDARY,
    MAX_POSITION,
    Piece,
    Span,
    multipart,
    multipart_content,
    part_headers,
    position,
    size_of,
    unsatisfiable_headers,
)
from .verdicts import Verdict

_Spec: TypeAlias = tuple[int | None, int | None]

NO_RANGE = Verdict(False, "no-range", "RFC 9110 §14.2", "The request asks for no range.")
RANGE_METHOD = Verdict(False, "range-method", "RFC 9110 §14.2", "Ranges mean nothing to {}.")
RANGE_STATUS = Verdict(False, "range-status", "RFC 9110 §14.2", "Without the range the status would be {}, not 200.")
RANGE_UNIT = Verdict(False, "range-unit", "RFC 9110 §14.2", "The range is not in bytes.")
BAD_RANGE = Verdict(False, "bad-range", "RFC 9110 §14.1.1", "The set of ranges is not valid.")
MANY_RANGES = Verdict(False, "many-ranges", "RFC 9110 §14.2", "There are more than {} ranges.")
OVERLAPPING = Verdict(False, "overlapping-ranges", "RFC 9110 §14.2", "More than {} ranges overlap.")
UNORDERED = Verdict(False, "unordered-ranges", "RFC 9110 §14.2", "The ranges are not in ascending order.")
NO_GAIN = Verdict(False, "no-gain", "RFC 9110 §15.3.7.2", "The parts would take {} bytes, the whole takes {}.")
NO_BYTES = Verdict(False, "no-bytes", "RFC 9110 §14.1.2", "The content is empty, so no range of it can be told.")
NO_LENGTH = Verdict(False, "no-length", "RFC 9110 §14.1.2", "Where the range ends depends on a length nobody knows.")
CHANGED = Verdict(False, "if-range-differs", "RFC 9110 §13.1.5", "If-Range does not strongly match what is stored.")
UNCHANGED = Verdict(True, "if-range-matches", "RFC 9110 §13.1.5", "If-Range strongly matches what is stored.")
SATISFIABLE = Verdict(True, "range", "RFC 9110 §14.2", "The range lies within the content.")
UNSATISFIABLE = Verdict(True, "unsatisfiable-range", "RFC 9110 §15.5.17", "Nothing of the range is in the content.")

METHODS: Final = frozenset({"GET", "QUERY"})
"""Methods for which Range is defined (RFC 9110 §14.2, RFC 10008 §2.8)."""
MAX_RANGES: Final = 16
"""Ranges in one request (D37)."""
MAX_OVERLAPS: Final = 2
"""Ranges that may overlap others before them (RFC 9110 §14.2, D37)."""

# RFC 9110 §14.1.1
#   range-spec   = int-range / suffix-range / other-range
#   int-range    = first-pos "-" [ last-pos ]
#   suffix-range = "-" suffix-length
_RANGE_SPEC: Final = re.compile(r"([0-9]*+)-([0-9]*+)\Z")


@dataclass(frozen=True, slots=True)
class Whole:
    """Range does not count, or there is none: the request is answered as if without it."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """No byte that the request asks for exists: 416."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts to send in a 206: at least one, not empty, ascending, apart from each other."""

    spans: tuple[Span, ...]
    verdict: Verdict


Selection: TypeAlias = Whole | Unsatisfiable | Parts


def select(request: Request, stored: Response | Entry, length: int | None, now: float) -> Selection:
    """What part of `stored`, whose content has `length` bytes, `request` is to be given.  RFC 9110 §14.2

    To be asked after the request's other conditions (§13.2.2).  A stored 206 counts as the incomplete 200 it is
    (RFC 9111 §3.3); with its `length` unknown, only one range with both ends can be selected.  `now` is in seconds
    since the epoch.
    """
    fields = request.headers.fields
    value = fields.get("range")
    if value is None:
        return Whole(NO_RANGE)
    if request.method not in METHODS:
        return Whole(RANGE_METHOD.of(request.method))
    if stored.status not in (200, 206):
        return Whole(RANGE_STATUS.of(stored.status))
    condition = fields.get("if-range")
    if condition is not None and not if_range(condition, stored.headers, now):
        return Whole(CHANGED)
    specs = _specs(value)
    if isinstance(specs, Verdict):
        return Whole(specs)
    if length is None:
        return _select_blindly(specs)
    if length == 0:
        # §14.1.2: a suffix of nothing is satisfiable; yet no Content-Range can say so.
        return Whole(NO_BYTES) if any(first is None and last for first, last in specs) else Unsatisfiable(UNSATISFIABLE)
    spans = [span for spec in specs if (span := _span(spec, length))]
    if not spans:
        return Unsatisfiable(UNSATISFIABLE)
    return _coalesce(spans, stored.headers, length)


def if_range(value: str, stored: Headers, now: float) -> Verdict:
    """Whether the If-Range `value` holds for `stored`, so that Range counts.  RFC 9110 §13.1.5

    An entity-tag matches strongly or not at all; a date has to be the very Last-Modified, and a strong one.
    """
    tag = parse_entity_tag(value)
    if tag is not None:
        ours = parse_entity_tag(stored.fields.get("etag", ""))
        return UNCHANGED if ours is not None and tag.strongly_matches(ours) else CHANGED
    return UNCHANGED if value == stored.get("last-modified") and _is_strong_date(stored, now) else CHANGED


def strong_validator(headers: Headers, now: float) -> str | None:
    """The validator by which parts of one representation know each other, as If-Range takes it; None without one.

    That is a strong entity-tag, or without any entity-tag a Last-Modified that is strong.  RFC 9110 §8.8.1, §8.8.2.2
    """
    etag = headers.fields.get("etag")
    if etag is not None:
        tag = parse_entity_tag(etag)
        return None if tag is None or tag.weak else etag
    return headers.fields.get("last-modified") if _is_strong_date(headers, now) else None


def _is_strong_date(headers: Headers, now: float) -> bool:
    """Whether Last-Modified was at least a second old when the response was made.  RFC 9110 §8.8.2.2"""
    fields = headers.fields
    modified = parse_date(fields.get("last-modified", ""), now)
    date = parse_date(fields.get("date", ""), now)
    return modified is not None and date is not None and date - modified >= 1


def _specs(value: str) -> list[_Spec] | Verdict:
    """The ranges of a Range field, first and last position of each, or why there are none.  RFC 9110 §14.1.1, §14.2

    A suffix has no first position and its length for the last.
    """
    unit, equals, ranges = value.partition("=")
    # §14.1: "Range unit names are case-insensitive"
    if not equals or unit.lower() != "bytes":
        return RANGE_UNIT
    texts = members(ranges)
    if len(texts) > MAX_RANGES:
        return MANY_RANGES.of(MAX_RANGES)
    specs: list[_Spec] = []
    for text in texts:
        found = _RANGE_SPEC.match(text)
        if found is None or text == "-":
            return BAD_RANGE
        first, last = found[1].lstrip("0"), found[2].lstrip("0")
        # §14.1.1: "An int-range is invalid if the last-pos value is present and less than first-pos."  Digits without
        # leading zeros are as large as they are long.
        if found[2] and (len(last), last) < (len(first), first):
            return BAD_RANGE
        specs.append((position(found[1]), position(found[2])))
    return specs or BAD_RANGE


def _span(spec: _Spec, length: int) -> Span | None:
    """The bytes that `spec` selects of `length`, or None if it is unsatisfiable.  RFC 9110 §14.1.2"""
    first, last = spec
    if first is None:
        # "If the selected representation is shorter than the specified suffix-length, the entire representation"
        return (max(0, length - last), length) if last else None
    if first >= length:
        return None
    return first, length if last is None else min(last + 1, length)


def _select_blindly(specs: list[_Spec]) -> Selection:
    """Where the length is unknown: one range that says itself where it ends."""
    [(first, last), *more] = specs
    if more or first is None or last is None or last == MAX_POSITION:
        return Whole(NO_LENGTH)
    return Parts(((first, last + 1),), SATISFIABLE)


def _coalesce(spans: list[Span], headers: Headers, length: int) -> Selection:
    """What is sent for `spans`: those that overlap or touch become one.  RFC 9110 §14.2, §15.3.7.2, D37"""
    merged: list[Span] = []
    overlaps = 0
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            overlaps += start < merged[-1][1]
            merged[-1] = merged[-1][0], max(stop, merged[-1][1])
        else:
            merged.append((start, stop))
    if overlaps > MAX_OVERLAPS:
        return Whole(OVERLAPPING.of(MAX_OVERLAPS))
    if len(merged) > 1:
        # §15.3.7.2 wants parts in the order of the request.  A body is read once, from front to back, so another order
        # gets the whole; parts of our own order would surprise who asked for another.
        order = list(dict.fromkeys(next(part for part in merged if start < part[1]) for start, _ in spans))
        if order != sorted(order):
            return Whole(UNORDERED)
        pieces = multipart_content(merged, headers.get("content-type"), length, "-" * MAX_BOUNDARY)
        if (size := size_of(pieces)) >= length:
            return Whole(NO_GAIN.of(size, length))
    return Parts(tuple(merged), SATISFIABLE)


def serve_range(
    request: Request, stored: Response, length: int, now: float, boundary: str | None = None
) -> tuple[Response, tuple[Piece, ...]] | None:
    """The 206 or 416 that `stored`, with content of `length` bytes, gives to `request`; None for all of it.

    With the head come the pieces of the content in ascending order.  `boundary` is made up at random unless given;
    `now` is in seconds since the epoch.
    """
    selection = select(request, stored, length, now)
    if isinstance(selection, Whole):
        return None
    if isinstance(selection, Unsatisfiable):
        return Response(416, unsatisfiable_headers(stored.headers, length, now), "Range Not Satisfiable"), ()
    known = "if-range" in request.headers.fields
    if len(selection.spans) == 1:
        [span] = selection.spans
        head = part_headers(stored.headers, span, length, known=known)
        return Response(206, head, "Partial Content"), (span,)
    # Random, so that it is in no content.
    boundary = boundary or secrets.token_hex(16)
    head, pieces = multipart(stored.headers, selection.spans, length, boundary, known=known)
    return Response(206, head, "Partial Content"), pieces
