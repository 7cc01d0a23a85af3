from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachespec import Entry, Headers, Policy, Request, Wish, decide, reuse
from cachespec.dates import format_date
from cachespec.reuse import BEARING, may_stand_in
from cachespec.verdicts import Verdict

NOW = 1_000_000_000.0
PRIVATE, SHARED = Policy(), Policy(shared=True)
URL = "https://example.com/a"


def entry(lifetime: float = 60, **options: Any) -> Entry:
    """A response that was fresh for `lifetime` seconds when it came in."""
    return Entry(URL, "GET", (), 200, "", Headers(), NOW, NOW, 0.0, lifetime, "max-age", NOW, **options)


def asked(cache_control: str | None = None, **lines: str) -> Request:
    given = {} if cache_control is None else {"Cache-Control": cache_control}
    return Request("GET", URL, given | lines)


def code(
    cache_control: str | None = None,
    *,
    age: float = 0,
    stored: Entry | None = None,
    policy: Policy = PRIVATE,
    wish: Wish | None = None,
    **lines: str,
) -> str:
    """The verdict's code, with a mark where it says no."""
    made = decide(asked(cache_control, **lines), stored or entry(), policy, NOW + age, wish or Wish())
    assert made.sentence
    return made.code if made else f"not: {made.code}"


# --- RFC 9111 §4.2: fresh or stale


@pytest.mark.requirement("9111-4-05", "9111-4.2-01", "9111-5.2.2.1-01", "9111-2-04")
@pytest.mark.parametrize(
    ("age", "expected"),
    [(0, "fresh"), (59.999, "fresh"), (60, "not: stale"), (60.001, "not: stale"), (9e9, "not: stale")],
)
@pytest.mark.parametrize("policy", [PRIVATE, SHARED], ids=["private", "shared"])
def test_it_is_fresh_while_its_lifetime_is_greater_than_its_age(age: float, expected: str, policy: Policy) -> None:
    assert code(age=age, policy=policy) == expected
    # Whatever the request says of other things.
    assert code("no-store, no-transform", age=age, policy=policy) == expected


@pytest.mark.requirement("9111-4.2.4-01", "9111-4.2.4-03")
def test_without_a_lifetime_it_is_stale_at_once() -> None:
    assert code(stored=entry(0)) == "not: stale"


@pytest.mark.requirement("9111-4.2.3-05")
def test_time_in_the_store_adds_to_its_initial_age() -> None:
    aged = entry()
    aged.initial_age = 50
    assert code(stored=aged, age=9) == "fresh"
    assert code(stored=aged, age=10) == "not: stale"


@pytest.mark.requirement("9111-4-04", "9111-5.2.2.4-01", "9111-4.2.4-02")
@pytest.mark.parametrize("request_says", [None, "max-stale", "max-age=9", "no-store", "min-fresh=1"])
@pytest.mark.parametrize("age", [0, 30, 90])
@pytest.mark.parametrize("policy", [PRIVATE, SHARED], ids=["private", "shared"])
def test_with_no_cache_it_is_never_used_without_validation(
    request_says: str | None, age: float, policy: Policy
) -> None:
    stored = entry(validate=True, while_revalidate=999, if_error=999)
    assert code(request_says, age=age, stored=stored, policy=policy) == "not: no-cache"
    assert not may_stand_in(asked("stale-if-error=999"), stored, policy, NOW + age)


def test_a_policy_may_validate_always() -> None:
    policy = Policy(revalidate="always")
    assert code(policy=policy) == "not: always-revalidate"
    assert code("max-age=9", policy=policy) == "not: always-revalidate"
    assert code("only-if-cached, max-stale", policy=policy) == "not: always-revalidate"


# --- RFC 9111 §5.2.1: what the request says


