"""Calling the application for the store's sake: nobody waits for the response.  RFC 5861 §3

It runs in the ASGI call of the request that was answered with something stale, after the last message of that answer:
so the server waits for it when it shuts down, and it belongs to a task on every event loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from cachespec import Course, Live, Request, Stored, Waiter
from cachespec import Send as Sending

from .call import Call
from .interface import Message, Scope
from .terms import Terms

if TYPE_CHECKING:
    from .middleware import CacheMiddleware

KEPT: Final = ("type", "asgi", "http_version", "root_path", "client", "server", "app")
"""What the scope of a request for another URL has in common with the one that it is made from."""


class UnwantedError(OSError):
    """Nobody wants the rest of this response.  As where a client has gone (ASGI 2.4), `send` raises an OSError."""


class Refresh(Call):
    """A call of the application whose response goes nowhere but into the store."""

    __slots__ = ("_asked", "_over")

    def __init__(self, gateway: CacheMiddleware, terms: Terms, scope: Scope, request: Request, course: Course) -> None:
        super().__init__(gateway, terms, scope, self._nothing, self._nowhere, request, course)
        self._asked = False
        self._over = Waiter()

    async def run(self, step: Sending) -> None:
        """See `Call.run`."""
        try:
            await super().run(step)
        except UnwantedError:
            return

    async def _nothing(self) -> Message:
        """A request without content, whose client stays until the response is over."""
        if self._asked:
            await self._over.wait(None)
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _nowhere(self, message: Message) -> None:
        """Whatever is sent is dropped."""

    async def _sent(self, message: Message) -> None:
        await super()._sent(message)
        if not message.get("more_body", False) and message["type"].startswith("http.response.body"):
            self._over.wake()
        elif (
            isinstance(self._next, Live)
            and self._tee is not None
            and not self._tee.going
            and message.get("more_body", False)
        ):
            # It may be a stream without an end.
            self._over.wake()
            raise UnwantedError("nobody wants the rest of this response")

    async def _answer(self, outcome: Stored) -> None:
        self._ended = True
        await self._terms.cache.stored_content(outcome).aclose()


def scope_for(url: str, like: Mapping[str, Any]) -> dict[str, Any]:
    """The scope of a plain GET of the absolute `url`, to the application that got the scope `like`."""
    parts = urlsplit(url)
    path = parts.path or "/"
    scope = {name: like[name] for name in KEPT if name in like}
    if "state" in like:
        # As a server does: a copy for each request.
        scope["state"] = dict(like["state"])
    return scope | {
        "method": "GET",
        "scheme": parts.scheme,
        "path": unquote(path),
        "raw_path": path.encode("latin-1", "replace"),
        "query_string": parts.query.encode("latin-1", "replace"),
        "headers": [(b"host", parts.netloc.encode("latin-1", "replace"))],
        "extensions": {},
    }
