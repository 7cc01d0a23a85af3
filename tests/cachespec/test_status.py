from __future__ import annotations

import re
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachespec.status import FWD_REASONS, CacheStatus, FwdReason, parse_cache_status
from cachespec.structured import Item, Token, parse_list

LARGEST = 999_999_999_999_999

names = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))
numbers = st.none() | st.integers(-LARGEST, LARGEST)
flags = st.none() | st.booleans()
about = {"ttl": numbers, "key": st.none() | names, "detail": st.none() | names}
answered = st.builds(CacheStatus, names, hit=st.booleans(), **about)
forwarded = st.builds(
    CacheStatus,
    names,
    fwd=st.sampled_from(sorted(FWD_REASONS.values())),
    fwd_status=numbers,
    stored=flags,
    collapsed=flags,
    **about,
)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        pytest.param(CacheStatus("cachespec"), "cachespec", id="nothing to say"),
        pytest.param(CacheStatus("cachespec", hit=True, ttl=376), "cachespec; hit; ttl=376", id="hit"),
        pytest.param(CacheStatus("cachespec", hit=True, ttl=-3), "cachespec; hit; ttl=-3", id="stale hit"),
        pytest.param(CacheStatus("cachespec", hit=True, ttl=0), "cachespec; hit; ttl=0", id="hit on the brink"),
        pytest.param(CacheStatus("cachespec", fwd="uri-miss"), "cachespec; fwd=uri-miss", id="miss"),
        pytest.param(
            CacheStatus("cachespec", fwd="stale", fwd_status=304, ttl=60, stored=True, collapsed=True),
            "cachespec; fwd=stale; fwd-status=304; ttl=60; stored; collapsed",
            id="validated",
        ),
        pytest.param(
            CacheStatus("cachespec", fwd="miss", stored=False, collapsed=False),
            "cachespec; fwd=miss; stored=?0; collapsed=?0",
            id="neither stored nor collapsed",
        ),
        pytest.param(
            CacheStatus("a cache", fwd="bypass", key="GET /a", detail="too many"),
            '"a cache"; fwd=bypass; key="GET /a"; detail="too many"',
            id="strings",
        ),
        pytest.param(
            CacheStatus("cache.example.com:80", key="k", detail="no-store"),
            'cache.example.com:80; key="k"; detail=no-store',
            id="tokens",
        ),
        pytest.param(CacheStatus("", detail=""), '""; detail=""', id="empty strings"),
        pytest.param(CacheStatus('a"b\\', key='"'), r'"a\"b\\"; key="\""', id="escapes"),
    ],
)
@pytest.mark.requirement("9211-2-04", "9211-2.1-01", "9211-2.2-01", "9211-2.3-01", "9211-2.4-01", "9211-2.5-01")
@pytest.mark.requirement("9211-2.6-01", "9211-2.7-01", "9211-2.8-01")
def test_a_member_says_what_the_cache_did(status: CacheStatus, text: str) -> None:
    assert str(status) == text
    assert parse_cache_status(text) == [status]


@pytest.mark.requirement("9211-2.1-02")
@pytest.mark.parametrize("fwd", sorted(FWD_REASONS.values()))
def test_hit_and_fwd_exclude_each_other(fwd: FwdReason) -> None:
    assert CacheStatus("c", fwd=fwd).hit is False
    with pytest.raises(ValueError, match="hit and fwd"):
        CacheStatus("c", hit=True, fwd=fwd)


@pytest.mark.requirement("9211-2.3-01", "9211-2.5-01", "9211-2.6-01")
@pytest.mark.parametrize(
    "said",
    [{"fwd_status": 304}, {"stored": True}, {"stored": False}, {"collapsed": True}, {"collapsed": False}],
    ids=str,
)
@pytest.mark.parametrize("hit", [True, False])
def test_details_of_a_forwarded_request_need_fwd(hit: bool, said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(said))):
        CacheStatus("c", hit=hit, **said)
    CacheStatus("c", fwd="miss", **said)


@pytest.mark.requirement("9211-2.2-01")
@pytest.mark.parametrize("fwd", ["", "hit", "Miss", "miss ", "expired"])
def test_a_reason_that_is_not_registered_is_refused(fwd: Any) -> None:
    with pytest.raises(ValueError, match="fwd is one of bypass, method, "):
        CacheStatus("c", fwd=fwd)


def test_the_registered_reasons_are_the_type() -> None:
    assert tuple(FWD_REASONS) == get_args(FwdReason)
    assert len(FWD_REASONS) == 8


