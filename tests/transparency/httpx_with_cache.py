"""A plugin of pytest with which every client of httpx has its transports behind a cache."""

from __future__ import annotations

from typing import Any

import httpx

from cachespec_httpx import AsyncCacheTransport, CacheTransport


class Around(CacheTransport):
    """Has the attributes of the transport behind it, for the suite looks at some."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)


class AsyncAround(AsyncCacheTransport):
    """The same on an event loop."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)


def put_behind(client: Any, around: Any) -> None:
    made = client.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        self._transport = around(self._transport)
        for pattern, transport in self._mounts.items():
            if transport is not None:
                self._mounts[pattern] = around(transport, cache=self._transport.cache)

    client.__init__ = init


put_behind(httpx.Client, Around)
put_behind(httpx.AsyncClient, AsyncAround)
