from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cachespec.headers import Headers
from cachespec.partial import (
    MAX_POSITION,
    ContentRange,
    Piece,
    Span,
    content_range,
    multipart,
    multipart_content,
    parse_content_range,
    part_headers,
    position,
    size_of,
    unsatisfiable_headers,
)

NOW = 1_800_000_000.0
CONTENT = bytes(range(256)) * 4
STORED = Headers(
    [
        ("Date", "d"),
        ("Content-Type", "text/plain"),
        ("Content-Length", "1024"),
        ("Content-Encoding", "gzip"),
        ("Content-Language", "en"),
        ("Content-Range", "bytes 0-1023/1024"),
        ("Content-Digest", "x"),
        ("Content-MD5", "x"),
        ("Repr-Digest", "y"),
        ("Content-Location", "/a"),
        ("ETag", '"a"'),
        ("Last-Modified", "m"),
        ("Cache-Control", "max-age=1"),
        ("CDN-Cache-Control", "max-age=2"),
        ("Expires", "e"),
        ("Vary", "accept"),
        ("Set-Cookie", "a=b"),
        ("Access-Control-Allow-Origin", "*"),
    ]
)


def content(pieces: Sequence[Piece]) -> bytes:
    """What is sent for `pieces`."""
    return b"".join(piece if isinstance(piece, bytes) else CONTENT[slice(*piece)] for piece in pieces)


@pytest.mark.requirement("9110-14.1.2-01", "9110-14.1.1-02")
@pytest.mark.parametrize(
    ("value", "span", "length"),
    [
        ("bytes 0-0/1", (0, 1), 1),
        ("bytes 2-4/10", (2, 5), 10),
        ("bytes 2-9/10", (2, 10), 10),
        ("BYTES 2-4/*", (2, 5), None),
        ("bytes 002-04/010", (2, 5), 10),
        ("bytes */10", None, 10),
        ("bytes */0", None, 0),
        (f"bytes 0-1/{MAX_POSITION - 1}", (0, 2), MAX_POSITION - 1),
    ],
)
def test_a_content_range_is_read(value: str, span: Span | None, length: int | None) -> None:
    assert parse_content_range(value) == ContentRange(span, length)


@pytest.mark.requirement("9110-14.4-01")
@pytest.mark.parametrize("value", ["bytes 4-2/10", "bytes 0-10/10", "bytes 0-0/0", "bytes 5-9/3", "bytes 4-2/*"])
def test_a_content_range_that_contradicts_itself_is_invalid(value: str) -> None:
    assert parse_content_range(value) is None


@pytest.mark.requirement("9110-14.4-02")
@pytest.mark.parametrize("value", ["items 0-1/2", "none 0-1/2", "byte\u017f 0-1/2"])
def test_a_unit_other_than_bytes_is_not_understood(value: str) -> None:
    assert parse_content_range(value) is None


@pytest.mark.parametrize(
    "value",
    [
        *("", "bytes", "bytes 0-1", "bytes=0-1/2", "bytes  0-1/2", "bytes 0 - 1/2", "bytes -1/2", "bytes 0-/2"),
        *("bytes */*", "bytes 0-1/2\n", "bytes 0-1/2, bytes 0-1/2", "bytes ٠-١/٢", "bytes 0-1/+2", "bytes 0x0-1/2"),
    ],
)
def test_what_is_not_in_the_grammar_is_no_content_range(value: str) -> None:
    assert parse_content_range(value) is None


@pytest.mark.parametrize("digits", [str(MAX_POSITION), "1" + "0" * 19, pytest.param("9" * 5000, id="5000 digits")])
def test_a_content_range_too_large_to_be_true_is_none(digits: str) -> None:
    for value in (f"bytes 0-1/{digits}", f"bytes 0-{digits}/*", f"bytes {digits}-{digits}/*", f"bytes */{digits}"):
        assert parse_content_range(value) is None


@given(st.text() | st.text(st.sampled_from("bytes 0123456789-/*"), max_size=30).map("bytes ".__add__))
def test_reading_a_content_range_never_fails(value: str) -> None:
    parse_content_range(value)


@pytest.mark.requirement("9110-14.1.2-04")
@pytest.mark.parametrize(
    ("digits", "number"),
    [
        ("0", 0),
        ("0" * 5000 + "7", 7),
        ("9223372036854775806", MAX_POSITION - 1),
        ("9223372036854775807", MAX_POSITION),
        ("9223372036854775808", MAX_POSITION),
        ("9" * 19, MAX_POSITION),
        ("1" + "0" * 19, MAX_POSITION),
        ("9" * 5000, MAX_POSITION),
        ("", None),
        ("*", None),
    ],
)
def test_a_position_of_any_number_of_digits_is_read(digits: str, number: int | None) -> None:
    assert position(digits) == number


@given(st.integers(0, 2**62), st.integers(1, 2**61), st.none() | st.integers(0, 2**61))
def test_a_content_range_is_read_as_it_was_written(start: int, size: int, rest: int | None) -> None:
    span, length = (start, start + size), None if rest is None else start + size + rest
    assert parse_content_range(content_range(span, length)) == ContentRange(span, length)


