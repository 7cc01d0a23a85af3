"""Request and response heads.  RFC 9110 §6

Content is never inside these values, it streams; the one exception is a request's content where the adapter has it in
memory anyway, because the key of a QUERY is made of it (RFC 10008 §2.7).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .headers import Headers, HeadersLike


# Not frozen: one of each is built on every hit, and freezing costs a fifth of that.  Treat them as immutable.
@dataclass(slots=True, init=False)
class Request:
    """The head of a request.

    `method` is case-sensitive (RFC 9110 §9.1), `url` the absolute target URI.  `content` is ``b""`` where there is
    none, and None where it is streamed and so cannot be part of a key.
    """

    method: str
    url: str
    headers: Headers
    # It may be long, and secret.
    content: bytes | None = field(repr=False)

    def __init__(self, method: str, url: str, headers: HeadersLike = (), content: bytes | None = b"") -> None:
        self.method = method
        self.url = url
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.content = content


@dataclass(slots=True, init=False)
class Response:
    """The head of a response.  `status` is the three-digit code, `reason` the phrase where the version has one."""

    status: int
    headers: Headers
    reason: str

    def __init__(self, status: int, headers: HeadersLike = (), reason: str = "") -> None:
        self.status = status
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.reason = reason
