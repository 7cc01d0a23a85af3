"""Every kind of return value x every class of status x every level x sync and async x with and without a cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from functools import cache as remember
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Response
from fastapi.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    StreamingResponse,
)
from pydantic import BaseModel

from cachespec_fastapi import cache, install

DECLARED = {"max_age": 300, "public": True}
WRITTEN = "public, max-age=300"
STATUSES = [200, 302, 404, 503]
LEVELS = ["route", "router", "include", "app", "default"]


class Article(BaseModel):
    title: str = "it"


async def chunks() -> AsyncIterator[bytes]:
    yield b"a"
    yield b"b"


def as_dict(status: int, response: Response) -> Any:
    response.status_code = status
    return {"title": "it"}


def as_model(status: int, response: Response) -> Any:
    response.status_code = status
    return Article()


def as_nothing(status: int, response: Response) -> Any:
    response.status_code = status


def as_json(status: int, _: Response) -> Any:
    return JSONResponse({"title": "it"}, status)


def as_text(status: int, _: Response) -> Any:
    return PlainTextResponse("it", status)


def as_html(status: int, _: Response) -> Any:
    return HTMLResponse("<p>it", status)


def as_bare_response(status: int, _: Response) -> Any:
    return Response(status_code=status)


def as_stream(status: int, _: Response) -> Any:
    return StreamingResponse(chunks(), status)


def as_file(status: int, _: Response) -> Any:
    return FileResponse(Path(__file__), status)


def as_redirect(status: int, _: Response) -> Any:
    return RedirectResponse("/elsewhere", status)


def as_exception(status: int, _: Response) -> Any:
    raise HTTPException(status)


MERGED = [as_dict, as_model, as_nothing]
"""Kinds of which FastAPI makes the response itself."""
KINDS = [*MERGED, as_json, as_text, as_html, as_bare_response, as_stream, as_file, as_redirect, as_exception]


@remember
def application(level: str, installed: bool) -> tuple[FastAPI, Counter[str]]:
    """One application with a route for every kind, sync and async; and how often each was called."""
    declaration = cache(**DECLARED)
    called: Counter[str] = Counter()

    def here(name: str) -> list[Any]:
        return [declaration] if level == name else []

    app = FastAPI(dependencies=here("app"))
    router = APIRouter(dependencies=here("router"))
    for make in KINDS:
        add(router, make, called, here("route"), declaration if level == "default" else None)
    app.include_router(router, dependencies=here("include"))
    if installed:
        install(app)
    return app, called


def add(router: APIRouter, make: Any, called: Counter[str], dependencies: list[Any], default: Any) -> None:
    path = make.__name__

    def endpoint(response: Response, status: int, _: Any = default) -> Any:
        called[f"sync/{path}/{status}"] += 1
        return make(status, response)

    async def async_endpoint(response: Response, status: int, _: Any = default) -> Any:
        called[f"async/{path}/{status}"] += 1
        return make(status, response)

    for name, function in (("sync", endpoint), ("async", async_endpoint)):
        router.add_api_route(f"/{name}/{path}", function, dependencies=dependencies, response_model=None)


@pytest.mark.parametrize("installed", [True, False], ids=["installed", "not installed"])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_a_declaration_reaches_every_success_and_no_error(
    ask: Any,
    around: Callable[[Any], Any],
    make: Any,
    status: int,
    colour: str,
    level: str,
    installed: bool,
) -> None:
    bare, called = application(level, installed)
    app = around(bare)
    called.clear()
    target = f"/{colour}/{make.__name__}?status={status}"
    replies = [ask(app, target), ask(app, target)]
    assert [reply.status for reply in replies] == [status, status]
    assert replies[0].body == replies[1].body
    # Without the writer nobody knows what the status will be, and a Response goes its own way.
    declared = status < 400 if installed else make in MERGED
    for reply in replies:
        assert reply.all("cache-control") == ([WRITTEN] if declared else [])
    stored = declared and app is not bare and status != 503
    assert called[target[1:].replace("?status=", "/")] == (1 if stored else 2)
