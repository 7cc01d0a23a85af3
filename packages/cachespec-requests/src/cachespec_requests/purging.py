"""What lies in the store of an adapter or a session: listed and removed.  RFC 9111 §4.4 leaves that to the user"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from requests import PreparedRequest

from cachespec import Cache


class Purging:
    """The store of a cache, for whoever owns it."""

    cache: Cache
    """The cache itself, with its store and its policy."""

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
        return self.cache.purge(
            url=prepared(url),
            groups=groups,
            prefix=prepared(prefix),
            everything=everything,
            expired=expired,
            soft=soft,
        )

    def clear(self) -> int:
        """Remove everything that is stored; how many responses there were.  A store that fails raises here."""
        return self.cache.clear()

    def contains(self, url: str, headers: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> bool:
        """Whether anything is stored for a GET of `url`, fresh or not.  A store that fails raises here.

        `headers` are the request's fields that matter: those that Vary names, and Authorization.
        """
        return self.cache.contains(prepared(url) or "", headers)

    def urls(self) -> list[str]:
        """The URLs for which something is stored, each once.  A store that fails raises here."""
        return self.cache.urls()


def prepared(url: str | None) -> str | None:
    """`url` as requests sends it, percent-encoded and all; ValueError for one that is not absolute."""
    if url is None:
        return None
    request = PreparedRequest()
    request.prepare_url(url, None)
    return request.url
