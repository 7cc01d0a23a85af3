"""Messages of requests and of the core, one made from the other.  RFC 9110 §6"""

from __future__ import annotations

from http import client
from typing import Any, Final
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from cachespec import Headers, Request
from cachespec import Response as Head

DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


def request_of(prepared: PreparedRequest) -> Request:
    """`prepared` as the core sees it.  Content that is not at hand, such as a file's, is None."""
    fields = prepared.headers
    # Of the usual kind, it takes a third of the time; people put plain ones in its place.
    lines = getattr(fields, "lower_items", fields.items)
    return Request(prepared.method or "", prepared.url or "", Headers(lines()), _content(prepared.body))


def _content(body: Any) -> bytes | None:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else None


def names_other_host(request: Request) -> bool:
    """Whether the Host field names another host than the URL.  RFC 9110 §7.2

    Which of the two chooses the response depends on who is on the way; a key made of one of them would be wrong.
    """
    host = request.headers.fields.get("host")
    if host is None:
        return False
    url = urlsplit(request.url)
    port = DEFAULT_PORTS.get(url.scheme, ":")
    authority = url.netloc.rpartition("@")[2]
    return host.lower().removesuffix(port) != authority.lower().removesuffix(port)


def prepared_from(original: PreparedRequest, request: Request) -> PreparedRequest:
    """`original` with the method and the fields of `request`: with conditions of the cache's own, or without any."""
    prepared = original.copy()
    prepared.method = request.method
    cased = {name.lower(): name for name in (*(name for name, _ in request.headers.lines), *original.headers)}
    fields = request.headers.fields
    prepared.headers = CaseInsensitiveDict({cased[name]: value for name, value in fields.items()})
    return prepared


def head_of(response: Response) -> Head:
    """The head of a server's response, with repeated lines where they are known."""
    fields = response.headers
    sent = getattr(response.raw, "headers", None)
    # An adapter may have changed what the user sees: that counts, then.
    if sent is None or len(sent) != len(fields) or any(sent.get(name) != value for name, value in fields.items()):
        sent = fields
    return Head(response.status_code, list(sent.items()), response.reason or "")


def response_from(head: Head, prepared: PreparedRequest) -> Response:
    """The response that a stored one makes, without its content."""
    response = Response()
    response.status_code = head.status
    response.reason = reason_of(head)
    response.headers = fields_of(head.headers)
    response.encoding = get_encoding_from_headers(response.headers)
    response.url = prepared.url or ""
    response.request = prepared
    return response


def reason_of(head: Head) -> str:
    """The reason phrase, for status lines of versions that have none."""
    return head.reason or client.responses.get(head.status, "")


def fields_of(headers: Headers) -> CaseInsensitiveDict[str]:
    """`headers` as requests shows them, lines of one name joined."""
    fields = CaseInsensitiveDict(headers.lines)
    if len(fields) != len(headers.lines):
        for name in list(fields):
            fields[name] = headers.fields[name.lower()]
    return fields


def add_line(response: Response, name: str, value: str) -> None:
    """Add a field line to what the user sees of `response`."""
    before = response.headers.get(name)
    response.headers[name] = value if before is None else f"{before}, {value}"
    lines = getattr(response.raw, "headers", None)
    if lines is not None:
        lines.add(name, value)
