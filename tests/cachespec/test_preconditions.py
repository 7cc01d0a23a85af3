from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cachespec import preconditions
from cachespec.dates import format_date
from cachespec.fields import EntityTag
from cachespec.headers import Headers
from cachespec.messages import Request, Response
from cachespec.preconditions import evaluate_conditions, left_to_origin, not_modified, not_modified_headers
from cachespec.verdicts import Verdict

NOW = 1_800_000_000.0
RECEIVED = NOW - 100
MODIFIED = NOW - 5000
DATE = NOW - 200

Lines = list[tuple[str, str]]


def asked(*lines: tuple[str, str], stored: Lines, status: int = 200, method: str = "GET") -> Verdict:
    return not_modified(Request(method, "http://example.com/", lines), Response(status, stored), RECEIVED, NOW)


TAGGED = [("ETag", '"a"'), ("Last-Modified", format_date(MODIFIED)), ("Date", format_date(DATE))]
DATED = TAGGED[1:]


def test_a_request_without_conditions_is_not_answered_by_a_304() -> None:
    verdict = asked(("Accept", "*/*"), stored=TAGGED)
    assert not verdict
    assert verdict.code == "unconditional"


@pytest.mark.requirement("9111-4.3.2-01")
@pytest.mark.parametrize(
    "value",
    ['"a"', 'W/"a"', '"b", "a"', '"a","b"', '"b" , W/"a" , "c"', ', "a"', '"b,\\", "a"', 'junk, "a"'],
)
def test_an_entity_tag_that_the_client_lists_is_answered_by_a_304(value: str) -> None:
    assert asked(("If-None-Match", value), stored=TAGGED)


@pytest.mark.requirement("9110-13.1.2-01")
@pytest.mark.parametrize("ours", ['"a"', 'W/"a"'])
@pytest.mark.parametrize("theirs", ['"a"', 'W/"a"'])
def test_if_none_match_compares_weakly(ours: str, theirs: str) -> None:
    assert asked(("If-None-Match", theirs), stored=[("ETag", ours)])


@pytest.mark.parametrize("value", ['"b"', '"A"', '"b", W/"c"', '""', "a", 'w/"a"', 'W"a"', '"a', '"a""b"', "", "**"])
def test_other_entity_tags_get_the_whole_response(value: str) -> None:
    verdict = asked(("If-None-Match", value), stored=TAGGED)
    assert not verdict
    assert verdict.code == "etag-differs"


@pytest.mark.requirement("9110-8.8.3-01")
@pytest.mark.parametrize("etag", ["a", 'w/"a"', 'W"a"', "W/a", '"a', '"a" x', '"a", "b"', '"a b"', "'a'", "*", ""])
def test_a_malformed_stored_etag_matches_nothing_not_even_itself(etag: str) -> None:
    for value in (etag, '"a"', f'"{etag}"'):
        if value != "*":
            assert asked(("If-None-Match", value), stored=[("ETag", etag)]).code == "no-etag"


def test_two_stored_etags_are_none() -> None:
    assert not asked(("If-None-Match", '"a"'), stored=[("ETag", '"a"'), ("ETag", '"a"')])


def test_entity_tags_in_several_lines_are_one_list() -> None:
    assert asked(("If-None-Match", '"b"'), ("If-None-Match", '"a"'), stored=TAGGED)


@pytest.mark.requirement("9110-13.1.2-02")
@pytest.mark.parametrize("stored", [TAGGED, DATED, [], [("ETag", "unquoted")]])
def test_a_star_matches_whatever_is_stored(stored: Lines) -> None:
    assert asked(("If-None-Match", "*"), stored=stored)


@pytest.mark.requirement("9110-13.1.3-01", "9110-13.2.2-01")
@pytest.mark.parametrize("value", ['"b"', "malformed", ""])
@pytest.mark.parametrize("stored", [TAGGED, DATED, [("ETag", "malformed"), *DATED]])
def test_if_modified_since_is_ignored_beside_if_none_match(value: str, stored: Lines) -> None:
    assert not asked(("If-None-Match", value), ("If-Modified-Since", format_date(NOW)), stored=stored)


