"""What a store is made with."""

from __future__ import annotations

from typing import Any

import pytest

from cachespec_sql import SQLStore


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"namespace": "x" * 65}, "^namespace: at most 64 octets"),
        ({"max_bytes": 0}, "^max_bytes: 0 is not a positive number"),
        ({"max_entries": 1.5}, "^max_entries: 1.5 is not a positive number"),
        ({"max_body": True}, "^max_body: True is not a positive number"),
        ({"signing_key": b"short"}, "16"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(url: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SQLStore(url, **options)
