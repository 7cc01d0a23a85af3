from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cachespec import invalidation
from cachespec.headers import Headers
from cachespec.invalidation import (
    MAX_GROUP,
    MAX_GROUPS,
    SAFE_METHODS,
    cache_groups,
    invalidated_groups,
    invalidated_urls,
    invalidates,
)
from cachespec.keys import origin_of
from cachespec.messages import Request, Response
from cachespec.structured import serialise_list
from cachespec.verdicts import Verdict

TARGET = "https://example.com/a/b?c"
SAFE = ["GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY", "PRI"]
UNSAFE = ["POST", "PUT", "DELETE", "PATCH", "CONNECT", "M-SEARCH", "PURGE", "get", "Query", ""]


def urls(*lines: tuple[str, str], target: str = TARGET) -> tuple[str, ...]:
    return invalidated_urls(Request("POST", target), Response(200, lines))


@pytest.mark.requirement("9111-4.4-01", "9110-9.1-01")
@pytest.mark.parametrize("method", UNSAFE)
def test_a_method_that_is_not_known_to_be_safe_invalidates_the_target(method: str) -> None:
    request = Request(method, TARGET)
    assert invalidates(request, Response(200))
    assert invalidated_urls(request, Response(200)) == (TARGET,)


@pytest.mark.requirement("9110-9.2.1-01", "10008-2-01")
@pytest.mark.parametrize("method", SAFE)
def test_a_safe_method_invalidates_nothing(method: str) -> None:
    request = Request(method, TARGET)
    response = Response(200, [("Location", "/x"), ("Cache-Group-Invalidation", '"a"')])
    assert invalidates(request, response).code == "safe-method"
    assert invalidated_urls(request, response) == ()


def test_no_other_method_is_safe() -> None:
    assert set(SAFE) == SAFE_METHODS


@pytest.mark.requirement("9111-4.4-02")
@pytest.mark.parametrize(
    ("status", "answer"),
    [
        *[(status, False) for status in (100, 103, 199, 400, 404, 412, 500, 599, 999)],
        *[(status, True) for status in (200, 201, 204, 300, 303, 304, 399)],
    ],
)
def test_only_a_2xx_or_3xx_invalidates(status: int, answer: bool) -> None:
    request, response = Request("PUT", TARGET), Response(status, [("Location", "/x")])
    assert invalidates(request, response).code == ("unsafe-method" if answer else "unsafe-failed")
    assert bool(invalidated_urls(request, response)) is answer


def test_the_target_is_normalised() -> None:
    assert urls(target="HTTPS://Example.COM:443#f") == ("https://example.com/",)


@pytest.mark.requirement("9111-4.4-03")
@pytest.mark.parametrize("name", ["Location", "Content-Location"])
@pytest.mark.parametrize(
    ("reference", "url"),
    [
        pytest.param("https://example.com/x", "https://example.com/x", id="absolute"),
        pytest.param("HTTPS://EXAMPLE.com:443/x#f", "https://example.com/x", id="absolute, not normal"),
        pytest.param("https://example.com", "https://example.com/", id="no path"),
        pytest.param("//example.com/x", "https://example.com/x", id="no scheme"),
        pytest.param("/x?y", "https://example.com/x?y", id="absolute path"),
        pytest.param("x", "https://example.com/a/x", id="relative path"),
        pytest.param("../x", "https://example.com/x", id="parent"),
        pytest.param("../../../x", "https://example.com/x", id="above the root"),
        pytest.param("?x", "https://example.com/a/b?x", id="query"),
    ],
)
def test_location_and_content_location_are_invalidated_too(name: str, reference: str, url: str) -> None:
    assert urls((name, reference)) == (TARGET, url)


def test_both_fields_and_every_line_count_each_url_once() -> None:
    lines = [("Location", "/x"), ("Content-Location", "/y"), ("Location", "/z"), ("Content-Location", "/x")]
    assert urls(*lines) == (TARGET, "https://example.com/x", "https://example.com/z", "https://example.com/y")


@pytest.mark.parametrize("reference", ["", "#f", TARGET, "b?c", f"{TARGET}#f"])
def test_the_target_itself_is_named_once(reference: str) -> None:
    assert urls(("Location", reference)) == (TARGET,)


@pytest.mark.requirement("9111-4.4-04")
@pytest.mark.parametrize("name", ["Location", "Content-Location"])
@pytest.mark.parametrize(
    "reference",
    [
        "http://example.com/x",
        "https://example.org/x",
        "https://www.example.com/x",
        "https://example.com:8443/x",
        "https://example.com.evil.org/x",
        "https://example.com@evil.org/x",
        "//evil.org/x",
        "mailto:example.com",
        "urn:x",
        "https://[::1/x",
        "https://example.com:x/",
        "/x y",
    ],
)
def test_another_origin_or_what_is_no_url_is_left_alone(name: str, reference: str) -> None:
    assert urls((name, reference)) == (TARGET,)


