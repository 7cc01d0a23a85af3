from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachespec import Entry, Headers, Policy, Request, Response, Verdict, Wish, assess, may_store, storing
from cachespec.dates import format_date
from cachespec.directives import ResponseDirectives
from cachespec.freshness import sent_date
from cachespec.policy import HEURISTICALLY_CACHEABLE, Override
from cachespec.storing import BEARING, FORBIDDEN, stored_headers

NOW = 1_000_000_000.0
URL = "https://example.com/a"
PRIVATE = Policy(heuristics=False)
SHARED = Policy(shared=True, heuristics=False)
GATEWAY = Policy.gateway()
BOTH = pytest.mark.parametrize("policy", [PRIVATE, SHARED], ids=["private", "shared"])

FRESH = {"Cache-Control": "max-age=60"}
VALIDATED = {"ETag": '"a"'}


def judge(
    response: Any = FRESH,
    policy: Policy = PRIVATE,
    *,
    status: int = 200,
    request: Any = (),
    method: str = "GET",
    url: str = URL,
    wish: Wish | None = None,
) -> Entry | Verdict:
    return assess(
        Request(method, url, request),
        Response(status, response),
        policy,
        request_time=NOW - 1,
        response_time=NOW,
        wish=wish or Wish(),
    )


def code(*args: Any, **options: Any) -> str:
    """The code of the verdict, "stored" if there is none."""
    judged = judge(*args, **options)
    return judged.code if isinstance(judged, Verdict) else "stored"


def entry(*args: Any, **options: Any) -> Entry:
    judged = judge(*args, **options)
    assert isinstance(judged, Entry), judged
    return judged


def test_the_public_question_has_the_same_answer() -> None:
    times = {"request_time": NOW - 1, "response_time": NOW}
    assert may_store(Request("GET", URL), Response(200, FRESH), PRIVATE, **times).code == "storable"
    assert may_store(Request("PUT", URL), Response(200, FRESH), PRIVATE, **times).code == "method"


# --- RFC 9111 §3: method and status


@BOTH
@pytest.mark.parametrize(
    "method",
    [
        pytest.param("GET", id="GET"),
        pytest.param("get", marks=pytest.mark.requirement("9110-9.1-01", "9111-3-01"), id="get"),
        pytest.param("HEAD", marks=pytest.mark.requirement("9110-9.3.2-01"), id="HEAD"),
        pytest.param("POST", marks=pytest.mark.requirement("9110-9.3.3-01"), id="POST"),
        pytest.param("PUT", marks=pytest.mark.requirement("9110-9.3.4-01"), id="PUT"),
        pytest.param("DELETE", marks=pytest.mark.requirement("9110-9.3.5-01"), id="DELETE"),
        pytest.param("OPTIONS", marks=pytest.mark.requirement("9110-9.3.7-01"), id="OPTIONS"),
        pytest.param("TRACE", marks=pytest.mark.requirement("9110-9.3.8-01"), id="TRACE"),
        pytest.param("CONNECT", marks=pytest.mark.requirement("9111-1-01"), id="CONNECT"),
        pytest.param("PATCH", marks=pytest.mark.requirement("5789-2-01"), id="PATCH"),
        pytest.param("QUERY", id="QUERY"),
        pytest.param("BREW", marks=pytest.mark.requirement("9111-3-01", "9111-3-09", "9110-9.2.3-01"), id="BREW"),
    ],
)
def test_of_all_methods_get_alone_is_stored_unless_the_policy_says_more(method: str, policy: Policy) -> None:
    lines = {"Cache-Control": "public, max-age=60", "Content-Location": URL, "ETag": '"a"'}
    assert code(lines, policy, method=method) == ("stored" if method == "GET" else "method")


@pytest.mark.requirement("10008-2.7-01")
def test_what_a_query_found_is_stored_where_the_policy_says_so() -> None:
    policy = Policy(methods=frozenset({"GET", "QUERY"}))
    assert entry(FRESH, policy, method="QUERY").method == "QUERY"
    assert code(FRESH, policy, method="POST") == "method"


def test_what_a_post_found_is_stored_where_its_content_is_part_of_the_key() -> None:
    policy = Policy(methods=frozenset({"GET", "POST"}), body_in_key=True)
    assert entry(FRESH, policy, method="POST").method == "POST"
    assert entry(FRESH, PRIVATE, method="POST", wish=Wish(body_in_key=True)).method == "POST"


@pytest.mark.requirement("9110-9.3.3-01", "9110-8.7-01", "9110-9.3.3-02")
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(FRESH | {"Content-Location": URL}, "stored", id="fresh, and its own"),
        pytest.param(FRESH | {"Content-Location": "/a"}, "stored", id="relative"),
        pytest.param(FRESH | {"Content-Location": "HTTPS://EXAMPLE.com:443/a#x"}, "stored", id="not normal"),
        pytest.param({"Expires": format_date(NOW + 9), "Content-Location": "a"}, "stored", id="fresh by Expires"),
        pytest.param(FRESH, "post", id="no Content-Location"),
        pytest.param(FRESH | {"Content-Location": "/b"}, "post", id="another one's"),
        pytest.param(FRESH | {"Content-Location": "https://other.example/a"}, "post", id="another origin's"),
        pytest.param(FRESH | {"Content-Location": "http://["}, "post", id="no URL"),
        pytest.param({"Cache-Control": "public", "Content-Location": URL}, "post", id="nothing explicit"),
        pytest.param(
            {"Last-Modified": format_date(NOW - 999), "Content-Location": URL}, "post", id="an estimate is no statement"
        ),
    ],
)
@pytest.mark.parametrize("body_in_key", [False, True], ids=["", "content would be in the key of others"])
def test_the_response_to_a_post_needs_its_own_content_location(lines: Any, expected: str, body_in_key: bool) -> None:
    policy = Policy(post_as_get=True, body_in_key=body_in_key)
    assert code(VALIDATED | lines, policy, method="POST") == expected
    if expected == "stored":
        assert entry(VALIDATED | lines, policy, method="POST").method == "GET"


