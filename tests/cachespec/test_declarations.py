from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachespec.declarations import CacheControl
from cachespec.directives import response_directives, targeted_directives


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"max_age": 60}, "max-age=60"),
        ({"max_age": 0}, "max-age=0"),
        ({"max_age": 2147483648}, "max-age=2147483648"),
        ({"max_age": timedelta(minutes=5)}, "max-age=300"),
        (
            {"s_maxage": timedelta(days=1), "stale_while_revalidate": timedelta(0)},
            "s-maxage=86400, stale-while-revalidate=0",
        ),
        ({"max_age": 300, "public": True}, "public, max-age=300"),
        ({"private": True, "max_age": 300}, "private, max-age=300"),
        ({"no_store": True}, "no-store"),
        ({"private": ["Set-Cookie", "X-Name"], "max_age": 1}, 'private="Set-Cookie, X-Name", max-age=1'),
        ({"private": "Set-Cookie", "public": True}, 'public, private="Set-Cookie"'),
        ({"no_cache": ("ETag",)}, 'no-cache="ETag"'),
        ({"no_cache": True, "no_store": True, "max_age": 0}, "no-store, no-cache, max-age=0"),
        ({"must_understand": True, "no_store": True, "max_age": 9}, "no-store, max-age=9, must-understand"),
        ({"private": True, "proxy_revalidate": True}, "private, proxy-revalidate"),
        (
            {
                "max_age": 1,
                "s_maxage": 2,
                "public": True,
                "private": ["A"],
                "no_cache": ["B"],
                "no_transform": True,
                "must_revalidate": True,
                "must_understand": True,
                "proxy_revalidate": True,
                "immutable": True,
                "stale_while_revalidate": 3,
                "stale_if_error": 4,
            },
            (
                'public, private="A", no-cache="B", max-age=1, s-maxage=2, must-revalidate, proxy-revalidate,'
                " must-understand, no-transform, immutable, stale-while-revalidate=3, stale-if-error=4"
            ),
        ),
    ],
    ids=str,
)
def test_a_declaration_is_written_as_cache_control(arguments: dict[str, Any], text: str) -> None:
    assert str(CacheControl(**arguments)) == text


@pytest.mark.requirement("9111-5.2.2.1-02", "9111-5.2.2.10-04", "9111-5.2.2.4-04")
def test_numbers_go_without_quotes_and_field_names_in_quotes() -> None:
    assert str(CacheControl(max_age=1, s_maxage=2, no_cache="A")) == 'no-cache="A", max-age=1, s-maxage=2'


def test_a_declaration_of_nothing_is_false() -> None:
    assert not CacheControl()
    assert not str(CacheControl(public=False, max_age=None))
    assert CacheControl(max_age=0)


def test_equal_declarations_are_equal_and_hash_alike() -> None:
    one, other = CacheControl(max_age=60, private=["A"]), CacheControl(max_age=timedelta(minutes=1), private="A")
    assert one == other
    assert hash(one) == hash(other)
    assert one != CacheControl(max_age=60)


SECONDS = ["max_age", "s_maxage", "stale_while_revalidate", "stale_if_error"]
FLAGS = [
    "public",
    "no_store",
    "no_transform",
    "must_revalidate",
    "must_understand",
    "proxy_revalidate",
    "immutable",
]
NAMES = ["private", "no_cache"]


