"""A plugin of pytest with which every session of requests has a cache in the place of its adapters."""

from __future__ import annotations

from requests import sessions

from cachespec_requests import CacheAdapter

# `Session` mounts what it finds under this name when it is made.
sessions.HTTPAdapter = CacheAdapter  # type: ignore[misc]
