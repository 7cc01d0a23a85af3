"""Field lines between ASGI's octets and the core's text.  RFC 9110 §5"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from cachespec import CacheInfo, Headers, Live, Made, Policy, Response, Stored, lines_added

from .interface import Message, RawLine

OWN_TARGET: Final = "cachespec-cache-control"
"""The field by which helpers inside the application tell this cache, and nobody else, what to do (ruling D47)."""
_OWN_TARGET: Final = OWN_TARGET.encode()
_ADDED_DATE: Final = "Date"


def response_of(message: Message) -> Response:
    """The head that an ``http.response.start`` describes."""
    lines = message.get("headers", ())
    if not isinstance(lines, list | tuple):
        lines = message["headers"] = list(lines)
    headers = Headers(lines)
    if "date" in headers.fields:
        # In lower case: the core writes one that it adds as `_ADDED_DATE`, which tells them apart.
        headers = Headers.trusted(tuple([("date", v) if n.lower() == "date" else (n, v) for n, v in headers.lines]))
    return Response(message["status"], headers)


def passed_on(message: Message, head: Response, policy: Policy, info: CacheInfo) -> Message:
    """The application's own ``http.response.start``, with what the cache adds, less what is for the cache only."""
    lines = message.get("headers", ())
    if OWN_TARGET in head.headers.fields:
        lines = [line for line in lines if line[0].lower() != _OWN_TARGET]
    added = octets(lines_added(policy, info))
    return {**message, "headers": [*lines, *added]}


def answered(outcome: Stored | Made | Live[Any], policy: Policy) -> Message:
    """The ``http.response.start`` of a response from the store."""
    head = outcome.head
    # Where the application left Date to the server, the server adds it to this response as it did to that one.
    lines = octets(line for line in head.headers.lines if line[0] != _ADDED_DATE)
    lines += octets(lines_added(policy, outcome.info))
    return {"type": "http.response.start", "status": head.status, "headers": lines}


def octets(lines: Iterable[tuple[str, str]]) -> list[RawLine]:
    """Lines in octets, names in lower case, as ASGI wants them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in lines]
