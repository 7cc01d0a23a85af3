"""Classes of attacks on keys, stores and what lies in them, by the numbers of the documentation's security page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cachespec import Cache, FileStore, Headers, MemoryStore, Policy, Request, Response, Wish
from cachespec.codec import decode, encode
from cachespec.entries import Entry
from cachespec.flight import NEVER_MOST
from cachespec.keys import primary_key, variant_key
from cachespec.shelter import OWED
from cachespec.testing import samples

URL = "https://example.com/a"
OTHER = "https://example.com/b"
SECRET = "Bearer nobody-must-read-this"


class Live:
    """A response of the server's.  A chunk that is an exception is raised."""

    def __init__(self, head: Response, *chunks: Any) -> None:
        self.head = head
        self.script = chunks

    def chunks(self) -> Iterator[bytes]:
        for chunk in self.script:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    def close(self) -> None:
        pass


class Visitor:
    """Asks, and counts how often the server was asked."""

    def __init__(self, store: Any = None, policy: Policy | None = None) -> None:
        self.store = MemoryStore() if store is None else store
        self.cache = Cache(self.store, policy or Policy())
        self.calls = 0
        self.lines: list[tuple[str, str]] = [("Cache-Control", "max-age=60")]
        self.chunks: Callable[[], tuple[Any, ...]] = lambda: (b"%d" % self.calls,)

    def __call__(self, url: str = URL, wish: Wish | None = None, **fields: str) -> bytes:
        def send(request: Request) -> Live:
            self.calls += 1
            return Live(Response(200, self.lines), *self.chunks())

        lines = [(name.replace("_", "-"), value) for name, value in fields.items()]
        answer = self.cache.fetch(Request("GET", url, lines), send, wish or Wish())
        try:
            return b"".join(answer.content)
        finally:
            answer.content.close()


