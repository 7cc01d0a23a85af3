"""Classes of attacks on a cache, each with its defence: the numbers are those of the documentation's security page."""

from __future__ import annotations

import time
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cachespec import FileStore, MemoryStore, Policy
from cachespec_asgi import CacheMiddleware, PurgeEndpoint, Rule, cache_control, type_fits_path, vary_on

pytestmark = pytest.mark.anyio

PUBLIC = ("cache-control", "public, max-age=60")
START = "http.response.start"
BODY = "http.response.body"


async def served(call: Any, origin: Any, *requests: dict[str, Any]) -> int:
    """How many of the requests, to one path unless they say otherwise, reach the application."""
    before = origin.calls
    for request in requests:
        await call(**{"path": "/a", **request})
    return int(origin.calls - before)


def with_field(name: str, value: str) -> dict[str, Any]:
    return {"headers": [(name, value)]}


# --- 1. poisoning by a field that is not part of the key


@pytest.mark.parametrize(
    "name",
    ["x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix", "forwarded", "x-original-url", "x-rewrite-url"],
)
async def test_01_fields_that_applications_build_links_from_tell_responses_apart(
    client: Any, origin: Any, name: str
) -> None:
    evil = with_field(name, "evil.example")
    call = client(CacheMiddleware(origin))
    assert await served(call, origin, evil, {}, evil, {}, with_field(name, "")) == 3
    call = client(CacheMiddleware(origin, trusted_proxy=True))
    assert await served(call, origin, evil, {}, evil) == 1


async def test_01_a_poisoner_cannot_evict_what_others_get(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin, policy=Policy.gateway(max_variants=5)))
    for at in range(50):
        await call("/a", **with_field("x-forwarded-host", f"{at}.example"))
    assert await served(call, origin, {}, {}) <= 1


@pytest.mark.parametrize("name", ["x-http-method-override", "x-http-method", "x-method-override"])
async def test_01_fields_that_change_the_method_bypass(client: Any, origin: Any, name: str) -> None:
    call = client(CacheMiddleware(origin, trusted_proxy=True))
    assert await served(call, origin, with_field(name, "POST"), with_field(name, "POST"), {}, {}) == 3


# --- 2. Host


@pytest.mark.parametrize(
    "host", [None, "", "a b", "a,b", "a/b", "a@b", "a#b", "a\x00b", "[::1", "a:b", "-", "a:123456"]
)
async def test_02_without_one_valid_host_nothing_is_stored(client: Any, origin: Any, host: str | None) -> None:
    call = client(CacheMiddleware(origin))
    assert await served(call, origin, {"host": host}, {"host": host}) == 2


async def test_02_hosts_are_told_apart_and_their_case_and_default_port_are_not(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin))
    same = [{"host": host} for host in ("example.com", "EXAMPLE.com", "example.com:443")]
    assert await served(call, origin, *same) == 1
    others = [{"host": host} for host in ("example.com:80", "example.com.", "example.org", "127.0.0.1")]
    assert await served(call, origin, *others) == len(others)
    assert await served(call, origin, {"host": "example.com", "scheme": "http"}) == 1


async def test_02_only_listed_hosts_may_be_cached(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin, hosts=["example.com"]))
    assert await served(call, origin, {"host": "evil.example"}, {"host": "evil.example"}, {}, {}) == 3


# --- 3. path confusion, deception


async def test_03_paths_are_told_apart_as_they_came(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin))
    paths = ["/a", "/A", "/a/", "//a", "/./a", "/a%2F", "/%61", "/a;x", "/a%00", "/b/../a", "/a%20", "/a+"]
    requests = [{"path": path} for path in paths]
    assert await served(call, origin, *requests, *requests) == len(paths)


async def test_03_a_path_that_looks_like_a_file_is_no_reason_to_store(client: Any, origin: Any) -> None:
    origin.headers = [("content-type", "text/html")]
    call = client(CacheMiddleware(origin))
    assert await served(call, origin, *[{"path": "/account/x.css"}] * 3) == 3


