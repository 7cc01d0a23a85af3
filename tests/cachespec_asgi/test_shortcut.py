"""The short way has to come to what the long way would have come to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachespec import Entry, MemoryStore, Policy, Verdict, assess, open_store
from cachespec import Request as CoreRequest
from cachespec import Response as CoreResponse
from cachespec_asgi import CacheMiddleware, lines
from cachespec_asgi import shortcut as module

pytestmark = pytest.mark.anyio


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each request that could have taken the short way, whether it did."""
    taken: list[bool] = []
    plainly, serve = CacheMiddleware._plainly, CacheMiddleware._serve

    async def counted(self: Any, *given: Any) -> bool:
        taken.append(True)
        return await plainly(self, *given)

    async def served(self: Any, *given: Any) -> None:
        if taken:
            taken[-1] = False
        await serve(self, *given)

    monkeypatch.setattr(CacheMiddleware, "_plainly", counted)
    monkeypatch.setattr(CacheMiddleware, "_serve", served)
    return taken


async def test_what_is_stored_takes_it_and_goes_out_as_on_the_long_way(
    client: Any, origin: Any, clock: Any, short: list[bool]
) -> None:
    origin.headers = [("cache-control", "max-age=60"), ("x-odd", "\xe9")]
    middleware = CacheMiddleware(origin, clock=clock)
    call = client(middleware)
    replies = [await call("/a") for _ in range(3)]
    assert short == [False, True, True]
    middleware._short = False
    assert replies[1].messages == replies[2].messages == (await call("/a")).messages
    middleware._short = True
    clock.now += 10.5
    reply = await call("/a")
    assert (reply.headers["age"], reply.cache, short[-1]) == ("10", "cachespec; hit; ttl=49", True)


async def test_what_goes_out_may_be_written_into(client: Any, origin: Any, short: list[bool]) -> None:
    async def around(scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-around", b"1"))
            await send(message)

        await middleware(scope, receive, sent)

    middleware = CacheMiddleware(origin)
    call = client(around)
    for _ in range(4):
        assert [name for name, _ in (await call("/a")).lines].count("x-around") == 1
    assert short[1:] == [True] * 3


@pytest.mark.parametrize("length", [0, 1, 100_000, 600_000])
async def test_a_body_of_any_length_takes_it(client: Any, origin: Any, short: list[bool], length: int) -> None:
    origin.body = b"a" * length
    call = client(CacheMiddleware(origin))
    replies = [await call("/a") for _ in range(3)]
    assert short == [False, True, True]
    assert [reply.body == origin.body and reply.complete for reply in replies] == [True] * 3


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({"method": "HEAD"}, id="HEAD"),
        pytest.param({"headers": [("Cookie", "a=b")]}, id="cookie, misspelt"),
        pytest.param({"headers": [("authorization", "Basic YTpi")]}, id="authorization"),
        pytest.param({"headers": [("range", "bytes=0-1")]}, id="range"),
        pytest.param({"headers": [("if-none-match", "*")]}, id="condition"),
        pytest.param({"headers": [("cache-control", "no-cache")]}, id="directive"),
        pytest.param({"headers": [("x-forwarded-host", "other.example")]}, id="implicit Vary"),
        pytest.param({"headers": [("x-http-method-override", "PUT")]}, id="override"),
        pytest.param({"headers": [("host", "other.example")]}, id="two hosts"),
        pytest.param({"content": b"a"}, id="content"),
        pytest.param({"host": None}, id="no host"),
        pytest.param({"raw_path": None}, id="no raw path"),
    ],
)
async def test_only_a_plain_get_takes_it(client: Any, origin: Any, short: list[bool], request_: Any) -> None:
    call = client(CacheMiddleware(origin))
    for _ in range(3):
        await call("/a")
    del short[:]
    await call("/a", **request_)
    assert short == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda middleware, clock: middleware.cache.purge(url="https://example.com/a"), id="purged"),
        pytest.param(
            lambda middleware, clock: middleware.cache.purge(url="https://example.com/a", soft=True), id="purged softly"
        ),
        pytest.param(lambda middleware, clock: setattr(clock, "now", clock.now + 100), id="stale"),
    ],
)
async def test_it_is_not_taken_where_what_it_rests_on_has_changed(
    client: Any, origin: Any, clock: Any, short: list[bool], change: Any
) -> None:
    origin.headers = [("cache-control", "max-age=60"), ("etag", '"1"')]
    middleware = CacheMiddleware(origin, clock=clock)
    call = client(middleware)
    for _ in range(3):
        await call("/a")
    changing = change(middleware, clock)
    if changing is not None:
        await changing
    await call("/a")
    assert (short[-1], origin.calls) == (False, 2)
    # And what took its place does.
    for _ in range(2):
        await call("/a")
    assert (short[-1], origin.calls) == (True, 2)


