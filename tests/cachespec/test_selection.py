from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachespec import Cache, Entry, Headers, MemoryStore, Policy, Request, Wish
from cachespec.entries import Variants
from cachespec.keys import NORMALISE_STRICT, primary_key
from cachespec.selection import SETS, TAGS, Candidate, Keys, candidates, find, key_url, keys_for, publish, select
from cachespec.steps import Plan, Read, Secret, Swap
from cachespec.stores.contract import NOTHING, Reading, Scope

URL = "https://example.com/a"
NOW = 1_000_000_000.0
MAKE = Callable[..., Any]
PRIVATE = Policy()


def entry(name: str = "", *, url: str = URL, date: float = NOW, **options: Any) -> Entry:
    """A stored response whose reason phrase tells it from others."""
    headers, selecting = options.pop("headers", {}), options.pop("selecting", ())
    return Entry(url, "GET", selecting, 200, name, Headers(headers), NOW, NOW, 0.0, 60.0, "max-age", date, **options)


class Bench:
    """The two ends of the arrangement over one store, without the flow between them."""

    def __init__(self, policy: Policy = PRIVATE) -> None:
        self.policy = policy
        self.store = MemoryStore()
        self.run = Cache(self.store).run

    def keys(self, request: Request) -> Keys:
        keys = self.run(keys_for(request, self.policy))
        assert keys is not None
        return keys

    def find(self, request: Request) -> Any:
        return self.run(find(request, self.keys(request), self.policy))

    def plan(self, request: Request, stored: Entry, vary: tuple[str, ...] = ()) -> Plan:
        keys = self.keys(request)
        placed = self.run(select(stored, vary, request, keys, self.policy))
        assert placed is not None
        return Plan(placed, keys.primary, self.store.read(keys.primary), vary, None)

    def put(self, request: Request, stored: Entry, vary: tuple[str, ...] = ()) -> bool:
        if vary:
            stored.headers = stored.headers.plus(("Vary", ", ".join(vary)))
        plan = self.plan(request, stored, vary)
        return self.run(publish(plan, plan.entry, self.policy))

    def got(self, request: Request) -> str | None:
        """The name of the response that answers."""
        found = self.find(request)
        return None if found.candidate is None else found.candidate.entry.reason

    @property
    def record(self) -> Variants:
        (record,) = [item for _, item in self.store.items() if isinstance(item, Variants)]
        return record


def drive(
    bench: Bench, flow: Any, before: Callable[[Swap, int], object] = lambda *_: None, *, secret: bool = True
) -> Any:
    """Run `flow`, calling `before` ahead of every swap with its number; without `secret` the store will not tell it."""
    step, swaps = next(flow), 0
    try:
        while True:
            if isinstance(step, Swap):
                before(step, swaps)
                swaps += 1
            step = flow.send(None if isinstance(step, Secret) and not secret else step.on(bench.store))
    except StopIteration as end:
        return end.value


def get(url: str = URL, method: str = "GET", content: bytes | None = b"", **lines: str) -> Request:
    return Request(method, url, {name.replace("_", "-"): value for name, value in lines.items()}, content)


@pytest.fixture
def bench() -> Bench:
    return Bench()


# --- RFC 9111 §2: keys


@pytest.mark.requirement("9111-2-01", "9110-4.2.3-01")
def test_the_key_of_a_plain_get_is_its_url(bench: Bench) -> None:
    keys = bench.keys(get("HTTPS://Example.com:443/a#b", Accept="x", Cookie="y"))
    assert keys == Keys(URL, primary_key(URL, PRIVATE.space), (), b"")
    assert bench.keys(get(method="HEAD")) == keys


