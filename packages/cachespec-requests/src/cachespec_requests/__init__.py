"""An HTTP cache for requests that follows RFC 9111 and says why."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
