"""The same small site on every framework, behind the middleware; servers import `app` from here.

The environment says which: ``SITE`` names the framework, ``STORE`` is the store's URL, and into the file ``TRACE`` goes
what became of the store at the end.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio

from cachespec_asgi import CacheMiddleware, PurgeEndpoint

TOKEN = "a token that nobody guesses"
HEADERS: dict[str, dict[str, str]] = {
    "/cached": {"cache-control": "max-age=60", "etag": '"1"'},
    "/public": {"cache-control": "public, max-age=60"},
    "/private": {"cache-control": "private, max-age=60"},
    "/vary": {"cache-control": "max-age=60", "vary": "Accept-Language"},
    "/cookie": {"cache-control": "max-age=60", "set-cookie": "id=1"},
    "/stale": {"cache-control": "max-age=10, stale-while-revalidate=600", "age": "100"},
    "/slow": {"cache-control": "max-age=60"},
    "/stream": {"cache-control": "max-age=60"},
    "/events": {"cache-control": "max-age=60", "content-type": "text/event-stream"},
    "/halting": {"cache-control": "max-age=60"},
    "/ended": {"cache-control": "no-store"},
    "/worker": {"cache-control": "no-store"},
}
"""What the responses of each path say."""
PIECEWISE = ("/stream", "/events", "/halting")
"""Those that come in pieces."""

calls: Counter[str] = Counter()
"""How often each target has reached the application."""
ended: set[str] = set()
"""Queries whose stream has come to an end before its time."""


@dataclass
class Asked:
    """A request, as far as the site looks at it."""

    path: str
    query: str
    language: str = ""


async def text(asked: Asked) -> str:
    """The body of a response that comes whole: which call it is, so that a stored one can be told."""
    target = f"{asked.path}?{asked.query}"
    calls[target] += 1
    if asked.path == "/slow":
        await anyio.sleep(0.5)
    if asked.path == "/ended":
        return "yes" if asked.query in ended else "no"
    if asked.path == "/worker":
        return str(os.getpid())
    return f"{asked.language}{calls[target]}"


async def stream(asked: Asked) -> AsyncIterator[bytes]:
    """The body of a response that comes in pieces."""
    target = f"{asked.path}?{asked.query}"
    calls[target] += 1
    yield f"{calls[target]}:first,".encode()
    if asked.path == "/stream":
        yield b"second,"
        yield b"a" * 100_000
    elif asked.path == "/events" or calls[target] == 1:
        # Until the client has gone, or for a while.
        try:
            for _ in range(300):
                await anyio.sleep(0.05)
                yield b"."
        finally:
            ended.add(asked.query)
    else:
        yield b"whole"


class Tracing:
    """Outermost: writes down whether the store was closed when the server has ended the application."""

    def __init__(self, inner: CacheMiddleware) -> None:
        self.inner = inner

    @staticmethod
    def write_down(found: str) -> None:
        Path(os.environ["TRACE"]).write_text(found, encoding="utf-8")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            await send(message)
            if message["type"] == "lifespan.shutdown.complete":
                try:
                    self.inner.cache.store.stats()
                    found = "open"
                except ValueError:
                    found = "closed"
                self.write_down(found)

        await self.inner(scope, receive, sent if scope["type"] == "lifespan" else send)


def made(site: str) -> Any:
    """The site on the framework `site`."""
    inner = import_module(f"sites.{site}").app
    return Tracing(CacheMiddleware(inner, store=os.environ["STORE"], purge=PurgeEndpoint("/purge", token=TOKEN)))


if "SITE" in os.environ:
    app = made(os.environ["SITE"])