def test_content_in_the_key_does_not_make_a_method_cacheable() -> None:
    assert code(FRESH, Policy(body_in_key=True), method="POST") == "method"


@BOTH
@pytest.mark.requirement("9111-3-02", "8297-2-01")
@pytest.mark.parametrize("status", [100, 101, 102, 103, 104, 199])
def test_an_interim_response_is_never_stored(status: int, policy: Policy) -> None:
    assert code({"Cache-Control": "public, max-age=60", "ETag": '"a"'}, policy, status=status) == "interim"


@BOTH
@pytest.mark.requirement("9110-15-01")
@pytest.mark.parametrize("status", [0, 99, 600, 666, 999, -200])
def test_a_status_out_of_range_is_never_stored(status: int, policy: Policy) -> None:
    assert code({"Cache-Control": "public, max-age=60", "ETag": '"a"'}, policy, status=status) == "interim"


@BOTH
@pytest.mark.requirement("6585-3-01", "6585-4-01", "6585-5-01", "6585-6-01")
@pytest.mark.parametrize("status", [428, 429, 431, 511])
def test_a_status_that_rules_caching_out_is_never_stored(status: int, policy: Policy) -> None:
    lines = {"Cache-Control": "public, max-age=60, must-understand", "Expires": format_date(NOW + 60), "ETag": '"a"'}
    assert code(lines, policy, status=status) == "status-never"
    assert code(lines, replace(policy, statuses=frozenset({status})), status=status) == "status-never"
    assert {428, 429, 431, 511} == FORBIDDEN


@BOTH
@pytest.mark.requirement("9111-3-03", "9111-3.3-03")
@pytest.mark.parametrize("status", [206, 304])
def test_a_part_and_a_304_are_not_stored(status: int, policy: Policy) -> None:
    lines = {"Cache-Control": "public, max-age=60", "ETag": '"a"', "Content-Range": "bytes 0-1/9"}
    assert code(lines, policy, status=status) == "status"
    assert code(lines, replace(policy, statuses=frozenset({status})), status=status) == "status"


PIECE = {
    "Cache-Control": "max-age=60",
    "ETag": '"a"',
    "Content-Range": "bytes 0-1/9",
    "Content-Length": "2",
    "Date": format_date(NOW),
}


@BOTH
@pytest.mark.requirement("9111-3.3-02", "9111-3.3-03")
@pytest.mark.parametrize(
    ("asked", "method", "expected"),
    [
        pytest.param({"Range": "bytes=0-1"}, "GET", "stored", id="asked for"),
        pytest.param({}, "GET", "part", id="not asked for"),
        pytest.param({"Range": "bytes=0-1"}, "QUERY", "part", id="another method's"),
        pytest.param({"Range": "bytes=0-1", "If-Range": '"a"'}, "GET", "part-fields", id="less than all fields"),
    ],
)
def test_a_part_is_stored_as_an_incomplete_200_where_the_policy_says_so(
    asked: Any, method: str, expected: str, policy: Policy
) -> None:
    policy = replace(policy, partial=True, methods=frozenset({"GET", "QUERY"}))
    assert code(PIECE, policy, status=206, request=asked, method=method) == expected
    assert code(PIECE, policy, status=200, request=asked, method=method) == "stored"
    if expected == "stored":
        assert entry(PIECE, policy, status=206, request=asked).status == 200


@BOTH
@pytest.mark.requirement("9110-16.2.2-01", "9110-15-01")
@pytest.mark.parametrize("status", [200, 201, 204, 226, 299, 302, 307, 399, 400, 403, 404, 425, 499, 500, 503, 599])
def test_every_other_final_status_is_stored_if_its_lifetime_is_stated(status: int, policy: Policy) -> None:
    assert code(FRESH, policy, status=status) == "stored"
    assert code({"Expires": format_date(NOW + 60)}, policy, status=status) == "stored"


@BOTH
@pytest.mark.requirement("9111-5.2.2.3-01", "9111-3-03")
def test_must_understand_bars_a_status_that_is_not_understood(policy: Policy) -> None:
    lines = {"Cache-Control": "must-understand, max-age=60"}
    stored = {status for status in range(200, 600) if code(lines, policy, status=status) == "stored"}
    # Those that RFC 9110 registers, and 451; neither 206 nor 304.
    successful, redirecting = {200, 201, 202, 203, 204, 205}, {300, 301, 302, 303, 305, 307, 308}
    client = {400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 426}
    assert stored == successful | redirecting | client | {451, 500, 501, 502, 503, 504, 505}


@BOTH
@pytest.mark.requirement("9111-5.2.2.3-02")
def test_must_understand_takes_the_place_of_no_store_where_the_status_is_understood(policy: Policy) -> None:
    lines = {"Cache-Control": "no-store, must-understand, max-age=60"}
    assert code(lines, policy) == "stored"
    assert code(lines, policy, status=299) == "status"
    assert code({"Cache-Control": "no-store, must-understand=1, max-age=60"}, policy) == "no-store"
    assert code({"Cache-Control": "must-understand, must-understand=1, max-age=60"}, policy) == "no-store"
    assert code({"Cache-Control": "no-store, max-age=60"}, policy) == "no-store"