@pytest.mark.requirement("9110-13.1.3-04")
@pytest.mark.parametrize(
    ("since", "answer"),
    [
        pytest.param(MODIFIED, True, id="the same second"),
        pytest.param(MODIFIED + 1, True, id="a second later"),
        pytest.param(MODIFIED - 1, False, id="a second earlier"),
        pytest.param(NOW + 5000, True, id="in the future"),
    ],
)
def test_if_modified_since_is_compared_with_last_modified(since: float, answer: bool) -> None:
    assert bool(asked(("If-Modified-Since", format_date(since)), stored=TAGGED)) is answer


@pytest.mark.requirement("9111-4.3.2-05", "9110-13.1.3-03")
@pytest.mark.parametrize(
    ("stored", "basis"),
    [
        pytest.param(TAGGED, MODIFIED, id="Last-Modified"),
        pytest.param([("Date", format_date(DATE))], DATE, id="Date"),
        pytest.param([("Last-Modified", "yesterday"), ("Date", format_date(DATE))], DATE, id="Date, bad Last-Modified"),
        pytest.param([("Date", "now")], RECEIVED, id="receipt, bad Date"),
        pytest.param([], RECEIVED, id="receipt"),
    ],
)
def test_without_last_modified_date_counts_and_without_date_the_receipt(stored: Lines, basis: float) -> None:
    assert asked(("If-Modified-Since", format_date(basis)), stored=stored)
    assert not asked(("If-Modified-Since", format_date(basis - 1)), stored=stored)


def test_the_time_of_receipt_counts_in_whole_seconds() -> None:
    request = Request("GET", "http://example.com/", [("If-Modified-Since", format_date(RECEIVED))])
    assert not_modified(request, Response(200), RECEIVED + 0.9, NOW)
    assert not not_modified(request, Response(200), RECEIVED + 1.0, NOW)


def test_before_1970_whole_seconds_are_those_before_too() -> None:
    before = format_date(-1)
    assert not_modified(Request("GET", "/", [("If-Modified-Since", before)]), Response(200), -0.5, NOW)
    assert evaluated({"if-unmodified-since": before}, "PUT", modified=-0.5) is None
    assert evaluated({"if-modified-since": before}, modified=-0.5) == 304


@pytest.mark.requirement("9110-13.1.3-02")
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([("If-Modified-Since", "0")], id="a number"),
        pytest.param([("If-Modified-Since", "")], id="empty"),
        pytest.param([("If-Modified-Since", format_date(NOW).replace("GMT", "UTC"))], id="another zone"),
        pytest.param([("If-Modified-Since", format_date(NOW))] * 2, id="two lines"),
        pytest.param([("If-Modified-Since", f"{format_date(NOW)}, {format_date(NOW)}")], id="a list"),
    ],
)
def test_what_is_not_one_valid_date_is_ignored(lines: Lines) -> None:
    verdict = asked(*lines, stored=TAGGED)
    assert not verdict
    assert verdict.code == "condition-date"


def test_a_two_digit_year_is_read_by_the_present() -> None:
    stored = [("Last-Modified", "Sunday, 06-Nov-94 08:49:37 GMT")]
    assert asked(("If-Modified-Since", "Sun Nov  6 08:49:37 1994"), stored=stored)
    assert not asked(("If-Modified-Since", "Sun Nov  6 08:49:36 1994"), stored=stored)


CONDITIONS = [("If-None-Match", '"a"'), ("If-Modified-Since", format_date(NOW))]


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize(
    "method", ["GET", "HEAD", pytest.param("QUERY", marks=pytest.mark.requirement("10008-2.6-01"))]
)
@pytest.mark.parametrize("status", [200, 203, 206, 299])
def test_get_head_and_query_of_a_successful_response_are_answered_by_a_304(
    condition: tuple[str, str], method: str, status: int
) -> None:
    assert asked(condition, stored=TAGGED, method=method, status=status)


