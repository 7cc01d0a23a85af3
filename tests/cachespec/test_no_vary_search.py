from __future__ import annotations

from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cachespec.no_vary_search import MAX_NAMES, MAX_QUERY, NoVarySearch, equivalent, parse

URL = "https://example.com/a"


def said(value: str) -> NoVarySearch:
    found = parse(value)
    assert found is not None
    return found


@pytest.mark.requirement("NVS-3-01", "NVS-5.1-02", "NVS-5.1-03")
@pytest.mark.parametrize(
    ("value", "params", "except_", "key_order"),
    [
        ('params=("a")', {"a"}, None, False),
        ('params=("a" "b" "a")', {"a", "b"}, None, False),
        ('except=("a")', None, {"a"}, False),
        ("except=()", None, set(), False),
        ("key-order", None, None, True),
        ("key-order=?1", None, None, True),
        ('key-order, params=("a")', {"a"}, None, True),
        ('params=("a"), key-order=?0', {"a"}, None, False),
        ('except=("a"), key-order', None, {"a"}, True),
        ("params=(), key-order", None, None, True),
        ('params=("a";x=1);y, key-order;z', {"a"}, None, True),
        ('params=1, params=("a")', {"a"}, None, False),
    ],
)
def test_a_field_lists_parameters_and_says_whether_order_matters(
    value: str, params: set[str] | None, except_: set[str] | None, key_order: bool
) -> None:
    expected = NoVarySearch(
        None if params is None else frozenset(params), None if except_ is None else frozenset(except_), key_order
    )
    assert parse(value) == expected


@pytest.mark.requirement("NVS-3-02")
@pytest.mark.parametrize("value", ['params=("a"), other', 'other=1, params=("a"), x=(1 2)'])
def test_other_keys_are_ignored(value: str) -> None:
    assert parse(value) == parse('params=("a")')
    assert parse("other, x=1") is None


@pytest.mark.requirement("NVS-5.1-01")
@pytest.mark.parametrize(
    "value",
    [
        *("params", "params=?1", "params=?0", 'params="a"', "params=a", "params=1", "params=(a)", 'params=("a" 1)'),
        *('params=("a" %"b")', "params=(:YQ==:)", "except", "except=?1", 'except="a"', 'except=("a" b)'),
        *("key-order=1", 'key-order="x"', "key-order=(?1)", 'key-order=1, params=("a")', 'key-order=a, except=("a")'),
        *('params=("a"), except=("b")', "params=(), except=()", 'params, except=("b")', 'params=("a"), except'),
    ],
)
def test_a_wrong_type_or_both_lists_mean_the_default(value: str) -> None:
    assert parse(value) is None


@pytest.mark.parametrize("value", [None, "", "params=()", "key-order=?0", "params=(), key-order=?0"])
def test_saying_nothing_is_the_default(value: str | None) -> None:
    assert parse(value) is None


@pytest.mark.parametrize("value", ['params=("a"', 'Params=("a")', 'params=("a"),', 'params=("é")', "(a)", "\x00"])
def test_a_malformed_field_means_the_default(value: str) -> None:
    assert parse(value) is None


def test_the_number_of_names_is_bounded() -> None:
    assert parse("params=(" + '"a" ' * MAX_NAMES + ")")
    assert parse("params=(" + '"a" ' * (MAX_NAMES + 1) + ")") is None
    assert parse("except=(" + '"a" ' * (MAX_NAMES + 1) + ")") is None


