"""The kit that every store must pass: the promises of `cachespec.stores.contract`, one test each.

    class TestMyStore(StoreKit):
        def make(self):
            return MyStore()

is all that pytest needs.  What a store can do beyond the contract's minimum is tested where the class says how:
`again`, `bounded`, `damage`, `damage_body`, `octets` and `address`.  A test whose hook is missing is skipped.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from ...stores.contract import Store
from ..blocking import Blocking
from .acts import DAY, KEY, LONG, SECRETS, URL, at_once, body_at, long_body, put, raises, read_body, sweep
from .bodies import Bodies
from .caching import Caching
from .items import Items
from .purges import Purges
from .room import Room
from .sharing import Sharing
from .trust import Trust

__all__ = [
    "DAY",
    "KEY",
    "LONG",
    "SECRETS",
    "URL",
    "AsyncStoreKit",
    "StoreKit",
    "at_once",
    "body_at",
    "long_body",
    "put",
    "raises",
    "read_body",
    "sweep",
]


class StoreKit(Items, Bodies, Purges, Room, Trust, Caching, Sharing):
    """Tests of one store.  Subclass it in a test module, and say how to make the store."""


class AsyncStoreKit(StoreKit):
    """The same tests for a store that is made for an event loop; `make` and `again` return it as it is."""

    def setup_method(self) -> None:
        """Start the loop in which the store is used."""
        super().setup_method()
        self.loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def teardown_method(self) -> None:
        """Close what was opened, and the loop."""
        super().teardown_method()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def opened(self, store: Any) -> Store:
        """`store` in synchronous form, to be closed after the test."""
        return super().opened(store if isinstance(store, Blocking) else Blocking(store, self.loop))
