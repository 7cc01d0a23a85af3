"""Incomplete responses: what is held of one, what it lacks, what may be put together.  RFC 9111 §3.3, §3.4"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from .entries import Entry, Part
from .fields import parse_entity_tag
from .messages import Response
from .partial import OF_MESSAGE, ContentRange, Span, parse_content_range
from .ranges import strong_validator
from .verdicts import Verdict

SAME_VALIDATOR = Verdict(True, "same-validator", "RFC 9111 §3.4", "Both have the same strong validator.")
OTHER_VALIDATOR = Verdict(False, "other-validator", "RFC 9111 §3.4", "Their strong validators differ.")
NO_STRONG_VALIDATOR = Verdict(False, "no-strong-validator", "RFC 9111 §3.4", "One of them has no strong validator.")

MAX_SPANS: Final = 64
"""Spans that one incomplete response is held in; who asks for every other byte is not followed for ever."""
MAX_PARTS: Final = 256
"""Parts that one response is stored in, adjacent or not."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of a representation.  Immutable; `plus` gives another."""

    spans: tuple[Span, ...] = ()
    """The bytes that are there: none empty, ascending, apart from each other."""
    length: int | None = None
    """The bytes of the complete representation; None as long as it is unknown."""

    def plus(self, found: ContentRange) -> Held | None:
        """With the bytes of a 206 added; None if they do not fit together, or are too scattered.  RFC 9110 §14.4"""
        length = found.length if self.length is None else self.length
        if found.span is None or found.length not in (None, length):
            return None
        start, stop = found.span
        before = [span for span in self.spans if span[1] < start]
        after = [span for span in self.spans if span[0] > stop]
        # What overlaps or touches becomes one.
        if near := self.spans[len(before) : len(self.spans) - len(after)]:
            start, stop = min(start, near[0][0]), max(stop, near[-1][1])
        spans = (*before, (start, stop), *after)
        if len(spans) > MAX_SPANS or (length is not None and spans[-1][1] > length):
            return None
        return Held(spans, length)

    def missing(self, span: Span) -> tuple[Span, ...]:
        """The parts of `span` that are not held: nothing if a request for it can be answered.  RFC 9111 §3.3"""
        position, end = span
        lacking: list[Span] = []
        for start, stop in self.spans:
            if start >= end:
                break
            if position < start:
                lacking.append((position, start))
            position = max(position, stop)
        if position < end:
            lacking.append((position, end))
        return tuple(lacking)

    @property
    def complete(self) -> bool:
        """Whether everything is there, so that it is a complete response with that length (RFC 9110 §15.3.7.3)."""
        return self.length is not None and not self.missing((0, self.length))

    @property
    def size(self) -> int:
        """How many bytes are held."""
        return sum([stop - start for start, stop in self.spans])


def enclosed(response: Response) -> ContentRange | None:
    """What part of a representation a 206 encloses; None where it is not one part of bytes.  RFC 9110 §15.3.7.1

    Several parts, or a Content-Length that contradicts the range, are nothing to store or combine.
    """
    if response.status != 206:
        return None
    fields = response.headers.fields
    found = parse_content_range(fields.get("content-range", ""))
    if found is None or found.span is None:
        return None
    size = str(found.span[1] - found.span[0])
    return found if fields.get("content-length", size) == size else None


def incomplete(response: Response) -> Response | None:
    """The incomplete 200 that a 206 counts as, with its complete length; None where that is unknown.  RFC 9111 §3.3"""
    found = enclosed(response)
    if found is None or found.length is None:
        return None
    headers = response.headers.without(OF_MESSAGE).plus(("Content-Length", str(found.length)))
    return Response(200, headers, "OK")


def held(entry: Entry) -> Held:
    """What is held of the content of a stored response: nothing of one that no part has been added to."""
    spans: list[Span] = []
    if entry.length and (entry.body is not None or entry.body_id is not None):
        spans.append((0, entry.length))
    for part in entry.parts:
        if spans and spans[-1][1] == part.start:
            spans[-1] = spans[-1][0], part.stop
        else:
            spans.append((part.start, part.stop))
    return Held(tuple(spans), entry.length)


def with_part(entry: Entry, new: Part) -> Entry:
    """`entry` with the part `new`, which takes the place of what it overlaps.  RFC 9110 §15.3.7.3

    What is one body then from the first byte to the last is no longer kept in parts.
    """
    before = [_cut(part, part.start, min(part.stop, new.start)) for part in entry.parts if part.start < new.start]
    after = [_cut(part, max(part.start, new.stop), part.stop) for part in entry.parts if part.stop > new.stop]
    parts: list[Part] = []
    for part in (*before, new, *after):
        last = parts[-1] if parts else None
        if last is not None and last.stop == part.start and last.body is not None and part.body is not None:
            parts[-1] = Part(last.start, part.stop, last.body + part.body)
        else:
            parts.append(part)
    first = parts[0]
    if (first.start, first.stop, first.skip) == (0, entry.length, 0):
        return replace(entry, body=first.body, body_id=first.body_id, parts=())
    return replace(entry, parts=tuple(parts))


def _cut(part: Part, start: int, stop: int) -> Part:
    """What `part` has from `start` to `stop`."""
    if (start, stop) == (part.start, part.stop):
        return part
    body = None if part.body is None else part.body[start - part.start : stop - part.start]
    return Part(start, stop, body, part.body_id, part.skip + start - part.start if body is None else 0)


def differs(one: Response | Entry, other: Response | Entry) -> bool:
    """Whether the validators say that these are not the same representation.  RFC 9110 §8.8"""
    ours, theirs = one.headers.fields, other.headers.fields
    if "etag" in ours and "etag" in theirs:
        tag, others = parse_entity_tag(ours["etag"]), parse_entity_tag(theirs["etag"])
        return tag is None or others is None or not tag.weakly_matches(others)
    return "last-modified" in ours and "last-modified" in theirs and ours["last-modified"] != theirs["last-modified"]


def gives_way(there: Entry, new: Entry, now: float) -> bool:
    """Whether a stored response goes for a part of which it cannot be told that it is one of its own.

    The more recent counts (RFC 9111 §4); but a complete response that is fresh is not given for a part, unless it is
    out of date.  `now` is in seconds since the epoch.
    """
    if there.response_time > new.response_time:
        return False
    return not held(there).complete or there.lifetime <= there.age(now) or differs(there, new)


def may_combine(one: Response | Entry, other: Response | Entry, now: float) -> Verdict:
    """Whether two responses to requests for one URL hold parts of one representation.  RFC 9111 §3.4

    `now` is in seconds since the epoch.
    """
    ours, theirs = strong_validator(one.headers, now), strong_validator(other.headers, now)
    if ours is None or theirs is None:
        return NO_STRONG_VALIDATOR
    return SAME_VALIDATOR if ours == theirs else OTHER_VALIDATOR