async def test_03_under_armour_a_response_that_belies_its_path_is_not_stored(client: Any, origin: Any) -> None:
    origin.headers = [PUBLIC, ("content-type", "text/html")]
    call = client(CacheMiddleware(origin, policy=Policy.gateway(response_filter=type_fits_path)))
    assert await served(call, origin, *[{"path": "/account/x.css"}] * 3) == 3


# --- 4. fat GET


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("request_", [{"content": b"user=evil"}, with_field("transfer-encoding", "chunked")], ids=str)
async def test_04_a_get_with_content_is_neither_answered_from_the_store_nor_stored(
    client: Any, origin: Any, method: str, request_: Any
) -> None:
    call = client(CacheMiddleware(origin))
    fat = {"method": method, **request_}
    assert await served(call, origin, fat, fat, {}, {}, fat) == 4


# --- 5. query


async def test_05_the_query_counts_as_it_came(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin))
    queries = [{"query": query} for query in ("a=1&b=2", "b=2&a=1", "a=1&a=1", "a=1", "A=1", "a=%31", "a", "a=")]
    assert await served(call, origin, *queries, *queries) == len(queries)


async def test_05_a_query_beyond_measure_is_not_stored(client: Any, origin: Any) -> None:
    middleware = CacheMiddleware(origin)
    long = {"query": "a" * 20_000}
    assert await served(client(middleware), origin, long, long) == 2
    assert len(middleware.cache.store) == 0


# --- 6. Vary bombing


async def test_06_variants_of_one_url_are_bounded(client: Any, origin: Any) -> None:
    origin.headers = [PUBLIC, ("vary", "x-a")]
    middleware = CacheMiddleware(origin, policy=Policy.gateway(max_variants=10))
    call = client(middleware)
    for at in range(100):
        await call("/a", **with_field("x-a", str(at)))
    reachable = [await served(call, origin, with_field("x-a", str(at))) for at in range(90, 100)]
    assert len(reachable) == 10
    await middleware.cache.purge(expired=True)
    assert len(middleware.cache.store) <= 2 * 10 + 2


async def test_06_a_vary_that_names_too_many_fields_is_refused(client: Any, origin: Any) -> None:
    origin.headers = [PUBLIC, ("vary", ", ".join(f"x-{at}" for at in range(100)))]
    assert await served(client(CacheMiddleware(origin)), origin, {}, {}) == 2


@pytest.mark.parametrize("name", ["cookie", "Authorization", "user-agent"])
async def test_06_vary_on_what_differs_with_everybody_is_refused(client: Any, origin: Any, name: str) -> None:
    origin.headers = [PUBLIC, ("vary", f"accept, {name}")]
    assert await served(client(CacheMiddleware(origin)), origin, {}, {}, {}) == 3
    origin.headers = [("cache-control", "max-age=60"), ("vary", name)]
    opened = CacheMiddleware(origin, policy=Policy.gateway(refuse_vary=frozenset()))
    assert await served(client(opened), origin, {}, {}) == 1


# --- 7. keys


async def test_07_a_response_under_somebody_elses_key_is_a_miss(client: Any, origin: Any) -> None:
    store = MemoryStore()
    middleware = CacheMiddleware(origin, store=store)
    call = client(middleware)
    await call("/a")
    await call("/b")
    (one, _), (other, _) = list(store.items())
    store._nodes[one], store._nodes[other] = store._nodes[other], store._nodes[one]
    assert await served(call, origin, {"path": "/a"}, {"path": "/b"}) == 2


# --- 8. leaks between users


@pytest.mark.parametrize("name", ["cookie", "authorization"])
async def test_08_what_answers_a_request_with_credentials_is_stored_only_where_it_says_so(
    client: Any, origin: Any, name: str
) -> None:
    mine = with_field(name, "Basic YTpi")
    origin.headers = [("cache-control", "max-age=60")]
    call = client(CacheMiddleware(origin))
    assert await served(call, origin, mine, mine, {}, {}) == 3
    for control in ("public, max-age=60", "s-maxage=60"):
        origin.headers = [("cache-control", control)]
        assert await served(client(CacheMiddleware(origin)), origin, mine, mine, {}, {}) == 1


