from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachespec.languages import preferred_language


@pytest.mark.requirement("9111-4.1-05")
@pytest.mark.parametrize(
    ("value", "language"),
    [
        pytest.param(None, None, id="no field"),
        pytest.param("", None, id="an empty field"),
        pytest.param("de", "de", id="one"),
        pytest.param("DE-at", "de-at", id="one in capitals"),
        pytest.param("de;q=0.1", "de", id="one with a weight"),
        pytest.param("en;q=0.5, de;q=0.8", "de", id="the greater weight"),
        pytest.param("en;q=0.8,de;q=0.5", "en", id="the greater weight first"),
        pytest.param("en;q=0.8, de", "de", id="no weight is the greatest"),
        pytest.param("en;q=0.8, de;q=0.8", None, id="the same weight"),
        pytest.param("en;q=0.8, de;q=0.800", None, id="the same weight written otherwise"),
        pytest.param("en;q=0.5, fr;q=0.5, de;q=0.8", "de", id="the same weight behind"),
        pytest.param("de, en;q=0.5, fr;q=0.5", "de", id="the same weight in front"),
        pytest.param("*", None, id="any"),
        pytest.param("*, de;q=0.5", None, id="any before all"),
        pytest.param("de, *;q=0.5", "de", id="any behind"),
        pytest.param("de;q=0", None, id="none of it"),
        pytest.param(", de ,,", "de", id="empty members"),
        pytest.param("de ; Q=0.5\t,en;q=0.4", "de", id="white space and capitals"),
        pytest.param("de;q=2", None, id="no weight at all"),
        pytest.param("de;q=0.1234", None, id="too many digits"),
        pytest.param("de;level=1, en", None, id="another parameter"),
        pytest.param("de, e n", None, id="no language"),
        pytest.param("dé", None, id="no letters of ours"),
    ],
)
def test_the_language_that_weighs_most(value: str | None, language: str | None) -> None:
    assert preferred_language(value) == language


@given(st.text(alphabet="de-*;q=01., \t", max_size=30))
def test_whatever_a_field_holds_it_is_read(value: str) -> None:
    language = preferred_language(value)
    assert language is None or language in value.lower()
