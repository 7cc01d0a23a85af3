"""The one room that names httpx: everything of it that is used comes from here.

What continues httpx under another name has the same interface, so a cache for it differs in this room only.
"""

from __future__ import annotations

from httpx import (
    URL,
    AsyncBaseTransport,
    AsyncByteStream,
    AsyncClient,
    AsyncHTTPTransport,
    BaseTransport,
    ByteStream,
    Client,
    ConnectError,
    Headers,
    HTTPTransport,
    MockTransport,
    ReadTimeout,
    Request,
    Response,
    StreamClosed,
    StreamConsumed,
    SyncByteStream,
    TransportError,
)

__all__ = [
    "URL",
    "AsyncBaseTransport",
    "AsyncByteStream",
    "AsyncClient",
    "AsyncHTTPTransport",
    "BaseTransport",
    "ByteStream",
    "Client",
    "ConnectError",
    "HTTPTransport",
    "Headers",
    "MockTransport",
    "ReadTimeout",
    "Request",
    "Response",
    "StreamClosed",
    "StreamConsumed",
    "SyncByteStream",
    "TransportError",
]
