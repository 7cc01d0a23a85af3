from __future__ import annotations

from typing import Any

from cachespec import SCOPE_KEY, Gateway


class Complete:
    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []
        self.caching = False
        self.info = None

    async def purge(self, **options: Any) -> int:
        return 0

    async def refresh(self, url: str) -> None:
        return


def test_what_is_needed_is_told_at_run_time() -> None:
    assert SCOPE_KEY == "cachespec"
    assert isinstance(Complete(), Gateway)
    lacking = Complete()
    del lacking.fields
    assert not isinstance(lacking, Gateway)
    assert not isinstance({}, Gateway)
