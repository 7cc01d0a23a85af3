from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cachespec import Cache, Headers, MemoryStore, Override, Policy, Request, Response, Wish
from cachespec.status import parse_cache_status

URL = "https://example.com/a"
MAKE = Callable[..., Any]
TAGGED = {"ETag": '"a"'}


def not_modified(headers: Any = (), **options: Any) -> dict[str, Any]:
    return {"headers": headers, "status": 304, "body": b"", **options}


# --- RFC 9111 §4: a stored response answers


@pytest.mark.requirement("9111-2-04", "9110-7.3.1-01", "9111-4-05", "9110-9.3.1-01")
def test_what_was_stored_answers_the_next_request(lab: Any) -> None:
    lab.says("max-age=60", {"X": "y"}, body=b"one").says(body=b"two")
    first = lab.get()
    assert (first.status, first.body, first.info.status, first.info.stored) == (200, b"one", "miss", True)
    assert first.live is lab.lives[0]
    second = lab.get()
    assert (second.status, second.body, second.info.status) == (200, b"one", "hit")
    assert second.headers["x"] == "y"
    assert second.live is None
    assert lab.calls == 1


@pytest.mark.requirement("9111-4-07", "9111-4-08", "9111-5.1-03", "9111-4.2.3-05")
def test_an_answer_from_the_store_has_one_age_of_its_own(lab: Any) -> None:
    lab.says("max-age=60", {"Age": "7", "Date": lab.clock.date(), "Expires": "tomorrow"})
    first = lab.get()
    assert first.headers.getlist("age") == ["7"]
    lab.wait(10.9)
    second = lab.get()
    assert second.headers.getlist("age") == ["17"]
    assert second.headers["date"] == first.headers["date"]
    assert second.headers["expires"] == "tomorrow"
    assert second.info.age == pytest.approx(17.9)


@pytest.mark.requirement("9111-4.2.3-03")
def test_the_time_on_the_way_counts_as_age(lab: Any) -> None:
    lab.delay = 5
    lab.says("max-age=60")
    lab.get()
    assert lab.get().age == 5


@pytest.mark.requirement("9110-6.6.1-01")
def test_what_had_no_date_is_served_with_the_time_of_receipt(lab: Any) -> None:
    lab.says("max-age=60", date=False)
    lab.get()
    received = lab.clock.date()
    assert lab.wait(10).get().headers["date"] == received


@pytest.mark.requirement("9111-4-01", "9111-2-01", "9110-4.2.3-02", "9111-4.2.2-05")
@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/b",
        "https://example.com/a/",
        "https://example.com/A",
        "https://example.com/a?",
        "https://example.com/a?x",
        "https://example.com/%61",
        "https://example.com//a",
        "https://example.com:8443/a",
        "https://www.example.com/a",
        "http://example.com/a",
    ],
)
def test_another_url_is_another_response(url: str, lab: Any) -> None:
    lab.says("max-age=60", body=b"one").says("max-age=60", body=b"two")
    lab.get()
    assert lab.get(url=url).body == b"two"
    assert lab.get().body == b"one"
    assert lab.get(url=url).body == b"two"
    assert lab.calls == 2


@pytest.mark.requirement("9110-4.2.3-01", "9110-4.2.5-01")
@pytest.mark.parametrize("url", ["HTTPS://EXAMPLE.com:443/a#there", "https://user@example.com/a"])
def test_another_way_to_write_the_url_is_the_same(url: str, lab: Any) -> None:
    lab.says("max-age=60").get()
    assert lab.get(url=url).info.status == "hit"


@pytest.mark.requirement("9111-4-02")
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY", "get", "BREW"])
def test_another_method_is_not_answered_with_what_get_stored(method: str, lab: Any) -> None:
    lab.says("max-age=60", body=b"one").says("max-age=60", body=b"two")
    lab.get()
    reply = lab.get(method=method)
    assert (reply.body, reply.info.status, reply.info.forward) == (b"two", "bypass", "method")
    assert lab.asked.method == method


@pytest.mark.requirement("9110-9.3.2-02", "9110-9.3.1-01")
def test_head_is_answered_from_get_without_content(lab: Any) -> None:
    lab.says("max-age=60", {"X": "y"}, body=b"content")
    stored = lab.get()
    lab.wait(5)
    reply = lab.head()
    assert (reply.status, reply.body, reply.info.status) == (200, b"", "hit")
    assert reply.headers.without({"age"}) == stored.headers
    assert reply.headers["content-length"] == "7"
    assert reply.age == 5
    assert lab.calls == 1


@pytest.mark.requirement("9110-9.3.2-01")
def test_get_is_not_answered_with_what_head_got(lab: Any) -> None:
    lab.says("max-age=60")
    assert lab.head().info.status == "miss"
    assert lab.entries == []
    assert lab.get().info.status == "miss"
    assert lab.head().info.status == "hit"


@pytest.mark.requirement("9111-5.2-01", "9110-11.6.2-01")
def test_what_goes_forward_is_the_very_request_and_what_comes_back_the_very_head(lab: Any) -> None:
    lab.says('no-store, max-age="5", ext=1, PRIVATE', {"Vary": "*", "Connection": "x"})
    asked = Request("GET", URL, {"Cache-Control": "no-store, ext, max-age=0", "Authorization": "Basic eA=="})
    answer = lab.cache.fetch(asked, lab.send)
    assert lab.asked is asked
    assert answer.head is lab.lives[0].head
    assert answer.added == ()
    assert not answer.content.recorded


@pytest.mark.requirement("9111-5.2-01", "9110-11.6.2-01", "9111-4.3.1-01")
def test_a_validation_changes_nothing_but_the_conditions(lab: Any) -> None:
    lab.says("public, max-age=0", {**TAGGED, "Vary": "Accept"}).says(**not_modified())
    asked = {"Accept": "x", "Authorization": "Basic eA==", "Cache-Control": "ext=1"}
    lab.get(asked)
    lab.get(asked)
    assert lab.asked.headers.without({"if-none-match"}) == Headers(asked)
    assert lab.asked.headers["if-none-match"] == '"a"'


@pytest.mark.requirement("9213-2.2-05")
def test_fields_of_other_caches_are_handed_on(lab: Any) -> None:
    lab.says("max-age=60", {"CDN-Cache-Control": "no-store", "Surrogate-Control": "x"}).get()
    assert lab.get().headers["cdn-cache-control"] == "no-store"


@pytest.mark.requirement("9111-5.2.2.6-01", "9110-7.7-01", "9111-5.2.1.6-01")
def test_the_content_is_left_as_it_is(lab: Any) -> None:
    body = b"\x1f\x8b\x00 not really gzip"
    lab.says("max-age=60, no-transform", {"Content-Encoding": "gzip"}, body=body)
    for _ in range(2):
        reply = lab.get({"Cache-Control": "no-transform"})
        assert reply.body == body
        assert reply.headers["content-encoding"] == "gzip"


