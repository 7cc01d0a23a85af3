"""Content, however it is read: the same octets in the same pieces, recorded on the way and complete or not at all."""

from __future__ import annotations

import gc
import gzip
import io
import shutil
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.packages.urllib3.exceptions import IncompleteRead, ProtocolError, ReadTimeoutError
from requests.packages.urllib3.response import HTTPResponse

from cachespec import MemoryStore, Policy
from cachespec_requests import CacheAdapter, CachedSession, cache_info, raw

if TYPE_CHECKING:
    from conftest import Clock, Origin

TEXT = b"".join(b"line %d\n" % number for number in range(3000))
PIECES = [TEXT[at : at + 5000] for at in range(0, len(TEXT), 5000)]

READERS: dict[str, Callable[[requests.Response], Any]] = {
    "content": lambda response: response.content,
    "text": lambda response: response.text,
    # Where a piece ends depends on the network, too.
    "iter_content": lambda response: b"".join(response.iter_content(1000)),
    "iter_content by chunk": lambda response: b"".join(response.iter_content(None)),
    "iter_lines": lambda response: list(response.iter_lines(decode_unicode=True)),
    "raw.read": lambda response: response.raw.read(),
    "raw.read decoded": lambda response: response.raw.read(decode_content=True),
    "raw.read in parts": lambda response: list(iter(lambda: response.raw.read(777), b"")),
    "raw.read1": lambda response: b"".join(iter(lambda: response.raw.read1(777), b"")),
    "raw.read1 decoded": lambda response: b"".join(iter(lambda: response.raw.read1(777, decode_content=True), b"")),
    "raw.stream": lambda response: b"".join(response.raw.stream(500, decode_content=False)),
    "raw.stream decoded": lambda response: b"".join(response.raw.stream(500, decode_content=True)),
    "raw.data": lambda response: response.raw.data,
    "raw as a file": lambda response: copied(response.raw),
    "raw buffered": lambda response: io.BufferedReader(response.raw).read(),
    "raw line by line": lambda response: list(response.raw),
}


def copied(file: Any) -> bytes:
    to = io.BytesIO()
    shutil.copyfileobj(file, to)
    return to.getvalue()


def serve(origin: Origin, framing: str, coded: bool) -> None:
    body = gzip.compress(TEXT, mtime=0) if coded else TEXT
    pieces = [body[at : at + 5000] for at in range(0, len(body), 5000)]
    fields = [("Content-Encoding", "gzip")] if coded else []
    origin.serve(origin.fresh(pieces, ("Content-Type", "text/plain; charset=utf-8"), *fields, framing=framing))