@pytest.mark.parametrize("name", ["cookie", "authorization"])
async def test_08_what_answered_somebody_else_answers_a_request_with_credentials_only_where_it_says_so(
    client: Any, origin: Any, name: str
) -> None:
    mine = with_field(name, "Basic YTpi")
    origin.headers = [("cache-control", "max-age=60"), ("etag", '"1"')]
    call = client(CacheMiddleware(origin))
    assert await served(call, origin, {}, mine, mine, {}) == 3
    # Not even as something to validate with: the application sees the request as it came.
    assert all(dict(scope["headers"]).get(b"if-none-match") is None for scope in origin.scopes)


@pytest.mark.parametrize("name", ["cookie", "authorization"])
async def test_08_requests_with_credentials_do_not_wait_for_others_whose_response_they_cannot_have(
    client: Any, origin: Any, name: str
) -> None:
    begun = 0
    go = anyio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal begun
        begun += 1
        await go.wait()
        await origin(scope, receive, send)

    call = client(CacheMiddleware(app))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call, "/a")
        tasks.start_soon(lambda: call("/a", **with_field(name, "a=b")))
        await anyio.wait_all_tasks_blocked()
        assert begun == 2
        go.set()


@pytest.mark.parametrize("headers", [[PUBLIC, ("set-cookie", "id=1")], [PUBLIC, ("Set-Cookie", "")]], ids=str)
async def test_08_a_response_that_sets_a_cookie_is_not_stored(client: Any, origin: Any, headers: Any) -> None:
    origin.headers = headers
    for app in (CacheMiddleware(origin), CacheMiddleware(origin, ttl=60)):
        assert await served(client(app), origin, {}, {}, {}) == 3


async def test_08_a_touched_session_makes_the_response_private(client: Any, origin: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"] = {"user": "me"}
        await origin(scope, receive, send)

    origin.headers = [PUBLIC]
    call = client(CacheMiddleware(app, ttl=60))
    assert await served(call, origin, {}, {}, {}) == 3
    assert (await call("/a")).headers["cache-control"] == "private, max-age=60"


async def test_08_no_secret_of_a_request_is_ever_at_rest(client: Any, origin: Any, tmp_path: Any) -> None:
    origin.headers = [PUBLIC, ("vary", "authorization, cookie, x-tenant")]
    rules = [Rule(vary_by=lambda scope: "tenant-of-mine")]
    policy = Policy.gateway(refuse_vary=frozenset())
    call = client(CacheMiddleware(origin, store=FileStore(tmp_path), policy=policy, rules=rules))
    mine = {"headers": [("authorization", "Bearer hidden"), ("cookie", "id=hidden")]}
    assert await served(call, origin, mine, mine) == 1
    at_rest = b"".join([path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()])
    assert b"/a" in at_rest
    assert b"hidden" not in at_rest
    assert b"tenant-of-mine" not in at_rest


# --- 9. HEAD


async def test_09_head_is_never_stored_and_never_answers_get(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin))
    assert await served(call, origin, {"method": "HEAD"}, {"method": "HEAD"}, {}, {"method": "HEAD"}, {}) == 3
    assert (await call("/a")).body == b"hello"


# --- 10. truncation


@pytest.mark.parametrize("ending", ["returns", "raises", "is cancelled", "is short", "is left"])
async def test_10_what_is_not_complete_is_not_stored(client: Any, ending: str) -> None:
    calls = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        length = [(b"content-length", b"10")] if ending == "is short" else []
        await send({"type": START, "status": 200, "headers": [(b"cache-control", b"max-age=60"), *length]})
        await send({"type": BODY, "body": b"a", "more_body": True})
        if ending == "raises":
            raise ValueError
        if ending == "is cancelled":
            await anyio.sleep_forever()
        if ending in ("is short", "is left"):
            await send({"type": BODY, "body": b"b"})

    async def leave(message: Any) -> None:
        if ending == "is left" and message["type"] == BODY:
            raise OSError

    call = client(CacheMiddleware(app))
    for _ in range(2):
        with anyio.move_on_after(0.02):
            try:
                await call("/a", on_message=leave)
            except (ValueError, OSError):
                assert ending in ("raises", "is left")
    assert calls == 2


