"""HTTP/1.1 as it goes over the wire, for the proxy: a server that writes any status, and a client that reads it.

Real servers and clients refuse what a conformance suite needs: unknown status codes, odd transfer codings, responses
that stop short.  This is as much of RFC 9112 as one request per connection takes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from http.client import responses
from types import TracebackType
from typing import Self, TypeAlias

Fields: TypeAlias = list[tuple[str, str]]

HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"})
LIMIT = 1 << 20


@dataclass
class Message:
    """A request."""

    method: str
    target: str
    fields: Fields
    content: bytes = b""


def end_to_end(fields: Fields) -> Fields:
    """The fields that are passed on: not those for one connection only.  RFC 9110 §7.6.1"""
    listed = {name.strip().lower() for key, value in fields if key.lower() == "connection" for name in value.split(",")}
    return [(name, value) for name, value in fields if name.lower() not in HOP_BY_HOP | listed]


async def read_head(reader: asyncio.StreamReader) -> tuple[str, Fields]:
    """The start line and the fields.  Raises ConnectionError where the connection ends before they do."""
    start = (await reader.readline()).decode("latin-1").rstrip("\r\n")
    if not start:
        raise ConnectionError("no message")
    fields: Fields = []
    while line := (await reader.readline()).decode("latin-1"):
        if line in ("\r\n", "\n"):
            return start, fields
        name, _, value = line.rstrip("\r\n").partition(":")
        fields.append((name, value.strip(" \t")))
    raise ConnectionError("the head is cut off")


async def read_chunked(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Content in the chunked coding."""
    while size := int((await reader.readline()).partition(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readline()
    while (await reader.readline()).strip():
        pass


def value_of(fields: Fields, name: str) -> str | None:
    """The first line of a field."""
    return next((value for key, value in fields if key.lower() == name), None)


@dataclass
class Responder:
    """Writes one response, framed as its fields say, else in chunks."""

    writer: asyncio.StreamWriter
    method: str
    _bare: bool = field(default=False, init=False)
    _chunked: bool = field(default=False, init=False)

    async def interim(self, status: int, fields: Fields) -> None:
        """Send a 1xx response."""
        self._head(status, fields)
        await self.writer.drain()

    async def start(self, status: int, fields: Fields) -> None:
        """Send the head."""
        passed = end_to_end(fields)
        self._bare = self.method == "HEAD" or status in (204, 304)
        self._chunked = not self._bare and value_of(passed, "content-length") is None
        if self._chunked:
            passed.append(("Transfer-Encoding", "chunked"))
        self._head(status, [*passed, ("Connection", "close")])
        await self.writer.drain()

    async def write(self, chunk: bytes) -> None:
        """Send a piece of the content."""
        if chunk and not self._bare:
            self.writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if self._chunked else chunk)
            await self.writer.drain()

    async def end(self) -> None:
        """Send the end of the content."""
        if self._chunked:
            self.writer.write(b"0\r\n\r\n")
            await self.writer.drain()

    def _head(self, status: int, fields: Fields) -> None:
        phrase = responses.get(status, "")
        lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in fields), "", ""]
        self.writer.write("\r\n".join(lines).encode("latin-1"))


async def serve(backend: Callable[[Message, Responder], Awaitable[None]], port: int) -> asyncio.Server:
    """A server on loopback that has `backend` answer.  What it raises before a head becomes a 502, later a cut."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            start, fields = await read_head(reader)
            method, target, _ = start.split(" ", 2)
            length = int(value_of(fields, "content-length") or 0)
            content = await reader.readexactly(length)
            # Host is the origin's, not ours, and the content is framed anew.
            passed = [line for line in end_to_end(fields) if line[0].lower() not in ("content-length", "host")]
            responder = Responder(writer, method)
            try:
                await backend(Message(method, target, passed, content), responder)
            except Exception as error:  # noqa: BLE001  # one bad exchange must not end the server
                print(f"{method} {target}: {error!r}", flush=True)
                if not (responder._bare or responder._chunked):
                    with contextlib.suppress(ConnectionError):
                        await responder.start(502, [("Content-Length", "0")])
        writer.close()

    return await asyncio.start_server(connection, "127.0.0.1", port, limit=LIMIT, backlog=512)


class Upstream:
    """One connection to the origin, for one request."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(*self._address, limit=LIMIT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._writer.close()

    async def send(self, message: Message) -> None:
        """Send the request."""
        lines = [f"{message.method} {message.target} HTTP/1.1", "Host: {}:{}".format(*self._address)]
        lines += [*(f"{name}: {value}" for name, value in message.fields), "Connection: close"]
        if message.content:
            lines.append(f"Content-Length: {len(message.content)}")
        self._writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + message.content)
        await self._writer.drain()

    async def head(self) -> tuple[int, Fields]:
        """The status and fields of the next response, interim or final."""
        start, fields = await read_head(self._reader)
        return int(start.split(" ", 2)[1]), fields

    async def content(self, method: str, status: int, fields: Fields) -> AsyncIterator[bytes]:
        """The content.  Raises IncompleteReadError where it is shorter than announced."""
        if method == "HEAD" or status in (204, 304):
            return
        coding, length = value_of(fields, "transfer-encoding"), value_of(fields, "content-length")
        if coding is not None and coding.lower() == "chunked":
            async for chunk in read_chunked(self._reader):
                yield chunk
        elif coding is None and length is not None:
            yield await self._reader.readexactly(int(length))
        else:
            yield await self._reader.read()
