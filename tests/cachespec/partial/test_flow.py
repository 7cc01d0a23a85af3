"""Partial content through the whole flow: stored, served, combined, completed.  RFC 9111 §3.3, §3.4, ruling D36"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cachespec import MemoryStore, Policy, Request, Response, Wish, may_store
from cachespec.combining import MAX_PARTS
from cachespec.record import INLINE

URL = "https://example.com/a"
MODIFIED = "Sat, 08 Sep 2001 01:46:40 GMT"
CONTENT = b"0123456789"
MAKE = Callable[..., Any]


# --- RFC 9111 §3.3: stored, and served for ranges within


@pytest.mark.requirement("9111-3.3-02", "9111-3.3-05", "9111-3.3-06", "9110-15.3.7.1-01", "9110-14.1.2-01")
@pytest.mark.parametrize(
    ("value", "span"),
    [
        ("4-9", (4, 10)),
        ("6-8", (6, 9)),
        ("6-", (6, 10)),
        ("4-99", (4, 10)),
        ("-5", (5, 10)),
        ("-1", (9, 10)),
    ],
)
@pytest.mark.parametrize("size", [1, 20_000], ids=["beside the head", "by itself"])
def test_a_part_answers_ranges_that_lie_within_it(value: str, span: tuple[int, int], size: int, make: MAKE) -> None:
    lab, origin = make()
    origin.content = bytes(range(10)) * size
    scaled = "-".join(
        [text and str(int(text) * size + (size - 1 if at else 0)) for at, text in enumerate(value.split("-"))]
    )
    if value[0] == "-":
        scaled = f"-{int(value[1:]) * size}"
    first = lab.asks(f"{4 * size}-{10 * size - 1}")
    assert (first.status, first.info.status, first.info.stored) == (206, "miss", True)
    second = lab.asks(scaled)
    start, stop = span[0] * size, span[1] * size
    assert (second.status, second.info.status, second.live) == (206, "hit", None)
    assert second.body == origin.content[start:stop]
    assert second.headers["content-range"] == f"bytes {start}-{stop - 1}/{10 * size}"
    assert second.headers["content-length"] == str(stop - start)
    assert second.headers["content-type"] == "text/plain"
    assert origin.calls == 1


@pytest.mark.requirement("9111-3.3-05")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Range": "bytes=0-9"},
        {"Range": "bytes=3-5"},
        {"Range": "bytes=-7"},
        {"Range": "bytes=0-"},
        {"Range": "bytes=4-5, 0-1"},
        {"Range": "bytes=10-"},
        {"Range": "lines=4-5"},
        {"Range": "bytes=4-5", "If-Range": '"b"'},
        {"If-None-Match": '"b"'},
    ],
    ids=str,
)
def test_a_part_answers_nothing_else(headers: dict[str, str], make: MAKE) -> None:
    lab, origin = make()
    lab.asks("4-8")
    reply = lab.get(headers)
    assert origin.calls == 2
    assert reply.info.forward == "partial"
    assert "lacking" in reply.codes


@pytest.mark.requirement("9111-3.3-05")
def test_a_part_answers_no_head_request_but_a_head_request_updates_it(make: MAKE) -> None:
    lab, origin = make()
    lab.asks("4-8")
    origin.lines = {"X": "y"}
    assert lab.head().info.forward == "partial"
    assert origin.requests[-1].method == "HEAD"
    assert "if-none-match" not in origin.asked
    assert lab.asks("5-6").headers["x"] == "y"
    assert origin.calls == 2


@pytest.mark.requirement("9111-4.3.2-07", "9110-14.2-07")
def test_the_clients_condition_is_evaluated_before_its_range(make: MAKE) -> None:
    lab, origin = make()
    lab.asks("4-8")
    reply = lab.asks("4-5", If_None_Match='"a"')
    assert (reply.status, reply.body, origin.calls) == (304, b"", 1)


def test_several_ranges_within_what_is_there_are_served_together(make: MAKE) -> None:
    lab, origin = make()
    origin.content = bytes(range(256)) * 40
    lab.asks("0-4999")
    reply = lab.asks("0-9, 4000-4009")
    assert (reply.status, reply.info.status, origin.calls) == (206, "hit", 1)
    assert origin.content[:10] in reply.body
    assert b"Content-Range: bytes 4000-4009/10240\r\n\r\n" + origin.content[4000:4010] in reply.body


@pytest.mark.parametrize("kind", ["default", "gateway"])
def test_parts_are_stored_where_the_policy_says_so_only(kind: str, make_lab: MAKE) -> None:
    lab = make_lab(Policy() if kind == "default" else Policy.gateway())
    lab.says(status=206, headers={"Content-Range": "bytes 4-8/10", "ETag": '"a"'}, body=b"45678")
    assert lab.asks("4-8").codes[-1] == "status"
    assert lab.entries == []
    assert Policy.strict(shared=True).partial
    assert Policy.strict(shared=False).partial


@pytest.mark.requirement("9111-3.3-01")
def test_a_200_that_is_cut_short_is_not_kept(make: MAKE) -> None:
    lab, origin = make()
    origin.instead = lambda _: origin.response(200, CONTENT, chunks=[b"0123"])
    lab.get()
    assert lab.entries == []


@pytest.mark.requirement("9111-3.3-02", "9110-14.4-01", "9110-14.4-02")
@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ({"Content-Range": "bytes 4-8/*"}, "part"),
        ({"Content-Range": "bytes 4-9/9"}, "part"),
        ({"Content-Range": "bytes 8-4/10"}, "part"),
        ({"Content-Range": "lines 4-8/10"}, "part"),
        ({"Content-Range": "bytes 4-9/10"}, "part"),
        ({"Content-Range": "bytes */10"}, "part"),
        ({"Content-Range": ""}, "part"),
        ({"Cache-Control": "no-store"}, "no-store"),
        ({"Vary": "*"}, "vary"),
    ],
    ids=str,
)
def test_what_is_no_part_or_may_not_be_stored_is_passed_on(lines: dict[str, str], code: str, make: MAKE) -> None:
    lab, origin = make()
    origin.instead = lambda _: origin.part(4, 9, lines)
    reply = lab.asks("4-8")
    assert (reply.status, reply.body, reply.codes[-1]) == (206, b"45678", code)
    assert lab.entries == []


def test_a_part_that_nobody_asked_for_is_not_stored(make: MAKE) -> None:
    lab, origin = make()
    origin.instead = lambda _: origin.part(4, 9)
    assert lab.get().codes[-1] == "part"
    origin.instead = lambda _: origin.part(4, 9)
    lab.get({"Range": "bytes=4-8"}, method="POST")
    assert lab.entries == []


def test_a_part_of_a_query_or_of_a_post_is_not_stored(make: MAKE) -> None:
    lab, _origin = make(methods=frozenset({"GET", "QUERY", "POST"}), body_in_key=True, post_as_get=True)
    lab.asks("0-1")
    for method in ("QUERY", "POST"):
        reply = lab.get({"Range": "bytes=4-8"}, method=method, content=b"x")
        assert (reply.status, reply.codes[-1]) == (206, "part")
    assert lab.spans == [(0, 2)]


@pytest.mark.parametrize(
    "chunks",
    [[b"4567"], [b"456789"], []],
    ids=["too short", "too long", "nothing"],
)
def test_a_part_is_as_long_as_its_content_range_says(chunks: list[bytes], make: MAKE) -> None:
    lab, origin = make()
    made = origin.part(4, 9, chunks=chunks)
    head = Response(206, made.head.headers.without({"content-length"}))
    origin.instead = lambda _: lab.live(head, chunks)
    lab.asks("4-8")
    assert lab.entries == []


@pytest.mark.requirement("9110-15.3.7-02")
def test_what_answers_if_range_lacks_fields_and_is_not_stored_by_itself(make: MAKE) -> None:
    lab, _origin = make()
    assert lab.asks("4-8", If_Range='"a"').codes[-1] == "part-fields"
    assert lab.entries == []
    lab.asks("4-8")
    lab.asks("0-3", If_Range='"a"')
    assert lab.spans == [(0, 9)]
    assert lab.asks("0-8").headers["content-type"] == "text/plain"


def test_a_part_that_the_content_filter_cannot_judge_is_not_stored(make: MAKE) -> None:
    lab, _ = make(content_filter=lambda *_: True)
    assert lab.asks("4-8").codes[-1] == "filtered-part"
    assert lab.entries == []


def test_the_filter_of_responses_sees_what_the_part_counts_as(make: MAKE) -> None:
    seen: list[tuple[int, str | None]] = []

    def judge(_: Request, response: Response) -> bool:
        seen.append((response.status, response.headers.get("content-length")))
        return False

    lab, _ = make(response_filter=judge)
    assert lab.asks("4-8").codes[-1] == "filtered"
    assert seen == [(200, "10")]


def test_the_largest_body_that_is_stored_bounds_what_is_held_of_one(make: MAKE) -> None:
    lab, origin = make(max_body=5)
    assert lab.asks("0-5").codes[-1] == "too-large"
    assert lab.entries == []
    lab.asks("0-2")
    assert lab.asks("5-7").codes[-1] == "too-large"
    assert lab.asks("8-9").info.stored
    assert lab.spans == [(0, 3), (8, 10)]
    # It could not be stored when it is complete, so that all of it is asked for.
    assert lab.get().body == CONTENT
    assert "range" not in origin.asked


def test_overrides_and_wishes_hold_for_parts(make: MAKE) -> None:
    lab, origin = make()
    origin.says = "no-store"
    lab.get({"Range": "bytes=0-4"}, wish=Wish(ttl=100))
    assert lab.asks("1-2").info.lifetime == 100


# --- RFC 9111 §3.4: combined


@pytest.mark.requirement("9111-3.4-01", "9110-15.3.7.3-02")
@pytest.mark.parametrize("size", [1, 40_000], ids=["beside the head", "by themselves"])
def test_parts_with_the_same_strong_validator_are_combined(size: int, make: MAKE) -> None:
    lab, origin = make()
    origin.content = bytes(range(10)) * size
    for first, last in ((6, 7), (0, 1), (3, 6), (2, 4)):
        reply = lab.asks(f"{first * size}-{(last + 1) * size - 1}")
        assert reply.info.stored
        assert "if-none-match" not in origin.asked
    assert lab.spans == [(0, 8 * size)]
    assert origin.calls == 4
    reply = lab.asks(f"{size}-{7 * size - 1}")
    assert (reply.info.status, reply.body) == ("hit", origin.content[size : 7 * size])
    # The last one makes it a complete response: with its length, for every request.
    lab.asks(f"{8 * size}-")
    whole = lab.get()
    assert (whole.status, whole.info.status, whole.body) == (200, "hit", origin.content)
    assert whole.headers["content-length"] == str(10 * size)
    assert "content-range" not in whole.headers
    assert lab.head().info.status == "hit"
    assert lab.get({"If-None-Match": '"a"'}).status == 304
    assert origin.calls == 5


@pytest.mark.requirement("9110-15.3.7.3-02")
def test_a_part_that_is_all_of_it_is_a_complete_response(make: MAKE) -> None:
    lab, origin = make()
    lab.asks("0-")
    whole = lab.get()
    assert (whole.status, whole.info.status, whole.body, origin.calls) == (200, "hit", CONTENT, 1)
    assert lab.entries[0].parts == ()


@pytest.mark.requirement("9111-3.4-02", "9110-15.3.7.3-01", "9111-3.2-01")
def test_the_newer_fields_replace_those_of_the_parts_before(make: MAKE) -> None:
    lab, origin = make()
    origin.lines = {"X": "1", "Y": "1", "Content-Digest": "sha-256=:one:", "Content-Language": "en"}
    lab.asks("0-4")
    lab.wait(30)
    origin.lines = {"X": "2", "Z": "2", "Content-Digest": "sha-256=:two:", "Content-MD5": "two"}
    lab.asks("5-6")
    reply = lab.asks("3-6")
    assert reply.headers["content-range"] == "bytes 3-6/10"
    told = {name: reply.headers.get(name) for name in ("x", "y", "z", "content-language", "age", "date")}
    expected = {"x": "2", "y": "1", "z": "2", "content-language": "en", "age": "0", "date": lab.clock.date()}
    assert told == expected
    # What is said of one message's content is not said of another's.
    assert "content-digest" not in reply.headers
    assert "content-md5" not in reply.headers
    assert lab.wait(59).get({"Range": "bytes=3-6"}).info.status == "hit"


@pytest.mark.requirement("9111-3.4-01")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"etag": '"a"'}, {"etag": '"b"'}),
        ({"etag": 'W/"a"'}, {"etag": 'W/"a"'}),
        ({"etag": None}, {"etag": None}),
        ({"etag": '"a"'}, {"etag": None}),
        ({"etag": 'W/"a"', "modified": MODIFIED}, {"etag": 'W/"a"', "modified": MODIFIED}),
        ({"etag": None, "modified": MODIFIED}, {"etag": None, "modified": "Fri, 07 Sep 2001 01:46:40 GMT"}),
    ],
    ids=str,
)
def test_parts_without_the_same_strong_validator_are_never_combined(
    before: dict[str, Any], after: dict[str, Any], make: MAKE
) -> None:
    lab, origin = make()
    vars(origin).update(before)
    lab.asks("0-4")
    assert lab.asks("1-2").info.status == "hit"
    vars(origin).update(after, content=b"abcdefghij")
    assert lab.asks("5-6").info.stored
    # The later one counts, by itself.
    assert lab.spans == [(5, 7)]
    assert lab.asks("5-6").body == b"fg"
    assert origin.calls == 2


@pytest.mark.requirement("9111-3.4-01", "9110-8.8.2.2-01")
def test_a_date_that_is_strong_combines_where_there_is_no_tag(make: MAKE) -> None:
    lab, origin = make()
    origin.etag, origin.modified = None, MODIFIED
    lab.asks("0-4")
    lab.asks("5-6")
    assert lab.spans == [(0, 7)]


@pytest.mark.parametrize(
    "lines",
    [{"Content-Range": "bytes 5-6/11"}, {"Content-Encoding": "gzip"}],
    ids=["another length", "another coding"],
)
def test_what_has_the_same_validator_and_does_not_fit_is_not_combined(lines: dict[str, str], make: MAKE) -> None:
    lab, origin = make()
    lab.asks("0-4")
    origin.instead = lambda _: origin.part(5, 7, lines)
    assert lab.asks("5-6").codes[-1] == "misfit"
    assert lab.spans == [(0, 5)]


def test_what_is_scattered_too_widely_is_not_combined(make: MAKE) -> None:
    lab, origin = make()
    origin.content = bytes(1000)
    for at in range(0, 200, 2):
        lab.asks(f"{at}-{at}")
    assert len(lab.spans) == 64
    assert lab.asks("2-2").info.status == "hit"


def test_parts_side_by_side_are_not_without_number(make: MAKE) -> None:
    lab, origin = make()
    size = INLINE + 1
    origin.content = bytes(size * (MAX_PARTS + 2))
    for at in range(MAX_PARTS + 1):
        lab.asks(f"{at * size}-{(at + 1) * size - 1}")
    assert len(lab.entries[0].parts) == MAX_PARTS
    assert len(lab.bodies) == MAX_PARTS


def test_little_parts_are_kept_together_and_never_too_many_of_them_beside_the_head(make: MAKE) -> None:
    lab, origin = make()
    size = 10_000
    origin.content = bytes(size * 20)
    for at in range(20):
        lab.asks(f"{at * size}-{(at + 1) * size - 1}")
        [entry] = lab.entries
        assert sum(len(part.body or b"") for part in entry.parts) <= INLINE
    assert len(lab.entries[0].parts) == 15
    assert lab.get().body == origin.content


def test_what_overlaps_is_kept_once_and_bodies_that_nobody_needs_go(make: MAKE) -> None:
    lab, origin = make()
    size = INLINE * 2
    origin.content = bytes(range(256)) * (size // 64)
    lab.asks(f"{size}-{2 * size - 1}")
    [first] = lab.bodies
    lab.asks(f"{size // 2}-{size + size // 2 - 1}")
    assert lab.spans == [(size // 2, 2 * size)]
    assert lab.bodies > {first}
    assert lab.asks(f"{size - 5}-{2 * size - 1}").body == origin.content[size - 5 : 2 * size]
    lab.asks(f"0-{2 * size - 1}")
    assert len(lab.bodies) == 1
    lab.cache.clear()
    assert (lab.bodies, lab.store.bytes) == (set(), 0)


@pytest.mark.requirement("9110-15.3.7.3-01")
def test_a_complete_response_keeps_its_fields_and_takes_no_part(make: MAKE) -> None:
    lab, origin = make()
    lab.get()
    origin.lines = {"X": "y"}
    origin.instead = lambda _: origin.part(0, 5)
    reply = lab.asks("0-4", Cache_Control="no-cache")
    assert (reply.headers["x"], reply.codes[-1]) == ("y", "nothing-new")
    assert "x" not in lab.get().headers
    assert origin.calls == 2


@pytest.mark.parametrize(
    ("change", "wait", "left"),
    [
        ({"etag": 'W/"a"'}, 0, [(0, 10)]),
        ({"etag": 'W/"a"'}, 61, [(0, 5)]),
        ({"etag": 'W/"b"'}, 0, [(0, 5)]),
        ({"etag": None}, 0, [(0, 10)]),
        ({"etag": None, "modified": "Fri, 07 Sep 2001 01:46:40 GMT"}, 0, [(0, 5)]),
    ],
    ids=["the same", "stale", "another tag", "nothing said", "another date"],
)
def test_a_complete_response_gives_way_to_a_part_if_it_is_stale_or_out_of_date(
    change: dict[str, Any], wait: int, left: list[tuple[int, int]], make: MAKE
) -> None:
    lab, origin = make()
    origin.etag, origin.modified = 'W/"a"', MODIFIED
    lab.get()
    lab.wait(wait)
    vars(origin).update(change)
    origin.instead = lambda _: origin.part(0, 5)
    assert lab.asks("0-4", Cache_Control="no-cache").info.stored is (left == [(0, 5)])
    assert lab.spans == left


@pytest.mark.parametrize(
    ("change", "asked", "stays"),
    [
        ({"says": "no-store"}, {}, False),
        ({"says": "no-store", "etag": '"b"'}, {}, False),
        ({"says": "no-store", "etag": None}, {}, True),
        ({}, {"Cache-Control": "no-store"}, True),
        ({"etag": '"b"'}, {"Cache-Control": "no-store"}, False),
    ],
    ids=str,
)
def test_a_part_that_is_not_stored_may_bar_what_is(
    change: dict[str, Any], asked: dict[str, str], stays: bool, make: MAKE
) -> None:
    lab, origin = make()
    lab.asks("0-4")
    vars(origin).update(change)
    lab.asks("5-6", **asked)
    assert bool(lab.entries) is stays
    assert lab.bodies == set()


def test_variants_have_parts_of_their_own(make: MAKE) -> None:
    lab, origin = make()
    origin.lines = {"Vary": "Accept-Language"}
    origin.etag = '"en"'
    lab.asks("0-4", Accept_Language="en")
    origin.etag, origin.content = '"fr"', b"abcdefghij"
    lab.asks("0-1", Accept_Language="fr")
    lab.asks("2-3", Accept_Language="fr")
    origin.etag, origin.content = '"en"', CONTENT
    lab.asks("5-9", Accept_Language="en")
    assert lab.get({"Accept-Language": "en"}).body == CONTENT
    assert lab.asks("1-2", Accept_Language="fr").body == b"bc"
    assert origin.calls == 4
    assert lab.asks("5-5", Accept_Language="fr").info.forward == "partial"


def test_a_part_that_begins_to_vary_lies_by_itself(make: MAKE) -> None:
    lab, origin = make()
    lab.asks("0-4", Accept_Language="en")
    origin.lines = {"Vary": "Accept-Language"}
    lab.asks("5-6", Accept_Language="en")
    assert lab.spans == [(5, 7)]
    assert lab.asks("5-6", Accept_Language="en").info.status == "hit"
    assert lab.asks("5-6", Accept_Language="fr").info.forward == "vary-miss"


# --- at once


def test_parts_that_come_at_the_same_time_all_stay(make: MAKE) -> None:
    lab, origin = make()
    size = INLINE + 1
    origin.content = bytes(range(256)) * (size // 16)
    values = [f"{at * size}-{(at + 1) * size - 1}" for at in range(5)] + [f"{5 * size}-"]
    answers = [lab.fetch({"Range": f"bytes={value}"}) for value in values]
    for answer in reversed(answers):
        assert b"".join(answer.content)
        assert answer.info.stored
    whole = lab.get()
    assert (whole.info.status, whole.body) == ("hit", origin.content)


def test_what_was_completed_meanwhile_takes_no_part(make: MAKE) -> None:
    lab, origin = make()
    size = INLINE * 2
    origin.content = bytes(size * 2)
    answer = lab.fetch({"Range": f"bytes={size}-"})
    lab.get()
    kept = lab.bodies
    assert len(b"".join(answer.content)) == size
    assert answer.info.stored
    assert lab.bodies == kept
    assert lab.entries[0].parts == ()


def test_a_part_that_somebody_else_has_stored_meanwhile_is_stored_once(make: MAKE) -> None:
    lab, origin = make()
    size = INLINE * 2
    origin.content = bytes(size * 2)
    answer = lab.fetch({"Range": f"bytes=10-{size}"})
    lab.asks(f"0-{size}")
    kept = lab.bodies
    b"".join(answer.content)
    assert answer.info.stored
    assert lab.bodies == kept


def test_a_part_of_what_has_changed_meanwhile_is_not_stored(make: MAKE) -> None:
    lab, origin = make()
    origin.content = bytes(INLINE * 4)
    answer = lab.fetch({"Range": f"bytes=0-{INLINE * 2}"})
    lab.wait(1)
    origin.etag = '"b"'
    lab.asks("5-9")
    b"".join(answer.content)
    assert not answer.info.stored
    assert answer.info.verdicts[-1].code == "kept"
    assert (lab.spans, lab.entries[0].etag, lab.bodies) == ([(5, 10)], '"b"', set())


@pytest.mark.parametrize("small", [True, False])
def test_a_purge_beats_a_part_that_began_before_it(small: bool, make: MAKE) -> None:
    lab, origin = make()
    origin.content = bytes(20 if small else INLINE * 4)
    lab.asks("0-1")
    answer = lab.fetch({"Range": "bytes=5-"})
    lab.cache.purge(url=URL)
    b"".join(answer.content)
    assert not answer.info.stored
    assert (lab.entries, lab.bodies) == ([], set())


def test_a_part_for_which_there_is_no_room_is_forgotten(make: MAKE) -> None:
    lab, origin = make(MemoryStore(max_body=INLINE * 3))
    origin.content = bytes(INLINE * 9)
    lab.asks("0-9")
    assert not lab.asks(f"100-{INLINE * 8}").info.stored
    assert not lab.asks(f"100-{INLINE * 3 + 200}").info.stored
    assert (lab.spans, lab.bodies) == ([(0, 10)], set())
    for asked in (f"100-{INLINE * 3}", f"{INLINE * 4}-{INLINE * 5}"):
        assert lab.asks(asked).info.stored


def test_a_part_whose_store_fails_is_passed_on(make: MAKE) -> None:
    class Failing(MemoryStore):
        def read(self, key: bytes) -> Any:
            raise OSError("no disk")

    lab, _ = make(Failing())
    reply = lab.asks("0-4")
    assert (reply.body, reply.codes[-1]) == (b"01234", "store-fails")


def test_a_part_of_what_was_just_removed_is_asked_for_again(make: MAKE) -> None:
    lab, origin = make()
    size = INLINE * 2
    origin.content = bytes(range(256)) * (size // 32)
    lab.asks(f"0-{size - 1}")
    lab.asks(f"{size}-{2 * size - 1}")
    [_, second] = [part.body_id for part in lab.entries[0].parts]
    lab.store.discard(second)
    reply = lab.asks(f"0-{2 * size - 1}")
    assert (reply.info.status, reply.info.forward) == ("miss", "miss")
    assert "body-gone" in reply.codes
    assert lab.asks(f"0-{size - 1}").info.status == "hit"


# --- RFC 9111 §4.3.2: what is incomplete is validated only where it would answer


@pytest.mark.requirement("9111-4.3.2-08")
def test_the_tag_of_a_part_is_sent_only_where_the_part_would_be_the_answer(make: MAKE) -> None:
    lab, origin = make()
    lab.asks("4-8")
    lab.clock.now += 100
    lab.asks("0-8")
    assert "if-none-match" not in origin.asked
    lab.clock.now += 100
    lab.asks("5-6")
    assert origin.asked["if-none-match"] == '"a"'


def test_a_part_counts_as_an_incomplete_response_for_whoever_asks_the_rules_only() -> None:
    policy = Policy(partial=True)
    part = Response(206, {"Cache-Control": "max-age=60", "ETag": '"a"', "Content-Range": "bytes 0-4/10"})
    for headers, code in (({"Range": "bytes=0-4"}, "storable"), ({}, "part"), ({"If-Range": '"a"'}, "part")):
        verdict = may_store(Request("GET", URL, headers), part, policy, request_time=0, response_time=0)
        assert verdict.code == code
