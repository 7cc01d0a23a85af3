"""An HTTP cache for httpx, sync and async, that follows RFC 9111 and says why.

`CacheClient` and `AsyncCacheClient` stand in for httpx's clients; `CacheTransport` and `AsyncCacheTransport` put a
cache in front of a transport of your own.  A request says what it wants of the cache in its extensions,
``extensions={"cachespec": Wish(mode="reload")}``; a response tells in its own what the cache did, and why.
"""

from __future__ import annotations

from .clients import AsyncCacheClient, CacheClient
from .messages import cache_info
from .transports import AsyncCacheTransport, CacheTransport

__all__ = ["AsyncCacheClient", "AsyncCacheTransport", "CacheClient", "CacheTransport", "__version__", "cache_info"]

__version__ = "0.1.0"
