"""The same requests to the same site on every framework, under every server: nobody can tell the difference.

Each test asks for a query of its own, so that they may share a server.  A stored response is told by its body, which is
the number of the call that made it.
"""

from __future__ import annotations

import base64
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from application import TOKEN
from servers import IMPOSSIBLE, LACKS, SERVERS, SITES, Site, serving

COMBINATIONS = [(server, site) for server in SERVERS for site in SITES]


@pytest.fixture(scope="module", params=COMBINATIONS, ids="-".join)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running server; all tests of the module share it."""
    server, framework = request.param
    if reason := IMPOSSIBLE.get((server, framework)):
        pytest.skip(reason)
    with serving(server, framework, tmp_path_factory.mktemp("site")) as made:
        yield made


def lacks(site: Site, what: str) -> None:
    """Skip, with its reason, what a framework has not got."""
    if reason := LACKS.get((site.site, what)):
        pytest.skip(reason)


def test_a_response_is_stored_and_its_age_told(site: Site) -> None:
    first, second = site.ask("/cached?a"), site.ask("/cached?a")
    assert (first.status, first.body, second.status, second.body) == (200, b"1", 200, b"1")
    assert "fwd=uri-miss" in first.cache
    assert "; hit" in second.cache
    assert 0 <= int(second.headers["age"]) <= 5
    assert second.headers["content-length"] == "1"
    assert "transfer-encoding" not in second.headers
    assert second.headers["date"].endswith("GMT")


def test_what_is_private_is_not_stored(site: Site) -> None:
    assert [site.ask("/private?b").body for _ in range(2)] == [b"1", b"2"]


def test_a_condition_is_answered_from_the_store(site: Site) -> None:
    assert site.ask("/cached?c").status == 200
    for _ in range(2):
        reply = site.ask("/cached?c", if_none_match='"0", "1"')
        assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", '"1"')
    assert site.ask("/cached?c", if_none_match='"2"').body == b"1"


def test_a_range_is_answered_from_the_store(site: Site) -> None:
    whole = site.ask("/stream?d").body
    reply = site.ask("/stream?d", range="bytes=2-6")
    assert (reply.status, reply.body) == (206, b"first")
    assert reply.headers["content-range"] == f"bytes 2-6/{len(whole)}"
    assert site.ask("/stream?d", range=f"bytes={len(whole)}-").status == 416
    several = site.ask("/stream?d", range="bytes=0-0,2-6")
    assert several.headers["content-type"].startswith("multipart/byteranges")
    assert site.ask("/cached?d").body == b"1"
    assert site.ask("/cached?d", range="bytes=0-0", if_range='"2"').status == 200


def test_a_head_is_answered_from_a_get(site: Site) -> None:
    assert site.ask("/cached?e").body == b"1"
    reply = site.ask("/cached?e", "HEAD")
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", "1")
    assert "; hit" in reply.cache


def test_vary_tells_variants_apart(site: Site) -> None:
    languages = ("en", "fr", "en", "fr")
    bodies = [site.ask("/vary?f", accept_language=language).body for language in languages]
    assert bodies == [b"en1", b"fr2", b"en1", b"fr2"]


def test_what_sets_a_cookie_is_not_stored(site: Site) -> None:
    replies = [site.ask("/cookie?g") for _ in range(2)]
    assert [reply.body for reply in replies] == [b"1", b"2"]
    assert all(reply.headers["set-cookie"].startswith("id=1") for reply in replies)


@pytest.mark.parametrize("name", ["authorization", "cookie"])
def test_requests_with_credentials_get_only_what_is_public(site: Site, name: str) -> None:
    assert site.ask(f"/cached?h-{name}").body == b"1"
    assert [site.ask(f"/cached?h-{name}", **{name: "a=b"}).body for _ in range(2)] == [b"2", b"3"]
    assert site.ask(f"/cached?h-{name}").body == b"1"
    assert [site.ask(f"/public?h-{name}", **{name: "a=b"}).body for _ in range(2)] == [b"1", b"1"]


def test_a_stream_is_stored_as_it_passes(site: Site) -> None:
    replies = [site.ask("/stream?i") for _ in range(2)]
    assert [reply.body for reply in replies] == [b"1:first,second," + b"a" * 100_000] * 2
    assert "; hit" in replies[1].cache


def test_the_first_event_comes_before_the_second_is_made(site: Site) -> None:
    with site.raw("/events?j") as client:
        assert b"text/event-stream" in received(client, until=b"1:first,").lower()
    lacks(site, "leaving")
    site.until("/ended?j", b"yes".__eq__)


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(site: Site) -> None:
    lacks(site, "leaving")
    with site.raw("/halting?k") as client:
        received(client, until=b"1:first,")
    site.until("/ended?k", b"yes".__eq__)
    assert [site.ask("/halting?k").body for _ in range(2)] == [b"2:first,whole"] * 2


def test_an_unsafe_request_drops_what_is_stored(site: Site) -> None:
    assert [site.ask("/cached?l").body for _ in range(2)] == [b"1", b"1"]
    assert site.ask("/cached?l", "POST", b"").body == b"2"
    assert site.ask("/cached?l").body == b"3"


def test_the_endpoint_purges_and_only_for_those_it_knows(site: Site) -> None:
    assert site.ask("/cached?m").body == b"1"
    said = {"body": b'{"url": "/cached?m"}', "content_type": "application/json"}
    assert site.ask("/purge", "POST", **said).status == 403
    assert site.ask("/cached?m").body == b"1"
    known: Any = {**said, "authorization": f"Bearer {TOKEN}"}
    assert site.ask("/purge", "POST", **known, origin="http://evil.example").status == 403
    reply = site.ask("/purge", "POST", **known)
    assert (reply.status, reply.body) == (200, b'{"purged": 1}')
    assert site.ask("/cached?m").body == b"2"


def test_something_stale_is_refreshed_in_the_background(site: Site) -> None:
    assert site.ask("/stale?n").body == b"1"
    assert site.ask("/stale?n").body == b"1"
    # Every answer has one more made.
    site.until("/stale?n", b"1".__ne__)


def test_concurrent_requests_reach_the_application_once(site: Site) -> None:
    bodies: list[bytes] = []
    threads = [threading.Thread(target=lambda: bodies.append(site.ask("/slow?o").body)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bodies == [b"1"] * 20


def test_a_websocket_passes(site: Site) -> None:
    lacks(site, "websocket")
    key = base64.b64encode(os.urandom(16)).decode()
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}")
    with site.raw("/echo", *upgrade) as client:
        got = received(client, until=b"\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 101")
        # A text frame, masked with zeros (RFC 6455 §5.2), and how it comes back.
        client.sendall(b"\x81\x85\0\0\0\0hello")
        if not got.endswith(b"hello"):
            got += received(client, until=b"\x81\x05hello")
        client.sendall(b"\x88\x82\0\0\0\0\x03\xe8")


def received(client: socket.socket, *, until: bytes) -> bytes:
    got = b""
    while until not in got:
        piece = client.recv(65536)
        assert piece, got
        got += piece
    return got


def test_z_the_store_is_closed_when_the_server_ends(site: Site) -> None:
    site.stop()
    lacks(site, "lifespan")
    assert site.trace.read_text(encoding="utf-8") == "closed"
