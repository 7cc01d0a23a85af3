from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cachespec import Headers, format_directives, request_directives, response_directives
from cachespec.directives import RequestDirectives, ResponseDirectives, policy_of, targeted_directives

MOST = 2147483648


def response(value: str | None, **expected: Any) -> None:
    assert response_directives(value) == ResponseDirectives(**{"present": bool(value)} | expected)


def request(value: str | None, **expected: Any) -> None:
    assert request_directives(value) == RequestDirectives(**expected)


# --- RFC 9111 §5.2: the field


@pytest.mark.requirement("9111-5.2-03")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("max-age=60", {"max_age": 60}, id="one"),
        pytest.param("max-age=60, no-cache", {"max_age": 60, "no_cache": True}, id="two"),
        pytest.param("max-age=60,no-cache", {"max_age": 60, "no_cache": True}, id="without space"),
        pytest.param(" \tmax-age=60 \t,\tno-cache ", {"max_age": 60, "no_cache": True}, id="with much space"),
        pytest.param(",, max-age=60,, ,", {"max_age": 60}, id="with empty members"),
        pytest.param("no-store", {"no_store": True}, id="no-store"),
        pytest.param("private", {"private": True}, id="private"),
        pytest.param("public", {"public": True}, id="public"),
        pytest.param("must-revalidate", {"must_revalidate": True}, id="must-revalidate"),
        pytest.param("proxy-revalidate", {"proxy_revalidate": True}, id="proxy-revalidate"),
        pytest.param("must-understand", {"must_understand": True}, id="must-understand"),
        pytest.param("no-transform", {"no_transform": True}, id="no-transform"),
        pytest.param("s-maxage=5", {"s_maxage": 5}, id="s-maxage"),
        pytest.param("immutable", {"immutable": True}, id="immutable"),
        pytest.param("stale-while-revalidate=5", {"stale_while_revalidate": 5}, id="stale-while-revalidate"),
        pytest.param("stale-if-error=5", {"stale_if_error": 5}, id="stale-if-error"),
    ],
)
def test_a_response_directive_is_read(value: str, expected: dict[str, Any]) -> None:
    response(value, **expected)


@pytest.mark.parametrize("value", [None, ""])
def test_no_field_says_nothing(value: str | None) -> None:
    response(value)
    request(value)


@pytest.mark.requirement("9111-5.2-02")
@pytest.mark.parametrize("value", ["MAX-AGE=60, No-Cache", "Max-Age=60, nO-CACHE", 'max-AGE="60", NO-cache'])
def test_the_case_of_a_directive_does_not_matter(value: str) -> None:
    response(value, max_age=60, no_cache=True)
    request(value, max_age=60, no_cache=True)


@pytest.mark.requirement("9111-5.2-06", "9110-5.2-01")
def test_all_lines_are_one_list() -> None:
    headers = Headers([("Cache-Control", "max-age=1"), ("X", "y"), ("cache-control", "no-cache, max-age=2")])
    said, field = policy_of(headers, ())
    assert (said, field) == (ResponseDirectives(max_age=1, no_cache=True, present=True), "cache-control")


@pytest.mark.requirement("9111-5.2.3-01")
@pytest.mark.parametrize(
    "value",
    [
        "x-no-store",
        "no-store-please",
        "not-max-age=0",
        "max-age-x=5",
        "max-ages=5",
        "pre-check=5",
        "community=UCI",
        "no-sto, re",
        "no-store!",
        "no-store no-cache",
        "=no-store",
    ],
)
def test_an_unknown_directive_is_skipped(value: str) -> None:
    response(f"{value}, public", public=True)
    request(f"{value}, no-transform", no_transform=True)


@pytest.mark.requirement("9111-5.2-03", "9111-5.2.3-02")
@pytest.mark.parametrize(
    "value",
    [
        'ext="no-store, max-age=5"',
        'ext="\\"no-store, max-age=5"',
        'ext="a\\\\", public, ext="no-store"',
        'ext="no-cache", public',
        'ext=",no-store,", public',
        'ext="private", public, other="max-age=5"',
    ],
)
def test_what_is_quoted_is_no_directive(value: str) -> None:
    said = response_directives(value)
    assert not said.no_store
    assert not said.no_cache
    assert not said.private
    assert said.max_age is None
    assert said.public is ("public" in value)


