from __future__ import annotations

import locale
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachespec.dates import format_date, parse_date

EXAMPLE = 784111777  # The three examples of RFC 9110 §5.6.7 are this moment.
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

moments = st.integers(int(FIRST.timestamp()), int(LAST.timestamp()))


def moment(year: int, month: int = 1, day: int = 1, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())


NOW = moment(2026, 11, 21, 12)


@pytest.mark.requirement("9110-5.6.7-01", "9110-5.6.7-03")
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT", id="IMF-fixdate"),
        pytest.param("Sunday, 06-Nov-94 08:49:37 GMT", id="RFC 850"),
        pytest.param("Sun Nov  6 08:49:37 1994", id="asctime"),
        pytest.param("Sun Nov 06 08:49:37 1994", id="asctime with a leading zero"),
    ],
)
def test_the_three_forms_are_read_as_utc(value: str) -> None:
    assert parse_date(value, NOW) == EXAMPLE


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("sun, 06 nOV 1994 08:49:37 gmt", id="IMF-fixdate"),
        pytest.param("SUNDAY, 06-NOV-94 08:49:37 Gmt", id="RFC 850"),
        pytest.param("sUN nov  6 08:49:37 1994", id="asctime"),
    ],
)
def test_letter_case_does_not_matter(value: str) -> None:
    assert parse_date(value, NOW) == EXAMPLE


@pytest.mark.parametrize("day", DAYS)
def test_any_weekday_is_taken_whether_or_not_it_fits_the_day(day: str) -> None:
    assert parse_date(f"{day[:3]}, 06 Nov 1994 08:49:37 GMT", NOW) == EXAMPLE
    assert parse_date(f"{day}, 06-Nov-94 08:49:37 GMT", NOW) == EXAMPLE
    assert parse_date(f"{day[:3]} Nov  6 08:49:37 1994", NOW) == EXAMPLE


@pytest.mark.requirement("9110-5.6.7-05")
@pytest.mark.parametrize(
    "value",
    [
        "",
        "0",
        "-1",
        "784111777",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 01994 08:49:37 GMT",
        "Sun 06 Nov 1994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun,  06 Nov 1994 08:49:37 GMT",
        "Sun, 06  Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994  08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37  GMT",
        "Sun, 06\tNov 1994 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08.49.37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun,  6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 GMT+1",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT\n",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "06 Nov 1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Foo, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 November 1994 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 6-Nov-94 08:49:37 GMT",
        "Sunday, 06 Nov 94 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 UTC",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov   6 08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov  6 08:49:37 GMT 1994",
        "Sunday Nov  6 08:49:37 1994",
        "1994-11-06T08:49:37Z",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
        "ſun, 06 Nov 1994 08:49:37 GMT",
    ],
)
def test_what_the_grammar_does_not_allow_is_no_date(value: str) -> None:
    assert parse_date(value, NOW) is None


@pytest.mark.parametrize(
    ("date", "time"),
    [
        ("00 Jan 2026", "00:00:00"),
        ("32 Jan 2026", "00:00:00"),
        ("31 Apr 2026", "00:00:00"),
        ("30 Feb 2024", "00:00:00"),
        ("29 Feb 2026", "00:00:00"),
        ("29 Feb 1900", "00:00:00"),
        ("01 Jan 0000", "00:00:00"),
        ("29 Feb 0000", "00:00:00"),
        ("01 Jan 2026", "24:00:00"),
        ("01 Jan 2026", "00:60:00"),
        ("01 Jan 2026", "00:00:61"),
    ],
)
def test_a_moment_that_does_not_exist_is_no_date(date: str, time: str) -> None:
    assert parse_date(f"Thu, {date} {time} GMT", NOW) is None


def test_a_leap_day_is_a_day_in_leap_years_only() -> None:
    assert parse_date("Thu, 29 Feb 2024 00:00:00 GMT", NOW) == moment(2024, 2, 29)
    assert parse_date("Tue, 29 Feb 2000 00:00:00 GMT", NOW) == moment(2000, 2, 29)
    assert parse_date("Thu Feb 29 00:00:00 2024", NOW) == moment(2024, 2, 29)


def test_a_leap_second_is_the_first_second_of_the_next_minute() -> None:
    assert parse_date("Sat, 31 Dec 2016 23:59:60 GMT", NOW) == moment(2017)
    assert parse_date("Saturday, 31-Dec-16 23:59:60 GMT", NOW) == moment(2017)


def test_a_date_may_be_before_1970() -> None:
    assert parse_date("Mon, 01 Jan 0001 00:00:00 GMT", NOW) == moment(1)
    assert parse_date("Wed, 31 Dec 1969 23:59:59 GMT", NOW) == -1


