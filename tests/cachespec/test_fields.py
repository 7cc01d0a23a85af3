from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachespec.fields import (
    MAX_DELTA,
    EntityTag,
    content_length,
    delta_seconds,
    entity_tags,
    field_names,
    members,
    parse_entity_tag,
    unquote,
)

opaques = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters='"\x7f'))
tags = st.builds(EntityTag, st.booleans(), opaques)
junk = st.text(st.sampled_from('abW/",;\\ \t*\x00\xe9'))
quoted = st.text(st.characters(max_codepoint=0xFF, exclude_categories=["Cc"]) | st.just("\t"))


def quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.mark.requirement("9111-1.2.2-01")
@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("1", 1), ("60", 60), ("007", 7), ("0" * 5000, 0), ("0" * 5000 + "60", 60), ("00000000000", 0)],
)
def test_a_number_of_seconds_is_one_or_more_digits(text: str, seconds: int) -> None:
    assert delta_seconds(text) == seconds


@pytest.mark.requirement("9111-1.2.2-01")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "+1",
        "1.0",
        "1.",
        "1e3",
        "1_000",
        "60s",
        "s60",
        "0x10",
        " 60",
        "60 ",
        "60\n",
        '"60"',
        "٦٠",
        "²",
        "６０",
    ],
)
def test_what_is_not_all_ascii_digits_is_no_number_of_seconds(text: str) -> None:
    assert delta_seconds(text) is None


@pytest.mark.requirement("9111-1.2.2-02", "9111-1.2.2-03")
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2147483646", 2147483646),
        ("2147483647", 2147483647),
        ("2147483648", MAX_DELTA),
        ("2147483649", MAX_DELTA),
        ("9999999999", MAX_DELTA),
        ("99999999999", MAX_DELTA),
        pytest.param("9" * 100_000, MAX_DELTA, id="a hundred thousand digits"),
    ],
)
def test_a_number_of_seconds_too_large_counts_as_the_largest(text: str, seconds: int) -> None:
    assert delta_seconds(text) == seconds


@given(st.integers(0, 10**30))
def test_a_number_of_seconds_is_read_back_or_clamped(number: int) -> None:
    assert delta_seconds(str(number)) == min(number, MAX_DELTA)


@given(st.text() | st.text(st.sampled_from("019-+. ")))
def test_no_text_for_a_number_of_seconds_raises(text: str) -> None:
    seconds = delta_seconds(text)
    assert seconds is None or 0 <= seconds <= MAX_DELTA


@pytest.mark.parametrize(
    ("value", "length"),
    [("0", 0), ("42", 42), ("042", 42), ("000", 0), ("42, 42", 42), ("42\t,42 ,42", 42), (" 42 ", 42)],
)
def test_a_content_length_may_be_repeated(value: str, length: int) -> None:
    assert content_length(value) == length


@pytest.mark.requirement("9110-8.6-02")
@pytest.mark.parametrize(
    ("value", "length"),
    [
        ("9" * 18, 10**18 - 1),
        ("1" + "0" * 18, 10**18),
        ("0" * 30 + "7", 7),
        pytest.param("9" * 100_000, 10**18, id="a hundred thousand digits"),
    ],
)
def test_a_content_length_may_be_arbitrarily_large(value: str, length: int) -> None:
    assert content_length(value) == length


@pytest.mark.parametrize(
    "value", ["", ",", "42,", "42, 43", "42, 042", "-1", "+1", "1.0", "1e3", "0x1", "4 2", "42\n", "٤٢"]
)
def test_what_is_no_single_number_is_no_content_length(value: str) -> None:
    assert content_length(value) is None