@pytest.mark.parametrize(
    ("cache_control", "age", "expected"),
    [
        pytest.param(
            "no-cache",
            0,
            "not: request-no-cache",
            marks=pytest.mark.requirement("9111-5.2.1.4-01"),
            id="no-cache",
        ),
        pytest.param(
            "max-age=20",
            20,
            "fresh",
            marks=pytest.mark.requirement("9111-5.2.1.1-01", "9111-4.2-02"),
            id="max-age, just so old",
        ),
        pytest.param(
            "max-age=20",
            20.5,
            "not: request-max-age",
            marks=pytest.mark.requirement("9111-5.2.1.1-01"),
            id="max-age, older",
        ),
        pytest.param("max-age=0", 0, "fresh", id="max-age of nothing, brand new"),
        pytest.param("max-age=0", 0.001, "not: request-max-age", id="max-age of nothing"),
        pytest.param("max-age=x", 1, "not: request-max-age", id="a malformed max-age"),
        pytest.param("max-age=999", 61, "not: stale", id="max-age accepts nothing stale"),
        pytest.param("max-age=0", 61, "not: request-max-age", id="max-age of nothing, stale"),
        pytest.param(
            "min-fresh=20",
            40,
            "fresh",
            marks=pytest.mark.requirement("9111-5.2.1.3-01", "9111-4.2-02"),
            id="min-fresh, just so long",
        ),
        pytest.param(
            "min-fresh=20",
            40.5,
            "not: min-fresh",
            marks=pytest.mark.requirement("9111-5.2.1.3-01"),
            id="min-fresh, not so long",
        ),
        pytest.param("min-fresh=x", 0, "not: min-fresh", id="a malformed min-fresh"),
        pytest.param("min-fresh=0", 59, "fresh", id="min-fresh of nothing"),
        pytest.param(
            "max-stale=20",
            80,
            "max-stale",
            marks=pytest.mark.requirement("9111-5.2.1.2-01"),
            id="max-stale, just so stale",
        ),
        pytest.param(
            "max-stale=20",
            80.5,
            "not: stale",
            marks=pytest.mark.requirement("9111-5.2.1.2-01"),
            id="max-stale, more stale",
        ),
        pytest.param(
            "max-stale", 1e9, "max-stale", marks=pytest.mark.requirement("9111-5.2.1.2-01"), id="bare max-stale"
        ),
        pytest.param("max-stale=x", 60, "not: stale", id="a malformed max-stale"),
        pytest.param("max-stale=0", 60, "max-stale", id="max-stale of nothing, at that moment"),
        pytest.param("max-stale=0", 60.1, "not: stale", id="max-stale of nothing"),
        pytest.param("max-stale=20", 10, "fresh", id="max-stale, but it is fresh"),
        pytest.param("max-age=70, max-stale=20", 70, "max-stale", id="both hold"),
        pytest.param("max-age=69, max-stale=20", 70, "not: request-max-age", id="too old"),
        pytest.param("max-age=90, max-stale=20", 81, "not: stale", id="too stale"),
        pytest.param("max-stale=20, min-fresh=1", 61, "not: min-fresh", id="both cannot hold"),
        pytest.param("only-if-cached", 0, "fresh", id="only-if-cached"),
        pytest.param("NO-CACHE=1, max-stale", 0, "not: request-no-cache", id="a strange no-cache"),
    ],
)
@pytest.mark.parametrize("policy", [PRIVATE, SHARED], ids=["private", "shared"])
def test_what_the_request_says_counts(cache_control: str, age: float, expected: str, policy: Policy) -> None:
    assert code(cache_control, age=age, policy=policy) == expected


@pytest.mark.requirement("9111-5.2.1-01")
@pytest.mark.parametrize("said", ["no-cache", "max-age=0", "min-fresh=99", "no-cache, max-stale"])
def test_a_gateway_does_not_listen_to_the_request(said: str) -> None:
    policy = Policy.gateway()
    assert code(said, age=30, policy=policy) == "fresh"
    assert code(said, age=90, policy=policy) == "not: stale"
    assert code("max-stale", age=90, policy=policy) == "not: stale"
    assert code(age=30, policy=policy, Pragma="no-cache") == "fresh"


