"""Content streams both ways, in constant memory, and nothing is held back."""

from __future__ import annotations

import asyncio
import gc
import threading
import tracemalloc
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cachespec import MemoryStore, Policy
from cachespec_httpx import AsyncCacheTransport, CacheTransport, cache_info

if TYPE_CHECKING:
    from conftest import Origin, SyncCaller, Wire

MIB = 1024 * 1024


class Bottomless(MemoryStore):
    """A store that takes bodies of any size and keeps none of their octets."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0
        self.largest = 0

    def append(self, body_id: str, chunk: bytes) -> bool:
        self.taken += len(chunk)
        self.largest = max(self.largest, len(chunk))
        return super().append(body_id, b"")


class Flood(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Eighty mebibytes, made as they are read."""

    pieces = 80 * 16

    def __iter__(self) -> Iterator[bytes]:
        for number in range(self.pieces):
            yield bytes([number % 256]) * (MIB // 16)

    async def __aiter__(self) -> Any:
        for piece in self:
            yield piece


@pytest.mark.parametrize("limit", [256 * MIB, 1 * MIB], ids=["stored", "given up as too large"])
def test_a_large_body_passes_in_constant_memory(caller: SyncCaller, wire: Wire, limit: int) -> None:
    def drain(response: httpx.Response) -> int:
        return sum([len(piece) for piece in response.iter_raw()])

    async def adrain(response: httpx.Response) -> int:
        return sum([len(piece) async for piece in response.aiter_raw()])

    wire.answer = lambda request: httpx.Response(200, headers={"Cache-Control": "max-age=60"}, stream=Flood())
    store = Bottomless()
    with caller.open(caller.caching(transport=wire, store=store, policy=Policy(max_body=limit))) as client:
        response = caller.start(client, "http://a.test/")
        tracemalloc.start()
        try:
            length = caller.call(adrain, response) if caller.asynchronous else drain(response)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert length == 80 * MIB
    assert peak < 4 * MIB
    assert cache_info(response).stored is (limit > MIB)
    assert store.taken == (80 * MIB if limit > MIB else store.taken)
    assert store.largest < MIB


# httpx's own generators, and httpcore's: on trio, breaking off leaves them to the garbage collector, cache or none.
@pytest.mark.filterwarnings(
    "ignore:.*object (BoundAsyncStream|Response|AsyncResponseStream|PoolByteStream|HTTP11ConnectionByteStream"
    "|AsyncHTTP11Connection)[.]"
)
def test_a_piece_is_passed_on_when_it_comes(caller: SyncCaller, origin: Origin) -> None:
    last = threading.Event()
    origin.serve(origin.reply(headers=[("Cache-Control", "max-age=60")], body=[b"data: 1\n\n"], last=last))
    with caller.open(caller.caching()) as client:
        response = caller.start(client, origin.url)
        # The server does not go on before this has been seen.
        assert caller.raw(response, pieces=1) == b"data: 1\n\n"
        last.set()
        caller.close(response)


def test_a_response_that_is_dropped_unread_keeps_nobody_waiting(origin: Origin) -> None:
    origin.serve(origin.reply(headers=[("Cache-Control", "max-age=60")], body=b"x" * 100_000))
    with httpx.HTTPTransport() as wire, CacheTransport(wire) as transport:
        dropped = transport.handle_request(httpx.Request("GET", origin.url))
        stream = dropped.stream
        del dropped
        assert isinstance(stream, httpx.SyncByteStream)
        stream.close()
        response = transport.handle_request(httpx.Request("GET", origin.url))
        assert response.read() == b"x" * 100_000
        assert cache_info(response).status == "miss"


def test_a_response_that_ends_with_its_head_is_closed_at_its_end(caller: SyncCaller, wire: Wire) -> None:
    lines = [("Cache-Control", "max-age=0"), ("ETag", '"1"')]
    one = {"http_version": b"HTTP/1.1"}
    two = {"http_version": b"HTTP/2"}
    streams = [Counted(b"x"), Counted(), Counted(), Counted(error=True)]
    given = [
        httpx.Response(status, headers=lines, stream=stream, extensions=extensions)
        for status, stream, extensions in zip((200, 304, 304, 304), streams, (one, one, two, one), strict=True)
    ]
    wire.answer = lambda request: given.pop(0)
    with caller.open(caller.caching(transport=wire)) as client:
        for _ in range(4):
            assert caller.get(client, "http://a.test/").content == b"x"
    # Read to the end where that lets the connection be used again.
    assert [stream.read for stream in streams] == [1, 1, 0, 1]
    assert [stream.closed for stream in streams] == [1, 1, 1, 1]


def test_a_response_that_was_read_does_not_wait_for_the_garbage_collector(caller: SyncCaller, wire: Wire) -> None:
    lines = [("Cache-Control", "max-age=60")]
    wire.answer = lambda request: httpx.Response(200, headers=lines, stream=Counted(b"x"))
    with caller.open(caller.caching(transport=wire)) as client:
        gc.collect()
        gc.disable()
        try:
            response = caller.get(client, "http://a.test/")
            assert response.elapsed.total_seconds() >= 0
            left = weakref.ref(response)
            del response
            assert left() is None
        finally:
            gc.enable()


class Hasty(httpx.BaseTransport):
    """Closes what it has read, before the client does."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self.transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self.transport.handle_request(request)
        stream = response.stream
        assert isinstance(stream, httpx.SyncByteStream)

        class Read(httpx.SyncByteStream):
            def __iter__(self) -> Iterator[bytes]:
                yield from stream
                stream.close()

        response.stream = Read()
        return response


def test_who_closes_the_stream_early_loses_nothing(wire: Wire) -> None:
    lines = [("Cache-Control", "max-age=60")]
    wire.answer = lambda request: httpx.Response(200, headers=lines, stream=Counted(b"x"))
    with httpx.Client(transport=Hasty(CacheTransport(wire))) as client:
        response = client.get("http://a.test/")
    assert response.content == b"x"
    assert response.elapsed.total_seconds() >= 0
    assert cache_info(response).stored


class Counted(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A stream that counts how often it was read and closed."""

    def __init__(self, *pieces: bytes, error: bool = False) -> None:
        self.pieces = pieces
        self.error = error
        self.read = self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        self.read += 1
        if self.error:
            raise httpx.ReadError("gone")
        yield from self.pieces

    async def __aiter__(self) -> Any:
        for piece in self:
            yield piece

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


def test_a_stream_may_be_closed_twice_and_is_not_read_afterwards(wire: Wire) -> None:
    wire.answer = lambda request: httpx.Response(200, headers={"Cache-Control": "max-age=60"}, stream=Counted(b"x"))
    with CacheTransport(wire) as transport:
        stream = transport.handle_request(httpx.Request("GET", "http://a.test/")).stream
        assert isinstance(stream, httpx.SyncByteStream)
        assert list(stream) == [b"x"]
        for _ in range(2):
            stream.close()
            with pytest.raises(httpx.StreamClosed):
                list(stream)


def test_an_asynchronous_one_likewise(wire: Wire) -> None:
    async def main() -> None:
        async with AsyncCacheTransport(wire) as transport:
            stream = (await transport.handle_async_request(httpx.Request("GET", "http://a.test/"))).stream
            assert isinstance(stream, httpx.AsyncByteStream)
            assert [piece async for piece in stream] == [b"x"]
            for _ in range(2):
                await stream.aclose()
                with pytest.raises(httpx.StreamClosed):
                    [piece async for piece in stream]

    wire.answer = lambda request: httpx.Response(200, headers={"Cache-Control": "max-age=60"}, stream=Counted(b"x"))
    asyncio.run(main())
