"""The store that is tested."""

from __future__ import annotations

import unittest
from typing import Any, ClassVar

from ...stores.contract import Store


class Subject:
    """The store that is tested: what its author says of it, and how the tests come by it."""

    threads: ClassVar[int] = 8
    seconds: ClassVar[float] = 0.5
    """How long each of the tests with many at once lasts."""

    # --- what a store's author says

    def make(self) -> Any:
        """A new, empty store."""
        raise NotImplementedError

    def again(self) -> Any:
        """A second store on what the last one made has, as another process or the next run would have it."""
        return None

    def bounded(self, items: int) -> Any:
        """A new store with room for about so many items."""
        return None

    def damage(self, key: bytes) -> bool:
        """Spoil what lies under `key` where it is at rest; False if that cannot be done."""
        return False

    def damage_body(self, body_id: str) -> bool:
        """Spoil the last octets of a body where it is at rest; False if that cannot be done."""
        return False

    def octets(self) -> bytes | None:
        """Everything that the last store made has at rest."""
        return None

    @property
    def address(self) -> str | None:
        """Where other processes find the last store made: a URL for `open_store`, or ``module:function``."""
        return None

    # --- what the kit does around each test

    def setup_method(self) -> None:
        """Nothing is open yet."""
        self._opened: list[Store] = []

    def teardown_method(self) -> None:
        """Close what was opened."""
        for store in reversed(self._opened):
            store.close()

    def opened(self, store: Any) -> Store:
        """`store` in synchronous form, to be closed after the test."""
        self._opened.append(store)
        made: Store = store
        return made

    def store(self) -> Store:
        """A new store."""
        return self.opened(self.make())

    def second(self) -> Store:
        """A second one on the same data."""
        made = self.again()
        if made is None:
            raise unittest.SkipTest("again: no second store on the same data")
        return self.opened(made)