def at_rest(folder: Path) -> bytes:
    """Everything that lies in files, their names included."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    assert paths
    return b"".join([os.fsencode(path) + path.read_bytes() for path in paths])


# --- 7. keys


def test_07_parts_of_a_key_cannot_run_into_each_other() -> None:
    assert primary_key("https://a.test/bc", "private:") != primary_key("https://a.test/b", "cprivate:")
    one, other = (("accept", "ab"), ("b", "c")), (("accept", "a"), ("b", "bc"))
    assert variant_key(b"k" * 32, b"g", one) != variant_key(b"k" * 32, b"g", other)
    assert variant_key(b"k" * 32, b"g", (("accept", None),)) != variant_key(b"k" * 32, b"g", (("accept", ""),))


def test_07_private_and_shared_caches_with_one_store_never_read_each_other() -> None:
    store = MemoryStore()
    visitors = [Visitor(store, policy) for policy in (Policy(), Policy(shared=True), Policy(namespace="other"))]
    assert [visitor() for visitor in visitors] == [b"1"] * 3
    assert [visitor() for visitor in visitors] == [b"1"] * 3
    assert len(store) == 3


def test_07_what_lies_under_somebody_elses_key_is_a_miss(tmp_path: Path) -> None:
    visitor = Visitor(FileStore(tmp_path))
    visitor.chunks = lambda: (b"%d" % visitor.calls,)
    assert [visitor(URL), visitor(OTHER)] == [b"1", b"2"]
    one, other = (path for path in tmp_path.rglob("*") if path.is_file() and len(path.name) == 64 and path.suffix == "")
    octets = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(octets)
    assert [visitor(URL), visitor(OTHER)] == [b"3", b"4"]


# --- 8. leaks between users


def test_08_every_principal_has_responses_of_its_own() -> None:
    visitor = Visitor()
    users = ("Bearer a", "Bearer b", "Basic YTpi")
    assert [visitor(Authorization=user) for user in (*users, *users)] == [b"1", b"2", b"3"] * 2
    # What asks without a name gets nobody's.
    assert visitor() == b"4"


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key"])
def test_08_no_secret_of_a_request_is_at_rest(tmp_path: Path, name: str) -> None:
    visitor = Visitor(FileStore(tmp_path))
    visitor.lines = [("Cache-Control", "max-age=60"), ("Vary", "Authorization, Cookie, Proxy-Authorization")]
    wish = Wish(partition="tenant nobody-must-read-this")
    assert [visitor(wish=wish, **{name: SECRET}) for _ in range(2)] == [b"1", b"1"]
    assert b"nobody-must-read-this" not in at_rest(tmp_path)


# --- 10. truncation


@pytest.mark.parametrize(
    ("lines", "chunks"),
    [
        ([("Content-Length", "10")], (b"short",)),
        ([("Content-Length", "2")], (b"too long",)),
        ([("Content-Length", "2, 3")], (b"ab",)),
        ([], (b"a", ConnectionError("cut"))),
        ([("Content-Length", "3")], (b"a", TimeoutError("cut"))),
    ],
    ids=["short", "long", "two lengths", "cut", "cut short of its length"],
)
def test_10_what_is_not_complete_is_not_stored(lines: list[tuple[str, str]], chunks: tuple[Any, ...]) -> None:
    visitor = Visitor()
    visitor.lines += lines
    visitor.chunks = lambda: chunks
    for calls in (1, 2):
        try:
            visitor()
        except OSError:
            assert isinstance(chunks[-1], OSError)
        assert visitor.calls == calls
    assert list(visitor.store.items()) == []


# --- 12. response splitting


@pytest.mark.parametrize("evil", ["a\r\nSet-Cookie: evil=1", "a\nb", "a\rb", "a\0b"], ids=repr)
def test_12_no_line_break_is_replayed_whether_it_came_in_or_was_put_there(evil: str) -> None:
    visitor = Visitor()
    visitor.lines.append(("X-A", evil))
    visitor()
    (stored,) = [item for _, item in visitor.store.items() if isinstance(item, Entry)]
    assert not set("\r\n\0") & set(stored.headers["x-a"] or "")
    entry = samples.entry(URL)
    for lines in ((("X-A", evil),), ((evil, "a"),)):
        forged = decode(encode(replace(entry, headers=Headers.trusted(lines))))
        replayed = forged.headers.lines if isinstance(forged, Entry) else ()
        assert not [line for line in replayed if set("\r\n\0") & set("".join(line))]


# --- 13. deserialisation


@pytest.mark.parametrize("octets", [b"", b"\x80\x04\x95pickle", b"cse1", b"cse1" + b"\xff" * 500, b"{}", b"\0" * 4096])
def test_13_what_somebody_else_has_written_is_not_there(tmp_path: Path, octets: bytes) -> None:
    visitor = Visitor(FileStore(tmp_path))
    visitor()
    for path in tmp_path.rglob("*"):
        if path.is_file() and len(path.name) == 64:
            path.write_bytes(octets)
    assert [visitor(), visitor()] == [b"2", b"2"]


def test_13_with_a_key_nobody_else_can_write(tmp_path: Path) -> None:
    mine, theirs = b"k" * 16, b"e" * 16
    forger = Visitor(FileStore(tmp_path, signing_key=theirs))
    forger.chunks = lambda: (b"forged",)
    forger()
    visitor = Visitor(FileStore(tmp_path, signing_key=mine))
    assert visitor() == b"1"
    assert visitor() == b"1"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_13_files_and_folders_are_their_owners_only(tmp_path: Path) -> None:
    visitor = Visitor(FileStore(tmp_path / "cache"))
    visitor.chunks = lambda: (b"a" * 300_000,)
    visitor()
    visitor.store.secret()
    assert [path for path in (tmp_path / "cache").rglob("*") if path.stat().st_mode & 0o077] == []


# --- 21. growth


def test_21_variants_entries_and_bytes_are_bounded() -> None:
    visitor = Visitor(MemoryStore(max_bytes=100_000, max_entries=50), Policy(max_variants=10))
    visitor.lines.append(("Vary", "X-A"))
    for number in range(300):
        visitor(f"{URL}/{number % 3}", X_A=str(number))
    assert len(visitor.store) <= 50
    assert visitor.store.bytes <= 100_000


def test_21_an_index_of_groups_never_outgrows_its_responses(tmp_path: Path) -> None:
    visitor = Visitor(FileStore(tmp_path, max_entries=10))
    for number in range(60):
        visitor.lines = [("Cache-Control", "max-age=60"), ("Cache-Groups", f'"group-{number}"')]
        visitor(f"{URL}/{number}")
    visitor.cache.purge(everything=True)
    visitor.cache.purge(expired=True)
    left = [path for path in tmp_path.rglob("*") if path.is_file() and "groups" in path.parts]
    assert sum(path.stat().st_size for path in left) == 0


def test_21_what_is_remembered_beside_the_store_is_bounded() -> None:
    class Failing(MemoryStore):
        def purge(self, scope: Any) -> int:
            raise ConnectionError

    cache = Cache(Failing())
    for number in range(OWED + 50):
        cache.shelter.resting_until = 0.0
        cache.fetch(Request("POST", f"{URL}/{number}"), lambda _: Live(Response(200)))
    assert len(cache.shelter.owed) <= OWED
    flights = cache._flights
    for number in range(NEVER_MOST + 50):
        _, flight = flights.board(number, "me")
        assert flight is not None
        flights.land(number, flight, "alone", never=True)
    assert len(flights._never) <= NEVER_MOST
