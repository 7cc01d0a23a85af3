"""The first things that people write: a greeting on each framework, with one line for the cache."""

from __future__ import annotations

from typing import Any

from blacksheep import Application
from blacksheep import get as blacksheep_get
from fastapi import FastAPI
from litestar import Litestar
from litestar import get as litestar_get
from quart import Quart
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from cachespec_asgi import CacheMiddleware
from cachespec_fastapi import cache, install

# --- an application without a framework, which says how long its response lasts


async def greeting(scope: Any, receive: Any, send: Any) -> None:
    """Greets whoever comes."""
    assert scope["type"] == "http"
    headers = [[b"content-type", b"text/plain"], [b"cache-control", b"max-age=3600"]]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"Hello"})


raw = CacheMiddleware(greeting)

# --- frameworks, whose responses say nothing of the kind: nothing is kept unless the middleware is told to

plain = FastAPI()


@plain.get("/")
async def fastapi_greeting() -> dict[str, str]:
    """Greets whoever comes."""
    return {"message": "Hello"}


@litestar_get("/")
async def litestar_greeting() -> str:
    """Greets whoever comes."""
    return "Hello"


sheep = Application()


@blacksheep_get("/")
async def blacksheep_greeting() -> str:
    """Greets whoever comes."""
    return "Hello"


quarts = Quart(__name__)


@quarts.get("/")
async def quart_greeting() -> str:
    """Greets whoever comes."""
    return "Hello"


async def starlette_greeting(request: Any) -> PlainTextResponse:
    """Greets whoever comes."""
    return PlainTextResponse("Hello")


fastapi = CacheMiddleware(plain)
litestar = CacheMiddleware(Litestar([litestar_greeting]), ttl=60)
blacksheep = CacheMiddleware(sheep, ttl=60)
quart = CacheMiddleware(quarts, ttl=60)
starlette = CacheMiddleware(Starlette(routes=[Route("/", starlette_greeting)]), ttl=60)

# --- FastAPI, where each endpoint says what it wants

site = FastAPI()
install(site)


@site.get("/articles", dependencies=[cache(max_age=300, public=True)])
async def articles() -> dict[str, str]:
    """The same for everybody."""
    return {"article": "one"}


@site.get("/profile", dependencies=[cache(max_age=300, private=True)])
async def profile() -> dict[str, str]:
    """One's own."""
    return {"user": "me"}


@site.get("/secrets", dependencies=[cache(no_store=True)])
async def secrets() -> dict[str, str]:
    """Nobody's."""
    return {"secret": "value"}


declared = CacheMiddleware(site)
