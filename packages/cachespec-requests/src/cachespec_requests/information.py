"""What the cache did, on every response that came through it."""

from __future__ import annotations

from requests import Response

from cachespec import CacheInfo

ATTRIBUTE = "cachespec"


def cache_info(response: Response) -> CacheInfo:
    """What the cache did for `response`, and why; the same as ``response.cachespec``.

    LookupError for one that did not come through a cache.  Each response in its history has one of its own.
    """
    info = getattr(response, ATTRIBUTE, None)
    if not isinstance(info, CacheInfo):
        raise LookupError("this response did not come through a cache")
    return info


def inform(response: Response, info: CacheInfo) -> Response:
    """`response` with `info` attached."""
    setattr(response, ATTRIBUTE, info)
    return response