@pytest.mark.requirement("9110-12.5.5-03")
@pytest.mark.parametrize("vary", [None, "Accept", "accept,  Accept-Language, accept", "Accept,"])
def test_vary_goes_out_as_it_came(vary: str | None, lab: Any) -> None:
    lab.says("max-age=60, stale-if-error=99", {} if vary is None else {"Vary": vary})
    assert [lab.get().headers.get("vary") for _ in range(2)] == [vary, vary]
    # Nor is one made where a stored response stands in.
    lab.wait(90).fails()
    assert lab.get().headers.get("vary") == vary


@pytest.mark.requirement("9110-6.5.1-01", "9111-3.1-08", "9111-3.1-07")
def test_trailer_fields_stay_where_they_are(lab: Any) -> None:
    lab.says("max-age=60", {"Trailer": "X-Late"}, body=[b"con", b"tent"])
    answer = lab.fetch()
    answer.live.trailers = [("X-Late", "1")]
    assert b"".join(answer.content) == b"content"
    answer.content.close()
    assert answer.head.headers.fields.keys() == {"cache-control", "trailer", "date"}
    assert lab.get().headers.fields.keys() == {"cache-control", "date", "content-length", "age"}


# --- what the store has no say in


@pytest.mark.parametrize(
    ("options", "asked", "code"),
    [
        pytest.param({"enabled": False}, {}, "off", id="switched off"),
        pytest.param({}, {"wish": Wish(mode="no-store")}, "wish-no-store", id="the caller wants it so"),
        pytest.param({}, {"content": b"x"}, "content", id="a GET with content"),
        pytest.param({}, {"content": None}, "content", id="a GET with streamed content"),
        pytest.param({"key": lambda request: None}, {}, "no-key", id="a key function that gives none"),
        pytest.param({}, {"url": f"https://example.com/{'x' * 20_000}"}, "no-key", id="a long URL"),
        pytest.param({"request_filter": lambda request: False}, {}, "filtered", id="a filter"),
        pytest.param(
            {"methods": frozenset({"GET", "QUERY"})},
            {"method": "QUERY", "content": None},
            "streamed",
            id="a streamed QUERY",
        ),
        pytest.param({}, {"method": "PUT"}, "method", id="another method"),
    ],
)
def test_some_requests_pass_by(options: Any, asked: Any, code: str, make_lab: MAKE) -> None:
    lab = make_lab(**options)
    lab.says("max-age=60")
    for _ in range(2):
        reply = lab.get(**asked)
        assert (reply.info.status, reply.codes) == ("bypass", [code])
        assert reply.info.forward == ("method" if code == "method" else "bypass")
        assert reply.info.key is None
    assert lab.entries == []


def test_a_get_with_content_may_count_as_one_without(make_lab: MAKE) -> None:
    lab = make_lab(ignore_fat_get=True).says("max-age=60")
    lab.get(content=b"x")
    assert lab.get().info.status == "hit"


def test_a_filter_that_agrees_changes_nothing(make_lab: MAKE) -> None:
    lab = make_lab(request_filter=lambda request: True).says("max-age=60")
    lab.get()
    assert lab.get().info.status == "hit"


# --- only-if-cached


@pytest.mark.requirement("9111-5.2.1.7-01")
def test_only_if_cached_is_answered_from_the_store_or_with_504(lab: Any) -> None:
    lab.says("max-age=60")
    asked = {"Cache-Control": "only-if-cached"}
    reply = lab.get(asked)
    assert (reply.status, reply.body, reply.headers["content-length"]) == (504, b"", "0")
    assert (reply.info.status, reply.codes) == ("unavailable", ["nothing-stored", "only-if-cached"])
    assert lab.calls == 0
    lab.get()
    assert lab.get(asked).info.status == "hit"
    lab.wait(61)
    assert lab.get(asked).status == 504
    assert lab.get({"Cache-Control": "only-if-cached, max-stale"}).status == 200
    assert lab.get({"Cache-Control": "only-if-cached, max-stale=0"}).status == 504
    assert lab.calls == 1


@pytest.mark.requirement("9111-5.2.1.7-01")
@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"headers": {"If-Match": '"a"'}}, id="conditions for the origin"),
        pytest.param({"headers": {"Accept": "other"}}, id="another variant"),
        pytest.param({"content": b"x"}, id="a GET with content"),
        pytest.param({"url": f"https://example.com/{'x' * 20_000}"}, id="no key"),
    ],
)
def test_only_if_cached_never_goes_forward(asked: Any, lab: Any) -> None:
    lab.says("max-age=60", {"Vary": "Accept"}).get({"Accept": "x"})
    headers = {"Accept": "x", "Cache-Control": "only-if-cached", **asked.get("headers", {})}
    assert lab.get(**asked | {"headers": headers}).status == 504
    assert lab.calls == 1


def test_only_if_cached_counts_at_a_gateway_too_but_not_for_other_methods(make_lab: MAKE) -> None:
    lab = make_lab(Policy.gateway()).says("max-age=60")
    assert lab.get({"Cache-Control": "only-if-cached"}).status == 504
    assert lab.get({"Cache-Control": "only-if-cached"}, method="PUT").status == 200


@pytest.mark.requirement("5861-3-02")
def test_only_if_cached_starts_no_refresh(lab: Any) -> None:
    lab.says("max-age=1, stale-while-revalidate=60").get()
    lab.wait(2)
    assert lab.get({"Cache-Control": "only-if-cached"}).info.status == "stale"
    lab.settle()
    assert lab.calls == 1


# --- RFC 9111 §4.3: validation


@pytest.mark.requirement("9111-4.3.3-01", "9111-4.2.3-06", "9111-4.3.4-06", "9111-3.2-02", "9111-4-07")
def test_a_304_freshens_what_is_stored_and_answers_with_it(lab: Any) -> None:
    lab.says("max-age=60", {**TAGGED, "A": "1", "B": "2"}, body=b"one")
    lab.says("max-age=5", not_modified()["headers"] or {"ETag": '"a"', "B": "3"}, status=304)
    lab.get()
    lab.wait(61)
    reply = lab.get()
    assert (reply.status, reply.body, reply.info.status) == (200, b"one", "revalidated")
    assert (reply.headers["a"], reply.headers["b"], reply.headers["cache-control"]) == ("1", "3", "max-age=5")
    assert (reply.age, reply.info.forward, reply.info.forward_status) == (0, "stale", 304)
    assert lab.lives[-1].closed
    reply = lab.wait(4).get()
    assert (reply.info.status, reply.age, reply.headers["b"]) == ("hit", 4, "3")
    lab.wait(1)
    assert lab.get().info.status == "revalidated"
    assert lab.calls == 3


@pytest.mark.requirement("9111-4-04", "9111-5.2.2.4-01", "9111-4-05")
@pytest.mark.parametrize("said", ["no-cache", "no-cache, max-age=60", "max-age=60, no-cache=x y"])
def test_no_cache_is_validated_on_every_use(said: str, lab: Any) -> None:
    lab.says(said, TAGGED).says(**not_modified())
    lab.get()
    for _ in range(2):
        assert lab.get().info.status == "revalidated"
    assert lab.calls == 3


