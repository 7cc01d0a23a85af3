from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cachespec import ranges
from cachespec.dates import format_date
from cachespec.headers import Headers
from cachespec.messages import Request, Response
from cachespec.partial import Piece, Span, parse_content_range, size_of
from cachespec.ranges import (
    MAX_RANGES,
    Parts,
    Selection,
    Unsatisfiable,
    Whole,
    if_range,
    select,
    serve_range,
    strong_validator,
)
from cachespec.verdicts import Verdict

NOW = 1_800_000_000.0
MODIFIED = format_date(NOW - 100)
DATE = ("Date", format_date(NOW - 50))
LENGTH = 10_000

Lines = list[tuple[str, str]]

STORED: Lines = [
    ("Content-Type", "text/plain"),
    ("Content-Length", f"{LENGTH}"),
    ("ETag", '"a"'),
    ("Last-Modified", MODIFIED),
    DATE,
]


def asked(
    value: str | None,
    *lines: tuple[str, str],
    stored: Lines = STORED,
    length: int | None = LENGTH,
    method: str = "GET",
    status: int = 200,
) -> Selection:
    """What is selected for a request with that Range."""
    ranged = [] if value is None else [("Range", value)]
    request = Request(method, "http://example.com/", [*ranged, *lines])
    return select(request, Response(status, stored), length, NOW)


def spans(selection: Selection) -> tuple[Span, ...]:
    assert isinstance(selection, Parts), selection
    assert selection.verdict
    return selection.spans


def refusal(selection: Selection) -> str:
    """Why the whole is sent."""
    assert isinstance(selection, Whole), selection
    assert not selection.verdict
    assert selection.verdict.sentence
    return selection.verdict.code


@pytest.mark.requirement("9110-14.1.2-01", "9110-14.1.2-03", "9110-14.2-05")
@pytest.mark.parametrize(
    ("value", "span"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-499", (0, 500)),
        ("bytes=500-999", (500, 1000)),
        ("bytes=9500-", (9500, 10_000)),
        ("bytes=-500", (9500, 10_000)),
        ("bytes=0-", (0, 10_000)),
        ("bytes=9999-", (9999, 10_000)),
        ("bytes=9000-9999", (9000, 10_000)),
        ("bytes=9000-10000", (9000, 10_000)),
        ("bytes=-10000", (0, 10_000)),
        ("bytes=-10001", (0, 10_000)),
        ("bytes=007-0008", (7, 9)),
        ("bytes=0-1,", (0, 2)),
        ("bytes=,, 0-1 ,", (0, 2)),
    ],
)
def test_one_range_selects_one_part(value: str, span: Span) -> None:
    assert spans(asked(value)) == (span,)


@pytest.mark.requirement("9110-14.1.1-02")
@pytest.mark.parametrize("unit", ["bytes", "Bytes", "BYTES"])
def test_the_unit_may_be_in_any_case(unit: str) -> None:
    assert spans(asked(f"{unit}=0-0")) == ((0, 1),)


@pytest.mark.requirement("9110-14.1.2-04")
@pytest.mark.parametrize(
    "digits", ["9223372036854775807", "9" * 19, "1" + "0" * 19, pytest.param("9" * 5000, id="5000 digits")]
)
def test_huge_positions_are_read(digits: str) -> None:
    assert spans(asked(f"bytes=1-{digits}")) == ((1, 10_000),)
    assert spans(asked(f"bytes=-{digits}")) == ((0, 10_000),)
    assert isinstance(asked(f"bytes={digits}-"), Unsatisfiable)
    assert isinstance(asked(f"bytes={digits}-{digits}"), Unsatisfiable)
    assert refusal(asked(f"bytes=1{digits}-{digits}")) == "bad-range"


@pytest.mark.requirement("9110-14.1.1-01", "9110-14.2-04")
@pytest.mark.parametrize(
    "ranges",
    [
        *("1-0", "10-9", "99-100, 5-4", "0-0, x", "x", "-", "0", "0-1-2", "--1", "+0-1", "0 - 1", "0x0-1", "٠-١"),
        *("0-1;", "", ",", "0-1\u00a0", '"0-1"', "0-1, bytes=2-3"),
    ],
)
def test_one_invalid_range_voids_the_set(ranges: str) -> None:
    assert refusal(asked(f"bytes={ranges}")) == "bad-range"


@pytest.mark.requirement("9110-14.2-03")
@pytest.mark.parametrize("value", ["items=0-1", "bytes", "0-1", "", "bytes 0-1", "byte\u017f=0-1", "=0-1"])
def test_an_unknown_unit_is_ignored(value: str) -> None:
    assert refusal(asked(value)) == "range-unit"


