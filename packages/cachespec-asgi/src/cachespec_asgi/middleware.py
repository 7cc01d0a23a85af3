"""`CacheMiddleware`: a shared cache in front of any ASGI application.  RFC 9111"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from cachespec import AsyncCache, AsyncStore, Policy, Request, Store, Wish

from .call import Call, Past
from .interface import ASGIApp, Message, Receive, Scope, Send
from .target import SOUND, fields_of, has_content, overridden, soundness, target_uri

PAST: Final = Wish(mode="no-store")
HERE: Final = Wish()
CONTENT_LIMIT: Final = 1024 * 1024
"""Bytes of a request's content that are read ahead where they are part of the key."""


class CacheMiddleware:
    """A shared HTTP cache around the ASGI application `app`.

    `store` is where responses lie, by default a new `MemoryStore`.  `policy` is by default `Policy.gateway()`.
    `clock` gives seconds since the epoch.  `hosts` names the hosts that are cached, without ports; None caches any.
    """

    def __init__(
        self,
        app: ASGIApp,
        store: AsyncStore | Store | None = None,
        policy: Policy | None = None,
        clock: Callable[[], float] = time.time,
        *,
        hosts: Iterable[str] | None = None,
    ) -> None:
        self.app = app
        self.cache = AsyncCache(store, Policy.gateway() if policy is None else policy, clock=clock)
        self._hosts = None if hosts is None else frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; anything but HTTP goes to the application untouched."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = fields_of(scope)
        url = target_uri(scope, headers)
        verdict = soundness(headers, url, self._hosts)
        if url is None:
            await self.app(scope, receive, Past(self.cache, send, verdict).sent)
            return
        method = scope["method"]
        content = None if has_content(headers) else b""
        if verdict is not SOUND:
            request = Request(overridden(method, headers), url, headers, content)
            await Call(self.app, self.cache, scope, receive, send, request, PAST, verdict).run()
            return
        if content is None and method not in ("GET", "HEAD") and method in self.cache.policy.methods:
            content, receive = await read_ahead(receive)
        request = Request(method, url, headers, content)
        await Call(self.app, self.cache, scope, receive, send, request, HERE).run()


async def read_ahead(receive: Receive) -> tuple[bytes | None, Receive]:
    """A request's content, None if there is more than `CONTENT_LIMIT`, and a `receive` that gives it once more."""
    messages: list[Message] = []
    length, more = 0, True
    while more and length <= CONTENT_LIMIT:
        message = await receive()
        messages.append(message)
        length += len(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)
    complete = messages[-1]["type"] == "http.request" and length <= CONTENT_LIMIT
    content = b"".join([message.get("body", b"") for message in messages]) if complete else None
    messages.reverse()

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return content, replay
