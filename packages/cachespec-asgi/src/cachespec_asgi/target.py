"""The request, as the scope describes it: target URI, fields, content.  RFC 9110 §7.1, §7.2

What the application sees and what the key is made of have to be the same thing.  Where they could differ, the request
bypasses the cache: a Host that is none, a path that is no path, content that is not part of the key.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from cachespec import Headers, Verdict

from .interface import Message, Receive, Scope

SOUND = Verdict(True, "sound", "RFC 9110 §7.1", "The request says what it is about.")
NO_HOST = Verdict(False, "host", "RFC 9110 §7.2", "The request has no Host, or not exactly one valid one.")
OTHER_HOST = Verdict(False, "other-host", "CacheMiddleware.hosts", "The host {} is not one of those that are cached.")
NO_PATH = Verdict(False, "target", "RFC 9112 §3.2", "The request's target is no path.")
OVERRIDE = Verdict(False, "method-override", "CacheMiddleware", "The request says that its method is another one: {}.")
FRAMED_TWICE = Verdict(
    False, "smuggling", "RFC 9112 §6.1", "The request has Content-Length and Transfer-Encoding, one of which is a lie."
)

# RFC 3986 §3.2.2, §3.2.3, without the characters that no server's name has
#   host = IP-literal / IPv4address / reg-name
#   port = *DIGIT
_HOST = re.compile(r"(?:[0-9A-Za-z](?:[0-9A-Za-z._\-]*)|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?\Z")

OVERRIDES: Final = ("x-http-method-override", "x-http-method", "x-method-override")
"""Fields with which some frameworks have POST or even GET stand for another method."""

IMPLICIT: Final = (
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-prefix",
    "forwarded",
    "x-original-url",
    "x-rewrite-url",
)
"""Fields that applications build links and redirects from: as if every Vary named them."""
CONTENT_LIMIT: Final = 1024 * 1024
"""Bytes of a request's content that are read ahead where they are part of the key."""

# RFC 3986 §3.3: what a path may hold as it is; a server that gives no raw path has decoded everything.
_PATH_SAFE: Final = "/:@!$&'()*+,;=-._~"


def fields_of(scope: Scope) -> Headers:
    """The request's fields.  A server has checked them, and they are never stored: they are taken as they are."""
    return Headers.trusted(
        tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]])
    )


def target_uri(scope: Scope, headers: Headers) -> str | None:
    """The target URI: scheme, the one valid Host, path and query verbatim; None where there is none.  RFC 9110 §7.1"""
    # Two Host lines are joined with a comma, which no host has.
    return uri_at(headers.fields.get("host", ""), scope)


def uri_at(host: str, scope: Scope) -> str | None:
    """`target_uri` for a Host that was found already."""
    if not _HOST.match(host):
        return None
    raw_path = scope.get("raw_path")
    path = quote(scope["path"], _PATH_SAFE) if raw_path is None else raw_path.decode("latin-1")
    if "?" in path:
        path = path.partition("?")[0]
    query = scope.get("query_string", b"").decode("latin-1")
    # A fragment is never sent; a "#" that came anyway is part of what the application sees, and not of a key.
    if path[:1] != "/" or "#" in path or "#" in query:
        return None
    scheme = scope.get("scheme", "http")
    return f"{scheme}://{host}{path}?{query}" if query else f"{scheme}://{host}{path}"


def soundness(headers: Headers, url: str | None, hosts: frozenset[str] | None) -> Verdict:
    """Whether the request means to the application what it means to the cache.

    `hosts`, lower case and without ports, are those that are cached; None for all.
    """
    fields = headers.fields
    if url is None:
        return NO_HOST if not _HOST.match(fields.get("host", "")) else NO_PATH
    if hosts is not None and (host := _name(fields["host"])) not in hosts:
        return OTHER_HOST.of(host)
    if "transfer-encoding" in fields and "content-length" in fields:
        return FRAMED_TWICE
    for name in OVERRIDES:
        if name in fields:
            return OVERRIDE.of(name)
    return SOUND


def _name(host: str) -> str:
    """A Host without its port, in lower case."""
    name, colon, port = host.rpartition(":")
    return (name if colon and "]" not in port else host).lower()


def has_content(headers: Headers) -> bool:
    """Whether the fields announce content.  RFC 9112 §6"""
    fields = headers.fields
    if "transfer-encoding" in fields:
        return True
    return fields.get("content-length", "0").strip("0") != ""


def has_credentials(scope: Scope) -> bool:
    """Whether the request says whose it is, so that its response may be theirs alone."""
    return any(name.lower() in (b"cookie", b"authorization") for name, _ in scope["headers"])


def overridden(method: str, headers: Headers) -> str:
    """The method that a request has to be taken for: of its own and one that it claims, the one that may do harm."""
    if method in ("GET", "HEAD"):
        for name in OVERRIDES:
            if name in headers.fields:
                return headers.fields[name].upper()
    return method


def framed(scope: Scope) -> bool:
    """Whether the fields tell if there is content: in HTTP/1 they do, later it is in the frames (RFC 9113 §8.1)."""
    return str(scope.get("http_version", "1.1")).startswith("1")


async def read_ahead(receive: Receive, limit: int) -> tuple[bytes | None, Receive]:
    """A request's content, None if there is more of it than `limit`, and a `receive` that gives it once more."""
    messages: list[Message] = []
    length, more = 0, True
    while more and length <= limit:
        message = await receive()
        messages.append(message)
        length += len(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)
    complete = not more and messages[-1]["type"] == "http.request" and length <= limit
    content = b"".join([message.get("body", b"") for message in messages]) if complete else None
    messages.reverse()

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return content, replay
