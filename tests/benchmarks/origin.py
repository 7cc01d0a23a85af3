"""The origin that every contender has behind it: no network, one JSON document, and a count of what it was asked."""

from __future__ import annotations

import json
import time
from typing import Any

from cachespec import format_date

BASE = "http://example.test/articles/"
HOT = 16
"""How many URLs the hits are spread over."""


def document(size: int) -> dict[str, Any]:
    """A document whose JSON has exactly `size` bytes."""
    found: dict[str, Any] = {"items": [], "rest": ""}
    item = {"id": 1000, "name": "article", "price": 12.5, "tags": ["a", "b"]}
    found["items"] = [item] * ((size - 100) // (len(encoded(item)) + 1))
    found["rest"] = "x" * (size - len(encoded(found)))
    return found


def encoded(value: Any) -> bytes:
    """JSON as Starlette's JSONResponse writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


SMALL = 2048
LARGE = 1 << 20
DOCUMENT = document(SMALL)
CONTENT = encoded(DOCUMENT)


def lines(control: str, size: int = SMALL) -> list[tuple[str, str]]:
    """The header lines of a response."""
    return [
        ("Content-Type", "application/json"),
        ("Content-Length", str(size)),
        ("Date", format_date(time.time())),
        ("Server", "origin"),
        ("Cache-Control", control),
        ("ETag", '"v1"'),
        ("Last-Modified", "Mon, 06 Jan 2025 10:00:00 GMT"),
    ]


class Origin:
    """Answers GET: with something fresh for a day, or with something that has to be confirmed every time.

    With `distinct`, no two responses have the same validators, as those for different URLs have not.
    """

    def __init__(self, *, stale: bool = False, distinct: bool = False) -> None:
        self.distinct = distinct
        self.calls = 0
        self.confirmed = 0
        self.lines = lines("public, max-age=0" if stale else "public, max-age=86400")
        self._short = [line for line in self.lines if line[0] not in ("Content-Type", "Content-Length")]

    def answer(self, tag: str | bytes | None) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, header lines and content for a request with `tag` in If-None-Match."""
        self.calls += 1
        if tag:
            self.confirmed += 1
            return 304, self._short, b""
        if self.distinct:
            at = f"{self.calls // 3600 % 24:02}:{self.calls // 60 % 60:02}:{self.calls % 60:02}"
            # The last two lines are the validators.
            validators = [("ETag", f'"{self.calls}"'), ("Last-Modified", f"Mon, 06 Jan 2025 {at} GMT")]
            return 200, self.lines[:-2] + validators, CONTENT
        return 200, self.lines, CONTENT
