"""Transports that answer from a cache, and send what it cannot answer through another transport.

A transport is one method, so the cache sits exactly where a connection would: above it authentication, redirects,
cookies, event hooks and decoding work as ever, below it connections, proxies and TLS.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import aclosing, closing, suppress
from copy import copy
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar

from cachespec import AsyncCache, AsyncContent, AsyncStore, Cache, Content, Policy, Store, forks, open_store
from cachespec import Request as CoreRequest

from .messages import Conversion, made_of, passed_on, wish_of, with_fields_of
from .purging import AsyncPurging, Purging
from .streams import AsyncContentStream, AsyncLive, ContentStream, Live
from .target import (
    AsyncBaseTransport,
    AsyncHTTPTransport,
    BaseTransport,
    ByteStream,
    HTTPTransport,
    Request,
    Response,
    StreamConsumed,
)

Clock: TypeAlias = Callable[[], float]
"""Seconds since the epoch."""

C = TypeVar("C", Cache, AsyncCache)
T = TypeVar("T", BaseTransport, AsyncBaseTransport)


class CacheTransport(Purging, BaseTransport):
    """A transport with a cache in front of `transport`, which defaults to a new `httpx.HTTPTransport()`.

    `store` is a store or the URL of one, such as ``"sqlite:///cache.db"``; without one responses are kept in memory.
    One that is given as a URL is closed with the transport.  `policy` defaults to a private cache that follows the
    RFCs, `clock` to `time.time`.  Transports that are to share all of that take the same `cache` instead, and leave
    closing it to whoever made it.
    """

    def __init__(
        self,
        transport: BaseTransport | None = None,
        *,
        store: Store | str | None = None,
        policy: Policy | None = None,
        clock: Clock | None = None,
        cache: Cache | None = None,
    ) -> None:
        made, self._owned, self._opened = _cache(Cache, store, policy, clock, cache)
        self.cache: Cache = made
        self.transport: BaseTransport = sound(transport, "handle_request") or HTTPTransport()
        """The transport behind the cache."""
        self._asked = Conversion()
        self._forks = forks.count()

    def handle_request(self, request: Request) -> Response:
        """Answer `request`.  Whatever the wrapped transport raises is raised, unless a stored response stands in."""
        asked = self._asked(request)
        live: Live | None = None

        def send(wanted: CoreRequest) -> Live:
            nonlocal live
            original = request if wanted is asked else with_fields_of(request, wanted)
            if self._forks != forks.count():
                self._mind_fork()
            live = Live(self.transport.handle_request(original))
            return live

        answer = self.cache.fetch(asked, send, wish_of(request, asked))
        content = answer.content
        if answer.live is None:
            stream = ContentStream(content) if content.whole is None else ByteStream(content.whole)
            # What a 304 brings in Set-Cookie is new; what was stored is not.
            new = answer.info.revalidated and live is not None and "set-cookie" in live.head.headers
            return made_of(answer, stream, cookies_are_new=new)
        response = passed_on(answer, answer.live.response)
        if content.recorded:
            if answer.live.read:
                _record(content)
            else:
                response.stream = ContentStream(content, response)
        return response

    def _mind_fork(self) -> None:
        """Begin with new connections: if a child process used its parent's, the responses of both would be mixed up."""
        if isinstance(self.transport, HTTPTransport):
            _renew(self.transport)
        self._forks = forks.count()

    def close(self) -> None:
        """Finish background refreshes, then close the wrapped transport."""
        try:
            self._close_cache()
        finally:
            self.transport.close()

    def _close_cache(self) -> None:
        if self._owned:
            self.cache.close()
        if self._opened:
            self.cache.store.close()

    def __enter__(self) -> Self:
        self.transport.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        try:
            self._close_cache()
        finally:
            self.transport.__exit__(exc_type, exc_value, traceback)