@pytest.mark.requirement("9110-13.2.1-02", "9110-13.1.3-02")
@pytest.mark.parametrize("condition", [*CONDITIONS, ("If-None-Match", "*")])
@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "TRACE", "CONNECT", "get"])
def test_other_methods_get_no_304(condition: tuple[str, str], method: str) -> None:
    verdict = asked(condition, stored=TAGGED, method=method)
    assert not verdict
    assert method in verdict.sentence


@pytest.mark.requirement("9110-13.2.1-01")
@pytest.mark.parametrize("condition", [*CONDITIONS, ("If-None-Match", "*")])
@pytest.mark.parametrize("status", [199, 300, 301, 304, 404, 410, 500])
def test_a_stored_response_that_is_no_success_is_given_as_it_is(condition: tuple[str, str], status: int) -> None:
    verdict = asked(condition, stored=TAGGED, status=status)
    assert not verdict
    assert str(status) in verdict.sentence


conditions = st.sampled_from(["If-None-Match", "If-Modified-Since"])
values = st.text(st.characters(max_codepoint=0xFF), max_size=30) | st.sampled_from(['"a"', format_date(NOW)])


@given(st.lists(st.tuples(conditions, values)), values, values)
def test_no_condition_makes_it_fail(lines: Lines, etag: str, date: str) -> None:
    asked(*lines, stored=[("ETag", etag), ("Last-Modified", date)])


opaques = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters='"\x7f'), max_size=4)
tags = st.builds(EntityTag, st.booleans(), opaques)


@pytest.mark.requirement("9110-8.8.3.2-02")
@given(tags, st.lists(tags, min_size=1))
@example(EntityTag(weak=True, opaque="a,b"), [EntityTag(weak=False, opaque="a"), EntityTag(weak=False, opaque="a,b")])
def test_a_304_means_that_the_opaque_tag_is_among_those_listed(ours: EntityTag, theirs: list[EntityTag]) -> None:
    verdict = asked(("If-None-Match", ", ".join(map(str, theirs))), stored=[("ETag", str(ours))])
    assert bool(verdict) is (ours.opaque in [tag.opaque for tag in theirs])


FULL: Lines = [
    ("Date", "d"),
    ("Content-Type", "text/plain"),
    ("Content-Length", "3"),
    ("Content-Encoding", "gzip"),
    ("Content-Language", "en"),
    ("Content-Range", "bytes 0-2/3"),
    ("Content-Disposition", "inline"),
    ("Content-MD5", "x"),
    ("Content-Digest", "x"),
    ("Repr-Digest", "x"),
    ("Digest", "x"),
    ("Content-Location", "/a"),
    ("ETag", '"a"'),
    ("Last-Modified", "m"),
    ("Cache-Control", "max-age=1"),
    ("Cache-Control", "public"),
    ("Expires", "e"),
    ("Vary", "accept"),
    ("CDN-Cache-Control", "max-age=2"),
    ("Content-Security-Policy", "default-src 'self'"),
    ("X-Other", "1"),
]


@pytest.mark.requirement("9110-15.4.5-01", "9110-15.4.5-02", "9110-8.6-03")
def test_a_304_has_what_guides_caches_and_nothing_about_the_content() -> None:
    assert not_modified_headers(Headers(FULL)).lines == (
        ("Date", "d"),
        ("Content-Location", "/a"),
        ("ETag", '"a"'),
        ("Cache-Control", "max-age=1"),
        ("Cache-Control", "public"),
        ("Expires", "e"),
        ("Vary", "accept"),
        ("CDN-Cache-Control", "max-age=2"),
        ("Content-Security-Policy", "default-src 'self'"),
        ("X-Other", "1"),
    )


@pytest.mark.requirement("9110-15.4.5-02")
def test_a_304_without_an_entity_tag_has_last_modified() -> None:
    without = Headers(FULL).without({"etag"})
    assert not_modified_headers(without)["last-modified"] == "m"


