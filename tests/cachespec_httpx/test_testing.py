"""What users test their own programs with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from cachespec.testing import Clock, Origin, Reply
from cachespec_httpx import cache_info
from cachespec_httpx.testing import OriginTransport

if TYPE_CHECKING:
    from conftest import SyncCaller

URL = "http://a.test/"


def test_a_scripted_origin_stands_behind_a_client(caller: SyncCaller) -> None:
    clock = Clock()
    origin = Origin(Reply("text", {"Cache-Control": "max-age=60", "ETag": '"1"'}), clock=clock)
    statuses = []
    with caller.open(caller.caching(transport=OriginTransport(origin), clock=clock)) as client:
        for seconds in (0, 59, 2):
            clock.advance(seconds)
            response = caller.get(client, URL)
            assert response.text == "text"
            statuses.append(cache_info(response).status)
    assert statuses == ["miss", "hit", "revalidated"]
    assert origin.urls == [URL, URL]


def test_it_sees_what_is_sent_and_a_plain_client_takes_it_too(caller: SyncCaller) -> None:
    origin = Origin(Reply(status=201))
    with caller.open(caller.plain(transport=OriginTransport(origin))) as client:
        assert caller.call(client.post, URL, content=b"x", headers={"X-Ours": "1"}).status_code == 201
    (seen,) = origin.requests
    assert (seen.method, seen.url, seen.content, seen.headers["x-ours"]) == ("POST", URL, b"x", "1")


@pytest.mark.parametrize(
    ("scripted", "raised"),
    [
        (ConnectionError("refused"), httpx.ConnectError),
        (TimeoutError("slow"), httpx.ReadTimeout),
        (httpx.RemoteProtocolError("cut"), httpx.RemoteProtocolError),
    ],
)
def test_failures_are_those_of_httpx(caller: SyncCaller, scripted: Exception, raised: type[Exception]) -> None:
    client = caller.caching(transport=OriginTransport(Origin(scripted)))
    with caller.open(client), pytest.raises(raised, match=str(scripted)):
        caller.get(client, URL)
