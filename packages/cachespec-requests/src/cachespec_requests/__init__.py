"""An HTTP cache for requests that follows RFC 9111 and says why."""

from __future__ import annotations

from .adapter import CacheAdapter
from .information import cache_info
from .session import CachedSession
from .wishes import wish

__version__ = "0.1.0"
__all__ = ["CacheAdapter", "CachedSession", "__version__", "cache_info", "wish"]