@pytest.mark.requirement("9110-14.1.2-02", "9110-14.2-06")
@pytest.mark.parametrize("value", ["10000-", "10000-10001", "-0", "-000", "10000-, -0, 20000-30000"])
def test_a_set_without_any_byte_that_exists_is_unsatisfiable(value: str) -> None:
    selection = asked(f"bytes={value}")
    assert isinstance(selection, Unsatisfiable)
    assert selection.verdict.code == "unsatisfiable-range"


@pytest.mark.requirement("9110-14.2-05")
def test_unsatisfiable_members_are_left_out() -> None:
    assert spans(asked("bytes=20000-, 5-9, -0")) == ((5, 10),)


@pytest.mark.requirement("9110-14.1.2-02")
def test_of_nothing_a_suffix_is_the_whole_and_anything_else_unsatisfiable() -> None:
    assert refusal(asked("bytes=-1", length=0)) == "no-bytes"
    assert refusal(asked("bytes=0-, -1", length=0)) == "no-bytes"
    for value in ("0-", "0-0", "-0"):
        assert isinstance(asked(f"bytes={value}", length=0), Unsatisfiable)


@pytest.mark.requirement("9110-14.2-05", "9110-14.2-04")
@pytest.mark.parametrize(
    ("value", "parts"),
    [
        pytest.param("0-9, 100-109", ((0, 10), (100, 110)), id="apart"),
        pytest.param("0-9, 10-19", ((0, 20),), id="touching"),
        pytest.param("0-9, 11-19", ((0, 10), (11, 20)), id="one byte between"),
        pytest.param("0-9, 5-19", ((0, 20),), id="overlapping"),
        pytest.param("5-19, 0-9", ((0, 20),), id="overlapping backwards"),
        pytest.param("0-19, 5-9", ((0, 20),), id="one within the other"),
        pytest.param("0-9, 100-119, 105-109", ((0, 10), (100, 120)), id="one within the last"),
        pytest.param("0-9, 0-9", ((0, 10),), id="the same"),
        pytest.param("0-9, 100-109, 10-19", ((0, 20), (100, 110)), id="touching one before"),
        pytest.param("0-9, 5-14, 10-19", ((0, 20),), id="two overlaps"),
        pytest.param("0-9, 5-9, 5000-5009, 5005-", ((0, 10), (5000, 10_000)), id="two overlaps apart"),
        pytest.param("0-0, -1", ((0, 1), (9999, 10_000)), id="first and last"),
    ],
)
def test_ranges_that_overlap_or_touch_become_one_part(value: str, parts: tuple[Span, ...]) -> None:
    assert spans(asked(f"bytes={value}")) == parts


@pytest.mark.requirement("9110-14.2-04")
@pytest.mark.parametrize(
    "value", ["0-9, 5-14, 10-19, 15-24", "0-, 0-, 0-, 0-", "0-9, 1-1, 3-3, 5-5", "0-0, 10-19, 12-12, 14-14, 16-16"]
)
def test_more_than_two_overlaps_get_the_whole(value: str) -> None:
    assert refusal(asked(f"bytes={value}")) == "overlapping-ranges"


@pytest.mark.requirement("9110-14.2-02", "9110-14.2-04")
@pytest.mark.parametrize("value", ["100-109, 0-9", "0-9, 200-209, 100-109", "-1, 0-0"])
def test_ranges_in_another_than_ascending_order_get_the_whole(value: str) -> None:
    assert refusal(asked(f"bytes={value}")) == "unordered-ranges"


def many(number: int) -> str:
    return "bytes=" + ",".join(f"{20 * index}-{20 * index}" for index in range(number))


@pytest.mark.requirement("9110-14.2-04", "9110-17.15-01")
def test_more_ranges_than_a_few_get_the_whole() -> None:
    assert len(spans(asked(many(MAX_RANGES)))) == MAX_RANGES == 16
    assert refusal(asked(many(MAX_RANGES + 1))) == "many-ranges"
    assert refusal(asked("bytes=" + "0-," * 100_000)) == "many-ranges"


def test_parts_that_would_take_more_than_the_whole_get_the_whole() -> None:
    assert refusal(asked("bytes=0-0, 2-2", length=300)) == "no-gain"
    assert spans(asked("bytes=0-0, 2-2", length=1000)) == ((0, 1), (2, 3))
    # One part has no frame to pay for.
    assert spans(asked("bytes=0-299", length=300)) == ((0, 300),)


