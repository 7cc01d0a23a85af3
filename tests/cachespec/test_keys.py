from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cachespec.headers import Headers
from cachespec.keys import (
    NORMALISE,
    NORMALISE_STRICT,
    Selecting,
    digest,
    in_any_order,
    keyed_digest,
    normalise_url,
    origin_of,
    primary_key,
    resolve,
    selecting_values,
    variant_key,
    vary_names,
    with_params,
    without_list_space,
    without_space,
)

SECRET = b"s" * 32
PRIMARY = primary_key("http://example.com/", "")
GENERATION = bytes(16)

texts = st.text(st.characters(), max_size=8)
url_texts = st.text(st.sampled_from("htps:/?#@[]a%2.:0 8\n\\é"), max_size=24)
list_texts = st.text(st.sampled_from("ab ,;=\tq"), max_size=24).map(lambda text: text.strip(" \t"))


def values(names: tuple[str, ...], *lines: tuple[str, str], strict: bool = False) -> Selecting:
    return selecting_values(names, Headers(lines).fields, NORMALISE_STRICT if strict else NORMALISE, SECRET)


@pytest.mark.requirement("9110-4.2.3-01")
@pytest.mark.parametrize(
    ("url", "normal"),
    [
        pytest.param("http://example.com/", "http://example.com/", id="normal already"),
        pytest.param("HTTP://Example.COM/", "http://example.com/", id="scheme and host in upper case"),
        pytest.param("http://example.com", "http://example.com/", id="empty path"),
        pytest.param("http://example.com?q", "http://example.com/?q", id="empty path before a query"),
        pytest.param("http://example.com:80/", "http://example.com/", id="default port of http"),
        pytest.param("https://example.com:443/", "https://example.com/", id="default port of https"),
        pytest.param("http://example.com:/", "http://example.com/", id="empty port"),
        pytest.param("http://example.com:000080/", "http://example.com/", id="leading zeros in the port"),
        pytest.param("http://example.com:443/", "http://example.com:443/", id="default port of another scheme"),
        pytest.param("http://example.com:8080/", "http://example.com:8080/", id="other port"),
        pytest.param("other://example.com:80/", "other://example.com:80/", id="scheme without a default port"),
        pytest.param("http://[::1]/", "http://[::1]/", id="IPv6 address"),
        pytest.param("http://[::A]:80/", "http://[::a]/", id="IPv6 address with a port"),
        pytest.param("http://me:secret@example.com/", "http://example.com/", id="user information"),
        pytest.param("http://example.com/?", "http://example.com/?", id="empty query"),
        pytest.param("http://Example.com/a?b=%7e&A", "http://example.com/a?b=%7e&A", id="query"),
    ],
)
def test_a_url_is_normalised_by_scheme_host_port_and_empty_path(url: str, normal: str) -> None:
    assert normalise_url(url) == normal


@pytest.mark.requirement("9110-4.2.5-01")
@pytest.mark.parametrize("url", ["http://example.com/#a", "http://example.com#a", "http://example.com/#?b"])
def test_a_fragment_is_no_part_of_a_url(url: str) -> None:
    assert normalise_url(url) == "http://example.com/"


@pytest.mark.requirement("9110-4.2.3-02")
@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/A",
        "http://example.com/a?B",
        "http://example.com/%61",
        "http://example.com/a/../b",
        "http://example.com//a",
        "http://example.com/?b&a",
        "http://example.com/\xe9",
    ],
)
def test_path_and_query_stay_as_they_are(url: str) -> None:
    assert normalise_url(url) == url
    assert normalise_url(url.replace("example", "EXAMPLE")) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/a",
        "//example.com/",
        "mailto:me",
        "http:///a",
        "http://:80/",
        "http://[::1/",
        "http://a:b/",
        "http://a:1234567/",
        "http://a:8_0/",
        "http://a:٨٠/",
        "http://a:80:80/",
        "http://A/b c",
        "http://A/b\tc",
        "http://A/b\nc",
        "\x00http://A/",
        "http://A℀/",
    ],
)
def test_what_is_no_url_is_left_alone_and_has_no_origin(url: str) -> None:
    assert normalise_url(url) == url
    assert origin_of(url) is None


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("/x?y#z", "https://example.com/x?y"),
        ("x", "https://example.com/a/x"),
        ("", "https://example.com/a/b?c"),
        ("HTTP://Other.example:80", "http://other.example/"),
        ("http://[", ""),
    ],
)
def test_a_reference_is_read_from_its_base_and_normalised(reference: str, url: str) -> None:
    assert resolve("https://example.com/a/b?c", reference) == url


def test_letters_beyond_ascii_are_not_folded_into_a_host() -> None:
    assert normalise_url("http://\u212a.example/") != normalise_url("http://k.example/")


@given(url_texts | st.text().map("http://".__add__))
@example("http://a:80:80/")
def test_a_normalised_url_is_normal(url: str) -> None:
    normal = normalise_url(url)
    assert normalise_url(normal) == normal
    assert origin_of(normal) == origin_of(url)