@pytest.mark.requirement("9111-5.2.3-02")
def test_a_quoted_argument_conceals_nothing_behind_it() -> None:
    response('ext="a, \\"b", no-store, max-age=5', no_store=True, max_age=5)
    response('ext="\\\\", no-store', no_store=True)


@pytest.mark.parametrize(
    "value", [',private="a"', 'max-age=1,private="a"', 'max-age=1,,private="a",', 'private="a" \t,x']
)
def test_members_with_and_without_quotes_stand_side_by_side(value: str) -> None:
    numbers = {"max_age": 1} if "max-age" in value else {}
    response(value, private_fields=("a",), **numbers)
    response(f"{value},no-store", private_fields=("a",), no_store=True, **numbers)


@pytest.mark.requirement("9111-5.2-04", "9110-5.6.4-01")
@pytest.mark.parametrize("name", ["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"])
@pytest.mark.parametrize("argument", ["60", '"60"', '"6\\0"', "060"])
def test_a_number_is_read_quoted_or_not(name: str, argument: str) -> None:
    response(f"{name}={argument}, x", **{name.replace("-", "_"): 60})


@pytest.mark.requirement("9111-5.2-04")
@pytest.mark.parametrize("name", ["max-age", "min-fresh", "max-stale", "stale-if-error"])
@pytest.mark.parametrize("argument", ["60", '"60"', '"6\\0"', "060"])
def test_a_request_s_number_is_read_quoted_or_not(name: str, argument: str) -> None:
    request(f"{name}={argument}, x", **{name.replace("-", "_"): 60})


# --- fail closed: rulings D01 to D10

NO_NUMBERS = [
    pytest.param("", id="no argument"),
    pytest.param("=", id="an empty argument"),
    pytest.param('=""', id="an empty quoted argument"),
    pytest.param("=-1", id="negative"),
    pytest.param("=1.5", id="a fraction"),
    pytest.param("=1e3", id="an exponent"),
    pytest.param("=+1", id="a sign"),
    pytest.param("=60s", id="a unit"),
    pytest.param("=0x10", id="hexadecimal"),
    pytest.param("=6_0", id="an underscore"),
    pytest.param("=abc", id="letters"),
    pytest.param("=٦٠", id="other people's digits"),
    pytest.param("= 60", id="space before the number"),
    pytest.param(" =60", id="space before the sign"),
    pytest.param('="6" 0', id="something behind the quotes"),
    pytest.param('=6"0"', id="something before the quotes"),
    pytest.param('= "60"', id="space before the quotes"),
    pytest.param('="60', id="an open quote"),
    pytest.param("='60'", id="other quotes"),
]


@pytest.mark.requirement("9111-4.2.1-07", "9111-1.2.2-01")
@pytest.mark.parametrize("text", NO_NUMBERS)
def test_a_lifetime_that_is_no_number_is_no_time(text: str) -> None:
    assert response_directives(f"max-age{text}").max_age == 0
    assert response_directives(f"s-maxage{text}").s_maxage == 0
    assert request_directives(f"max-age{text}").max_age == 0


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_a_window_that_is_no_number_is_none(text: str) -> None:
    assert not response_directives(f"stale-while-revalidate{text}").stale_while_revalidate
    assert not response_directives(f"stale-if-error{text}").stale_if_error
    assert not request_directives(f"stale-if-error{text}").stale_if_error


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_a_freshness_that_is_no_number_is_more_than_any(text: str) -> None:
    assert request_directives(f"min-fresh{text}").min_fresh == MOST


@pytest.mark.requirement("9111-5.2.1.2-01")
@pytest.mark.parametrize("text", NO_NUMBERS)
def test_a_staleness_that_is_no_number_is_none_but_bare_it_is_any(text: str) -> None:
    expected = MOST if text == "" else None
    assert request_directives(f"max-stale{text}").max_stale == expected


