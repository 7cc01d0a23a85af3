"""Under a real server, over real sockets."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.to_thread
import pytest
import uvicorn

from cachespec import FileStore
from cachespec_asgi import CacheMiddleware

START = "http.response.start"
BODY = "http.response.body"


@contextmanager
def serving(app: Any) -> Iterator[int]:
    """`app` under uvicorn, in a thread; the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="none", timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture
def get() -> Iterator[Callable[..., tuple[int, list[tuple[str, str]], bytes]]]:
    """Asks on one connection for each port."""
    connections: dict[int, http.client.HTTPConnection] = {}

    def ask(port: int, path: str = "/a", method: str = "GET", **headers: str) -> tuple[int, Any, bytes]:
        if port not in connections:
            connections[port] = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connections[port].request(method, path, headers={name.replace("_", "-"): v for name, v in headers.items()})
        response = connections[port].getresponse()
        body = response.read()
        return response.status, [(name.lower(), value) for name, value in response.getheaders()], body

    yield ask
    for connection in connections.values():
        connection.close()


def test_answers_from_the_store_are_framed_and_dated_once(origin: Any, get: Any, tmp_path: Any) -> None:
    origin.body = [b"a" * 100_000] * 3
    with serving(CacheMiddleware(origin, store=FileStore(tmp_path))) as port:
        for _ in range(3):
            status, lines, body = get(port)
            names = [name for name, _ in lines]
            assert (status, body, names.count("date")) == (200, b"a" * 300_000, 1)
            assert names.count("content-length") + names.count("transfer-encoding") == 1
        assert origin.calls == 1
        assert get(port, Range="bytes=99999-100000")[::2] == (206, b"aa")
        assert get(port, method="HEAD")[::2] == (200, b"")


def test_the_first_chunk_of_a_stream_arrives_before_the_second_is_made(origin: Any) -> None:
    go = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": START, "status": 200, "headers": [(b"cache-control", b"max-age=60")]})
        await send({"type": BODY, "body": b"first", "more_body": True})
        await anyio.to_thread.run_sync(go.wait)
        await send({"type": BODY, "body": b"second"})

    with serving(CacheMiddleware(app)) as port, socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(b"GET /a HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n")
        got = b""
        while b"first" not in got:
            got += client.recv(65536)
        assert b"second" not in got
        go.set()
        while chunk := client.recv(65536):
            got += chunk
        assert b"second" in got


def test_a_client_that_goes_in_the_middle_leaves_nothing_behind(get: Any) -> None:
    calls = 0
    ended = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        await send({"type": START, "status": 200, "headers": [(b"cache-control", b"max-age=60")]})
        await send({"type": BODY, "body": b"first", "more_body": True})
        if calls == 1:
            while (await receive())["type"] != "http.disconnect":
                pass
            ended.set()
            return
        await send({"type": BODY, "body": b"second"})

    with serving(CacheMiddleware(app)) as port:
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(b"GET /a HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port)
            while b"first" not in client.recv(65536):
                pass
        assert ended.wait(10)
        assert [get(port)[2] for _ in range(2)] == [b"firstsecond"] * 2
        assert calls == 2


def test_a_refresh_delays_neither_the_next_request_on_the_connection_nor_is_it_cut_off_by_the_end(
    origin: Any, get: Any, clock: Any
) -> None:
    refreshing, go, done = threading.Event(), threading.Event(), threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if clock.now > 1_700_000_050:
            refreshing.set()
            await anyio.to_thread.run_sync(go.wait)
        await origin(scope, receive, send)
        if go.is_set():
            done.set()

    origin.headers = [("cache-control", "max-age=10, stale-while-revalidate=600")]
    with serving(CacheMiddleware(app, clock=clock)) as port:
        get(port)
        clock.now += 100
        began = time.monotonic()
        for _ in range(3):
            assert "; hit" in dict(get(port)[1])["cache-status"]
        assert time.monotonic() - began < 5
        assert refreshing.wait(10)
        timer = threading.Timer(0.2, go.set)
        timer.start()
    # The server has been told to end while the refresh ran, and has waited for it.
    assert done.is_set()
    assert origin.calls == 2


def test_a_hundred_cold_requests_reach_the_application_once(origin: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await anyio.sleep(0.3)
        await origin(scope, receive, send)

    bodies: list[bytes] = []

    def ask(port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/a")
        bodies.append(connection.getresponse().read())
        connection.close()

    with serving(CacheMiddleware(app)) as port:
        threads = [threading.Thread(target=ask, args=(port,)) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (bodies, origin.calls) == ([b"hello"] * 100, 1)
