from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from fastapi.responses import JSONResponse

from cachespec import Gateway
from cachespec_fastapi import cache, etag, install, never_cache, vary
from cachespec_fastapi.declared import MISSING, Alone
from cachespec_fastapi.writer import INSIDE


async def nothing() -> Any:
    return {}


def application(*, installed: bool = True, **options: Any) -> FastAPI:
    app = FastAPI(**options)
    if installed:
        install(app)

    @app.get("/dict", dependencies=[cache(max_age=60), vary("Accept")])
    async def returns_dict() -> Any:
        return {}

    @app.get("/response", dependencies=[cache(max_age=60), vary("Accept"), etag()])
    async def returns_response() -> Any:
        return JSONResponse({})

    return app


def test_what_is_missing_is_said_once_for_each_application(ask: Any, caplog: pytest.LogCaptureFixture) -> None:
    for app in (application(installed=False), application(installed=False)):
        caplog.clear()
        for path in ("/dict", "/response", "/dict"):
            ask(app, path)
        assert [(record.levelname, record.name, record.getMessage()) for record in caplog.records] == [
            ("WARNING", "cachespec", MISSING)
        ]


def test_nothing_is_missing_where_it_is_installed(ask: Any, caplog: pytest.LogCaptureFixture) -> None:
    app = application()
    for path in ("/dict", "/response"):
        assert ask(app, path).cache_control == "max-age=60"
    assert caplog.records == []


def test_without_installation_what_an_endpoint_returns_as_a_response_goes_its_own_way(ask: Any) -> None:
    app = application(installed=False)
    reply = ask(app, "/dict")
    assert (reply.all("cache-control"), reply.all("vary")) == (["max-age=60"], ["Accept"])
    reply = ask(app, "/response")
    assert (reply.cache_control, reply["vary"], reply["etag"]) == (None, None, None)


def test_installing_twice_is_installing_once(ask: Any) -> None:
    app = application()
    openapi = app.openapi
    install(app)
    assert app.openapi is openapi
    assert ask(app, "/dict").all("cache-control") == ["max-age=60"]


def test_an_application_that_runs_is_too_late(ask: Any) -> None:
    app = application(installed=False)
    ask(app, "/dict")
    with pytest.raises(RuntimeError, match="started"):
        install(app)


def test_the_schema_may_stay_as_it_is() -> None:
    app = FastAPI()
    openapi = app.openapi
    install(app, openapi=False)
    assert app.openapi == openapi


def lifespan_of(app: Any, runner: Any) -> list[str]:
    """The application is started and stopped; what it answers."""
    sent: list[str] = []
    incoming = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]

    async def receive() -> Any:
        return incoming.pop()

    async def send(message: Any) -> None:
        sent.append(message["type"])

    runner.run(app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send))
    return sent


def unfit(**options: Any) -> FastAPI:
    """An application with a declaration that cannot do what it says."""
    app = FastAPI()
    install(app, **options)
    app.post("/", dependencies=[cache(max_age=60)], name="create")(nothing)
    return app


def test_the_check_runs_once_when_the_application_starts(
    ask: Any, runner: Any, caplog: pytest.LogCaptureFixture
) -> None:
    app = unfit()
    assert caplog.records == []
    assert lifespan_of(app, runner) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert len(caplog.records) == 1
    ask(app, "/", "POST")
    assert len(caplog.records) == 1
    assert "POST / (create)" in caplog.records[0].getMessage()


def test_the_check_runs_at_the_first_request_where_nobody_tells_of_the_start(
    ask: Any, caplog: pytest.LogCaptureFixture
) -> None:
    app = unfit()
    for _ in range(2):
        assert ask(app, "/", "POST").status == 200
    assert len(caplog.records) == 1


def test_the_check_may_be_left_out(ask: Any, caplog: pytest.LogCaptureFixture) -> None:
    ask(unfit(check=False), "/", "POST")
    assert caplog.records == []


def test_a_lifespan_of_the_application_s_own_runs(runner: Any) -> None:
    ran: list[str] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        ran.append("up")
        yield
        ran.append("down")

    assert lifespan_of(application(lifespan=lifespan), runner)[0] == "lifespan.startup.complete"
    assert ran == ["up", "down"]


