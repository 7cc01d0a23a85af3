"""What header fields mean, in words."""

from __future__ import annotations

import pytest

from cachespec import Policy, Request, Response
from cachespec.explain import duration, explain

NOW = 1_800_000_000.0
DATE = ("Date", "Fri, 15 Jan 2027 08:00:00 GMT")
SHARED = Policy(shared=True, credentials="rfc")


def said(*lines: tuple[str, str], policy: Policy = SHARED, status: int = 200) -> str:
    return "\n".join(explain(Request("GET", "https://example.com/"), Response(status, (DATE, *lines)), policy, NOW))


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            [("Cache-Control", "max-age=60")],
            "It is fresh for 60 seconds (1 minute), for max-age says so (RFC 9111 §5.2.2.1).",
        ),
        ([("Cache-Control", "s-maxage=1, max-age=60")], "It is fresh for 1 second, for s-maxage says so"),
        ([("Cache-Control", "s-maxage=1")], "No client's max-stale makes a shared cache use it stale"),
        ([("Expires", "Fri, 15 Jan 2027 09:30:00 GMT")], "fresh for 5400 seconds (1.5 hours), for Expires says so"),
        (
            [("Last-Modified", "Tue, 05 Jan 2027 08:00:00 GMT")],
            "fresh for 86400 seconds (1 day), for nothing says, and",
        ),
        ([("ETag", '"a"'), ("Cache-Control", "public, must-revalidate")], "nothing says how long"),
        ([("ETag", '"a"'), ("Cache-Control", "no-cache")], "validated before every use all the same"),
        ([("Cache-Control", "max-age=9"), ("ETag", '"a"')], 'validated with If-None-Match: "a"'),
        ([("Cache-Control", "max-age=9"), ("Last-Modified", DATE[1])], "validated with If-Modified-Since: Fri, 15"),
        ([("Cache-Control", "max-age=9")], "It has no validator: once stale it is fetched anew"),
        ([("Cache-Control", "max-age=9, must-revalidate")], "It is never used stale, whatever asks for it"),
        ([("Cache-Control", "max-age=9, stale-while-revalidate=30")], "for 30 seconds more while it is refreshed"),
        ([("Cache-Control", "max-age=9, stale-if-error=30")], "for 30 seconds more if the server fails (RFC 5861 §4)"),
        ([("Cache-Control", "max-age=9, immutable"), ("Content-Length", "1")], "not even a reload need validate it"),
        ([("Cache-Control", "max-age=9"), ("Vary", "Accept, Cookie")], "the same accept, cookie (RFC 9111 §4.1)."),
        ([("Cache-Control", "max-age=9"), ("Cache-Groups", '"news"')], "It belongs to news and is invalidated"),
        (
            [("Cache-Control", "max-age=60"), ("Age", "20")],
            "20 seconds old already (RFC 9111 §4.2.3), which leaves 40 seconds.",
        ),
        (
            [("Cache-Control", "max-age=60"), ("Age", "90")],
            "90 seconds (1.5 minutes) old already, and so it arrives stale",
        ),
        ([("Cache-Control", "private, max-age=60")], "A shared cache may not store it. The response is private"),
    ],
    ids=str,
)
def test_a_clause_is_told(lines: list[tuple[str, str]], sentence: str) -> None:
    assert sentence in said(*lines)


def test_a_private_cache_is_another() -> None:
    assert said(("Cache-Control", "private, max-age=60"), policy=Policy()).startswith("A private cache may store it.")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (1.9, "1 second"),
        (59, "59 seconds"),
        (90, "90 seconds (1.5 minutes)"),
        (7200, "7200 seconds (2 hours)"),
        (31536000, "31536000 seconds (365 days)"),
        (float("inf"), "ever"),
    ],
)
def test_a_duration_is_told_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text
