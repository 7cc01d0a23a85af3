from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from cachespec import AsyncCache, Cache, Request
from cachespec.testing import Clock, Origin, Reply

URL = "https://example.com/a"
FRESH = {"Cache-Control": "max-age=60", "ETag": '"1"'}


def test_a_clock_moves_when_it_is_told_to() -> None:
    clock = Clock(5)
    clock.advance(1.5)
    clock.advance(timedelta(minutes=1))
    assert clock() == clock.now == 66.5


def test_an_origin_answers_in_turn_and_the_last_one_again_and_again() -> None:
    origin = Origin(Reply("one"), Reply("two"))
    assert [origin.answer(Request("GET", URL)).content for _ in range(3)] == [b"one", b"two", b"two"]
    origin.serve(Reply(b"three"))
    assert origin.answer(Request("GET", f"{URL}/b")).content == b"three"
    assert origin.urls == [URL] * 3 + [f"{URL}/b"]


def test_an_origin_may_answer_with_a_function_of_the_request() -> None:
    origin = Origin(lambda request: Reply(request.url) if request.method == "GET" else ValueError("no"))
    assert origin.answer(Request("GET", URL)).content == URL.encode()
    with pytest.raises(ValueError, match="no"):
        origin.answer(Request("PUT", URL))


def test_an_origin_may_fail() -> None:
    origin = Origin(ConnectionError("refused"), Reply())
    with pytest.raises(ConnectionError, match="refused"):
        origin.answer(Request("GET", URL))
    assert origin.answer(Request("GET", URL)).head.status == 200


def test_an_origin_without_a_script_has_nothing() -> None:
    assert Origin().answer(Request("GET", URL)).head.status == 404


def test_fields_that_are_missing_are_added() -> None:
    answer = Origin(Reply("text"), clock=Clock(0)).answer(Request("GET", URL))
    assert answer.head.headers.fields == {"date": "Thu, 01 Jan 1970 00:00:00 GMT", "content-length": "4"}
    given = {"date": "Mon, 01 Jan 2001 00:00:00 GMT", "content-length": "7"}
    assert Origin(Reply("text", given)).answer(Request("GET", URL)).head.headers.fields == given


def test_a_head_gets_no_content() -> None:
    answer = Origin(Reply("text")).answer(Request("HEAD", URL))
    assert (answer.content, answer.head.headers["content-length"]) == (b"", "4")


@pytest.mark.parametrize(
    ("fields", "asked", "status"),
    [
        pytest.param({"ETag": '"1"'}, {"If-None-Match": '"1"'}, 304, id="the tag it has"),
        pytest.param({"ETag": '"2"'}, {"If-None-Match": '"1"'}, 200, id="another tag"),
        pytest.param({}, {"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 200, id="no validator"),
        pytest.param(
            {"Last-Modified": "Mon, 01 Jan 2001 00:00:00 GMT"},
            {"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
            304,
            id="the time it has",
        ),
    ],
)
def test_conditions_are_answered(fields: dict[str, str], asked: dict[str, str], status: int) -> None:
    answer = Origin(Reply("text", fields)).answer(Request("GET", URL, asked))
    assert answer.head.status == status
    assert answer.content == (b"text" if status == 200 else b"")
    assert ("content-length" in answer.head.headers) is (status == 200)


def test_a_cache_can_send_to_it() -> None:
    clock = Clock()
    origin = Origin(Reply("text", FRESH), clock=clock)
    cache = Cache(clock=clock)
    statuses = []
    for seconds in (0, 59, 2):
        clock.advance(seconds)
        answer = cache.fetch(Request("GET", URL), origin.send)
        assert b"".join(answer.content) == b"text"
        answer.content.close()
        statuses.append(answer.info.status)
    assert statuses == ["miss", "hit", "revalidated"]


def test_a_cache_on_an_event_loop_can_send_to_it() -> None:
    async def statuses() -> list[str]:
        clock = Clock()
        origin = Origin(Reply("text", FRESH), clock=clock)
        cache = AsyncCache(clock=clock)
        found = []
        for seconds in (0, 59, 2):
            clock.advance(seconds)
            answer = await cache.fetch(Request("GET", URL), origin.asend)
            assert [piece async for piece in answer.content] == [b"text"]
            await answer.content.aclose()
            found.append(answer.info.status)
        return found

    assert asyncio.run(statuses()) == ["miss", "hit", "revalidated"]
