"""What users and authors of stores test with.

A store is judged by the kit in three lines, with pytest:

    class TestMyStore(StoreKit):
        def make(self):
            return MyStore()

`AsyncStoreKit` does the same for a store that is made for an event loop.
"""

from __future__ import annotations

from .kit import AsyncStoreKit, StoreKit

__all__ = ["AsyncStoreKit", "StoreKit"]
