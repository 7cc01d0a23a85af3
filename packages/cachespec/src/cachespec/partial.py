"""Partial content: the heads of 206 and 416, Content-Range, multipart/byteranges.  RFC 9110 §14.4, §14.6, §15.3.7"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from .dates import format_date
from .headers import Headers
from .preconditions import ABOUT_CONTENT, not_modified_headers

Span: TypeAlias = tuple[int, int]
"""Bytes of the content: the position of the first, and the position behind the last, as in a slice."""
Piece: TypeAlias = bytes | Span
"""A piece of an answer: octets as they are, or a span of the stored content."""

MAX_POSITION: Final = 2**63 - 1
"""No content is that long: what is larger counts as this."""
MAX_BOUNDARY: Final = 70
"""Characters of a boundary (RFC 2046 §5.1.1)."""

OF_MESSAGE: Final = frozenset({"content-length", "content-range", "content-digest", "content-md5"})
"""Fields (lower case) about the content of one message: what they say of a part does not hold for the whole."""
# What a 416, which is not the stored response, has no part in: its representation, its freshness, its cookies.
_OF_STORED: Final = ABOUT_CONTENT | {
    "age",
    "cache-control",
    "cache-groups",
    "content-location",
    "date",
    "etag",
    "expires",
    "last-modified",
    "no-vary-search",
    "pragma",
    "set-cookie",
    "surrogate-control",
}

# RFC 9110 §14.4
#   Content-Range     = range-unit SP ( range-resp / unsatisfied-range )
#   range-resp        = incl-range "/" ( complete-length / "*" )
#   incl-range        = first-pos "-" last-pos
#   unsatisfied-range = "*/" complete-length
# Of range units only bytes are understood, whatever their case (§14.1).
_CONTENT_RANGE: Final = re.compile(
    r"bytes (?:([0-9]++)-([0-9]++)/([0-9]++|\*)|\*/([0-9]++))\Z", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class ContentRange:
    """What a valid Content-Range says."""

    span: Span | None
    """Which bytes are enclosed; None where the range was unsatisfiable."""
    length: int | None
    """The length of the whole content in bytes; None where it is unknown."""


def parse_content_range(value: str) -> ContentRange | None:
    """What Content-Range says, or None if it is invalid, not in bytes, or too large to be true.  RFC 9110 §14.4"""
    found = _CONTENT_RANGE.match(value)
    if found is None:
        return None
    first, last, whole, only = [position(digits) for digits in found.groups("*")]
    if MAX_POSITION in (first, last, whole, only):
        return None
    if first is None or last is None:
        return ContentRange(None, only)
    # "invalid if it contains a range-resp that has a last-pos value less than its first-pos value, or a
    # complete-length value less than or equal to its last-pos value"
    if last < first or (whole is not None and whole <= last):
        return None
    return ContentRange((first, last + 1), whole)


def position(digits: str) -> int | None:
    """The number that `digits` give, at most `MAX_POSITION`; None where they are none."""
    if not digits or digits == "*":
        return None
    digits = digits.lstrip("0")
    return MAX_POSITION if len(digits) > 19 else min(int(digits or "0"), MAX_POSITION)


def content_range(span: Span, length: int | None) -> str:
    """The Content-Range of a part; `length` is that of all the content, None if it is unknown.  RFC 9110 §14.4"""
    return f"bytes {span[0]}-{span[1] - 1}/{'*' if length is None else length}"


def part_headers(headers: Headers, span: Span, length: int | None, *, known: bool = False) -> Headers:
    """The fields of a 206 with one part of content with these `headers` and `length`.  RFC 9110 §15.3.7.1

    With `known`, the answer to a range request with If-Range, the client has the rest of the fields (§15.3.7).
    """
    start, stop = span
    return _kept(headers, known=known).plus(
        ("Content-Range", content_range(span, length)), ("Content-Length", str(stop - start))
    )


def multipart(
    headers: Headers, spans: Sequence[Span], length: int, boundary: str, *, known: bool = False
) -> tuple[Headers, tuple[Piece, ...]]:
    """The fields of a 206 with several parts, and its content in pieces.  RFC 9110 §14.6, §15.3.7.2

    `boundary` consists of 1 to 70 letters and digits that are not in the content after a line break and ``--``.
    """
    pieces = multipart_content(spans, headers.get("content-type"), length, boundary)
    # "MUST NOT generate a Content-Range header field in the HTTP header section of a multiple part response"
    kept = _kept(headers, known=known).replacing(
        ("Content-Type", f"multipart/byteranges; boundary={boundary}"), ("Content-Length", str(size_of(pieces)))
    )
    return kept, tuple(pieces)


def unsatisfiable_headers(headers: Headers, length: int, now: float) -> Headers:
    """The fields of a 416 in the place of content with these `headers` and `length`.  RFC 9110 §15.5.17, §14.4

    It is a message of our own: it keeps nothing of the stored response's content, freshness or cookies.
    """
    targeted = {name for name in headers.fields if name.endswith("-cache-control")}
    return headers.without(_OF_STORED | targeted).plus(
        ("Date", format_date(now)), ("Content-Range", f"bytes */{length}"), ("Content-Length", "0")
    )


def _kept(headers: Headers, *, known: bool) -> Headers:
    """RFC 9110 §15.3.7: all the fields of the 200, or what guides caches where the client knows the rest."""
    return not_modified_headers(headers) if known else headers.without(OF_MESSAGE)


def multipart_content(spans: Sequence[Span], kind: str | None, length: int, boundary: str) -> list[Piece]:
    """The content of multipart/byteranges, of a representation with `length` bytes and Content-Type `kind`.

    RFC 9110 §14.6, RFC 2046 §5.1
    """
    pieces: list[Piece] = []
    # "the server SHOULD generate that same Content-Type header field in the header area of each body part"
    described = "" if kind is None else f"Content-Type: {kind}\r\n"
    before = ""
    for span in spans:
        head = f"{before}--{boundary}\r\n{described}Content-Range: {content_range(span, length)}\r\n\r\n"
        pieces += [head.encode("latin-1", "replace"), span]
        before = "\r\n"
    pieces.append(f"\r\n--{boundary}--\r\n".encode("latin-1"))
    return pieces


def size_of(pieces: Sequence[Piece]) -> int:
    """The bytes that `pieces` amount to."""
    return sum([len(piece) if isinstance(piece, bytes) else piece[1] - piece[0] for piece in pieces])