@BOTH
@pytest.mark.parametrize("status", [412, 416])
@pytest.mark.parametrize(
    "name", ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range"]
)
def test_what_answers_a_condition_of_one_request_is_not_for_others(name: str, status: int, policy: Policy) -> None:
    assert code(FRESH, policy, status=status, request={name: "x"}) == "own-condition"
    assert code(FRESH, policy, status=200, request={name: "x"}) == "stored"


def test_a_gateway_refuses_poisoned_errors() -> None:
    refused = {status for status in range(200, 600) if code(FRESH, GATEWAY, status=status) == "status-refused"}
    assert refused == {400, 408, 413, 414, *range(500, 600)} - {511}
    assert code(FRESH, replace(GATEWAY, statuses=frozenset({200, 503})), status=503) == "stored"
    assert code(FRESH, SHARED, status=503) == "stored"
    assert code(FRESH, Policy(credentials="explicit"), status=503) == "stored"


def test_a_policy_may_name_the_statuses() -> None:
    policy = Policy(statuses=frozenset({200, 404}))
    assert [code(FRESH, policy, status=status) for status in (200, 404, 410)] == ["stored", "stored", "status-refused"]


# --- RFC 9111 §3: directives


@BOTH
@pytest.mark.requirement("9111-3-04", "9111-5.2.2.5-01", "9111-5.2.2-01")
@pytest.mark.parametrize(
    "value", ["no-store", "max-age=60, no-store", "public, NO-STORE", "no-store=x, max-age=60", "s-maxage=60,no-store"]
)
def test_no_store_keeps_a_response_out(value: str, policy: Policy) -> None:
    assert code({"Cache-Control": value, "ETag": '"a"'}, policy) == "no-store"


@BOTH
@pytest.mark.requirement("9111-5.2.1.5-01")
def test_no_store_in_the_request_keeps_its_response_out(policy: Policy) -> None:
    asked = {"Cache-Control": "no-store"}
    assert code(FRESH, policy, request=asked) == "request-no-store"
    assert code(FRESH, policy, request={"Cache-Control": "no-cache"}) == "stored"
    assert code(FRESH, replace(policy, honour_request=False), request=asked) == "stored"


@pytest.mark.requirement("9111-3-05", "9111-5.2.2.7-01", "9111-5.2.2.7-02", "9111-4.2.1-06")
@pytest.mark.parametrize(
    "value", ["private", "private, max-age=60", "public, private, s-maxage=60", 'private=""', 'private="a b"']
)
def test_private_keeps_a_response_out_of_a_shared_store(value: str) -> None:
    assert code({"Cache-Control": value, "ETag": '"a"'}, SHARED) == "private"
    assert code({"Cache-Control": value, "ETag": '"a"'}, PRIVATE) == "stored"


@pytest.mark.requirement("9111-3-07", "9110-15.1-01")
@pytest.mark.parametrize(
    ("lines", "private", "shared"),
    [
        pytest.param({}, False, False, id="nothing"),
        pytest.param({"Cache-Control": "public"}, True, True, id="public"),
        pytest.param(
            {"Cache-Control": "private"},
            True,
            False,
            marks=pytest.mark.requirement("9111-5.2.2.7-02"),
            id="private",
        ),
        pytest.param({"Cache-Control": 'private="x"'}, True, False, id="private for a field"),
        pytest.param({"Expires": format_date(NOW + 60)}, True, True, id="Expires"),
        pytest.param({"Expires": "0"}, True, True, id="an Expires that is none"),
        pytest.param({"Cache-Control": "max-age=60"}, True, True, id="max-age"),
        pytest.param({"Cache-Control": "s-maxage=60"}, False, True, id="s-maxage"),
        pytest.param(
            {"Cache-Control": "proxy-revalidate"},
            False,
            False,
            marks=pytest.mark.requirement("9111-5.2.2.8-02"),
            id="proxy-revalidate",
        ),
        pytest.param({"Cache-Control": "must-revalidate"}, False, False, id="must-revalidate"),
        pytest.param({"Cache-Control": "no-cache"}, False, False, id="no-cache"),
        pytest.param(
            {"Cache-Control": "immutable"},
            False,
            False,
            marks=pytest.mark.requirement("8246-2-05"),
            id="immutable",
        ),
        pytest.param({"Cache-Control": "stale-if-error=60"}, False, False, id="stale-if-error"),
        pytest.param({"Cache-Control": "ext"}, False, False, id="an unknown directive"),
        pytest.param(
            {"Cache-Control": "public=1"},
            False,
            False,
            marks=pytest.mark.requirement("9111-5.2-05"),
            id="a malformed public",
        ),
        pytest.param({"Last-Modified": format_date(NOW - 60)}, False, False, id="Last-Modified"),
    ],
)
def test_one_ground_for_storing_is_needed_unless_the_status_is_one(lines: Any, private: bool, shared: bool) -> None:
    lines = {"ETag": '"a"', **lines}
    assert code(lines, PRIVATE, status=302) == ("stored" if private else "not-cacheable")
    expected = "stored" if shared else "private" if lines.get("Cache-Control") == "private" else "not-cacheable"
    assert code(lines, SHARED, status=302) == expected
    assert code(lines, PRIVATE, status=200) == "stored"


