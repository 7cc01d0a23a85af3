"""What users of server-side caches ask for, again and again: a test for each wish."""

from __future__ import annotations

import contextvars
import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

import cachespec_asgi
from cachespec import MemoryStore, Policy
from cachespec_asgi import (
    CacheControlMiddleware,
    CacheMiddleware,
    DuplicateCaching,
    PurgeEndpoint,
    Rule,
    cache_control,
    cached,
    get_cache,
    never_cache,
    vary_on,
)

pytestmark = pytest.mark.anyio

START = "http.response.start"
BODY = "http.response.body"


async def bodies(call: Any, *requests: dict[str, Any]) -> list[bytes]:
    return [(await call(**{"path": "/a", **request})).body for request in requests]


class Counting:
    """An application whose responses say how many it has made."""

    def __init__(self, *lines: tuple[str, str], status: int = 200) -> None:
        self.lines = lines
        self.status = status
        self.calls = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        lines = [(name.encode(), value.encode()) for name, value in self.lines]
        await send({"type": START, "status": self.status, "headers": lines})
        await send({"type": BODY, "body": str(self.calls).encode()})


# --- collapsing


@pytest.mark.parametrize("control", ["max-age=60", "no-store"])
async def test_concurrent_misses_are_collapsed_and_what_cannot_be_cached_is_not(client: Any, control: str) -> None:
    go = anyio.Event()
    app = Counting(("cache-control", control))
    begun = 0

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        nonlocal begun
        begun += 1
        await go.wait()
        await app(scope, receive, send)

    call = client(CacheMiddleware(slow))
    for expected in (1, 100):
        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(call, "/a")
            await anyio.wait_all_tasks_blocked()
            if control == "no-store":
                # The second crowd knows that there is nothing to wait for.
                assert begun == expected
            go.set()
        if control == "max-age=60":
            break
        begun, go = 0, anyio.Event()
    assert app.calls == (1 if control == "max-age=60" else 200)


# --- streams


async def test_server_sent_events_are_not_held_back(client: Any) -> None:
    seen: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"max-age=60")]
        await send({"type": START, "status": 200, "headers": headers})
        for at in range(3):
            await send({"type": BODY, "body": b"%d" % at, "more_body": True})
            assert seen[-1] == b"%d" % at
        await send({"type": BODY})

    async def note(message: Any) -> None:
        seen.append(bytes(message.get("body", b"")))

    await client(CacheMiddleware(app))("/a", on_message=note)
    assert seen == [b"", b"0", b"1", b"2", b""]


@pytest.mark.parametrize("kind", ["http.response.early_hint", "http.response.debug", "http.response.trailers"])
async def test_messages_beside_the_content_pass_and_do_not_keep_it_from_being_stored(client: Any, kind: str) -> None:
    calls = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        await send({"type": START, "status": 200, "headers": [(b"cache-control", b"max-age=60")]})
        await send({"type": kind, "some": "thing"})
        await send({"type": BODY, "body": b"hello"})

    call = client(CacheMiddleware(app))
    assert (await call("/a")).of(kind) == [{"type": kind, "some": "thing"}]
    assert (await call("/a")).body == b"hello"
    assert calls == 1


async def test_a_message_that_nobody_knows_yet_passes_and_nothing_is_stored(client: Any) -> None:
    calls = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        await send({"type": START, "status": 200, "headers": [(b"cache-control", b"max-age=60")]})
        await send({"type": "http.response.teleport"})
        await send({"type": BODY, "body": b"hello"})

    call = client(CacheMiddleware(app))
    for _ in range(2):
        assert len((await call("/a")).of("http.response.teleport")) == 1
    assert calls == 2


async def test_a_file_that_is_sent_by_its_path_is_sent_and_stored(client: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"hello")
    calls = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        await send({"type": START, "status": 200, "headers": [(b"cache-control", b"max-age=60")]})
        await send({"type": "http.response.pathsend", "path": str(tmp_path / "file")})

    call = client(CacheMiddleware(app))
    assert await bodies(call, {}, {}) == [b"hello"] * 2
    assert calls == 1


# --- users


