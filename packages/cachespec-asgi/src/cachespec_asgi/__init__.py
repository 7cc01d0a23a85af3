"""A shared HTTP cache as ASGI middleware, for Starlette and every other ASGI framework."""

from __future__ import annotations

from .armour import type_fits_path
from .declare import CacheControlMiddleware, cache_control, cached, never_cache, vary_on
from .handle import get_cache
from .middleware import CacheMiddleware, DuplicateCaching
from .purging import PurgeEndpoint
from .rules import Rule

__all__ = [
    "CacheControlMiddleware",
    "CacheMiddleware",
    "DuplicateCaching",
    "PurgeEndpoint",
    "Rule",
    "__version__",
    "cache_control",
    "cached",
    "get_cache",
    "never_cache",
    "type_fits_path",
    "vary_on",
]

__version__ = "0.1.0"