@pytest.mark.requirement("9111-4.3.3-02", "9111-4.3.3-03")
@pytest.mark.parametrize("status", [200, 404, 410, 301])
def test_a_whole_response_to_a_validation_takes_the_place_of_what_was_stored(status: int, lab: Any) -> None:
    lab.says("max-age=1", TAGGED, body=b"one").says("max-age=60", {"ETag": '"b"'}, status=status, body=b"two")
    lab.get()
    lab.wait(2)
    reply = lab.get()
    assert (reply.status, reply.body, reply.info.status) == (status, b"two", "miss")
    reply = lab.get()
    assert (reply.status, reply.body, reply.info.status) == (status, b"two", "hit")
    assert len(lab.entries) == 1


@pytest.mark.requirement("9111-4.3.3-02")
@pytest.mark.parametrize("said", ["no-store", "max-age=60"])
@pytest.mark.parametrize("status", [200, 404, 429])
def test_a_whole_response_that_is_not_stored_removes_what_was(said: str, status: int, lab: Any) -> None:
    lab.says("max-age=1", TAGGED, body=b"x" * 100_000)
    if status != 429:
        said = "no-store"
    lab.says(said, status=status)
    lab.get()
    lab.wait(2)
    assert lab.get().status == status
    assert lab.entries == []
    assert lab.store.bytes == 0


@pytest.mark.requirement("9111-4.3.3-04")
def test_a_5xx_keeps_what_was_stored_and_goes_to_the_client(lab: Any) -> None:
    lab.says("max-age=1", TAGGED).says(status=503).says(**not_modified())
    lab.get()
    lab.wait(2)
    assert lab.get().status == 503
    assert lab.get().info.status == "revalidated"


@pytest.mark.requirement("9111-4.3.4-03")
def test_a_304_about_something_else_updates_nothing_and_is_asked_again(lab: Any) -> None:
    lab.says("max-age=1", TAGGED, body=b"one").says("max-age=60", {"ETag": '"b"', "X": "new"}, status=304)
    lab.says("max-age=60", {"ETag": '"b"'}, body=b"two")
    lab.get()
    lab.wait(2)
    reply = lab.get()
    assert (reply.body, reply.info.status) == (b"two", "miss")
    assert lab.calls == 3
    assert "if-none-match" not in lab.asked.headers
    assert lab.lives[1].closed
    assert lab.get().body == b"two"


@pytest.mark.requirement("9111-4.3.4-05")
def test_a_304_that_names_none_of_several_is_asked_again(lab: Any) -> None:
    lab.says("max-age=60", {"ETag": '"a"', "Vary": "Accept"}).get({"Accept": "a"})
    lab.says("max-age=60", {"ETag": '"b"', "Vary": "Accept"}).get({"Accept": "b"})
    lab.says(**not_modified()).says("max-age=60", {"Vary": "Accept"}, body=b"third")
    reply = lab.get({"Accept": "c"})
    assert lab.requests[2].headers["if-none-match"] == '"b", "a"'
    assert "if-none-match" not in lab.asked.headers
    assert reply.body == b"third"


@pytest.mark.requirement("9111-4.3.2-09", "9111-4.3.2-07", "9110-13.2.1-03")
def test_a_304_for_our_tag_becomes_a_200_for_a_client_with_another(lab: Any) -> None:
    lab.says("max-age=1", TAGGED, body=b"one").says(**not_modified(TAGGED))
    lab.get()
    lab.wait(2)
    reply = lab.get({"If-None-Match": '"old"'})
    assert lab.asked.headers["if-none-match"] == '"a", "old"'
    assert (reply.status, reply.body) == (200, b"one")


@pytest.mark.requirement("9110-15.4.5-04")
def test_a_304_for_the_client_s_tag_goes_to_the_client(lab: Any) -> None:
    lab.says("max-age=1", TAGGED, body=b"one").says(**not_modified({"ETag": '"old"'}))
    lab.get()
    lab.wait(2)
    reply = lab.get({"If-None-Match": '"old"'})
    assert (reply.status, reply.headers["etag"], reply.info.status) == (304, '"old"', "miss")
    assert [entry.etag for entry in lab.entries] == ['"a"']
    assert lab.calls == 2


@pytest.mark.requirement("9111-4.3.2-09")
def test_a_304_that_may_be_for_either_is_asked_again_as_the_client_did(lab: Any) -> None:
    lab.says("max-age=1", TAGGED, body=b"one").says(**not_modified()).says(body=b"two")
    lab.get()
    lab.wait(2)
    reply = lab.get({"If-None-Match": '"old"'})
    assert lab.asked.headers["if-none-match"] == '"old"'
    assert (reply.status, reply.body) == (200, b"two")


@pytest.mark.requirement("9111-4.3.2-03", "9111-4.3.2-04", "9110-13.2.1-03", "9110-15.4.5-04")
@pytest.mark.parametrize("stored", [False, True], ids=["nothing is stored", "what is stored is stale"])
def test_conditions_are_passed_on_where_nothing_can_answer(stored: bool, lab: Any) -> None:
    if stored:
        lab.says("max-age=1", body=b"old").get()
        lab.wait(2)
    lab.says(**not_modified(TAGGED))
    asked = {
        "If-None-Match": '"a", "b"',
        "If-Modified-Since": lab.clock.date(),
        "Range": "bytes=0-1",
        "If-Range": '"a"',
    }
    reply = lab.get(asked)
    assert lab.asked.headers == Headers(asked)
    assert (reply.status, reply.info.status, reply.live) == (304, "miss", lab.lives[-1])


@pytest.mark.requirement("9111-4.3.2-02", "9110-13.1.1-03", "9110-13.1.4-03", "9110-13.2.2-01")
@pytest.mark.parametrize("name", ["If-Match", "If-Unmodified-Since"])
def test_conditions_of_the_origin_s_are_never_tested_here(name: str, lab: Any) -> None:
    lab.says("max-age=60", TAGGED, body=b"old").says("max-age=60", TAGGED, status=412)
    lab.get()
    value = '"a"' if name == "If-Match" else lab.clock.date()
    reply = lab.get({name: value, "If-None-Match": '"a"'})
    assert (reply.status, reply.info.status, reply.info.forward) == (412, "miss", "request")
    assert lab.asked.headers == Headers({name: value, "If-None-Match": '"a"'})
    # It answers a condition of this client's, and says nothing about anybody else's request.
    assert lab.get().body == b"old"


@pytest.mark.requirement("9111-4.3.2-02")
@pytest.mark.parametrize("trouble", ["fails", "5xx"])
def test_a_stale_response_does_not_stand_in_where_only_the_origin_can_judge(trouble: str, lab: Any) -> None:
    lab.says("max-age=60, stale-if-error=999", TAGGED)
    lab.get()
    if trouble == "fails":
        lab.fails()
        with pytest.raises(ConnectionError):
            lab.get({"If-Match": '"a"'})
    else:
        lab.says(status=503)
        assert lab.get({"If-Match": '"a"'}).status == 503


@pytest.mark.requirement("9111-3.2-01", "9111-5.2.2.5-01")
@pytest.mark.parametrize("body", [b"small", b"x" * 100_000], ids=["small", "large"])
def test_a_304_that_says_no_store_answers_once_and_removes(body: bytes, lab: Any) -> None:
    lab.says("max-age=1", TAGGED, body=body).says("no-store", **not_modified({"Age": "5"})).says("max-age=60")
    lab.get()
    lab.wait(20)
    reply = lab.get()
    assert (reply.status, reply.body, reply.info.status, reply.info.stored) == (200, body, "revalidated", False)
    assert (reply.headers["cache-control"], reply.age) == ("no-store", 5)
    assert "no-store" in reply.codes
    assert lab.entries == []
    assert lab.store.bytes == 0


