"""A shared HTTP cache as ASGI middleware, for Starlette and every other ASGI framework."""

from __future__ import annotations

from .middleware import CacheMiddleware

__all__ = ["CacheMiddleware", "__version__"]

__version__ = "0.1.0"