@pytest.mark.requirement("9111-1.2.2-02", "9111-1.2.2-03")
@pytest.mark.parametrize(
    ("digits", "seconds"),
    [
        ("2147483647", 2147483647),
        ("2147483648", MOST),
        ("4294967296", MOST),
        ("9223372036854775808", MOST),
        ("9" * 10_000, MOST),
        ("0" * 10_000 + "7", 7),
    ],
    ids=["the greatest", "one more", "2 to the 32nd", "2 to the 63rd", "ten thousand nines", "ten thousand zeros"],
)
def test_a_number_too_large_is_as_large_as_it_gets(digits: str, seconds: int) -> None:
    for name in ("max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"):
        assert getattr(response_directives(f"{name}={digits}"), name.replace("-", "_")) == seconds
    for name in ("max-age", "min-fresh", "max-stale", "stale-if-error"):
        assert getattr(request_directives(f"{name}={digits}"), name.replace("-", "_")) == seconds


@pytest.mark.requirement("9111-4.2.1-05")
@pytest.mark.parametrize("name", ["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"])
@pytest.mark.parametrize(
    ("first", "second", "seconds"), [("5", "9", 5), ("9", "5", 9), ("0", "9", 0), ("x", "9", 0), ("9", "x", 9)]
)
def test_of_two_numbers_of_a_response_the_first_counts(name: str, first: str, second: str, seconds: int) -> None:
    attribute = name.replace("-", "_")
    assert getattr(response_directives(f"{name}={first}, {name}={second}"), attribute) == seconds


@pytest.mark.requirement("9111-4.2.1-05")
@pytest.mark.parametrize(
    ("name", "bad"), [("max-age", 0), ("min-fresh", MOST), ("max-stale", None), ("stale-if-error", None)]
)
def test_of_two_numbers_of_a_request_the_first_counts(name: str, bad: int | None) -> None:
    attribute = name.replace("-", "_")
    assert getattr(request_directives(f"{name}=5, {name}=9"), attribute) == 5
    assert getattr(request_directives(f"{name}=9, {name}=5"), attribute) == 9
    assert getattr(request_directives(f"{name}=0, {name}=5"), attribute) == 0
    assert getattr(request_directives(f"{name}=9, {name}=x"), attribute) == 9
    if bad is not None:
        assert getattr(request_directives(f"{name}=x, {name}=5"), attribute) == bad


@pytest.mark.requirement("9111-4.2.1-06")
def test_contradictions_are_all_heard() -> None:
    for value in ("public, private", "private, public"):
        response(value, public=True, private=True)
    for value in ("max-age=9, no-store, no-cache", "no-cache, no-store, max-age=9"):
        response(value, max_age=9, no_store=True, no_cache=True)
    response('no-cache, no-cache="a"', no_cache=True, no_cache_fields=("a",))
    response('private="a", private', private=True, private_fields=("a",))


@pytest.mark.requirement("9111-5.2-05")
@pytest.mark.parametrize("argument", ["=1", '="x"', "=", "=x y", " = x", '="x'])
def test_a_restriction_holds_whatever_its_argument(argument: str) -> None:
    assert response_directives(f"no-store{argument}").no_store
    assert response_directives(f"must-revalidate{argument}").must_revalidate
    assert response_directives(f"proxy-revalidate{argument}").proxy_revalidate
    assert response_directives(f"no-transform{argument}").no_transform
    assert request_directives(f"no-store{argument}").no_store
    assert request_directives(f"no-cache{argument}").no_cache
    assert request_directives(f"no-transform{argument}").no_transform
    assert request_directives(f"only-if-cached{argument}").only_if_cached


@pytest.mark.requirement("9111-5.2-05")
@pytest.mark.parametrize("argument", ["=1", '="x"', "=", " = x", '="x'])
def test_a_permission_with_an_argument_is_void(argument: str) -> None:
    assert not response_directives(f"public{argument}").public
    # It would lift a no-store, so that it is one.
    assert response_directives(f"must-understand{argument}").no_store


@pytest.mark.requirement("8246-2-03", "8246-2-05")
@pytest.mark.parametrize("value", ["immutable", "immutable=1", 'immutable="x"', "immutable, immutable=2, immutable"])
def test_immutable_counts_once_whatever_its_argument(value: str) -> None:
    response(value, immutable=True)


@pytest.mark.requirement("8246-2-04")
def test_immutable_means_nothing_in_a_request() -> None:
    request("immutable, public, s-maxage=5, private, stale-while-revalidate=5, must-revalidate")