@pytest.mark.requirement("9110-4.3.1-01")
@pytest.mark.parametrize(
    "url",
    ["http://example.com", "HTTP://EXAMPLE.com:80/a?b", "http://example.com:0080/", "http://me@example.com:/#f"],
)
def test_an_origin_is_scheme_host_and_port(url: str) -> None:
    assert origin_of(url) == "http://example.com:80"


def test_an_origin_without_any_port_is_none() -> None:
    assert origin_of("other://example.com/") is None
    assert origin_of("other://example.com:7/") == "other://example.com:7"


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
@example([b"ab", b"c"], [b"a", b"bc"])
@example([b"a"], [b"a", b""])
def test_different_lists_of_parts_have_different_digests(one: list[bytes], other: list[bytes]) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)


@given(st.tuples(texts, texts), st.tuples(texts, texts))
@example(("ab", "c"), ("a", "bc"))
@example(("\xe9", ""), ("\udcc3\udca9", ""))
def test_a_primary_key_is_of_one_url_in_one_space(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert len(primary_key(*one)) == 32
    assert (primary_key(*one) == primary_key(*other)) == (one == other)


pairs = st.lists(st.tuples(texts, st.none() | texts), max_size=3).map(tuple)


@pytest.mark.requirement("9111-2-03")
@given(pairs, pairs)
@example((("accept", ""),), (("accept", None),))
@example((("accept", None),), ())
@example((("€", None),), (("¥", None),))
def test_different_selecting_values_have_different_keys(one: Selecting, other: Selecting) -> None:
    assert (variant_key(PRIMARY, GENERATION, one) == variant_key(PRIMARY, GENERATION, other)) == (one == other)


def test_a_new_generation_leaves_no_key_as_it_was() -> None:
    assert variant_key(PRIMARY, GENERATION, ()) not in {variant_key(PRIMARY, b"\x01" * 16, ()), PRIMARY}


@given(texts)
def test_a_keyed_digest_is_64_hexadecimal_digits_that_depend_on_the_secret(value: str) -> None:
    text = keyed_digest(SECRET, value)
    assert len(text) == 64
    assert set(text) <= set(string.hexdigits)
    assert text != keyed_digest(b"t" * 32, value)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (None, ()),
        ("", ()),
        (", ,", ()),
        ("Accept", ("accept",)),
        ("B, a ,A", ("a", "b")),
    ],
)
def test_vary_names_fields_in_lower_case_each_once_sorted(value: str | None, names: tuple[str, ...]) -> None:
    assert vary_names(value) == names


@pytest.mark.requirement("9111-4.1-04")
@pytest.mark.parametrize("value", ["*", "*, *", " ,*", "*, accept", "accept, *", "accept,*,cookie"])
def test_a_star_anywhere_in_vary_never_matches(value: str) -> None:
    assert vary_names(value) is None
    assert vary_names(Headers([("Vary", "accept"), ("Vary", value)]).get("vary")) is None


@pytest.mark.parametrize("value", ["a b", '"accept"', "accept, caf\xe9", "accept;q=1"])
def test_a_member_of_vary_that_is_no_name_never_matches(value: str) -> None:
    assert vary_names(value) is None


def test_a_star_is_special_only_as_a_whole_member() -> None:
    assert vary_names("x-*, **") == ("**", "x-*")


@given(st.text())
def test_reading_vary_never_fails(value: str) -> None:
    names = vary_names(value)
    assert names is None or list(names) == sorted(set(names))


@pytest.mark.requirement("9111-4.1-01")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param([("Accept", "a")], [("Accept", "b")], id="other value"),
        pytest.param([("Accept", "a"), ("B", "1")], [("Accept", "a"), ("B", "2")], id="other value of one of two"),
        pytest.param([("B", "1, 2")], [("B", "1,2")], id="white space in a field of unknown syntax"),
        pytest.param([("B", "a")], [("B", "A")], id="case in a field of unknown syntax"),
        pytest.param([("Accept-Language", "en us")], [("Accept-Language", "enus")], id="white space in a member"),
        pytest.param([("Accept", 'a;b="c, d"')], [("Accept", 'a;b="c,d"')], id="white space in a quoted string"),
    ],
)
def test_requests_that_differ_in_a_named_field_do_not_match(
    one: list[tuple[str, str]], other: list[tuple[str, str]]
) -> None:
    names = ("accept", "accept-language", "b")
    assert values(names, *one) != values(names, *other)


@pytest.mark.requirement("9111-4.1-03")
def test_an_absent_field_matches_only_an_absent_field() -> None:
    absent = values(("accept",), ("Other", "a"))
    assert absent == (("accept", None),) == values(("accept",))
    assert absent != values(("accept",), ("Accept", ""))


@pytest.mark.requirement("9111-4.1-02")
@pytest.mark.parametrize("name", ["Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language"])
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["a;q=0.5, b"], id="one space"),
        pytest.param(["a  ;\tq=0.5 \t,\t  b"], id="much space"),
        pytest.param(["a;q=0.5", "b"], id="two lines"),
    ],
)
def test_white_space_around_delimiters_and_division_into_lines_do_not_matter(name: str, lines: list[str]) -> None:
    given = values((name.lower(),), *[(name, line) for line in lines])
    assert given == values((name.lower(),), (name, "a;q=0.5,b"))


