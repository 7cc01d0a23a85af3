"""`CacheDep`: the cache around the application, in the hands of an endpoint.  RFC 9111 §4.4, RFC 9875"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, TypeAlias, cast

from fastapi import Depends, Response
from fastapi.requests import HTTPConnection

from cachespec import SAFE_METHODS, SCOPE_KEY, CacheInfo, Gateway

from .declared import declared_for, tell_once, write_at_once
from .groups import written

NO_CACHE: Final = "no cache stands around this application: purge() and refresh() have nothing to do"


class LocalCache:
    """The cache around the application, as one request sees it.  Where there is none, nothing is purged."""

    def __init__(self, connection: HTTPConnection, response: Response) -> None:
        self._connection = connection
        self._response = response

    @property
    def _gateway(self) -> Gateway | None:
        """The gateway, if it caches."""
        gateway = cast("Gateway | None", self._connection.scope.get(SCOPE_KEY))
        return gateway if gateway is not None and gateway.caching else None

    @property
    def caching(self) -> bool:
        """Whether there is one."""
        return self._gateway is not None

    @property
    def info(self) -> CacheInfo | None:
        """What it did with this request, as far as it is known yet."""
        return None if (gateway := self._gateway) is None else gateway.info

    async def purge(
        self,
        url: str | None = None,
        *,
        route: str | None = None,
        params: Mapping[str, Any] | None = None,
        groups: Iterable[str] | str = (),
        prefix: str | None = None,
        everything: bool = False,
        expired: bool = False,
        soft: bool = False,
    ) -> int:
        """Remove responses from it, now; how many it had.

        Args:
            url: the URL whose responses go, with all variants; it may be relative to the request's own.
            route: the name of the route whose URL it is, with `params` as its path parameters.
            params: path parameters by name.
            groups: groups whose responses go.  In the response to an unsafe method, Cache-Group-Invalidation tells
                other caches so, unless `soft`.
            prefix: what the URLs of the responses that go begin with.
            everything: all of them.
            expired: those that nobody can use any more.
            soft: they stay, as stale, and may be used where the response allows that.

        Raises:
            TypeError: nothing says what to remove, or `url` and `route` contradict each other.
            Exception: the store failed, and nothing is known to be gone.
        """
        if route is not None:
            if url is not None:
                raise TypeError("route: stands in the place of url")
            url = self.url_for(route, params)
        elif params is not None:
            raise TypeError("params: need a route")
        names = tuple([written(name) for name in ((groups,) if isinstance(groups, str) else groups)])
        if not (url is not None or names or prefix is not None or everything or expired):
            raise TypeError("purge() needs url, route, groups, prefix, everything or expired")
        if names and not soft:
            self._announce(names)
        gateway = self._gateway
        if gateway is None:
            tell_once(self._connection.scope["app"], NO_CACHE)
            return 0
        return await gateway.purge(
            url=url, groups=names, prefix=prefix, everything=everything, expired=expired, soft=soft
        )

    async def refresh(
        self, url: str | None = None, *, route: str | None = None, params: Mapping[str, Any] | None = None
    ) -> None:
        """Have a URL, or that of a route, fetched anew and stored."""
        if (url is None) == (route is None):
            raise TypeError("refresh() needs url or route")
        gateway = self._gateway
        if gateway is None:
            tell_once(self._connection.scope["app"], NO_CACHE)
            return
        await gateway.refresh(url if url is not None else self.url_for(str(route), params))

    def url_for(self, route: str, params: Mapping[str, Any] | None = None) -> str:
        """The absolute URL of a route, as the cache knows it."""
        return str(self._connection.url_for(route, **(params or {})))

    def _announce(self, groups: Iterable[str]) -> None:
        """Tell all caches in the response that `groups` are obsolete.  RFC 9875 §3"""
        declared = declared_for(self._connection)
        if declared is not None and declared.method not in SAFE_METHODS:
            declared.invalidated.update(dict.fromkeys(groups))
            if not declared.installed:
                write_at_once(declared, self._response)


async def _local_cache(connection: HTTPConnection, response: Response) -> LocalCache:
    return LocalCache(connection, response)


CacheDep: TypeAlias = Annotated[LocalCache, Depends(_local_cache)]
"""The type of a parameter that is to be the `LocalCache`: ``async def update(cache: CacheDep)``."""
