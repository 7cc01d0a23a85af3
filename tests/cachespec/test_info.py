from __future__ import annotations

from typing import Any

import pytest

from cachespec import CacheInfo
from cachespec.verdicts import Verdict

FIRST = Verdict(False, "first", "RFC 9111 §4", "This.")
LAST = Verdict(False, "last", "RFC 9111 §4", "That.")


@pytest.mark.parametrize(
    ("status", "from_cache", "revalidated"),
    [
        ("hit", True, False),
        ("stale", True, False),
        ("revalidated", True, True),
        ("miss", False, False),
        ("bypass", False, False),
        ("unavailable", False, False),
    ],
)
def test_where_the_body_came_from(status: Any, from_cache: bool, revalidated: bool) -> None:
    info = CacheInfo(status)
    assert (info.from_cache, info.revalidated) == (from_cache, revalidated)


def test_the_reason_is_the_last_decision() -> None:
    assert CacheInfo().reason is None
    assert CacheInfo("miss", [FIRST, LAST]).reason is LAST


@pytest.mark.parametrize(
    ("info", "member"),
    [
        pytest.param(
            CacheInfo("hit", age=10.0, lifetime=60.0, stored=True),
            "c; hit; ttl=50",
            marks=pytest.mark.requirement("9211-2.1-01", "9211-2.4-01"),
            id="a hit",
        ),
        pytest.param(
            CacheInfo("hit", age=10.2, lifetime=60.0, stored=True),
            "c; hit; ttl=49",
            marks=pytest.mark.requirement("9211-2.4-01"),
            id="a part of a second is none",
        ),
        pytest.param(
            CacheInfo("stale", age=60.2, lifetime=60.0, stored=True),
            "c; hit; ttl=-1",
            marks=pytest.mark.requirement("9211-2.1-01", "9211-2.4-01"),
            id="a stale hit",
        ),
        pytest.param(
            CacheInfo("miss", forward="uri-miss"),
            "c; fwd=uri-miss",
            marks=pytest.mark.requirement("9211-2.1-02", "9211-2.2-01"),
            id="a miss",
        ),
        pytest.param(
            CacheInfo("miss", forward="uri-miss", stored=True),
            "c; fwd=uri-miss; stored",
            marks=pytest.mark.requirement("9211-2.5-01"),
            id="a miss that was stored",
        ),
        pytest.param(
            CacheInfo("revalidated", age=0.0, lifetime=60.0, stored=True, forward="stale", forward_status=304),
            "c; fwd=stale; fwd-status=304; ttl=60; stored",
            marks=pytest.mark.requirement("9211-2.1-01", "9211-2.3-01", "9211-2.5-01"),
            id="validated",
        ),
        pytest.param(
            CacheInfo("stale", age=90.0, lifetime=60.0, stored=True, forward="stale", forward_status=503),
            "c; fwd=stale; fwd-status=503",
            marks=pytest.mark.requirement("9211-2.3-01", "9211-2.5-01"),
            id="stale in place of an error, which was not stored",
        ),
        pytest.param(
            CacheInfo("hit", age=0.0, lifetime=60.0, stored=True, forward="uri-miss", collapsed=True),
            "c; fwd=uri-miss; stored; collapsed",
            marks=pytest.mark.requirement("9211-2.6-01"),
            id="answered with another one's response",
        ),
        pytest.param(
            CacheInfo("miss", forward="uri-miss", collapsed=True),
            "c; fwd=uri-miss; collapsed=?0",
            marks=pytest.mark.requirement("9211-2.6-01"),
            id="waited in vain",
        ),
        pytest.param(CacheInfo("bypass", forward="method"), "c; fwd=method", id="another method"),
    ],
)
def test_cache_status_says_what_was_done(info: CacheInfo, member: str) -> None:
    assert str(info.cache_status("c")) == member


@pytest.mark.requirement("9211-6-01", "9211-2.7-01", "9211-2.8-01")
def test_the_key_and_the_reason_are_told_only_on_demand() -> None:
    info = CacheInfo("miss", [FIRST, LAST], forward="vary-miss", key="http://a.test/")
    assert str(info.cache_status("c")) == "c; fwd=vary-miss"
    assert str(info.cache_status("c", debug=True)) == 'c; fwd=vary-miss; key="http://a.test/"; detail=last'
    assert str(CacheInfo(forward="miss").cache_status("c", debug=True)) == "c; fwd=miss"