@given(st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 1200)), min_size=1, max_size=20), st.integers(1, 1000))
@example([(0, 0), (2, 2)], 1000)
def test_an_answer_never_takes_more_bytes_than_the_whole(ranges: list[Span], length: int) -> None:
    value = ",".join(f"{first}-{first + size}" for first, size in ranges)
    served = serve_range(Request("GET", "/", [("Range", f"bytes={value}")]), Response(200, STORED), length, NOW)
    if served is None:
        return
    head, pieces = served
    assert size_of(pieces) == int(head.headers["content-length"]) <= length
    asked_for = set().union(*[range(first, min(first + size + 1, length)) for first, size in ranges])
    parts = [piece for piece in pieces if not isinstance(piece, bytes)]
    assert set().union(*[range(*part) for part in parts]) == asked_for
    edges = [edge for part in parts for edge in part]
    assert edges == sorted(set(edges))


junk = st.text() | st.text(st.sampled_from("bytes=0123456789-, "), max_size=40)


@given(junk | junk.map("bytes=".__add__), junk, st.none() | st.integers(0, 100))
def test_no_range_makes_it_fail(value: str, condition: str, length: int | None) -> None:
    asked(value, length=length)
    asked("bytes=0-1", ("If-Range", condition))


def test_without_range_the_whole_is_sent() -> None:
    assert refusal(asked(None)) == "no-range"


@pytest.mark.requirement("9110-14.2-01")
@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "get"])
def test_range_means_nothing_to_other_methods(method: str) -> None:
    assert refusal(asked("bytes=0-0", method=method)) == "range-method"


@pytest.mark.requirement("10008-2.8-01")
def test_range_means_the_same_for_query_as_for_get() -> None:
    assert asked("bytes=0-0", method="QUERY") == asked("bytes=0-0")


@pytest.mark.requirement("9110-14.2-07")
@pytest.mark.parametrize("status", [203, 204, 301, 304, 404, 416, 500])
def test_range_counts_only_where_the_status_would_be_200(status: int) -> None:
    assert refusal(asked("bytes=0-0", status=status)) == "range-status"


@pytest.mark.requirement("9111-3.3-02")
def test_a_stored_206_counts_as_an_incomplete_200() -> None:
    assert asked("bytes=3-4", status=206) == asked("bytes=3-4")


@pytest.mark.requirement("9111-3.3-05")
@pytest.mark.parametrize("value", ["0-", "-5", "0-1, 3-4", f"0-{2**63 - 1}", "1-0"])
def test_of_an_unknown_length_only_a_range_with_both_ends_can_be_selected(value: str) -> None:
    assert spans(asked("bytes=3-4", length=None, status=206)) == ((3, 5),)
    assert refusal(asked(f"bytes={value}", length=None, status=206)) in {"no-length", "bad-range"}


@pytest.mark.requirement("9110-13.1.5-03")
@pytest.mark.parametrize(
    ("ours", "theirs", "answer"),
    [
        pytest.param('"a"', '"a"', True, id="same strong"),
        pytest.param('"a"', '"b"', False, id="other"),
        pytest.param('W/"a"', 'W/"a"', False, id="same weak"),
        pytest.param('"a"', 'W/"a"', False, id="theirs weak"),
        pytest.param('W/"a"', '"a"', False, id="ours weak"),
        pytest.param(None, '"a"', False, id="none stored"),
        pytest.param("a", "a", False, id="same malformed"),
        pytest.param('w/"a"', 'w/"a"', False, id="same malformed weak"),
        pytest.param('"a"', '"a", "b"', False, id="a list"),
        pytest.param('"a"', "*", False, id="star"),
        pytest.param('"a"', "", False, id="empty"),
    ],
)
def test_an_entity_tag_in_if_range_matches_strongly(ours: str | None, theirs: str, answer: bool) -> None:
    stored = Headers([DATE, *([] if ours is None else [("ETag", ours)])])
    assert bool(if_range(theirs, stored, NOW)) is answer


