from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachespec import Headers, Policy
from cachespec.dates import format_date
from cachespec.directives import policy_of
from cachespec.freshness import age_value, corrected_initial_age, date_value, freshness_lifetime

NOW = 1_000_000_000.0
DAY = 86400
PRIVATE, SHARED = Policy(), Policy(shared=True)
UNGUESSED = Policy(heuristics=False)


def lifetime(lines: Any, policy: Policy = PRIVATE, status: int = 200, received: float = NOW) -> tuple[float, str]:
    headers = Headers(lines)
    said, name = policy_of(headers, policy.targets)
    return freshness_lifetime(status, headers, said, name, date_value(headers, received), policy)


def at(offset: float) -> str:
    return format_date(NOW + offset)


# --- RFC 9111 §4.2.1


@pytest.mark.parametrize(
    ("lines", "private", "shared"),
    [
        pytest.param(
            {"Cache-Control": "s-maxage=10, max-age=20", "Expires": at(30)},
            (20, "max-age"),
            (10, "s-maxage"),
            marks=pytest.mark.requirement(
                "9111-4.2.1-01", "9111-5.3-03", "9111-5.2.2.10-01", "9111-5.3-02", "9111-5.2.2-01"
            ),
            id="s-maxage before max-age before Expires",
        ),
        pytest.param(
            {"Cache-Control": "max-age=20", "Expires": at(30), "Date": at(0)},
            (20, "max-age"),
            (20, "max-age"),
            marks=pytest.mark.requirement("9111-4.2.1-02", "9111-5.3-02", "9111-5.2.2.1-01"),
            id="max-age before Expires",
        ),
        pytest.param(
            {"Expires": at(30), "Date": at(-10)},
            (40, "expires"),
            (40, "expires"),
            marks=pytest.mark.requirement("9111-4.2.1-03"),
            id="Expires less Date",
        ),
        pytest.param(
            {"Expires": at(30)},
            (30, "expires"),
            (30, "expires"),
            marks=pytest.mark.requirement("9111-4.2.1-03"),
            id="Expires less the time of receipt where there is no Date",
        ),
        pytest.param(
            {"Expires": at(30), "Date": "yesterday"},
            (30, "expires"),
            (30, "expires"),
            marks=pytest.mark.requirement("9111-4.2.1-03"),
            id="Expires less the time of receipt where Date is none",
        ),
        pytest.param({"Expires": at(-30), "Date": at(0)}, (0, "expires"), (0, "expires"), id="an Expires that is past"),
        pytest.param(
            {"Cache-Control": "s-maxage=10", "Expires": at(30), "Date": at(0)},
            (30, "expires"),
            (10, "s-maxage"),
            marks=pytest.mark.requirement("9111-5.2.2.10-01", "9111-5.3-03"),
            id="s-maxage means nothing to a private cache",
        ),
        pytest.param(
            {"Cache-Control": "s-maxage=x, max-age=20"},
            (20, "max-age"),
            (0, "s-maxage"),
            marks=pytest.mark.requirement("9111-4.2.1-07"),
            id="an unusable s-maxage does not give way to max-age",
        ),
        pytest.param(
            {"Cache-Control": "max-age=x", "Expires": at(30)},
            (0, "max-age"),
            (0, "max-age"),
            marks=pytest.mark.requirement("9111-4.2.1-07", "9111-5.3-02"),
            id="an unusable max-age does not give way to Expires",
        ),
        pytest.param(
            {"Cache-Control": "max-age=0", "Expires": at(30)},
            (0, "max-age"),
            (0, "max-age"),
            marks=pytest.mark.requirement("9111-5.3-02"),
            id="max-age of nothing does not give way to Expires",
        ),
    ],
)
def test_the_lifetime_comes_from_the_first_source_there_is(
    lines: Any, private: tuple[float, str], shared: tuple[float, str]
) -> None:
    assert lifetime(lines) == private
    assert lifetime(lines, SHARED) == shared


@pytest.mark.requirement("9111-5.3-01", "9111-4.2-06", "9111-4.2.1-07")
@pytest.mark.parametrize("value", ["0", "-1", "", "now", "Sun, 09 Sep 2001 01:50:00 EST", "Sun, 09 Sep 2001 01:50:00"])
def test_an_expires_that_is_no_date_has_passed(value: str) -> None:
    assert lifetime({"Expires": value, "Date": at(0)}) == (0, "expires")


@pytest.mark.requirement("9111-4.2-03")
def test_an_expires_is_read_whatever_its_case() -> None:
    assert lifetime({"Expires": at(60).upper(), "Date": at(0).lower()}) == (60, "expires")


@pytest.mark.requirement("9111-4.2.1-05")
@pytest.mark.parametrize("second", [at(60), at(30), "0"])
def test_expires_on_several_lines_has_passed(second: str) -> None:
    assert lifetime([("Expires", at(60)), ("Expires", second), ("Date", at(0))]) == (0, "expires")


