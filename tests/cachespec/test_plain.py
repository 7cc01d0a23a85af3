from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachespec import Cache, MemoryStore, Override, Policy, Request, Response, Wish, exchange
from cachespec.entries import Part, Variants
from cachespec.forwarding import answered_at_once, sent
from cachespec.plain import plain_hit, plain_keys, plain_miss
from cachespec.reuse import BEARING
from cachespec.selection import keys_for
from cachespec.steps import Join, Read, Send, Stored
from cachespec.stores.contract import Reading
from cachespec.testing.samples import NOW, entry

URL = "https://example.test/a"
OTHERS = {"accept": "*/*", "x-tenant": "1", "user-agent": "test"}

# What makes of a plain hit something else, or nothing else: of the request, the wish, the policy and what is stored.
ASKED: list[dict[str, Any]] = [
    {"method": "HEAD"},
    {"method": "QUERY"},
    {"url": "https://EXAMPLE.test:443/a#b"},
    {"url": URL + "?b=1"},
    {"url": "x" * 20_000},
    {"content": b"content"},
    {"content": None},
    *({"headers": {name: value}} for name in OTHERS for value in ("", "1")),
    *(
        {"headers": {name: value}}
        for name in BEARING
        for value in ("", '"sample"', "bytes=0-1", "no-cache", "max-age=0")
    ),
]
WISHED: list[dict[str, Any]] = [
    *({"mode": mode} for mode in ("no-store", "reload", "no-cache", "force-cache", "only-if-cached")),
    {"key": "https://example.test/b"},
    {"partition": "a"},
    {"ttl": 6000, "sliding": True},
]
POLICIES: list[dict[str, Any]] = [
    {"shared": True},
    {"shared": True, "credentials": "explicit"},
    {"revalidate": "always"},
    {"ignore_params": {"a", "b"}},
    {"vary_by": ("x-tenant",)},
    {"overrides": (Override(ttl=6000, sliding=True),)},
    {"partial": True},
    {"no_vary_search": True},
    {"enabled": False},
    {"ignore_fat_get": True},
]
STORED: list[dict[str, Any]] = [
    {"url": "https://example.test/b"},
    {"status": 404},
    {"lifetime": 60.0},
    {"lifetime": 0.0, "while_revalidate": 10_000},
    {"validate": True},
    {"explicit": True},
    {"source": "override"},
    {"body": b"", "length": 0},
    {"body": None, "body_id": "body"},
    {"body": None, "parts": (Part(0, 6, b"octets"),)},
]


@st.composite
def some(draw: st.DrawFn, options: list[dict[str, Any]]) -> dict[str, Any]:
    """None of the options, mostly, or one."""
    return draw(st.sampled_from(options)) if draw(st.booleans()) else {}


requests = st.builds(lambda options: Request(**({"method": "GET", "url": URL} | options)), some(ASKED))
wishes = st.builds(lambda options: Wish(**options), some(WISHED))
policies = st.builds(lambda options: Policy(**options), some(POLICIES))
items = st.one_of(
    st.builds(lambda options: replace(entry(URL, b"octets"), **options), some(STORED)),
    st.sampled_from([None, Variants(URL, b"g" * 16, ((),), 1)]),
)


def taken_the_long_way(request: Request, item: Any, policy: Policy, wish: Wish, now: float) -> tuple[list[Any], Any]:
    """The steps of the exchange until it has an answer from the store, or wants something else."""
    flow, steps, result = exchange(request, policy, lambda: now, wish), [], None
    try:
        while True:
            step = flow.send(result)
            steps.append(step)
            if not isinstance(step, Read) or len(steps) > 1:
                flow.close()
                return steps, None
            result = Reading(item, 1, 0)
    except StopIteration as end:
        return steps, end.value


@settings(max_examples=200)
@given(requests, items, policies, wishes, st.sampled_from([0.0, 30.0, 90.0, 7200.0]))
def test_the_short_way_comes_to_what_the_long_way_does(
    request: Request, item: Any, policy: Policy, wish: Wish, waited: float
) -> None:
    now = NOW + waited
    keys = plain_keys(request, policy, wish)
    if keys is None:
        return
    steps, outcome = taken_the_long_way(request, item, policy, wish, now)
    assert steps[0] == Read(keys.primary)
    short = plain_hit(request, keys.url, item, policy, now)
    if short is not None:
        assert len(steps) == 1
        assert asdict(short) == asdict(outcome)
        assert short.entry is item


def told(flow: Any, answer: Response) -> tuple[list[Any], dict[str, Any]]:
    """The steps of `flow` past the flights, with `answer` for what it sends, and what it comes to."""
    steps: list[Any] = []
    result: Any = None
    try:
        while True:
            step = flow.send(result)
            if isinstance(step, Join):
                result = "lead"
                continue
            steps.append(step)
            result = (answer, "live") if isinstance(step, Send) else Reading(None, 0, 0)
    except StopIteration as end:
        return steps, asdict(end.value)