# --- 11. poisoned errors


@pytest.mark.parametrize("status", [400, 408, 413, 414, 431, 500, 502, 503, 504])
async def test_11_errors_that_a_request_may_provoke_are_stored_only_where_it_is_asked_for(
    client: Any, origin: Any, status: int
) -> None:
    origin.status, origin.headers = status, [PUBLIC]
    assert await served(client(CacheMiddleware(origin)), origin, {}, {}) == 2
    asked = CacheMiddleware(origin, policy=Policy.gateway(statuses=frozenset({status})))
    assert await served(client(asked), origin, {}, {}) == (2 if status == 431 else 1)


@pytest.mark.parametrize("status", [428, 429, 431, 511])
async def test_11_what_rfc_6585_bars_is_never_stored(client: Any, origin: Any, status: int) -> None:
    origin.status, origin.headers = status, [PUBLIC]
    asked = CacheMiddleware(
        origin, policy=Policy.gateway(statuses=frozenset({status})), rules=[Rule(ttl=60, status=status)]
    )
    assert await served(client(asked), origin, {}, {}) == 2


# --- 12. response splitting


@pytest.mark.parametrize("value", ["a\r\nset-cookie: evil=1", "a\nb", "a\x00b"])
async def test_12_a_value_with_line_breaks_is_not_replayed_with_them(client: Any, origin: Any, value: str) -> None:
    origin.headers = [("cache-control", "max-age=60"), ("x-a", value)]
    call = client(CacheMiddleware(origin))
    await call("/a")
    for _ in range(2):
        replayed = dict((await call("/a")).lines)["x-a"]
        assert not set("\r\n\x00") & set(replayed)


@pytest.mark.parametrize("name", ["a\r\nb", "a b", "", "a\x00"])
def test_12_names_that_are_given_to_our_helpers_are_checked(name: str) -> None:
    with pytest.raises(ValueError, match="names: "):
        vary_on(name)
    with pytest.raises(ValueError, match="vary_by: "):
        Rule(vary_by=[name])
    with pytest.raises(ValueError, match="private: "):
        cache_control(private=[name])


# --- 13. deserialisation: see the advisories, and the tests of the stores


def test_13_files_are_their_owners_only(tmp_path: Any) -> None:
    store = FileStore(tmp_path / "store")
    store.secret()
    for path in (tmp_path / "store").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


# --- 14. range amplification


async def test_14_overlapping_ranges_never_bring_more_than_the_whole(client: Any, origin: Any) -> None:
    origin.body = b"a" * 10_000
    call = client(CacheMiddleware(origin))
    await call("/a")
    for ranges in (",".join(["0-"] * 500), ",".join(f"{at}-{at}" for at in range(0, 200, 2)), "0-9999,0-9999,0-9999"):
        reply = await call("/a", **with_field("range", f"bytes={ranges}"))
        assert len(reply.body) <= len(origin.body)
    assert origin.calls == 1


@pytest.mark.parametrize(("count", "status"), [(16, 206), (17, 200)])
async def test_14_there_are_at_most_sixteen_parts(client: Any, origin: Any, count: int, status: int) -> None:
    origin.body = b"a" * 10_000
    call = client(CacheMiddleware(origin))
    await call("/a")
    ranges = ",".join(f"{at * 500}-{at * 500}" for at in range(count))
    assert (await call("/a", **with_field("range", f"bytes={ranges}"))).status == status


