"""What lies in the store of a transport or a client: listed and removed.  RFC 9111 §4.4 leaves that to the user"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cachespec import AsyncCache, Cache

from .target import URL


def located(url: URL | str | None) -> str | None:
    """`url` as requests have it, percent-encoded and all; ValueError for one that is not absolute."""
    if url is None:
        return None
    whole = URL(url)
    if not whole.is_absolute_url:
        raise ValueError(f"url, prefix: {str(url)!r} is not absolute, and nothing says what it is relative to")
    return str(whole)


class Purging:
    """The store of a cache, for whoever owns it."""

    cache: Cache
    """The cache itself, with its store and its policy."""

    def purge(
        self,
        *,
        url: URL | str | None = None,
        groups: Iterable[str] | str = (),
        prefix: URL | str | None = None,
        everything: bool = False,
        expired: bool = False,
        soft: bool = False,
    ) -> int:
        """Remove what is stored for a URL, for groups, under a URL prefix, or all of it; how many responses were hit.

        With `soft` they stay, but are stale from now on.  What is being fetched meanwhile is not stored afterwards.
        `expired`, alone or beside those, removes what nobody can use any more.  A store that fails raises here.
        """
        return self.cache.purge(
            url=self._located(url),
            groups=groups,
            prefix=self._located(prefix),
            everything=everything,
            expired=expired,
            soft=soft,
        )

    def clear(self) -> int:
        """Remove everything that is stored; how many responses there were.  A store that fails raises here."""
        return self.cache.clear()

    def contains(self, url: URL | str, headers: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> bool:
        """Whether anything is stored for a GET of `url`, fresh or not.  A store that fails raises here.

        `headers` are the request's fields that matter: those that Vary names, and Authorization.
        """
        return self.cache.contains(self._located(url) or "", headers)

    def urls(self) -> list[str]:
        """The URLs for which something is stored, each once.  A store that fails raises here."""
        return self.cache.urls()

    def _located(self, url: URL | str | None) -> str | None:
        return located(url)


class AsyncPurging:
    """`Purging` on an event loop."""

    cache: AsyncCache
    """The cache itself, with its store and its policy."""

    async def purge(
        self,
        *,
        url: URL | str | None = None,
        groups: Iterable[str] | str = (),
        prefix: URL | str | None = None,
        everything: bool = False,
        expired: bool = False,
        soft: bool = False,
    ) -> int:
        """Remove what is stored for a URL, for groups, under a URL prefix, or all of it; how many responses were hit.

        With `soft` they stay, but are stale from now on.  What is being fetched meanwhile is not stored afterwards.
        `expired`, alone or beside those, removes what nobody can use any more.  A store that fails raises here.
        """
        return await self.cache.purge(
            url=self._located(url),
            groups=groups,
            prefix=self._located(prefix),
            everything=everything,
            expired=expired,
            soft=soft,
        )

    async def clear(self) -> int:
        """Remove everything that is stored; how many responses there were.  A store that fails raises here."""
        return await self.cache.clear()

    async def contains(self, url: URL | str, headers: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> bool:
        """Whether anything is stored for a GET of `url`, fresh or not.  A store that fails raises here.

        `headers` are the request's fields that matter: those that Vary names, and Authorization.
        """
        return await self.cache.contains(self._located(url) or "", headers)

    async def urls(self) -> list[str]:
        """The URLs for which something is stored, each once.  A store that fails raises here."""
        return await self.cache.urls()

    def _located(self, url: URL | str | None) -> str | None:
        return located(url)
