"""A bookshop, the application that the demo puts a cache in front of: it says what may be kept, and for how long."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Body, FastAPI, Header, HTTPException, Response

from cachespec_fastapi import cache, etag, install, vary

GREETINGS = {"en": "Welcome!", "fr": "Bienvenue !"}
COVER = bytes(range(256)) * 256


class Shop:
    """The shop's shelves, and whether its price list can be reached."""

    def __init__(self) -> None:
        self.books = ["The Left Hand of Darkness", "Solaris"]
        self.prices_fail = False


def application(shop: Shop) -> FastAPI:
    """The shop's application."""
    app = FastAPI()
    install(app)

    @app.get("/books", dependencies=[cache(max_age=60, stale_while_revalidate=300)])
    async def books() -> list[str]:
        return shop.books

    @app.post("/books", status_code=201)
    async def add(title: Annotated[str, Body()]) -> list[str]:
        shop.books.append(title)
        return shop.books

    @app.get("/prices", dependencies=[cache(max_age=60, stale_if_error=86400)])
    async def prices() -> dict[str, int]:
        if shop.prices_fail:
            raise HTTPException(503, "the price list is out of reach")
        return dict.fromkeys(shop.books, 12)

    @app.get("/cover", dependencies=[cache(max_age=60), etag("cover-1")])
    async def cover() -> Response:
        return Response(COVER, media_type="image/webp")

    @app.get("/greeting", dependencies=[cache(max_age=3600), vary("Accept-Language")])
    async def greeting(accept_language: Annotated[str, Header()] = "en") -> str:
        return GREETINGS.get(accept_language, GREETINGS["en"])

    @app.get("/report", dependencies=[cache(max_age=60)])
    async def report() -> dict[str, int]:
        await asyncio.sleep(0.3)  # the database is slow
        return {"sold": 42}

    @app.get("/account", dependencies=[cache(private=True, max_age=60)])
    async def account() -> dict[str, str]:
        return {"reader": "Ada"}

    return app