@given(st.text() | st.text(st.sampled_from("019, -")))
def test_no_content_length_raises(value: str) -> None:
    length = content_length(value)
    assert length is None or 0 <= length <= 10**18


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", []),
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        (" a \t,\t b ", ["a", "b"]),
        ("a b, c", ["a b", "c"]),
        ('a="1, 2", b', ['a="1, 2"', "b"]),
        (r'a="1\", 2", b', [r'a="1\", 2"', "b"]),
        (r'a="1\\", b', [r'a="1\\"', "b"]),
        ('"a,b""c,d", e', ['"a,b""c,d"', "e"]),
        ('x"a,b"y, e', ['x"a,b"y', "e"]),
        ("a\\,b", ["a\\", "b"]),
    ],
)
def test_commas_divide_a_list_unless_they_are_quoted(value: str, expected: list[str]) -> None:
    assert members(value) == expected


@pytest.mark.requirement("9110-5.6.1.2-01")
@pytest.mark.parametrize("value", [",a,,b", "a , ,b,", ', ,a,"",b'])
def test_empty_members_are_left_out(value: str) -> None:
    assert [member for member in members(value) if member != '""'] == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('a="1, b', ['a="1', "b"]),
        ('a, "', ["a", '"']),
        ('a="1, 2" "3, b, c', ['a="1, 2" "3', "b", "c"]),
        ('a="1, b\\"', ['a="1', 'b\\"']),
        ('a="1, b\\', ['a="1', "b\\"]),
        ('a="1, b\\", c\\"d, e', ['a="1', 'b\\"', 'c\\"d', "e"]),
    ],
)
def test_after_an_unterminated_quote_every_comma_divides(value: str, expected: list[str]) -> None:
    assert members(value) == expected


@given(st.lists(st.from_regex(r"[a-z]{1,3}", fullmatch=True) | quoted.map(quote)))
def test_a_list_is_divided_into_what_it_was_joined_from(parts: list[str]) -> None:
    assert members(" , ".join(parts)) == parts


@given(junk)
def test_nothing_but_commas_and_white_space_is_lost_from_a_list(value: str) -> None:
    def kept(text: str) -> str:
        return text.translate({ord(each): None for each in ", \t"})

    assert kept("".join(members(value))) == kept(value)


@pytest.mark.requirement("9110-5.6.4-01")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('""', ""),
        ('"60"', "60"),
        (r'"6\0"', "60"),
        (r'"a\"b\\c"', r'a"b\c'),
        ('"a\tb, c"', "a\tb, c"),
        ('"\xe9\\\xe9"', "\xe9\xe9"),
    ],
)
def test_a_quoted_string_is_unquoted(text: str, expected: str) -> None:
    assert unquote(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "a", '"', '"a', 'a"', '"a"b', '"a" ', ' "a"', '"a""b"', '"a\\"', '"\x00"', '"\\\x7f"', '"a\nb"', '"a"\n'],
)
def test_what_is_not_one_quoted_string_is_not_unquoted(text: str) -> None:
    assert unquote(text) is None


@pytest.mark.requirement("9110-5.6.4-01")
@given(quoted)
def test_a_text_survives_quoting(text: str) -> None:
    assert unquote(quote(text)) == text


@given(junk)
def test_no_text_to_unquote_raises(text: str) -> None:
    assert unquote(text) is None or text.startswith('"')


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ()),
        ("Accept-Encoding", ("accept-encoding",)),
        ("Accept , ,X-Y,accept", ("accept", "x-y", "accept")),
        ("*, a", ("*", "a")),
        ('a b, "c", d;e, f:, (g), \xe9, h', ("h",)),
        ('"x, a, y", b', ("b",)),
    ],
)
def test_field_names_are_the_tokens_of_a_list_in_lower_case(value: str, expected: tuple[str, ...]) -> None:
    assert field_names(value) == expected


@pytest.mark.requirement("9110-8.8.3-01")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"abc"', EntityTag(False, "abc")),
        ('W/"abc"', EntityTag(True, "abc")),
        ('""', EntityTag(False, "")),
        ('W/""', EntityTag(True, "")),
        (r'"a\b"', EntityTag(False, r"a\b")),
        (r'"a\\"', EntityTag(False, r"a\\")),
        ('"a,b"', EntityTag(False, "a,b")),
        ('"!#\'\xe9\xff"', EntityTag(False, "!#'\xe9\xff")),
    ],
)
def test_an_entity_tag_is_an_opaque_string_that_may_be_weak(value: str, expected: EntityTag) -> None:
    assert parse_entity_tag(value) == expected


