"""HTTP-date: the one form that is sent, the three that are read.  RFC 9110 §5.6.7

One parser for every date field.  It is strict (D12): what the grammar does not allow is no date at all, for a lenient
reader makes a stale response fresh.  Tolerated beyond the letter are letter case and a weekday that does not fit
the day.  Plain arithmetic on the proleptic Gregorian calendar: `strptime` obeys the locale, `datetime` ends
before year 10000, the platform's `gmtime` may refuse a time before 1970.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import floor
from typing import Final

# The calendar is reckoned in years that begin with March, so that a leap day is the last day of its year.
# Of each month: its number, its length at most, and the days from 1970-01-01 to the day before it, in year 0.
_MONTHS: Final = {
    "jan": (1, 31, 306 - 719469),
    "feb": (2, 29, 337 - 719469),
    "mar": (3, 31, 0 - 719469),
    "apr": (4, 30, 31 - 719469),
    "may": (5, 31, 61 - 719469),
    "jun": (6, 30, 92 - 719469),
    "jul": (7, 31, 122 - 719469),
    "aug": (8, 31, 153 - 719469),
    "sep": (9, 30, 184 - 719469),
    "oct": (10, 31, 214 - 719469),
    "nov": (11, 30, 245 - 719469),
    "dec": (12, 31, 275 - 719469),
}
_MONTH_NAMES: Final = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY_NAMES: Final = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")  # 1970-01-01 was a Thursday.
_TWO_DIGITS: Final = tuple([f"{number:02}" for number in range(61)])
# Looking them up takes a third of the time of int().
_NUMBERS: Final = {digits: number for number, digits in enumerate(_TWO_DIGITS)}

# year = 4DIGIT: the first and the last second that can be written (year 0 is none, D12).
_FIRST: Final = -62135596800
_LAST: Final = 253402300799

FIXED: Final = 29
"""Characters of every IMF-fixdate, and of no date in another form."""

_MONTH: Final = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
# second = 2DIGIT, of which 60 is a leap second.
_TIME: Final = "([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)"
# ASCII, because without it IGNORECASE also takes U+017F for "s".
_FLAGS: Final = re.ASCII | re.IGNORECASE

# IMF-fixdate = day-name "," SP date1 SP time-of-day SP GMT
#   date1     = day SP month SP year                            ; such as 02 Jun 1982
_IMF_FIXDATE: Final = re.compile(
    rf"(?:mon|tue|wed|thu|fri|sat|sun), ([0-9]{{2}}) {_MONTH} ([0-9]{{4}}) {_TIME} gmt\Z", _FLAGS
)
# rfc850-date = day-name-l "," SP date2 SP time-of-day SP GMT
#   date2     = day "-" month "-" 2DIGIT                        ; such as 02-Jun-82
_RFC850_DATE: Final = re.compile(
    rf"(?:mon|tues|wednes|thurs|fri|satur|sun)day, ([0-9]{{2}})-{_MONTH}-([0-9]{{2}}) {_TIME} gmt\Z", _FLAGS
)
# asctime-date = day-name SP date3 SP time-of-day SP year
#   date3      = month SP ( 2DIGIT / ( SP 1DIGIT ) )            ; such as Jun  2
_ASCTIME_DATE: Final = re.compile(
    rf"(?:mon|tue|wed|thu|fri|sat|sun) {_MONTH} ([0-9]{{2}}| [0-9]) {_TIME} ([0-9]{{4}})\Z", _FLAGS
)


def parse_date(value: str, now: float) -> int | None:
    """The moment that an HTTP-date names, in seconds since 1970 UTC, or None for what is no HTTP-date.

    `now`, in the same seconds, is what the two-digit year of an rfc850-date is read by; nothing else depends on it.
    """
    if len(value) == FIXED:
        return _fixdate(value)
    if found := _RFC850_DATE.match(value):
        day, month, year, hour, minute, second = found.groups()
        # A moment that appears to be more than 50 years ahead is of the latest past year with the same two digits.
        # Exactly 50 years ahead is still ahead (D12).
        this_year, this_month, today, time = _calendar(now)
        full_year = (this_year + 50) // 100 * 100 + int(year)
        moment = (full_year, _MONTHS[month.lower()][0], int(day), _time(hour, minute, second))
        if moment > (this_year + 50, this_month, today, time):
            full_year -= 100
        return _seconds(full_year, month, int(day), hour, minute, second)
    if found := _ASCTIME_DATE.match(value):
        # It names no zone; it is in UTC like the others.
        month, day, hour, minute, second, year = found.groups()
        return _seconds(int(year), month, int(day), hour, minute, second)
    return None


@lru_cache(maxsize=256)
def _fixdate(value: str) -> int | None:
    """The moment that an IMF-fixdate names.  What was sent in one second has the same Date."""
    found = _IMF_FIXDATE.match(value)
    if found is None:
        return None
    day, month, year, hour, minute, second = found.groups()
    return _seconds(int(year), month, int(day), hour, minute, second)


def format_date(seconds: float) -> str:
    """`seconds` since 1970 UTC as an IMF-fixdate, fractions dropped; held to the years 1 to 9999, which it can name."""
    seconds = min(max(seconds, _FIRST), _LAST)
    year, month, day, time = _calendar(seconds)
    minutes, second = divmod(time, 60)
    hour, minute = divmod(minutes, 60)
    two = _TWO_DIGITS
    return (
        f"{_DAY_NAMES[floor(seconds) // 86400 % 7]}, {two[day]} {_MONTH_NAMES[month]} {year:04}"
        f" {two[hour]}:{two[minute]}:{two[second]} GMT"
    )


def _seconds(year: int, month: str, day: int, hour: str, minute: str, second: str) -> int | None:
    """Seconds from 1970 to a moment, or None if there is no such day."""
    number, length, days = _MONTHS[month.lower()]
    if not 1 <= day <= length or year == 0:
        return None
    if number <= 2:
        if day == 29 and number == 2 and (year % 4 or (year % 100 == 0 and year % 400)):
            return None
        year -= 1
    days += 365 * year + year // 4 - year // 100 + year // 400 + day
    return days * 86400 + _time(hour, minute, second)


def _time(hour: str, minute: str, second: str) -> int:
    """Seconds since midnight; a leap second is the first second of the next minute."""
    return _NUMBERS[hour] * 3600 + _NUMBERS[minute] * 60 + _NUMBERS[second]


def _calendar(seconds: float) -> tuple[int, int, int, int]:
    """The year, month, day and second of the day of a moment in seconds since 1970 UTC."""
    days, time = divmod(floor(seconds), 86400)
    # The Gregorian calendar repeats every 400 years, 146097 days; the last day of each 400 years is a leap day.
    eras, day = divmod(days + 719468, 146097)
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    # From March, five months have 153 days, again and again.
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5
    year += eras * 400
    return (year, month + 3, day + 1, time) if month < 10 else (year + 1, month - 9, day + 1, time)