@pytest.mark.requirement("9111-4.3.2-02", "9110-13.1.1-03", "9110-13.1.4-03")
@pytest.mark.parametrize("name", ["If-Match", "If-Unmodified-Since"])
def test_conditions_on_the_origins_state_are_left_to_it(name: str) -> None:
    verdict = left_to_origin(Request("GET", "http://example.com/", [(name, "")]))
    assert verdict
    assert name in verdict.sentence
    # Were it evaluated nevertheless, it would change nothing.
    assert not asked((name, '"a"'), stored=TAGGED)


@pytest.mark.parametrize("name", ["If-None-Match", "If-Modified-Since", "If-Range", "Accept"])
def test_other_conditions_are_not_left_to_the_origin(name: str) -> None:
    assert not left_to_origin(Request("GET", "http://example.com/", [(name, "*")]))


STRONG, WEAK = EntityTag(False, "a"), EntityTag(True, "a")


def evaluated(
    fields: dict[str, str],
    method: str = "GET",
    *,
    etag: EntityTag | None = STRONG,
    modified: float | None = MODIFIED,
    tagged: bool = True,
) -> int | None:
    found = evaluate_conditions(method, fields, etag, modified, NOW, tagged=tagged)
    if found is None:
        return None
    status, verdict = found
    # Of a 412 the verdict says either that a condition failed, or that what must not be there is.
    assert verdict.clause.startswith("RFC 9110 §13.1.")
    return status


EARLIER, LATER = format_date(MODIFIED - 1), format_date(MODIFIED)


@pytest.mark.requirement("9110-13.1.1-01", "9110-13.1.1-02")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("value", "etag", "status"),
    [
        ('"a"', STRONG, None),
        ('"b", "a"', STRONG, None),
        ('W/"a"', STRONG, 412),
        ('"a"', WEAK, 412),
        ('"b"', STRONG, 412),
        ("a", STRONG, 412),
        ("*", STRONG, None),
        ('"a"', None, 412),
    ],
)
def test_if_match_compares_strongly_at_the_origin(
    method: str, value: str, etag: EntityTag | None, status: int | None
) -> None:
    assert evaluated({"if-match": value}, method, etag=etag) == status


@pytest.mark.requirement("9110-13.1.1-01")
def test_if_match_any_needs_something_to_be_there() -> None:
    assert evaluated({"if-match": "*"}, "PUT", etag=None, modified=None) == 412
    assert evaluated({"if-match": "*"}, "PUT", etag=None) is None


@pytest.mark.requirement("9110-13.1.4-01", "9110-13.1.4-02")
@pytest.mark.parametrize(
    ("fields", "modified", "status"),
    [
        ({"if-unmodified-since": LATER}, MODIFIED, None),
        ({"if-unmodified-since": LATER}, MODIFIED + 0.9, None),
        ({"if-unmodified-since": EARLIER}, MODIFIED, 412),
        ({"if-unmodified-since": EARLIER, "if-match": '"a"'}, MODIFIED, None),
        ({"if-unmodified-since": EARLIER}, None, None),
        ({"if-unmodified-since": "yesterday"}, MODIFIED, None),
        ({"if-unmodified-since": f"{EARLIER}, {EARLIER}"}, MODIFIED, None),
    ],
)
def test_if_unmodified_since_compares_the_date(
    fields: dict[str, str], modified: float | None, status: int | None
) -> None:
    assert evaluated(fields, "PUT", modified=modified) == status


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 304), ("HEAD", 304), ("QUERY", 304), ("PUT", 412), ("POST", 412)]
)
@pytest.mark.parametrize("value", ['"a"', 'W/"a"', '"b", "a"', "*"])
def test_if_none_match_stops_the_method(method: str, status: int, value: str) -> None:
    assert evaluated({"if-none-match": value}, method) == status


@pytest.mark.parametrize(
    ("value", "etag", "modified"), [('"b"', STRONG, MODIFIED), ('"a"', None, MODIFIED), ("*", None, None)]
)
def test_if_none_match_lets_what_is_new_to_the_client_go_on(
    value: str, etag: EntityTag | None, modified: float | None
) -> None:
    assert evaluated({"if-none-match": value}, "PUT", etag=etag, modified=modified) is None


