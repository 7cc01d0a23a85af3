"""The store that the documentation writes, under the kit, as it tells its readers to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from cachespec.testing import StoreKit
from cachespec.testing.kit import put
from cachespec.testing.samples import entry, key_of, url_of

PAGE = "docs/own-store.md"
TEXT = (Path(__file__).parents[2] / PAGE).read_text(encoding="utf-8")
SHOWN, _, KIT = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
NAMES: dict[str, Any] = {"__name__": "shown"}
exec(compile(SHOWN, PAGE, "exec", dont_inherit=True), NAMES)


class TestStoreOfThePage(StoreKit):
    def make(self) -> Any:
        self.mapping: dict[str, bytes] = {}
        return NAMES["MappingStore"](self.mapping)

    def damage(self, key: bytes) -> bool:
        name = f"item {key.hex()}"
        self.mapping[name] = self.mapping[name][:-1]
        return True

    def octets(self) -> bytes:
        return b"".join(self.mapping.values())


def test_it_takes_three_lines() -> None:
    assert KIT.split("\n\n\n")[1].strip() == (
        "class TestMappingStore(StoreKit):\n    def make(self):\n        return MappingStore({})"
    )


def test_what_is_too_much_goes() -> None:
    store = NAMES["MappingStore"]({}, max_entries=3)
    for number in range(5):
        assert put(store, key_of(url_of(number)), entry(url_of(number)))
    assert store.stats().entries == 3
    assert store.stats().evictions == 2


def test_a_store_is_about_a_hundred_lines() -> None:
    lines = [line for line in SHOWN.splitlines() if line.strip() and not line.strip().startswith("#")]
    assert len(lines) < 150
