"""The same over real sockets: uvicorn with one worker in a process of its own, and this process asks.

All the servers of a scenario run at once, so that rounds go from one to the other; who is not asked does nothing.
"""

from __future__ import annotations

import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from itertools import count, cycle
from pathlib import Path
from typing import Final

from harness import Contender, Offer, Scenario
from origin import HOT, SMALL
from with_asgi import PATH

CONNECTIONS = 32
PREBUILT = "two messages made ready before"
PLAIN = "Starlette, no cache"
HOST = b"Host: example.test\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\nUser-Agent: client/1.0\r\n\r\n"
TIMEOUT = 20.0


class Server:
    """A server in a process of its own; see serving.py."""

    def __init__(self, kind: str, stack: ExitStack) -> None:
        command = [sys.executable, str(Path(__file__).with_name("serving.py")), kind]
        self._process = stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        stack.callback(self._stop)
        self.port = int(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def _stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(TIMEOUT)
        finally:
            self._process.kill()

    def _told(self) -> list[str]:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._line().split()

    def cpu(self) -> float:
        """The processor seconds that it has used so far."""
        return float(self._told()[0])

    def calls(self) -> int:
        """How often the application was asked."""
        return int(self._told()[1])

    def connected(self) -> socket.socket:
        """A new connection."""
        connection = socket.create_connection(("127.0.0.1", self.port), TIMEOUT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def asked(target: str) -> bytes:
    """A request on a connection that is kept."""
    return b"GET %s HTTP/1.1\r\n%s" % (target.encode(), HOST)


def received(connection: socket.socket) -> bytes:
    """What has come, which is never nothing."""
    found = connection.recv(1 << 17)
    if not found:
        raise ConnectionError("the server has closed the connection")
    return found


def exchange(connections: list[socket.socket], requests: list[bytes], n: int) -> None:
    """Send n requests over some connections, on each of them one after the other, and read all the answers."""
    waiting = n
    with selectors.DefaultSelector() as selector:
        for at, connection in enumerate(connections[:n]):
            selector.register(connection, selectors.EVENT_READ, bytearray())
            connection.sendall(requests[at % len(requests)])
        sent = min(n, len(connections))
        while waiting:
            ready = selector.select(TIMEOUT)
            if not ready:
                raise TimeoutError("the server does not answer")
            for key, _ in ready:
                connection, held = key.fileobj, key.data
                assert isinstance(connection, socket.socket)
                held += received(connection)
                end = held.find(b"\r\n\r\n")
                if end < 0 or len(held) < end + 4 + SMALL:
                    continue
                assert held.startswith(b"HTTP/1.1 200 ")
                assert len(held) == end + 4 + SMALL
                held.clear()
                waiting -= 1
                if sent < n:
                    connection.sendall(requests[sent % len(requests)])
                    sent += 1


def _rate(stack: ExitStack, offer: Offer) -> None:
    def hits(kind: str) -> Contender:
        server = Server(kind, stack)
        connections = [stack.enter_context(server.connected()) for _ in range(CONNECTIONS)]
        requests = [asked(f"{PATH}{number}") for number in range(HOT)]
        exchange(connections, requests, HOT * CONNECTIONS)
        return Contender("", partial(exchange, connections, requests), calls=server.calls, cpu=server.cpu)

    offer.add(PREBUILT, partial(hits, "json:prebuilt"))
    offer.add("cachespec, memory", partial(hits, "json:memory"))
    offer.add("cachespec, sqlite", partial(hits, "json:sqlite"))
    offer.add(PLAIN, partial(hits, "json"))


def _first_bytes(
    pieces: int, contenders: Mapping[str, tuple[str, str, int | None]], stack: ExitStack, offer: Offer
) -> None:
    from serving import PIECE

    length = pieces * len(PIECE)

    def first(kind: str, place: str, urls: int | None) -> Contender:
        server = Server(kind, stack)
        numbers = count() if urls is None else cycle(range(urls))
        spent = 0.0

        def ask(n: int) -> None:
            nonlocal spent
            for _ in range(n):
                request = asked(f"/{place}/{pieces}/{next(numbers)}")
                began = time.perf_counter()
                with server.connected() as connection:
                    connection.sendall(request)
                    held = bytearray(received(connection))
                    # The first piece of the body comes with the head, or after it.
                    while (end := held.find(b"\r\n\r\n")) < 0 or len(held) == end + 4:
                        held += received(connection)
                    spent += time.perf_counter() - began
                    assert held.startswith(b"HTTP/1.1 200 ")
                    rest = end + 4 + length - len(held)
                    while rest:
                        rest -= len(received(connection))

        ask(urls or 1)
        return Contender("", ask, calls=server.calls, clock=lambda: spent, cpu=server.cpu)

    for name, (kind, place, urls) in contenders.items():
        offer.add(name, partial(first, kind, place, urls))


SHORT: Final = {
    PLAIN: ("streaming", "kept", None),
    "cachespec, stored in memory": ("streaming:memory", "kept", None),
    "cachespec, stored in a file": ("streaming:file", "kept", None),
    # Where processes share a store, who goes takes a lease before; that has to be written.
    "cachespec, stored in a file of its own": ("streaming:file:alone", "kept", None),
    "cachespec, stored in SQLite": ("streaming:sqlite", "kept", None),
    "cachespec, not stored": ("streaming:memory", "past", None),
    "cachespec, a hit in memory": ("streaming:memory", "kept", HOT),
    "cachespec, a hit in a file": ("streaming:file", "kept", HOT),
}
LONG: Final = {
    PLAIN: ("streaming", "kept", None),
    "cachespec, stored in a file of its own": ("streaming:roomy:alone", "kept", None),
    "cachespec, not stored": ("streaming:memory", "past", None),
}

SCENARIOS = [
    Scenario("uvicorn-rate", f"uvicorn: hits, 2 KiB, {CONNECTIONS} connections", PREBUILT, _rate, fixed=1000),
    Scenario(
        "uvicorn-first-byte",
        "uvicorn: 256 KiB in pieces, from connecting to the first byte",
        PLAIN,
        partial(_first_bytes, 4, SHORT),
        fixed=20,
    ),
]
FULL = [
    Scenario(
        "uvicorn-first-byte-of-1-gib",
        "uvicorn: 1 GiB in pieces, from connecting to the first byte",
        PLAIN,
        partial(_first_bytes, 16384, LONG),
        fixed=1,
    ),
]