@pytest.mark.requirement("9111-5.4-01")
def test_pragma_counts_in_a_private_cache_where_cache_control_is_absent() -> None:
    assert code(Pragma="no-cache") == "not: request-no-cache"
    assert code(Pragma="x, No-Cache") == "not: request-no-cache"
    assert code(Pragma="x") == "fresh"
    assert code("max-age=9", Pragma="no-cache") == "fresh"
    assert code("", Pragma="no-cache") == "fresh"
    assert code(Pragma="no-cache", policy=SHARED) == "fresh"


# --- RFC 9111 §4.2.4, RFC 5861 §3: stale use


@pytest.mark.parametrize(
    ("bar", "private", "shared"),
    [
        pytest.param(
            {"never_stale": True},
            "not: must-revalidate",
            "not: must-revalidate",
            marks=pytest.mark.requirement(
                "9111-4.2.4-02", "9111-5.2.2.2-01", "9111-5.2.2.8-01", "9111-3.5-03", "9111-4-06"
            ),
            id="must-revalidate or, in a shared cache, proxy-revalidate",
        ),
        pytest.param(
            {"no_max_stale": True},
            "not: stale",
            "not: stale",
            marks=pytest.mark.requirement("9111-4.2.4-02", "9111-5.2.2.10-02", "9111-3.5-03"),
            id="s-maxage in a shared cache",
        ),
        pytest.param({}, "max-stale", "max-stale", id="nothing"),
    ],
)
def test_max_stale_does_not_overrule_the_response(bar: Any, private: str, shared: str) -> None:
    assert code("max-stale", age=61, stored=entry(**bar)) == private
    assert code("max-stale", age=61, stored=entry(**bar), policy=SHARED) == shared
    assert code("max-stale", age=59, stored=entry(**bar)) == "fresh"


@pytest.mark.parametrize(
    ("age", "options", "policy", "expected"),
    [
        pytest.param(
            70,
            {},
            PRIVATE,
            "stale-while-revalidate",
            marks=pytest.mark.requirement("5861-3-01"),
            id="within the window",
        ),
        pytest.param(60, {}, PRIVATE, "stale-while-revalidate", id="at its beginning"),
        pytest.param(
            70.1, {}, PRIVATE, "not: stale", marks=pytest.mark.requirement("5861-3-03"), id="behind the window"
        ),
        pytest.param(59, {}, PRIVATE, "fresh", id="before the window"),
        pytest.param(
            65,
            {"never_stale": True},
            PRIVATE,
            "not: stale",
            marks=pytest.mark.requirement("9111-5.2.2.2-01", "9111-4.2.4-02"),
            id="must-revalidate",
        ),
        pytest.param(
            65,
            {"no_max_stale": True},
            SHARED,
            "stale-while-revalidate",
            marks=pytest.mark.requirement("9111-5.2.3-03", "9111-4-06"),
            id="s-maxage, which it modifies",
        ),
        pytest.param(
            65,
            {"no_max_stale": True},
            Policy(shared=True, strict_s_maxage=True),
            "not: stale",
            marks=pytest.mark.requirement("9111-5.2.2.10-02"),
            id="s-maxage to the letter",
        ),
        pytest.param(65, {"never_stale": True}, SHARED, "not: stale", id="proxy-revalidate"),
        pytest.param(
            65,
            {},
            Policy(shared=True, strict_s_maxage=True),
            "stale-while-revalidate",
            id="to the letter without s-maxage",
        ),
    ],
)
def test_stale_while_revalidate(age: float, options: Any, policy: Policy, expected: str) -> None:
    assert code(age=age, stored=entry(while_revalidate=10, **options), policy=policy) == expected


