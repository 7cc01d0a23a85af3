"""What the author of a store builds with."""

from __future__ import annotations

from cachespec.stores import building
from cachespec.testing.kit import URL
from cachespec.testing.samples import entry


def test_every_public_name_is_there() -> None:
    assert all(hasattr(building, name) for name in building.__all__)


def test_an_item_is_written_and_read_with_what_is_public() -> None:
    seal = building.Seal()
    payload = seal.unseal(b"key", seal.seal(b"key", building.encode(entry(URL))))
    assert payload is not None
    assert building.decode(payload) == entry(URL)