@pytest.mark.requirement("NVS-5.3-01")
@pytest.mark.parametrize(
    ("listed", "name"),
    [
        ("a+b", "a b"),
        ("a%20b", "a b"),
        ("a%2Bb", "a+b"),
        ("%c3%a9", "é"),
        ("%C3%A9", "é"),
        ("%E3%81%82", "あ"),
        ("%FF", "\ufffd"),
        ("%EF%BB%BFa", "\ufeffa"),
        ("%", "%"),
        ("%zz", "%zz"),
        ("%4%41", "%4A"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_listed_names_are_decoded_as_those_of_a_form(listed: str, name: str) -> None:
    assert said(f'params=("{listed}")').params == frozenset({name})


@pytest.mark.requirement("NVS-6-03", "NVS-5.1-02")
@pytest.mark.parametrize(
    ("value", "one", "other", "answer"),
    [
        pytest.param('params=("a")', "?a=1", "?a=2", True, id="listed, other value"),
        pytest.param('params=("a")', "?a=1", "", True, id="listed, absent"),
        pytest.param('params=("a")', "?a=1&b=2", "?b=2", True, id="listed, one of two"),
        pytest.param('params=("a")', "?a=1&b=2&a", "?b=2", True, id="listed, twice"),
        pytest.param('params=("a")', "?b=2", "?b=3", False, id="not listed, other value"),
        pytest.param('params=("a")', "?b=2", "", False, id="not listed, absent"),
        pytest.param('params=("a")', "?A=1", "", False, id="listed in other case"),
        pytest.param('params=("a")', "?b=1&c=2", "?c=2&b=1", False, id="other order"),
        pytest.param('params=("a b")', "?a+b=1", "?a%20b=2", True, id="listed, encoded"),
        pytest.param('except=("a")', "?a=1&b=2", "?a=1&c", True, id="not excepted"),
        pytest.param('except=("a")', "?a=1", "?a=2", False, id="excepted, other value"),
        pytest.param('except=("a")', "?a=1", "", False, id="excepted, absent"),
        pytest.param("except=()", "?a=1&b=2", "?c", True, id="nothing excepted"),
        pytest.param("except=()", "?a=1", "", True, id="nothing excepted, no query"),
        pytest.param("key-order", "?b=1&a=2", "?a=2&b=1", True, id="order of names"),
        pytest.param("key-order", "?a=1&a=2", "?a=2&a=1", False, id="order of values of one name"),
        pytest.param("key-order", "?a=1&b=3&a=2", "?a=1&a=2&b=3", True, id="order of values of one name kept"),
        pytest.param("key-order", "?a=1", "?a=2", False, id="order only"),
        pytest.param('key-order, params=("c")', "?c&b&a", "?a&b", True, id="order, and one listed"),
        pytest.param('key-order, except=("a" "b")', "?c&b&a", "?a&b&d=1", True, id="order, and two excepted"),
        pytest.param('params=("x")', "?a=%62+%2b", "?%61=b%20%2B", True, id="encoded otherwise"),
        pytest.param('params=("x")', "?a", "?a=", True, id="no value, empty value"),
        pytest.param('params=("x")', "?a&&b&", "?&a&b", True, id="empty sequences"),
        pytest.param('params=("x")', "?", "", True, id="empty query, no query"),
        pytest.param('params=("x")', "?a=b=c", "?a=b%3Dc", True, id="equals sign in a value"),
        pytest.param('params=("x")', "?a%3Db", "?a=b", False, id="equals sign in a name"),
        pytest.param('params=("x")', "?a%26b", "?a&b", False, id="ampersand in a name"),
        pytest.param('params=("x")', "?=a", "?a", False, id="empty name"),
        pytest.param('params=("x")', "?a;b", "?a&b", False, id="semicolon"),
        pytest.param('params=("x")', "?a=%fe", "?a=%ff", False, id="octets that are no UTF-8"),
        pytest.param('except=("%ff")', "?%fe=1", "?%fe=2", False, id="excepted octets that are no UTF-8"),
        pytest.param("key-order", "?%fe=1&%ff=2", "?%ff=2&%fe=1", False, id="order of octets that are no UTF-8"),
        pytest.param('params=("a")', "?a=\xe9", "?a=\xe8", False, id="not in ASCII"),
    ],
)
def test_queries_are_compared_as_forms(value: str, one: str, other: str, answer: bool) -> None:
    config = said(value)
    for pair in ((one, other), (other, one)):
        verdict = equivalent(URL + pair[0], URL + pair[1], config)
        assert bool(verdict) is answer
        assert verdict.code == ("equivalent-url" if answer else "other-query")
    assert (config.equivalent_query(one[1:]) == config.equivalent_query(other[1:])) is answer


@pytest.mark.requirement("NVS-6-02")
@pytest.mark.parametrize("other", ["?a=1&b=%32", "?b=2&a=1", "?a=1&b=2&", "?a=1", "", "?A=1&b=2"])
def test_by_default_queries_are_compared_letter_by_letter(other: str) -> None:
    assert equivalent(f"{URL}?a=1&b=2", f"{URL}?a=1&b=2", None).code == "same-url"
    assert equivalent(f"{URL}?a=1&b=2", URL + other, None).code == "other-query"
    assert not equivalent(f"{URL}?", URL, None)


@pytest.mark.requirement("NVS-7-01")
def test_the_same_url_matches_whatever_is_said() -> None:
    for value in (None, said("key-order"), said("except=()")):
        assert equivalent(f"{URL}?a", "HTTPS://EXAMPLE.com:443/a?a#f", value).code == "same-url"


@pytest.mark.requirement("NVS-6-01")
@pytest.mark.parametrize(
    "other",
    [
        "http://example.com/a?x",
        "https://example.org/a?x",
        "https://example.com:8443/a?x",
        "https://example.com/A?x",
        "https://example.com/a/?x",
        "https://example.com/%61?x",
        "https://me@example.com/a?x",
        "https://me@example.com/a",
        "https://@example.com/a",
        "/a",
        "",
    ],
)
def test_nothing_but_the_query_may_differ(other: str) -> None:
    for value in (None, said("except=()")):
        assert equivalent(URL, other, value).code == "other-url"


def test_user_information_may_be_the_same() -> None:
    assert equivalent("https://me@example.com/a?x", "https://me@example.com:443/a?y", said("except=()"))
    assert equivalent("https://example.com/a?x@y", "https://example.com/a?z@", said("except=()"))


def test_a_long_query_is_equivalent_to_itself_only() -> None:
    config = said('params=("a")')
    assert config.equivalent_query("a=" + "1" * (MAX_QUERY - 2)) == ""
    long = "a=" + "1" * (MAX_QUERY - 1)
    assert config.equivalent_query(long) == long


configs = st.builds(
    NoVarySearch,
    st.none() | st.frozensets(st.sampled_from(["a", "b", "é"]), min_size=1),
    st.none(),
    st.booleans(),
) | st.builds(NoVarySearch, st.none(), st.frozensets(st.sampled_from(["a", "b", "é", ""])), st.booleans())
queries = st.text(st.sampled_from("ab&=+%2669cC3A \x00"), max_size=24)


@given(configs, queries)
@example(NoVarySearch(key_order=True), "b&a&%61=+")
def test_the_equivalent_query_is_equivalent_to_what_it_is_made_of(config: NoVarySearch, query: str) -> None:
    text = config.equivalent_query(query)
    assert config.equivalent_query(text) == text


@given(configs, queries, queries)
def test_queries_have_a_text_in_common_just_if_their_forms_are_equal(
    config: NoVarySearch, one: str, other: str
) -> None:
    def form(query: str) -> list[tuple[str, str]]:
        pairs = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
        if config.except_ is not None:
            pairs = [pair for pair in pairs if pair[0] in config.except_]
        elif config.params is not None:
            pairs = [pair for pair in pairs if pair[0] not in config.params]
        return sorted(pairs, key=lambda pair: pair[0]) if config.key_order else pairs

    assert (config.equivalent_query(one) == config.equivalent_query(other)) is (form(one) == form(other))


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
forms = st.lists(st.tuples(texts, texts), max_size=5)


@given(forms)
def test_sorting_by_name_changes_nothing_where_order_does_not_matter(form: list[tuple[str, str]]) -> None:
    named = sorted(form, key=lambda pair: pair[0])
    one, other = ("&".join(f"{quote(a)}={quote(b)}" for a, b in each) for each in (form, named))
    config = NoVarySearch(key_order=True)
    assert config.equivalent_query(one) == config.equivalent_query(other)


@given(st.text(), st.text(), st.text())
@example("http://[/", "http://]/", "params")
def test_nothing_makes_it_fail(value: str, one: str, other: str) -> None:
    equivalent(one, other, parse(value))
    said("key-order").equivalent_query(one)
