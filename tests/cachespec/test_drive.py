from __future__ import annotations

from typing import TYPE_CHECKING

from cachespec import Entry, Headers, drive

if TYPE_CHECKING:
    import pytest


def entry(number: int, created: float = 0.0) -> Entry:
    url = f"https://example.com/{number}"
    return Entry(url, "GET", (), 200, "", Headers(), 0.0, 0.0, 0.0, 60.0, "max-age", 0.0, created=created)


def test_the_oldest_uses_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drive, "COUNTED", 2)
    uses = drive.Uses()
    assert [uses.once_more(entry(number)) for number in (1, 1, 2, 2, 3, 2, 1)] == [1, 2, 1, 2, 1, 3, 1]


def test_another_body_is_counted_anew() -> None:
    uses = drive.Uses()
    assert [uses.once_more(entry(1, created)) for created in (0.0, 0.0, 9.0, 9.0)] == [1, 2, 1, 2]
