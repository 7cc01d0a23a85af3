from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cachespec import combining
from cachespec.combining import MAX_SPANS, Held, differs, enclosed, may_combine, with_part
from cachespec.dates import format_date
from cachespec.entries import Part
from cachespec.messages import Response
from cachespec.partial import ContentRange, Span
from cachespec.testing import samples

NOW = 1_800_000_000.0
LENGTH = 30

Lines = list[tuple[str, str]]


def held(*spans: Span, length: int | None = LENGTH) -> Held:
    found: Held | None = Held(length=length)
    for span in spans:
        assert found is not None
        found = found.plus(ContentRange(span, length))
    assert found is not None
    return found


spans = st.tuples(st.integers(0, LENGTH - 1), st.integers(1, LENGTH)).map(
    lambda pair: (pair[0], min(LENGTH, pair[0] + pair[1]))
)


def positions(found: tuple[Span, ...]) -> set[int]:
    return set().union(*[range(*span) for span in found])


@given(st.lists(spans), spans)
@example([(0, 10), (20, 30), (10, 20)], (0, 30))
@example([(5, 6), (9, 10)], (9, 30))
def test_what_is_held_and_what_is_missing_add_up(added: list[Span], wanted: Span) -> None:
    found = held(*added)
    there = positions(tuple(added))
    assert positions(found.spans) == there
    assert positions(found.missing(wanted)) == set(range(*wanted)) - there
    assert found.size == len(there)
    assert found.complete is (len(there) == LENGTH)


@given(st.lists(spans), spans)
def test_spans_are_ascending_and_apart_and_none_is_empty(added: list[Span], wanted: Span) -> None:
    found = held(*added)
    for parts in (found.spans, found.missing(wanted)):
        edges = [edge for span in parts for edge in span]
        assert edges == sorted(set(edges))


@pytest.mark.requirement("9111-3.3-05")
def test_a_range_is_answered_only_if_all_of_it_is_held() -> None:
    found = held((0, 10), (20, 30))
    assert found.missing((0, 10)) == ()
    assert found.missing((22, 25)) == ()
    assert found.missing((5, 25)) == ((10, 20),)
    assert found.missing((0, 30)) == ((10, 20),)
    assert found.missing((12, 13)) == ((12, 13),)


@pytest.mark.requirement("9110-15.3.7.3-02")
def test_it_is_complete_when_every_byte_is_there() -> None:
    assert not held((0, 10), (20, 30)).complete
    assert held((0, 10), (20, 30), (10, 20)).spans == ((0, 30),)
    assert held((0, 10), (20, 30), (10, 20)).complete


def test_it_is_never_complete_without_a_known_length() -> None:
    assert not held((0, 30), length=None).complete
    assert Held(length=0).complete
    assert not Held().complete


def test_a_length_may_become_known() -> None:
    found = held((0, 10), length=None).plus(ContentRange((10, 30), 30))
    assert found == Held(((0, 30),), 30)
    assert found.plus(ContentRange((3, 4), None)) == found


@pytest.mark.requirement("9110-14.4-01")
@pytest.mark.parametrize(
    ("before", "added"),
    [
        pytest.param(held((0, 10)), ContentRange((10, 20), 31), id="other length"),
        pytest.param(held((0, 10)), ContentRange((20, 31), None), id="beyond the length"),
        pytest.param(held((0, 10), length=None), ContentRange((0, 5), 9), id="length below what is held"),
        pytest.param(held(length=0), ContentRange((0, 1), 1), id="something of nothing"),
        pytest.param(held((0, 10)), ContentRange(None, 30), id="unsatisfied range"),
    ],
)
def test_parts_that_contradict_each_other_are_not_combined(before: Held, added: ContentRange) -> None:
    assert before.plus(added) is None


def test_the_number_of_spans_is_bounded() -> None:
    full = held(*[(2 * number, 2 * number + 1) for number in range(MAX_SPANS)], length=None)
    assert len(full.spans) == MAX_SPANS
    assert full.plus(ContentRange((1000, 1001), None)) is None
    assert full.plus(ContentRange((1, 2), None)) is not None


def test_a_206_encloses_a_part() -> None:
    response = Response(206, [("Content-Range", "bytes 4-9/10"), ("Content-Length", "6")])
    assert enclosed(response) == ContentRange((4, 10), 10)
    assert enclosed(Response(206, [("Content-Range", "bytes 4-9/*")])) == ContentRange((4, 10), None)


@pytest.mark.requirement("9110-14.4-01", "9110-14.4-02")
@pytest.mark.parametrize(
    ("status", "lines"),
    [
        pytest.param(200, [("Content-Range", "bytes 4-9/10")], id="a 200"),
        pytest.param(416, [("Content-Range", "bytes */10")], id="a 416"),
        pytest.param(206, [("Content-Range", "bytes */10")], id="nothing"),
        pytest.param(206, [("Content-Type", "multipart/byteranges; boundary=a")], id="several parts"),
        pytest.param(206, [("Content-Range", "bytes 9-4/10")], id="invalid"),
        pytest.param(206, [("Content-Range", "bytes 4-10/10")], id="beyond the length"),
        pytest.param(206, [("Content-Range", "items 4-9/10")], id="unknown unit"),
        pytest.param(206, [("Content-Range", "bytes 4-9/10")] * 2, id="two lines"),
        pytest.param(206, [("Content-Range", "bytes 4-9/10"), ("Content-Length", "5")], id="other Content-Length"),
    ],
)
def test_what_does_not_say_clearly_what_it_encloses_is_left_alone(status: int, lines: Lines) -> None:
    assert enclosed(Response(status, lines)) is None