def test_a_target_without_an_origin_is_invalidated_alone() -> None:
    assert urls(("Location", "other:/b"), ("Content-Location", "b"), target="other:/a") == ("other:/a",)


@given(st.text() | st.text(st.sampled_from("htps:/?#@[].e%2 ")))
@example("https://\u2100/")
def test_whatever_location_says_only_urls_of_the_same_origin_are_named(reference: str) -> None:
    assert {origin_of(url) for url in urls(("Location", reference))} == {"https://example.com:443"}


def groups(*values: str) -> tuple[str, ...]:
    """What both fields make of the same lines."""
    found = cache_groups(Headers([("Cache-Groups", value) for value in values]))
    response = Response(200, [("Cache-Group-Invalidation", value) for value in values])
    assert invalidated_groups(Request("POST", TARGET), response) == found
    return found


@pytest.mark.requirement("9875-2-01", "9875-3-01")
@pytest.mark.parametrize(
    ("values", "names"),
    [
        (['"a"'], ("a",)),
        (['"a", "b"'], ("a", "b")),
        (['"a"', '"b"'], ("a", "b")),
        (['"a";x=1;y, "b"'], ("a", "b")),
        (['"a", "a"'], ("a",)),
        (['"a, b"'], ("a, b",)),
        (['""'], ("",)),
        ([r'"\"\\"'], ('"\\',)),
        ([""], ()),
        ([], ()),
    ],
)
def test_groups_are_a_list_of_strings(values: list[str], names: tuple[str, ...]) -> None:
    assert groups(*values) == names


@pytest.mark.requirement("9875-2.1-01")
def test_names_of_groups_are_case_sensitive() -> None:
    assert groups('"a", "A"') == ("a", "A")


@pytest.mark.requirement("9651-2.2-01")
@pytest.mark.parametrize(
    "value", ["a", '"a", b', '"a", 1', '"a", ?1', '"a", :YQ==:', '"a", ("b")', '"a", %"b"', '"a",', '"a" "b"', '"\xe9"']
)
def test_a_member_that_is_no_string_voids_the_field(value: str) -> None:
    assert groups(value) == ()


@pytest.mark.requirement("9875-2-02", "9875-3-04")
def test_at_least_32_groups_of_32_characters_are_held() -> None:
    names = [f"{number:032}" for number in range(32)]
    assert groups(serialise_list(names)) == tuple(names)


def test_the_number_of_groups_and_the_length_of_their_names_are_bounded() -> None:
    names = [f"{number}" for number in range(MAX_GROUPS + 1)]
    assert groups(serialise_list(names)) == tuple(names[:MAX_GROUPS])
    assert groups(serialise_list(["a" * MAX_GROUP, "a" * (MAX_GROUP + 1), "b"])) == ("a" * MAX_GROUP, "b")


@given(st.text(st.characters(max_codepoint=0xFF)) | st.text(st.sampled_from('"a,() ;\\')))
def test_reading_groups_never_fails(value: str) -> None:
    groups(value)


@pytest.mark.requirement("9875-3-02")
@pytest.mark.parametrize("method", SAFE)
def test_a_safe_method_invalidates_no_group(method: str) -> None:
    assert invalidated_groups(Request(method, TARGET), Response(200, [("Cache-Group-Invalidation", '"a"')])) == ()


@pytest.mark.requirement("9875-3-03")
@pytest.mark.parametrize(
    ("status", "names"),
    [(199, ()), (200, ("a",)), (304, ("a",)), (404, ("a",)), (500, ("a",)), (999, ("a",))],
)
@pytest.mark.parametrize("method", UNSAFE)
def test_any_final_response_to_another_method_invalidates_groups(
    method: str, status: int, names: tuple[str, ...]
) -> None:
    response = Response(status, [("Cache-Group-Invalidation", '"a"')])
    assert invalidated_groups(Request(method, TARGET), response) == names


@pytest.mark.requirement("9875-2.2.1-02")
def test_the_groups_of_the_response_itself_are_not_invalidated() -> None:
    response = Response(200, [("Cache-Group-Invalidation", '"a"'), ("Cache-Groups", '"a", "b"')])
    assert invalidated_groups(Request("POST", TARGET), response) == ("a",)


def test_the_limits_of_groups_are_those_that_are_told() -> None:
    assert (MAX_GROUPS, MAX_GROUP) == (128, 256)


# --- verdicts have stable names


def test_the_names_of_verdicts_stay() -> None:
    found = {name: (made.yes, made.code) for name, made in vars(invalidation).items() if isinstance(made, Verdict)}
    named = {
        "UNSAFE": (True, "unsafe-method"),
        "SAFE": (False, "safe-method"),
        "FAILED": (False, "unsafe-failed"),
    }
    assert named.items() <= found.items()
