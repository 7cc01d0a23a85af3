"""What a store is made with."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from cachespec_sql import AsyncSQLStore, SQLStore


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"namespace": "x" * 65}, "^namespace: at most 64 octets"),
        ({"max_bytes": 0}, "^max_bytes: 0 is not a positive number"),
        ({"max_entries": 1.5}, "^max_entries: 1.5 is not a positive number"),
        ({"max_body": True}, "^max_body: True is not a positive number"),
        ({"signing_key": b"short"}, "16"),
        ({"timeout": 0}, "^timeout: 0 is no number of seconds"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(url: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SQLStore(url, **options)


def test_the_timeout_of_an_engine_that_is_given_is_its_owners(url: str) -> None:
    with pytest.raises(ValueError, match=r"^timeout: the engine given has its own"):
        SQLStore(create_engine(url), timeout=1.0)
    with pytest.raises(ValueError, match=r"^timeout: the engine given has its own"):
        AsyncSQLStore(create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:")), timeout=1.0)


def test_so_long_does_a_writer_of_an_sqlite_file_wait(url: str) -> None:
    for timeout, milliseconds in ((None, 15_000), (2.5, 2_500)):
        store = SQLStore(url, timeout=timeout)
        assert store.ask(lambda connection: connection.execute(text("PRAGMA busy_timeout")).scalar()) == milliseconds
        store.close()
