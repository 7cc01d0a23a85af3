"""Published advisories of other caches in this field, one by one: none of them can be reproduced here."""

from __future__ import annotations

import ast
import pickle
from pathlib import Path
from typing import Any

import pytest
from starlette.middleware import sessions

from cachespec import FileStore
from cachespec_asgi import CacheMiddleware, cached

pytestmark = pytest.mark.anyio

PACKAGES = Path(__file__).resolve().parents[3] / "packages"
PUBLIC = ("cache-control", "public, max-age=60")


async def served(call: Any, origin: Any, *requests: dict[str, Any]) -> int:
    """How many of the requests, to one path unless they say otherwise, reach the application."""
    before = origin.calls
    for request in requests:
        await call(**{"path": "/a", **request})
    return int(origin.calls - before)


async def test_cve_2026_6907_django_a_response_with_vary_star_was_stored(client: Any, origin: Any) -> None:
    for vary in ("*", "accept, *", " * "):
        origin.headers = [PUBLIC, ("vary", vary)]
        assert await served(client(CacheMiddleware(origin)), origin, {}, {}, {}) == 3


@pytest.mark.parametrize("control", ["No-Store", "PRIVATE", "max-age=60, No-Cache", "Max-Age=0"])
async def test_cve_2026_8404_django_names_of_directives_were_compared_with_their_case(
    client: Any, origin: Any, control: str
) -> None:
    origin.headers = [("Cache-Control", control)]
    assert await served(client(CacheMiddleware(origin)), origin, {}, {}, {}) == 3


async def test_cve_2026_48587_django_white_space_in_vary_was_not_stripped(client: Any, origin: Any) -> None:
    origin.headers = [PUBLIC, ("vary", "accept ,\t accept-language  , x-a")]
    french, german = {"headers": [("accept-language", "fr")]}, {"headers": [("accept-language", "de")]}
    assert await served(client(CacheMiddleware(origin)), origin, french, german, french, german) == 2


async def test_cve_2026_48588_django_a_response_that_varies_on_cookies_was_stored(client: Any, origin: Any) -> None:
    """It looked at whether the request had some cookie, not whether the response depends on them."""
    origin.headers = [PUBLIC, ("vary", "Cookie")]
    call = client(CacheMiddleware(origin))
    with_cookie = {"headers": [("cookie", "other=1")]}
    assert await served(call, origin, {}, {}, with_cookie, with_cookie) == 4


async def test_cve_2026_113593_django_an_absent_field_was_equal_to_an_empty_one(client: Any, origin: Any) -> None:
    origin.headers = [PUBLIC, ("vary", "x-a")]
    call = client(CacheMiddleware(origin))
    empty = {"headers": [("x-a", "")]}
    assert await served(call, origin, {}, empty, {}, empty) == 2


async def test_django_pull_request_21516_parts_of_the_key_were_joined_without_delimiters(
    client: Any, origin: Any
) -> None:
    origin.headers = [PUBLIC, ("vary", "x-a, x-b")]
    call = client(CacheMiddleware(origin))
    one, other = {"headers": [("x-a", "12"), ("x-b", "3")]}, {"headers": [("x-a", "1"), ("x-b", "23")]}
    assert await served(call, origin, one, other, one, other) == 2


async def test_pysec_2026_3824_django_cms_vary_of_a_part_of_the_page_was_ignored(client: Any, origin: Any) -> None:
    """Here a part adds to the one Vary of the response, whichever callable it comes from, and all of it counts."""
    from cachespec_asgi import vary_on

    origin.headers = [PUBLIC, ("vary", "accept")]
    call = client(CacheMiddleware(vary_on("x-part")(vary_on("x-other")(origin))))
    one, other = {"headers": [("x-part", "1")]}, {"headers": [("x-part", "2")]}
    assert await served(call, origin, one, other, one, other) == 2


