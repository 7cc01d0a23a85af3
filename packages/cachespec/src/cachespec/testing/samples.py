"""Items and bodies to put into a store, which can be told from wrong or torn ones."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from typing import Any, Final

from ..entries import Entry, Variants
from ..headers import Headers
from ..keys import primary_key, variant_key

NOW: Final = 1_800_000_000.0
"""Seconds since the epoch at which samples were received."""
GENERATION: Final = b"\x07" * 16


def url_of(number: int, host: str = "sample.test") -> str:
    """A normalised URL."""
    return f"https://{host}/things/{number}"


def key_of(url: str, space: str = "private:") -> bytes:
    """The key of the response to a plain GET."""
    return primary_key(url, space)


def variant_key_of(url: str, language: str) -> bytes:
    """The key of the response in one language."""
    return variant_key(key_of(url), GENERATION, (("accept-language", language),))


def entry(url: str, body: bytes | None = b"small", **changes: Any) -> Entry:
    """A response that is fresh for an hour; what is not said is as in most responses."""
    made = Entry(
        url=url,
        method="GET",
        selecting=(),
        status=200,
        reason="OK",
        headers=Headers(
            [
                ("Date", "Fri, 15 Jan 2027 08:00:00 GMT"),
                ("Content-Type", "text/plain"),
                ("ETag", '"sample"'),
                ("Via", "1.1 a"),
                ("Via", "1.1 b"),
                ("X-Text", "caf\xe9"),
                ("X-Empty", ""),
            ]
        ),
        request_time=NOW - 1,
        response_time=NOW,
        initial_age=0.5,
        lifetime=3600.0,
        source="max-age",
        date=NOW,
        etag='"sample"',
        created=NOW,
        length=0 if body is None else len(body),
        body=body,
    )
    return replace(made, **changes)


def variant(url: str, language: str, **changes: Any) -> Entry:
    """A response in one language."""
    return entry(url, selecting=(("accept-language", language),), **changes)


def record(url: str, languages: tuple[str, ...] = ("en",)) -> Variants:
    """The record that leads to variants in these languages."""
    tags = tuple([(f'"{language}"', variant_key_of(url, language)) for language in languages])
    return Variants(url, GENERATION, (("accept-language",),), len(languages), tags)


def body_of(seed: int, size: int) -> bytes:
    """`size` octets that no other seed has."""
    return random.Random(seed).randbytes(size)  # noqa: S311 - to be told apart, not to be secret


def signed(seed: int, size: int, url: str) -> tuple[Entry, bytes]:
    """An entry without its body, and a body that its entity-tag vouches for."""
    body = body_of(seed, size)
    return entry(url, None, length=size, etag=hashlib.sha256(body).hexdigest()), body


def is_right(stored: Entry, body: bytes) -> bool:
    """Whether `body` is the one that `stored`, made by `signed`, belongs to."""
    return stored.length == len(body) and stored.etag == hashlib.sha256(body).hexdigest()
