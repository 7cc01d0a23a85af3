"""The log of purges."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cachespec.stores.contract import Scope, scope
from cachespec.stores.purges import EVERYTHING, LIMIT, REMEMBERED, PurgeLog, decode_scope, encode_scope, refuses
from cachespec.testing import samples

URL = samples.url_of(1)
ITEM = samples.entry(URL)
TEXTS = st.text(max_size=8)


def test_what_came_before_does_not_count() -> None:
    log = PurgeLog()
    log.add(Scope(urls=(URL,)))
    assert not log.refuses(ITEM, log.mark)
    assert log.refuses(ITEM, 0)
    log.add(Scope(urls=("https://sample.test/other",)))
    assert not log.refuses(ITEM, 1)


def test_a_mark_of_the_future_is_no_older_one() -> None:
    assert not refuses(ITEM, 5, 4, [EVERYTHING])


def test_what_nobody_remembers_may_have_been_anything() -> None:
    log = PurgeLog()
    for _ in range(REMEMBERED):
        log.add(Scope(urls=("https://sample.test/other",)))
    assert not log.refuses(ITEM, 0)
    log.add(Scope(urls=("https://sample.test/other",)))
    assert log.refuses(ITEM, 0)
    assert not log.refuses(ITEM, 1)


@given(
    st.builds(
        Scope,
        urls=st.lists(TEXTS, max_size=3).map(tuple),
        groups=st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple),
        prefix=st.none() | TEXTS.filter(bool),
    ).filter(lambda made: made.urls or made.groups or made.prefix)
)
def test_a_scope_comes_back_as_it_was(made: Scope) -> None:
    octets = encode_scope(made)
    assert b"\n" not in octets
    assert decode_scope(octets) == made


def test_of_everything_nothing_else_need_be_known() -> None:
    assert decode_scope(encode_scope(EVERYTHING)) == EVERYTHING
    assert decode_scope(encode_scope(Scope(prefix=""))) == EVERYTHING


@given(st.binary(max_size=60))
@example(b'{"urls": 1}')
@example(b'{"urls": ["a"], "prefix": 1}')
@example(b'{"groups": [["a"]]}')
@example(b"[]")
@example(b"[" * 10_000)
@example(b"1" * 5_000)
@example(b" " * (LIMIT + 1))
def test_what_cannot_be_read_counts_as_everything(octets: bytes) -> None:
    assert decode_scope(octets) == EVERYTHING


def test_people_name_urls_groups_and_prefixes() -> None:
    assert scope(url="HTTP://Example.com", groups="a") == Scope(urls=("http://example.com/",), groups=(("", "a"),))
    assert scope(groups=["a", "b"]).groups == (("", "a"), ("", "b"))
    assert scope(prefix="HTTP://Example.com/a", stale_at=5.0) == Scope(prefix="http://example.com/a", stale_at=5.0)
    assert scope(everything=True) == EVERYTHING
    with pytest.raises(ValueError, match="purge: name a url"):
        scope()


def test_nothing_named_hits_nothing() -> None:
    assert not Scope().hits(ITEM)