@pytest.mark.parametrize(
    ("age", "options", "expected"),
    [
        pytest.param(70, {}, "stale-while-revalidate", id="within"),
        pytest.param(71, {}, "not: stale", id="beyond"),
        pytest.param(75, {"while_revalidate": 20}, "stale-while-revalidate", id="the longer one counts"),
        pytest.param(70, {"while_revalidate": 5}, "stale-while-revalidate", id="the longer one counts, the policy's"),
        pytest.param(65, {"never_stale": True}, "not: stale", id="never against must-revalidate"),
        pytest.param(65, {"no_max_stale": True}, "not: stale", id="nor against s-maxage"),
    ],
)
def test_the_policy_may_have_a_window_where_the_response_has_none(age: float, options: Any, expected: str) -> None:
    assert code(age=age, stored=entry(**options), policy=Policy(stale_while_revalidate=10)) == expected


def test_what_an_override_has_stored_is_not_for_a_request_that_sets_it_aside() -> None:
    stored = entry()
    assert code(stored=stored, wish=Wish(overrides=False)) == "fresh"
    stored.source = "override"
    assert code(stored=stored) == "fresh"
    assert code(stored=stored, wish=Wish(overrides=False)) == "not: wish-overrides"


@pytest.mark.requirement("9111-5.2.1.1-01", "9111-5.2.1.3-01")
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("max-age=65", "not: stale"),
        ("max-age=64", "not: request-max-age"),
        ("min-fresh=0", "not: min-fresh"),
        ("no-cache", "not: request-no-cache"),
        ("max-stale=4", "stale-while-revalidate"),
        ("max-stale=5", "max-stale"),
        ("only-if-cached", "stale-while-revalidate"),
    ],
)
def test_the_request_may_accept_less_than_the_window(said: str, expected: str) -> None:
    assert code(said, age=65, stored=entry(while_revalidate=10)) == expected


def test_a_request_that_accepts_stale_ones_gets_no_less_than_others() -> None:
    stored = entry(while_revalidate=10, no_max_stale=True)
    assert code("max-stale=9", age=65, stored=stored, policy=SHARED) == "stale-while-revalidate"


# --- RFC 8246


@pytest.mark.parametrize(
    ("said", "age", "immutable", "expected"),
    [
        pytest.param(
            "max-age=0",
            30,
            True,
            "immutable",
            marks=pytest.mark.requirement("8246-2-01", "8246-2.1-01"),
            id="a reload while it is fresh",
        ),
        pytest.param("max-age=0", 30, False, "not: request-max-age", id="a reload of what may change"),
        pytest.param(
            "no-cache",
            30,
            True,
            "not: request-no-cache",
            marks=pytest.mark.requirement("8246-3-02"),
            id="a forced reload",
        ),
        pytest.param(
            "max-age=0",
            60,
            True,
            "not: request-max-age",
            marks=pytest.mark.requirement("8246-2-02"),
            id="a reload when it is stale",
        ),
        pytest.param(None, 60, True, "not: stale", marks=pytest.mark.requirement("8246-2-02"), id="stale"),
        pytest.param("max-age=1", 30, True, "not: request-max-age", id="an age that somebody chose"),
    ],
)
@pytest.mark.parametrize("policy", [PRIVATE, SHARED], ids=["private", "shared"])
def test_immutable_spares_the_validation_of_a_reload(
    said: str | None, age: float, immutable: bool, expected: str, policy: Policy
) -> None:
    assert code(said, age=age, stored=entry(immutable=immutable), policy=policy) == expected


# --- what the caller says


@pytest.mark.parametrize(
    ("mode", "age", "expected"),
    [
        ("default", 0, "fresh"),
        ("default", 90, "not: stale"),
        ("no-cache", 0, "not: wish-no-cache"),
        ("force-cache", 90, "forced"),
        ("only-if-cached", 90, "forced"),
    ],
)
def test_the_caller_s_mode_comes_first(mode: Any, age: float, expected: str) -> None:
    assert code(age=age, wish=Wish(mode=mode)) == expected
    assert code("x", age=age, wish=Wish(mode=mode)) == expected


# --- RFC 5861 §4