async def test_a_hit_never_skips_authentication(client: Any) -> None:
    async def guarded(request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer mine":
            raise HTTPException(401)
        return PlainTextResponse("secret", headers={"cache-control": "max-age=60"})

    call = client(CacheMiddleware(Starlette(routes=[Route("/a", guarded)])))
    mine, theirs = {"headers": [("authorization", "Bearer mine")]}, {"headers": [("authorization", "Bearer theirs")]}
    statuses = [(await call("/a", **request)).status for request in (mine, mine, theirs, {}, mine)]
    assert statuses == [200, 200, 401, 401, 200]


async def test_every_tenant_has_responses_of_its_own_and_caches_downstream_are_kept_out(client: Any) -> None:
    def tenant(scope: Any) -> str | None:
        return dict(scope["headers"]).get(b"x-tenant", b"").decode() or None

    store = MemoryStore()
    app = Counting(("cache-control", "public, max-age=60"))
    call = client(CacheMiddleware(app, store=store, rules=[Rule(prefix="/", vary_by=tenant)]))
    one, two = {"headers": [("x-tenant", "tenant-1")]}, {"headers": [("x-tenant", "tenant-2")]}
    assert await bodies(call, one, two, one, two) == [b"1", b"2", b"1", b"2"]
    assert call.last.headers["cache-control"] == "private, max-age=60"
    assert "tenant-" not in repr([item for _, item in store.items()])
    # Whoever cannot be told apart passes by.
    assert await bodies(call, {}, {}) == [b"3", b"4"]


async def test_nothing_is_kept_by_guesswork(client: Any) -> None:
    app = Counting(("last-modified", "Tue, 14 Nov 2000 22:13:20 GMT"))
    assert await bodies(client(CacheMiddleware(app)), {}, {}) == [b"1", b"2"]


# --- fields


async def test_no_line_is_lost_on_a_hit(client: Any) -> None:
    async def page(request: Request) -> Response:
        response = PlainTextResponse("hello", headers={"Cache-Control": "max-age=60", "X-A": "1", "ETag": '"1"'})
        response.headers.append("Link", "</a>; rel=next")
        response.headers.append("Link", "</b>; rel=prev")
        return response

    call = client(CacheMiddleware(Starlette(routes=[Route("/a", page)])))
    first, second = [(await call("/a")).lines for _ in range(2)]
    assert [line for line in second if line[0] not in ("age", "cache-status")] == [
        line for line in first if line[0] != "cache-status"
    ]
    assert [value for name, value in second if name == "link"] == ["</a>; rel=next", "</b>; rel=prev"]


@pytest.mark.parametrize("way", ["ttl", "field"])
async def test_what_this_cache_is_told_is_not_what_browsers_are_told(client: Any, clock: Any, way: str) -> None:
    lines = [("cache-control", "max-age=5")]
    if way == "field":
        lines.append(("cachespec-cache-control", "max-age=3600"))
    rules = [Rule(prefix="/a", ttl=timedelta(hours=1))] if way == "ttl" else []
    call = client(CacheMiddleware(Counting(*lines), rules=rules, clock=clock))
    await call("/a")
    clock.now += 3000
    reply = await call("/a")
    assert (reply.body, reply.headers["cache-control"]) == (b"1", "max-age=5")
    assert "cachespec-cache-control" not in reply.headers


async def test_no_etag_is_made_up(client: Any) -> None:
    """Those that the FastAPI helpers make are digests of the octets; the middleware leaves a response as it is."""
    call = client(CacheMiddleware(Counting(("cache-control", "max-age=60"))))
    for _ in range(2):
        assert "etag" not in (await call("/a")).headers


# --- purging


async def test_an_endpoint_can_purge_by_group_mark_as_stale_and_refresh(client: Any) -> None:
    calls = 0

    async def news(request: Request) -> Response:
        nonlocal calls
        calls += 1
        headers = {"cache-control": "max-age=60, stale-while-revalidate=60", "cache-groups": '"news"'}
        return PlainTextResponse(str(calls), headers=headers)

    async def publish(request: Request) -> Response:
        cache = get_cache(request)
        how = request.query_params["how"]
        if how == "refresh":
            await cache.refresh("/a")
        else:
            assert await cache.purge(groups="news", soft=how == "soft") == 1
        return PlainTextResponse("done")

    routes = [Route("/a", news), Route("/publish", publish, methods=["POST"])]
    call = client(CacheMiddleware(Starlette(routes=routes)))
    publishing = {"path": "/publish", "method": "POST"}
    assert await bodies(call, {}, {}) == [b"1", b"1"]
    await call(**publishing, query="how=hard")
    assert await bodies(call, {}, {}) == [b"2", b"2"]
    await call(**publishing, query="how=soft")
    # Stale is good enough, while it is fetched anew behind the answer.
    assert await bodies(call, {}, {}) == [b"2", b"3"]
    await call(**publishing, query="how=refresh")
    assert await bodies(call, {}) == [b"4"]


async def test_the_cache_is_got_from_a_scope_as_well(client: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert get_cache(scope) is get_cache(Request(scope))
        await Counting()(scope, receive, send)

    assert (await client(CacheMiddleware(app))("/a")).status == 200


async def test_an_endpoint_for_purging_is_guarded_and_refuses_other_sites(client: Any) -> None:
    token = "a token that nobody guesses"
    call = client(
        CacheMiddleware(Counting(("cache-control", "max-age=60")), purge=PurgeEndpoint("/purge", token=token))
    )
    await call("/a")
    headers = [("content-type", "application/json"), ("authorization", f"Bearer {token}")]
    asked = {"path": "/purge", "method": "POST", "content": b'{"url": "/a"}'}
    for wrong in (
        headers[:1],
        [*headers, ("origin", "https://evil.example")],
        [*headers, ("sec-fetch-site", "cross-site")],
    ):
        assert (await call(**asked, headers=wrong)).status == 403
    assert await bodies(call, {}) == [b"1"]
    assert (await call(**asked, headers=headers)).body == b'{"purged": 1}'
    assert await bodies(call, {}) == [b"2"]


# --- the framework inside


async def test_context_variables_background_tasks_and_the_route_survive(client: Any) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    done: list[str] = []
    routes_seen: list[Any] = []

    async def page(request: Request) -> Response:
        variable.set("set inside")
        return PlainTextResponse("hello", background=BackgroundTask(done.append, "done"))

    class Outside:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app(scope, receive, send)
            routes_seen.append((scope.get("path_params"), scope.get("endpoint"), variable.get("lost")))

    routes = [Mount("/in", routes=[Route("/{item}", page)])]
    await client(Outside(CacheMiddleware(Starlette(routes=routes))))("/in/1")
    assert done == ["done"]
    assert routes_seen == [({"item": "1"}, page, "set inside")]


async def test_one_middleware_too_many_steps_aside_and_a_strict_one_raises(client: Any) -> None:
    app = Counting(("cache-control", "max-age=60"))
    call = client(CacheMiddleware(CacheMiddleware(app)))
    assert await bodies(call, {}, {}) == [b"1", b"1"]
    assert call.last.cache.count("cachespec") == 1
    with pytest.raises(DuplicateCaching):
        await client(CacheMiddleware(CacheMiddleware(app, strict=True)))("/b")


@pytest.mark.parametrize("state", ["down", "closed"])
async def test_a_store_that_is_down_or_closed_is_bypassed(client: Any, state: str) -> None:
    class Down(MemoryStore):
        def read(self, key: bytes) -> Any:
            raise ConnectionError("the database is down")

    store: MemoryStore = Down() if state == "down" else MemoryStore()
    if state == "closed":
        store.close()
    call = client(CacheMiddleware(Counting(("cache-control", "max-age=60")), store=store))
    assert await bodies(call, {}, {}) == [b"1", b"2"]
    assert call.last.status == 200


def test_no_version_of_a_dependency_is_barred_from_above() -> None:
    project = Path(__file__).parents[2] / "packages" / "cachespec-asgi" / "pyproject.toml"
    with project.open("rb") as file:
        dependencies = tomllib.load(file)["project"]["dependencies"]
    others = [dependency for dependency in dependencies if not dependency.startswith("cachespec")]
    assert others
    assert not [dependency for dependency in others if re.search("<|==|~=", dependency)]


# --- what users of asgi-caches know


async def test_asgi_caches_everything_is_kept_for_so_long_and_everybody_is_told(client: Any, clock: Any) -> None:
    app = Counting()
    call = client(CacheMiddleware(app, ttl=120, clock=clock))
    for _ in range(2):
        reply = await call("/a")
        assert reply.body == b"1"
        assert reply.headers["cache-control"] == "max-age=120"
        assert reply.headers["expires"] == "Tue, 14 Nov 2023 22:15:20 GMT"
    assert "fwd=uri-miss" in call.replies[0].cache
    assert "; hit" in reply.cache


@pytest.mark.parametrize("outside", [False, True], ids=["by itself", "inside a CacheMiddleware"])
async def test_asgi_caches_one_endpoint_is_kept_by_decorating_it(client: Any, outside: bool) -> None:
    one, other = Counting(), Counting()
    app: Any = Starlette(routes=[Route("/a", cached(60)(one)), Route("/b", other)])
    call = client(CacheMiddleware(app) if outside else app)
    assert await bodies(call, {}, {}, {"path": "/b"}, {"path": "/b"}) == [b"1", b"1", b"1", b"2"]


async def test_asgi_caches_cache_control_adds_removes_and_takes_the_minimum(client: Any) -> None:
    app = Counting(("cache-control", "max-age=90, no-transform, private"))
    directives = {"max_age": 60, "no_transform": False, "must_revalidate": True, "public": True}
    for around in (CacheControlMiddleware(app, **directives), cache_control(**directives)(app)):
        said = (await client(around)("/a")).headers["cache-control"].split(", ")
        assert sorted(said) == ["max-age=60", "must-revalidate", "public"]
    longer = await client(cache_control(max_age=600)(app))("/a")
    assert "max-age=90" in longer.headers["cache-control"]


async def test_asgi_caches_a_head_is_answered_from_a_get(client: Any) -> None:
    call = client(CacheMiddleware(Counting(("cache-control", "max-age=60"))))
    await call("/a")
    reply = await call("/a", method="HEAD")
    assert (reply.body, "; hit" in reply.cache) == (b"", True)


async def test_asgi_caches_nothing_passes_by_without_a_reason(client: Any) -> None:
    reasons: list[Any] = []

    class Outside:
        caching = False
        info: Any = None
        fields: list[Any] = []  # noqa: RUF012 - nobody writes to it here

    async def around(scope: Any, receive: Any, send: Any) -> None:
        scope["cachespec"] = outside = Outside()
        await inner(scope, receive, send)
        handle = scope["cachespec"]
        reasons.append(handle.info.reason if handle is not outside else outside.info.reason)

    app = Counting(("cache-control", "max-age=60"), ("set-cookie", "id=1"))
    inner = CacheMiddleware(app, policy=Policy.gateway(debug=True))
    reply = await client(around)("/a")
    assert reasons[0].code == "set-cookie"
    assert reasons[0].clause
    assert "cookie" in str(reasons[0].sentence).lower()
    assert "detail=set-cookie" in reply.cache


async def test_asgi_caches_promised_never_cache_vary_on_and_lists_of_routes(client: Any) -> None:
    shown = Counting(("cache-control", "public, max-age=60"))
    assert await bodies(client(CacheMiddleware(never_cache(shown))), {}, {}) == [b"1", b"2"]
    varied = Counting(("cache-control", "max-age=60"))
    call = client(CacheMiddleware(vary_on("Accept-Language")(varied)))
    languages = [{"headers": [("accept-language", language)]} for language in ("en", "fr", "en")]
    assert await bodies(call, *languages) == [b"1", b"2", b"1"]
    listed = client(CacheMiddleware(Counting(), rules=[Rule(path=["/a", "/b"], ttl=60)]))
    paths = [{"path": path} for path in ("/a", "/b", "/c", "/a", "/b", "/c")]
    assert await bodies(listed, *paths) == [b"1", b"2", b"3", b"1", b"2", b"4"]


def test_asgi_caches_all_its_names_are_here() -> None:
    known = {"CacheMiddleware", "CacheControlMiddleware", "cached", "cache_control", "never_cache", "DuplicateCaching"}
    assert known <= set(cachespec_asgi.__all__)


# --- what users of starlette-caches know


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param([Rule(path="/a", ttl=60)], id="path"),
        pytest.param([Rule(regex="/[ab]", ttl=60)], id="regex"),
        pytest.param([Rule(regex=re.compile("/A", re.IGNORECASE), ttl=60)], id="compiled regex"),
        pytest.param([Rule(path=["/x", "/a"], ttl=60)], id="several"),
        pytest.param([Rule(prefix="/", ttl=60)], id="all"),
        pytest.param([Rule(path="/b", ttl=0), Rule(ttl=60)], id="the first that matches"),
    ],
)
async def test_starlette_caches_rules_say_what_is_kept(client: Any, rules: list[Rule]) -> None:
    assert await bodies(client(CacheMiddleware(Counting(), rules=rules)), {}, {}) == [b"1", b"1"]


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param([Rule(path="/a", ttl=0), Rule(ttl=60)], id="ttl of 0"),
        pytest.param([Rule(path="/a", bypass=True), Rule(ttl=60)], id="bypass"),
        pytest.param([Rule(path="/b", ttl=60)], id="none matches"),
        pytest.param([Rule(ttl=60, status=[404])], id="another status"),
    ],
)
async def test_starlette_caches_rules_say_what_is_not_kept(client: Any, rules: list[Rule]) -> None:
    assert await bodies(client(CacheMiddleware(Counting(), rules=rules)), {}, {}) == [b"1", b"2"]


async def test_starlette_caches_rules_name_statuses(client: Any) -> None:
    app = Counting(status=404)
    assert await bodies(client(CacheMiddleware(app, rules=[Rule(ttl=60, status=404)])), {}, {}) == [b"1", b"1"]


async def test_starlette_caches_parameters_can_be_left_out_of_the_key_or_sorted(client: Any) -> None:
    rule = Rule(ttl=60, ignore_params=["utm_*"], sort_params=True)
    call = client(CacheMiddleware(Counting(), rules=[rule]))
    queries = [{"query": query} for query in ("a=1&b=2", "b=2&a=1", "a=1&utm_source=x&b=2", "a=1&b=3")]
    assert await bodies(call, *queries) == [b"1", b"1", b"1", b"2"]
