"""Ranges, asked of a server that serves them, through a session that keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cachespec import Policy
from cachespec_requests import CachedSession, cache_info

if TYPE_CHECKING:
    from conftest import Clock, Origin, Seen

CONTENT = bytes(range(256)) * 800
"""More than lies beside a head."""


@pytest.mark.requirement("9111-3.3-04", "9111-3.3-05", "9111-3.4-01")
def test_parts_are_served_combined_and_completed(origin: Origin, clock: Clock) -> None:
    def answer(seen: Seen) -> Any:
        if "range" not in seen.fields or seen.fields.get("if-range", '"v1"') != '"v1"':
            return origin.fresh(CONTENT)
        first, _, last = seen.fields["range"].removeprefix("bytes=").partition("-")
        start, stop = int(first), int(last) + 1 if last else len(CONTENT)
        told = ("Content-Range", f"bytes {start}-{stop - 1}/{len(CONTENT)}")
        return origin.fresh(CONTENT[start:stop], told, status=206, reason="Partial Content")

    origin.serve(answer)
    with CachedSession(clock=clock, policy=Policy(partial=True)) as session:
        session.trust_env = False

        def get(value: str | None = None) -> tuple[int, bytes, str]:
            response = session.get(origin.url, headers={} if value is None else {"Range": f"bytes={value}"})
            info = cache_info(response)
            assert info is not None
            return response.status_code, response.content, info.status

        assert get("0-99999") == (206, CONTENT[:100_000], "miss")
        assert get("500-999") == (206, CONTENT[500:1000], "hit")
        assert get("100000-149999") == (206, CONTENT[100_000:150_000], "miss")
        assert get("90000-120000") == (206, CONTENT[90_000:120_001], "hit")
        assert get() == (200, CONTENT, "revalidated")
        assert origin.seen[-1].fields["range"] == "bytes=150000-"
        assert get() == (200, CONTENT, "hit")
        assert get("-300") == (206, CONTENT[-300:], "hit")
    assert len(origin.seen) == 3