async def test_a_body_that_is_gone_sends_it_back_to_the_long_way(client: Any, origin: Any, short: list[bool]) -> None:
    store = MemoryStore()
    origin.body = b"a" * 100_000
    call = client(CacheMiddleware(origin, store=store))
    for _ in range(3):
        await call("/a")
    store._bodies.clear()
    assert (await call("/a")).body == origin.body
    assert (short[-1], origin.calls) == (False, 2)


async def test_a_body_that_cannot_be_opened_sends_it_back_to_the_long_way(
    client: Any, origin: Any, short: list[bool], monkeypatch: Any
) -> None:
    store = MemoryStore()
    origin.body = b"a" * 100_000
    call = client(CacheMiddleware(origin, store=store))
    for _ in range(3):
        await call("/a")

    def broken(body_id: str) -> Any:
        raise ConnectionError

    monkeypatch.setattr(store, "open", broken)
    assert (await call("/a")).body == origin.body
    assert (short[-1], origin.calls) == (False, 2)


async def test_a_response_that_varies_is_chosen_on_the_long_way(client: Any, origin: Any, short: list[bool]) -> None:
    origin.headers = [("cache-control", "max-age=60"), ("vary", "accept-language")]
    call = client(CacheMiddleware(origin))
    for _ in range(3):
        await call("/a")
    assert (short, origin.calls) == ([False] * 3, 1)


@pytest.mark.parametrize(
    "policy",
    [
        Policy.gateway(enabled=False),
        Policy.gateway(key=lambda request: request.url),
        Policy.gateway(request_filter=lambda request: True),
        Policy.gateway(debug=True),
    ],
    ids=["off", "key", "request_filter", "debug"],
)
async def test_there_is_none_where_more_than_the_target_counts(
    client: Any, origin: Any, short: list[bool], policy: Policy
) -> None:
    call = client(CacheMiddleware(origin, policy=policy))
    for _ in range(3):
        await call("/a")
    assert short == []


async def test_what_is_remembered_is_bounded(client: Any, origin: Any, short: list[bool], monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "KEPT", 2)
    origin.headers = [("cache-control", "no-store")]
    call = client(CacheMiddleware(origin))
    for path in ("/a", "/b", "/c"):
        await call(path)
    del short[:]
    for path in ("/c", "/b", "/a"):
        await call(path)
    assert short == [True, True, False]


async def test_a_miss_looks_into_the_store_once(client: Any, origin: Any) -> None:
    class Counting(MemoryStore):
        reads = 0

        def read(self, key: bytes) -> Any:
            Counting.reads += 1
            return super().read(key)

    origin.headers = [("cache-control", "no-store")]
    await client(CacheMiddleware(origin, store=Counting()))("/a")
    assert Counting.reads == 1


@pytest.mark.parametrize("store", ["file", "sqlite"])
async def test_stores_on_a_disk_have_it_as_far_as_all_lies_in_one_place(
    client: Any, origin: Any, short: list[bool], tmp_path: Path, store: str
) -> None:
    if store == "sqlite":
        pytest.importorskip("cachespec_sql")
    middleware = CacheMiddleware(origin, store=open_store(f"{store}:///{tmp_path}/cache"))
    call = client(middleware)
    for path, length in (("/a", 10), ("/b", 600_000)):
        origin.body = b"a" * length
        assert [(await call(path)).body for _ in range(2)] == [origin.body] * 2
    assert (short, origin.calls) == ([False, True, False, False], 2)
    middleware.cache.store.close()


async def test_a_response_of_another_url_does_not_take_it(client: Any, origin: Any, short: list[bool]) -> None:
    store = MemoryStore()
    call = client(CacheMiddleware(origin, store=store))
    await call("/a")
    [node] = store._nodes.values()
    assert isinstance(node.item, Entry)
    node.item = replace(node.item, url="https://example.com/b")
    await call("/a")
    assert (short, origin.calls) == ([False, False], 2)


