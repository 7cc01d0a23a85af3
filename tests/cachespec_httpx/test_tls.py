"""TLS with an authority of one's own and a client's certificate works with the cache as without it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import hypercorn
import hypercorn.asyncio
import pytest
import trustme

from cachespec_httpx import cache_info

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Origin, SyncCaller

FRESH = [("cache-control", "max-age=60")]


class Trust:
    """An authority that nobody else knows, and what it has signed."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.authority = folder / "authority.pem"
        self.server, self.server_key = folder / "server.pem", folder / "server.key"
        self.client, self.client_key = folder / "client.pem", folder / "client.key"
        authority.cert_pem.write_to_path(self.authority)
        for made, chain, key in (
            (authority.issue_cert("127.0.0.1"), self.server, self.server_key),
            (authority.issue_cert("client@a.test"), self.client, self.client_key),
        ):
            made.private_key_pem.write_to_path(key)
            for blob in made.cert_chain_pems:
                blob.write_to_path(chain, append=True)

    def context(self, *, certified: bool = True) -> ssl.SSLContext:
        """What a client is to be given as `verify`; `certified`: with a certificate of its own."""
        made = ssl.create_default_context(cafile=str(self.authority))
        if certified:
            made.load_cert_chain(self.client, self.client_key)
        return made


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return Trust(tmp_path_factory.mktemp("trust"))


@pytest.fixture
def secure(origin: Origin, trust: Trust) -> Iterator[str]:
    """The origin under a server that wants to see a client's certificate, and speaks HTTP/2, too."""

    async def main() -> None:
        await hypercorn.asyncio.serve(
            origin,  # type: ignore[arg-type]
            config,
            shutdown_trigger=lambda: asyncio.to_thread(over.wait),
        )

    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    # The server closes what it is given.
    config = hypercorn.Config.from_mapping(bind=[f"fd://{listener.detach()}"], errorlog=None, accesslog=None)
    config.certfile, config.keyfile = str(trust.server), str(trust.server_key)
    config.ca_certs, config.verify_mode = str(trust.authority), ssl.CERT_REQUIRED
    config.include_date_header = config.include_server_header = False
    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    origin.serve(origin.reply(headers=FRESH, body=b"secret"))
    yield f"https://127.0.0.1:{port}/"
    over.set()
    thread.join()


def client_itself(caller: SyncCaller, **options: Any) -> Any:
    return caller.caching(**options)


def around_a_transport(caller: SyncCaller, **options: Any) -> Any:
    return caller.plain(transport=caller.transport(caller.wire(**options)))


def mounted(caller: SyncCaller, **options: Any) -> Any:
    return caller.caching(mounts={"https://": caller.wire(**options)})


WAYS = pytest.mark.parametrize("way", [client_itself, around_a_transport, mounted])


@WAYS
@pytest.mark.parametrize("http2", [False, True])
def test_an_authority_and_a_certificate_of_ones_own_are_used(
    way: Callable[..., Any], http2: bool, caller: SyncCaller, trust: Trust, secure: str, origin: Origin
) -> None:
    with caller.open(way(caller, verify=trust.context(), http2=http2)) as client:
        responses = [caller.get(client, secure) for _ in range(2)]
    assert [cache_info(response).status for response in responses] == ["miss", "hit"]
    assert [response.content for response in responses] == [b"secret"] * 2
    assert responses[0].http_version == ("HTTP/2" if http2 else "HTTP/1.1")
    assert len(origin.seen) == 1


@WAYS
@pytest.mark.filterwarnings("ignore::DeprecationWarning:httpx")
def test_a_certificate_may_be_given_apart(
    way: Callable[..., Any], caller: SyncCaller, trust: Trust, secure: str, origin: Origin
) -> None:
    files = (str(trust.client), str(trust.client_key))
    with caller.open(way(caller, verify=trust.context(certified=False), cert=files)) as client:
        assert [cache_info(caller.get(client, secure)).status for _ in range(2)] == ["miss", "hit"]
    assert len(origin.seen) == 1


@WAYS
@pytest.mark.parametrize("known", [False, True], ids=["a stranger serves", "a stranger asks"])
def test_where_one_side_does_not_trust_the_other_it_is_an_error_and_nothing_is_stored(
    way: Callable[..., Any], known: bool, caller: SyncCaller, trust: Trust, secure: str, origin: Origin
) -> None:
    verify: Any = trust.context(certified=False) if known else True
    with caller.open(way(caller, verify=verify)) as client:
        for _ in range(2):
            with pytest.raises(httpx.TransportError):
                caller.get(client, secure)
        behind = client if hasattr(client, "urls") else client._transport
        urls = caller.call(behind.urls) if caller.asynchronous else behind.urls()
        assert urls == []
    assert origin.seen == []
