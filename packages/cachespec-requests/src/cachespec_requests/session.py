"""A session with a cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from requests import PreparedRequest, Response, Session
from requests.adapters import BaseAdapter

from cachespec import Cache, Policy, Store, Wish

from .adapter import CacheAdapter
from .purging import Purging
from .wishes import wish


class CachedSession(Purging, Session):
    """A `requests.Session` whose requests go through a cache, ``http://`` and ``https://`` alike.

    `store`, `policy`, `clock` and `cache` are those of `CacheAdapter`; `adapter` is what requests go through behind the
    cache, such as ``HTTPAdapter(max_retries=3)``.  Every adapter that is mounted later goes behind the same cache.

    Each request takes `cache`, a `Wish`: ``session.get(url, cache=Wish(mode="reload"))``.
    """

    __attrs__: list[str] = [*Session.__attrs__, "cache"]  # noqa: RUF012 - declared so by requests

    def __init__(
        self,
        store: Store | str | None = None,
        policy: Policy | None = None,
        *,
        clock: Callable[[], float] | None = None,
        cache: Cache | None = None,
        adapter: BaseAdapter | None = None,
    ) -> None:
        mounted = CacheAdapter(store=store, policy=policy, clock=clock, cache=cache, adapter=adapter)
        super().__init__()
        self.cache: Cache = mounted.cache
        self.mount("https://", mounted)
        self.mount("http://", mounted)

    def mount(self, prefix: str | bytes, adapter: BaseAdapter) -> None:
        """Send what begins with `prefix` through `adapter`, behind the cache; a `CacheAdapter` keeps its own."""
        # What `Session` mounts while it is made is replaced at once.
        if hasattr(self, "cache") and not isinstance(adapter, CacheAdapter):
            adapter = CacheAdapter(cache=self.cache, adapter=adapter)
        super().mount(prefix, adapter)

    def request(self, method: Any, url: Any, *args: Any, cache: Wish | None = None, **options: Any) -> Response:
        """See `requests.Session.request`; `cache` is what this request, redirects included, wishes of the cache."""
        if cache is None:
            return super().request(method, url, *args, **options)
        with wish(cache):
            return super().request(method, url, *args, **options)

    def send(self, request: PreparedRequest, *, cache: Wish | None = None, **options: Any) -> Response:
        """See `requests.Session.send`; `cache` is what this request, redirects included, wishes of the cache."""
        if cache is None:
            return super().send(request, **options)
        with wish(cache):
            return super().send(request, **options)

    if TYPE_CHECKING:
        # What these pass on to `request` is all there is to them.

        def get(self, url: Any, params: Any = None, *, cache: Wish | None = None, **options: Any) -> Response: ...

        def options(self, url: Any, *, cache: Wish | None = None, **options: Any) -> Response: ...

        def head(self, url: Any, *, cache: Wish | None = None, **options: Any) -> Response: ...

        def post(
            self, url: Any, data: Any = None, json: Any = None, *, cache: Wish | None = None, **options: Any
        ) -> Response: ...

        def put(self, url: Any, data: Any = None, *, cache: Wish | None = None, **options: Any) -> Response: ...

        def patch(self, url: Any, data: Any = None, *, cache: Wish | None = None, **options: Any) -> Response: ...

        def delete(self, url: Any, *, cache: Wish | None = None, **options: Any) -> Response: ...
