"""TLS with an authority of one's own and a client's certificate works with the cache as without it."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
import trustme
from requests.adapters import HTTPAdapter

from cachespec_requests import CacheAdapter, CachedSession, cache_info

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Secure(ThreadingHTTPServer):
    """An origin that wants to see a client's certificate."""

    daemon_threads = True
    served = 0

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        ours = trustme.CA()
        self.authority = str(folder / "authority.pem")
        self.certificate = str(folder / "client.pem"), str(folder / "client.key")
        ours.cert_pem.write_to_path(self.authority)
        client = ours.issue_cert("client@a.test")
        client.cert_chain_pems[0].write_to_path(self.certificate[0])
        client.private_key_pem.write_to_path(self.certificate[1])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        ours.configure_trust(context)
        ours.issue_cert("127.0.0.1").configure_cert(context)
        # The handshake is done in the thread of a connection, when it is first read from.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self.server_port}/"

    def handle_error(self, *args: object) -> None:
        """Some clients are there to be refused."""


class Handler(BaseHTTPRequestHandler):
    server: Secure

    def do_GET(self) -> None:
        self.server.served += 1
        self.send_response(200)
        self.send_header("Cache-Control", "max-age=60")
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"secret")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Secure]:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    server = Secure(tmp_path)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def session_itself() -> requests.Session:
    return CachedSession()


def in_a_session() -> requests.Session:
    made = requests.Session()
    made.mount("https://", CacheAdapter())
    return made


def around_an_adapter() -> requests.Session:
    made = requests.Session()
    made.mount("https://", CacheAdapter(adapter=HTTPAdapter(max_retries=1)))
    return made


def mounted_later() -> requests.Session:
    made = CachedSession()
    made.mount("https://127.0.0.1", HTTPAdapter())
    return made


WAYS = pytest.mark.parametrize("way", [session_itself, in_a_session, around_an_adapter, mounted_later])


@WAYS
@pytest.mark.parametrize("once", [False, True], ids=["for the session", "for a request"])
def test_an_authority_and_a_certificate_of_ones_own_are_used(
    way: Callable[[], requests.Session], once: bool, secure: Secure
) -> None:
    options: dict[str, Any] = {"verify": secure.authority, "cert": secure.certificate}
    with way() as session:
        if not once:
            session.verify, session.cert = secure.authority, secure.certificate
        responses = [session.get(secure.url, **(options if once else {})) for _ in range(2)]
    assert [cache_info(response).status for response in responses] == ["miss", "hit"]
    assert [response.text for response in responses] == ["secret", "secret"]
    assert secure.served == 1


@WAYS
@pytest.mark.parametrize("known", [False, True], ids=["a stranger serves", "a stranger asks"])
def test_where_one_side_does_not_trust_the_other_it_is_an_error_and_nothing_is_stored(
    way: Callable[[], requests.Session], known: bool, secure: Secure
) -> None:
    with way() as session:
        for _ in range(2):
            with pytest.raises(requests.ConnectionError):
                session.get(secure.url, verify=secure.authority if known else True)
        mounted: Any = session.get_adapter(secure.url)
        assert mounted.urls() == []
    assert secure.served == 0