async def test_14_if_range_compares_strongly(client: Any, origin: Any) -> None:
    origin.headers = [PUBLIC, ("etag", 'W/"1"')]
    call = client(CacheMiddleware(origin))
    await call("/a")
    reply = await call("/a", headers=[("range", "bytes=0-1"), ("if-range", 'W/"1"')])
    assert (reply.status, reply.body) == (200, b"hello")


# --- 15. decompression


async def test_15_coded_content_is_passed_on_as_it_came(client: Any, origin: Any) -> None:
    origin.headers = [PUBLIC, ("content-encoding", "gzip")]
    origin.body = b"this is no gzip at all"
    call = client(CacheMiddleware(origin))
    assert [(await call("/a")).body for _ in range(3)] == [origin.body] * 3
    assert origin.calls == 1


# --- 16. disclosure


async def test_16_nothing_tells_the_key_unless_it_is_asked_for(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin))
    for _ in range(3):
        assert "key=" not in str((await call("/a")).lines)
    call = client(CacheMiddleware(origin, policy=Policy.gateway(debug=True)))
    await call("/a")
    assert 'key="https://example.com/a"' in (await call("/a")).cache


# --- 17. smuggling


async def test_17_a_request_that_is_framed_twice_is_not_cached(client: Any, origin: Any) -> None:
    twice = {"headers": [("content-length", "0"), ("transfer-encoding", "chunked")]}
    for policy in (Policy.gateway(), Policy.gateway(ignore_fat_get=True)):
        call = client(CacheMiddleware(origin, policy=policy))
        assert await served(call, origin, {}, twice, twice, {}) == 3


# --- 18. purging: see test_purging


def test_18_there_is_no_purging_without_a_guard() -> None:
    with pytest.raises(ValueError, match="token, allow"):
        PurgeEndpoint("/purge")


async def test_18_nobody_purges_where_no_endpoint_was_made(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin))
    await call("/a")
    origin.status = 404
    assert (await call("/a", method="PURGE")).status == 404
    assert await served(call, origin, {}) == 0


async def test_18_a_purge_beats_what_began_before_it(client: Any, origin: Any) -> None:
    go = anyio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        await origin(scope, receive, send)

    middleware = CacheMiddleware(app)
    call = client(middleware)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call, "/a")
        await anyio.wait_all_tasks_blocked()
        await middleware.cache.purge(url="https://example.com/a")
        go.set()
    assert await served(call, origin, {}) == 1


# --- 19. reload storms


@pytest.mark.parametrize(
    "line", [("cache-control", "no-cache"), ("cache-control", "max-age=0"), ("pragma", "no-cache")]
)
async def test_19_clients_cannot_have_the_application_asked(client: Any, origin: Any, line: Any) -> None:
    call = client(CacheMiddleware(origin))
    assert await served(call, origin, *[{"headers": [line]}] * 5) == 1


async def test_19_where_they_can_their_requests_are_collapsed(client: Any, origin: Any) -> None:
    begun = 0
    go = anyio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal begun
        begun += 1
        if begun > 1:
            await go.wait()
        await origin(scope, receive, send)

    call = client(CacheMiddleware(app, policy=Policy.gateway(honour_request=True)))
    await call("/a")
    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(lambda: call("/a", **with_field("cache-control", "no-cache")))
        await anyio.wait_all_tasks_blocked()
        assert begun == 2
        go.set()


# --- 20. confusion by collapsing


async def test_20_nobody_gets_a_response_that_could_not_have_been_stored_for_them(client: Any) -> None:
    go = anyio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        who = dict(scope["headers"])[b"x-user"]
        headers = [(b"cache-control", b"max-age=60"), (b"vary", b"x-user")]
        await send({"type": START, "status": 200, "headers": headers})
        await send({"type": BODY, "body": who})

    call = client(CacheMiddleware(app))
    got: list[tuple[str, bytes]] = []

    async def ask(user: str) -> None:
        got.append((user, (await call("/a", **with_field("x-user", user))).body))

    async with anyio.create_task_group() as tasks:
        for at in range(20):
            tasks.start_soon(ask, f"user-{at % 5}")
        await anyio.wait_all_tasks_blocked()
        go.set()
    assert all(user.encode() == body for user, body in got)