class AsyncCacheTransport(AsyncPurging, AsyncBaseTransport):
    """`CacheTransport` on an event loop, asyncio or trio; `transport` defaults to a new `httpx.AsyncHTTPTransport()`.

    A `store` for synchronous code works too, in threads where a call may wait.  Background refreshes belong to the
    transport and are cancelled when it is closed.  On trio they need ``async with``, of the transport or of its client;
    without it a stale response is refreshed before it is handed out.
    """

    def __init__(
        self,
        transport: AsyncBaseTransport | None = None,
        *,
        store: AsyncStore | Store | str | None = None,
        policy: Policy | None = None,
        clock: Clock | None = None,
        cache: AsyncCache | None = None,
    ) -> None:
        made, self._owned, self._opened = _cache(AsyncCache, store, policy, clock, cache)
        self.cache: AsyncCache = made
        self.transport: AsyncBaseTransport = sound(transport, "handle_async_request") or AsyncHTTPTransport()
        """The transport behind the cache."""
        self._asked = Conversion()

    async def handle_async_request(self, request: Request) -> Response:
        """Answer `request`.  Whatever the wrapped transport raises is raised, unless a stored response stands in."""
        asked = self._asked(request)
        live: AsyncLive | None = None

        async def send(wanted: CoreRequest) -> AsyncLive:
            nonlocal live
            original = request if wanted is asked else with_fields_of(request, wanted)
            live = AsyncLive(await self.transport.handle_async_request(original))
            return live

        answer = await self.cache.fetch(asked, send, wish_of(request, asked))
        content = answer.content
        if answer.live is None:
            stream = AsyncContentStream(content) if content.whole is None else ByteStream(content.whole)
            # What a 304 brings in Set-Cookie is new; what was stored is not.
            new = answer.info.revalidated and live is not None and "set-cookie" in live.head.headers
            return made_of(answer, stream, cookies_are_new=new)
        response = passed_on(answer, answer.live.response)
        if content.recorded:
            if answer.live.read:
                await _arecord(content)
            else:
                response.stream = AsyncContentStream(content, response)
        return response

    async def aclose(self) -> None:
        """Cancel background refreshes, then close the wrapped transport."""
        try:
            await self._close_cache()
        finally:
            await self.transport.aclose()

    async def _close_cache(self) -> None:
        if self._owned:
            await self.cache.aclose()
        if self._opened:
            self.cache.store.close()

    async def __aenter__(self) -> Self:
        await self.transport.__aenter__()
        if self._owned:
            await self.cache.tasks.aenter()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        try:
            await self._close_cache()
        finally:
            await self.transport.__aexit__(exc_type, exc_value, traceback)


def _renew(transport: Any) -> None:
    """Have `transport` go on with a pool that is empty.

    There is no public way: one of the parent's threads, which the child has not got, may hold the pool's lock for ever.
    """
    pool = copy(transport._pool)
    if not hasattr(pool, "_optional_thread_lock"):
        transport.close()
        return
    pool._connections, pool._requests = [], []
    pool._optional_thread_lock = type(pool._optional_thread_lock)()
    transport._pool = pool


def sound(transport: T | None, method: str, option: str = "transport") -> T | None:
    """`transport`, if it is of the right colour and does not cache already; else TypeError that names the `option`."""
    kind = type(transport).__name__
    if isinstance(transport, CacheTransport | AsyncCacheTransport):
        raise TypeError(f"{option}: {kind} caches already")
    if transport is not None and not callable(getattr(transport, method, None)):
        raise TypeError(f"{option}: {kind} has no {method}(), and so cannot be put behind this cache")
    return transport


def _cache(
    kind: type[C], store: Any, policy: Policy | None, clock: Clock | None, cache: C | None
) -> tuple[C, bool, bool]:
    """The cache that the options describe, whether it has to be closed, and whether its store has to be."""
    if cache is not None:
        if not isinstance(cache, kind):
            raise TypeError(f"cache: {cache!r} is no {kind.__name__}")
        for name, option in (("store", store), ("policy", policy), ("clock", clock)):
            if option is not None:
                raise TypeError(f"{name}: the cache that was given has one already")
        return cache, False, False
    opened = isinstance(store, str)
    if opened:
        store = open_store(store)
    elif store is not None and not callable(getattr(store, "read", None)):
        raise TypeError(f"store: {store!r} is neither a store nor the URL of one")
    if policy is not None and not isinstance(policy, Policy):
        raise TypeError(f"policy: {policy!r} is no Policy")
    return kind(store, policy, clock=clock or time.time), True, opened


def _record(content: Content) -> None:
    """Store what the wrapped transport has read already, as far as its octets are left."""
    with closing(content), suppress(StreamConsumed):
        for _ in content:
            pass


async def _arecord(content: AsyncContent) -> None:
    """`_record` on an event loop."""
    async with aclosing(content):
        with suppress(StreamConsumed):
            async for _ in content:
                pass