ANSWERS: list[dict[str, Any]] = [
    {"headers": {"Cache-Control": "max-age=60"}},
    {"headers": {"Cache-Control": "max-age=60", "Vary": "Accept", "Content-Length": "5"}},
    {"headers": {"Cache-Control": "no-store"}},
    {"headers": {"Cache-Control": "max-age=60", "Content-Length": "x"}},
    {"headers": {"ETag": '"a"'}},
    {"status": 206, "headers": {"Content-Range": "bytes 0-4/10", "ETag": '"a"', "Content-Length": "5"}},
    {"status": 304},
    {"status": 404, "headers": {"Cache-Control": "max-age=60"}},
    {"status": 503},
]
answers = st.builds(lambda options: Response(**({"status": 200} | options)), st.sampled_from(ANSWERS))


@settings(max_examples=200)
@given(requests, policies, wishes, answers)
def test_where_nothing_is_stored_the_short_way_comes_to_the_same(
    request: Request, policy: Policy, wish: Wish, answer: Response
) -> None:
    keys = plain_keys(request, policy, wish)
    if keys is None:
        return
    looked = keys, Reading(None, 0, 0)
    case = plain_miss(request, policy, lambda: NOW, wish, looked)
    assert (case is None) is policy.no_vary_search
    if case is None:
        return
    long = told(exchange(request, policy, lambda: NOW, wish, looked=looked), answer)
    assert told(sent(case), answer) == long
    # As the drivers do it that send for themselves.
    case = plain_miss(request, policy, lambda: NOW, wish, looked)
    assert case is not None
    outcome = answered_at_once(case, answer, "live", NOW, NOW)
    assert (outcome is None) is ("vary" in answer.headers)
    if outcome is not None:
        assert ([Send(request)], asdict(outcome)) == long


def test_where_something_is_stored_there_is_no_such_way() -> None:
    request = Request("GET", URL)
    keys = plain_keys(request, Policy(), Wish())
    assert keys is not None
    looked = keys, Reading(entry(URL, b"octets"), 1, 0)
    assert plain_miss(request, Policy(), lambda: NOW, Wish(), looked) is None


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_what_nearly_every_request_is_takes_the_short_way(name: str) -> None:
    request = Request("GET", URL, {name: OTHERS[name]})
    keys = plain_keys(request, Policy(), Wish())
    assert keys is not None
    url = keys.url
    assert url == URL
    hit = plain_hit(request, url, entry(URL, b"octets"), Policy(), NOW + 5)
    assert isinstance(hit, Stored)
    assert hit.head.headers["age"] == "5"
    assert (hit.info.status, [str(verdict.code) for verdict in hit.info.verdicts]) == ("hit", ["fresh"])


@pytest.mark.parametrize(
    "options",
    [
        {"key": lambda request: request.url},
        {"request_filter": lambda request: True},
        {"vary_by": ("x-tenant",)},
        {"enabled": False},
    ],
)
def test_what_the_user_has_a_say_in_takes_the_long_way(options: dict[str, Any]) -> None:
    assert plain_keys(Request("GET", URL), Policy(**options), Wish()) is None


def test_what_an_override_may_want_to_prolong_takes_the_long_way() -> None:
    item = replace(entry(URL, b"octets"), source="override")
    assert plain_hit(Request("GET", URL), URL, item, Policy(), NOW) is None


def test_a_key_function_is_asked_once_for_each_request() -> None:
    asked = []

    def key(request: Request) -> str:
        asked.append(request.url)
        return request.url

    cache = Cache(policy=Policy(key=key))
    cache.fetch(Request("GET", URL), lambda request: Origin(b"a")).content.close()
    assert asked == [URL]


class Origin:
    """A response that may be stored."""

    def __init__(self, body: bytes) -> None:
        self.head = Response(200, {"Cache-Control": "max-age=60", "Content-Length": str(len(body))})
        self.body = body

    def chunks(self) -> Any:
        return iter([self.body])

    def close(self) -> None:
        """There is nothing to close."""


class Counting(MemoryStore):
    """Counts what is read."""

    reads = 0

    def read(self, key: bytes) -> Reading:
        self.reads += 1
        return super().read(key)


@pytest.mark.parametrize("body", [b"octets", b""])
def test_the_store_is_read_once_for_a_hit_and_once_for_a_miss(body: bytes) -> None:
    store = Counting()
    cache = Cache(store)
    request = Request("GET", URL)
    answer = cache.fetch(request, lambda _: Origin(body))
    assert (b"".join(answer.content), store.reads) == (body, 1)
    answer = cache.fetch(request, lambda _: Origin(b"other"))
    assert (b"".join(answer.content), answer.info.status, store.reads) == (body, "hit", 2)


def test_a_plain_request_has_the_keys_that_the_long_way_finds() -> None:
    request = Request("GET", "https://EXAMPLE.test:443?b=1")
    with pytest.raises(StopIteration) as end:
        next(keys_for(request, Policy()))
    assert plain_keys(request, Policy(), Wish()) == end.value.value