@pytest.mark.requirement("10008-2.7-02", "10008-2.7-03", "10008-2.7-04")
def test_method_content_and_its_description_are_in_the_key_of_other_methods(bench: Bench) -> None:
    asked = get(method="QUERY", content=b"select", Content_Type="text/plain", Accept="x")
    keys = bench.keys(asked)
    digest = sha256(b"select").hexdigest()
    assert keys.base == (
        ("@method", "QUERY"),
        ("@content", digest),
        ("content-type", "text/plain"),
        ("content-encoding", None),
    )
    bases = {
        bench.keys(other).base
        for other in (
            asked,
            get(method="QUERY", content=b"selec", Content_Type="text/plain"),
            get(method="QUERY", content=b"", Content_Type="text/plain"),
            get(method="QUERY", content=b"select"),
            get(method="QUERY", content=b"select", Content_Type=""),
            get(method="QUERY", content=b"select", Content_Type="text/plain", Content_Encoding=""),
            get(method="POST", content=b"select", Content_Type="text/plain"),
        )
    }
    assert len(bases) == 7
    assert bench.run(keys_for(get(method="QUERY", content=None), PRIVATE)) is None


@pytest.mark.requirement("9111-2-02", "9111-7.2-01")
def test_a_principal_is_in_the_key_as_a_digest_only(bench: Bench) -> None:
    one, other = bench.keys(get(Authorization="Basic x")), bench.keys(get(Authorization="Basic y"))
    assert one.base[0][0] == "@principal"
    assert one.base != other.base
    assert one.primary == other.primary
    assert "Basic x" not in repr(one)
    assert bench.keys(get(Authorization="Basic x")) == one
    for policy in (Policy(credentials="rfc"), Policy(shared=True), Policy.gateway()):
        assert Bench(policy).keys(get(Authorization="Basic x")).base == ()


def test_the_digest_depends_on_the_store_s_secret() -> None:
    asked = get(Authorization="Basic x")
    assert Bench().keys(asked).base != Bench().keys(asked).base


def test_a_policy_may_name_fields_that_tell_responses_apart() -> None:
    bench = Bench(Policy(vary_by=("x-tenant", "accept", "cookie")))
    assert bench.keys(get()).base == ()
    assert bench.keys(get(X_Tenant="t")).base == (("x-tenant", "t"),)
    assert bench.keys(get(X_Tenant="")).base == (("x-tenant", ""),)
    assert bench.keys(get(Accept="a, b")).base == (("accept", "a,b"),)
    [(name, value)] = bench.keys(get(Cookie="secret")).base
    assert name == "cookie"
    assert "secret" not in (value or "")


@pytest.mark.requirement("9111-2-02")
def test_a_wish_may_set_requests_apart(bench: Bench) -> None:
    def base(partition: str | None, **lines: str) -> Any:
        keys = bench.run(keys_for(get(**lines), PRIVATE, Wish(partition=partition)))
        assert keys is not None
        return keys.base

    assert base(None) == ()
    assert base("a") == base("a") != base("b")
    assert base("") != base(None)
    assert "user-17" not in repr(base("user-17"))


@pytest.mark.parametrize(
    ("policy", "wish", "url", "expected"),
    [
        (Policy(), Wish(), "http://a.test/?b=1&a=2", "http://a.test/?b=1&a=2"),
        (Policy(key=lambda request: "HTTP://B.test"), Wish(), URL, "http://b.test/"),
        (Policy(key=lambda request: None), Wish(), URL, None),
        (Policy(key=lambda request: "http://b.test/"), Wish(key="http://c.test/#x"), URL, "http://c.test/"),
        (Policy(ignore_params=frozenset({"a"})), Wish(), "http://a.test/?b=1&a=2", "http://a.test/?b=1"),
        (Policy(ignore_params=frozenset({"a", "b"})), Wish(), "http://a.test/?b=1&a=2", "http://a.test/"),
        (Policy(sort_params=True), Wish(), "http://a.test/?b=1&a=2", "http://a.test/?a=2&b=1"),
        (Policy(sort_params=True), Wish(), "http://a.test/", "http://a.test/"),
        (Policy(), Wish(), f"http://a.test/{'x' * 16370}", f"http://a.test/{'x' * 16370}"),
        (Policy(), Wish(), f"http://a.test/{'x' * 16371}", None),
    ],
)
def test_the_url_in_the_key(policy: Policy, wish: Wish, url: str, expected: str | None) -> None:
    assert key_url(get(url), policy, wish) == expected