@pytest.mark.parametrize("coded", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_content_is_read_as_without_the_cache(
    session: CachedSession, origin: Origin, framing: str, coded: bool, read: Callable[[requests.Response], Any]
) -> None:
    serve(origin, framing, coded)
    with requests.Session() as plain:
        plain.trust_env = False
        response = plain.get(origin.url, stream=True)
        expected = read(response)
        closed = response.raw.closed, response.raw.isclosed()
        response.close()
    for status in ("miss", "hit", "hit"):
        response = session.get(origin.url, stream=True)
        assert read(response) == expected
        assert cache_info(response).status == status
        assert cache_info(response).stored
        assert (response.raw.closed, response.raw.isclosed()) == closed
    assert len(origin.seen) == 2


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_content_that_was_read_at_once_can_be_iterated_over(
    session: CachedSession, origin: Origin, framing: str
) -> None:
    serve(origin, framing, False)
    for _ in range(2):
        response = session.get(origin.url)
        assert (response.content, response.text.encode()) == (TEXT, TEXT)
        assert b"".join(response.iter_content(100)) == TEXT
        assert list(response.iter_lines()) == TEXT.splitlines()
    assert len(origin.seen) == 1


def test_chunks_keep_their_borders_and_come_at_once(session: CachedSession, origin: Origin) -> None:
    gates = [threading.Event() for _ in range(3)]

    def pieces() -> Iterator[bytes]:
        for number, gate in enumerate(gates):
            yield b"%d\n" % number * (number + 1)
            assert gate.wait(10)

    origin.serve(origin.fresh(pieces(), framing="chunked"))
    response = session.get(origin.url, stream=True)
    lines = response.iter_content(None)
    for number, gate in enumerate(gates):
        # The next chunk is not under way yet: this one has not waited for it.
        assert next(lines) == b"%d\n" % number * (number + 1)
        gate.set()
    assert not cache_info(response).stored
    assert list(lines) == []
    assert cache_info(response).stored


def test_a_few_octets_are_there_before_the_rest(session: CachedSession, origin: Origin) -> None:
    gate = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"begin"
        assert gate.wait(10)
        yield b"end"

    origin.serve(origin.fresh(pieces(), framing="close"))
    response = session.get(origin.url, stream=True)
    assert response.raw.read(5) == b"begin"
    gate.set()
    assert response.raw.read() == b"end"
    assert session.get(origin.url).content == b"beginend"
    assert len(origin.seen) == 1


def test_what_is_stored_is_there_before_its_end_is_seen(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh(b"0123456789"))
    response = session.get(origin.url, stream=True)
    assert response.raw.read(9) == b"012345678"
    assert not cache_info(response).stored
    assert response.raw.read(1) == b"9"
    assert cache_info(response).stored


def test_an_unread_rest_can_be_drained(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh(PIECES))
    for _ in range(2):
        response = session.get(origin.url, stream=True)
        response.raw.read(10)
        response.raw.drain_conn()
    assert cache_info(response).status == "hit"
    assert len(origin.seen) == 1


# --- incomplete content


@pytest.mark.requirement("9111-3.3-01")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_truncated_content_is_an_error_and_not_stored(
    session: CachedSession, origin: Origin, framing: str, stream: bool
) -> None:
    origin.serve(origin.fresh(PIECES, framing=framing, cut=True), origin.fresh(b"whole"))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        assert session.get(origin.url, stream=stream).content
    assert session.urls() == []
    assert session.get(origin.url).content == b"whole"


@pytest.mark.parametrize(
    "read", [pytest.param(READERS[name], id=name) for name in ("raw.read", "raw.read in parts", "raw.stream")]
)
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_truncated_content_is_an_error_for_who_reads_it_raw(
    session: CachedSession, origin: Origin, framing: str, read: Callable[[requests.Response], Any]
) -> None:
    origin.serve(origin.fresh(PIECES, framing=framing, cut=True))
    response = session.get(origin.url, stream=True)
    with pytest.raises((ProtocolError, IncompleteRead)):
        read(response)
    # Read on, it looks as if it had come to its end.
    response.raw.read()
    assert session.urls() == []


def test_a_chunk_that_is_cut_is_an_error(session: CachedSession, origin: Origin) -> None:
    body = b"5\r\nfirst\r\nff\r\ntoo short"
    origin.serve(origin.fresh(body, ("Transfer-Encoding", "chunked"), framing="none"))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        session.get(origin.url)
    assert session.urls() == []


def test_a_timeout_within_the_content_is_an_error(session: CachedSession, origin: Origin) -> None:
    gate = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"begin"
        gate.wait(10)

    for framing in ("close", "chunked"):
        origin.serve(origin.fresh(pieces(), framing=framing))
        response = session.get(origin.url, stream=True, timeout=0.1)
        with pytest.raises(ReadTimeoutError):
            list(response.raw.stream(100))
        response.raw.read()
    gate.set()
    assert session.urls() == []


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_content_that_is_given_up_is_not_stored(session: CachedSession, origin: Origin, framing: str) -> None:
    origin.serve(lambda seen: origin.fresh(PIECES, framing=framing))
    for give_up in (requests.Response.close, lambda response: response.raw.close(), None):
        response = session.get(origin.url, stream=True)
        assert response.raw.read(100) == TEXT[:100]
        if give_up is not None:
            give_up(response)
            assert response.raw.read() in (b"", None)
            assert not cache_info(response).stored
        del response
        assert session.urls() == []
    assert session.get(origin.url).content == TEXT
    assert len(session.urls()) == 1


def test_a_response_that_is_dropped_closes_itself(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh(PIECES))
    gc.collect()
    gc.disable()
    try:
        response = session.get(origin.url, stream=True)
        raw_response = response.raw
        connection = raw_response.connection
        del response, raw_response
        assert connection.sock is None
    finally:
        gc.enable()


def test_content_that_cannot_be_decoded_is_an_error_each_time(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh(b"no gzip at all", ("Content-Encoding", "gzip")))
    for _ in range(2):
        with pytest.raises(requests.exceptions.ContentDecodingError):
            session.get(origin.url)


def test_an_interruption_is_not_taken_for_an_end(
    session: CachedSession, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.serve(origin.fresh(PIECES, framing="close"))
    response = session.get(origin.url, stream=True)
    read = HTTPResponse._fp_read

    def interrupted(*args: Any, **options: Any) -> bytes:
        raise KeyboardInterrupt

    assert response.raw.read(10) == TEXT[:10]
    monkeypatch.setattr(HTTPResponse, "_fp_read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        response.raw.read(10)
    monkeypatch.setattr(HTTPResponse, "_fp_read", read)
    response.raw.read()
    assert session.urls() == []


def test_an_interruption_of_the_recording_is_the_readers(session: CachedSession, origin: Origin) -> None:
    class Interrupted(MemoryStore):
        def swap(self, *args: Any) -> bool:
            raise KeyboardInterrupt

    origin.serve(origin.fresh(b"once"))
    with CachedSession(store=Interrupted()) as interrupted, pytest.raises(KeyboardInterrupt):
        interrupted.get(origin.url)


# --- much content


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_much_content_passes_through_little_memory(origin: Origin, clock: Clock, tmp_path: Any, framing: str) -> None:
    size, piece = 80 * 1024 * 1024, bytes(256 * 1024)

    class Discarding(MemoryStore):
        """A store that counts octets and makes them up again."""

        size = 0

        def append(self, body_id: str, chunk: bytes) -> bool:
            Discarding.size += len(chunk)
            return super().append(body_id, b"")

        def open(self, body_id: str) -> Any:
            return Body()

    class Body:
        def chunks(self, start: int, stop: int) -> Iterator[bytes]:
            for _ in range(start, stop, len(piece)):
                yield bytes(len(piece))

        def close(self) -> None:
            pass

    def pieces() -> Iterator[bytes]:
        for _ in range(size // len(piece)):
            yield piece

    fields = [] if framing == "chunked" else [("Content-Length", str(size))]
    origin.serve(lambda seen: origin.fresh(pieces(), *fields, framing="chunked" if framing == "chunked" else "none"))
    with CachedSession(store=Discarding(), clock=clock) as session:
        for status in ("miss", "hit"):
            response = session.get(origin.url, stream=True)
            tracemalloc.start()
            read = sum(len(chunk) for chunk in response.iter_content(64 * 1024))
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert (read, cache_info(response).status) == (size, status)
            assert peak < 4 * 1024 * 1024
    assert Discarding.size == size


def test_content_of_more_than_the_policy_allows_passes_unrecorded(origin: Origin, clock: Clock) -> None:
    origin.serve(lambda seen: origin.fresh(PIECES, framing="chunked"))
    with CachedSession(clock=clock, policy=Policy(max_body=10_000)) as session:
        for _ in range(2):
            response = session.get(origin.url)
            assert response.content == TEXT
            assert not cache_info(response).stored
    assert len(origin.seen) == 2


# --- what comes out of the store, as urllib3 has it


def test_a_stored_response_is_one_of_urllib3s(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh(b"once", ("X-Line", "1"), ("X-Line", "2")))
    session.get(f"{origin.url}/a?b")
    for stream in (False, True):
        made = session.get(f"{origin.url}/a?b", stream=stream).raw
        assert isinstance(made, HTTPResponse)
        assert made._original_response is None
        assert made.headers.getlist("x-line") == ["1", "2"]
        assert (made.status, made.reason, made.version, made.version_string) == (200, "OK", 11, "HTTP/1.1")
        assert (made.geturl(), made.retries.history, made.connection) == ("/a?b", (), None)
        assert not made.closed
        assert made.read(2) == b"on"
        assert made.tell() == 2
        assert made.read() == b"ce"
        assert made.closed
        made.close()
        made.release_conn()
        with pytest.raises(AttributeError):
            made.nothing  # noqa: B018
    assert len(origin.seen) == 1


def test_a_stored_response_that_was_closed_has_nothing_to_read(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh(b"once"))
    session.get(origin.url)
    for stream in (False, True):
        response = session.get(origin.url, stream=stream)
        response.raw.close()
        assert response.raw.closed
        assert response.raw.read() == b""
        assert response.raw.isclosed()
        response.raw.close()


def test_a_body_that_the_store_has_lost_part_of_is_an_error(origin: Origin, clock: Clock) -> None:
    class Losing(MemoryStore):
        def open(self, body_id: str) -> Any:
            body = super().open(body_id)
            assert body is not None
            body.pieces = body.pieces[:1]
            return body

    origin.serve(origin.fresh([bytes(300_000)] * 2))
    with CachedSession(store=Losing(), clock=clock) as session:
        session.get(origin.url)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            session.get(origin.url)


def test_a_long_body_is_read_from_the_store_in_any_way(session: CachedSession, origin: Origin) -> None:
    body = bytes(range(256)) * 4000
    origin.serve(origin.fresh([body]))
    session.get(origin.url)
    assert session.get(origin.url).content == body
    assert b"".join(session.get(origin.url, stream=True).iter_content(777)) == body
    part = session.get(origin.url, headers={"Range": "bytes=1000-900000"})
    assert part.content == body[1000:900_001]
    with session.get(origin.url, stream=True) as unread:
        assert unread.raw.read(3) == body[:3]
    assert len(origin.seen) == 1


# --- what other adapters give


class Answering(BaseAdapter):
    """An adapter whose responses read from what `make` makes."""

    def __init__(self, make: Callable[[], Any], **fields: str) -> None:
        super().__init__()
        self.make = make
        self.fields = fields
        self.sent = 0

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        self.sent += 1
        response = requests.Response()
        response.status_code = 200
        response.url = request.url or ""
        response.headers.update({"Cache-Control": "max-age=60", **self.fields})
        response.raw = self.make()
        response.reason = getattr(response.raw, "reason", "")
        return response

    def close(self) -> None:
        pass


class Derived(HTTPResponse):
    """A response that is not quite urllib3's."""


def derived(**options: Any) -> HTTPResponse:
    fields = [("Cache-Control", "max-age=60"), *options.pop("fields", ())]
    return Derived(io.BytesIO(options.pop("body", TEXT)), fields, 200, 10, reason="Fine", preload_content=False)


# Without an end that http.client sees, urllib3 itself reads by chunk for ever.
@pytest.mark.parametrize(
    "read", [pytest.param(read, id=name) for name, read in READERS.items() if name != "iter_content by chunk"]
)
def test_a_response_of_another_kind_is_recorded_too(read: Callable[[requests.Response], Any]) -> None:
    inner = Answering(derived)
    expected = read(inner.send(requests.Request("GET", "http://a.test/").prepare()))
    with CachedSession(adapter=inner) as session:
        for status in ("miss", "hit"):
            response = session.get("http://a.test/", stream=True)
            assert read(response) == expected
            assert (cache_info(response).status, cache_info(response).stored) == (status, True)
    assert inner.sent == 2


def test_a_response_of_another_kind_keeps_what_is_known_of_it() -> None:
    with CachedSession(adapter=Answering(derived)) as session:
        response = session.get("http://a.test/", stream=True)
        assert (response.raw.version, response.raw.reason, response.raw.headers["Cache-Control"]) == (
            10,
            "Fine",
            "max-age=60",
        )
        response.close()
        assert session.urls() == []


def test_a_response_of_another_kind_is_decoded() -> None:
    coded = zlib.compress(TEXT)
    inner = Answering(
        lambda: derived(body=coded, fields=[("Content-Encoding", "deflate")]), **{"Content-Encoding": "deflate"}
    )
    with CachedSession(adapter=inner) as session:
        assert [session.get("http://a.test/").content for _ in range(2)] == [TEXT, TEXT]
    assert inner.sent == 1


def test_a_plain_file_is_recorded_as_it_is() -> None:
    inner = Answering(lambda: io.BytesIO(TEXT))
    with CachedSession(adapter=inner, policy=Policy(cache_status="mine")) as session:
        assert [session.get("http://a.test/").content for _ in range(2)] == [TEXT, TEXT]
    assert inner.sent == 1


def test_a_plain_file_with_a_coding_is_read_undecoded_and_not_stored() -> None:
    inner = Answering(lambda: io.BytesIO(TEXT), **{"Content-Encoding": "gzip"})
    with CachedSession(adapter=inner, policy=Policy(cache_status="mine")) as session:
        for _ in range(2):
            response = session.get("http://a.test/")
            assert response.content == TEXT
            assert "mine; fwd=uri-miss" in response.headers["Cache-Status"]
    assert inner.sent == 2


def test_an_urllib3_that_reads_otherwise_is_recorded_too(
    session: CachedSession, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "LISTENS", False)
    serve(origin, "chunked", True)
    assert [session.get(origin.url).content for _ in range(2)] == [TEXT, TEXT]
    assert len(origin.seen) == 1
    assert issubclass(CacheAdapter, HTTPAdapter)
