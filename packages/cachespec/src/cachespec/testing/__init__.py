"""What users and authors of stores test with.

A store is judged by the kit in three lines, with pytest:

    class TestMyStore(StoreKit):
        def make(self):
            return MyStore()

`AsyncStoreKit` does the same for a store that is made for an event loop.

A program that caches is tested with an `Origin`, which answers `Reply` after `Reply` as it was told and remembers what
was asked, and a `Clock` that moves when it is told to.
"""

from __future__ import annotations

from .kit import AsyncStoreKit, StoreKit
from .origin import Clock, Origin, Reply

__all__ = ["AsyncStoreKit", "Clock", "Origin", "Reply", "StoreKit"]
