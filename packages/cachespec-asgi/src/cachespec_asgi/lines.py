"""Field lines between ASGI's octets and the core's text.  RFC 9110 §5"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from cachespec import Headers, Response

from .interface import Message, RawLine

N = TypeVar("N", str, bytes)
V = TypeVar("V")

OWN_TARGET: Final = "cachespec-cache-control"
"""The field by which helpers inside the application tell this cache, and nobody else, what to do (ruling D47)."""
RAW_TARGET: Final = OWN_TARGET.encode()
ADDED_DATE: Final = "Date"
"""How the core spells a Date that it adds; one of the application's own is told from it by its lower case."""

NAMES: Final = 4096
"""How many field names are remembered."""
LONGEST: Final = 64
"""Characters of the longest one that is."""

# A member of Cache-Control, with commas inside quoted strings.
_MEMBER: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*+"?)++')


def raw_lines(message: Message) -> list[RawLine]:
    """The field lines of an ``http.response.start``."""
    return list(message.get("headers", ()))


def head_of(status: int, lines: Iterable[RawLine]) -> Response:
    """The response's head in text."""
    headers = Headers(lines)
    if "date" in headers.fields:
        headers = Headers.trusted(tuple([("date", v) if n.lower() == "date" else (n, v) for n, v in headers.lines]))
    return Response(status, headers)


def without(lines: Iterable[RawLine], *names: bytes) -> list[RawLine]:
    """`lines` less those of the fields in `names` (lower case)."""
    return [line for line in lines if line[0].lower() not in names]


def value_of(lines: Iterable[RawLine], name: bytes) -> str:
    """The combined value of the field `name` (lower case); empty where there is none."""
    return ", ".join([value.decode("latin-1") for given, value in lines if given.lower() == name])


def members(value: str) -> list[tuple[str, str]]:
    """The members of a Cache-Control field: each one's name in lower case, and its text."""
    texts = [text.strip(" \t") for text in _MEMBER.findall(value)]
    return [(text.partition("=")[0].rstrip(" \t").lower(), text) for text in texts if text]


class Names(dict[N, V]):
    """What field names come to, worked out by `make` when they are first met.  Anybody may make names up: bounded."""

    def __init__(self, make: Callable[[N], V]) -> None:
        self._make: Callable[[N], V] = make

    def __missing__(self, name: N) -> V:
        made: V = self._make(name)
        if len(name) <= LONGEST:
            if len(self) >= NAMES:
                self.clear()
            self[name] = made
        return made


_OCTETS: Final = Names[str, bytes](lambda name: name.lower().encode("latin-1"))


def octets(lines: Iterable[tuple[str, str]], but: str | None = None) -> list[RawLine]:
    """Lines in octets, names in lower case, as ASGI wants them; those named `but`, spelt so, left out."""
    names = _OCTETS
    return [(names[name], value.encode("latin-1")) for name, value in lines if name != but]


def for_one_user(lines: list[RawLine]) -> list[RawLine]:
    """`lines` with a Cache-Control that keeps shared caches from storing the response, heuristics included."""
    said = members(value_of(lines, b"cache-control"))
    kept = [text for name, text in said if name not in ("public", "private", "s-maxage")]
    return [*without(lines, b"cache-control"), (b"cache-control", ", ".join(["private", *kept]).encode("latin-1"))]