def test_without_the_store_s_secret_there_is_no_key_for_secrets() -> None:
    for asked, policy in ((get(Authorization="x"), PRIVATE), (get(A="x"), Policy(vary_by=("a",)))):
        assert drive(Bench(), keys_for(asked, policy), secret=False) is None


# --- RFC 9111 §4.1: Vary


@pytest.mark.requirement("9111-4-03", "9111-4.1-01", "9111-2-03", "9110-12.5.5-01", "9110-12.5.5-02")
def test_the_fields_that_vary_names_have_to_match(bench: Bench) -> None:
    bench.put(get(Accept="a", X="1"), entry("one"), ("accept",))
    bench.put(get(Accept="b", X="2"), entry("two"), ("accept",))
    assert bench.got(get(Accept="a")) == "one"
    assert bench.got(get(Accept="b", X="9")) == "two"
    assert bench.got(get(Accept="c")) is None
    assert bench.got(get(Accept="A")) is None


@pytest.mark.requirement("9111-4.1-03")
def test_absent_is_not_empty(bench: Bench) -> None:
    bench.put(get(), entry("absent"), ("accept", "x"))
    bench.put(get(Accept=""), entry("empty"), ("accept", "x"))
    bench.put(get(X=""), entry("other empty"), ("accept", "x"))
    assert bench.got(get()) == "absent"
    assert bench.got(get(Accept="")) == "empty"
    assert bench.got(get(X="")) == "other empty"
    assert bench.got(get(Accept="", X="")) is None


@pytest.mark.requirement("9111-4.1-02", "9110-5.5-03")
@pytest.mark.parametrize(
    ("name", "one", "other", "private", "strict"),
    [
        pytest.param("Accept", "a, b", "a,b", True, True, id="space"),
        pytest.param("Accept", "a;q=1, b", "a ; q=1,b", True, True, id="space at a parameter"),
        pytest.param("Accept", "a, b", "b, a", False, True, id="order"),
        pytest.param("Accept-Language", "de, EN", "de, en", False, True, id="case"),
        pytest.param("Accept-Encoding", "gzip, br", "br, gzip", False, True, id="order of codings"),
        pytest.param("Accept", "a", "b", False, False, id="value"),
        pytest.param("X", "a, b", "a,b", False, True, id="space in another field"),
        pytest.param("X", "a, b", "b, a", False, False, id="order in another field"),
        pytest.param("X", "a ", "a", True, True, id="space at the end"),
    ],
)
def test_values_match_if_they_mean_the_same(name: str, one: str, other: str, private: bool, strict: bool) -> None:
    for policy, same in ((PRIVATE, private), (Policy.strict(shared=True, select_language=False), strict)):
        bench = Bench(policy)
        bench.put(Request("GET", URL, {name: one}), entry("x"), (name.lower(),))
        assert (bench.got(Request("GET", URL, {name: other})) == "x") is same


@pytest.mark.requirement("9111-4.1-02", "9110-5.2-01")
def test_lines_of_one_name_match_one_line(bench: Bench) -> None:
    bench.put(Request("GET", URL, [("X", "a"), ("x", "b")]), entry("x"), ("x",))
    assert bench.got(get(X="a, b")) == "x"
    assert bench.got(get(X="b, a")) is None


@pytest.mark.requirement("9111-4.1-06", "9111-4-12")
@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_of_several_that_match_the_one_with_the_latest_date_is_taken(order: tuple[int, int], bench: Bench) -> None:
    vary = {1: ("accept",), 2: ("accept-language",)}
    for number in order:
        bench.put(get(), entry(str(number), date=NOW + number), vary[number])
    assert bench.got(get()) == "2"
    assert bench.got(get(Accept="x")) == "2"
    assert bench.got(get(Accept_Language="x")) == "1"
    assert bench.got(get(Accept="x", Accept_Language="x")) is None