DATES = [("Last-Modified", format_date(NOW - 100)), ("Date", format_date(NOW - 99))]


@pytest.mark.requirement("9111-3.4-01")
@pytest.mark.parametrize(
    ("one", "other", "code"),
    [
        pytest.param([("ETag", '"a"')], [("ETag", '"a"')], "same-validator", id="same strong tag"),
        pytest.param([("ETag", '"a"'), DATES[0]], [("ETag", '"a"')], "same-validator", id="a date beside the tag"),
        pytest.param(DATES, DATES, "same-validator", id="same strong date"),
        pytest.param([("ETag", '"a"')], [("ETag", '"b"')], "other-validator", id="other strong tag"),
        pytest.param([("ETag", '"a"'), *DATES], DATES, "other-validator", id="a tag and a date"),
        pytest.param(
            DATES, [("Last-Modified", format_date(NOW - 101)), DATES[1]], "other-validator", id="other strong date"
        ),
        pytest.param([("ETag", 'W/"a"')], [("ETag", 'W/"a"')], "no-strong-validator", id="same weak tag"),
        pytest.param([("ETag", '"a"')], [("ETag", 'W/"a"')], "no-strong-validator", id="strong and weak tag"),
        pytest.param([("ETag", 'W/"a"'), *DATES], DATES, "no-strong-validator", id="a weak tag beside the date"),
        pytest.param([("ETag", "a")], [("ETag", "a")], "no-strong-validator", id="same malformed tag"),
        pytest.param([("ETag", '"a"')], [], "no-strong-validator", id="a tag and nothing"),
        pytest.param([], [], "no-strong-validator", id="nothing"),
        pytest.param(DATES[:1], DATES, "no-strong-validator", id="a date without Date"),
        pytest.param([DATES[0], ("Date", DATES[0][1])], DATES, "no-strong-validator", id="a date as young as Date"),
        pytest.param([("Last-Modified", "x"), DATES[1]], DATES, "no-strong-validator", id="what is no date"),
    ],
)
def test_parts_are_combined_only_under_the_same_strong_validator(one: Lines, other: Lines, code: str) -> None:
    for pair in ((one, other), (other, one)):
        verdict = may_combine(Response(206, pair[0]), Response(206, pair[1]), NOW)
        assert verdict.code == code
        assert bool(verdict) is (code == "same-validator")


# --- what is stored


CONTENT = bytes(range(LENGTH))


def part(span: Span, *, apart: bool) -> Part:
    """That part of the content; `apart` from the head, in a body that begins with it and is named by its place."""
    start, stop = span
    return Part(start, stop, None, str(start)) if apart else Part(start, stop, CONTENT[start:stop])


@pytest.mark.requirement("9111-3.4-01", "9110-15.3.7.3-02")
@given(st.lists(st.tuples(spans, st.booleans()), min_size=1))
@example([((0, 10), False), ((20, 25), False), ((25, 30), False)])
@example([((5, 20), False), ((10, 12), True)])
@example([((0, 5), True), ((10, 15), False), ((15, 20), True), ((20, 25), True)])
@example([((0, 30), False)])
@example([((0, 30), True)])
@example([((0, 10), False), ((20, 30), False), ((5, 25), False)])
@example([((0, 20), True), ((10, 30), False)])
@example([((10, 30), False), ((0, 20), True)])
def test_whatever_parts_come_each_byte_is_kept_once_in_its_place(added: list[tuple[Span, bool]]) -> None:
    entry = replace(samples.entry("https://a.test/"), length=LENGTH, body=None, body_id=None, parts=())
    there: set[int] = set()
    for span, apart in added:
        entry = with_part(entry, part(span, apart=apart))
        there |= set(range(*span))
        now = combining.held(entry).spans
        assert positions(now) == there
        edges = [edge for one in now for edge in one]
        assert edges == sorted(set(edges))
        if not entry.parts:
            assert there == set(range(LENGTH))
            assert (entry.body, entry.body_id) in ((CONTENT, None), (None, "0"))
            return
        # What is one body from the first byte to the last is no part any more.
        assert len(entry.parts) > 1 or len(there) < LENGTH
        for kept in entry.parts:
            if kept.body is None:
                assert int(kept.body_id or "") + kept.skip == kept.start
            else:
                assert (kept.body, kept.skip) == (CONTENT[kept.start : kept.stop], 0)


@pytest.mark.parametrize(
    ("ours", "theirs", "answer"),
    [
        ({"ETag": '"a"'}, {"ETag": '"a"'}, False),
        ({"ETag": '"a"'}, {"ETag": 'W/"a"'}, False),
        ({"ETag": '"a"'}, {"ETag": '"b"'}, True),
        ({"ETag": "a"}, {"ETag": '"a"'}, True),
        ({"ETag": '"a"'}, {"ETag": "a"}, True),
        ({"ETag": '"a"', "Last-Modified": "x"}, {"Last-Modified": "y"}, True),
        ({"ETag": '"a"', "Last-Modified": "x"}, {"ETag": '"a"', "Last-Modified": "y"}, False),
        ({"Last-Modified": "x"}, {"Last-Modified": "x"}, False),
        ({"Last-Modified": "x"}, {}, False),
        ({}, {"Last-Modified": "x"}, False),
        ({"ETag": '"a"'}, {}, False),
        ({}, {"ETag": '"a"'}, False),
    ],
)
def test_only_validators_of_one_kind_tell_representations_apart(
    ours: dict[str, str], theirs: dict[str, str], answer: bool
) -> None:
    assert differs(Response(200, ours), Response(206, theirs)) is answer
