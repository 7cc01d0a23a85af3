"""What is incomplete is completed by a request for what is missing.  RFC 9111 §3.3, §3.4"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cachespec import FileStore, MemoryStore, Request
from cachespec.record import INLINE
from cachespec.stores.contract import Scope

MODIFIED = "Sat, 08 Sep 2001 01:46:40 GMT"
CONTENT = b"0123456789"
MAKE = Callable[..., Any]
LARGE = 20_000
"""The content is ten times as long: four of these and more lie by themselves."""


@pytest.fixture(params=[None, "asyncio", "trio"], ids=["sync", "asyncio", "trio"])
def make(make: MAKE, request: pytest.FixtureRequest) -> MAKE:
    """Makes a cache of either colour."""
    return lambda *args, **options: make(*args, backend=request.param, **options)


@pytest.fixture(params=["memory", "files"])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    return MemoryStore() if request.param == "memory" else FileStore(tmp_path)


def bodies(store: Any) -> int:
    """How many bodies lie by themselves in `store`."""
    return len(store._bodies if isinstance(store, MemoryStore) else list(store.folder.glob("*/*/bodies/??/*")))


def changed(origin: Any) -> Callable[[Request], Any]:
    """Makes the origin answer once with another representation, whatever was asked."""

    def answer(request: Request) -> Any:
        origin.etag, origin.content = '"b"', b"abcdefghijkl"
        return origin.answer(request)

    return answer


# --- completed


@pytest.mark.requirement("9111-3.3-04", "9111-3.3-05", "9111-3.4-01", "9110-15.3.7.3-02", "9110-13.1.5-01")
@pytest.mark.parametrize("size", [1, LARGE], ids=["beside the head", "by themselves"])
@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        (["0-4"], "5-"),
        (["6-9"], "0-5"),
        (["2-4"], "0-"),
        (["2-4", "8-9"], "0-7"),
        (["0-1", "4-5", "8-9"], "2-7"),
        (["0-1", "4-5"], "2-"),
    ],
    ids=str,
)
def test_what_is_missing_is_asked_for_and_the_whole_is_served(
    there: list[str], wanted: str, size: int, store: Any, make: MAKE
) -> None:
    lab, origin = make(store)
    origin.content = bytes(range(10)) * size
    for each in there:
        first, last = (int(text) for text in each.split("-"))
        lab.asks(f"{first * size}-{(last + 1) * size - 1}")
    first, last = wanted.split("-")
    asked = f"bytes={int(first) * size}-{(int(last) + 1) * size - 1 if last else ''}"
    whole = lab.asks(None)
    if wanted == "0-":
        # With gaps on both sides, one request for both is one for everything.
        assert "range" not in origin.asked
    else:
        assert (origin.asked["range"], origin.asked["if-range"]) == (asked, '"a"')
        assert (whole.info.status, whole.info.forward, whole.info.forward_status) == ("revalidated", "partial", 206)
    assert (whole.status, whole.body, whole.info.stored) == (200, origin.content, True)
    assert whole.headers["content-length"] == str(10 * size)
    assert "content-range" not in whole.headers
    assert origin.calls == len(there) + 1
    assert (lab.asks(None).info.status, lab.asks(None).body) == ("hit", origin.content)
    assert lab.spans == [(0, 10 * size)]
    assert all(live.closed for live in origin.lives[len(there) :])


@pytest.mark.requirement("9111-3.4-02", "9111-4.3.4-06")
def test_the_newer_fields_count_and_what_was_stale_is_fresh_again(make: MAKE) -> None:
    lab, origin = make()
    origin.lines = {"X": "1", "Y": "1"}
    lab.asks("0-4")
    lab.wait(100)
    origin.lines = {"X": "2"}
    whole = lab.asks(None)
    assert (whole.headers["x"], whole.headers["y"], whole.headers["age"]) == ("2", "1", "0")
    assert whole.headers["date"] == lab.clock.date()
    assert lab.wait(59).asks(None).info.status == "hit"


@pytest.mark.requirement("9110-13.1.5-02")
def test_a_date_will_do_where_it_is_strong(make: MAKE) -> None:
    lab, origin = make()
    origin.etag, origin.modified = None, MODIFIED
    lab.asks("0-4")
    assert lab.asks(None).body == CONTENT
    assert origin.asked["if-range"] == MODIFIED
    assert "if-modified-since" not in origin.asked


@pytest.mark.requirement("9110-13.1.5-02")
@pytest.mark.parametrize(
    "change",
    [{"etag": 'W/"a"'}, {"etag": "a"}, {"etag": None}, {"etag": None, "modified": "Sun, 09 Sep 2001 01:46:40 GMT"}],
    ids=str,
)
def test_without_a_strong_validator_all_of_it_is_asked_for(change: dict[str, Any], make: MAKE) -> None:
    lab, origin = make()
    vars(origin).update(change)
    lab.asks("0-4")
    assert lab.asks(None).body == CONTENT
    assert "range" not in origin.asked
    assert lab.asks(None).info.status == "hit"


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"Range": "bytes=3-6"}, "bytes=3-6"),
        ({"If-None-Match": '"b"'}, None),
        ({"If-Modified-Since": MODIFIED}, None),
        ({"If-Match": '"a"'}, None),
    ],
    ids=str,
)
def test_a_range_or_a_condition_of_the_clients_own_goes_out_as_it_came(
    asked: dict[str, str], sent: str | None, make: MAKE
) -> None:
    lab, origin = make()
    lab.asks("0-4")
    lab.get(asked)
    assert (origin.asked.get("range"), origin.asked.get("if-range")) == (sent, None)


@pytest.mark.requirement("9110-13.1.5-01")
def test_an_if_range_without_a_range_gives_way_to_ours(make: MAKE) -> None:
    lab, origin = make()
    lab.asks("0-4")
    assert lab.asks(None, If_Range='"z"').body == CONTENT
    assert origin.asked["if-range"] == '"a"'


@pytest.mark.requirement("9111-5.2.1.4-01")
def test_who_wants_it_confirmed_gets_it_confirmed(make: MAKE) -> None:
    lab, origin = make()
    lab.asks("0-4")
    assert lab.asks(None, Cache_Control="no-cache").body == CONTENT
    assert origin.asked["cache-control"] == "no-cache"
    assert origin.asked["if-range"] == '"a"'


def test_it_is_completed_where_nobody_waits_for_anybody(make: MAKE) -> None:
    lab, origin = make(collapse=False)
    lab.asks("0-4")
    assert lab.asks(None).body == CONTENT
    assert origin.asked["range"] == "bytes=5-"


def test_a_head_request_completes_nothing(make: MAKE) -> None:
    lab, origin = make()
    lab.asks("0-4")
    lab.get(method="HEAD")
    assert "range" not in origin.asked


# --- what may go wrong


@pytest.mark.requirement("9110-13.1.5-01", "9111-4.3.3-02")
@pytest.mark.parametrize("size", [1, LARGE], ids=["beside the head", "by themselves"])
def test_what_has_changed_meanwhile_comes_whole(size: int, store: Any, make: MAKE) -> None:
    lab, origin = make(store)
    origin.content = bytes(range(10)) * size
    lab.asks(f"0-{5 * size}")
    origin.instead = changed(origin)
    whole = lab.asks(None)
    assert (whole.status, whole.body, whole.info.status, whole.info.stored) == (200, origin.content, "miss", True)
    assert origin.calls == 2
    assert (lab.spans, bodies(store)) == ([(0, 12)], 0)
    assert lab.asks(None).info.status == "hit"


@pytest.mark.requirement("9111-3.4-01")
def test_a_server_that_takes_no_notice_of_if_range_is_asked_again(store: Any, make: MAKE) -> None:
    lab, origin = make(store)
    lab.asks("0-4")
    origin.obeys_if_range = False
    origin.instead = changed(origin)
    whole = lab.asks(None)
    assert (whole.status, whole.body, origin.calls) == (200, b"abcdefghijkl", 3)
    assert "range" not in origin.asked
    assert "if-range" not in origin.asked
    assert origin.lives[1].closed
    assert lab.asks(None).info.status == "hit"
    assert lab.spans == [(0, 12)]


def test_a_server_for_which_the_rest_is_not_satisfiable_is_asked_again(make: MAKE) -> None:
    lab, origin = make()
    lab.asks("0-4")
    origin.obeys_if_range = False
    origin.content = b"012"
    origin.etag = '"b"'
    whole = lab.asks(None)
    assert (whole.status, whole.body, origin.calls) == (200, b"012", 3)
    assert lab.asks(None).info.status == "hit"


def test_a_server_that_sends_less_than_was_asked_for_is_asked_again(make: MAKE) -> None:
    lab, origin = make()
    lab.asks("0-4")
    origin.instead = lambda _: origin.part(5, 7)
    whole = lab.asks(None)
    assert (whole.status, whole.body, origin.calls) == (200, CONTENT, 3)
    assert "range" not in origin.asked
    assert lab.asks(None).info.status == "hit"


@pytest.mark.parametrize(
    "lines",
    [{"Content-Range": "bytes 5-9/11"}, {"Content-Encoding": "gzip"}, {"Content-Range": "bytes 5-8/10"}],
    ids=str,
)
def test_a_rest_that_does_not_fit_is_not_used(lines: dict[str, str], make: MAKE) -> None:
    lab, origin = make()
    lab.asks("0-4")
    origin.instead = lambda _: origin.part(5, 10, lines)
    whole = lab.asks(None)
    assert (whole.status, whole.body, origin.calls) == (200, CONTENT, 3)
    assert lab.asks(None).info.status == "hit"


def test_a_rest_that_must_not_be_stored_is_not_used(make: MAKE) -> None:
    lab, origin = make()
    lab.asks("0-4")
    origin.says = "no-store"
    whole = lab.asks(None)
    assert (whole.status, whole.body, whole.info.stored) == (200, CONTENT, False)
    assert lab.entries == []


def test_a_client_whose_answer_must_not_be_stored_gets_it_in_one_request(make: MAKE) -> None:
    lab, origin = make()
    lab.asks("0-4")
    assert lab.asks(None, Cache_Control="no-store").body == CONTENT
    assert "range" not in origin.asked
    assert origin.calls == 2


@pytest.mark.parametrize("status", [404, 500, 503])
def test_another_answer_than_the_rest_is_passed_on(status: int, make: MAKE) -> None:
    lab, origin = make(stale_if_error=1000)
    lab.asks("0-4")
    origin.instead = lambda _: origin.response(status, b"sorry")
    reply = lab.asks(None)
    assert (reply.status, reply.body, origin.calls) == (status, b"sorry", 2)


@pytest.mark.requirement("9112-8-01")
@pytest.mark.parametrize("size", [1, LARGE], ids=["beside the head", "by themselves"])
def test_a_rest_that_breaks_off_fails_as_the_whole_would(size: int, store: Any, make: MAKE) -> None:
    lab, origin = make(store)
    origin.content = bytes(range(10)) * size
    lab.asks(f"0-{5 * size - 1}")
    there = bodies(store)
    assert there == (size == LARGE)
    origin.instead = lambda _: origin.part(5 * size, 10 * size, chunks=[bytes(4 * size), ConnectionError("lost")])
    with pytest.raises(ConnectionError, match="lost"):
        lab.asks(None)
    assert origin.lives[-1].closed
    assert (lab.spans, bodies(store)) == ([(0, 5 * size)], there)
    assert lab.asks(None).body == origin.content
    assert origin.calls == 3


def test_a_rest_that_ends_early_without_a_word_is_asked_for_again(make: MAKE) -> None:
    lab, origin = make()
    lab.asks("0-4")
    origin.instead = lambda _: origin.part(5, 10, chunks=[b"56"])
    assert (lab.asks(None).body, origin.calls) == (CONTENT, 3)
    assert lab.asks(None).info.status == "hit"


def test_a_server_that_is_out_of_reach_fails_the_request(make: MAKE) -> None:
    lab, _ = make(stale_if_error=1000)
    lab.asks("0-4")
    lab.fails()
    with pytest.raises(ConnectionError, match="out of reach"):
        lab.asks(None)
    assert lab.spans == [(0, 5)]


def test_a_rest_for_which_there_is_no_room_is_not_asked_for_again_and_again(make: MAKE) -> None:
    store = MemoryStore(max_body=INLINE * 2)
    lab, origin = make(store)
    origin.content = bytes(INLINE * 9)
    lab.asks("0-9")
    whole = lab.asks(None)
    assert (len(whole.body), whole.info.stored, origin.calls) == (INLINE * 9, False, 3)
    assert (lab.entries, lab.bodies) == ([], set())
    lab.asks(None)
    assert origin.calls == 4


def test_where_a_body_is_gone_by_then_all_of_it_is_asked_for(make: MAKE) -> None:
    class Forgetful(MemoryStore):
        def open(self, body_id: str) -> None:  # type: ignore[override]
            return None

    lab, origin = make(Forgetful())
    origin.content = bytes(range(10)) * LARGE
    lab.asks(f"0-{5 * LARGE - 1}")
    whole = lab.asks(None)
    assert (whole.status, whole.body, whole.info.status) == (200, origin.content, "miss")
    assert "range" not in origin.asked
    assert origin.calls == 3


def test_a_purge_beats_a_rest_that_began_before_it(make: MAKE) -> None:
    lab, origin = make()
    lab.asks("0-4")
    purged: list[int] = []

    def purges(request: Request) -> Any:
        live = origin.answer(request)
        purged.append(lab.store.purge(Scope(everything=True)))
        return live

    origin.instead = purges
    whole = lab.asks(None)
    assert (whole.body, purged) == (CONTENT, [1])
    # What began after it is stored.
    assert (origin.calls, lab.spans) == (3, [(0, 10)])
    assert "range" not in origin.asked


def test_what_somebody_else_has_completed_meanwhile_is_served(make: MAKE) -> None:
    lab, origin = make()
    origin.content = bytes(range(10)) * LARGE
    lab.asks(f"0-{LARGE - 1}")
    [part] = lab.entries
    assert lab.asks(None).body == origin.content
    [whole] = lab.entries
    [(key, _)] = lab.store.items()

    def overtaken(request: Request) -> Any:
        # Somebody else has put it there by the time that the rest arrives.
        there = lab.store.read(key)
        assert lab.store.swap(key, whole, there.revision, there.mark)
        return origin.answer(request)

    there = lab.store.read(key)
    assert lab.store.swap(key, part, there.revision, there.mark)
    origin.instead = overtaken
    again = lab.asks(None)
    assert (again.body, again.info.forward_status) == (origin.content, 206)
    assert (lab.entries, origin.calls) == ([whole], 3)


# --- refreshed in the background


def refreshed(lab: Any, headers: dict[str, str]) -> Any:
    """The answer to a GET, after the refresh that it gave rise to has ended."""
    reply = lab.get(headers)
    if lab.backend is None:
        lab.settle()
    return reply


@pytest.mark.requirement("5861-3-01")
@pytest.mark.parametrize("new", [False, True], ids=["confirmed", "changed"])
def test_what_is_incomplete_is_refreshed_no_further_than_it_was_asked_for(
    new: bool, make: MAKE, request: pytest.FixtureRequest
) -> None:
    lab, origin = make()
    origin.says = "max-age=60, stale-while-revalidate=600"
    lab.asks("0-4")
    lab.wait(100)
    if new:
        origin.etag, origin.content = '"b"', b"abcdefghij"
    stale = refreshed(lab, {"Range": "bytes=1-2"})
    assert (stale.info.status, stale.body) == ("stale", b"12")
    assert origin.asked["range"] == "bytes=1-2"
    assert origin.asked["if-none-match"] == '"a"'
    assert "if-range" not in origin.asked
    again = lab.asks("1-2")
    assert (again.info.status, again.body) == ("hit", b"bc" if new else b"12")
    assert lab.spans == ([(1, 3)] if new else [(0, 5)])
    assert origin.calls == 2


def test_what_is_complete_is_refreshed_as_a_whole_whatever_was_asked_for(make: MAKE) -> None:
    lab, origin = make()
    origin.says = "max-age=60, stale-while-revalidate=600"
    lab.get()
    lab.wait(100)
    origin.etag = '"b"'
    assert refreshed(lab, {"Range": "bytes=1-2"}).body == b"12"
    assert "range" not in origin.asked
    assert lab.spans == [(0, 10)]
    assert lab.entries[0].etag == '"b"'
