"""HTTP caching declared as FastAPI dependencies: header fields, validators, OpenAPI.  RFC 9111, RFC 9110 §13"""

from __future__ import annotations

from .control import cache, never_cache
from .installation import install
from .purging import CacheDep, LocalCache
from .validators import etag, last_modified
from .vary import vary

__all__ = [
    "CacheDep",
    "LocalCache",
    "__version__",
    "cache",
    "etag",
    "install",
    "last_modified",
    "never_cache",
    "vary",
]

__version__ = "0.1.0"
