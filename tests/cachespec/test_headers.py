from __future__ import annotations

import pickle
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachespec.headers import _NAMES, KEPT, LINE_LIMIT, NAMES, SECRET, SINGULAR, Headers, HeadersLike, Line, is_token

LINES = (("Vary", "a"), ("ETag", '"1"'), ("vary", "b"), ("VARY", "c"))

names = st.text(st.sampled_from("abAB-!#$%&'*+.^_`|~09"), min_size=1, max_size=3)
values = st.text(st.characters(max_codepoint=0xFF), max_size=9)
octets = st.tuples(names.map(str.encode), values.map(lambda value: value.encode("latin-1")))


@pytest.mark.parametrize(
    ("given_lines", "lines"),
    [
        pytest.param((), (), id="nothing"),
        pytest.param([("A", "1"), ("b", "2"), ("a", "3")], (("A", "1"), ("b", "2"), ("a", "3")), id="pairs"),
        pytest.param(iter([("A", "1"), ("b", "2")]), (("A", "1"), ("b", "2")), id="an iterator"),
        pytest.param([(b"A", b"1"), ("b", b"\xe9"), (b"c", "\xff")], (("A", "1"), ("b", "é"), ("c", "ÿ")), id="octets"),
        pytest.param({"A": "1", "b": "2"}, (("A", "1"), ("b", "2")), id="a dict"),
        pytest.param(MappingProxyType({"A": "1"}), (("A", "1"),), id="another mapping"),
        pytest.param(Headers([("A", "1"), ("a", "2")]), (("A", "1"), ("a", "2")), id="other headers"),
    ],
)
@pytest.mark.requirement("9110-5.3-01")
def test_headers_are_made_of_lines_and_keep_their_order(given_lines: HeadersLike, lines: tuple[Line, ...]) -> None:
    headers = Headers(given_lines)
    assert headers.lines == lines
    assert list(headers) == list(lines)
    assert len(headers) == len(lines)


@pytest.mark.requirement("9110-5.2-01")
def test_repeated_lines_are_one_value_joined_by_commas_in_order() -> None:
    headers = Headers(LINES)
    assert headers.fields == {"vary": "a, b, c", "etag": '"1"'}
    assert headers["Vary"] == headers.get("vARY") == "a, b, c"
    assert headers.getlist("vary") == ["a", "b", "c"]
    assert headers.fields is headers.fields
    assert Headers(headers).fields is headers.fields


def test_octets_and_text_may_stand_side_by_side() -> None:
    lines: list[tuple[str | bytes, str | bytes]] = [(b"A", b" 1\xe9"), ("B", " 2 "), (b"C", "3"), ("D", b"4")]
    assert Headers(lines).lines == (("A", "1\xe9"), ("B", "2"), ("C", "3"), ("D", "4"))
    assert Headers(lines[1:]).lines == (("B", "2"), ("C", "3"), ("D", "4"))


def test_names_are_kept_once_and_not_without_bound() -> None:
    one, other = Headers([(b"X-Kept-Once", b"1")]), Headers([("X-Kept-Once", "2")])
    assert one.lines[0][0] is other.lines[0][0]
    assert next(iter(one.fields)) is next(iter(other.fields))
    for number in range(2 * NAMES):
        headers = Headers([(f"X-{number}".encode(), b"")])
        assert list(headers.fields) == [f"x-{number}"]
    long = Headers([("L" * 100, "1")])
    assert list(long.fields) == ["l" * 100]
    assert "L" * 100 not in _NAMES
    assert len(_NAMES) <= NAMES + 1


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict[Any, Any]:
    """The table of names, empty."""
    made: dict[Any, Any] = {}
    monkeypatch.setattr("cachespec.headers._NAMES", made)
    return made


def test_lines_that_come_again_are_kept_once_and_not_without_bound(table: dict[Any, Any]) -> None:
    one, other = Headers([(b"X-Again", b" 1 ")]), Headers([(b"x-other", b"1"), (b"X-Again", b" 1 ")])
    assert one.lines[0] is other.lines[1]
    for number in range(3 * KEPT):
        assert Headers([(b"X-Again", str(number).encode())]).lines == (("X-Again", str(number)),)
    assert len(table[b"X-Again"][2]) <= KEPT
    assert one.lines[0] is not Headers([(b"X-Again", b" 1 ")]).lines[0]


