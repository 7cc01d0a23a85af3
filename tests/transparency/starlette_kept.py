"""The same as `starlette_with_cache`, and what may be kept is kept: nearly every response is stored and replayed."""

from __future__ import annotations

import starlette_with_cache

starlette_with_cache.KEEP = 60
