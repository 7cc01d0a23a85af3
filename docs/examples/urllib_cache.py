"""A private HTTP cache for `urllib.request`, from the public names of cachespec alone."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Iterator
from email.message import Message
from http.client import HTTPResponse
from typing import Any
from urllib import request as urllib
from urllib.response import addinfourl

from cachespec import Cache, Content, Request, Response


class Live:
    """A server's response: its head, and its content as it comes."""

    def __init__(self, response: HTTPResponse) -> None:
        self.head = Response(response.status, response.getheaders(), response.reason)
        self._response = response

    def chunks(self) -> Iterator[bytes]:
        return iter(lambda: self._response.read(65536), b"")

    def close(self) -> None:
        self._response.close()


class Body(io.RawIOBase):
    """The content of an answer as a file: from the store, or from the server and into the store."""

    def __init__(self, content: Content) -> None:
        self._content, self._left = content, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._left = self._left or next(self._content, b"")
        piece, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._content.close()
        super().close()


class CacheHandler(urllib.HTTPHandler, urllib.HTTPSHandler):
    """For `urllib.request.build_opener`: answers from `cache`, and goes to the server where it has to."""

    def __init__(self, cache: Cache | None = None) -> None:
        super().__init__()
        self.cache = Cache() if cache is None else cache

    def http_open(self, req: urllib.Request) -> Any:
        return self._answer(req, super().http_open)

    def https_open(self, req: urllib.Request) -> Any:
        return self._answer(req, super().https_open)

    def _answer(self, message: urllib.Request, ask: Callable[[urllib.Request], HTTPResponse]) -> Any:
        content = message.data if isinstance(message.data, bytes) else b"" if message.data is None else None
        request = Request(message.get_method(), message.full_url, message.header_items(), content)

        def send(wanted: Request) -> Live:
            sent = copy.copy(message)
            if wanted is not request:
                sent.headers, sent.unredirected_hdrs = dict(wanted.headers), {}
            return Live(ask(sent))

        answer = self.cache.fetch(request, send)
        fields = Message()
        for name, value in (*answer.head.headers, *answer.added):
            fields[name] = value
        response: Any = addinfourl(
            io.BufferedReader(Body(answer.content)), fields, message.full_url, answer.head.status
        )
        response.msg, response.cachespec = answer.head.reason, answer.info
        return response
