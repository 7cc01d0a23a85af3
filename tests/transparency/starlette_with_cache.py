"""A plugin of pytest with which every application that Starlette's test client calls is behind the middleware."""

from __future__ import annotations

from typing import Any

from starlette import testclient

from cachespec_asgi import CacheMiddleware

KEEP: int | None = None
"""For how many seconds responses are kept that say nothing of their lifetime."""


class Around(CacheMiddleware):
    """Has the attributes of the application behind it, for the suite looks at some."""

    def __init__(self, app: Any) -> None:
        super().__init__(app, ttl=KEEP)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.app, name)


_made = testclient.TestClient.__init__


def _init(self: Any, app: Any, *args: Any, **kwargs: Any) -> None:
    # An application of ASGI 2 is called differently.
    _made(self, Around(app) if testclient._is_asgi3(app) else app, *args, **kwargs)


testclient.TestClient.__init__ = _init  # type: ignore[method-assign]
