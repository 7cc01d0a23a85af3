"""Ranges, asked of a server that serves them, through a client that keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cachespec import FileStore, Policy

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Origin, Seen, SyncCaller

CONTENT = bytes(range(256)) * 800
"""More than lies beside a head."""


def ranged(origin: Origin) -> None:
    """Have the origin serve one range of `CONTENT`, as long as If-Range holds."""
    lines = [("cache-control", "max-age=60"), ("etag", '"v1"'), ("content-type", "text/plain")]

    def answer(seen: Seen) -> Any:
        if "range" not in seen.headers or seen.headers.get("if-range", '"v1"') != '"v1"':
            return origin.reply(200, lines, CONTENT)
        first, _, last = seen.headers["range"].removeprefix("bytes=").partition("-")
        start, stop = int(first), int(last) + 1 if last else len(CONTENT)
        told = ("content-range", f"bytes {start}-{stop - 1}/{len(CONTENT)}")
        return origin.reply(206, [*lines, told], CONTENT[start:stop])

    origin.serve(answer)


@pytest.mark.requirement("9111-3.3-04", "9111-3.3-05", "9111-3.4-01")
@pytest.mark.parametrize("files", [False, True], ids=["in memory", "in files"])
def test_parts_are_served_combined_and_completed(
    files: bool, caller: SyncCaller, origin: Origin, tmp_path: Path
) -> None:
    ranged(origin)
    store = FileStore(tmp_path) if files else None
    with caller.open(caller.caching(policy=Policy(partial=True), store=store)) as client:

        def get(value: str | None = None) -> tuple[int, bytes, str]:
            response = caller.get(client, origin.url, headers={} if value is None else {"Range": f"bytes={value}"})
            return response.status_code, response.content, response.extensions["cachespec"].status

        assert get("0-99999") == (206, CONTENT[:100_000], "miss")
        assert get("500-999") == (206, CONTENT[500:1000], "hit")
        assert get("100000-149999") == (206, CONTENT[100_000:150_000], "miss")
        assert get("90000-120000") == (206, CONTENT[90_000:120_001], "hit")
        assert get() == (200, CONTENT, "revalidated")
        assert origin.seen[-1].headers["range"] == "bytes=150000-"
        assert get() == (200, CONTENT, "hit")
        assert get("-300") == (206, CONTENT[-300:], "hit")
    assert len(origin.seen) == 3
