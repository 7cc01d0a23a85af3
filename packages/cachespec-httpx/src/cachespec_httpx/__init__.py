"""An HTTP cache for httpx, sync and async, that follows RFC 9111 and says why."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