@pytest.mark.parametrize(
    ("given_text", "written"),
    [("/\xe9", "/%C3%A9"), ("a\r\nb", "a%0D%0Ab"), ("\x7f\x00", "%7F%00"), ("\ud800", "%ED%A0%80"), ("☃", "%E2%98%83")],
)
def test_what_a_string_cannot_hold_is_percent_encoded(given_text: str, written: str) -> None:
    status = CacheStatus(given_text, key=given_text, detail=given_text)
    assert str(status) == f'"{written}"; key="{written}"; detail="{written}"'


@pytest.mark.parametrize(("number", "written"), [(10**15, LARGEST), (-(10**15), -LARGEST), (10**600, LARGEST)])
def test_a_number_that_cannot_be_held_is_written_as_the_nearest(number: int, written: int) -> None:
    assert str(CacheStatus("c", fwd="miss", fwd_status=number, ttl=number)) == (
        f"c; fwd=miss; fwd-status={written}; ttl={written}"
    )


@pytest.mark.requirement("9211-2-01")
def test_the_members_of_several_caches_are_read_in_order() -> None:
    value = 'Origin; fwd=uri-miss; stored, "CDN 1";fwd=stale;fwd-status=304; collapsed, Near; hit; ttl=30; x=(a)'
    assert parse_cache_status(value) == []
    assert parse_cache_status(value.removesuffix("; x=(a)")) == [
        CacheStatus("Origin", fwd="uri-miss", stored=True),
        CacheStatus("CDN 1", fwd="stale", fwd_status=304, collapsed=True),
        CacheStatus("Near", hit=True, ttl=30),
    ]


@pytest.mark.parametrize("value", [None, "", " ", "a;", "a,", "a b", "A; Hit", "\xe9", "a; ttl=1000000000000000"])
def test_a_field_that_is_absent_empty_or_void_has_no_members(value: str | None) -> None:
    assert parse_cache_status(value) == []


@pytest.mark.requirement("9211-2-04")
@pytest.mark.parametrize("member", ["1", "1.5", "?1", ":YQ==:", "@1", '%"a"', "(a b)", "()"])
def test_a_member_not_named_by_a_string_or_token_is_left_out(member: str) -> None:
    assert parse_cache_status(f"a; hit, {member}; hit, b; hit") == [
        CacheStatus("a", hit=True),
        CacheStatus("b", hit=True),
    ]


@pytest.mark.parametrize(
    "params",
    [
        *("hit=1", "hit=?0", 'hit="a"', "hit=a", "fwd=other", 'fwd="miss"', "fwd", "fwd=1", "fwd=Miss"),
        *("ttl", "ttl=1.5", 'ttl="1"', "ttl=@1", "ttl=a", "key=a", "key=1", 'key=%"a"', "detail=1", "detail"),
        *('detail=%"a"', "unknown=1", "fwd-status=304", "stored", "collapsed=?0", "stored=?0; collapsed"),
    ],
)
def test_a_parameter_that_is_no_use_is_left_out(params: str) -> None:
    assert parse_cache_status(f"a; {params}") == [CacheStatus("a")]


@pytest.mark.parametrize(
    "params", ["fwd-status", "fwd-status=304.0", "fwd-status=?1", "stored=1", "stored=a", "collapsed=1", "collapsed=a"]
)
def test_a_parameter_beside_fwd_that_is_of_the_wrong_type_is_left_out(params: str) -> None:
    assert parse_cache_status(f"a; fwd=miss; {params}") == [CacheStatus("a", fwd="miss")]


@pytest.mark.requirement("9211-2.1-02")
def test_where_others_say_hit_and_fwd_the_request_went_forward() -> None:
    assert parse_cache_status("a; hit; fwd=stale; stored") == [CacheStatus("a", fwd="stale", stored=True)]
    assert parse_cache_status("a; hit; fwd=other") == [CacheStatus("a", hit=True)]


@given(st.lists(answered | forwarded))
def test_what_is_written_is_read_back(statuses: list[CacheStatus]) -> None:
    assert parse_cache_status(", ".join([str(status) for status in statuses])) == statuses


@given(answered | forwarded)
@pytest.mark.requirement("9211-2-04")
def test_a_member_is_an_item_named_by_a_string_or_token(status: CacheStatus) -> None:
    members = parse_list(str(status))
    assert members is not None
    (member,) = members
    assert isinstance(member, Item)
    assert type(member.value) in (str, Token)
    assert member.value == status.cache


@given(st.text() | st.text(st.sampled_from('ab;=,"?01 fwd-')))
def test_no_value_raises(value: str) -> None:
    for status in parse_cache_status(value):
        assert parse_cache_status(str(status)) == [status]


@given(st.text(), st.text())
def test_no_text_can_break_out_of_its_member(cache: str, detail: str) -> None:
    text = str(CacheStatus(cache, hit=True, key=detail, detail=Token(detail)))
    assert re.fullmatch(r"[ -~]+", text)
    assert len(parse_cache_status(text)) == 1