@pytest.mark.requirement("9111-5.2.1.5-02", "9111-5.2.1.5-01")
def test_a_request_with_no_store_leaves_what_answers_it_where_it_is(lab: Any) -> None:
    lab.says("max-age=60", TAGGED, body=b"one").says(**not_modified({"X": "private to this request"}))
    asked = {"Cache-Control": "no-store"}
    lab.get()
    assert lab.get(asked).info.status == "hit"
    lab.wait(61)
    reply = lab.get(asked)
    assert (reply.body, reply.info.status) == (b"one", "revalidated")
    assert len(lab.entries) == 1
    assert "x" not in lab.entries[0].headers
    assert lab.get().info.status == "revalidated"


@pytest.mark.requirement("9111-5.2.1.5-01")
def test_a_request_with_no_store_leaves_nothing(lab: Any) -> None:
    lab.says("max-age=60")
    assert lab.get({"Cache-Control": "no-store"}).codes[-1] == "request-no-store"
    assert lab.entries == []
    assert lab.store.bytes == 0


@pytest.mark.requirement("9111-3-06")
def test_a_validation_with_credentials_leaves_what_was_stored_for_others(shared: Any) -> None:
    shared.says("max-age=60", TAGGED, body=b"one").says(**not_modified())
    shared.get()
    shared.wait(61)
    assert shared.get({"Authorization": "x"}).info.status == "revalidated"
    assert len(shared.entries) == 1
    assert shared.get().info.status == "revalidated"


@pytest.mark.requirement("9111-4.3.1-07")
def test_without_a_validator_the_request_goes_out_as_it_is(lab: Any) -> None:
    lab.says("max-age=1", body=b"one").says("max-age=60", body=b"two")
    lab.get()
    lab.wait(2)
    assert lab.get().body == b"two"
    assert not [name for name in lab.asked.headers.fields if name.startswith("if-")]


def test_the_client_s_own_304_for_a_request_without_conditions_of_ours_is_passed_on(lab: Any) -> None:
    lab.says("max-age=1").says(**not_modified())
    lab.get()
    lab.wait(2)
    assert lab.get({"If-Modified-Since": lab.clock.date()}).status == 304


@pytest.mark.requirement("9111-5.2.1.4-01", "9211-2.2-02")
@pytest.mark.parametrize("said", ["no-cache", "max-age=0", "min-fresh=100"])
def test_what_the_request_asks_for_beyond_freshness_is_validated(said: str, lab: Any) -> None:
    lab.says("max-age=60", TAGGED).says(**not_modified())
    lab.get()
    lab.wait(1)
    reply = lab.get({"Cache-Control": said})
    assert (reply.info.status, reply.info.forward) == ("revalidated", "request")
    lab.wait(100)
    assert lab.get({"Cache-Control": said}).info.forward == "stale"


@pytest.mark.requirement("5861-3-04", "5861-4-05")
def test_vary_is_taken_anew_at_a_validation(lab: Any) -> None:
    lab.says("max-age=1", TAGGED, body=b"one").says("max-age=60", **not_modified({**TAGGED, "Vary": "Accept"}))
    lab.says("max-age=60", {"Vary": "Accept"}, body=b"two")
    lab.get({"Accept": "x"})
    lab.wait(2)
    assert lab.get({"Accept": "x"}).info.status == "revalidated"
    assert lab.get({"Accept": "x"}).info.status == "hit"
    assert lab.get({"Accept": "y"}).body == b"two"
    assert len(lab.entries) == 2


def test_vary_may_go_at_a_validation(lab: Any) -> None:
    lab.says("max-age=1", {**TAGGED, "Vary": "Accept"}, body=b"one").says("max-age=60", **not_modified({"Vary": ""}))
    lab.get({"Accept": "x"})
    lab.wait(2)
    assert lab.get({"Accept": "x"}).info.status == "revalidated"
    assert lab.get({"Accept": "y"}).info.status == "hit"
    assert len(lab.entries) == 1


@pytest.mark.parametrize("body", [b"one", b"x" * 100_000], ids=["small", "large"])
def test_a_variant_that_was_chosen_by_its_tag_answers_both_requests(body: bytes, lab: Any) -> None:
    lab.says("max-age=60", {**TAGGED, "Vary": "Accept"}, body=body).says("max-age=60", **not_modified(TAGGED))
    lab.get({"Accept": "x"})
    reply = lab.get({"Accept": "y"})
    assert (reply.body, reply.info.status) == (body, "revalidated")
    assert lab.get({"Accept": "x"}).info.status == "hit"
    # A body that lies by itself belongs to one entry; the other request is validated again.
    again = lab.get({"Accept": "y"})
    assert (again.body, again.info.status) == (body, "hit" if body == b"one" else "revalidated")


# --- the body is gone


def test_where_the_body_is_gone_the_server_is_asked(lab: Any) -> None:
    lab.says("max-age=60", TAGGED, body=b"x" * 100_000)
    lab.get()
    lab.store.discard(lab.entries[0].body_id)
    reply = lab.get()
    assert (reply.info.status, reply.info.forward, "body-gone" in reply.codes) == ("miss", "miss", True)
    assert lab.get().info.status == "hit"


def test_where_the_body_is_gone_at_a_validation_the_server_is_asked_once_more(lab: Any) -> None:
    lab.says("max-age=1", TAGGED, body=b"x" * 100_000).says(**not_modified()).says("max-age=60", body=b"two")
    lab.get()
    lab.wait(2)
    lab.store.discard(lab.entries[0].body_id)
    reply = lab.get()
    assert (reply.info.status, reply.body) == ("miss", b"two")
    assert "if-none-match" not in lab.asked.headers


# --- RFC 5861 §4, RFC 9111 §4.3.3: errors


@pytest.mark.requirement("5861-4-01", "5861-4-04", "5861-4-05", "9111-4.2.4-03", "9111-2-05", "9111-4.3.3-04")
@pytest.mark.parametrize("trouble", [ConnectionError("x"), 500, 502, 503, 504], ids=str)
def test_a_stale_response_stands_in_for_an_error_within_its_window(trouble: Any, lab: Any) -> None:
    lab.says("max-age=10, stale-if-error=20", TAGGED, body=b"one")
    if isinstance(trouble, int):
        lab.says(status=trouble, body=b"trouble")
    else:
        lab.fails(trouble)
    lab.get()
    for age in (11, 30):
        lab.clock.now = 1e9 + age
        reply = lab.get()
        assert (reply.status, reply.body, reply.info.status, reply.age) == (200, b"one", "stale", age)
        assert reply.info.forward_status == (trouble if isinstance(trouble, int) else None)
    assert lab.calls == 3
    lab.clock.now = 1e9 + 31
    if isinstance(trouble, int):
        assert lab.get().status == trouble
        assert lab.lives[-2].closed
    else:
        with pytest.raises(ConnectionError):
            lab.get()