@pytest.mark.skipif(not hasattr(sessions, "Session"), reason="sessions that tell whether they were read: Starlette 1.0")
async def test_cve_2026_27205_flask_vary_cookie_was_missing_where_the_session_was_read(
    client: Any, origin: Any
) -> None:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    calls: list[str] = []

    async def page(request: Any) -> PlainTextResponse:
        calls.append(request.url.path)
        if request.url.path == "/login":
            request.session["user"] = "me"
        user = "" if request.url.path == "/plain" else request.session.get("user", "nobody")
        return PlainTextResponse(user, headers=dict([PUBLIC]))

    routes = [Route(path, page) for path in ("/login", "/a", "/plain")]
    inside = Starlette(routes=routes, middleware=[Middleware(sessions.SessionMiddleware, secret_key="x" * 32)])
    outside = sessions.SessionMiddleware(CacheMiddleware(Starlette(routes=routes)), secret_key="x" * 32)
    for app in (CacheMiddleware(inside), outside):
        call = client(app)
        cookie = (await call("/login")).headers["set-cookie"].partition(";")[0]
        mine = {"headers": [("cookie", cookie)]}
        calls.clear()
        assert [(await call("/a", **request)).body for request in (mine, {}, mine)] == [b"me", b"nobody", b"me"]
        assert len(calls) == 3
        await call("/plain")
        await call("/plain")
        assert len(calls) == 4


async def test_cve_2026_25480_litestar_two_urls_became_one_file_by_unicode_normalisation(
    client: Any, origin: Any, tmp_path: Path
) -> None:
    call = client(CacheMiddleware(origin, store=FileStore(tmp_path)))
    composed, decomposed, wide = "/%C3%A9", "/e%CC%81", "/%EF%BD%85%CC%81"
    paths = [{"path": path} for path in (composed, decomposed, wide)]
    assert await served(call, origin, *paths, *paths) == 3


@pytest.mark.parametrize("control", ["private", "no-store", "private, max-age=60", "no-store, max-age=60, public"])
async def test_cve_2026_24472_hono_private_and_no_store_were_ignored(client: Any, origin: Any, control: str) -> None:
    origin.headers = [("cache-control", control)]
    for app in (CacheMiddleware(origin), CacheMiddleware(origin, ttl=60), cached(60)(origin)):
        assert await served(client(app), origin, {}, {}) == 2


async def test_ghsa_35hp_hqmv_8qg8_fiber_the_query_was_not_in_the_key(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin))
    queries = [{"query": query} for query in ("", "user=1", "user=2", "user=1&user=2", "user=2&user=1", "user=1&")]
    assert await served(call, origin, *queries, *queries) == len(queries)


async def test_ghsa_hwr4_mq23_wcv5_mercure_separators_collided(client: Any, origin: Any) -> None:
    call = client(CacheMiddleware(origin))
    requests: list[dict[str, Any]] = [
        {"path": "/a", "query": "b=/c"},
        {"path": "/a/b=", "query": "c"},
        {"path": "/a%3Fb=/c"},
        {"path": "/a", "query": "b=%2Fc"},
        {"path": "/a:b"},
        {"path": "/a%3Ab"},
        {"path": "/a|b"},
        {"path": "/a;b"},
    ]
    assert await served(call, origin, *requests, *requests) == len(requests)


@pytest.mark.parametrize("advisory", ["CVE-2021-33026", "CVE-2025-69872", "CVE-2026-8476"])
def test_pickles_in_a_store_are_never_loaded(advisory: str, tmp_path: Path) -> None:
    """Flask-Caching, diskcache and another: whoever could write to the store could run code."""
    dangerous = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"}
    for path in PACKAGES.glob("*/src/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not dangerous & {name.partition(".")[0] for name in names}, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), path


class Loaded:
    """Leaves a trace where it is unpickled."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("loaded"),)


async def test_what_somebody_else_has_written_to_the_store_is_not_there(
    client: Any, origin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "store"
    call = client(CacheMiddleware(origin, store=FileStore(folder)))
    await call("/a")
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert written
    for path in written:
        path.write_bytes(pickle.dumps(Loaded()))
    reply = await client(CacheMiddleware(origin, store=FileStore(folder)))("/a")
    assert (reply.body, origin.calls) == (b"hello", 2)
    assert not (tmp_path / "loaded").exists()
