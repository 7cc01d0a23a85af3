"""A site that asks an origin through a client with a cache, all of it made and used before workers are forked.

The environment says which: ``CLIENT`` is ``requests`` or ``httpx``, ``STORE`` the store's URL, ``ORIGIN`` that of the
origin.  Servers import `app` from here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

ORIGIN = os.environ.get("ORIGIN", "")

client: Any = None
if os.environ.get("CLIENT") == "requests":
    from cachespec_requests import CachedSession

    client = CachedSession(store=os.environ["STORE"])
elif os.environ.get("CLIENT") == "httpx":
    from cachespec_httpx import CacheClient

    client = CacheClient(store=os.environ["STORE"])


def get(target: str) -> tuple[bytes, str]:
    """What comes from the origin, or of the cache; and the cache's status."""
    response = client.get(ORIGIN + target)
    info = getattr(response, "cachespec", None) or response.extensions["cachespec"]
    return response.content, info.status


if client is not None:
    # Connections are open then, and the threads that refresh have begun, which no worker inherits.
    for each in ("/cached?master", "/stale?master", "/stale?master"):
        get(each)


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """The origin's response to the same target."""
    body, status = get(f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}")
    lines = [("Content-Length", str(len(body))), ("Cache-Status", status), ("Worker", str(os.getpid()))]
    start_response("200 OK", lines)
    return [body]