@pytest.mark.requirement("5861-4-04")
@pytest.mark.parametrize("status", [400, 404, 429, 501, 505, 599])
def test_other_statuses_are_no_errors(status: int, lab: Any) -> None:
    lab.says("max-age=10, stale-if-error=20", TAGGED).says("no-store", status=status)
    lab.get()
    lab.wait(11)
    assert lab.get().status == status


@pytest.mark.requirement(
    "9111-4.2.4-02", "9111-5.2.2.2-01", "9111-5.2.2.2-02", "9111-5.2.2.8-01", "9111-5.2.2.10-02", "9111-3.5-03"
)
@pytest.mark.parametrize("said", ["must-revalidate", "proxy-revalidate", "s-maxage=10", "no-cache"])
def test_what_must_be_validated_never_stands_in(said: str, make_lab: MAKE) -> None:
    for window in ("stale-if-error=99", "x"):
        lab = make_lab(Policy(shared=True, stale_if_error=99, strict_s_maxage=True))
        lab.says(f"max-age=10, {said}, {window}", TAGGED).fails()
        lab.get()
        lab.wait(11)
        for asked in ({}, {"Cache-Control": "max-stale, stale-if-error=99"}):
            with pytest.raises(ConnectionError):
                lab.get(asked)


@pytest.mark.requirement("9111-5.2.2.2-02", "9111-5.2.2.2-03")
def test_must_revalidate_gets_the_error_that_there_is(lab: Any) -> None:
    lab.says("max-age=10, must-revalidate, stale-if-error=99", TAGGED).says(status=504)
    lab.get()
    lab.wait(11)
    assert lab.get().status == 504


@pytest.mark.requirement("9111-4.2.4-03", "9111-5.2.1-01")
def test_without_permission_an_error_is_an_error(lab: Any) -> None:
    lab.says("max-age=10", TAGGED).fails()
    lab.get()
    lab.wait(11)
    with pytest.raises(ConnectionError):
        lab.get()
    assert lab.get({"Cache-Control": "stale-if-error=1"}).info.status == "stale"


def test_what_is_not_stored_cannot_stand_in(lab: Any) -> None:
    with pytest.raises(ConnectionError):
        lab.fails().get({"Cache-Control": "stale-if-error=99"})


def test_a_caller_who_reloads_wants_no_substitute(lab: Any) -> None:
    lab.says("max-age=10, stale-if-error=99", TAGGED).says(status=503)
    lab.get()
    assert lab.get(wish=Wish(mode="reload")).status == 503


# --- RFC 5861 §3


@pytest.mark.requirement("5861-3-01", "5861-3-02", "5861-3-03", "5861-3-04")
@pytest.mark.parametrize("body", [b"one", b"x" * 100_000], ids=["small", "large"])
def test_within_the_window_a_stale_response_answers_and_is_refreshed(body: bytes, lab: Any) -> None:
    lab.says("max-age=10, stale-while-revalidate=20", TAGGED, body=body)
    lab.says("max-age=10, stale-while-revalidate=20", {"ETag": '"b"'}, body=b"two")
    lab.get()
    lab.wait(30)
    answer = lab.fetch({"If-None-Match": '"old"', "Cache-Control": "no-transform", "Accept": "x"})
    lab.settle()
    assert b"".join(answer.content) == body
    assert (answer.info.status, answer.head.headers["age"]) == ("stale", "30")
    assert lab.calls == 2
    assert lab.asked.headers.fields == {"accept": "x", "if-none-match": '"a"'}
    reply = lab.get()
    assert (reply.body, reply.info.status, reply.age) == (b"two", "hit", 0)
    lab.wait(30.5)
    assert lab.get().info.status != "stale"
    assert lab.calls == 3


@pytest.mark.requirement("5861-3-02")
@pytest.mark.parametrize("body", [b"one", b"x" * 100_000], ids=["small", "large"])
def test_a_refresh_may_be_a_validation(body: bytes, lab: Any) -> None:
    lab.says("max-age=10, stale-while-revalidate=20", TAGGED, body=body).says(**not_modified())
    lab.get()
    lab.wait(11)
    assert lab.get().info.status == "stale"
    lab.settle()
    assert lab.get().info.status == "hit"
    assert lab.calls == 2


@pytest.mark.requirement("5861-3-02")
def test_a_head_is_refreshed_with_get(lab: Any) -> None:
    lab.says("max-age=10, stale-while-revalidate=20", body=b"one").says("max-age=60", body=b"two")
    lab.get()
    lab.wait(11)
    assert lab.head().info.status == "stale"
    lab.settle()
    assert lab.asked.method == "GET"
    assert lab.get().body == b"two"


@pytest.mark.requirement("9111-5.2.1.5-02")
def test_a_refresh_has_nothing_to_do_with_its_client_s_directives(lab: Any) -> None:
    lab.says("max-age=10, stale-while-revalidate=20", TAGGED).says("max-age=60", body=b"two")
    lab.get()
    lab.wait(11)
    assert lab.get({"Cache-Control": "no-store"}).info.status == "stale"
    lab.settle()
    assert lab.get().body == b"two"


@pytest.mark.parametrize("trouble", [ConnectionError("x"), 503], ids=str)
def test_a_refresh_that_fails_changes_nothing(trouble: Any, lab: Any, caplog: pytest.LogCaptureFixture) -> None:
    lab.says("max-age=10, stale-while-revalidate=20, stale-if-error=99", TAGGED, body=b"one")
    if isinstance(trouble, int):
        lab.says("no-store", status=trouble)
    else:
        lab.fails(trouble)
    lab.get()
    lab.wait(11)
    with caplog.at_level("INFO", "cachespec"):
        assert lab.get().info.status == "stale"
        lab.settle()
    assert ("refreshing" in caplog.text) is (not isinstance(trouble, int))
    assert lab.get().info.status == "stale"


# --- RFC 9111 §4.3.5: HEAD


@pytest.mark.requirement("9111-4.3.5-01", "9111-4.3.5-02", "9111-4.3.5-04", "9111-3.2-07")
def test_a_head_that_agrees_freshens(lab: Any) -> None:
    lab.says("max-age=60", {"Last-Modified": lab.clock.date(-99), "X": "old"}, body=b"one")
    lab.says("max-age=60", {"X": "new", "Content-Length": "3"})
    lab.get()
    lab.wait(61)
    assert lab.head({"Cache-Control": "no-store"}).info.status == "miss"
    assert lab.get({"Cache-Control": "only-if-cached"}).status == 504
    assert lab.head().info.status == "miss"
    reply = lab.get()
    assert (reply.info.status, reply.body, reply.age, reply.headers["x"]) == ("hit", b"one", 0, "new")


@pytest.mark.requirement("9111-4.3.5-01", "9111-4.3.5-03")
@pytest.mark.parametrize(
    "lines", [{"ETag": '"b"'}, {"Content-Length": "8"}, {"Last-Modified": "x"}, {"ETag": '"a"', "Content-Length": "8"}]
)
def test_a_head_that_differs_makes_stale(lines: Any, lab: Any) -> None:
    lab.says("max-age=60", TAGGED, body=b"one").says("max-age=60", lines).says("max-age=60", body=b"two")
    lab.get()
    lab.head({"Cache-Control": "no-cache"})
    assert lab.get({"Cache-Control": "only-if-cached"}).status == 504
    assert lab.get().body == b"two"