@pytest.mark.requirement("9110-15.3.7-01", "9110-15.3.7.1-01")
def test_one_part_has_the_fields_of_the_whole_and_tells_which_part_it_is() -> None:
    assert part_headers(STORED, (2, 5), 1024).lines == (
        ("Date", "d"),
        ("Content-Type", "text/plain"),
        ("Content-Encoding", "gzip"),
        ("Content-Language", "en"),
        ("Repr-Digest", "y"),
        ("Content-Location", "/a"),
        ("ETag", '"a"'),
        ("Last-Modified", "m"),
        ("Cache-Control", "max-age=1"),
        ("CDN-Cache-Control", "max-age=2"),
        ("Expires", "e"),
        ("Vary", "accept"),
        ("Set-Cookie", "a=b"),
        ("Access-Control-Allow-Origin", "*"),
        ("Content-Range", "bytes 2-4/1024"),
        ("Content-Length", "3"),
    )


@pytest.mark.requirement("9110-15.3.7-02", "9110-15.3.7-01")
def test_who_knows_the_rest_is_told_only_what_guides_caches() -> None:
    names = [name for name, _ in part_headers(STORED, (2, 5), 1024, known=True).lines]
    assert names == [
        *("Date", "Content-Location", "ETag", "Cache-Control", "CDN-Cache-Control", "Expires", "Vary", "Set-Cookie"),
        *("Access-Control-Allow-Origin", "Content-Range", "Content-Length"),
    ]


def test_the_length_of_the_whole_may_be_unknown() -> None:
    assert part_headers(STORED, (0, 3), None)["content-range"] == "bytes 0-2/*"


@pytest.mark.requirement("9110-15.3.7.2-01")
def test_several_parts_are_a_multipart_message() -> None:
    headers, pieces = multipart(STORED, ((0, 3), (1000, 1024)), 1024, "frontier")
    assert headers.getlist("content-type") == ["multipart/byteranges; boundary=frontier"]
    assert "content-range" not in headers
    assert headers.getlist("content-length") == [str(len(content(pieces)))]
    assert headers["content-encoding"] == "gzip"
    assert content(pieces) == (
        b"--frontier\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-2/1024\r\n\r\n"
        + CONTENT[:3]
        + b"\r\n--frontier\r\nContent-Type: text/plain\r\nContent-Range: bytes 1000-1023/1024\r\n\r\n"
        + CONTENT[1000:]
        + b"\r\n--frontier--\r\n"
    )


@pytest.mark.requirement("9110-15.3.7-02")
def test_several_parts_for_who_knows_the_rest_still_tell_their_type() -> None:
    headers, pieces = multipart(STORED, ((0, 3), (9, 12)), 1024, "frontier", known=True)
    assert headers.getlist("content-type") == ["multipart/byteranges; boundary=frontier"]
    assert "content-encoding" not in headers
    assert content(pieces).count(b"Content-Type: text/plain\r\n") == 2


def test_parts_of_what_has_no_type_have_none() -> None:
    headers, pieces = multipart(STORED.without({"content-type"}), ((0, 3), (9, 12)), 1024, "frontier")
    assert headers["content-type"] == "multipart/byteranges; boundary=frontier"
    assert b"Content-Type" not in content(pieces)


def test_a_type_beyond_latin_1_is_written_somehow() -> None:
    assert b"Content-Type: text/?\r\n" in content(multipart_content([(0, 1)], "text/\u20ac", 1, "b"))


@given(st.lists(st.integers(0, 1024), min_size=4, max_size=12, unique=True).filter(lambda found: len(found) % 2 == 0))
@example([0, 1, 1023, 1024])
def test_a_reader_of_multipart_gets_the_spans_back(edges: list[int]) -> None:
    edges.sort()
    spans = list(zip(edges[::2], edges[1::2], strict=True))
    headers, pieces = multipart(STORED, spans, 1024, "0f" * 16)
    assert size_of(pieces) == len(content(pieces)) == int(headers["content-length"])
    before, *parts, after = (b"\r\n" + content(pieces)).split(b"\r\n--" + b"0f" * 16)
    assert (before, after) == (b"", b"--\r\n")
    assert [part.split(b"\r\n\r\n", 1) for part in parts] == [
        [b"\r\nContent-Type: text/plain\r\nContent-Range: " + content_range(span, 1024).encode(), CONTENT[slice(*span)]]
        for span in spans
    ]


@pytest.mark.requirement("9110-14.4-03", "9110-14.2-06")
def test_a_416_tells_the_length_and_nothing_of_the_stored_response() -> None:
    headers = unsatisfiable_headers(STORED, 1024, NOW)
    assert headers.lines == (
        ("Vary", "accept"),
        ("Access-Control-Allow-Origin", "*"),
        ("Date", "Fri, 15 Jan 2027 08:00:00 GMT"),
        ("Content-Range", "bytes */1024"),
        ("Content-Length", "0"),
    )
    assert parse_content_range(headers["content-range"]) == ContentRange(None, 1024)