@pytest.mark.requirement("9111-5.2-07")
def test_request_directives_mean_nothing_in_a_response() -> None:
    response("min-fresh=5, max-stale=5, only-if-cached")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param('ext="a, no-store', {"no_store": True}, id="a restriction behind it"),
        pytest.param('ext="a, public, immutable', {}, id="a permission behind it"),
        pytest.param('ext="a, max-age=9', {"max_age": 0}, id="a lifetime behind it"),
        pytest.param('ext="a, s-maxage=9', {"s_maxage": 0}, id="a lifetime for shared caches behind it"),
        pytest.param('public, ext="a, no-cache', {"public": True, "no_cache": True}, id="a permission before it"),
        pytest.param('max-age=9, ext="a, private', {"max_age": 9, "private": True}, id="a lifetime before it"),
        pytest.param('private="a, b', {"private": True}, id="inside a list of fields"),
        pytest.param('no-cache="a, no-store', {"no_cache": True, "no_store": True}, id="a list and a restriction"),
        pytest.param('x="\\", no-store', {"no_store": True}, id="an escaped quote"),
        pytest.param('x="a\\', {}, id="a backslash at the end"),
        pytest.param('immutable="a\\"', {}, id="an escaped quote at the end"),
        pytest.param('"', {}, id="nothing else"),
        pytest.param('must-understand, x="a, must-understand', {"no_store": True}, id="twice"),
    ],
)
def test_behind_a_quote_that_never_closes_only_restrictions_count(value: str, expected: dict[str, Any]) -> None:
    response(value, **expected)


@pytest.mark.requirement("9111-5.2.3-02")
def test_quoted_text_behind_quoted_text_gives_no_permission() -> None:
    response('ext="a" "b, max-age=100, public, c"', max_age=0)
    response('ext="a" "b, no-store, c"', no_store=True)
    response('ext="a"", max-age=100, public', max_age=0)


# --- qualified no-cache and private: ruling D09


@pytest.mark.requirement("9111-5.2.2.4-03")
@pytest.mark.parametrize(
    ("argument", "names"),
    [
        pytest.param('"Set-Cookie"', ("set-cookie",), id="one"),
        pytest.param('"a, B"', ("a", "b"), id="two"),
        pytest.param('" a ,,b "', ("a", "b"), id="with space and nothing"),
        pytest.param('"a\\, b"', ("a", "b"), id="escaped"),
        pytest.param("Set-Cookie", ("set-cookie",), id="a token"),
        pytest.param('"X-Unknown"', ("x-unknown",), id="any field"),
    ],
)
@pytest.mark.parametrize("name", ["no-cache", "private"])
def test_a_restriction_may_name_fields(name: str, argument: str, names: tuple[str, ...]) -> None:
    response(f"{name}={argument}, x", **{f"{name.replace('-', '_')}_fields": names})


@pytest.mark.parametrize(
    "argument",
    [
        "",
        '""',
        '","',
        '"a b"',
        '"a, b c"',
        '"a;b"',
        "a b",
        '"a" b',
        ' ="a"',
        '= "a"',
        '"a',
        " a",
        "\ta",
        'b="a"',
        '"a"b',
        '"a"=',
        '"a"b, max-age=5',
    ],
)
@pytest.mark.parametrize("name", ["no-cache", "private"])
def test_without_good_names_it_is_about_the_whole_response(name: str, argument: str) -> None:
    sign = "" if argument.startswith((" =", "=")) else "="
    numbers = {"max_age": 5} if "max-age" in argument else {}
    response(f"{name}{sign}{argument}", **{name.replace("-", "_"): True}, **numbers)


@pytest.mark.parametrize("name", ["no-cache", "private"])
def test_a_quoted_list_without_an_equals_sign_is_none(name: str) -> None:
    response(f'{name}"a"', **{name.replace("-", "_"): True})


def test_the_names_of_several_lists_add_up() -> None:
    response('private="a", no-cache="c", private="b"', private_fields=("a", "b"), no_cache_fields=("c",))


# --- RFC 9213


@pytest.mark.requirement("9213-2.2-06", "9213-2.2-07", "9213-2-01")
def test_a_targeted_field_says_what_cache_control_says() -> None:
    value = (
        'max-age=1, s-maxage=2, no-store, no-cache="a", private, public, must-revalidate, proxy-revalidate, '
        "must-understand, no-transform, immutable, stale-while-revalidate=3, stale-if-error=4"
    )
    assert targeted_directives(value) == response_directives(value)