@pytest.mark.requirement("9110-13.1.5-04", "9110-8.8.2.2-01")
@pytest.mark.parametrize(
    ("modified", "date", "theirs", "answer"),
    [
        pytest.param(NOW - 100, NOW - 50, NOW - 100, True, id="the same"),
        pytest.param(NOW - 100, NOW - 99, NOW - 100, True, id="one second before Date"),
        pytest.param(NOW - 100, NOW - 100, NOW - 100, False, id="not before Date"),
        pytest.param(NOW - 100, NOW - 101, NOW - 100, False, id="after Date"),
        pytest.param(NOW - 100, NOW - 50, NOW - 99, False, id="later"),
        pytest.param(NOW - 100, NOW - 50, NOW - 101, False, id="earlier"),
        pytest.param(NOW - 100, None, NOW - 100, False, id="without Date"),
        pytest.param(None, NOW - 50, NOW - 100, False, id="without Last-Modified"),
    ],
)
def test_a_date_in_if_range_matches_exactly_and_only_if_strong(
    modified: float | None, date: float | None, theirs: float, answer: bool
) -> None:
    lines = [("Last-Modified", modified), ("Date", date)]
    stored = Headers([(name, format_date(value)) for name, value in lines if value is not None])
    assert bool(if_range(format_date(theirs), stored, NOW)) is answer


def test_the_same_date_in_another_form_is_not_the_very_same() -> None:
    stored = Headers([("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"), DATE])
    assert not if_range("Sun Nov  6 08:49:37 1994", stored, NOW)
    assert not if_range("yesterday", Headers([("Last-Modified", "yesterday"), DATE]), NOW)


@pytest.mark.requirement("9110-13.1.5-05", "9111-4.3.2-06")
@pytest.mark.parametrize("value", ['"b"', 'W/"a"', "", format_date(NOW), "yesterday"])
@pytest.mark.parametrize("ranges", ["0-0", "20000-", "junk"])
def test_a_false_if_range_gets_the_whole(value: str, ranges: str) -> None:
    assert refusal(asked(f"bytes={ranges}", ("If-Range", value))) == "if-range-differs"


@pytest.mark.requirement("9111-4.3.2-06")
@pytest.mark.parametrize("value", ['"a"', MODIFIED])
def test_a_true_if_range_gets_the_part(value: str) -> None:
    assert spans(asked("bytes=0-0", ("If-Range", value))) == ((0, 1),)


def test_two_if_range_lines_are_none_that_matches() -> None:
    assert refusal(asked("bytes=0-0", ("If-Range", '"a"'), ("If-Range", '"a"'))) == "if-range-differs"


@pytest.mark.requirement("9110-13.1.5-01")
@pytest.mark.parametrize("value", ['"a"', '"b"'])
def test_if_range_without_range_is_ignored(value: str) -> None:
    assert refusal(asked(None, ("If-Range", value))) == "no-range"


@pytest.mark.requirement("9110-8.8.1-02", "9110-13.1.5-02")
@pytest.mark.parametrize(
    ("lines", "validator"),
    [
        pytest.param([("ETag", '"a"')], '"a"', id="strong tag"),
        pytest.param(STORED, '"a"', id="strong tag before a date"),
        pytest.param([("ETag", 'W/"a"'), *STORED[3:]], None, id="weak tag before a strong date"),
        pytest.param([("ETag", "a"), *STORED[3:]], None, id="malformed tag before a strong date"),
        pytest.param(STORED[3:], MODIFIED, id="strong date"),
        pytest.param([("Last-Modified", MODIFIED), ("Date", MODIFIED)], None, id="weak date"),
        pytest.param([], None, id="nothing"),
    ],
)
def test_the_strong_validator_is_the_tag_or_without_any_tag_the_date(lines: Lines, validator: str | None) -> None:
    assert strong_validator(Headers(lines), NOW) == validator


def served(value: str, *lines: tuple[str, str], boundary: str | None = None) -> tuple[Response, tuple[Piece, ...]]:
    request = Request("GET", "http://example.com/", [("Range", f"bytes={value}"), *lines])
    answer = serve_range(request, Response(200, STORED), LENGTH, NOW, boundary)
    assert answer is not None
    return answer


def test_nothing_is_served_where_the_whole_is_to_be_sent() -> None:
    request = Request("GET", "http://example.com/", [("Range", "junk")])
    assert serve_range(request, Response(200, STORED), LENGTH, NOW) is None


@pytest.mark.requirement("9110-15.3.7.1-01", "9110-15.3.7.2-02")
def test_one_part_is_served_as_it_is() -> None:
    head, pieces = served("2-4")
    assert (head.status, head.reason) == (206, "Partial Content")
    assert head.headers["content-range"] == "bytes 2-4/10000"
    assert head.headers["content-length"] == "3"
    assert head.headers["content-type"] == "text/plain"
    assert pieces == ((2, 5),)


@pytest.mark.requirement("9110-15.3.7-02")
@pytest.mark.parametrize(("value", "kind"), [("2-4", None), ("2-4, 9-9", "multipart/byteranges; boundary=b")])
def test_with_if_range_the_client_is_not_told_again_what_it_knows(value: str, kind: str | None) -> None:
    head, _ = served(value, ("If-Range", '"a"'), boundary="b")
    assert head.headers.get("content-type") == kind
    assert head.headers["etag"] == '"a"'
    assert "last-modified" not in head.headers


