from __future__ import annotations

from dataclasses import replace

import pytest

from cachespec import Entry, Headers
from cachespec.entries import RETENTION, SPARE

NOW = 1_000_000_000.0
ENTRY = Entry("http://a.test/", "GET", (), 200, "", Headers(), NOW - 1, NOW, 10.0, 60.0, "max-age", NOW)


@pytest.mark.requirement("9111-4.2.3-05")
def test_the_age_grows_with_the_time_in_the_store() -> None:
    assert ENTRY.age(NOW) == 10
    assert ENTRY.age(NOW + 5.5) == 15.5


def test_a_clock_that_was_set_back_takes_nothing_off() -> None:
    assert ENTRY.age(NOW - 1000) == 10


def test_a_validator_is_a_tag_or_a_date() -> None:
    assert not ENTRY.has_validator
    assert replace(ENTRY, etag='"a"').has_validator
    assert replace(ENTRY, last_modified="x").has_validator


def test_what_is_made_stale_is_stale_from_then_on() -> None:
    expired = ENTRY.expired(NOW + 5)
    assert (expired.lifetime, expired.source) == (15, "purged")
    assert expired.age(NOW + 5) >= expired.lifetime
    assert ENTRY.lifetime == 60


def test_what_was_stale_before_does_not_become_fresher() -> None:
    assert ENTRY.expired(NOW + 500).lifetime == 60


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        pytest.param(ENTRY, SPARE, id="without a validator"),
        pytest.param(replace(ENTRY, while_revalidate=10), SPARE, id="with a short window"),
        pytest.param(replace(ENTRY, while_revalidate=9000), 9000, id="with a window"),
        pytest.param(replace(ENTRY, if_error=9000), 9000, id="with another window"),
        pytest.param(replace(ENTRY, kept=9000), 9000, id="with a window of the user's"),
        pytest.param(replace(ENTRY, etag='"a"'), RETENTION, id="with a validator"),
        pytest.param(replace(ENTRY, etag='"a"', if_error=9000), RETENTION, id="with a validator and a window"),
        pytest.param(replace(ENTRY, etag='"a"', kept=9_000_000), 9_000_000, id="with a validator and a longer one"),
    ],
)
def test_it_is_kept_for_as_long_as_it_may_be_of_use(entry: Entry, kept: float) -> None:
    stale = NOW + 50
    assert not entry.useless(stale + kept)
    assert entry.useless(stale + kept + 1)