@pytest.mark.requirement("9213-2.2-06")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("max-age=60", {"max_age": 60}),
        ("max-age=0", {"max_age": 0}),
        ("must-revalidate", {"must_revalidate": True}),
        ("no-store", {"no_store": True}),
        ("no-cache", {"no_cache": True}),
        ("private", {"private": True}),
        ('no-cache="a, b"', {"no_cache_fields": ("a", "b")}),
        ('private=""', {"private": True}),
        ("no-cache=?0, private=?0, no-store=?0, public=?0", {}),
        ("max-age=999999999999999", {"max_age": MOST}),
    ],
)
def test_a_targeted_directive_is_read(value: str, expected: dict[str, Any]) -> None:
    assert targeted_directives(value) == ResponseDirectives(present=True, **expected)


@pytest.mark.requirement("9213-2.1-05")
@pytest.mark.parametrize("value", ["", " ", "max-age=60,", "max-age", "Max-Age=60", "no store", '"no-store"', "a=1;;"])
def test_a_targeted_field_that_does_not_parse_says_nothing(value: str) -> None:
    assert targeted_directives(value) is None


@pytest.mark.requirement("9213-2.1-03", "9651-2.2-01")
@pytest.mark.parametrize(
    "value",
    [
        "max-age=60.0",
        'max-age="60"',
        "max-age=x",
        "max-age=-1",
        "max-age=?1",
        "max-age=(60)",
        "s-maxage",
        "stale-if-error=1.0",
        "no-store=1",
        'must-revalidate="x"',
        "public=1",
        "private=1",
        "private=a",
        "no-cache=(a b)",
        "immutable=1",
        "must-understand=a",
    ],
)
def test_a_targeted_directive_of_the_wrong_type_voids_the_field(value: str) -> None:
    assert targeted_directives(f"max-age=5, no-store, {value}") is None


@pytest.mark.requirement("9213-2.1-01", "9213-2.1-04", "9213-2.2-08", "9651-3.2-01")
def test_a_targeted_field_is_a_dictionary() -> None:
    assert targeted_directives("max-age=1, max-age=2;x=y, other=(1 2);z, no-store;a") == ResponseDirectives(
        max_age=2, no_store=True, present=True
    )


TARGETS = ("cachespec-cache-control", "cdn-cache-control")


@pytest.mark.requirement("9213-2.2-01")
@pytest.mark.parametrize(
    ("lines", "field", "seconds"),
    [
        pytest.param(
            {"Cache-Control": "max-age=1"},
            "cache-control",
            1,
            marks=pytest.mark.requirement("9213-2.2-04"),
            id="none but Cache-Control",
        ),
        pytest.param(
            {"Cache-Control": "max-age=1", "CDN-Cache-Control": "max-age=2"},
            "cdn-cache-control",
            2,
            marks=pytest.mark.requirement("9213-2.2-02", "9213-2.2-03"),
            id="one of the list",
        ),
        pytest.param(
            {"Cache-Control": "no-store", "CDN-Cache-Control": "max-age=2", "Cachespec-Cache-Control": "max-age=3"},
            "cachespec-cache-control",
            3,
            marks=pytest.mark.requirement("9213-2.2-02"),
            id="the first of the list",
        ),
        pytest.param(
            {"Cache-Control": "max-age=1", "CDN-Cache-Control": "max-age=2", "Cachespec-Cache-Control": "max-age=x"},
            "cdn-cache-control",
            2,
            marks=pytest.mark.requirement("9213-2.2-02", "9213-2.1-05"),
            id="the first valid one",
        ),
        pytest.param(
            {"Cache-Control": "max-age=1", "CDN-Cache-Control": "", "Cachespec-Cache-Control": "max-age=x"},
            "cache-control",
            1,
            marks=pytest.mark.requirement("9213-2.1-05", "9213-2.2-04"),
            id="none is valid",
        ),
        pytest.param(
            {"Cache-Control": "max-age=1", "Other-Cache-Control": "max-age=2", "Surrogate-Control": "max-age=3"},
            "cache-control",
            1,
            marks=pytest.mark.requirement("9213-2.2-05", "9213-2.4-01"),
            id="not on the list",
        ),
    ],
)
def test_the_first_valid_targeted_field_of_the_list_counts(lines: Any, field: str, seconds: int) -> None:
    said, found = policy_of(Headers(lines), TARGETS)
    assert (found, said.max_age) == (field, seconds)
    assert not said.no_store


