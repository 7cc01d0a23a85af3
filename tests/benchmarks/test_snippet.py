"""The floor is worth comparing with only if it answers as the rules do, in the cases that it knows."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import snippet

from cachespec import Entry, Policy, Request, Response, assess, decide, format_date

NOW = 1_700_000_000.0
URL = "http://example.test/"
POLICY = {shared: Policy(shared=shared) for shared in (False, True)}
SAID = (
    *("", "max-age=60", "max-age=0", "public, max-age=60", "no-store", "private, max-age=60", "no-cache, max-age=60"),
    *("s-maxage=5, max-age=60", "max-age=1, stale-while-revalidate=30", "max-age=1, must-revalidate"),
    *('max-age=60, extension="no-store, private"', "max-age=1, stale-while-revalidate=30, must-revalidate"),
)
ASKED = ("", "no-cache", "max-age=5", "max-stale", "max-stale=5", "min-fresh=50", "no-store")
FURTHER = (
    {},
    {"ETag": '"a"'},
    {"Last-Modified": format_date(NOW - 1000), "ETag": '"a"'},
    {"Expires": format_date(NOW + 30), "ETag": '"a"'},
    {"Expires": "0", "Last-Modified": format_date(NOW - 1000)},
    {"Age": "20", "ETag": '"a"'},
    {"Vary": "Accept, Accept-Language", "ETag": '"a"'},
)
SAME = {
    snippet.Decision.USE: {"fresh", "max-stale"},
    snippet.Decision.USE_AND_REFRESH: {"stale-while-revalidate"},
    snippet.Decision.VALIDATE: {
        *("stale", "no-cache", "request-no-cache", "request-max-age", "min-fresh", "must-revalidate")
    },
}


def lines(fields: dict[str, str], control: str) -> list[tuple[str, str]]:
    return [*fields.items(), *([("Cache-Control", control)] if control else [])]


@pytest.mark.parametrize("shared", [False, True], ids=["private", "shared"])
@pytest.mark.parametrize("age", [0.0, 10.0, 100.0], ids=["at once", "soon", "late"])
def test_the_snippet_and_the_rules_agree(shared: bool, age: float) -> None:
    compared = 0
    for said, asked, further, status in product(SAID, ASKED, FURTHER, (200, 404, 206, 500)):
        request = [("Accept", "*/*"), *lines({}, asked)]
        response = [("Date", format_date(NOW)), *lines(further, said)]
        kept = snippet.store("GET", request, status, response, shared=shared, sent=NOW, received=NOW)
        entry = assess(
            Request("GET", URL, request),
            Response(status, response),
            POLICY[shared],
            request_time=NOW,
            response_time=NOW,
        )
        if kept is None:
            assert not isinstance(entry, Entry) or not (said or further), (said, asked, further, status)
            continue
        if not isinstance(entry, Entry):
            # What nothing can ever use; the snippet keeps it.
            assert entry.code == "useless", (entry, said, asked, further, status)
            assert not kept.etag
            assert not kept.last_modified
            continue
        assert entry.lifetime == pytest.approx(kept.lifetime)
        found = snippet.decide(kept, "GET", snippet.combined(request), NOW + age)
        verdict = decide(Request("GET", URL, request), entry, POLICY[shared], NOW + age)
        assert verdict.code in SAME[found], (said, asked, further, status, found, verdict)
        compared += 1
    assert compared > 500


def test_another_variant_is_none_of_ours() -> None:
    kept = snippet.store(
        "GET",
        [("Accept", "a")],
        200,
        [("Cache-Control", "max-age=9"), ("Vary", "accept")],
        shared=True,
        sent=0,
        received=0,
    )
    assert kept is not None
    assert snippet.decide(kept, "GET", {"accept": "b"}, 1.0) is snippet.Decision.OTHER
    assert snippet.decide(kept, "HEAD", {"accept": "a"}, 1.0) is snippet.Decision.OTHER
    assert snippet.decide(kept, "GET", {"accept": "a"}, 1.0) is snippet.Decision.USE


def test_dates_that_are_none_are_none() -> None:
    assert snippet.http_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777
    assert snippet.http_date("Sun, 06 Foo 1994 08:49:37 GMT") is None
    assert snippet.http_date("yesterday") is None


def test_the_snippet_is_short() -> None:
    assert len(Path(snippet.__file__).read_text(encoding="utf-8").splitlines()) <= 220
