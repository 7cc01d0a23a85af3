"""The cache behind an adapter: one that was given, or one of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from cachespec import Cache, Policy, Store, open_store

MEMORY: Final = "memory:"


class OwnCache(Cache):
    """A cache that has opened its store itself, at a URL: it closes it, opens it again when it is needed, and can be
    pickled as that URL."""

    def __init__(self, url: str, policy: Policy | None, clock: Callable[[], float]) -> None:
        self._url = url
        self._store: Store | None = None
        self._opening = threading.Lock()
        super().__init__(open_store(url), policy, clock=clock)

    @property
    def store(self) -> Store:
        """The store.  A session may be used after it was closed: it is opened again then."""
        store = self._store
        if store is None:
            with self._opening:
                store = open_store(self._url) if self._store is None else self._store
                self._store = store
        return store

    @store.setter
    def store(self, store: Store) -> None:
        self._store = store

    def close(self) -> None:
        """Wait for background refreshes that have begun, drop those that have not, and close the store."""
        super().close()
        # Memory has nothing to let go of, and responses may still be read from it.
        if self._url != MEMORY:
            with self._opening:
                store, self._store = self._store, None
            if store is not None:
                store.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return OwnCache, (self._url, self.policy, self.clock)


def cache_for(
    cache: Cache | None, store: Store | str | None, policy: Policy | None, clock: Callable[[], float] | None
) -> Cache:
    """The cache that an adapter's options describe; TypeError or ValueError for a combination that makes none."""
    if cache is not None:
        for name, value in (("store", store), ("policy", policy), ("clock", clock)):
            if value is not None:
                raise TypeError(f"{name}: the cache given has its own")
        if not isinstance(cache, Cache):
            raise TypeError(f"cache: {cache!r} is no Cache")
        return cache
    if policy is not None and not isinstance(policy, Policy):
        raise TypeError(f"policy: {policy!r} is no Policy")
    if clock is not None and not callable(clock):
        raise TypeError(f"clock: {clock!r} cannot be called")
    if store is None or isinstance(store, str):
        return OwnCache(store or MEMORY, policy, clock or time.time)
    if not hasattr(store, "swap"):
        raise TypeError(f"store: {store!r} is neither a store nor the URL of one")
    return Cache(store, policy, clock=clock or time.time)