@BOTH
@pytest.mark.requirement("9110-15.1-01", "9111-3-07")
def test_statuses_that_are_a_ground_by_themselves(policy: Policy) -> None:
    stored = {status for status in range(200, 600) if code(VALIDATED, policy, status=status) == "stored"}
    assert stored == HEURISTICALLY_CACHEABLE - {206}


@pytest.mark.requirement("9111-5.2.2.9-01")
@pytest.mark.parametrize("status", [201, 302, 403, 500])
def test_public_opens_any_final_status(status: int) -> None:
    assert code({"Cache-Control": "public", "ETag": '"a"'}, SHARED, status=status) == "stored"


@BOTH
@pytest.mark.requirement("9111-3-10")
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param({}, "useless", id="nothing"),
        pytest.param({"Cache-Control": "max-age=0"}, "useless", id="no time"),
        pytest.param({"Cache-Control": "max-age=60, no-cache"}, "useless", id="no-cache without a validator"),
        pytest.param({"Cache-Control": "no-cache, stale-if-error=9"}, "useless", id="no-cache, whatever the window"),
        pytest.param({"Cache-Control": "max-age=1"}, "stored", id="a little time"),
        pytest.param({"Cache-Control": "max-age=0", "ETag": "x"}, "stored", id="no time, but a tag"),
        pytest.param({"Cache-Control": "no-cache", "ETag": '"x"'}, "stored", id="no-cache with a tag"),
        pytest.param({"Last-Modified": "x"}, "stored", id="a date of modification"),
        pytest.param({"Cache-Control": "max-age=0, stale-while-revalidate=9"}, "stored", id="a window to revalidate"),
        pytest.param({"Cache-Control": "max-age=0, stale-if-error=9"}, "stored", id="a window for errors"),
        pytest.param({"Cache-Control": "max-age=0, stale-if-error=0"}, "useless", id="windows of nothing"),
    ],
)
def test_what_could_never_be_used_is_not_stored(lines: Any, expected: str, policy: Policy) -> None:
    assert code(lines, policy) == expected


# --- RFC 9111 §3.5


@pytest.mark.parametrize(
    ("value", "rfc", "explicit"),
    [
        pytest.param("max-age=60", False, False, marks=pytest.mark.requirement("9111-3-06"), id="max-age"),
        pytest.param("max-age=60, public", True, True, marks=pytest.mark.requirement("9111-3.5-02"), id="public"),
        pytest.param(
            "s-maxage=60", True, True, marks=pytest.mark.requirement("9111-3.5-02", "9111-5.2.2.10-03"), id="s-maxage"
        ),
        pytest.param("s-maxage=0", True, True, marks=pytest.mark.requirement("9111-3.5-02"), id="s-maxage of nothing"),
        pytest.param(
            "max-age=60, must-revalidate",
            True,
            False,
            marks=pytest.mark.requirement("9111-3.5-02", "9111-5.2.2.2-04"),
            id="must-revalidate",
        ),
        pytest.param(
            "max-age=60, proxy-revalidate",
            False,
            False,
            marks=pytest.mark.requirement("9111-3-06", "9111-3.5-02"),
            id="proxy-revalidate",
        ),
        pytest.param(
            "max-age=60, immutable, public=1",
            False,
            False,
            marks=pytest.mark.requirement("9111-3-06"),
            id="a malformed public",
        ),
        pytest.param("max-age=60, public, private", None, None, id="public and private"),
    ],
)
def test_a_request_with_credentials_needs_a_directive_that_opens(
    value: str, rfc: bool | None, explicit: bool | None
) -> None:
    lines, asked = {"Cache-Control": value, "ETag": '"a"'}, {"Authorization": "Basic eDp5"}
    refusal = {None: "private", False: "authorization", True: "stored"}
    assert code(lines, SHARED, request=asked) == refusal[rfc]
    assert code(lines, GATEWAY, request=asked) == refusal[explicit]
    assert code(lines, PRIVATE, request=asked) == "stored"
    assert code(lines, SHARED) == ("private" if rfc is None else "stored")


@pytest.mark.requirement("9111-7.3-02", "9111-7.3-03")
@pytest.mark.parametrize(
    ("value", "gateway"),
    [("max-age=60", "cookie"), ("max-age=60, public", "stored"), ("s-maxage=60", "stored"), ("private", "private")],
)
def test_a_careful_gateway_treats_cookies_as_credentials(value: str, gateway: str) -> None:
    asked = {"Cookie": "session=1"}
    assert code({"Cache-Control": value, "ETag": '"a"'}, GATEWAY, request=asked) == gateway
    expected = "private" if value == "private" else "stored"
    assert code({"Cache-Control": value, "ETag": '"a"'}, SHARED, request=asked) == expected


def test_must_revalidate_and_cookies() -> None:
    lines = {"Cache-Control": "max-age=60, must-revalidate"}
    assert code(lines, GATEWAY, request={"Cookie": "a=b"}) == "cookie"


# --- Vary and Set-Cookie


@BOTH
@pytest.mark.requirement("9111-4.1-04")
@pytest.mark.parametrize("vary", ["*", "Accept, *", "*, *", "Accept,*", "bad name", "Accept, b@d"])
def test_vary_on_everything_is_not_stored(vary: str, policy: Policy) -> None:
    assert code(FRESH | {"Vary": vary}, policy) == "vary"


@BOTH
def test_vary_on_everything_may_stand_on_any_line(policy: Policy) -> None:
    assert code([("Cache-Control", "max-age=60"), ("Vary", "Accept"), ("Vary", "*")], policy) == "vary"


