"""Classes of attacks on what lies in a database, by the numbers of the documentation's security page."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cachespec import Cache, Policy, Request, Response, Wish
from cachespec_sql import SQLStore
from cachespec_sql.tables import GROUPS, ITEMS

URL = "https://example.com/a"


class Live:
    """A response of the server's."""

    def __init__(self, body: bytes, *lines: tuple[str, str]) -> None:
        self.head = Response(200, [("Cache-Control", "max-age=60"), *lines])
        self.body = body

    def chunks(self) -> Iterator[bytes]:
        yield self.body

    def close(self) -> None:
        pass


class Visitor:
    """Asks, and counts how often the server was asked."""

    def __init__(self, folder: Path, policy: Policy | None = None, **options: Any) -> None:
        self.file = folder / "cache.db"
        self.store = SQLStore(f"sqlite:///{self.file}", **options)
        self.cache = Cache(self.store, policy or Policy())
        self.calls = 0
        self.lines: list[tuple[str, str]] = []

    def __call__(self, url: str = URL, wish: Wish | None = None, **fields: str) -> bytes:
        def send(request: Request) -> Live:
            self.calls += 1
            return Live(b"%d" % self.calls, *self.lines)

        answer = self.cache.fetch(Request("GET", url, list(fields.items())), send, wish or Wish())
        body = b"".join(answer.content)
        answer.content.close()
        return body

    def change(self, statement: str, *values: object) -> list[Any]:
        with sqlite3.connect(self.file) as database:
            rows = database.execute(statement, values).fetchall()
        database.close()
        return rows


@pytest.fixture
def visitor(tmp_path: Path) -> Iterator[Visitor]:
    made = Visitor(tmp_path)
    yield made
    made.store.close()


def test_07_what_lies_under_somebody_elses_key_is_a_miss(visitor: Visitor) -> None:
    assert [visitor(URL), visitor(f"{URL}/b")] == [b"1", b"2"]
    (one, a), (other, b) = visitor.change(f"SELECT key, blob FROM {ITEMS.name}")
    visitor.change(f"UPDATE {ITEMS.name} SET blob = ? WHERE key = ?", b, one)
    visitor.change(f"UPDATE {ITEMS.name} SET blob = ? WHERE key = ?", a, other)
    assert {visitor(URL), visitor(f"{URL}/b")} == {b"3", b"4"}


def test_08_no_secret_of_a_request_is_at_rest(visitor: Visitor) -> None:
    visitor.lines = [("Vary", "Authorization, Cookie")]
    secrets = {"Authorization": "Bearer nobody-must-read-this", "Cookie": "id=nobody-must-read-this"}
    wish = Wish(partition="nobody-must-read-this")
    assert [visitor(wish=wish, **secrets) for _ in range(2)] == [b"1", b"1"]
    visitor.store.close()
    at_rest = b"".join([path.read_bytes() for path in visitor.file.parent.iterdir()])
    assert b"example.com" in at_rest
    assert b"nobody-must-read-this" not in at_rest


@pytest.mark.parametrize("name", ["'; DROP TABLE items; --", '" OR 1=1', "%", "_", "\\", "a\0b"])
def test_12_what_is_asked_for_is_never_taken_for_a_statement(visitor: Visitor, name: str) -> None:
    visitor.lines = [("Cache-Groups", '"news"')]
    visitor(URL)
    assert visitor.cache.purge(groups=name) == 0
    assert visitor.cache.purge(prefix=f"https://example.com/{name}") == 0
    assert visitor() == b"1"
    assert visitor(f"{URL}?{name}") == b"2"
    assert visitor.cache.purge(groups="news") == 2


@pytest.mark.parametrize("octets", [b"", b"\x80\x04\x95pickle", b"cse1" + b"\xff" * 500, b"\0" * 4096])
def test_13_what_somebody_else_has_written_is_not_there(visitor: Visitor, octets: bytes) -> None:
    visitor()
    visitor.change(f"UPDATE {ITEMS.name} SET blob = ?", octets)
    assert [visitor(), visitor()] == [b"2", b"2"]


def test_13_with_a_key_nobody_else_can_write(tmp_path: Path) -> None:
    forger = Visitor(tmp_path, signing_key=b"e" * 16)
    forger()
    forger.store.close()
    visitor = Visitor(tmp_path, signing_key=b"k" * 16)
    visitor.calls = 10
    assert [visitor(), visitor()] == [b"11", b"11"]
    visitor.store.close()


def test_21_nothing_outgrows_its_bounds(tmp_path: Path) -> None:
    visitor = Visitor(tmp_path, Policy(max_variants=10), max_entries=20)
    visitor.lines = [("Vary", "X-A"), ("Cache-Groups", '"a", "b"')]
    for number in range(60):
        visitor(f"{URL}/{number % 3}", **{"X-A": str(number)})
    visitor.cache.purge(expired=True)
    assert visitor.store.stats().entries <= 20
    ((groups,),) = visitor.change(f"SELECT count(*) FROM {GROUPS.name}")
    assert groups <= 2 * 20
    visitor.store.close()