@pytest.mark.parametrize("name", sorted(SECRET | SINGULAR))
def test_what_is_secret_or_does_not_come_again_is_not_kept(name: str, table: dict[Any, Any]) -> None:
    secret = "a secret of somebody"
    Headers([(name.title(), secret), (name.encode(), secret.encode())])
    assert not table[name.title()][2]
    assert not table[name.encode()][2]


def test_long_lines_are_not_kept(table: dict[Any, Any]) -> None:
    Headers([("X-Long", "a" * LINE_LIMIT), ("X-Long", "b" * (LINE_LIMIT + 1))])
    assert list(table["X-Long"][2]) == ["a" * LINE_LIMIT]


def test_headers_have_no_other_attributes() -> None:
    for headers in (Headers(), Headers.trusted(())):
        with pytest.raises(AttributeError, match=r"'Headers' object has no attribute 'other'"):
            headers.other  # type: ignore[attr-defined] # noqa: B018


def test_an_empty_line_is_a_member_of_the_joined_value() -> None:
    assert Headers([("a", ""), ("a", "1"), ("a", "")])["a"] == ", 1, "


def test_a_field_is_found_in_any_case_or_is_absent() -> None:
    headers = Headers([("Content-Type", "text/plain")])
    assert "content-type" in headers
    assert "CONTENT-TYPE" in headers
    assert "content" not in headers
    assert b"content-type" not in headers
    assert headers.get("Vary") is None
    assert headers.get("Vary", "*") == "*"
    assert headers.getlist("Vary") == []
    with pytest.raises(KeyError):
        headers["Vary"]


@pytest.mark.requirement("9110-5.5-03")
@pytest.mark.parametrize("value", ["a b", " a b", "a b ", "\t a b \t"])
def test_white_space_around_a_value_is_no_part_of_it(value: str) -> None:
    assert Headers([("x", value)]).lines == (("x", "a b"),)
    assert Headers([(b"x", value.encode())]).lines == (("x", "a b"),)
    assert Headers().plus(("x", value)).lines == (("x", "a b"),)


@pytest.mark.requirement("9110-5.5-01")
@pytest.mark.parametrize(
    ("value", "mended"),
    [
        ("a\r\nb: c", "a  b: c"),
        ("a\rb", "a b"),
        ("a\nb", "a b"),
        ("a\0b", "a b"),
        ("\r\na \0", "a"),
        ("a\x0bb", "a\x0bb"),
    ],
    ids=ascii,
)
def test_octets_that_could_end_a_line_become_spaces(value: str, mended: str) -> None:
    lines = (("a", "1"), ("x", mended))
    assert Headers([("a", "1"), ("x", value)]).lines == lines
    assert Headers([("a", "1")]).plus(("x", value)).lines == lines
    assert Headers([("a", "1"), ("X", "2")]).replacing(("x", value)).lines == lines


@pytest.mark.requirement("9110-5.5-02")
def test_octets_beyond_ascii_pass_through() -> None:
    every = bytes(range(0x80, 0x100))
    headers = Headers([(b"ETag", b'"' + every + b'"')])
    assert headers.raw == [(b"ETag", b'"' + every + b'"')]


@pytest.mark.parametrize("name", ["", " ", "a ", " a", "a b", "a:", "é", "a\n", "a\0", "(a)", "a,b", '"a"'], ids=ascii)
def test_a_line_whose_name_is_no_token_is_dropped(name: str) -> None:
    assert not is_token(name)
    assert Headers([("a", "1"), (name, "2"), ("b", " 3")]).lines == (("a", "1"), ("b", "3"))
    assert Headers().plus((name, "1")).lines == ()


@pytest.mark.parametrize("name", ["a", "ETag", "X-1", "!#$%&'*+-.^_`|~"])
def test_a_token_names_a_line(name: str) -> None:
    assert is_token(name)
    assert Headers([(name, "1")]).lines == ((name, "1"),)