@pytest.mark.requirement("9111-5.3-05")
def test_an_expires_at_the_end_of_time_does_no_harm() -> None:
    seconds, source = lifetime({"Expires": "Fri, 31 Dec 9999 23:59:59 GMT", "Date": at(0)})
    assert source == "expires"
    assert 252e9 < seconds < 2**63


@pytest.mark.requirement("9111-4.2-05")
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "XXX-14", "XXX+12"])
def test_the_time_zone_of_the_machine_does_not_matter(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(time, "tzset"):
        pytest.skip("there is no tzset() here")
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert lifetime({"Expires": at(60), "Date": at(0)}) == (60, "expires")
        assert date_value(Headers({"Date": at(-5)}), NOW) == NOW - 5
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_expires_with_two_digits_of_a_year_is_read_by_date() -> None:
    assert lifetime({"Expires": "Sunday, 09-Sep-01 01:47:40 GMT", "Date": at(0)}) == (60, "expires")


# --- RFC 9111 §4.2.2

MODIFIED = {"Last-Modified": at(-1000), "Date": at(0)}


@pytest.mark.requirement("9111-4.2.2-01", "9111-4.2.2-04", "9111-4.2.1-04")
def test_a_tenth_of_the_time_since_last_modified_is_the_estimate() -> None:
    assert lifetime(MODIFIED) == (100, "heuristic")
    assert lifetime(MODIFIED, SHARED) == (100, "heuristic")
    assert lifetime(MODIFIED, Policy(heuristic_fraction=0.05)) == (50, "heuristic")


def test_the_estimate_is_capped() -> None:
    old = {"Last-Modified": at(-100 * DAY), "Date": at(0)}
    assert lifetime(old) == (DAY, "heuristic")
    assert lifetime(old, Policy(heuristic_cap=60)) == (60, "heuristic")


def test_the_estimate_counts_from_date_and_else_from_receipt() -> None:
    assert lifetime({"Last-Modified": at(-1000), "Date": at(-500)})[0] == 50
    assert lifetime({"Last-Modified": at(-1000)})[0] == 100


@pytest.mark.parametrize(
    ("lines", "policy"),
    [
        pytest.param(MODIFIED, UNGUESSED, id="heuristics off"),
        pytest.param(MODIFIED, Policy.gateway(), id="a gateway"),
        pytest.param({"Date": at(0)}, PRIVATE, id="no Last-Modified"),
        pytest.param({"Last-Modified": "once", "Date": at(0)}, PRIVATE, id="a Last-Modified that is no date"),
        pytest.param({"Last-Modified": at(1), "Date": at(0)}, PRIVATE, id="a Last-Modified after Date"),
        pytest.param(MODIFIED | {"Cache-Control": "must-revalidate"}, PRIVATE, id="must-revalidate"),
        pytest.param(MODIFIED | {"Pragma": "No-Cache"}, PRIVATE, id="Pragma without Cache-Control"),
    ],
)
def test_there_is_no_estimate(lines: Any, policy: Policy) -> None:
    assert lifetime(lines, policy) == (0, "none")


@pytest.mark.requirement("9111-5.4-02")
def test_pragma_beside_cache_control_means_nothing() -> None:
    assert lifetime(MODIFIED | {"Pragma": "no-cache", "Cache-Control": "x"}) == (100, "heuristic")
    assert lifetime(MODIFIED | {"Pragma": "no-cache", "Cache-Control": "max-age=5"}) == (5, "max-age")
    assert lifetime(MODIFIED | {"Pragma": "x"}) == (100, "heuristic")


def test_the_moment_of_the_last_modification_gives_an_estimate_of_nothing() -> None:
    assert lifetime({"Last-Modified": at(0), "Date": at(0)}) == (0, "heuristic")


@pytest.mark.requirement("9111-4.2.2-02")
@pytest.mark.parametrize(
    "stated",
    [{"Expires": "0"}, {"Expires": at(-100)}, {"Cache-Control": "max-age=0"}, {"Cache-Control": "max-age=?"}],
    ids=["malformed Expires", "past Expires", "no time", "malformed max-age"],
)
def test_a_stated_expiry_leaves_no_room_for_an_estimate(stated: dict[str, str]) -> None:
    assert lifetime(MODIFIED | stated)[0] == 0
    assert lifetime(MODIFIED | stated)[1] in ("expires", "max-age")


@pytest.mark.requirement("9111-4.2.2-03", "9110-15.1-01", "7725-3-01", "8470-5.2-01")
def test_an_estimate_needs_a_status_that_allows_it() -> None:
    allowed = {200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 451, 501}
    assert {status for status in range(200, 600) if lifetime(MODIFIED, status=status)[0]} == allowed


@pytest.mark.requirement("9111-4.2.2-03", "9111-5.2.2.9-02")
@pytest.mark.parametrize("status", [201, 302, 403, 425, 500])
def test_public_allows_an_estimate_whatever_the_status(status: int) -> None:
    assert lifetime(MODIFIED | {"Cache-Control": "public"}, status=status) == (100, "heuristic")


# --- RFC 9111 §4.2.3, §5.1


@pytest.mark.requirement("9111-4.2.3-01", "9111-5.1-01", "9111-5.1-02")
@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        pytest.param([], 0, id="none"),
        pytest.param([("Age", "7")], 7, id="one"),
        pytest.param([("Age", "7, 9")], 7, id="the first of a line"),
        pytest.param([("Age", "7 , x")], 7, id="the first of a line, with space behind it"),
        pytest.param([("Age", "7"), ("Age", "9")], 7, id="the first line"),
        pytest.param([("Age", "x, 9")], 0, id="the first is no number"),
        pytest.param([("Age", "-7")], 0, id="negative"),
        pytest.param([("Age", "7.5")], 0, id="a fraction"),
        pytest.param([("Age", '"7"')], 0, id="quoted"),
        pytest.param([("Age", "")], 0, id="empty"),
        pytest.param([("Age", "٧")], 0, id="other people's digits"),
        pytest.param([("Age", "9" * 5000)], 2147483648, id="more than anything"),
    ],
)
def test_age_is_its_first_value_if_that_is_a_number(lines: Any, seconds: int) -> None:
    assert age_value(Headers(lines)) == seconds