@pytest.mark.requirement("9111-4.1-02")
def test_strict_mode_disregards_order_and_case_of_members_too() -> None:
    names = ("accept-language",)
    one, other = ("Accept-Language", "en, DE;q=0.5"), ("Accept-Language", "de;q=0.5, EN")
    assert values(names, one, strict=True) == values(names, other, strict=True)
    assert values(names, one) != values(names, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a;b=C", "a;b=c"), ("a;q=0.5,b", "a,b;q=0.5"), ('a,b;c="d"', 'b;c="d",a'), ("a", "a,a")],
)
def test_strict_mode_keeps_apart_what_may_differ(one: str, other: str) -> None:
    assert in_any_order(one) != in_any_order(other)


def test_a_tab_is_white_space_as_well() -> None:
    assert without_space("a\t,\tb") == "a,b"


def test_strict_mode_s_list_is_still_a_list() -> None:
    assert in_any_order("b;Q=1 ,\tA, c") == "a,b;Q=1,c"


@given(list_texts)
def test_normalising_again_changes_nothing(value: str) -> None:
    for normalise in (without_space, in_any_order):
        assert normalise(normalise(value)) == normalise(value)


@given(st.lists(st.lists(st.sampled_from(["a", "b=c", "q=0.5"]), min_size=1), min_size=1), st.data())
def test_white_space_goes_wherever_it_is_optional(members: list[list[str]], data: st.DataObject) -> None:
    space = st.text(st.sampled_from(" \t"), max_size=3)

    def joined(delimiter: str, parts: list[str]) -> str:
        return parts[0] + "".join(data.draw(space) + delimiter + data.draw(space) + part for part in parts[1:])

    spaced = joined(",", [joined(";", member) for member in members])
    assert without_space(spaced) == ",".join(";".join(member) for member in members)


def test_long_runs_of_white_space_take_linear_time() -> None:
    assert without_space("a" + " " * 200_000 + "b") == "a" + " " * 200_000 + "b"


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "Proxy-Authorization"])
def test_secrets_select_by_a_keyed_digest(name: str) -> None:
    [(_, value)] = values((name.lower(),), (name, "hidden"))
    assert value == keyed_digest(SECRET, "hidden")


def test_selecting_values_keep_the_order_of_their_names() -> None:
    assert values(("b", "a"), ("A", "1"), ("B", "2")) == (("b", "2"), ("a", "1"))


@pytest.mark.parametrize(
    ("url", "ignored", "sort", "expected"),
    [
        ("http://a.test/?b=1&a=2", [], False, "http://a.test/?b=1&a=2"),
        ("http://a.test/?b=1&a=2", [], True, "http://a.test/?a=2&b=1"),
        ("http://a.test/?b=1&a=2&a=1", [], True, "http://a.test/?a=2&a=1&b=1"),
        ("http://a.test/?a=2&a=1", [], True, "http://a.test/?a=2&a=1"),
        ("http://a.test/?a!=1&a=2", [], True, "http://a.test/?a=2&a!=1"),
        ("http://a.test/?utm_source=1&a=2&utm=3", ["utm_*"], False, "http://a.test/?a=2&utm=3"),
        ("http://a.test/?ab=1&a=2&b=3", ["a"], False, "http://a.test/?ab=1&b=3"),
        ("http://a.test/?ut=1&utm=2&utmx=3", ["utm*"], False, "http://a.test/?ut=1"),
        ("http://a.test/?a=2&b", ["a", "b"], False, "http://a.test/"),
        ("http://a.test/?a", ["*"], False, "http://a.test/"),
        ("http://a.test/?", ["a"], False, "http://a.test/?"),
    ],
)
def test_parameters_may_be_left_out_or_put_in_order(url: str, ignored: list[str], sort: bool, expected: str) -> None:
    assert with_params(url, ignored, sort=sort) == expected
    if not sort:
        assert with_params(url, ignored) == expected


def test_an_ipv6_address_without_a_port_is_normalised() -> None:
    assert normalise_url("HTTPS://[::1]") == "https://[::1]/"
    assert origin_of("https://[::1]/") == "https://[::1]:443"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a ,\tb", "a,b"), (" a; x , b", "a; x,b"), ('"a , b"', '"a , b"'), ("a b", "a b"), ("", "")],
)
def test_space_between_members_goes_and_other_space_stays(value: str, expected: str) -> None:
    assert without_list_space(value) == expected


def test_keys_stay_what_they_are() -> None:
    # Whoever changes these makes everything that is stored anywhere unreachable: FORMAT has to change with them.
    primary = primary_key("https://example.com/a?b", "private:")
    variant = variant_key(primary, b"generation", (("accept", "x"), ("cookie", None), ("empty", "")))
    assert primary.hex() == "406b59f7ca0aeeea47960f7a6e09d382b73735df9972b94cb8de6c230a2e2a9d"
    assert variant[:32] == primary
    assert variant[32:].hex() == "c26850d297423a4efd789cb00e00aa4219d880acfbaeae9a662079ad68adc9e0"
