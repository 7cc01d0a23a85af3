"""Incomplete responses: what is held of one, what it lacks, what may be put together.  RFC 9111 §3.3, §3.4"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .entries import Entry
from .messages import Response
from .partial import ContentRange, Span, parse_content_range
from .ranges import strong_validator
from .verdicts import Verdict

SAME_VALIDATOR = Verdict(True, "same-validator", "RFC 9111 §3.4", "Both have the same strong validator.")
OTHER_VALIDATOR = Verdict(False, "other-validator", "RFC 9111 §3.4", "Their strong validators differ.")
NO_STRONG_VALIDATOR = Verdict(False, "no-strong-validator", "RFC 9111 §3.4", "One of them has no strong validator.")

MAX_SPANS: Final = 64
"""Spans that one incomplete response is held in; who asks for every other byte is not followed for ever."""


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


def may_combine(one: Response | Entry, other: Response | Entry, now: float) -> Verdict:
    """Whether two responses to requests for one URL hold parts of one representation.  RFC 9111 §3.4

    `now` is in seconds since the epoch.
    """
    ours, theirs = strong_validator(one.headers, now), strong_validator(other.headers, now)
    if ours is None or theirs is None:
        return NO_STRONG_VALIDATOR
    return SAME_VALIDATOR if ours == theirs else OTHER_VALIDATOR