def stands_in(
    cache_control: str | None = None,
    *,
    policy: Policy = PRIVATE,
    age: float = 70,
    wish: Wish | None = None,
    **options: Any,
) -> str:
    made = may_stand_in(asked(cache_control), entry(**options), policy, NOW + age, wish or Wish())
    assert made.sentence
    return made.code if made else f"not: {made.code}"


@pytest.mark.requirement("9111-4.2.4-03")
def test_nothing_stale_stands_in_unless_somebody_allows_it() -> None:
    assert stands_in() == "not: error"
    assert stands_in("max-age=5") == "not: error"


@pytest.mark.requirement("5861-4-01", "5861-4-02", "5861-4-03")
@pytest.mark.parametrize(
    ("window", "age", "expected"),
    [
        (10, 70, "stale-if-error"),
        (10, 70.1, "not: error"),
        (9, 70, "not: error"),
        (0, 60, "not: error"),
        (1, 60, "stale-if-error"),
    ],
)
def test_whoever_allows_it_sets_the_window(window: int, age: float, expected: str) -> None:
    assert stands_in(age=age, if_error=window) == expected
    assert stands_in(f"stale-if-error={window}", age=age) == expected
    assert stands_in(age=age, policy=Policy(stale_if_error=window)) == expected
    assert stands_in(age=age, wish=Wish(stale_if_error=window)) == expected
    assert stands_in(age=age, wish=Wish(stale_if_error=timedelta(seconds=window))) == expected


@pytest.mark.requirement("5861-4-01")
def test_the_longest_window_counts() -> None:
    assert stands_in("stale-if-error=10", if_error=5) == "stale-if-error"
    assert stands_in("stale-if-error=5", if_error=10) == "stale-if-error"
    assert stands_in("stale-if-error=5", if_error=5, policy=Policy(stale_if_error=10)) == "stale-if-error"


def test_the_caller_s_window_takes_the_place_of_the_policy_s() -> None:
    policy = Policy(stale_if_error=99)
    assert stands_in(policy=policy, wish=Wish(stale_if_error=0)) == "not: error"
    assert stands_in(policy=policy, wish=Wish(stale_if_error=9)) == "not: error"
    assert stands_in(policy=policy, wish=Wish(stale_if_error=10)) == "stale-if-error"


def test_a_gateway_does_not_listen_to_the_request_s_window() -> None:
    assert stands_in("stale-if-error=10", policy=Policy.gateway()) == "not: error"
    assert stands_in(policy=Policy.gateway(), if_error=10) == "stale-if-error"


@pytest.mark.requirement("9111-5.2.2.2-02", "9111-4.2.4-02", "9111-5.2.2.10-02")
@pytest.mark.parametrize(
    ("options", "policy", "expected"),
    [
        pytest.param({"never_stale": True}, PRIVATE, "not: must-revalidate", id="must-revalidate"),
        pytest.param({"validate": True}, PRIVATE, "not: no-cache", id="no-cache"),
        pytest.param({"no_max_stale": True}, SHARED, "stale-if-error", id="s-maxage, which the window modifies"),
        pytest.param({"no_max_stale": True, "if_error": 0}, SHARED, "not: error", id="s-maxage"),
        pytest.param(
            {"no_max_stale": True},
            Policy(shared=True, strict_s_maxage=True, stale_if_error=99),
            "not: must-revalidate",
            id="s-maxage to the letter",
        ),
    ],
)
def test_what_bars_stale_use_bars_it_for_errors(options: Any, policy: Policy, expected: str) -> None:
    given = {"if_error": 99} | options
    assert stands_in("stale-if-error=99", policy=policy, **given) == expected
    if policy is SHARED:
        assert stands_in("stale-if-error=99", policy=Policy(shared=True, stale_if_error=99), **given) == expected


def test_what_is_fresh_may_stand_in_without_a_window() -> None:
    assert stands_in("no-cache", age=59) == "stale-if-error"
    assert stands_in("no-cache", age=60) == "not: error"