@pytest.mark.requirement("9111-4.1-07")
@pytest.mark.parametrize("order", [("plain", "varying"), ("varying", "plain")])
def test_one_with_vary_goes_before_one_without(order: tuple[str, str], bench: Bench) -> None:
    # A record has to be there already, for a plain response alone at the key gives way to it.
    bench.put(get(Accept="z"), entry("z"), ("accept",))
    for name in order:
        bench.put(get(), entry(name, date=NOW + (name == "plain")), ("accept",) if name == "varying" else ())
    assert bench.got(get()) == "varying"
    # Where no variant matches, the one without Vary may serve.
    assert bench.got(get(Accept="x")) == "plain"


@pytest.mark.requirement("9111-4.1-08", "9111-4.3.1-02", "9111-4.3.1-06")
def test_where_no_variant_matches_their_tags_are_nominated(bench: Bench) -> None:
    for number in range(TAGS + 2):
        bench.put(get(Accept=str(number)), entry(str(number), etag=f'"{number}"'), ("accept",))
    bench.put(get(Accept="untagged"), entry("untagged"), ("accept",))
    asked = get(Accept="other")
    found = bench.find(asked)
    assert found.candidate is None
    nominated = bench.run(candidates(found, bench.keys(asked)))
    assert [candidate.entry.reason for candidate in nominated] == [str(n) for n in reversed(range(2, TAGS + 2))]
    # Where one matches, it alone is.
    found = bench.find(get(Accept="3"))
    assert bench.run(candidates(found, bench.keys(asked))) == [found.candidate]


def test_a_tag_that_is_no_longer_there_is_not_nominated(bench: Bench) -> None:
    bench.put(get(Accept="1"), entry("1", etag='"1"'), ("accept",))
    bench.put(get(Accept="2"), entry("2", etag='"2"'), ("accept",))
    bench.put(get(Accept="2"), entry("2 again", etag='"3"'), ("accept",))
    bench.put(get(Accept="3"), entry("3", etag='"4"'), ("accept",))
    there = bench.find(get(Accept="3")).candidate
    bench.store.swap(there.key, None, there.revision, 0)
    asked = get(Accept="other")
    found = bench.find(asked)
    # As if the record had been read before the variant was replaced.
    found.tagged = (('"2"', found.tagged[1][1]), *found.tagged)
    names = [candidate.entry.reason for candidate in bench.run(candidates(found, bench.keys(asked)))]
    assert names == ["2 again", "1"]


def test_nobody_else_s_tags_are_nominated(bench: Bench) -> None:
    mine = get(Accept="1", Authorization="me")
    bench.put(mine, entry("mine", etag='"1"'), ("accept",))
    bench.put(get(Accept="1"), entry("anybody's", etag='"2"'), ("accept",))
    for asked, expected in (
        (get(Accept="x", Authorization="me"), ["mine"]),
        (get(Accept="x"), ["anybody's"]),
        (get(Accept="x", Authorization="you"), []),
    ):
        nominated = bench.run(candidates(bench.find(asked), bench.keys(asked)))
        assert [candidate.entry.reason for candidate in nominated] == expected


@pytest.mark.parametrize("name", ["Cookie", "Authorization", "Proxy-Authorization"])
def test_secrets_are_told_apart_but_not_kept(name: str) -> None:
    bench = Bench(Policy(shared=True))
    bench.put(Request("GET", URL, {name: "secret"}), entry("x"), (name.lower(),))
    assert bench.got(Request("GET", URL, {name: "secret"})) == "x"
    assert bench.got(Request("GET", URL, {name: "other"})) is None
    assert bench.got(Request("GET", URL)) is None
    assert "secret" not in repr(list(bench.store.items()))


def test_without_the_store_s_secret_no_variant_is_found(bench: Bench) -> None:
    bench.put(get(Cookie="x"), entry("x"), ("cookie",))
    asked = get(Cookie="x")
    keys = bench.keys(asked)
    found = drive(bench, find(asked, keys, PRIVATE), secret=False)
    assert (found.candidate, found.varies) == (None, True)
    assert keys.secret == b""
    # Nor is anything placed.
    assert drive(bench, select(entry(), ("cookie",), asked, keys, PRIVATE), secret=False) is None