@pytest.mark.requirement("9110-8.8.3-01")
@pytest.mark.parametrize(
    "value",
    [
        *("", "abc", '"abc', 'abc"', "'abc'", 'w/"abc"', 'W"abc"', 'W/ "abc"', "W/abc", '"a b"', '"a"b"', '"a\\"b"'),
        *('"a" ', ' "a"', '"a"\n', '"a", "b"', "*", '"\x00"', '"\x7f"', '"a\tb"'),
    ],
)
def test_what_the_grammar_does_not_allow_is_no_entity_tag(value: str) -> None:
    assert parse_entity_tag(value) is None


@pytest.mark.parametrize(
    ("one", "other", "strongly", "weakly"),
    [
        ('W/"1"', 'W/"1"', False, True),
        ('W/"1"', 'W/"2"', False, False),
        ('W/"1"', '"1"', False, True),
        ('"1"', 'W/"1"', False, True),
        ('"1"', '"1"', True, True),
        ('"1"', '"2"', False, False),
        ('"a"', '"A"', False, False),
    ],
)
@pytest.mark.requirement("9110-8.8.3.2-01", "9110-8.8.3.2-02")
def test_entity_tags_are_compared_strongly_and_weakly(one: str, other: str, strongly: bool, weakly: bool) -> None:
    left, right = parse_entity_tag(one), parse_entity_tag(other)
    assert left is not None
    assert right is not None
    assert left.strongly_matches(right) is strongly
    assert left.weakly_matches(right) is weakly


@given(tags)
def test_an_entity_tag_is_read_back(tag: EntityTag) -> None:
    assert parse_entity_tag(str(tag)) == tag


@pytest.mark.requirement("9110-8.8.3-01")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"a"', ['"a"']),
        ('"a","b" ,\tW/"c"', ['"a"', '"b"', 'W/"c"']),
        (',, "a", ,"b",', ['"a"', '"b"']),
        (r'"a,b", "c\", "d"', ['"a,b"', '"c\\"', '"d"']),
        ('"", W/""', ['""', 'W/""']),
    ],
)
def test_a_list_of_entity_tags_is_divided_outside_the_tags(value: str, expected: list[str]) -> None:
    assert [str(tag) for tag in entity_tags(value)] == expected


@pytest.mark.parametrize(
    "value",
    ["", "x", "x, W/y", 'w/"x"', '"x', '"x y"', '"x"y', '"x" "y"', 'x"y"', '"x"*', "**", "*, x", '"x, y', '"x"y,"'],
)
def test_members_that_are_no_entity_tag_are_left_out(value: str) -> None:
    assert entity_tags(value) == ()
    assert entity_tags(f'"1", {value}')[:1] == (EntityTag(False, "1"),)
    if value.count('"') % 2 == 0:
        assert entity_tags(f'{value}, "2"') == (EntityTag(False, "2"),)


@pytest.mark.parametrize("value", ["*", " *\t"])
def test_an_asterisk_alone_stands_for_any_entity_tag(value: str) -> None:
    assert entity_tags(value) == "*"


@given(st.lists(tags))
def test_a_list_of_entity_tags_is_read_back(expected: list[EntityTag]) -> None:
    assert entity_tags(", ".join([str(tag) for tag in expected])) == tuple(expected)


@given(junk)
def test_no_list_of_entity_tags_raises(value: str) -> None:
    assert entity_tags(value) == "*" or all(parse_entity_tag(str(tag)) == tag for tag in entity_tags(value))


# Each of these takes minutes where one character is tried more than a few times.
@pytest.mark.parametrize("value", [*'",\\ ', '",', '" ', '"a,', '\\"', '","', 'W/"', '"a"b', ', "', '"a b",'])
def test_long_values_take_time_in_proportion(value: str) -> None:
    for text in (value * 20_000, '"' + value * 20_000, "W/" + value * 20_000):
        members(text)
        unquote(text)
        parse_entity_tag(text)
        entity_tags(text)
