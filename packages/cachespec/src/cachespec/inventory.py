"""What is stored: looked up, listed and removed by hand.  RFC 9111 §7, RFC 9875

The caches of both colours can do that.  A store that fails raises here: whoever asks has nothing else to go on with.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from .case import Clock
from .entries import Entry, Item
from .headers import HeadersLike
from .messages import Request
from .policy import Policy
from .selection import key_url, stored
from .steps import StoreFlow, StoreStep
from .stores.contract import Store, scope

R = TypeVar("R")


class Inventory(ABC):
    """What is stored, for synchronous code."""

    store: Store
    policy: Policy
    clock: Clock

    @abstractmethod
    def run(self, flow: StoreFlow[R], perform: Callable[[StoreStep], Any] | None = None) -> R:
        """Drive a flow that asks for nothing but the store."""

    def purge(
        self,
        *,
        url: str | None = None,
        groups: Iterable[str] | str = (),
        prefix: str | None = None,
        everything: bool = False,
        expired: bool = False,
        soft: bool = False,
    ) -> int:
        """Remove what is stored for a URL, for groups, under a URL prefix, or all of it; how many responses were hit.

        With `soft` they stay, but are stale from now on.  What is being fetched meanwhile is not stored afterwards.
        `expired`, alone or beside those, removes what nobody can use any more.  A store that fails raises here.
        """
        swept = sum(iter(partial(self.store.sweep, self.clock()), 0)) if expired else 0
        if expired and _nothing_named(url, groups, prefix, everything):
            return swept
        at = self.clock() if soft else None
        url = _purged_url(url, self.policy)
        hit = self.store.purge(scope(url=url, groups=groups, prefix=prefix, everything=everything, stale_at=at))
        return hit + swept

    def clear(self) -> int:
        """Remove everything that is stored; how many responses there were.  A store that fails raises here."""
        return self.purge(everything=True)

    def get(self, url: str, headers: HeadersLike = ()) -> Entry | None:
        """What is stored for a GET of `url`, fresh or not; None where nothing is.  A store that fails raises here.

        `headers` are the request's fields that matter: those that Vary names, and Authorization.
        """
        return self.run(stored(Request("GET", url, headers), self.policy), lambda step: step.on(self.store))

    def contains(self, url: str, headers: HeadersLike = ()) -> bool:
        """Whether anything is stored for a GET of `url`, see `get`."""
        return self.get(url, headers) is not None

    def urls(self) -> list[str]:
        """The URLs for which something is stored, each once.  A store that fails raises here."""
        return _urls_of(self.store.items())


class AsyncInventory(ABC):
    """What is stored, for code on an event loop."""

    store: Any
    policy: Policy
    clock: Clock
    _async: bool

    @abstractmethod
    async def run(self, flow: StoreFlow[R], perform: Callable[[StoreStep], Awaitable[Any]] | None = None) -> R:
        """Drive a flow that asks for nothing but the store."""

    @abstractmethod
    async def _ask(self, call: Callable[..., Any], *args: Any) -> Any:
        """The result of a call to the store, whatever its colour."""

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
        """Remove what is stored for a URL, for groups, under a URL prefix, or all of it; how many responses were hit.

        With `soft` they stay, but are stale from now on.  What is being fetched meanwhile is not stored afterwards.
        `expired`, alone or beside those, removes what nobody can use any more.  A store that fails raises here.
        """
        swept = 0
        while expired and (more := await self._ask(self.store.sweep, self.clock())):
            swept += more
        if expired and _nothing_named(url, groups, prefix, everything):
            return swept
        url = _purged_url(url, self.policy)
        at = self.clock() if soft else None
        hit = await self._ask(
            self.store.purge, scope(url=url, groups=groups, prefix=prefix, everything=everything, stale_at=at)
        )
        return int(hit) + swept

    async def clear(self) -> int:
        """Remove everything that is stored; how many responses there were.  A store that fails raises here."""
        return await self.purge(everything=True)

    async def get(self, url: str, headers: HeadersLike = ()) -> Entry | None:
        """What is stored for a GET of `url`, fresh or not; None where nothing is.  A store that fails raises here.

        `headers` are the request's fields that matter: those that Vary names, and Authorization.
        """
        asked = stored(Request("GET", url, headers), self.policy)
        return await self.run(asked, lambda step: self._ask(step.on, self.store))

    async def contains(self, url: str, headers: HeadersLike = ()) -> bool:
        """Whether anything is stored for a GET of `url`, see `get`."""
        return await self.get(url, headers) is not None

    async def urls(self) -> list[str]:
        """The URLs for which something is stored, each once.  A store that fails raises here."""
        if self._async:
            return _urls_of([item async for item in self.store.items()])
        found: list[str] = await self._ask(lambda: _urls_of(self.store.items()))
        return found


def _nothing_named(url: str | None, groups: Iterable[str] | str, prefix: str | None, everything: bool) -> bool:
    """Whether a purge names nothing to remove."""
    return url is None and prefix is None and not everything and not groups


def _purged_url(url: str | None, policy: Policy) -> str | None:
    """The URL under which responses to `url` lie."""
    return None if url is None else key_url(Request("GET", url), policy) or url


def _urls_of(items: Iterable[tuple[bytes, Item]]) -> list[str]:
    """The URLs of the responses among a store's items, each once, in order."""
    return list(dict.fromkeys([item.url for _, item in items if isinstance(item, Entry)]))