def test_the_secret_is_asked_for_once(bench: Bench) -> None:
    bench.put(get(Cookie="x"), entry("x"), ("cookie",))
    bench.put(get(Cookie="x", A="y"), entry("y"), ("a", "cookie"))
    asked = get(Cookie="x", A="y")
    steps: list[type] = []

    def spied(flow: Any) -> Any:
        step = next(flow)
        try:
            while True:
                steps.append(type(step))
                step = flow.send((yield step))
        except StopIteration as end:
            return end.value

    assert drive(bench, spied(find(asked, bench.keys(asked), PRIVATE))).candidate
    assert steps == [Read, Secret, Read, Read]


# --- the arrangement


def test_a_plain_response_lies_at_the_primary_key(bench: Bench) -> None:
    assert bench.put(get(), entry("one"))
    assert bench.store.read(primary_key(URL, PRIVATE.space)).item == entry("one")
    found = bench.find(get())
    assert found.candidate == Candidate(entry("one"), primary_key(URL, PRIVATE.space), found.root.revision)
    # What has selecting values is told apart from it.
    asked = get(Authorization="x")
    found = bench.find(asked)
    assert (found.candidate, found.varies, found.key) == (None, True, b"")


def test_nothing_stored_is_nothing_found(bench: Bench) -> None:
    found = bench.find(get())
    assert (found.candidate, found.varies, found.root.revision) == (None, False, 0)


def test_where_the_next_variant_would_lie_is_told_by_the_newest_vary(bench: Bench) -> None:
    bench.put(get(), entry("1"), ("accept",))
    bench.put(get(), entry("2"), ("a", "b"))
    plan = bench.plan(get(A="x"), entry("3"), ("a", "b"))
    assert bench.find(get(A="x", Accept="y")).key != bench.find(get(Accept="y")).key
    key = bench.find(get(A="x")).key
    bench.run(publish(plan, plan.entry, PRIVATE))
    assert bench.store.read(key).item is not None


def test_what_lies_under_the_key_of_another_url_is_a_miss(bench: Bench) -> None:
    keys = bench.keys(get())
    bench.store.swap(keys.primary, entry("other", url="https://example.com/other"), 0, 0)
    found = bench.find(get())
    assert (found.candidate, found.varies) == (None, False)
    assert found.root.revision


def test_what_lies_under_the_key_of_another_variant_is_a_miss(bench: Bench) -> None:
    bench.put(get(Accept="a"), entry("one"), ("accept",))
    candidate = bench.find(get(Accept="a")).candidate
    for wrong in (
        entry("wrong", selecting=(("accept", "b"),)),
        entry("wrong", url="https://example.com/other", selecting=(("accept", "a"),)),
        Variants(URL, b"", (), 0),
    ):
        revision = bench.store.read(candidate.key).revision
        assert bench.store.swap(candidate.key, wrong, revision, 0)
        assert bench.got(get(Accept="a")) is None


def test_a_record_keeps_the_newest_sets_of_names(bench: Bench) -> None:
    for number in range(SETS + 2):
        bench.put(get(), entry(str(number)), (f"x{number}",))
    assert bench.record.names == tuple([(f"x{number}",) for number in reversed(range(2, SETS + 2))])
    bench.put(get(), entry("again"), ("x3",))
    # A set that is there already keeps its place.
    assert bench.record.names[0] == (f"x{SETS + 1}",)


def test_with_too_many_variants_all_of_them_go() -> None:
    bench = Bench(Policy(max_variants=3))
    for number in range(3):
        assert bench.put(get(Accept=str(number)), entry(str(number), etag=f'"{number}"'), ("accept",))
    assert [bench.got(get(Accept=str(number))) for number in range(3)] == ["0", "1", "2"]
    generation = bench.record.generation
    assert bench.put(get(Accept="3"), entry("3"), ("accept",))
    assert [bench.got(get(Accept=str(number))) for number in range(4)] == [None, None, None, "3"]
    assert bench.record.generation != generation
    assert bench.record.count == 1
    assert bench.record.tags == ()
    # Replacing one is no further variant.
    for _ in range(9):
        bench.put(get(Accept="3"), entry("3"), ("accept",))
    assert bench.record.count == 1
    # Nobody finds what is left of them, but a sweep does.
    assert bench.store.sweep(NOW) == 3


