"""Requests and responses, from httpx's to the core's and back.  RFC 9110 §6

The original request is what goes out; a copy is made only where the cache has a condition to add, and nothing but
header fields differs in it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from cachespec import Answer, CacheInfo, Wish
from cachespec import Headers as CoreHeaders
from cachespec import Request as CoreRequest
from cachespec import Response as CoreResponse

from .target import ByteStream, Headers, Request, Response

EXTENSION: Final = "cachespec"
"""The key of a request's extensions under which a `Wish` lies, and of a response's with the `CacheInfo`."""

_ENDS: Final = re.compile("[/?#]")
"""What ends an authority (RFC 3986 §3.2)."""
_PLAIN: Final = Wish()
_PASS: Final = Wish(mode="no-store")


def cache_info(response: Response) -> CacheInfo:
    """What the cache did for `response`, and why; LookupError for one that came past every cache."""
    info = response.extensions.get(EXTENSION)
    if not isinstance(info, CacheInfo):
        raise LookupError("this response did not come through a cache")
    return info


class Conversion:
    """Makes the core's requests of httpx's.  Safe to share between threads."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: tuple[list[tuple[bytes, bytes]], CoreHeaders] = [], CoreHeaders()

    def __call__(self, request: Request) -> CoreRequest:
        """The head of `request`, and its content where it is in memory."""
        # A request that follows a redirect has a stream that was never read, although it is in memory.
        content = request.read() if isinstance(request.stream, ByteStream) else None
        # Most of a client's requests have the same lines as the one before.
        last, headers = self._last
        lines = request.headers.raw
        if lines != last:
            headers = CoreHeaders(lines)
            self._last = lines, headers
        return CoreRequest(request.method, _target(request), headers, content)


def _target(request: Request) -> str:
    """The target URI.  RFC 9110 §7.1"""
    url = request.url
    text = str(url)
    if "@" in text and url.userinfo:
        # It went into Authorization, and is neither part of the target nor fit for logs (§4.2.4).
        text = str(url.copy_with(userinfo=b""))
    target = request.extensions.get("target")
    if target is not None:
        # What httpcore puts on the request line in the place of the URL's own path and query.
        return f"{url.scheme}://{url.netloc.decode('ascii')}{target.decode('latin-1')}"
    return text


def wish_of(request: Request, asked: CoreRequest) -> Wish:
    """What `request`, whose head is `asked`, wants of the cache; TypeError for anything but a `Wish`."""
    extensions = request.extensions
    wish = extensions.get(EXTENSION, _PLAIN)
    if not isinstance(wish, Wish):
        raise TypeError(f'extensions["{EXTENSION}"]: {wish!r} is no Wish')
    if "target" in extensions and not extensions["target"].startswith(b"/"):
        # Neither path nor query, such as "*": no URL tells what is asked for.
        return _PASS
    fields = asked.headers.fields
    if "upgrade" in fields:
        # RFC 9110 §7.8: what the connection is used for then is no response.
        return _PASS
    host, url = fields.get("host"), asked.url
    if host is None or url.startswith((f"https://{host}/", f"http://{host}/")):
        return wish
    if not _is_host_of(url, host):
        # It was sent to one server and asks for another: what comes of that is an affair of its own.
        return replace(wish, partition=f"{host.lower()}\0{wish.partition or ''}")
    return wish


def _is_host_of(url: str, host: str) -> bool:
    """Whether a Host field says what `url` says.  RFC 9110 §7.2"""
    authority = _ENDS.split(url[url.find("://") + 3 :], 1)[0]
    default = ":443" if url.startswith("https:") else ":80"
    return host.lower() in (authority, authority + default)


def with_fields_of(request: Request, wanted: CoreRequest) -> Request:
    """`request` with the method and the header fields of `wanted`; stream and extensions are the same objects."""
    return Request(
        wanted.method,
        request.url,
        headers=wanted.headers.raw,
        stream=request.stream,
        extensions=request.extensions,
    )


def head_of(response: Response) -> CoreResponse:
    """The head of `response`."""
    reason: bytes = response.extensions.get("reason_phrase", b"")
    raw = response.headers.raw
    headers = CoreHeaders(raw)
    if len(headers.lines) == len(raw) and "".join(headers.fields.values()).isascii():
        # What it would find out by trying.
        response.headers.encoding = "ascii"
    return CoreResponse(response.status_code, headers, reason.decode("latin-1"))


def passed_on(answer: Answer[Any, Any], response: Response) -> Response:
    """The server's own `response`, with what the cache has to add."""
    response.extensions[EXTENSION] = answer.info
    if answer.added:
        added = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.added]
        response.headers = Headers([*response.headers.raw, *added])
    return response


def made_of(answer: Answer[Any, Any], stream: Any, *, cookies_are_new: bool) -> Response:
    """A response from the store, its content in `stream`."""
    head = answer.head
    extensions: dict[str, Any] = {"http_version": b"HTTP/1.1", EXTENSION: answer.info}
    if head.reason:
        extensions["reason_phrase"] = head.reason.encode("latin-1")
    headers, is_ascii, sets_cookies = _shown(head.headers.lines)
    made = Response(head.status, headers=headers, stream=stream, extensions=extensions)
    if is_ascii:
        # What it would find out by trying.
        made.headers.encoding = "ascii"
    if sets_cookies and not cookies_are_new:
        made.__class__ = Replayed
    return made


@lru_cache(maxsize=64)
def _shown(lines: tuple[tuple[str, str], ...]) -> tuple[Headers, bool, bool]:
    """The headers that httpx is to copy, whether they are in ASCII, and whether they set a cookie.

    What is asked for all the time has the same lines for a second, the Age among them, and to copy takes a tenth of the
    time that it takes to make them.
    """
    headers = CoreHeaders.trusted(lines)
    return Headers(headers.raw), "".join(headers.fields.values()).isascii(), "set-cookie" in headers


class Replayed(Response):
    """A response from the store with cookies that were set when it was stored, and not by this exchange.

    They can be seen as in any other response, but a client's jar does not get them: it would go back in time.  A
    client gives a response its request, fills the jar from the header lines, and then sets the default encoding; in
    between, the lines are without cookies.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "request":
            super().__setattr__("headers", _CookiesHidden(self.headers))
        elif name == "default_encoding":
            super().__setattr__("headers", Headers(self.headers))
        super().__setattr__(name, value)


class _CookiesHidden(Headers):
    def multi_items(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in super().multi_items() if name != "set-cookie"]