@pytest.mark.parametrize(
    ("lines", "asked", "seconds"),
    [
        pytest.param({"Date": at(0)}, 0, 0, id="brand new"),
        pytest.param(
            {"Date": at(-10)}, 0, 10, marks=pytest.mark.requirement("9111-4.2.3-02"), id="Date alone: apparent age"
        ),
        pytest.param(
            {"Date": at(10)},
            0,
            0,
            marks=pytest.mark.requirement("9111-4.2.3-02"),
            id="a Date ahead",
        ),
        pytest.param(
            {"Date": at(0), "Age": "7"},
            0,
            7,
            marks=pytest.mark.requirement("9111-4.2.3-01", "9111-4.2.3-04"),
            id="Age alone",
        ),
        pytest.param(
            {"Date": at(0), "Age": "7"},
            3,
            10,
            marks=pytest.mark.requirement("9111-4.2.3-03"),
            id="Age and the time on the way",
        ),
        pytest.param(
            {"Date": at(0)}, 3, 3, marks=pytest.mark.requirement("9111-4.2.3-03"), id="the time on the way alone"
        ),
        pytest.param(
            {"Date": at(-20), "Age": "7"},
            3,
            20,
            marks=pytest.mark.requirement("9111-4.2.3-04"),
            id="the greater one is the apparent age",
        ),
        pytest.param(
            {"Date": at(-5), "Age": "7"},
            3,
            10,
            marks=pytest.mark.requirement("9111-4.2.3-04"),
            id="the greater one is the corrected age",
        ),
        pytest.param({"Age": "7"}, -3, 7, id="a clock that was set back makes nothing younger"),
    ],
)
def test_the_initial_age(lines: Any, asked: float, seconds: float) -> None:
    headers = Headers(lines)
    assert corrected_initial_age(headers, date_value(headers, NOW), NOW - asked, NOW) == seconds


@pytest.mark.requirement("9111-4.2.3-04")
def test_where_age_is_trusted_date_does_not_count() -> None:
    headers = Headers({"Date": at(-20), "Age": "7"})
    assert corrected_initial_age(headers, NOW - 20, NOW - 1, NOW, trust_age=True) == 8


@pytest.mark.requirement("9110-6.6.1-02")
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param({}, NOW, id="missing"),
        pytest.param({"Date": "0"}, NOW, id="invalid"),
        pytest.param({"Date": at(-5)}, NOW - 5, id="valid"),
        pytest.param({"Date": at(5)}, NOW + 5, id="ahead"),
    ],
)
def test_date_is_the_time_of_receipt_where_it_is_not_usable(lines: Any, expected: float) -> None:
    assert date_value(Headers(lines), NOW) == expected


VALUES = st.one_of(st.text(max_size=20), st.sampled_from([at(0), at(60), "60", "max-age=60", "public", "no-cache"]))


@given(
    st.lists(
        st.tuples(st.sampled_from(["Cache-Control", "Expires", "Date", "Age", "Last-Modified", "Pragma"]), VALUES),
        max_size=6,
    ),
    st.integers(100, 599),
    st.booleans(),
)
def test_whatever_the_fields_say_the_figures_are_sound(lines: Any, status: int, shared: bool) -> None:
    headers = Headers(lines)
    seconds, source = lifetime(lines, SHARED if shared else PRIVATE, status)
    assert 0 <= seconds < 2**63
    assert source in ("none", "heuristic", "expires", "max-age", "s-maxage")
    date = date_value(headers, NOW)
    age = corrected_initial_age(headers, date, NOW - 1, NOW)
    assert 1 <= age < 2**63
    assert corrected_initial_age(headers, date, NOW - 1, NOW, trust_age=True) <= age