@pytest.mark.requirement("9110-15.3.7.2-01")
def test_several_parts_are_served_as_multipart() -> None:
    head, pieces = served("2-4, 9-9", boundary="b")
    assert head.status == 206
    assert head.headers["content-type"] == "multipart/byteranges; boundary=b"
    assert "content-range" not in head.headers
    assert pieces[1::2] == ((2, 5), (9, 10))


def test_a_boundary_is_made_up_anew_each_time() -> None:
    kinds = {served("2-4, 9-9")[0].headers["content-type"] for _ in range(3)}
    assert len(kinds) == 3
    # 128 bits, so that nobody guesses it.
    assert all(re.fullmatch("multipart/byteranges; boundary=[0-9a-f]{32}", kind) for kind in kinds)


@pytest.mark.requirement("9110-14.4-03")
def test_an_unsatisfiable_range_is_answered_by_a_416() -> None:
    head, pieces = served("10000-")
    assert (head.status, head.reason) == (416, "Range Not Satisfiable")
    assert head.headers["content-range"] == "bytes */10000"
    assert pieces == ()


@pytest.mark.requirement("9111-3.3-06")
@given(st.integers(0, LENGTH - 1), st.integers(0, LENGTH))
def test_a_part_is_never_sent_without_saying_which(first: int, size: int) -> None:
    head, pieces = served(f"{first}-{first + size}")
    assert head.status == 206
    found = parse_content_range(head.headers["content-range"])
    assert found is not None
    assert (found.span,) == pieces
    assert found.length == LENGTH


def test_zeros_in_front_of_a_position_mean_nothing() -> None:
    assert refusal(asked("bytes=10-009")) == "bad-range"
    assert spans(asked("bytes=009-10")) == ((9, 11),)


def test_a_range_with_a_beginning_is_no_suffix() -> None:
    assert isinstance(asked("bytes=0-5", length=0), Unsatisfiable)


def test_ranges_that_touch_do_not_overlap() -> None:
    assert spans(asked("bytes=0-1, 2-3, 4-5, 6-7, 8-9")) == ((0, 10),)


def test_ranges_that_become_one_part_need_no_frame() -> None:
    assert spans(asked("bytes=0-5, 3-9", length=10)) == ((0, 10),)


def test_parts_that_take_just_as_much_as_the_whole_get_the_whole() -> None:
    codes = [
        refusal(made) if isinstance(made := asked("bytes=0-0, 2-2", length=length), Whole) else ""
        for length in range(300, 500)
    ]
    first = codes.index("") + 300
    made = asked("bytes=0-0, 2-2", length=first - 1)
    assert isinstance(made, Whole)
    assert made.verdict.sentence == f"The parts would take {first - 1} bytes, the whole takes {first - 1}."


def test_a_part_is_partial_content() -> None:
    stored = Response(200, STORED)
    for value, status, reason in (
        ("0-1", 206, "Partial Content"),
        ("0-1, 100-101", 206, "Partial Content"),
        ("99999-", 416, "Range Not Satisfiable"),
    ):
        served = serve_range(Request("GET", "http://example.com/", {"Range": f"bytes={value}"}), stored, LENGTH, NOW)
        assert served is not None
        assert (served[0].status, served[0].reason) == (status, reason)


# --- verdicts have stable names


def test_the_names_of_verdicts_stay() -> None:
    found = {name: (made.yes, made.code) for name, made in vars(ranges).items() if isinstance(made, Verdict)}
    named = {
        "NO_RANGE": (False, "no-range"),
        "RANGE_METHOD": (False, "range-method"),
        "RANGE_STATUS": (False, "range-status"),
        "RANGE_UNIT": (False, "range-unit"),
        "BAD_RANGE": (False, "bad-range"),
        "MANY_RANGES": (False, "many-ranges"),
        "OVERLAPPING": (False, "overlapping-ranges"),
        "UNORDERED": (False, "unordered-ranges"),
        "NO_GAIN": (False, "no-gain"),
        "NO_BYTES": (False, "no-bytes"),
        "NO_LENGTH": (False, "no-length"),
        "CHANGED": (False, "if-range-differs"),
        "UNCHANGED": (True, "if-range-matches"),
        "SATISFIABLE": (True, "range"),
        "UNSATISFIABLE": (True, "unsatisfiable-range"),
    }
    assert named.items() <= found.items()