@pytest.mark.requirement("9111-4.3.5-01")
@pytest.mark.parametrize("status", [204, 404, 501])
def test_a_head_with_another_status_does_nothing(status: int, lab: Any) -> None:
    lab.says("max-age=60", TAGGED, body=b"one").says("no-store", {"ETag": '"b"'}, status=status)
    lab.get()
    assert lab.head({"Cache-Control": "no-cache"}).status == status
    assert lab.get().info.status == "hit"


def test_a_head_that_says_no_store_removes(lab: Any) -> None:
    lab.says("max-age=60", body=b"x" * 100_000).says("no-store", {"Content-Length": "100000"})
    lab.get()
    lab.head({"Cache-Control": "no-cache"})
    assert lab.entries == []
    assert lab.store.bytes == 0


def test_a_head_may_be_a_validation(lab: Any) -> None:
    lab.says("max-age=1", TAGGED, body=b"one").says("max-age=60", **not_modified())
    lab.get()
    lab.wait(2)
    reply = lab.head()
    assert (reply.status, reply.body, reply.info.status) == (200, b"", "revalidated")
    assert lab.get().info.status == "hit"


# --- RFC 9111 §4.4, RFC 9875


@pytest.mark.requirement(
    "9111-4.4-01", "9111-4.4-05", "9111-4-09", "9110-9.3.4-01", "9110-9.3.5-01", "5789-2-02", "5789-2-01"
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "BREW"])
@pytest.mark.parametrize("status", [200, 201, 204, 303])
def test_an_unsafe_method_that_succeeds_drops_all_variants(method: str, status: int, lab: Any) -> None:
    lab.says("max-age=60", {"Vary": "Accept"})
    lab.get({"Accept": "x"})
    lab.get({"Accept": "y"})
    lab.says("max-age=60", status=status)
    assert lab.get(method=method).status == status
    assert lab.asked.method == method
    lab.says("max-age=60", body=b"new")
    for accept in "xy":
        assert lab.get({"Accept": accept}).body == b"new"


@pytest.mark.requirement("9111-4.4-02", "10008-2-01", "9110-9.2.1-01")
@pytest.mark.parametrize(
    ("method", "status"),
    [("PUT", 400), ("DELETE", 500), ("POST", 404), ("OPTIONS", 200), ("QUERY", 200), ("SEARCH", 200)],
)
def test_what_fails_or_is_safe_drops_nothing(method: str, status: int, lab: Any) -> None:
    lab.says("max-age=60").says(status=status)
    lab.get()
    lab.get(method=method)
    assert lab.get().info.status == "hit"


@pytest.mark.requirement("9111-4.4-03", "9111-4.4-04")
def test_location_drops_within_the_origin_only(lab: Any) -> None:
    there, elsewhere = "https://example.com/b", "https://other.example/b"
    lab.says("max-age=60")
    lab.get(url=there)
    lab.get(url=elsewhere)
    lab.says(None, {"Location": "/b", "Content-Location": elsewhere}, status=201).get(method="POST")
    lab.says("max-age=60")
    assert lab.get(url=there).info.status == "miss"
    assert lab.get(url=elsewhere).info.status == "hit"


@pytest.mark.requirement("9111-4.4-01")
@pytest.mark.parametrize("asked", [{"wish": Wish(mode="no-store")}, {"content": None}])
def test_what_passes_by_the_cache_drops_all_the_same(asked: Any, lab: Any) -> None:
    lab.says("max-age=60")
    lab.get()
    lab.get(method="DELETE", **asked)
    assert lab.entries == []


def test_what_is_switched_off_drops_nothing(make_lab: MAKE) -> None:
    store = MemoryStore()
    make_lab(store=store).says("max-age=60").get()
    off = make_lab(store=store, enabled=False).says("max-age=60")
    off.get(method="DELETE")
    assert len(off.entries) == 1


@pytest.mark.requirement("9111-4.4-01")
@pytest.mark.parametrize(
    "options",
    [
        {"key": lambda request: request.url.partition("?")[0]},
        {"ignore_params": frozenset({"utm_*"})},
        {"ignore_params": frozenset({"utm_source"}), "sort_params": True},
    ],
)
def test_an_unsafe_method_drops_what_lies_under_the_key_of_its_url(options: Any, make_lab: MAKE) -> None:
    lab = make_lab(**options).says("max-age=60")
    lab.get(url="https://example.com/a?utm_source=x")
    assert lab.get(url="https://example.com/a?utm_source=y").info.status == "hit"
    lab.get(url="https://example.com/a?utm_source=z", method="PUT")
    assert lab.entries == []


def test_an_unsafe_method_to_what_has_no_key_drops_nothing(make_lab: MAKE) -> None:
    lab = make_lab(key=lambda request: None if request.url.endswith("b") else request.url).says("max-age=60")
    lab.get()
    lab.get(url="https://example.com/b", method="PUT")
    assert len(lab.entries) == 1


@pytest.mark.requirement("9875-2-01", "9875-3-01", "9875-3-02", "9875-3-03", "9875-2.1-01", "9875-2.2.1-02")
def test_a_group_is_dropped_within_the_origin(lab: Any) -> None:
    def url(name: str, host: str = "example.com") -> str:
        return f"https://{host}/{name}"

    lab.says("max-age=60", {"Cache-Groups": '"g", "h"'})
    lab.get(url=url("in"))
    lab.get(url=url("in", "other.example"))
    lab.says("max-age=60", {"Cache-Groups": '"h", "G"'})
    lab.get(url=url("out"))
    lab.says("max-age=60", {"Cache-Group-Invalidation": '"g"'})
    lab.get(url=url("safe"))
    assert lab.get(url=url("in")).info.status == "hit"
    lab.says(None, {"Cache-Group-Invalidation": '"g"'}, status=400)
    lab.get(url=url("unsafe"), method="POST")
    assert lab.get(url=url("in", "other.example")).info.status == "hit"
    assert lab.get(url=url("out")).info.status == "hit"
    assert lab.get(url=url("in")).info.status == "miss"


@pytest.mark.requirement("9111-4-09", "9111-4.4-01")
def test_the_drop_comes_before_the_answer(lab: Any) -> None:
    lab.says("max-age=60").get()
    answer = lab.fetch(method="PUT")
    assert lab.entries == []
    answer.content.close()


# --- POST and QUERY


@pytest.mark.requirement("9110-9.3.3-01", "9110-9.3.3-02", "9110-8.7-01")
def test_in_strict_mode_a_post_may_answer_a_later_get_but_no_post(make_lab: MAKE) -> None:
    lab = make_lab(Policy.strict(shared=False))
    lab.says("max-age=60", {"Content-Location": "/a"}, body=b"one")
    lab.get(method="POST", content=b"x")
    assert lab.get().info.status == "hit"
    assert lab.get().body == b"one"
    assert lab.head().info.status == "hit"
    assert lab.get(method="POST", content=b"x").info.status == "bypass"
    assert lab.calls == 2


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="not by default"),
        pytest.param({"post_as_get": True, "key": lambda request: None}, id="no key"),
        pytest.param({"post_as_get": True, "enabled": False}, id="off"),
    ],
)
def test_otherwise_a_post_answers_nothing(options: Any, make_lab: MAKE) -> None:
    lab = make_lab(**options).says("max-age=60", {"Content-Location": "/a"})
    lab.get(method="POST")
    assert lab.entries == []