# --- 21. growth


async def test_21_what_strangers_can_make_it_keep_is_bounded(client: Any, origin: Any) -> None:
    origin.body = b"a" * 1000
    store = MemoryStore(max_bytes=200_000, max_entries=20)
    call = client(CacheMiddleware(origin, store=store))
    for at in range(200):
        await call("/a", query=f"x={at}", headers=[("x-forwarded-host", f"{at}.example")] if at % 2 else [])
    assert len(store) <= 20
    assert store.bytes <= 200_000


async def test_21_what_is_remembered_beside_the_store_is_bounded(client: Any, origin: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("cachespec_asgi.shortcut.KEPT", 10)
    monkeypatch.setattr("cachespec_asgi.shortcut.HOT", 10)
    monkeypatch.setattr("cachespec_asgi.lines.NAMES", 10)
    middleware = CacheMiddleware(origin)
    call = client(middleware)
    for at in range(50):
        origin.headers = [("cache-control", "no-store" if at % 2 else "max-age=60"), ("etag", f'"{at}"')]
        for _ in range(3):
            await call(f"/{at}", **with_field(f"x-{at}", "a"))
    short = middleware.shortcut
    assert max(len(short._kept), len(short._passing), len(short._refused), len(short._names)) <= 10


# --- 22. denial by parsing


@given(
    st.lists(st.tuples(st.sampled_from(["cache-control", "vary", "etag", "expires", "age"]), st.binary(max_size=60)))
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_22_no_field_of_a_response_makes_it_fail(
    client: Any, origin: Any, lines: list[tuple[str, bytes]]
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": START, "status": 200, "headers": [(name.encode(), value) for name, value in lines]})
        await send({"type": BODY, "body": b"hello"})

    call = client(CacheMiddleware(app, ttl=60))
    assert [(await call("/a")).body for _ in range(2)] == [b"hello"] * 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cache-control", "max-age=" + "9" * 100_000),
        ("cache-control", '"' * 100_000),
        ("cache-control", "a=" + '"\\' * 50_000),
        ("cache-control", "," * 100_000),
        ("vary", "a, " * 30_000),
        ("age", "1" * 100_000),
    ],
    ids=lambda value: value[:12],
)
async def test_22_a_long_field_takes_linear_time(client: Any, origin: Any, name: str, value: str) -> None:
    origin.headers = [(name, value)]
    call = client(CacheMiddleware(origin, rules=[Rule(ttl=60, vary_by=["x-a"])]))
    began = time.thread_time()
    await call("/a")
    # Of processor time: in quadratic time it would be minutes.
    assert time.thread_time() - began < 1.0


# --- 23. slow leader


async def test_23_a_client_that_reads_slowly_holds_up_nobody_but_itself(client: Any, origin: Any) -> None:
    origin.body = [b"a", b"b"]
    reads = anyio.Event()

    async def slowly(message: Any) -> None:
        if message["type"] == BODY:
            await reads.wait()

    call = client(CacheMiddleware(origin, policy=Policy.gateway(collapse_wait=0.05)))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: call("/a", on_message=slowly))
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(5):
            assert (await call("/a")).body == b"ab"
        reads.set()


async def test_23_a_body_without_end_holds_up_nobody(client: Any) -> None:
    begun = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal begun
        begun += 1
        await send({"type": START, "status": 200, "headers": [(b"cache-control", b"max-age=60")]})
        if begun == 1:
            while True:
                await send({"type": BODY, "body": b".", "more_body": True})
                await anyio.sleep(0.001)
        await send({"type": BODY, "body": b"whole"})

    call = client(CacheMiddleware(app, policy=Policy.gateway(collapse_wait=0.05)))
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call, "/a")
            await anyio.wait_all_tasks_blocked()
            assert (await call("/a")).body == b"whole"
            tasks.cancel_scope.cancel()
    assert begun == 2
