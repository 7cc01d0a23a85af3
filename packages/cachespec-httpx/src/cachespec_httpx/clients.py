"""Clients of httpx with a cache behind them: every transport that they would use is put behind it.

httpx makes the transports of a client itself, those for the proxies of the environment among them, and offers no
public way to get at them.  So they are replaced once it has made them, and where they are not to be found, or cannot
be replaced, that is an error: a client that looks as if it cached and does not would be worse than none.
"""

from __future__ import annotations

from typing import Any

from cachespec import AsyncCache, AsyncStore, Cache, Policy, Store

from .purging import AsyncPurging, Purging, located
from .target import URL, AsyncClient, Client
from .transports import AsyncCacheTransport, CacheTransport, Clock, sound


class CacheClient(Purging, Client):
    """An `httpx.Client` with a cache, for all of its transports, mounts and proxies.

    `store`, `policy`, `clock` and `cache` are those of `CacheTransport`, all other `options` those of `httpx.Client`.
    """

    def __init__(
        self,
        *,
        store: Store | str | None = None,
        policy: Policy | None = None,
        clock: Clock | None = None,
        cache: Cache | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        first = CacheTransport(_transport(self, "handle_request"), store=store, policy=policy, clock=clock, cache=cache)
        self.cache: Cache = first.cache
        _put_behind(self, first)

    def _located(self, url: URL | str | None) -> str | None:
        return located(_based(url, self.base_url))


class AsyncCacheClient(AsyncPurging, AsyncClient):
    """An `httpx.AsyncClient` with a cache, for all of its transports, mounts and proxies.

    `store`, `policy`, `clock` and `cache` are those of `AsyncCacheTransport`, all other `options` those of
    `httpx.AsyncClient`.
    """

    def __init__(
        self,
        *,
        store: AsyncStore | Store | str | None = None,
        policy: Policy | None = None,
        clock: Clock | None = None,
        cache: AsyncCache | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        first = AsyncCacheTransport(
            _transport(self, "handle_async_request"), store=store, policy=policy, clock=clock, cache=cache
        )
        self.cache: AsyncCache = first.cache
        _put_behind(self, first)

    def _located(self, url: URL | str | None) -> str | None:
        return located(_based(url, self.base_url))


def _transport(client: Any, method: str) -> Any:
    """The transport for everything that is not mounted; RuntimeError or TypeError where one cannot be replaced."""
    mounts = getattr(client, "_mounts", None)
    if not isinstance(mounts, dict) or getattr(client, "_transport", None) is None:
        raise RuntimeError(f"{type(client).__name__} keeps its transports where this cache does not find them")
    for transport in mounts.values():
        sound(transport, method, "mounts")
    return client._transport


def _put_behind(client: Any, first: Any) -> None:
    """Put every transport of `client` behind the cache of `first`, which closes it before any of them is closed."""
    client._transport = first
    for pattern, transport in client._mounts.items():
        # None stands for the transport of everything else.
        if transport is not None:
            client._mounts[pattern] = type(first)(transport, cache=first.cache)


def _based(url: URL | str | None, base: URL) -> URL | None:
    """`url` as a client with the base URL `base` takes it."""
    if url is None:
        return None
    given = URL(url)
    if given.is_absolute_url:
        return given
    return base.copy_with(raw_path=base.raw_path + given.raw_path.lstrip(b"/"))
