"""A server with one resource, that knows ranges and conditions, behind a cache that knows parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from cachespec import Request, Response

CONTENT = b"0123456789"
MAKE = Callable[..., Any]


@dataclass
class Origin:
    """A server with one resource, that knows ranges and conditions."""

    clock: Any
    live: Any
    """Makes a response of the cache's colour."""
    content: bytes = CONTENT
    etag: str | None = '"a"'
    modified: str | None = None
    says: str = "max-age=60"
    lines: dict[str, str] = field(default_factory=dict)
    piece: int = 100_000
    obeys_if_range: bool = True
    requests: list[Request] = field(default_factory=list)
    lives: list[Any] = field(default_factory=list)
    instead: Any = None
    """Makes the next answer, once."""

    def __call__(self, request: Request) -> Any:
        self.requests.append(request)
        instead, self.instead = self.instead, None
        self.lives.append(self.answer(request) if instead is None else instead(request))
        return self.lives[-1]

    def answer(self, request: Request) -> Any:
        fields = request.headers
        if self.etag is not None and self.etag in fields.get("if-none-match", ""):
            return self.response(304, b"")
        span = self.span(fields["range"]) if "range" in fields else None
        condition = fields.get("if-range")
        if condition is not None and self.obeys_if_range and condition not in (self.etag, self.modified):
            span = None
        if span is None:
            return self.response(200, self.content)
        if span[0] >= span[1]:
            return self.response(416, b"", {"Content-Range": f"bytes */{len(self.content)}"})
        return self.part(*span)

    def span(self, value: str) -> tuple[int, int] | None:
        """What one range, well formed, selects."""
        length = len(self.content)
        first, dash, last = value.removeprefix("bytes=").partition("-")
        if not dash or "," in value or not value.startswith("bytes="):
            return None
        if not first:
            return max(0, length - int(last)), length
        return int(first), min(length, int(last) + 1) if last else length

    def part(self, start: int, stop: int, lines: Any = None, **options: Any) -> Any:
        told = {"Content-Range": f"bytes {start}-{stop - 1}/{len(self.content)}", **(lines or {})}
        return self.response(206, self.content[start:stop], told, **options)

    def response(self, status: int, content: bytes, lines: Any = None, *, chunks: Any = None) -> Any:
        told: dict[str, str] = {"Cache-Control": self.says, "Date": self.clock.date()}
        if self.etag is not None:
            told["ETag"] = self.etag
        if self.modified is not None:
            told["Last-Modified"] = self.modified
        if status != 304:
            told |= {"Content-Length": str(len(content)), "Content-Type": "text/plain"}
        told |= self.lines | (lines or {})
        if chunks is None:
            chunks = [content[at : at + self.piece] for at in range(0, len(content), self.piece)]
        return self.live(Response(status, told), chunks)

    @property
    def calls(self) -> int:
        return len(self.requests)

    @property
    def asked(self) -> dict[str, str]:
        """The fields of the last request."""
        return dict(self.requests[-1].headers.fields)


@pytest.fixture
def make(make_lab: MAKE) -> MAKE:
    """Makes a cache that knows parts, with such a server behind it; options of `Policy` by name."""

    def make(store: Any = None, **options: Any) -> tuple[Any, Origin]:
        lab = make_lab(store=store, **{"partial": True, "heuristics": False, **options})
        origin = Origin(lab.clock, lab.live)
        lab.script = [origin]
        return lab, origin

    return make