def test_dropping_the_record_drops_every_variant(bench: Bench) -> None:
    bench.put(get(Accept="1"), entry("1"), ("accept",))
    bench.put(get(Authorization="x"), entry("2"))
    bench.store.purge(Scope(urls=(URL,)))
    assert len(bench.store) == 0
    bench.put(get(Accept="2"), entry("2"), ("accept",))
    assert bench.got(get(Accept="1")) is None


def test_a_body_that_nobody_names_any_more_is_discarded(bench: Bench) -> None:
    def body(name: str) -> str:
        bench.store.append(name, b"x" * 10)
        return name

    bench.put(get(), entry(body_id=body("1")))
    bench.put(get(), entry(body_id=body("2")))
    assert bench.store.open("1") is None
    assert bench.put(get(), entry(body_id="2"))
    assert bench.store.open("2") is not None
    bench.put(get(), entry(body_id=body("3")), ("accept",))
    assert bench.store.open("2") is None
    bench.put(get(), entry(body_id=body("4")), ("accept",))
    assert bench.store.open("3") is None
    assert bench.store.open("4") is not None


# --- somebody else was quicker


def test_a_plain_response_that_comes_too_late_is_not_stored(bench: Bench) -> None:
    plan = bench.plan(get(), entry("slow"))
    bench.put(get(), entry("quick"))
    assert not bench.run(publish(plan, plan.entry, PRIVATE))
    assert bench.got(get()) == "quick"


def test_variants_that_come_at_once_are_both_stored(bench: Bench) -> None:
    plan = bench.plan(get(Accept="slow"), entry("slow"), ("accept",))

    def quick(step: Swap, number: int) -> None:
        if number == 0:
            bench.put(get(Accept="quick"), entry("quick"), ("accept",))

    assert drive(bench, publish(plan, plan.entry, PRIVATE), quick)
    assert bench.got(get(Accept="quick")) == "quick"
    assert bench.got(get(Accept="slow")) == "slow"
    assert bench.record.count == 2


def test_a_record_that_never_holds_still_is_given_up(bench: Bench) -> None:
    bench.put(get(Accept="0"), entry("0"), ("accept",))
    plan = bench.plan(get(Accept="slow"), entry("slow"), ("accept",))

    def quick(step: Swap, number: int) -> None:
        bench.put(get(Accept=f"quick {number}"), entry("quick"), ("accept",))

    assert not drive(bench, publish(plan, plan.entry, PRIVATE), quick)
    assert bench.got(get(Accept="slow")) is None


def test_of_the_same_variant_twice_the_later_one_gives_up(bench: Bench) -> None:
    bench.put(get(Accept="a"), entry("0"), ("accept",))
    plan = bench.plan(get(Accept="a"), entry("slow"), ("accept",))

    def quick(step: Swap, number: int) -> None:
        bench.put(get(Accept="a"), entry("quick"), ("accept",))

    assert not drive(bench, publish(plan, plan.entry, PRIVATE), quick)
    assert bench.got(get(Accept="a")) == "quick"


@pytest.mark.parametrize("vary", [(), ("accept",)])
@pytest.mark.parametrize("when", [0, 1])
def test_a_purge_beats_what_began_before_it(vary: tuple[str, ...], when: int, bench: Bench) -> None:
    plan = bench.plan(get(), entry("x"), vary)

    def purge(step: Swap, number: int) -> None:
        if number == when:
            bench.store.purge(Scope(urls=(URL,)))

    stored = drive(bench, publish(plan, plan.entry, PRIVATE), purge)
    assert stored is (not vary and when == 1)
    if not stored:
        assert bench.got(get()) is None


