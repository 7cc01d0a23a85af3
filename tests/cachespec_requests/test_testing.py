"""What users test their own programs with."""

from __future__ import annotations

import pytest
import requests

from cachespec.testing import Clock, Origin, Reply
from cachespec_requests import CachedSession, cache_info
from cachespec_requests.testing import OriginAdapter

URL = "http://a.test/"


def test_a_scripted_origin_stands_behind_a_session() -> None:
    clock = Clock()
    origin = Origin(Reply("text", {"Cache-Control": "max-age=60", "ETag": '"1"'}), clock=clock)
    statuses = []
    with CachedSession(clock=clock, adapter=OriginAdapter(origin)) as session:
        for seconds in (0, 59, 2):
            clock.advance(seconds)
            response = session.get(URL)
            assert (response.text, response.reason) == ("text", "OK")
            statuses.append(cache_info(response).status)
    assert statuses == ["miss", "hit", "revalidated"]
    assert origin.urls == [URL, URL]


def test_it_sees_what_is_sent_and_a_plain_session_takes_it_too() -> None:
    origin = Origin(Reply("made", status=201))
    with requests.Session() as session:
        session.mount("http://", OriginAdapter(origin))
        response = session.post(URL, data=b"x", headers={"X-Ours": "1"}, timeout=5)
    assert (response.status_code, response.content) == (201, b"made")
    (seen,) = origin.requests
    assert (seen.method, seen.url, seen.content, seen.headers["x-ours"]) == ("POST", URL, b"x", "1")


@pytest.mark.parametrize(
    ("scripted", "raised"),
    [
        (ConnectionError("refused"), requests.ConnectionError),
        (TimeoutError("slow"), requests.ReadTimeout),
        (requests.exceptions.InvalidHeader("odd"), requests.exceptions.InvalidHeader),
    ],
)
def test_failures_are_those_of_requests(scripted: Exception, raised: type[Exception]) -> None:
    session = CachedSession(adapter=OriginAdapter(Origin(scripted)))
    with session, pytest.raises(raised, match=str(scripted)):
        session.get(URL)