@BOTH
@pytest.mark.parametrize("vary", ["Accept", "", ",", "Accept, Accept-Language", "*a"])
def test_vary_on_something_is_stored(vary: str, policy: Policy) -> None:
    assert code(FRESH | {"Vary": vary}, policy) == "stored"


@BOTH
@pytest.mark.parametrize(("fields", "expected"), [(32, "stored"), (33, "vary-many")])
def test_a_vary_that_names_too_many_fields_is_refused(policy: Policy, fields: int, expected: str) -> None:
    assert code(FRESH | {"Vary": ", ".join(f"x-{at}" for at in range(fields))}, policy) == expected


def test_a_policy_may_refuse_to_vary_on_a_field() -> None:
    assert code(FRESH | {"Vary": "Accept, User-Agent"}, GATEWAY) == "vary-refused"
    verdict = judge(FRESH | {"Vary": "User-Agent, COOKIE"}, GATEWAY)
    assert str(verdict).endswith("The response varies on cookie, user-agent.")


@BOTH
@pytest.mark.requirement("9111-3.1-03")
@pytest.mark.parametrize(
    ("coding", "expected"),
    [
        ("chunked", "stored"),
        ("Chunked", "stored"),
        ("gzip, chunked", "transfer-coded"),
        ("GZip ,chunked", "transfer-coded"),
        ("x-gzip", "transfer-coded"),
        ("deflate", "transfer-coded"),
        ("compress, chunked", "transfer-coded"),
        ("x-compress", "transfer-coded"),
    ],
)
def test_what_is_coded_for_the_transfer_is_not_stored_without_saying_so(
    coding: str, expected: str, policy: Policy
) -> None:
    assert code(FRESH | {"Transfer-Encoding": coding}, policy) == expected


def test_all_codings_are_named_that_nobody_may_have_undone() -> None:
    assert "deflate, gzip" in str(judge(FRESH | {"Transfer-Encoding": "gzip, deflate, chunked"}, SHARED))


@pytest.mark.requirement("9111-7.3-01")
def test_what_becomes_of_a_response_that_sets_a_cookie_is_up_to_the_policy() -> None:
    lines = [("Cache-Control", "max-age=60"), ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d"), ("X", "y")]
    for policy in (PRIVATE, SHARED):
        assert entry(lines, policy).headers.getlist("set-cookie") == ["a=b", "c=d"]
    assert code(lines, GATEWAY) == "set-cookie"
    assert "set-cookie" not in entry(lines, replace(GATEWAY, set_cookie="strip")).headers
    assert code(FRESH, GATEWAY) == "stored"


# --- RFC 9111 §3.1: what is kept


@BOTH
@pytest.mark.requirement("9111-3.1-01", "9110-5.3-01", "9111-4-08", "9111-5.5-01")
def test_every_field_is_kept_as_it_came_and_in_order(policy: Policy) -> None:
    lines = (
        ("X-Unknown", "1"),
        ("cache-CONTROL", "max-age=60, ext=1"),
        ("Warning", '110 - "stale"'),
        ("x-unknown", "2"),
        ("Date", format_date(NOW - 5)),
        ("Expires", "whenever"),
        ("Vary", "accept,  Accept-Language"),
        ("X-Unknown", ""),
        ("Other-Cache-Control", "max-age=1"),
        ("Strange", "caf\xe9"),
    )
    assert entry(lines, policy).headers.lines == lines


@BOTH
@pytest.mark.requirement("9111-3.1-02", "9110-7.6.1-01", "9110-7.6.1-03")
def test_connection_and_what_it_lists_is_not_kept(policy: Policy) -> None:
    lines = [
        ("Cache-Control", "max-age=60"),
        ("A", "1"),
        ("Connection", "B , c"),
        ("b", "2"),
        ("C", "3"),
        ("connection", "D, close"),
        ("d", "4"),
        ("E", "5"),
    ]
    kept = entry(lines, policy).headers
    assert {name.lower() for name, _ in kept} == {"cache-control", "a", "e", "date"}


@BOTH
@pytest.mark.requirement("9111-3.1-03", "9111-3.1-06", "9110-7.6.1-02")
@pytest.mark.parametrize(
    "name",
    [
        "Keep-Alive",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "Proxy-Authenticate",
        "Proxy-Authentication-Info",
        "Proxy-Authorization",
        "Age",
    ],
)
def test_what_belongs_to_a_connection_or_a_proxy_is_not_kept(name: str, policy: Policy) -> None:
    assert name not in entry(FRESH | {name: "1"}, policy).headers


@pytest.mark.requirement("9111-3.1-04", "9111-3.1-05", "9111-5.2.2.7-03", "9111-5.2.2.4-02", "9111-3-05")
def test_fields_named_by_no_cache_and_private_are_not_kept() -> None:
    lines = {"Cache-Control": 'max-age=60, no-cache="A, b", private="C"', "a": "1", "B": "2", "c": "3", "d": "4"}
    assert {name for name, _ in entry(lines, PRIVATE).headers} == {"Cache-Control", "c", "d", "Date"}
    assert {name for name, _ in entry(lines, SHARED).headers} == {"Cache-Control", "d", "Date"}


@BOTH
@pytest.mark.requirement("9110-6.6.1-01", "9110-6.6.1-02")
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="missing"),
        pytest.param([("Date", "yesterday")], id="invalid"),
        pytest.param([("Date", format_date(NOW)), ("date", format_date(NOW))], id="twice"),
        pytest.param([("Date", format_date(NOW - 5)), ("Connection", "date")], id="of the connection"),
    ],
)
def test_a_response_without_a_usable_date_gets_the_time_of_receipt(lines: Any, policy: Policy) -> None:
    kept = entry([("Cache-Control", "max-age=60"), *lines], policy).headers
    assert len(kept.getlist("date")) == 1
    assert kept["date"] in (format_date(NOW), format_date(NOW - 5))