@pytest.mark.requirement("10008-2.7-01", "10008-2.7-02", "10008-4-01")
@pytest.mark.parametrize(
    "other",
    [
        {"content": b"other"},
        {"headers": {"Content-Type": "text/plain", "Content-Encoding": "gzip"}},
        {"headers": {"Content-Type": "text/other"}},
        {"headers": {}},
        {"method": "GET", "content": b""},
    ],
)
def test_the_content_and_its_description_are_in_the_key_of_a_query(other: Any, make_lab: MAKE) -> None:
    lab = make_lab(methods=frozenset({"GET", "QUERY"})).says("max-age=60", body=b"one").says("max-age=60", body=b"two")
    asked = {"method": "QUERY", "content": b"select", "headers": {"Content-Type": "text/plain"}}
    lab.get(**asked)
    assert lab.get(**asked).info.status == "hit"
    assert lab.get(**asked | other).body == b"two"
    assert lab.get(**asked).body == b"one"


def test_a_post_with_its_content_in_the_key_is_a_search(make_lab: MAKE) -> None:
    lab = make_lab(methods=frozenset({"GET", "POST"}), body_in_key=True)
    lab.says("max-age=10", TAGGED, body=b"two").says("max-age=10", TAGGED, body=b"one")
    assert lab.get(method="POST", content=b"x").body == b"two"
    lab.get()
    assert lab.get(method="POST", content=b"x").info.status == "hit"
    assert lab.get(method="POST", content=b"y").info.status == "miss"
    # It reads: nothing is dropped.
    assert lab.get().body == b"one"
    lab.wait(11)
    assert lab.get(method="POST", content=b"x").info.status == "miss"
    # A condition on POST would be answered with 412.
    assert "if-none-match" not in lab.asked.headers
    # Without the content at hand it is a POST like any other.
    assert lab.get(method="POST", content=None).info.status == "bypass"


def test_the_caller_may_declare_a_post_a_search(lab: Any) -> None:
    wish = Wish(body_in_key=True)
    lab.says("max-age=60")
    lab.get(method="POST", content=b"x", wish=wish)
    lab.get()
    assert lab.get(method="POST", content=b"x", wish=wish).info.status == "hit"
    assert lab.get().info.status == "hit"
    assert lab.get(method="POST", content=b"x").info.status == "bypass"


# --- credentials


@pytest.mark.requirement("9111-3.5-01", "9111-3-06", "9111-3.5-02")
def test_a_shared_cache_answers_requests_with_credentials_only_where_that_is_allowed(shared: Any) -> None:
    for said, stored in (("max-age=60", False), ("public, max-age=60", True), ("s-maxage=60", True)):
        shared.cache.clear()
        shared.says(said)
        shared.get({"Authorization": "x"})
        assert (shared.get({"Authorization": "x"}).info.status == "hit") is stored
        assert (shared.get({"Authorization": "y"}).info.status == "hit") is stored


def test_a_private_cache_keeps_principals_apart(make_lab: MAKE) -> None:
    lab = (
        make_lab().says("max-age=60", body=b"x's").says("max-age=60", body=b"y's").says("max-age=60", body=b"no one's")
    )
    lab.get({"Authorization": "x"})
    lab.get({"Authorization": "y"})
    assert lab.get().body == b"no one's"
    assert lab.get({"Authorization": "x"}).body == b"x's"
    assert lab.get({"Authorization": "y"}).body == b"y's"
    assert lab.calls == 3


@pytest.mark.requirement("9111-7.3-03", "9111-3.5-01", "9111-7.3-02")
@pytest.mark.parametrize("name", ["Authorization", "Cookie"])
def test_a_gateway_answers_requests_with_credentials_only_from_what_is_open_to_all(name: str, make_lab: MAKE) -> None:
    lab = make_lab(Policy.gateway()).says("max-age=60", TAGGED, body=b"anonymous").says("max-age=60", body=b"mine")
    lab.get()
    for _ in range(2):
        reply = lab.get({name: "x"})
        assert (reply.body, "guarded" in reply.codes) == (b"mine", True)
        # Nothing about what is stored for others goes out.
        assert "if-none-match" not in lab.asked.headers
    # And what is stored stays for those it is for.
    assert lab.get().body == b"anonymous"
    lab.says("max-age=60, public", body=b"open")
    lab.get({name: "x"}, url="https://example.com/open")
    assert lab.get({name: "y"}, url="https://example.com/open").info.status == "hit"
    assert lab.get(url="https://example.com/open").info.status == "hit"


# --- what the caller says


def test_the_modes_of_fetch(lab: Any) -> None:
    lab.says("max-age=60", TAGGED, body=b"one").says("max-age=60", **not_modified()).says("max-age=60", body=b"two")
    assert lab.get(wish=Wish(mode="only-if-cached")).status == 504
    lab.get()
    assert lab.get(wish=Wish(mode="no-cache")).info.status == "revalidated"
    assert lab.asked.headers.fields == {"if-none-match": '"a"', "cache-control": "max-age=0"}
    lab.wait(100)
    for mode in ("force-cache", "only-if-cached"):
        assert lab.get(wish=Wish(mode=mode)).info.status == "stale"
    reply = lab.get(wish=Wish(mode="reload"))
    assert (reply.body, reply.info.status, reply.info.forward) == (b"two", "miss", "request")
    assert lab.asked.headers.fields == {"cache-control": "no-cache"}
    assert lab.get().body == b"two"
    assert lab.get(wish=Wish(mode="no-store")).info.status == "bypass"


def test_the_modes_of_fetch_leave_the_caller_s_directives_alone(lab: Any) -> None:
    lab.says("max-age=60")
    lab.get({"Cache-Control": "ext"}, wish=Wish(mode="reload"))
    assert lab.asked.headers.fields == {"cache-control": "ext"}


def test_what_a_304_did_not_mean_is_asked_again_as_the_caller_said(lab: Any) -> None:
    lab.says("max-age=60", TAGGED).says(**not_modified({"ETag": '"b"'})).says("max-age=60")
    lab.get()
    lab.get(wish=Wish(mode="no-cache"))
    assert lab.asked.headers.fields == {"cache-control": "max-age=0"}


def test_a_wish_may_give_a_lifetime_that_hits_prolong(lab: Any) -> None:
    wish = Wish(ttl=10, sliding=True)
    lab.says("no-store")
    lab.get(wish=wish)
    for _ in range(5):
        lab.wait(9)
        assert lab.get(wish=wish).info.status == "hit"
    lab.wait(0.1)
    revision = lab.store.read(next(key for key, _ in lab.store.items())).revision
    assert lab.get(wish=wish).info.status == "hit"
    # A little is not worth a write.
    assert lab.store.read(next(key for key, _ in lab.store.items())).revision == revision
    lab.wait(10)
    assert lab.get(wish=wish).info.status == "miss"


