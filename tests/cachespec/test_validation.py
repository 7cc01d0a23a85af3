from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachespec import Entry, Headers, Policy, Request, Response, Verdict, Wish, assess, validation
from cachespec.dates import format_date
from cachespec.storing import NOT_STORED
from cachespec.validation import NOT_UPDATED, answers_client, conditional, freshen, head_agrees, identified, merge

NOW = 1_000_000_000.0
LATER = NOW + 1000
URL = "https://example.com/a"
PRIVATE = Policy(heuristics=False)
SHARED = Policy(shared=True, heuristics=False)
MODIFIED, OTHER = format_date(NOW - 500), format_date(NOW - 400)


def entry(*, policy: Policy = PRIVATE, **lines: str) -> Entry:
    """A stored response; underlines stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in lines.items()}
    made = assess(
        Request("GET", URL),
        Response(200, {"Cache-Control": "max-age=60", "Date": format_date(NOW)} | named, "Fine"),
        policy,
        request_time=NOW,
        response_time=NOW,
    )
    assert isinstance(made, Entry), made
    return replace(made, length=7, body=b"content")


def request(method: str = "GET", **lines: str) -> Request:
    return Request(method, URL, {name.replace("_", "-"): value for name, value in lines.items()})


def conditions(asked: Request) -> dict[str, str]:
    return {name: value for name, value in asked.headers.fields.items() if name.startswith("if-")}


# --- RFC 9111 §4.3.1


@pytest.mark.parametrize(
    ("entries", "sent"),
    [
        pytest.param(
            [entry(ETag='"a"')],
            {"if-none-match": '"a"'},
            marks=pytest.mark.requirement("9111-4.3.1-03"),
            id="a tag",
        ),
        pytest.param(
            [entry(ETag='W/"a"')],
            {"if-none-match": 'W/"a"'},
            marks=pytest.mark.requirement("9111-4.3.1-03", "9110-8.8.1-02"),
            id="a weak tag, as it is",
        ),
        pytest.param(
            [entry(ETag="a b,c")],
            {"if-none-match": "a b,c"},
            marks=pytest.mark.requirement("9111-4.3.1-03"),
            id="what is no tag, as it is",
        ),
        pytest.param(
            [entry(Last_Modified=MODIFIED)],
            {"if-modified-since": MODIFIED},
            marks=pytest.mark.requirement("9111-4.3.1-04"),
            id="a date",
        ),
        pytest.param(
            [entry(Last_Modified="yesterday")],
            {"if-modified-since": "yesterday"},
            marks=pytest.mark.requirement("9111-4.3.1-04"),
            id="what is no date, as it is",
        ),
        pytest.param(
            [entry(ETag='"a"', Last_Modified=MODIFIED)],
            {"if-none-match": '"a"', "if-modified-since": MODIFIED},
            marks=pytest.mark.requirement("9111-4.3.1-03", "9111-4.3.1-04"),
            id="both",
        ),
        pytest.param(
            [entry(ETag='"a"', Last_Modified=MODIFIED), entry(ETag='W/"b"'), entry(Last_Modified=MODIFIED)],
            {"if-none-match": '"a", W/"b"'},
            marks=pytest.mark.requirement("9111-4.3.1-06", "9111-4.3.1-02"),
            id="the tags of several",
        ),
        pytest.param([entry()], {}, marks=pytest.mark.requirement("9111-4.3.1-07"), id="no validator"),
        pytest.param([], {}, id="nothing nominated"),
        pytest.param(
            [entry(Last_Modified=MODIFIED), entry(Last_Modified=OTHER)],
            {},
            marks=pytest.mark.requirement("9111-4.3.1-04"),
            id="the dates of several are of no use",
        ),
    ],
)
def test_the_validators_of_what_is_stored_are_sent(entries: list[Entry], sent: dict[str, str]) -> None:
    asked = request(Accept="x", Authorization="y")
    made = conditional(asked, entries)
    assert conditions(made) == sent
    assert made.headers.without({"if-none-match", "if-modified-since"}) == asked.headers
    assert (made.method, made.url, made.content) == ("GET", URL, b"")
    # What needs no condition goes out untouched.
    assert (made is asked) is (not sent)


@pytest.mark.requirement("9111-4.3.2-07")
@pytest.mark.parametrize(
    ("own", "asked", "sent"),
    [
        pytest.param({"ETag": '"a"'}, {"If_None_Match": '"b"'}, {"if-none-match": '"a", "b"'}, id="another tag"),
        pytest.param(
            {"ETag": '"a"'}, {"If_None_Match": '"b", W/"c"'}, {"if-none-match": '"a", "b", W/"c"'}, id="several tags"
        ),
        pytest.param({"ETag": '"a"'}, {"If_None_Match": '"a"'}, {"if-none-match": '"a"'}, id="the same tag"),
        pytest.param(
            {"ETag": '"a"'},
            {"If_None_Match": '"b"', "If_Modified_Since": OTHER},
            {"if-none-match": '"a", "b"'},
            id="both",
        ),
        pytest.param(
            {"ETag": '"a"', "Last_Modified": MODIFIED},
            {"If_Modified_Since": OTHER},
            {"if-none-match": '"a"', "if-modified-since": MODIFIED},
            id="a date",
        ),
        pytest.param(
            {"Last_Modified": MODIFIED}, {"If_Modified_Since": OTHER}, {"if-modified-since": MODIFIED}, id="dates only"
        ),
        pytest.param(
            {"Last_Modified": MODIFIED},
            {"If_None_Match": '"b"', "If_Modified_Since": OTHER},
            {"if-none-match": '"b"', "if-modified-since": OTHER},
            id="we have a date only",
        ),
        pytest.param({"ETag": '"a"'}, {"If_None_Match": "*"}, {"if-none-match": "*"}, id="any"),
        pytest.param({}, {"If_None_Match": '"b"'}, {"if-none-match": '"b"'}, id="we have nothing"),
        pytest.param({}, {"If_Modified_Since": OTHER}, {"if-modified-since": OTHER}, id="we have nothing but a date"),
    ],
)
def test_the_client_s_own_tags_are_sent_along(own: Any, asked: Any, sent: Any) -> None:
    assert conditions(conditional(request(**asked), [entry(**own)])) == sent


@pytest.mark.requirement("9110-13.1.2-03", "10008-2.6-01")
@pytest.mark.parametrize(("method", "validated"), [("GET", True), ("HEAD", True), ("QUERY", True), ("POST", False)])
def test_a_method_that_would_fail_is_not_made_conditional(method: str, validated: bool) -> None:
    asked = request(method)
    assert (conditional(asked, [entry(ETag='"a"')]) is not asked) is validated


# --- RFC 9111 §4.3.4: which one is meant


@pytest.mark.parametrize(
    ("lines", "entries", "at"),
    [
        pytest.param(
            {"ETag": '"a"'},
            [entry(ETag='"a"')],
            0,
            marks=pytest.mark.requirement("9111-4.3.4-02"),
            id="the same strong tag",
        ),
        pytest.param(
            {"ETag": '"b"'},
            [entry(ETag='"a"'), entry(ETag='"b"')],
            1,
            marks=pytest.mark.requirement("9111-4.3.4-01", "9111-4.3.4-02"),
            id="of two the one with the tag",
        ),
        pytest.param(
            {"ETag": '"b"'},
            [entry(ETag='"a"')],
            None,
            marks=pytest.mark.requirement("9111-4.3.4-03"),
            id="another strong tag",
        ),
        pytest.param(
            {"ETag": '"b"', "Last-Modified": MODIFIED},
            [entry(ETag='"a"', Last_Modified=MODIFIED)],
            None,
            marks=pytest.mark.requirement("9111-4.3.4-03"),
            id="another strong tag whatever the date",
        ),
        pytest.param(
            {"ETag": '"a"'},
            [entry(ETag='W/"a"')],
            None,
            marks=pytest.mark.requirement("9111-4.3.4-03"),
            id="a strong tag for a weak one",
        ),
        pytest.param(
            {"ETag": 'W/"a"'},
            [entry(ETag='"a"')],
            0,
            marks=pytest.mark.requirement("9111-4.3.4-04"),
            id="a weak tag for a strong one",
        ),
        pytest.param(
            {"ETag": 'W/"b"'},
            [entry(ETag='W/"a"')],
            None,
            marks=pytest.mark.requirement("9111-4.3.4-04"),
            id="another weak tag",
        ),
        pytest.param(
            {"ETag": 'W/"a"'},
            [entry(ETag='W/"a"'), entry(ETag='W/"a"')],
            0,
            marks=pytest.mark.requirement("9111-4.3.4-04"),
            id="of several the first, which is the newest",
        ),
        pytest.param({"ETag": "a"}, [entry(ETag="a")], 0, id="what is no tag, as it was"),
        pytest.param({"ETag": '"a"'}, [entry(ETag="a")], None, id="a tag for what is none"),
        pytest.param({"ETag": "b"}, [entry(ETag="a")], None, id="something else for what is none"),
        pytest.param(
            {"ETag": '"new"'}, [entry(Last_Modified=MODIFIED)], 0, id="a new tag for what was validated by its date"
        ),
        pytest.param(
            {"ETag": '"b"'},
            [entry(Last_Modified=MODIFIED), entry(ETag='"a"')],
            None,
            marks=pytest.mark.requirement("9111-4.3.4-03"),
            id="a new tag, and several",
        ),
        pytest.param({}, [entry(ETag='"a"')], 0, id="nothing, and one with a tag"),
        pytest.param(
            {},
            [entry(Last_Modified=MODIFIED)],
            0,
            marks=pytest.mark.requirement("9111-4.3.4-05"),
            id="nothing, and one with a date",
        ),
        pytest.param(
            {},
            [entry(ETag='"a"'), entry(ETag='"b"')],
            None,
            marks=pytest.mark.requirement("9111-4.3.4-05"),
            id="nothing, and several",
        ),
        pytest.param({"Last-Modified": MODIFIED}, [entry(Last_Modified=MODIFIED)], 0, id="the same date"),
        pytest.param({"Last-Modified": OTHER}, [entry(Last_Modified=MODIFIED)], None, id="another date"),
        pytest.param({"Last-Modified": OTHER}, [entry(ETag='"a"', Last_Modified=MODIFIED)], 0, id="a date"),
    ],
)
def test_a_304_is_about_what_it_names(lines: Any, entries: list[Entry], at: int | None) -> None:
    verdict, found = identified(Response(304, lines), entries, request())
    assert found == at
    assert verdict.code == ("validated" if at is not None else "other-validator" if lines else "ambiguous")


@pytest.mark.requirement("9111-4.3.2-09")
@pytest.mark.parametrize(
    ("lines", "asked", "at"),
    [
        pytest.param({}, '"a"', 0, id="nothing, and the client named ours"),
        pytest.param({}, '"b"', None, id="nothing, and the client named another"),
        pytest.param({}, '"a", "b"', None, id="nothing, and the client named both"),
        pytest.param({}, 'W/"a"', None, id="nothing, and the client named ours, but weakly"),
        pytest.param({}, "*", None, id="nothing, and the client named all"),
        pytest.param({"ETag": '"a"'}, '"b"', 0, id="ours, and the client named another"),
        pytest.param({"ETag": '"b"'}, '"b"', None, id="the client's"),
    ],
)
def test_a_304_may_be_about_what_the_client_named(lines: Any, asked: str, at: int | None) -> None:
    assert identified(Response(304, lines), [entry(ETag='"a"')], request(If_None_Match=asked))[1] == at


def test_a_new_tag_may_be_the_client_s_where_ours_is_a_date() -> None:
    dated = [entry(Last_Modified=MODIFIED)]
    assert identified(Response(304, {"ETag": '"b"'}), dated, request(If_None_Match='"b"'))[1] is None
    assert identified(Response(304), dated, request(If_None_Match='"b"'))[1] is None


@pytest.mark.requirement("9110-15.4.5-04", "9111-4.3.2-09")
@pytest.mark.parametrize(
    ("tag", "asked", "answers"),
    [
        ('"a"', '"a"', True),
        ('W/"a"', '"b", "a"', True),
        ('"a"', '"b"', False),
        ('"a"', "*", False),
        ("a", "a", False),
        (None, '"a"', False),
        ('"a"', None, False),
    ],
)
def test_a_304_is_for_the_client_if_it_has_a_tag_that_the_client_named(
    tag: str | None, asked: str | None, answers: bool
) -> None:
    given = request() if asked is None else request(If_None_Match=asked)
    assert answers_client(Response(304, {} if tag is None else {"ETag": tag}), given) is answers


# --- RFC 9111 §3.2


@pytest.mark.requirement("9111-3.2-01", "9111-3.2-02", "9111-4.3.4-06", "9110-5.3-01")
def test_every_line_of_a_name_gives_way_to_the_newer_ones() -> None:
    stored = Headers([("A", "1"), ("B", "2"), ("a", "3"), ("C", "4")])
    merged = merge(stored, Headers([("D", "5"), ("A", "6"), ("D", "7"), ("c", "8")]))
    assert merged.lines == (("B", "2"), ("D", "5"), ("A", "6"), ("D", "7"), ("c", "8"))


@pytest.mark.requirement("9111-3.2-05", "9111-3.2-08")
@pytest.mark.parametrize(
    "name",
    [
        "Content-Type",
        "Content-Language",
        "Content-Location",
        "Content-Disposition",
        "Content-Security-Policy",
        "Content-Foo",
        "Cache-Control",
        "Date",
        "ETag",
        "Expires",
        "Last-Modified",
        "Set-Cookie",
        "Vary",
        "X-Frame-Options",
    ],
)
def test_an_update_takes_in_whatever_the_soundness_of_the_content_does_not_depend_on(name: str) -> None:
    assert merge(Headers({name: "old"}), Headers({name: "new"}))[name] == "new"


@pytest.mark.requirement("9111-3.2-03", "9111-3.2-07", "9111-3.2-04", "9111-3.2-06")
def test_an_update_leaves_out_what_must_not_be_stored_and_what_holds_of_the_content() -> None:
    update = Headers([(name, "new") for name in sorted(NOT_UPDATED)] + [("Connection", "Extra, b"), ("Extra", "x")])
    assert merge(Headers({"A": "1", "Content-Length": "7"}), update).fields == {"a": "1", "content-length": "7"}
    assert {"content-length", "content-encoding", "content-range"} == NOT_UPDATED - NOT_STORED


def updated(lines: Any = (), *, stored: Entry | None = None, policy: Policy = PRIVATE, **options: Any) -> Any:
    return freshen(
        stored or entry(ETag='"a"'),
        Response(304, lines),
        options.get("asked", request()),
        policy,
        request_time=LATER - 2,
        response_time=LATER,
        wish=options.get("wish", Wish()),
    )


def freshened(lines: Any = (), **options: Any) -> Any:
    head, made = updated(lines, **options)
    assert head.status == 200
    return made


@pytest.mark.requirement("9111-4.2.3-06")
def test_the_age_begins_anew() -> None:
    made = freshened({"Date": format_date(LATER)})
    assert (made.initial_age, made.request_time, made.response_time) == (2, LATER - 2, LATER)
    assert made.lifetime == 60
    assert made.age(LATER + 10) == 12


@pytest.mark.requirement("9111-4.2.3-06", "9110-6.6.1-01")
@pytest.mark.parametrize("date", [None, "yesterday"])
def test_a_304_without_a_usable_date_is_dated_by_its_receipt(date: str | None) -> None:
    head, made = updated({} if date is None else {"Date": date})
    assert head.headers["date"] == format_date(LATER)
    assert made.headers["date"] == format_date(LATER)
    assert made.date == LATER
    assert made.initial_age == 2


@pytest.mark.requirement("9111-4.2.3-06")
def test_the_age_of_a_304_counts_once() -> None:
    made = freshened({"Date": format_date(LATER), "Age": "30"})
    assert made.initial_age == 32
    assert "age" not in made.headers
    again = freshened({"Date": format_date(LATER)}, stored=made)
    assert again.initial_age == 2


@pytest.mark.requirement("9111-4.3.4-06", "9111-3.2-01")
def test_what_was_worked_out_is_worked_out_anew() -> None:
    made = freshened(
        {"Cache-Control": "max-age=5, no-cache", "ETag": 'W/"a"', "Last-Modified": OTHER, "Cache-Groups": '"g"'}
    )
    assert (made.lifetime, made.validate, made.etag, made.last_modified) == (5, True, 'W/"a"', OTHER)
    assert made.groups == ("g",)


def test_body_birth_and_place_stay() -> None:
    stored = replace(
        entry(ETag='"a"', Cache_Groups='"g"'),
        selecting=(("accept", "x"),),
        created=NOW - 50,
        groups=("g", "mine"),
        body=None,
        body_id="b",
    )
    made = freshened({"Cache-Groups": '"h"'}, stored=stored)
    assert (made.url, made.method, made.status, made.reason) == (URL, "GET", 200, "Fine")
    assert (made.selecting, made.created, made.length, made.body, made.body_id) == (
        (("accept", "x"),),
        NOW - 50,
        7,
        None,
        "b",
    )
    assert set(made.groups) == {"g", "h", "mine"}


@pytest.mark.requirement("9111-3.2-01", "9111-5.2.2-01")
@pytest.mark.parametrize(
    ("lines", "policy", "code"),
    [
        ({"Cache-Control": "no-store"}, PRIVATE, "no-store"),
        ({"Cache-Control": "private"}, SHARED, "private"),
        ({"Vary": "*"}, PRIVATE, "vary"),
    ],
)
def test_an_update_may_bar_from_the_store(lines: Any, policy: Policy, code: str) -> None:
    made = freshened(lines, policy=policy)
    assert isinstance(made, Verdict)
    assert made.code == code


def test_a_wish_counts_at_a_validation_too() -> None:
    assert freshened({"Cache-Control": "no-store"}, wish=Wish(ttl=77)).lifetime == 77


def test_our_own_targeted_field_still_governs_after_a_304_without_it() -> None:
    policy = Policy.gateway()
    stored = entry(policy=policy, ETag='"a"', Cachespec_Cache_Control="max-age=99")
    made = freshened({"Date": format_date(LATER)}, stored=stored, policy=policy)
    assert made.lifetime == 99
    assert "cachespec-cache-control" not in made.headers
    made = freshened({"Cachespec-Cache-Control": "max-age=5"}, stored=made, policy=policy)
    assert made.lifetime == 5
    assert "cachespec-cache-control" not in made.headers


# --- RFC 9111 §4.3.5


@pytest.mark.requirement("9111-4.3.5-02")
@pytest.mark.parametrize(
    ("stored", "lines", "wrong"),
    [
        pytest.param({}, {}, "", id="nothing said"),
        pytest.param({"ETag": '"a"', "Last_Modified": MODIFIED}, {}, "", id="nothing said of much"),
        pytest.param(
            {"ETag": '"a"', "Last_Modified": MODIFIED},
            {"ETag": '"a"', "Last-Modified": MODIFIED, "Content-Length": "7"},
            "",
            id="all the same",
        ),
        pytest.param({"ETag": '"a"'}, {"ETag": '"b"'}, "etag", id="another tag"),
        pytest.param({"ETag": '"a"'}, {"ETag": 'W/"a"'}, "etag", id="a weaker tag"),
        pytest.param({}, {"ETag": '"a"'}, "etag", id="a tag where there was none"),
        pytest.param({"Last_Modified": MODIFIED}, {"Last-Modified": OTHER}, "last-modified", id="another date"),
        pytest.param({}, {"Content-Length": "8"}, "content-length", id="another length"),
        pytest.param({}, {"Content-Length": "?"}, "content-length", id="no length"),
        pytest.param({"ETag": '"a"'}, {"ETag": '"a"', "Content-Length": "8"}, "content-length", id="a length"),
    ],
)
def test_the_response_to_head_agrees_unless_something_differs(stored: Any, lines: Any, wrong: str) -> None:
    verdict = head_agrees(entry(**stored), Response(200, lines))
    assert bool(verdict) is (not wrong)
    assert wrong in verdict.sentence


TEXT = st.one_of(st.text(max_size=12), st.sampled_from(['"a"', 'W/"a"', '"a", "b"', "*", "a", MODIFIED]))


@given(st.lists(TEXT, max_size=3), TEXT, TEXT, TEXT)
def test_whatever_the_validators_are_nothing_breaks(tags: list[str], modified: str, asked: str, sent: str) -> None:
    entries = [replace(entry(), etag=tag, last_modified=modified) for tag in tags]
    made = conditional(Request("GET", URL, {"If-None-Match": asked}), entries)
    assert made.headers.getlist("if-none-match")
    for headers in ({"ETag": sent}, {"Last-Modified": sent}, {}):
        verdict, at = identified(Response(304, headers), entries, request(If_None_Match=asked))
        assert bool(verdict) is (at is not None)
        assert at is None or at < len(entries)


@given(
    st.lists(st.tuples(st.sampled_from("ABCDE"), st.text(st.characters(codec="latin-1"), max_size=5)), max_size=6),
    st.lists(st.tuples(st.sampled_from("ABCDE"), st.text(st.characters(codec="latin-1"), max_size=5)), max_size=6),
)
def test_merging_takes_the_newer_lines_and_keeps_the_others(old: Any, new: Any) -> None:
    stored, update = Headers(old), Headers(new)
    merged = merge(stored, update)
    for name in "ABCDE":
        assert merged.getlist(name) == (update.getlist(name) or stored.getlist(name))
    assert merge(merged, update) == merged


def test_a_304_with_a_date_of_its_own_keeps_it() -> None:
    made = freshened({"Date": format_date(LATER - 10)})
    assert made.headers["date"] == format_date(LATER - 10)
    assert (made.date, made.initial_age) == (LATER - 10, 10)


def test_a_client_that_named_no_tag_at_all_did_not_name_ours() -> None:
    assert identified(Response(304), [entry(Last_Modified=MODIFIED)], request(If_None_Match=""))[1] is None


# --- verdicts have stable names


def test_the_names_of_verdicts_stay() -> None:
    found = {name: (made.yes, made.code) for name, made in vars(validation).items() if isinstance(made, Verdict)}
    named = {
        "IDENTIFIED": (True, "validated"),
        "OTHER_TAG": (False, "other-validator"),
        "AMBIGUOUS": (False, "ambiguous"),
        "HEAD_AGREES": (True, "head-agrees"),
        "HEAD_DIFFERS": (False, "head-differs"),
    }
    assert named.items() <= found.items()