@pytest.mark.requirement("9111-4-08")
def test_a_usable_date_stays() -> None:
    assert entry(FRESH | {"Date": format_date(NOW + 5)}).headers["date"] == format_date(NOW + 5)


def test_our_own_targeted_field_is_obeyed_and_withheld_by_a_gateway_and_kept_by_others() -> None:
    lines = [
        ("Cache-Control", "no-store"),
        ("Cachespec-Cache-Control", "max-age=5"),
        ("Cachespec-Cache-Control", "no-transform"),
    ]
    stored = entry(lines, GATEWAY)
    assert stored.lifetime == 5
    assert "cachespec-cache-control" not in stored.headers
    assert stored.withheld == (
        ("cachespec-cache-control", "max-age=5"),
        ("cachespec-cache-control", "no-transform"),
    )
    assert code(lines, PRIVATE) == "no-store"
    kept = entry({"Cache-Control": "max-age=9", "Cachespec-Cache-Control": "no-store"}, PRIVATE)
    assert kept.lifetime == 9
    assert "cachespec-cache-control" in kept.headers
    assert kept.withheld == ()


@pytest.mark.requirement("9213-2.2-05", "9213-3-02")
def test_other_targeted_fields_are_kept() -> None:
    kept = entry(FRESH | {"CDN-Cache-Control": "max-age=5"}, Policy.strict(shared=True))
    assert kept.lifetime == 5
    assert kept.headers["cdn-cache-control"] == "max-age=5"


@pytest.mark.requirement("9213-2.2-03")
def test_beside_a_targeted_field_neither_cache_control_nor_expires_counts() -> None:
    policy = Policy.strict(shared=True, heuristics=False)
    lines = {"CDN-Cache-Control": "must-revalidate", "Cache-Control": "max-age=9", "Expires": format_date(NOW + 60)}
    assert entry(lines | VALIDATED, policy).source == "none"
    assert entry(lines | {"CDN-Cache-Control": "max-age=5", "Cache-Control": "no-store"}, policy).lifetime == 5
    assert code(lines | {"CDN-Cache-Control": "no-store"}, policy) == "no-store"


# --- what is worked out


def test_an_entry_holds_what_a_hit_needs() -> None:
    lines = [
        ("Cache-Control", "max-age=60, stale-while-revalidate=7, stale-if-error=8, public, immutable, no-cache"),
        ("Date", format_date(NOW - 3)),
        ("Age", "5"),
        ("ETag", 'W/"a"'),
        ("Last-Modified", format_date(NOW - 100)),
        ("Cache-Groups", '"g", "h"'),
        ("Content-Length", "7"),
    ]
    stored = entry(lines, request={"Accept": "x"}, url="HTTPS://Example.com:443/a#b", wish=Wish(groups=("mine",)))
    assert stored.url == URL
    assert (stored.method, stored.status, stored.reason) == ("GET", 200, "")
    assert (stored.request_time, stored.response_time, stored.created) == (NOW - 1, NOW, NOW)
    assert (stored.initial_age, stored.lifetime, stored.source, stored.date) == (6, 60, "max-age", NOW - 3)
    assert (stored.while_revalidate, stored.if_error) == (7, 8)
    assert (stored.validate, stored.explicit, stored.immutable) == (True, True, True)
    assert (stored.never_stale, stored.no_max_stale) == (False, False)
    assert (stored.etag, stored.last_modified) == ('W/"a"', format_date(NOW - 100))
    assert stored.groups == ("g", "h", "mine")
    assert stored.selecting == ()


@pytest.mark.parametrize(
    ("value", "private", "shared"),
    [
        pytest.param(
            "max-age=60, must-revalidate",
            (True, False),
            (True, False),
            marks=pytest.mark.requirement("9111-5.2.2.2-01"),
            id="must-revalidate",
        ),
        pytest.param(
            "max-age=60, proxy-revalidate",
            (False, False),
            (True, False),
            marks=pytest.mark.requirement("9111-5.2.2.8-01"),
            id="proxy-revalidate",
        ),
        pytest.param(
            "max-age=60, s-maxage=60",
            (False, False),
            (False, True),
            marks=pytest.mark.requirement("9111-5.2.2.10-02"),
            id="s-maxage",
        ),
        pytest.param("max-age=60", (False, False), (False, False), id="none of them"),
    ],
)
def test_what_bars_stale_use(value: str, private: tuple[bool, bool], shared: tuple[bool, bool]) -> None:
    for policy, expected in ((PRIVATE, private), (SHARED, shared)):
        stored = entry({"Cache-Control": value}, policy)
        assert (stored.never_stale, stored.no_max_stale) == expected


@pytest.mark.requirement("9111-5.2.2.9-01")
@pytest.mark.parametrize(("value", "explicit"), [("public", True), ("s-maxage=0", True), ("must-revalidate", False)])
def test_what_is_explicitly_for_everybody(value: str, explicit: bool) -> None:
    assert entry(VALIDATED | {"Cache-Control": f"max-age=60, {value}"}, GATEWAY).explicit is explicit