def test_an_override_may_give_a_lifetime_that_hits_prolong(make_lab: MAKE) -> None:
    override = Override(ttl=10, path="/a", sliding=True)
    lab = make_lab(overrides=(Override(ttl=10, path="/b"), override)).says("no-store")
    lab.get()
    for _ in range(3):
        assert lab.wait(9).get().info.status == "hit"
    assert lab.wait(11).get().info.status == "miss"
    lab.get(url="https://example.com/b")
    lab.wait(9).get(url="https://example.com/b")
    assert lab.wait(9).get(url="https://example.com/b").info.status == "miss"


def test_an_override_that_is_gone_prolongs_nothing(make_lab: MAKE) -> None:
    lab = make_lab(overrides=(Override(ttl=10, sliding=True),)).says("no-store")
    lab.get()
    lab.cache.policy = Policy(overrides=(Override(ttl=10, host="other.example", sliding=True),))
    assert lab.wait(9).get().info.status == "hit"
    assert lab.wait(2).get().info.status == "miss"


def test_a_wish_may_set_overrides_aside(make_lab: MAKE) -> None:
    lab = make_lab(overrides=(Override(ttl=60),)).says("max-age=5", TAGGED).says(**not_modified())
    lab.get()
    reply = lab.wait(10).get(wish=Wish(overrides=False))
    assert reply.info.status == "revalidated"
    assert reply.info.lifetime == 5
    # What was stored for that request is as the server said it.
    assert lab.wait(10).get().info.status == "revalidated"


def test_uses_are_counted_from_when_the_body_was_stored(make_lab: MAKE) -> None:
    lab = make_lab().says("max-age=60", TAGGED).says(**not_modified({"Cache-Control": "max-age=60"}))
    lab.says("max-age=60", body=b"another")
    assert [lab.get().info.uses for _ in range(3)] == [0, 1, 2]
    assert lab.wait(61).get().info.uses == 3
    assert lab.get(url="https://example.com/else").info.uses == 0
    assert lab.get(wish=Wish(mode="reload")).info.uses == 0
    assert lab.get().info.uses == 1


def test_a_wish_may_give_a_key_and_groups(lab: Any) -> None:
    lab.says("max-age=60")
    lab.get(url="https://example.com/a?session=1", wish=Wish(key="https://example.com/a", groups=("mine",)))
    assert lab.get().info.status == "hit"
    assert lab.cache.purge(groups="mine") == 1
    assert lab.entries == []


# --- Cache-Status


@pytest.mark.requirement("9211-2-01", "9211-2-03", "9211-2.1-01", "9211-2.2-02", "9211-2.4-01", "9211-6-01")
def test_cache_status_is_added_behind_those_of_other_caches(make_lab: MAKE) -> None:
    lab = make_lab(cache_status="ours").says("max-age=60", {**TAGGED, "Cache-Status": "theirs; hit"})
    lab.says(**not_modified())
    reply = lab.get()
    assert reply.headers.getlist("cache-status") == ["theirs; hit", "ours; fwd=uri-miss"]
    assert lab.wait(10).get().headers.getlist("cache-status") == ["theirs; hit", "ours; hit; ttl=50"]
    assert lab.get({"If-None-Match": '"a"'}).headers["cache-status"].endswith("ours; hit; ttl=50")
    lab.wait(100)
    reply = lab.get()
    assert str(parse_cache_status(reply.headers["cache-status"])[-1]) == (
        "ours; fwd=stale; fwd-status=304; ttl=60; stored"
    )
    assert lab.get(method="PUT").headers["cache-status"].endswith("ours; fwd=method")


@pytest.mark.requirement("9211-2-02")
def test_a_response_of_our_own_making_has_no_cache_status(make_lab: MAKE) -> None:
    lab = make_lab(cache_status="ours")
    assert "cache-status" not in lab.get({"Cache-Control": "only-if-cached"}).headers


@pytest.mark.requirement("9211-2.2-02", "9211-2.2-01")
def test_fwd_says_why(make_lab: MAKE) -> None:
    lab = make_lab(cache_status="ours").says("max-age=60", {"Vary": "Accept"})

    def why(headers: Any = (), **options: Any) -> Any:
        return parse_cache_status(lab.get(headers, **options).headers["cache-status"])[-1].fwd

    assert why({"Accept": "x"}) == "uri-miss"
    assert why({"Accept": "y"}) == "vary-miss"
    assert why({"Accept": "y", "Cache-Control": "no-cache"}) == "request"
    assert why({"Accept": "y"}, content=b"x") == "bypass"
    assert why(method="PUT") == "method"


# --- RFC 9110 §8.6, Policy.max_body


@pytest.mark.requirement("9110-8.6-01", "9110-8.6-02", "9111-7.1-01")
@pytest.mark.parametrize("length", ["x", "-1", "7, 8", "7;", "", "1e3", "٧"])
def test_a_response_with_a_bad_length_is_not_stored(length: str, lab: Any) -> None:
    lab.says("max-age=60", {"Content-Length": length})
    assert lab.get().codes[-1] == "content-length"
    assert lab.entries == []


@pytest.mark.requirement("9110-8.6-02")
@pytest.mark.parametrize("length", ["8", "9" * 5000])
def test_a_response_that_is_too_long_is_not_stored(length: str, make_lab: MAKE) -> None:
    lab = make_lab(max_body=7).says("max-age=60", {"Content-Length": length})
    assert lab.get().codes[-1] == "too-large"
    lab.says("max-age=60", [("Content-Length", "7"), ("content-length", "7")])
    lab.get()
    reply = lab.get()
    # What was said twice is said once.
    assert (reply.info.status, reply.headers.getlist("content-length")) == ("hit", ["7"])


# --- what a filter wants to see


def test_a_filter_sees_the_whole_content(make_lab: MAKE) -> None:
    def wanted(request: Request, response: Response, content: bytes) -> bool:
        return content.startswith(b"yes") and response.status == 200 and request.url == URL

    lab = make_lab(content_filter=wanted).says("max-age=60", body=[b"n", b"o"])
    assert lab.get().codes[-1] == "unwanted"
    assert lab.entries == []
    lab.says("max-age=60", body=[b"yes", b"x" * 300_000, b"y" * 300_000])
    lab.get()
    assert len(lab.get().body) == 600_003
    assert lab.calls == 2


# --- and the caches are apart


def test_private_and_shared_caches_share_nothing_even_in_one_store(make_lab: MAKE) -> None:
    store = MemoryStore()
    labs = [
        make_lab(Policy(), store=store),
        make_lab(Policy(shared=True), store=store),
        make_lab(Policy(namespace="x"), store=store),
        make_lab(Policy(shared=True, namespace="x"), store=store),
    ]
    for lab in labs:
        assert lab.says("max-age=60").get().info.status == "miss"
        assert lab.get().info.status == "hit"


def test_the_exchange_ends_quietly_when_it_is_closed() -> None:
    cache = Cache()
    with pytest.raises(KeyboardInterrupt):
        cache.fetch(Request("GET", URL), _interrupted)
    assert cache.fetch(Request("GET", URL, {"Cache-Control": "only-if-cached"}), _interrupted).head.status == 504


def _interrupted(request: Request) -> Any:
    raise KeyboardInterrupt