@pytest.mark.requirement("9651-4.2-01")
def test_the_lines_of_a_targeted_field_are_one_dictionary() -> None:
    headers = Headers([("CDN-Cache-Control", "max-age=2"), ("CDN-Cache-Control", "no-cache")])
    assert policy_of(headers, TARGETS)[0] == ResponseDirectives(max_age=2, no_cache=True, present=True)


# --- writing


@pytest.mark.requirement("9111-5.2.1.1-02", "9111-5.2.2.1-02", "9111-5.2.2.4-04", "9111-5.2.2.10-04")
@pytest.mark.parametrize(
    ("directives", "text"),
    [
        ({}, ""),
        ({"no-store": True, "public": False}, "no-store"),
        ({"max-age": 0, "s-maxage": 5}, "max-age=0, s-maxage=5"),
        ({"max-age": 1, "max-stale": 2, "min-fresh": 3}, "max-age=1, max-stale=2, min-fresh=3"),
        ({"private": ["Set-Cookie"], "no-cache": ["a", "b"]}, 'private="Set-Cookie", no-cache="a, b"'),
    ],
)
def test_numbers_are_written_bare_and_names_in_quotes(directives: dict[str, Any], text: str) -> None:
    assert format_directives(directives) == text


NAMES = st.sampled_from(
    [
        "max-age",
        "s-maxage",
        "no-store",
        "no-cache",
        "private",
        "public",
        "must-revalidate",
        "proxy-revalidate",
        "must-understand",
        "no-transform",
        "immutable",
        "stale-while-revalidate",
        "stale-if-error",
        "min-fresh",
        "max-stale",
        "only-if-cached",
        "ext",
    ]
)
SCRAPS = st.lists(
    st.one_of(NAMES, st.sampled_from(['"', "\\", ",", "=", " ", "\t", "5", "60", "a", ";"]), st.text(max_size=3)),
    max_size=30,
).map("".join)


@given(SCRAPS)
@example('"' * 50)
@example('a="' * 50)
@example("\\" * 50 + '"')
def test_whatever_a_field_holds_it_is_read(value: str) -> None:
    said = response_directives(value)
    for seconds in (said.max_age, said.s_maxage, said.stale_while_revalidate, said.stale_if_error):
        assert seconds is None or 0 <= seconds <= MOST
    asked = request_directives(value)
    for seconds in (asked.max_age, asked.min_fresh, asked.max_stale, asked.stale_if_error):
        assert seconds is None or 0 <= seconds <= MOST
    targeted_directives(value)


@given(SCRAPS, st.sampled_from(["no-store", "no-cache", "private", "must-revalidate", "proxy-revalidate"]))
def test_a_restriction_before_junk_always_holds(junk: str, name: str) -> None:
    assert getattr(response_directives(f"{name}, {junk}"), name.replace("-", "_"))


@given(
    st.dictionaries(
        st.sampled_from(["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"]), st.integers(0, MOST)
    ),
    st.dictionaries(
        st.sampled_from(["no-store", "public", "must-revalidate", "immutable", "no-transform"]), st.booleans()
    ),
    st.dictionaries(
        st.sampled_from(["no-cache", "private"]), st.lists(st.sampled_from(["a", "set-cookie"]), min_size=1)
    ),
)
def test_what_is_written_is_read_back(numbers: Any, flags: Any, lists: Any) -> None:
    said = response_directives(format_directives(numbers | flags | lists))
    for name, value in (numbers | flags).items():
        assert getattr(said, name.replace("-", "_")) == value
    for name, names in lists.items():
        assert getattr(said, f"{name.replace('-', '_')}_fields") == tuple(names)


@pytest.mark.parametrize("unit", ['"', 'a="', 'a="b",', "\\", ",", "a=,", 'a="\\"', " "])
def test_the_time_for_reading_is_linear(unit: str) -> None:
    # A quadratic reader takes minutes for this.
    value = unit * (400_000 // len(unit))
    response_directives(value)
    request_directives(value)