def test_nothing_is_published_by_what_could_not_read(bench: Bench) -> None:
    plan = Plan(entry(), primary_key(URL, PRIVATE.space), NOTHING, (), None)
    assert not bench.run(publish(plan, plan.entry, PRIVATE))
    assert len(bench.store) == 0


# --- languages


def test_the_preferred_language_is_chosen_where_the_policy_says_so(make_lab: MAKE) -> None:
    lab = make_lab(Policy.strict(shared=True))
    for language in ("de", "en"):
        lab.says(
            "max-age=60",
            {"Vary": "Accept-Language, Accept", "Content-Language": language.upper()},
            body=language.encode(),
        )
        lab.get({"Accept-Language": language, "Accept": "x"})
    lab.says("max-age=60", {"Vary": "Accept-Language, Accept"}, body=b"other")
    assert lab.get({"Accept-Language": "en;q=0.5, de;q=0.8, fr;q=0.1", "Accept": "x"}).body == b"de"
    assert lab.get({"Accept-Language": "de;q=0.5, en", "Accept": "x"}).body == b"en"
    assert lab.calls == 2
    assert lab.get({"Accept-Language": "de;q=0.5, en", "Accept": "y"}).body == b"other"
    assert lab.get({"Accept-Language": "fr, en;q=0.5", "Accept": "x"}).body == b"other"
    assert lab.calls == 4


def test_a_language_that_is_no_longer_there_is_not_chosen() -> None:
    bench = Bench(Policy.strict(shared=False))
    stored = {"Content-Language": "de"}
    bench.put(get(Accept_Language="de"), entry("x", headers=stored), ("accept-language",))
    asked = get(Accept_Language="de, en;q=0.1")
    candidate = bench.find(asked).candidate
    assert candidate.entry.reason == "x"
    bench.store.swap(candidate.key, None, candidate.revision, 0)
    assert bench.got(asked) is None


def test_a_language_that_vary_does_not_name_is_not_remembered() -> None:
    bench = Bench(Policy.strict(shared=False))
    bench.put(get(), entry("x", headers={"Content-Language": "de"}), ("accept",))
    bench.put(get(Accept_Language="de"), entry("y"), ("accept-language",))
    assert bench.record.languages == ()


def test_without_the_store_s_secret_no_language_is_chosen() -> None:
    bench = Bench(Policy.strict(shared=True))
    vary = ("accept-language", "cookie")
    bench.put(get(Accept_Language="de", Cookie="c"), entry("x", headers={"Content-Language": "de"}), vary)
    asked = get(Accept_Language="de, en;q=0.1", Cookie="c")
    assert bench.got(asked) == "x"
    assert drive(bench, find(asked, bench.keys(asked), bench.policy), secret=False).candidate is None


# --- and in whatever order

VALUES = st.sampled_from([None, "", "a", "b", "a, b", "b,a"])


@given(
    st.lists(
        st.tuples(
            st.sampled_from([(), ("a",), ("b",), ("a", "b"), ("accept",)]),
            st.fixed_dictionaries({"a": VALUES, "b": VALUES, "accept": VALUES, "authorization": VALUES}),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_whatever_was_stored_what_is_found_matches(steps: Any) -> None:
    policy = Policy(max_variants=5, normalise=NORMALISE_STRICT)
    bench = Bench(policy)
    for number, (vary, values) in enumerate(steps):
        lines = {name: value for name, value in values.items() if value is not None}
        request = Request("GET", URL, lines)
        candidate = bench.find(request).candidate
        if candidate is not None:
            _, stored_for = steps[int(candidate.entry.reason)]
            for name in candidate.entry.headers.get("vary", "").split(", "):
                if name in ("a", "b"):
                    assert stored_for[name] == values[name]
            assert stored_for["authorization"] == values["authorization"]
        assert bench.put(request, entry(str(number), date=NOW + number), vary)
        # What was stored last for a request and is preferred answers it.
        assert bench.got(request) is not None
    reading: Reading = bench.store.read(primary_key(URL, policy.space))
    assert reading.item is not None
