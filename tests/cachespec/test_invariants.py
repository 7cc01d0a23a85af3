"""Whatever is asked, answered and purged in whatever order: what must never happen does not."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachespec import Cache, MemoryStore, Policy, Request, Response
from cachespec.dates import format_date
from cachespec.directives import ResponseDirectives, response_directives
from cachespec.stores.memory import _keys

URLS = ["https://a.test/1", "https://a.test/2", "https://b.test/1"]


@dataclass
class State:
    """What the origin said of a response when it made or confirmed it."""

    said: ResponseDirectives
    vary: str
    expires: float | None
    age: int
    at: float

    def lifetime(self, policy: Policy) -> float:
        """The lifetime, in a second set of words."""
        if policy.shared and self.said.s_maxage is not None:
            return self.said.s_maxage
        if self.said.max_age is not None:
            return self.said.max_age
        return 0 if self.expires is None else max(0.0, self.expires - self.at)


@dataclass
class Made:
    """A response that the origin has made, and when and for whom it did, or confirmed it."""

    number: int
    url: str
    requests: list[Request]
    """The one it was made for, and those for which it was confirmed."""
    states: list[State]
    """The last one; where it varies, and is stored more than once therefore, those before it, too."""
    opened: bool
    """Whether it was open to all when it was made, or has been confirmed so since."""

    def confirmed(self, now: float, given: dict[str, Any], said: ResponseDirectives) -> None:
        last = self.states[-1]
        expires = last.expires if given["expires"] is None else now + given["expires"]
        state = State(said, given["vary"] or last.vary, expires, given["age"], now)
        self.states = [*(self.states if state.vary else ()), state]


def is_open(said: ResponseDirectives) -> bool:
    """Whether a shared cache may keep it although its request had credentials."""
    return said.public or said.s_maxage is not None or said.must_revalidate


class Live:
    def __init__(self, head: Response, body: bytes) -> None:
        self.head = head
        self.body = body

    def chunks(self) -> Any:
        yield self.body[: len(self.body) // 2]
        yield self.body[len(self.body) // 2 :]

    def close(self) -> None:
        pass


@dataclass
class World:
    """A cache, the origins behind it, and what they have said."""

    policy: Policy

    def __post_init__(self) -> None:
        self.now = 1e9
        self.store = MemoryStore(max_bytes=40_000)
        self.cache = Cache(self.store, self.policy, clock=lambda: self.now)
        self.refreshes: list[Any] = []
        # They begin once the answer has been looked at.
        self.cache._refresh = lambda *given: self.refreshes.append(given)  # type: ignore[method-assign]
        self.made: list[Made] = []
        self.current: dict[str, int] = {}
        self.dropped = dict.fromkeys(URLS, 0)
        """By URL, how many responses were made before it was last purged."""
        self.answer: dict[str, Any] = {"cc": "max-age=10", "vary": "", "tagged": True, "age": 0, "status": 200}
        self.asked = 0

    def send(self, request: Request) -> Live:
        self.asked += 1
        given = self.answer
        if given["status"] == "fails":
            raise ConnectionError
        lines = [("Date", format_date(self.now)), ("Cache-Control", given["cc"])]
        if given["vary"]:
            lines.append(("Vary", given["vary"]))
        if given["age"]:
            lines.append(("Age", str(given["age"])))
        if given["expires"] is not None:
            lines.append(("Expires", format_date(self.now + given["expires"])))
        named = request.headers.get("if-none-match", "")
        for made in self.made:
            if made.url == request.url and f'"{made.number}"' in named and made.number == self.current.get(made.url):
                said = response_directives(given["cc"])
                guarded = self.policy.shared and "authorization" in request.headers
                opened = is_open(said)
                made.opened |= opened
                made.requests.append(request)
                # What may not be stored confirms for once.
                if (opened or not guarded) and request.headers.get("cache-control") != "no-store":
                    made.confirmed(self.now, given, said)
                return Live(Response(304, [*lines, ("ETag", f'"{made.number}"')]), b"")
        if request.method == "HEAD":
            return Live(Response(204, lines), b"")
        number = len(self.made)
        expires = None if given["expires"] is None else self.now + given["expires"]
        said = response_directives(given["cc"])
        state = State(said, given["vary"], expires, given["age"], self.now)
        self.made.append(Made(number, request.url, [request], [state], is_open(said)))
        self.current[request.url] = number
        lines.append(("X-Number", str(number)))
        if given["tagged"]:
            lines.append(("ETag", f'"{number}"'))
        return Live(Response(given["status"], lines), str(number).encode() * given["size"])

    def ask(self, url: str, method: str, accept: str | None, principal: str | None, said: str | None) -> None:
        given = {"Accept": accept, "Authorization": principal, "Cache-Control": said}
        request = Request(method, url, {name: value for name, value in given.items() if value is not None})
        before = self.asked
        try:
            answer = self.cache.fetch(request, self.send)
        except ConnectionError:
            return
        body = b"".join(answer.content)
        answer.content.close()
        if method == "PUT":
            if self.made[-1].number == self.current[url] and 200 <= answer.head.status < 400:
                self.dropped[url] = len(self.made)
            return
        if answer.info.from_cache:
            made = self.made[int(answer.head.headers["x-number"])]
            self.judge(made, request, answer, body)
            if answer.info.status == "revalidated":
                assert self.asked > before
        else:
            assert self.asked > before or answer.head.status == 504

    def judge(self, made: Made, request: Request, answer: Any, body: bytes) -> None:
        """Whether `answer` may be `made`, out of the store, for `request`."""
        # The body is that of the head.
        assert body in (b"", str(made.number).encode() * (len(body) // len(str(made.number))))
        assert (request.method == "HEAD") or len(body) > 0
        assert made.url == request.url
        # A purge beats what came before it.
        assert made.number >= self.dropped[made.url]
        assert int(answer.head.headers["age"]) == int(answer.info.age)
        if not self.policy.shared:
            # Principals are kept apart.
            assert made.requests[0].headers.get("authorization") == request.headers.get("authorization")
        *others, last = made.states
        for state in others:
            with suppress(AssertionError):
                return self.judge_state(made, state, request, answer)
        return self.judge_state(made, last, request, answer)

    def judge_state(self, made: Made, state: State, request: Request, answer: Any) -> None:
        """Whether that may be so by what the origin said at one time."""
        said = state.said
        revalidated = answer.info.status == "revalidated"
        if not revalidated:
            assert not said.no_store
            assert not said.no_cache
            names = state.vary.split(", ") if state.vary else []
            asked = [request.headers.get(name) for name in names]
            assert asked in [[other.headers.get(name) for name in names] for other in made.requests]
        if self.policy.shared:
            assert not said.private or revalidated
            assert "authorization" not in made.requests[0].headers or made.opened or revalidated
        age = self.now - state.at + state.age
        if not revalidated:
            # Date has whole seconds, and may make it older by less than one.
            assert -1e-6 < answer.info.age - age < 1
            # What confirmed it last has brought its fields up to date.
            assert response_directives(answer.head.headers.get("cache-control")) == said
        if answer.info.status == "hit":
            assert state.lifetime(self.policy) > age
        if answer.info.status == "stale":
            assert not said.must_revalidate
            assert not (self.policy.shared and said.proxy_revalidate)
            staleness = age - state.lifetime(self.policy)
            asked = request.headers.get("cache-control", "")
            windows = max(said.stale_while_revalidate or 0, said.stale_if_error or 0)
            assert staleness <= windows or ("max-stale" in asked and not (self.policy.shared and said.s_maxage))

    def refresh(self) -> None:
        while self.refreshes:
            self.cache._refreshed(*self.refreshes.pop())

    def purge(self, url: str) -> None:
        self.cache.purge(url=url)
        self.dropped[url] = len(self.made)

    def bounded(self) -> None:
        assert 0 <= self.store.bytes <= 40_000
        held = {key for key, _ in self.store.items()}
        for index in (self.store._by_url, self.store._by_group):
            for name in index:
                keys = _keys(index, name)
                assert keys
                assert keys <= held


def mostly(usual: Any, *others: Any) -> Any:
    """`usual` in most cases."""
    return st.sampled_from([usual] * (2 * len(others)) + [*others])


CONTROL = st.lists(
    st.sampled_from(
        [
            *("max-age=0", "max-age=10", "max-age=10", "s-maxage=5", "s-maxage=50", "no-store", "no-cache", "private"),
            *("public", "must-revalidate", "proxy-revalidate", "stale-while-revalidate=20", "stale-if-error=20"),
        ]
    ),
    min_size=1,
    max_size=3,
).map(", ".join)
ANSWER = st.tuples(
    st.just("answer"),
    st.fixed_dictionaries(
        {
            "cc": st.one_of(mostly("max-age=10", "max-age=10, stale-if-error=20"), CONTROL),
            "vary": mostly("", "accept", "accept, x"),
            "tagged": st.booleans(),
            "age": mostly(0, 3, 30),
            "expires": mostly(None, -5, 15),
            "status": mostly(200, 404, 503, "fails"),
            "size": mostly(1, 5, 20_000),
        }
    ),
)
ASK = st.tuples(
    st.just("ask"),
    mostly(URLS[0], *URLS[1:]),
    mostly("GET", "HEAD", "PUT"),
    mostly(None, "", "x"),
    mostly(None, "x", "y"),
    mostly(None, "no-cache", "no-store", "max-age=0", "max-age=5", "min-fresh=5", "max-stale", "only-if-cached"),
)
WAIT = st.tuples(st.just("wait"), st.sampled_from([0.5, 1, 5, 9.5, 10, 20, 50]))
PURGE = st.tuples(st.just("purge"), mostly(URLS[0], *URLS[1:]))
# What is stored is asked for again, before and after its time has come.
TURN = st.tuples(ANSWER, ASK, WAIT, ASK, st.one_of(ASK, ANSWER, PURGE), ASK)
STEPS = st.lists(TURN, max_size=6).map(lambda turns: [step for turn in turns for step in turn])


@pytest.mark.requirement("9111-4-01", "9111-4-03", "9111-4-05", "9111-4.2.4-02", "9111-5.2.2.5-01", "9111-5.2.2.7-01")
@pytest.mark.parametrize("shared", [False, True], ids=["private", "shared"])
@settings(deadline=None)
@given(steps=STEPS)
def test_what_must_never_happen_does_not(shared: bool, steps: Any) -> None:
    world = World(Policy(shared=shared, heuristics=False, collapse=False))
    world.answer |= {"expires": None, "size": 1}
    for name, *details in steps:
        if name == "ask":
            world.ask(*details)
            world.refresh()
        elif name == "wait":
            world.now += details[0]
        elif name == "purge":
            world.purge(details[0])
        else:
            world.answer = details[0]
        world.bounded()