async def test_field_names_that_clients_make_up_are_not_remembered_for_ever(
    client: Any, origin: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(lines, "NAMES", 3)
    middleware = CacheMiddleware(origin)
    call = client(middleware)
    for at in range(9):
        await call("/a", headers=[(f"x-{at}", ""), (f"x-{at}{'-' * 64}", "")])
    assert origin.calls == 1
    names = middleware.shortcut._names
    assert len(names) <= 3
    assert max(map(len, names)) <= lines.LONGEST


async def test_a_response_of_an_equivalent_url_is_found_on_the_long_way(
    client: Any, origin: Any, short: list[bool]
) -> None:
    origin.headers = [("cache-control", "max-age=60"), ("no-vary-search", 'params=("x")')]
    call = client(CacheMiddleware(origin, policy=Policy.gateway(no_vary_search=True)))
    await call("/a", query="x=1")
    for _ in range(3):
        await call("/a", query="x=2")
    assert (origin.calls, short) == (1, [False] * 4)


async def test_a_url_that_has_no_key_does_not_take_it(client: Any, origin: Any, short: list[bool]) -> None:
    call = client(CacheMiddleware(origin))
    for _ in range(3):
        await call("/" + "a" * 20_000)
    assert (origin.calls, short) == (3, [False] * 3)


# --- what passes


async def test_what_was_not_stored_a_moment_ago_passes_at_once(client: Any, origin: Any, short: list[bool]) -> None:
    origin.headers = [("cache-control", "no-store")]
    call = client(CacheMiddleware(origin))
    replies = [await call("/a") for _ in range(3)]
    assert short == [False, True, True]
    assert replies[0].messages == replies[1].messages == replies[2].messages


async def test_another_response_passes_once_more_and_the_next_one_is_stored(
    client: Any, origin: Any, short: list[bool]
) -> None:
    origin.headers = [("cache-control", "no-store")]
    call = client(CacheMiddleware(origin))
    for _ in range(2):
        await call("/a")
    origin.headers = [("cache-control", "max-age=60")]
    caches = [(await call("/a")).cache.partition("; ttl")[0] for _ in range(3)]
    assert caches == ["cachespec; fwd=bypass", "cachespec; fwd=uri-miss", "cachespec; hit"]


async def test_after_a_while_the_store_is_asked_again(
    client: Any, origin: Any, short: list[bool], monkeypatch: Any
) -> None:
    origin.headers = [("cache-control", "no-store")]
    call = client(CacheMiddleware(origin))
    monkeypatch.setattr(module, "PASSING", -1.0)
    for _ in range(3):
        await call("/a")
    assert short == [False] * 3


async def test_a_cookie_that_is_new_each_time_changes_nothing(client: Any, origin: Any, short: list[bool]) -> None:
    call = client(CacheMiddleware(origin))
    for at in range(3):
        origin.headers = [("Set-Cookie", f"a={at}"), ("cache-control", "max-age=60")]
        await call("/a")
    assert short == [False, True, True]


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        pytest.param(503, [], id="5xx says nothing of the next one"),
        pytest.param(200, [("expires", "Tue, 14 Nov 2023 22:14:20 GMT")], id="Expires depends on the time"),
    ],
)
async def test_a_reason_that_may_not_hold_is_not_kept(
    client: Any, origin: Any, short: list[bool], status: int, headers: Any
) -> None:
    origin.status, origin.headers = status, headers
    call = client(CacheMiddleware(origin))
    for _ in range(3):
        await call("/a")
    assert short == [False] * 3


@pytest.mark.parametrize(
    "options",
    [{"response_filter": lambda request, response: True}, {"post_as_get": True}],
    ids=lambda options: next(iter(options)),
)
async def test_nothing_passes_unseen_where_more_than_the_fields_counts(
    client: Any, origin: Any, short: list[bool], options: Any
) -> None:
    origin.headers = [("cache-control", "no-store")]
    call = client(CacheMiddleware(origin, policy=Policy.gateway(**options)))
    for _ in range(3):
        await call("/a")
    assert short == [False] * 3


FIELDS = st.lists(
    st.tuples(
        st.sampled_from(
            ["cache-control", "vary", "set-cookie", "etag", "last-modified", "pragma", "connection", "x-other", "date"]
        ),
        st.sampled_from(["no-store", "private", "max-age=60", "*", "accept", "cookie", '"1"', "no-cache", "etag", "x"]),
    ),
    max_size=4,
)


@given(FIELDS, st.sampled_from([200, 204, 302, 404, 429]), FIELDS)
@settings(max_examples=300)
def test_responses_that_are_alike_to_the_short_way_are_refused_alike_by_the_long_one(
    given_: list[tuple[str, str]], status: int, other: list[tuple[str, str]]
) -> None:
    policy = Policy.gateway()
    short = CacheMiddleware(lambda *given: None, policy=policy).shortcut  # type: ignore[arg-type, return-value]

    def verdict(lines: list[tuple[str, str]]) -> str | None:
        found = assess(
            CoreRequest("GET", "https://example.com/"),
            CoreResponse(status, lines),
            policy,
            request_time=1e9,
            response_time=1e9,
        )
        return found.code if isinstance(found, Verdict) and found.code in module.TIMELESS else None

    def raw(lines: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
        return [(name.encode(), value.encode()) for name, value in lines]

    if short._bearing_on(status, raw(given_)) == short._bearing_on(status, raw(other)):
        assert verdict(given_) == verdict(other)
    # Fields that bear on nothing, and values that do not matter.
    changed = [*((n, "another" if n in ("set-cookie", "date") else v) for n, v in given_), ("x-more", "1")]
    if verdict(given_) is not None:
        assert short._bearing_on(status, raw(given_)) == short._bearing_on(status, raw(changed))
        assert verdict(given_) == verdict(changed)
