"""What a cache around an application and helpers inside it say to each other: ``scope["cachespec"]``.

Between packages the interface is HTTP itself; this is the one exception.  It exists because frameworks copy the scope:
a dependency declares fields into a mutable object, and whoever owns the start of the response writes them out.  The
outermost reader creates the object; everybody further in finds and uses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol, runtime_checkable

from .headers import Line
from .info import CacheInfo

SCOPE_KEY: Final = "cachespec"
"""The key of the scope under which it lies."""


@runtime_checkable
class Gateway(Protocol):
    """The object at ``scope["cachespec"]``."""

    fields: list[Line]
    """Field lines that were declared for the response, for its owner to write out."""
    caching: bool
    """Whether a cache stands around the application, so that `Cachespec-Cache-Control` reaches nobody else."""
    info: CacheInfo | None
    """What the cache did, as far as it is known yet; None where there is no cache."""

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
        """Remove what is stored, now; how many responses were hit.  Raises where there is no cache, or its store fails.

        A `url` may be relative to the request's own; `soft` keeps what is hit, as stale; `expired` removes what nobody
        can use any more.
        """
        ...

    async def refresh(self, url: str) -> None:
        """Have `url`, which may be relative, fetched anew from the application and stored."""
        ...