@pytest.mark.parametrize("name", SECONDS)
@pytest.mark.parametrize(
    "value",
    [
        -1,
        2147483649,
        pytest.param(10**5000, id="5000 digits"),
        True,
        False,
        1.0,
        float("nan"),
        pytest.param(timedelta(seconds=-1), id="a second ago"),
        pytest.param(timedelta(milliseconds=1500), id="a second and a half"),
    ],
)
def test_what_is_no_number_of_seconds_is_a_value_error(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: "):
        CacheControl(**{name: value})


@pytest.mark.parametrize("name", SECONDS)
@pytest.mark.parametrize("value", ["60", b"60", [60], object, "60\r\nX: y"], ids=repr)
def test_seconds_of_another_type_are_a_type_error(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{name}: "):
        CacheControl(**{name: value})


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("value", [None, 1, 0, "yes", ["A"]], ids=repr)
def test_a_flag_that_is_no_bool_is_a_type_error(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{name}: "):
        CacheControl(**{name: value})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [None, 1, 1.5, [1], [None], [b"A"]], ids=repr)
def test_names_of_another_type_are_a_type_error(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{name}: "):
        CacheControl(**{name: value})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "value", [[], "", "A B", "A, B", ["A", "B\r\nX: y"], ["A\n"], ['"A"'], ["é"], ["A\0"]], ids=repr
)
def test_what_names_no_field_is_a_value_error(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: "):
        CacheControl(**{name: value})


@pytest.mark.parametrize(
    ("arguments", "name", "other"),
    [
        ({"public": True, "private": True}, "public", "private"),
        ({"s_maxage": 0, "private": True}, "s_maxage", "private"),
        ({"public": True, "no_store": True}, "public", "no_store"),
        ({"max_age": 1, "no_store": True}, "max_age", "no_store"),
        ({"s_maxage": 1, "no_store": True}, "s_maxage", "no_store"),
        ({"immutable": True, "no_store": True}, "immutable", "no_store"),
        ({"stale_while_revalidate": 1, "no_store": True}, "stale_while_revalidate", "no_store"),
        ({"stale_if_error": 1, "no_store": True}, "stale_if_error", "no_store"),
    ],
    ids=str,
)
def test_what_contradicts_itself_is_a_value_error(arguments: dict[str, Any], name: str, other: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: contradicts {other}\b"):
        CacheControl(**arguments)


def test_a_directive_that_there_is_not_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="maxage"):
        CacheControl(maxage=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


DECLARED = CacheControl(max_age=60, s_maxage=3600, public=True, stale_if_error=9)


@pytest.mark.parametrize(
    ("own", "declared", "joined"),
    [
        ("", DECLARED, "public, max-age=60, s-maxage=3600, stale-if-error=9"),
        ("no-transform", CacheControl(max_age=60), "no-transform, max-age=60"),
        ("max-age=5", DECLARED, "max-age=5, public, stale-if-error=9"),
        ("Max-Age=5", CacheControl(max_age=60), "Max-Age=5"),
        ("max-age=x", DECLARED, "max-age=x, public, stale-if-error=9"),
        ("s-maxage=5", DECLARED, "s-maxage=5, public, max-age=60, stale-if-error=9"),
        ("private", DECLARED, "private, max-age=60, stale-if-error=9"),
        (
            'private="Set-Cookie, A"',
            DECLARED,
            'private="Set-Cookie, A", public, max-age=60, s-maxage=3600, stale-if-error=9',
        ),
        ("no-store", DECLARED, "no-store"),
        ("no-store", CacheControl(must_understand=True, max_age=1), "no-store"),
        ("no-cache", CacheControl(max_age=60), "no-cache, max-age=60"),
        ("public", CacheControl(private=True, max_age=60), "public, max-age=60"),
        ("public, max-age=60", CacheControl(no_store=True), "public, max-age=60"),
        ("max-age=60", CacheControl(no_cache=True), "max-age=60"),
        ("max-age=0", CacheControl(no_store=True), "max-age=0, no-store"),
        ("immutable", CacheControl(no_cache=True), "immutable"),
        ("extension=1", CacheControl(max_age=60), "extension=1, max-age=60"),
        ("public =1", CacheControl(public=True), "public =1"),
    ],
)
def test_the_response_s_own_word_counts(own: str, declared: CacheControl, joined: str) -> None:
    assert declared.joined_to(own) == joined


def test_expires_is_a_lifetime_of_the_response_s_own() -> None:
    assert DECLARED.joined_to("", expires=True) == "public, stale-if-error=9"
    assert CacheControl(max_age=1).joined_to("", expires=True) == ""


@given(st.text(st.characters(max_codepoint=255), max_size=80))
def test_joining_never_loosens_what_a_response_says(own: str) -> None:
    joined = DECLARED.joined_to(own)
    assert joined.startswith(own)
    before, after = response_directives(own), response_directives(joined)
    for restriction in ("no_store", "no_cache", "private", "must_revalidate", "no_transform"):
        assert getattr(after, restriction) >= getattr(before, restriction)
    if before.max_age is not None:
        assert after.max_age == before.max_age


@pytest.mark.requirement("9213-2.1-02")
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "max-age=10"),
        ({"max_age": 60, "s_maxage": 3600, "public": True, "immutable": True}, "max-age=10, public"),
        ({"no_cache": True}, "max-age=10"),
        ({"private": ["Set-Cookie", "A"], "public": True}, 'max-age=10, public, private="Set-Cookie, A"'),
        ({"must_revalidate": True, "stale_if_error": 5}, "max-age=10, must-revalidate, stale-if-error=5"),
    ],
    ids=str,
)
def test_a_targeted_field_has_the_lifetime_of_its_target(arguments: dict[str, Any], text: str) -> None:
    written = CacheControl(**arguments).targeted(ttl=timedelta(seconds=10))
    assert written == text
    assert targeted_directives(written) is not None


@pytest.mark.parametrize("ttl", [-1, True, 0.5, "10"], ids=repr)
def test_a_ttl_that_is_no_number_of_seconds_is_refused_by_name(ttl: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=r"^ttl: "):
        CacheControl().targeted(ttl=ttl)