@pytest.mark.parametrize(("age", "seconds"), [(50, 0), (60, 0), (65.4, 5)])
def test_how_stale_it_is_is_told(age: float, seconds: int) -> None:
    made = may_stand_in(asked(), entry(if_error=10), PRIVATE, NOW + age)
    assert f"stale by {seconds} s" in made.sentence


DIRECTIVES = st.lists(
    st.sampled_from(
        ["no-cache", "max-age=0", "max-age=50", "min-fresh=9", "max-stale", "max-stale=5", "stale-if-error=9", "x"]
    ),
    max_size=3,
).map(", ".join)


@given(
    st.one_of(st.none(), DIRECTIVES),
    st.floats(-1e6, 1e6),
    st.floats(0, 1e6),
    st.fixed_dictionaries(
        {
            "validate": st.booleans(),
            "never_stale": st.booleans(),
            "no_max_stale": st.booleans(),
            "while_revalidate": st.sampled_from([0, 5, 10**6]),
            "if_error": st.sampled_from([0, 5, 10**6]),
        }
    ),
)
def test_whatever_is_asked_nothing_is_used_against_the_response(
    said: str | None, age: float, lifetime: float, options: Any
) -> None:
    stored = entry(lifetime, **options)
    for policy in (PRIVATE, SHARED, Policy.gateway(), Policy.strict(shared=True)):
        verdict = decide(asked(said), stored, policy, NOW + age)
        error = may_stand_in(asked(said), stored, policy, NOW + age)
        if options["validate"]:
            assert not verdict
            assert not error
        stale = stored.age(NOW + age) >= lifetime
        if stale and options["never_stale"]:
            assert not verdict
            assert not error
        if stale and verdict:
            assert verdict.code in ("max-stale", "stale-while-revalidate")
        if verdict.code == "max-stale":
            assert not options["no_max_stale"]
            assert policy.honour_request
        if not stale and said is None and not options["validate"]:
            assert verdict


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "x"),
        ("Cache-Control", "no-cache"),
        ("Cookie", "a=b"),
        ("If-Match", '"a"'),
        ("If-Modified-Since", "Sun, 09 Sep 2001 01:46:40 GMT"),
        ("If-None-Match", '"a"'),
        ("If-Unmodified-Since", "Sun, 09 Sep 2001 01:46:40 GMT"),
        ("Pragma", "no-cache"),
        ("Range", "bytes=0-1"),
    ],
)
def test_the_fields_that_bear_on_a_hit_are_known(name: str, value: str, make_lab: Any) -> None:
    assert name.lower() in BEARING
    outcomes = []
    for policy in (Policy(), Policy.gateway()):
        lab = make_lab(policy).says("max-age=60", {"ETag": '"a"', "Last-Modified": format_date(1e9)})
        lab.get()
        replies = [lab.get(headers) for headers in ({}, {name: value})]
        outcomes.append([(reply.status, reply.info.status) for reply in replies])
    assert any(plain != other for plain, other in outcomes)


# --- verdicts have stable names


def test_the_names_of_verdicts_stay() -> None:
    found = {name: (made.yes, made.code) for name, made in vars(reuse).items() if isinstance(made, Verdict)}
    named = {
        "FRESH": (True, "fresh"),
        "MAX_STALE": (True, "max-stale"),
        "WHILE_REVALIDATE": (True, "stale-while-revalidate"),
        "FORCED": (True, "forced"),
        "IMMUTABLE": (True, "immutable"),
        "IF_ERROR": (True, "stale-if-error"),
        "STALE": (False, "stale"),
        "NO_CACHE": (False, "no-cache"),
        "REQUEST_NO_CACHE": (False, "request-no-cache"),
        "REQUEST_MAX_AGE": (False, "request-max-age"),
        "MIN_FRESH": (False, "min-fresh"),
        "ALWAYS": (False, "always-revalidate"),
        "WISHED": (False, "wish-no-cache"),
        "MUST_REVALIDATE": (False, "must-revalidate"),
        "NO_WINDOW": (False, "error"),
    }
    assert named.items() <= found.items()
