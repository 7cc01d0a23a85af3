"""FastAPI: a route whose responses are kept, in process and without a server, against the bare route."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from typing import Any

from fastapi import FastAPI
from harness import AbsentError, Contender, Offer, Scenario
from origin import DOCUMENT, HOT
from with_asgi import PATH, App, InProcess, answer, receive, scope, send

FLOOR = "FastAPI, no cache"


class Route:
    """One route, made by `make`, and how often its endpoint was called."""

    def __init__(self, make: Callable[[FastAPI, Any], App]) -> None:
        self.calls = 0

        async def endpoint(number: int) -> dict[str, Any]:
            self.calls += 1
            return DOCUMENT

        self.app = make(FastAPI(), endpoint)


def bare(app: FastAPI, endpoint: Any) -> App:
    app.get(PATH + "{number}")(endpoint)
    return app


def ours(app: FastAPI, endpoint: Any) -> App:
    from cachespec_asgi import CacheMiddleware
    from cachespec_fastapi import cache, install

    install(app)
    app.get(PATH + "{number}", dependencies=[cache(max_age=86400, public=True)])(endpoint)
    app.add_middleware(CacheMiddleware)
    return app


def theirs(app: FastAPI, endpoint: Any) -> App:
    try:
        from fastapi_cache import FastAPICache
        from fastapi_cache.backends.inmemory import InMemoryBackend
        from fastapi_cache.decorator import cache
    except ImportError as error:
        raise AbsentError(f"fastapi-cache2 cannot be imported: {error}") from error
    FastAPICache.init(InMemoryBackend())
    app.get(PATH + "{number}")(cache(expire=86400)(endpoint))
    return app


def _hits(stack: ExitStack, offer: Offer) -> None:
    here = InProcess(stack)

    def hits(make: Callable[[FastAPI, Any], App]) -> Contender:
        route, numbers = Route(make), cycle(range(HOT))

        async def requests(n: int) -> None:
            for _ in range(n):
                await route.app(scope(next(numbers)), receive, send)

        async def first() -> None:
            await requests(HOT)
            assert (await answer(route.app, scope(0)))[0] == 200

        here.loop.run_until_complete(first())
        return Contender("", lambda n: here.loop.run_until_complete(requests(n)), calls=lambda: route.calls)

    offer.add(FLOOR, partial(hits, bare))
    offer.add("cachespec, memory", partial(hits, ours))
    offer.add("fastapi-cache2, memory", partial(hits, theirs))


SCENARIOS = [Scenario("fastapi-hit", "FastAPI: a hit, 2 KiB", FLOOR, _hits)]