@pytest.mark.requirement("8246-3-01", "8246-3-03")
@pytest.mark.parametrize(
    ("url", "length", "immutable"),
    [
        ("https://example.com/", "7", True),
        ("HTTPS://example.com/", "7", True),
        ("https://example.com/", None, False),
        ("http://example.com/", "7", False),
        ("http://localhost/", "7", True),
        ("http://localhost:8000/a", "7", True),
        ("http://127.0.0.1/", "7", True),
        ("http://[::1]:80/", "7", True),
        ("http://localhost.example.com/", "7", False),
        ("http://127.0.0.1.example.com/", "7", False),
    ],
)
def test_immutable_counts_where_nothing_can_have_been_cut_short(url: str, length: str | None, immutable: bool) -> None:
    lines = {"Cache-Control": "max-age=60, immutable"} | ({} if length is None else {"Content-Length": length})
    assert entry(lines, url=url).immutable is immutable
    assert entry(lines | FRESH, url=url).immutable is False


@pytest.mark.requirement("9111-5.2.2.5-01")
def test_no_field_of_the_request_is_kept() -> None:
    asked = {"Authorization": "Basic c2VjcmV0", "Cookie": "secret", "X": "secret"}
    assert "secret" not in repr(entry(FRESH, request=asked))
    assert "c2VjcmV0" not in repr(entry(FRESH, request=asked))


@pytest.mark.parametrize(
    ("policy", "wish", "kept"),
    [
        (Policy(), Wish(), 0),
        (Policy(stale_if_error=9, stale_while_revalidate=8), Wish(), 9),
        (Policy(stale_if_error=8, stale_while_revalidate=9), Wish(stale_if_error=7), 9),
        (Policy(), Wish(stale_if_error=7), 7),
    ],
)
def test_it_is_kept_for_the_longest_of_the_users_windows(policy: Policy, wish: Wish, kept: int) -> None:
    assert entry(FRESH, policy, wish=wish).kept == kept


# --- what the caller wants instead


def test_a_wished_lifetime_takes_the_place_of_the_server_s_directives() -> None:
    for seconds in (60, timedelta(minutes=1)):
        stored = entry({"Cache-Control": "no-store", "Expires": "0"}, wish=Wish(ttl=seconds))
        assert (stored.lifetime, stored.source, stored.validate) == (60, "wish", False)
    assert code({"Cache-Control": "no-store"}, status=500, wish=Wish(ttl=60)) == "no-store"
    assert code({"Vary": "*"}, wish=Wish(ttl=60)) == "vary"
    assert code({}, status=206, wish=Wish(ttl=60)) == "status"


ALWAYS, MISSING = Override(ttl=60), Override(ttl=60, when="missing")


@pytest.mark.parametrize(
    ("lines", "always", "missing"),
    [
        pytest.param({}, 60, 60, id="nothing said"),
        pytest.param({"Cache-Control": "max-age=5"}, 60, 5, id="max-age"),
        pytest.param({"Cache-Control": "s-maxage=5"}, 60, 0, id="s-maxage"),
        pytest.param({"Expires": format_date(NOW + 5)}, 60, 5, id="Expires"),
        pytest.param({"Cache-Control": "no-store"}, 60, "no-store", id="no-store"),
        pytest.param({"Cache-Control": "no-cache"}, 60, 0, id="no-cache"),
        pytest.param({"Cache-Control": "private"}, 60, 0, id="private"),
        pytest.param({"Cache-Control": "public"}, 60, 60, id="public"),
    ],
)
def test_an_override_counts_always_or_where_nothing_is_said(lines: Any, always: Any, missing: Any) -> None:
    for override, expected in ((ALWAYS, always), (MISSING, missing)):
        judged = judge(VALIDATED | lines, Policy(heuristics=False, overrides=(override,)))
        assert (judged.lifetime if isinstance(judged, Entry) else judged.code) == expected


def test_the_first_override_that_matches_counts() -> None:
    policy = Policy(
        overrides=(
            Override(ttl=1, path="/b/*"),
            Override(ttl=2, host="*.example.com"),
            Override(ttl=3, methods=frozenset({"QUERY"})),
            Override(ttl=4, statuses=frozenset({404})),
            Override(ttl=5, path="/a", host="EXAMPLE.com"),
            Override(ttl=6),
            Override(ttl=7),
        )
    )
    assert entry({}, policy).lifetime == 5
    assert entry({}, policy, url="https://example.com/b/c").lifetime == 1
    assert entry({}, policy, url="https://www.example.com/").lifetime == 2
    assert entry({}, policy, status=404).lifetime == 4
    assert entry({}, policy, url="https://other.example/").lifetime == 6
    # An override for missing statements that does not apply leaves the server's word alone.
    policy = Policy(heuristics=False, overrides=(MISSING, Override(ttl=9)))
    assert entry(FRESH | {"Cache-Control": "max-age=5"}, policy).lifetime == 5


def test_an_override_may_be_any_directives_but_opens_nothing_that_is_shut() -> None:
    policy = Policy(
        shared=True, overrides=(Override(directives="max-age=9, stale-if-error=8, public", statuses=frozenset({429})),)
    )
    assert code({}, policy, status=429) == "status-never"
    policy = replace(policy, overrides=(Override(directives="max-age=9, stale-if-error=8, public"),))
    stored = entry({"Cache-Control": "private"}, policy, request={"Authorization": "x"})
    assert (stored.lifetime, stored.if_error) == (9, 8)
    assert code({"Vary": "*"}, policy) == "vary"
    assert entry({"Cache-Control": "private"}, policy).headers["cache-control"] == "private"