@pytest.mark.requirement("9110-13.2.2-01")
def test_the_order_of_conditions_is_that_of_the_rfc() -> None:
    assert evaluated({"if-match": '"b"', "if-none-match": '"a"'}) == 412
    assert evaluated({"if-match": '"a"', "if-none-match": '"a"'}) == 304
    assert evaluated({"if-unmodified-since": EARLIER, "if-none-match": '"a"'}) == 412
    assert evaluated({"if-none-match": '"b"', "if-modified-since": LATER}) is None
    assert evaluated({"if-modified-since": LATER}) == 304


@pytest.mark.parametrize(
    ("value", "method", "modified", "status"),
    [
        (LATER, "GET", MODIFIED, 304),
        (LATER, "GET", MODIFIED + 0.9, 304),
        (LATER, "HEAD", MODIFIED, 304),
        (LATER, "PUT", MODIFIED, None),
        (EARLIER, "GET", MODIFIED, None),
        ("yesterday", "GET", MODIFIED, None),
        (LATER, "GET", None, None),
    ],
)
def test_if_modified_since_counts_for_get_and_head(
    value: str, method: str, modified: float | None, status: int | None
) -> None:
    assert evaluated({"if-modified-since": value}, method, modified=modified) == status


@pytest.mark.parametrize("field", ["if-match", "if-none-match"])
@pytest.mark.parametrize("value", ["*", '"a"', '"b"'])
def test_conditions_on_an_entity_tag_that_nobody_knows_do_not_count(field: str, value: str) -> None:
    assert evaluated({field: value}, "PUT", etag=None, tagged=False) is None
    assert evaluated({"if-none-match": value, "if-modified-since": LATER}, etag=None, tagged=False) is None


@pytest.mark.requirement("9110-13.2.1-02")
@pytest.mark.parametrize("method", ["CONNECT", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("fields", [{"if-match": '"b"'}, {"if-none-match": "*"}, {"if-unmodified-since": EARLIER}])
def test_methods_without_a_selected_representation_have_no_conditions(method: str, fields: dict[str, str]) -> None:
    assert evaluated(fields, method) is None


def test_any_entity_tag_needs_a_tag_or_a_date_to_be_there() -> None:
    for etag, modified, status in (
        (STRONG, None, 412),
        (None, MODIFIED, 412),
        (STRONG, MODIFIED, 412),
        (None, None, None),
    ):
        assert evaluated({"if-none-match": "*"}, "PUT", etag=etag, modified=modified) == status
    for etag, modified, status in ((STRONG, None, None), (None, MODIFIED, None), (None, None, 412)):
        assert evaluated({"if-match": "*"}, "PUT", etag=etag, modified=modified) == status


def test_unless_told_otherwise_the_tag_is_known() -> None:
    assert evaluate_conditions("GET", {"if-none-match": '"a"'}, STRONG, None, NOW) is not None
    assert evaluate_conditions("GET", {"if-none-match": '"a"'}, STRONG, None, NOW, tagged=False) is None


# --- verdicts have stable names


def test_the_names_of_verdicts_stay() -> None:
    found = {name: (made.yes, made.code) for name, made in vars(preconditions).items() if isinstance(made, Verdict)}
    named = {
        "UNCONDITIONAL": (False, "unconditional"),
        "CONDITION_METHOD": (False, "condition-method"),
        "CONDITION_STATUS": (False, "condition-status"),
        "ANY_MATCHES": (True, "any-etag"),
        "ETAG_MATCHES": (True, "etag-matches"),
        "ETAG_DIFFERS": (False, "etag-differs"),
        "NO_ETAG": (False, "no-etag"),
        "NO_DATE": (False, "condition-date"),
        "UNMODIFIED": (True, "unmodified"),
        "MODIFIED": (False, "modified"),
        "IF_MATCH": (True, "if-match"),
        "IF_UNMODIFIED_SINCE": (True, "if-unmodified-since"),
        "NOT_LEFT": (False, "not-left"),
        "NOT_SELECTED": (False, "if-match-false"),
        "CHANGED": (False, "if-unmodified-since-false"),
    }
    assert named.items() <= found.items()