@pytest.mark.parametrize("installed", [True, False], ids=["installed", "not installed"])
def test_declarations_of_an_application_leave_its_websockets_alone(
    runner: Any, caplog: pytest.LogCaptureFixture, installed: bool
) -> None:
    app = FastAPI(dependencies=[cache(max_age=60), vary("Accept"), etag("v1"), etag(), never_cache])
    if installed:
        install(app)

    @app.websocket("/")
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    sent: list[str] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    scope = {"type": "websocket", "path": "/", "headers": [(b"if-none-match", b"*")], "query_string": b""}
    runner.run(app(scope, receive, send))
    assert sent == ["websocket.accept", "websocket.close"]
    assert caplog.records == []


def test_a_mounted_application_is_served_by_the_writer_around_it(ask: Any) -> None:
    app, inner = FastAPI(dependencies=[cache(max_age=1)]), application(installed=False)
    install(app)
    app.mount("/inner", inner)
    for path in ("/inner/dict", "/inner/response"):
        reply = ask(app, path)
        assert (reply.all("cache-control"), reply.all("vary")) == (["max-age=60"], ["Accept"])


def test_a_mounted_application_may_have_a_writer_of_its_own(ask: Any) -> None:
    app, inner = FastAPI(), application()
    install(app)
    app.mount("/inner", inner)
    for path in ("/inner/dict", "/inner/response"):
        reply = ask(app, path)
        assert (reply.all("cache-control"), reply.all("vary")) == (["max-age=60"], ["Accept"])


def test_an_application_that_is_called_again_with_its_scope_declares_anew(ask: Any) -> None:
    app = application()
    replies = []

    async def twice(scope: Any, receive: Any, send: Any) -> None:
        async def first(message: Any) -> None:
            replies.append(message)

        await app(scope, receive, first)
        await app(scope, receive, send)

    reply = ask(twice, "/dict")
    assert reply.all("cache-control") == ["max-age=60"]
    assert (b"cache-control", b"max-age=60") in replies[0]["headers"]


def test_what_the_router_puts_into_the_scope_reaches_middleware_around(ask: Any) -> None:
    app = application()
    seen: list[str] = []

    async def around(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        seen.append(scope["endpoint"].__name__)

    ask(around, "/dict")
    assert seen == ["returns_dict"]


def test_middleware_with_tasks_of_its_own_may_stand_on_both_sides(ask: Any) -> None:
    app = FastAPI(dependencies=[cache(max_age=60)])

    async def dispatch(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["X-Through"] = response.headers.get("X-Through", "") + str("cache-control" in response.headers)
        return response

    app.middleware("http")(dispatch)
    install(app)
    app.middleware("http")(dispatch)
    app.get("/")(nothing)
    reply = ask(app, "/")
    # The writer is where it was added: what stands further in sees the response as the endpoint made it.
    assert (reply.cache_control, reply["x-through"]) == ("max-age=60", "FalseTrue")


def test_an_application_is_not_kept_alive() -> None:
    app = application()
    gone = weakref.ref(app)
    del app
    gc.collect()
    assert gone() is None


def test_alone_is_a_gateway_that_has_nothing_to_purge(runner: Any) -> None:
    alone = Alone()
    assert isinstance(alone, Gateway)
    with pytest.raises(RuntimeError, match="no cache"):
        runner.run(alone.purge(url="/"))
    with pytest.raises(RuntimeError, match="no cache"):
        runner.run(alone.refresh("/"))


@pytest.mark.parametrize("around", [True, False], ids=["a cache around", "alone"])
def test_fields_that_others_declare_are_written_by_whoever_made_the_object(ask: Any, around: bool) -> None:
    class Declares:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            scope["cachespec"].fields.append(("X-Declared", "é"))
            await self.app(scope, receive, send)

    app = FastAPI()
    app.add_middleware(Declares)
    install(app)
    app.get("/")(nothing)
    gateway = Alone()
    reply = ask(app, "/", **({"cachespec": gateway} if around else {}))
    assert reply["x-declared"] == (None if around else "é")
    assert gateway.fields == ([("X-Declared", "é")] if around else [])


def test_a_cache_inside_of_the_writer_is_told_of(ask: Any, caplog: pytest.LogCaptureFixture) -> None:
    class Cache:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            scope["cachespec"].caching = True
            await self.app(scope, receive, send)

    app = FastAPI()
    app.add_middleware(Cache)
    install(app)
    app.get("/", dependencies=[cache(max_age=60, ttl=600)])(nothing)
    for _ in range(2):
        # What is for that cache must not go out behind it.
        assert ask(app, "/")["cachespec-cache-control"] is None
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(logging.WARNING, INSIDE)]
