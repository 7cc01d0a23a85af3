"""What lies at ``scope["cachespec"]``: the cache, for the code inside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urljoin

from cachespec import SCOPE_KEY, CacheInfo, Gateway

from .interface import Scope
from .target import fields_of, target_uri

if TYPE_CHECKING:
    from .middleware import CacheMiddleware


class HasScope(Protocol):
    """A request of Starlette, FastAPI or another framework."""

    @property
    def scope(self) -> Any:
        """Its scope."""
        ...


def get_cache(request: Mapping[str, Any] | HasScope) -> Gateway:
    """The cache that stands around the application, from a scope or from a request that has one.

    LookupError if there is none.
    """
    scope = request if isinstance(request, Mapping) else request.scope
    found = scope.get(SCOPE_KEY)
    if found is None:
        raise LookupError("no CacheMiddleware stands around this application")
    gateway: Gateway = found
    return gateway


class Handle:
    """The `Gateway` for one request."""

    __slots__ = ("_gateway", "_scope", "caching", "fields", "info")

    def __init__(self, gateway: CacheMiddleware, scope: Scope, outer: Gateway | None) -> None:
        self._gateway = gateway
        # As it is before the application writes into it: what is refreshed later is made from it.
        self._scope = dict(scope)
        self.fields: list[tuple[str, str]] = []
        self.caching: bool = True
        self.info: CacheInfo | None = None
        if outer is not None:
            # Made by somebody further out, who wants to know and may have declared something.
            self.fields = outer.fields
            outer.caching = True

    def _absolute(self, url: str) -> str:
        """`url`, which may be relative to the request's own."""
        own = target_uri(self._scope, fields_of(self._scope))
        return url if own is None else urljoin(own, url)

    async def purge(
        self,
        *,
        url: str | None = None,
        groups: Iterable[str] | str = (),
        prefix: str | None = None,
        everything: bool = False,
        expired: bool = False,
        soft: bool = False,
    ) -> int:
        """See `Gateway.purge`."""
        return await self._gateway.cache.purge(
            url=None if url is None else self._absolute(url),
            groups=groups,
            prefix=None if prefix is None else self._absolute(prefix),
            everything=everything,
            expired=expired,
            soft=soft,
        )

    async def refresh(self, url: str) -> None:
        """See `Gateway.refresh`."""
        await self._gateway.refresh(self._scope, self._absolute(url))
