"""What one request wishes of the cache, without a header field that would go out with it.

A wish travels in a context variable: `requests` has no place of its own for it that survives redirects.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from cachespec import Wish

_NOTHING: Final = Wish()
_wished: Final[ContextVar[Wish]] = ContextVar("cachespec_requests.wish", default=_NOTHING)


def wished() -> Wish:
    """What the requests of this thread or task wish at present."""
    return _wished.get()


@contextmanager
def wish(wanted: Wish) -> Iterator[None]:
    """Have every request that is sent inside the block wish `wanted`, redirects included.

    ``with wish(Wish(mode="reload")): session.get(url)``.  It counts for every session with a cache, and for this
    thread or task alone; the innermost block counts.  What is no `Wish` is a TypeError.
    """
    if not isinstance(wanted, Wish):
        raise TypeError(f"wish: {wanted!r} is no Wish")
    token = _wished.set(wanted)
    try:
        yield
    finally:
        _wished.reset(token)