def test_a_filter_looks_at_the_head() -> None:
    def small(request: Request, response: Response) -> bool:
        assert request.url == URL
        return response.headers.get("content-length") == "1"

    policy = Policy(response_filter=small)
    assert code(FRESH | {"Content-Length": "1"}, policy) == "stored"
    assert code(FRESH | {"Content-Length": "2"}, policy) == "filtered"


# --- and whatever comes

LINES = st.lists(
    st.tuples(
        st.sampled_from(["Cache-Control", "Expires", "Date", "Age", "ETag", "Vary", "Connection", "Set-Cookie", "X"]),
        st.one_of(
            st.text(max_size=10),
            st.sampled_from(["no-store", "private", "max-age=60", "public", "s-maxage=9", "no-cache", "*", '"a"', "X"]),
        ),
    ),
    max_size=6,
)


@given(LINES, LINES, st.integers(0, 700), st.sampled_from(["GET", "POST", "QUERY", "HEAD"]))
def test_whatever_comes_what_is_forbidden_is_not_stored(response: Any, request: Any, status: int, method: str) -> None:
    lines = Headers(response)
    said = lines.get("cache-control", "")
    for policy in (PRIVATE, SHARED, GATEWAY, Policy.strict(shared=False), Policy.strict(shared=True)):
        judged = judge(response, policy, status=status, request=request, method=method)
        if isinstance(judged, Verdict):
            assert not judged
            assert judged.sentence
            continue
        assert method in ("GET", "POST")
        assert "no-store" not in {member.strip() for member in said.split(",")}
        assert 200 <= status <= 599
        assert status not in (206, 304, 428, 429, 431, 511)
        assert "*" not in lines.get("vary", "").replace(" ", "").split(",")
        if policy.shared:
            assert "private" not in {member.strip() for member in said.split(",")}
        names = {name.lower() for name, _ in judged.headers}
        assert names.isdisjoint({"connection", "age"})
        assert "date" in names


@given(LINES)
def test_keeping_the_fields_a_second_time_changes_nothing(lines: Any) -> None:
    said, headers = ResponseDirectives(), Headers(lines)
    once = stored_headers(headers, said, PRIVATE, NOW, dated=sent_date(headers, NOW) is not None)
    assert sent_date(once, NOW) is not None
    assert stored_headers(once, said, PRIVATE, NOW, dated=True) == once


def test_what_is_not_said_is_nothing() -> None:
    stored = entry(FRESH)
    assert (stored.while_revalidate, stored.if_error, stored.groups, stored.withheld) == (0, 0, (), ())
    assert (stored.etag, stored.last_modified) == (None, None)


def test_age_alone_counts_where_it_is_trusted() -> None:
    lines = FRESH | {"Date": format_date(NOW - 50), "Age": "5"}
    assert entry(lines).initial_age == 50
    assert entry(lines, Policy(trust_age=True)).initial_age == 6


@pytest.mark.parametrize(
    ("base", "name", "value"),
    [
        ({}, "Cache-Control", "max-age=60"),
        (VALIDATED, "Connection", "etag"),
        ({"Last-Modified": format_date(NOW - 1000)}, "Date", format_date(NOW - 900)),
        ({}, "ETag", '"a"'),
        ({}, "Expires", format_date(NOW + 60)),
        ({}, "Last-Modified", format_date(NOW - 1000)),
        ({"Last-Modified": format_date(NOW - 1000)}, "Pragma", "no-cache"),
        (FRESH, "Set-Cookie", "a=b"),
        (FRESH, "Transfer-Encoding", "gzip"),
        (FRESH, "Vary", "*"),
    ],
)
def test_the_fields_that_bear_on_storing_are_known(base: dict[str, str], name: str, value: str) -> None:
    def judged(lines: dict[str, str], policy: Policy) -> tuple[str, float]:
        made = judge(lines, policy)
        return (made.code, 0) if isinstance(made, Verdict) else ("stored", made.lifetime)

    policies = (Policy(), Policy.gateway())
    assert any(judged(base, policy) != judged(base | {name: value}, policy) for policy in policies)
    assert name.lower() in BEARING


# --- verdicts have stable names


def test_the_names_of_verdicts_stay() -> None:
    found = {name: (made.yes, made.code) for name, made in vars(storing).items() if isinstance(made, Verdict)}
    named = {
        "STORABLE": (True, "storable"),
        "METHOD": (False, "method"),
        "POST_CONTENT_LOCATION": (False, "post"),
        "INTERIM": (False, "interim"),
        "NOT_UNDERSTOOD": (False, "status"),
        "NEVER": (False, "status-never"),
        "OWN_CONDITION": (False, "own-condition"),
        "PART": (False, "part"),
        "PART_FIELDS": (False, "part-fields"),
        "STATUS_REFUSED": (False, "status-refused"),
        "NO_STORE": (False, "no-store"),
        "REQUEST_NO_STORE": (False, "request-no-store"),
        "PRIVATE": (False, "private"),
        "AUTHORIZATION": (False, "authorization"),
        "COOKIES": (False, "cookie"),
        "SET_COOKIE": (False, "set-cookie"),
        "TRANSFER_CODED": (False, "transfer-coded"),
        "VARY_ALL": (False, "vary"),
        "VARY_MANY": (False, "vary-many"),
        "VARY_REFUSED": (False, "vary-refused"),
        "NOT_CACHEABLE": (False, "not-cacheable"),
        "FILTERED": (False, "filtered"),
        "USELESS": (False, "useless"),
    }
    assert named.items() <= found.items()