def test_headers_without_some_fields_keep_the_other_lines() -> None:
    headers = Headers(LINES)
    assert headers.without({"vary"}).lines == (("ETag", '"1"'),)
    assert headers.without(frozenset({"etag", "age"})).lines == (LINES[0], *LINES[2:])
    assert headers.without({"vary", "etag"}).lines == ()
    assert headers.without(frozenset()) is headers
    assert headers.without({"age"}) is headers
    assert headers.lines == LINES


def test_lines_are_added_at_the_end() -> None:
    headers = Headers(LINES)
    assert headers.plus(("Age", "1"), ("vary", "d")).lines == (*LINES, ("Age", "1"), ("vary", "d"))
    assert headers.plus(("vary", "d"))["vary"] == "a, b, c, d"
    assert headers.plus().lines == LINES


def test_lines_replace_the_lines_of_the_same_fields() -> None:
    headers = Headers(LINES).replacing(("Vary", "x"), ("Age", "1"), ("vary", "y"))
    assert headers.lines == (("ETag", '"1"'), ("Vary", "x"), ("Age", "1"), ("vary", "y"))
    assert headers["vary"] == "x, y"


def test_trusted_lines_are_not_looked_at() -> None:
    lines = (("a b", " \n"),)
    assert Headers.trusted(lines).lines is lines


def test_headers_are_equal_whatever_the_case_of_their_names() -> None:
    headers = Headers([("A", "1"), ("b", "2")])
    assert headers == Headers([("a", "1"), ("B", "2")])
    assert hash(headers) == hash(Headers([("a", "1"), ("B", "2")]))
    assert headers != Headers([("B", "2"), ("a", "1")])
    assert headers != Headers([("A", "1"), ("b", "3")])
    assert headers != {"A": "1", "b": "2"}


def test_headers_survive_pickling() -> None:
    headers = Headers(LINES)
    assert pickle.loads(pickle.dumps(headers)) == headers


def test_values_are_not_shown() -> None:
    assert repr(Headers([("Authorization", "Basic c2VjcmV0"), ("Age", "1")])) == "<Headers Authorization, Age>"


@pytest.mark.requirement("9110-5.5-01", "9110-5.5-02", "9110-5.5-03")
@given(st.lists(octets))
def test_lines_of_octets_come_out_as_they_went_in(lines: list[tuple[bytes, bytes]]) -> None:
    sound = [
        (name, value.replace(b"\r", b" ").replace(b"\n", b" ").replace(b"\0", b" ").strip(b" \t"))
        for name, value in lines
    ]
    assert Headers(lines).raw == sound


@given(st.lists(st.tuples(names, values)))
def test_the_value_of_a_field_is_that_of_its_lines(lines: list[Line]) -> None:
    headers = Headers(lines)
    fields: Mapping[str, str] = headers.fields
    assert {name.lower() for name, _ in lines} == set(fields)
    for name, value in fields.items():
        assert value == ", ".join(headers.getlist(name))


@given(st.lists(st.tuples(st.text(), st.text())))
def test_no_line_can_hold_another(lines: list[Line]) -> None:
    for name, value in Headers(lines):
        assert is_token(name)
        assert not set(value) & set("\r\n\0")


def test_many_lines_of_one_field_are_joined_in_proportion_to_their_number() -> None:
    headers = Headers([("a", "x" * 100)] * 50_000)
    assert len(headers["a"]) == 50_000 * 102 - 2


@pytest.mark.parametrize(
    "lines",
    [
        [("Etag", '"a"'), (b"Vary", b"Accept")],
        [(b"Etag", '"a"'), (b"Vary", "Accept")],
        [("Etag", b'"a"'), ("Vary", "Accept")],
    ],
    ids=["octets behind text", "octets for names", "octets for one value"],
)
def test_text_and_octets_may_be_mixed(lines: list[tuple[str | bytes, str | bytes]]) -> None:
    assert Headers(iter(lines)).lines == (("Etag", '"a"'), ("Vary", "Accept"))
