"""What declaring costs a FastAPI route, against a dependency that does nothing.  Asked in process, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from fastapi import Depends, FastAPI
from harness import Contender, Offer, Scenario

from cachespec_fastapi import cache, etag, install, vary

FLOOR = "a dependency that does nothing"
OURS = "cache()"
ALL = "cache(), vary() and etag()"
TWO = "two dependencies that do nothing"
DECLARED = "cache() and vary(), looked at when it starts"
ROUTES = 100
FIELDS = [
    (b"host", b"example.test"),
    (b"user-agent", b"client/1.0"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip"),
]
NO_CONTENT = {"type": "http.request", "body": b"", "more_body": False}


async def nothing() -> None:
    """A dependency that does nothing."""


def application(dependencies: Sequence[Any], *, installed: bool = True) -> FastAPI:
    """One route with these dependencies."""
    app = FastAPI()
    if installed:
        install(app, check=False)

    @app.get("/", dependencies=dependencies)
    async def endpoint() -> dict[str, int]:
        return {"number": 1}

    return app


def asked(runner: asyncio.Runner, app: FastAPI, field: bytes | None = None) -> Callable[[int], None]:
    """A `run` that asks `app` n times; the response has to have the field named `field`, if one is."""
    seen: list[Any] = []

    async def receive() -> Any:
        return NO_CONTENT

    async def send(message: Any) -> None:
        seen.append(message)

    async def ask(times: int) -> None:
        for _ in range(times):
            seen.clear()
            await app(
                {
                    "type": "http",
                    "asgi": {"version": "3.0"},
                    "http_version": "1.1",
                    "method": "GET",
                    "scheme": "http",
                    "path": "/",
                    "raw_path": b"/",
                    "query_string": b"",
                    "root_path": "",
                    "headers": FIELDS,
                    "server": ("127.0.0.1", 80),
                    "client": ("127.0.0.1", 50000),
                },
                receive,
                send,
            )

    runner.run(ask(1))
    assert seen[0]["status"] == 200
    assert field is None or field in dict(seen[0]["headers"])
    return lambda times: runner.run(ask(times))


def _declared(stack: ExitStack, offer: Offer) -> None:
    runner = stack.enter_context(asyncio.Runner())
    says = cache(max_age=300, public=True)

    def add(name: str, dependencies: Sequence[Any], field: bytes | None = None, *, installed: bool = True) -> None:
        app = application(dependencies, installed=installed)
        offer.add(name, lambda: Contender("", asked(runner, app, field)))

    add(FLOOR, [Depends(nothing)], installed=False)
    add("no dependency at all", [], installed=False)
    add(OURS, [says], b"cache-control")
    add("cache(), not installed", [says], b"cache-control", installed=False)
    add(ALL, [says, vary("Accept-Language"), etag("v1")], b"etag")
    add("three dependencies that do nothing", [Depends(nothing, use_cache=False)] * 3, installed=False)


def _started(stack: ExitStack, offer: Offer) -> None:
    runner = stack.enter_context(asyncio.Runner())
    # What is told in the log is told once, and about nothing here.
    says = [cache(max_age=300, public=True), vary("Accept-Language")]

    def start(dependencies: Sequence[Any], *, installed: bool) -> None:
        app = FastAPI()
        if installed:
            install(app)
        for number in range(ROUTES):
            app.add_api_route(f"/{number}", nothing, dependencies=dependencies)
        incoming = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]

        async def receive() -> Any:
            return incoming.pop()

        async def send(message: Any) -> None:
            assert message["type"].endswith(".complete")

        async def live() -> None:
            await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)

        runner.run(live())

    def add(name: str, dependencies: Sequence[Any], *, installed: bool) -> None:
        def run(times: int) -> None:
            for _ in range(times):
                start(dependencies, installed=installed)

        offer.add(name, lambda: Contender("", run, at_once=ROUTES))

    add(TWO, [Depends(nothing), Depends(nothing)], installed=False)
    add(DECLARED, says, installed=True)


SCENARIOS = [
    Scenario("dependencies", "A request to a FastAPI route", FLOOR, _declared),
    Scenario("dependencies-started", f"Start-up of a FastAPI application, per route of {ROUTES}", TWO, _started),
]
