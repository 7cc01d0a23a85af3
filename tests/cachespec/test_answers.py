from __future__ import annotations

from typing import Any

import pytest

from cachespec.dates import format_date

BODY = b"0123456789"
MODIFIED = format_date(1_000_000_000 - 1000)
FIELDS = {"ETag": '"a"', "Last-Modified": MODIFIED, "Content-Type": "text/plain", "Vary": "X", "Set-Cookie": "a=b"}


@pytest.fixture
def stored(lab: Any) -> Any:
    """A cache that holds one fresh response."""
    lab.says("max-age=60", FIELDS, body=BODY).get()
    lab.wait(7)
    return lab


@pytest.mark.requirement("9111-4.3.2-01", "9110-15.4.5-01", "9110-15.4.5-02", "9110-15.4.5-03", "9110-13.1.2-03")
@pytest.mark.parametrize(
    "asked", [{"If-None-Match": '"b", W/"a"'}, {"If-None-Match": "*"}, {"If-Modified-Since": MODIFIED}]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_condition_that_fails_is_answered_with_304(asked: Any, method: str, stored: Any) -> None:
    reply = stored.get(asked, method=method)
    assert (reply.status, reply.body, reply.info.status) == (304, b"", "hit")
    assert reply.headers.fields.keys() == {"cache-control", "date", "etag", "vary", "set-cookie", "age"}
    assert reply.age == 7
    assert stored.calls == 1


@pytest.mark.requirement("9111-4.3.2-01", "9110-13.1.3-01")
@pytest.mark.parametrize(
    "asked",
    [
        {"If-None-Match": '"b"'},
        {"If-None-Match": '"b"', "If-Modified-Since": MODIFIED},
        {"If-Modified-Since": format_date(0)},
        {"If-Modified-Since": "then"},
    ],
)
def test_a_condition_that_holds_is_answered_with_all(asked: Any, stored: Any) -> None:
    reply = stored.get(asked)
    assert (reply.status, reply.body, reply.info.status) == (200, BODY, "hit")
    assert stored.calls == 1


@pytest.mark.requirement("9111-4.3.2-05", "9110-13.1.3-03")
def test_without_last_modified_the_date_counts(lab: Any) -> None:
    lab.says("max-age=60", date=False).get()
    received = lab.clock.date()
    lab.wait(5)
    assert lab.get({"If-Modified-Since": received}).status == 304
    assert lab.get({"If-Modified-Since": lab.clock.date(-6)}).status == 200
    assert lab.calls == 1


@pytest.mark.requirement("9110-13.2.1-01")
def test_a_condition_on_what_is_no_success_does_not_count(lab: Any) -> None:
    lab.says("max-age=60", {"ETag": '"a"'}, status=404).get()
    assert lab.get({"If-None-Match": '"a"'}).status == 404
    assert lab.calls == 1


@pytest.mark.requirement(
    "9110-14.2-05", "9110-15.3.7-01", "9110-15.3.7.1-01", "9111-3.3-06", "9110-14.1.2-01", "9110-13.2.2-01"
)
@pytest.mark.parametrize(
    ("value", "span"), [("bytes=2-4", (2, 4)), ("bytes=8-", (8, 9)), ("bytes=-3", (7, 9)), ("bytes=0-99", (0, 9))]
)
def test_a_range_is_answered_with_206(value: str, span: tuple[int, int], stored: Any) -> None:
    reply = stored.get({"Range": value})
    assert (reply.status, reply.body, reply.info.status) == (206, BODY[span[0] : span[1] + 1], "hit")
    assert reply.headers["content-range"] == f"bytes {span[0]}-{span[1]}/10"
    assert reply.headers["content-length"] == str(len(reply.body))
    assert reply.headers["etag"] == '"a"'
    assert reply.age == 7
    assert stored.calls == 1


@pytest.mark.requirement("9110-15.3.7.2-01")
def test_several_ranges_are_answered_in_parts(lab: Any) -> None:
    body = bytes(range(256)) * 8
    lab.says("max-age=60", FIELDS, body=body).get()
    reply = lab.get({"Range": "bytes=0-9, 1000-1009"})
    assert reply.status == 206
    assert reply.headers["content-type"].startswith("multipart/byteranges")
    assert body[:10] in reply.body
    assert body[1000:1010] in reply.body
    assert reply.headers["content-length"] == str(len(reply.body))


@pytest.mark.requirement("9110-14.2-06", "9110-14.4-03", "9110-15-01")
def test_a_range_behind_the_end_is_answered_with_416(stored: Any) -> None:
    reply = stored.get({"Range": "bytes=10-"})
    assert (reply.status, reply.body, reply.headers["content-range"]) == (416, b"", "bytes */10")
    assert "age" not in reply.headers
    assert stored.calls == 1


@pytest.mark.requirement("9110-13.2.2-01", "9110-14.2-07")
def test_conditions_come_before_the_range(stored: Any) -> None:
    assert stored.get({"Range": "bytes=0-1", "If-None-Match": '"a"'}).status == 304
    assert stored.get({"Range": "bytes=0-1", "If-None-Match": '"b"'}).status == 206


@pytest.mark.requirement("9111-4.3.2-06", "9110-13.1.5-05", "9110-13.1.5-01")
@pytest.mark.parametrize(("value", "status"), [('"a"', 206), ('W/"a"', 200), ('"b"', 200), (MODIFIED, 206)])
def test_if_range_is_tested_against_what_is_stored(value: str, status: int, stored: Any) -> None:
    assert stored.get({"Range": "bytes=0-1", "If-Range": value}).status == status
    assert stored.get({"If-Range": value}).status == 200
    assert stored.calls == 1


@pytest.mark.requirement("9110-14.2-02", "9110-14.2-01")
def test_a_range_that_is_none_gets_all(stored: Any) -> None:
    assert stored.get({"Range": "lines=1-2"}).body == BODY
    reply = stored.head({"Range": "bytes=1-2"})
    assert (reply.status, reply.body) == (200, b"")


def test_a_part_of_a_large_body_is_read_from_the_store(lab: Any) -> None:
    body = bytes(range(256)) * 4096
    lab.says("max-age=60", body=body).get()
    assert lab.get({"Range": "bytes=300000-300009"}).body == body[300_000:300_010]
    assert lab.get({"Range": "bytes=300000-700000"}).body == body[300_000:700_001]
    assert lab.get().body == body


def test_an_empty_body_needs_no_store(lab: Any) -> None:
    lab.says("max-age=60", body=b"").get()
    reply = lab.get()
    assert (reply.body, reply.headers["content-length"], reply.info.status) == (b"", "0", "hit")


def test_what_is_known_of_a_hit_is_told(lab: Any) -> None:
    lab.says("max-age=60", {"Age": "3"}).get()
    lab.wait(7)
    info = lab.get().info
    assert (info.age, info.lifetime, info.created_at, info.expires_at) == (10, 60, 1e9, 1e9 + 57)
    assert (info.key, info.stored, info.from_cache) == ("https://example.com/a", True, True)