@pytest.mark.requirement("9110-5.6.7-04")
@pytest.mark.parametrize(
    ("value", "now", "expected"),
    [
        pytest.param("26-Nov-21 12:00:00", NOW, moment(2021, 11, 26, 12), id="of this century"),
        pytest.param("21-Nov-27 00:00:00", NOW, moment(2027, 11, 21), id="ahead"),
        pytest.param("21-Nov-76 12:00:00", NOW, moment(2076, 11, 21, 12), id="exactly fifty years ahead"),
        pytest.param("21-Nov-76 12:00:01", NOW, moment(1976, 11, 21, 12, 0, 1), id="fifty years and a second ahead"),
        pytest.param("22-Nov-76 00:00:00", NOW, moment(1976, 11, 22), id="fifty years and a day ahead"),
        pytest.param("01-Dec-76 00:00:00", NOW, moment(1976, 12, 1), id="fifty years and a month ahead"),
        pytest.param("31-Oct-76 23:00:00", NOW, moment(2076, 10, 31, 23), id="less than fifty years ahead"),
        pytest.param("01-Jan-77 00:00:00", NOW, moment(1977), id="in the year after"),
        pytest.param("01-Jan-99 00:00:00", NOW, moment(1999), id="of the last century"),
        pytest.param("01-Jan-69 00:00:00", NOW, moment(2069), id="beyond the pivot of POSIX"),
        pytest.param("01-Jan-10 00:00:00", moment(2090), moment(2110), id="of the next century"),
        pytest.param("01-Jan-69 00:00:00", moment(1970), moment(1969), id="seen from 1970"),
        pytest.param("29-Feb-00 00:00:00", NOW, moment(2000, 2, 29), id="leap day"),
        pytest.param("29-Feb-76 00:00:00", moment(2026, 2, 28, 23), moment(1976, 2, 29), id="leap day ahead"),
        pytest.param("29-Feb-25 00:00:00", NOW, None, id="no leap year"),
        pytest.param("29-Feb-00 00:00:00", moment(2060), None, id="no leap year in the next century"),
    ],
)
def test_a_two_digit_year_is_read_by_a_window_of_fifty_years(value: str, now: float, expected: int | None) -> None:
    assert parse_date(f"Monday, {value} GMT", now) == expected


@pytest.mark.requirement("9110-5.6.7-04")
@given(moments.filter(lambda seconds: seconds > moment(200)), st.integers(-49, 49))
def test_a_two_digit_year_within_fifty_years_is_found(now: int, years: int) -> None:
    then = datetime.fromtimestamp(now, UTC)
    if 200 < then.year + years < 9950:
        then = then.replace(year=then.year + years, day=min(then.day, 28))
        value = f"Monday, {then:%d}-{then:%b}-{then.year % 100:02} {then:%H:%M:%S} GMT"
        assert parse_date(value, now) == int(then.timestamp())


@pytest.mark.requirement("9110-5.6.7-02")
@given(moments)
def test_a_date_is_written_as_imf_fixdate_and_read_back(seconds: int) -> None:
    then = datetime.fromtimestamp(seconds, UTC)
    assert format_date(seconds) == f"{DAYS[then.weekday()][:3]}, {then:%d} {then:%b} {then.year:04} {then:%H:%M:%S} GMT"
    assert parse_date(format_date(seconds), 0) == seconds


@given(st.integers(-(10**6), 10**6), st.floats(0, 1, exclude_max=True))
def test_fractions_of_a_second_are_dropped(seconds: int, fraction: float) -> None:
    assert format_date(seconds + fraction) == format_date(math.floor(seconds + fraction))


def test_half_a_second_before_1970_is_a_moment_of_1969() -> None:
    assert format_date(-0.5) == "Wed, 31 Dec 1969 23:59:59 GMT"


@pytest.mark.parametrize("seconds", [-math.inf, -1e30, FIRST.timestamp() - 1])
def test_a_moment_before_the_first_year_is_written_as_its_beginning(seconds: float) -> None:
    assert format_date(seconds) == "Mon, 01 Jan 0001 00:00:00 GMT"


@pytest.mark.parametrize("seconds", [math.inf, 1e30, LAST.timestamp() + 1])
def test_a_moment_after_the_last_year_is_written_as_its_end(seconds: float) -> None:
    assert format_date(seconds) == "Fri, 31 Dec 9999 23:59:59 GMT"


@given(st.text() | st.from_regex(r"\A(?:[A-Za-z]{3,9}),? [0-9]{2}[ -][A-Za-z]{3}[ -][0-9]{2,4} [0-9:]{8} GMT\Z"))
def test_no_value_raises(value: str) -> None:
    assert parse_date(value, NOW) is None or isinstance(parse_date(value, NOW), int)


def test_the_locale_does_not_matter() -> None:
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, "")
        assert format_date(EXAMPLE) == "Sun, 06 Nov 1994 08:49:37 GMT"
        assert parse_date("Sun, 06 Nov 1994 08:49:37 GMT", NOW) == EXAMPLE
    finally:
        locale.setlocale(locale.LC_ALL, before)
