"""The writer: pure ASGI middleware that writes out what was declared when the response starts.  ASGI 3.0"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from cachespec import SCOPE_KEY

from .asgi import ASGIApp, Message, RawLine, Receive, Scope, Send
from .declared import KEY, Alone, Declared, tell_once
from .tagging import Tagging

INSIDE: Final = (
    "a cache stands inside of what install() added, and cannot see there what is declared: "
    "call install(app) before app.add_middleware(CacheMiddleware)"
)


class Writer:
    """Middleware for an application whose dependencies declare; `install` adds it.

    `look` is called once, when the application starts, or at the first request if the server does not tell.
    """

    def __init__(self, app: ASGIApp, look: Callable[[], None]) -> None:
        self.app = app
        self._look: Callable[[], None] | None = look

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if self._look is not None:
            look, self._look = self._look, None
            look()
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # Always a new one, even where there is one: whoever calls the application again may do so with the same scope.
        # And before the next one: a cache that announces itself there stands inside, and no field for it may go out.
        scope[KEY] = declared = Declared(scope, installed=True)
        alone: Alone | None = None
        if declared.gateway is None:
            scope[SCOPE_KEY] = alone = Alone()
        tagging: Tagging | None = None

        def lines(status: int, given: Iterable[RawLine]) -> list[RawLine]:
            if declared.route is None:
                # Nothing was declared, or nothing yet when the request failed.
                declared.route = scope.get("route")
            found = declared.lines(status, given)
            if alone is not None:
                # Whoever creates the object writes its fields out.
                for name, value in alone.fields:
                    found.append((name.lower().encode("latin-1"), value.encode("latin-1")))
                if alone.caching:
                    tell_once(scope["app"], INSIDE)
            return found

        async def write(message: Message) -> None:
            nonlocal tagging
            if tagging is not None:
                await tagging.go_on(message)
            elif message["type"] != "http.response.start":
                await send(message)
            elif declared.body_tag is not None:
                tagging = Tagging(scope, send, lines, weak=declared.body_tag == "weak")
                await tagging.start(message)
            else:
                await send({**message, "headers": lines(message["status"], message.get("headers", ()))})

        await self.app(scope, receive, write)
