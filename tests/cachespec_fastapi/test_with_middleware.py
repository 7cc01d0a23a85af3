"""Declarations inside of cachespec-asgi: two packages that know each other by header fields and one object alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response

from cachespec_fastapi import CacheDep, cache, etag, install, last_modified, never_cache, vary
from cachespec_fastapi.writer import INSIDE

CacheMiddleware = pytest.importorskip("cachespec_asgi").CacheMiddleware


class Lab:
    """Articles, and how often each endpoint was called."""

    def __init__(self, *, outside: bool = True, wrapped: bool = False) -> None:
        self.called: Counter[str] = Counter()
        self.titles = {1: "one", 2: "two"}
        app = FastAPI()
        if not outside:
            app.add_middleware(CacheMiddleware)
        install(app)
        if outside and not wrapped:
            app.add_middleware(CacheMiddleware)
        self.app: Any = CacheMiddleware(app) if wrapped else app

        def groups(request: Request) -> list[str]:
            return [f"article-{request.path_params['number']}", "articles"]

        def revision(number: int) -> str | None:
            return self.titles.get(number)

        @app.get("/articles/{number}", name="article", dependencies=[cache(max_age=1, ttl=600, groups=groups)])
        async def article(number: int) -> Any:
            self.called["article"] += 1
            return {"title": self.titles[number]}

        @app.get("/tagged/{number}", dependencies=[etag(revision), cache(ttl=600, no_cache=True)])
        async def tagged(number: int) -> Any:
            self.called["tagged"] += 1
            return {"title": self.titles[number]}

        @app.get("/digested", dependencies=[etag(), last_modified(0), cache(ttl=600, no_cache=True)])
        async def digested() -> Any:
            self.called["digested"] += 1
            return {}

        @app.get("/language", dependencies=[vary("Accept-Language"), cache(max_age=60, public=True)])
        async def language(request: Request) -> Any:
            self.called["language"] += 1
            return {"language": request.headers.get("accept-language")}

        @app.get("/mine", dependencies=[cache(ttl=600, max_age=60)])
        async def mine(response: Response) -> Any:
            self.called["mine"] += 1
            response.headers["Cache-Control"] = "private"
            return {}

        @app.get("/never", dependencies=[never_cache])
        async def never() -> Any:
            self.called["never"] += 1
            return {}

        @app.put("/articles/{number}")
        async def rename(number: int, title: str, cache: CacheDep, by: str = "nothing") -> Any:
            self.titles[number] = title
            match by:
                case "url":
                    return await cache.purge(f"/articles/{number}")
                case "route":
                    return await cache.purge(route="article", params={"number": number})
                case "group":
                    return await cache.purge(groups=f"article-{number}")
                case "groups":
                    return await cache.purge(groups="articles")
                case "soft":
                    return await cache.purge(groups="articles", soft=True)
                case "prefix":
                    return await cache.purge(prefix="/articles/")
                case _:
                    return await cache.refresh(route="article", params={"number": number})


@pytest.fixture(params=["added", "wrapped"])
def lab(request: pytest.FixtureRequest) -> Lab:
    return Lab(wrapped=request.param == "wrapped")


def test_a_ttl_holds_here_and_is_told_to_nobody(ask: Any, lab: Lab) -> None:
    for _ in range(3):
        reply = ask(lab.app, "/articles/1")
        assert (reply.body, reply.cache_control) == (b'{"title":"one"}', "max-age=1")
        assert reply["cachespec-cache-control"] is None
    assert lab.called == {"article": 1}


@pytest.mark.parametrize(
    ("by", "gone", "stays"),
    [
        ("url", [1], [2]),
        ("route", [1], [2]),
        ("group", [1], [2]),
        ("groups", [1, 2], []),
        ("soft", [1, 2], []),
        ("prefix", [1, 2], []),
    ],
)
def test_what_is_purged_is_fetched_anew(ask: Any, lab: Lab, by: str, gone: list[int], stays: list[int]) -> None:
    for number in (1, 2):
        ask(lab.app, f"/articles/{number}")
    # Another URL than the article's, which an unsafe method would make obsolete anyway.
    lab.titles[2] = "changed"
    reply = ask(lab.app, f"/articles/1?title=changed&by={by}", "PUT")
    assert reply.body == str(len(gone)).encode()
    for number in gone:
        assert ask(lab.app, f"/articles/{number}").body == b'{"title":"changed"}'
    for number in stays:
        assert ask(lab.app, f"/articles/{number}").body == b'{"title":"two"}'
    assert lab.called["article"] == 2 + len(gone)


def test_what_is_refreshed_is_there_already(ask: Any, lab: Lab) -> None:
    ask(lab.app, "/articles/1")
    ask(lab.app, "/articles/1?title=changed&by=refresh", "PUT")
    assert lab.called["article"] == 2
    reply = ask(lab.app, "/articles/1")
    assert (reply.body, reply.cache_control) == (b'{"title":"changed"}', "max-age=1")
    assert lab.called["article"] == 2


@pytest.mark.parametrize("path", ["/tagged/1", "/digested"])
def test_conditional_requests_are_answered_from_the_store(ask: Any, lab: Lab, path: str) -> None:
    first = ask(lab.app, path)
    reply = ask(lab.app, path, headers={"If-None-Match": first["etag"]})
    assert (reply.status, reply["etag"], reply.cache_control) == (304, first["etag"], "no-cache")
    assert list(lab.called.values()) == [1]


def test_a_condition_that_comes_first_is_answered_by_the_declaration(ask: Any, lab: Lab) -> None:
    reply = ask(lab.app, "/tagged/1", headers={"If-None-Match": '"one"'})
    assert (reply.status, reply["etag"], reply.cache_control) == (304, '"one"', "no-cache")
    assert lab.called == {}


def test_variants_are_told_apart(ask: Any, lab: Lab) -> None:
    for language in ("de", "en", "de", "en"):
        reply = ask(lab.app, "/language", headers={"Accept-Language": language})
        assert reply.body == f'{{"language":"{language}"}}'.encode()
        assert reply["vary"] == "Accept-Language"
    assert lab.called == {"language": 2}


@pytest.mark.parametrize("path", ["/mine", "/never"])
def test_what_the_endpoint_or_the_declaration_forbids_is_not_kept(ask: Any, lab: Lab, path: str) -> None:
    for _ in range(2):
        assert ask(lab.app, path).status == 200
    assert list(lab.called.values()) == [2]


def test_a_cache_inside_of_the_writer_is_told_of(ask: Any, caplog: pytest.LogCaptureFixture) -> None:
    ask(Lab(outside=False).app, "/articles/1")
    assert INSIDE in [record.getMessage() for record in caplog.records]
