"""Classes of attacks that reach a client, by the numbers of the documentation's security page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from cachespec import FileStore
from cachespec_requests import CachedSession


def numbered(origin: Any, *fields: tuple[str, str]) -> None:
    """Answer with the number of the request."""
    origin.serve(lambda seen: origin.fresh(str(len(origin.seen)).encode(), *fields))


def made(store: Any, clock: Any) -> CachedSession:
    session = CachedSession(store=store, clock=clock)
    session.trust_env = False
    return session


def test_07_requests_that_differ_in_what_vary_names_never_share(origin: Any, session: Any) -> None:
    numbered(origin, ("Vary", "X-A, X-B"))
    fields = ({"X-A": "12", "X-B": "3"}, {"X-A": "1", "X-B": "23"}, {"X-A": ""}, {})
    bodies = [session.get(origin.url, headers=each).content for each in (*fields, *fields)]
    assert bodies == [b"1", b"2", b"3", b"4"] * 2


def test_08_users_of_one_session_never_get_each_others_responses(origin: Any, session: Any) -> None:
    numbered(origin)
    users = [("a", "b"), ("a", "c"), None]
    assert [session.get(origin.url, auth=user).content for user in (*users, *users)] == [b"1", b"2", b"3"] * 2


def test_08_no_secret_of_a_request_is_at_rest(origin: Any, clock: Any, tmp_path: Path) -> None:
    numbered(origin, ("Vary", "Authorization, Cookie"))
    secrets = {"Authorization": "Bearer nobody-must-read-this", "Cookie": "id=nobody-must-read-this"}
    with made(FileStore(tmp_path), clock) as session:
        assert [session.get(origin.url, headers=secrets).content for _ in range(2)] == [b"1", b"1"]
    files = b"".join([path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()])
    assert b"127.0.0.1" in files
    assert b"nobody-must-read-this" not in files


def test_08_a_cookie_that_was_set_once_is_not_set_again_by_a_hit(origin: Any, session: Any) -> None:
    numbered(origin, ("Set-Cookie", "id=1"))
    session.get(origin.url)
    session.cookies.clear()
    assert session.get(origin.url).content == b"1"
    assert session.cookies.get_dict() == {}


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_10_what_was_cut_off_is_not_stored(origin: Any, session: Any, framing: str) -> None:
    origin.serve(origin.reply(b"part", [("Cache-Control", "max-age=60")], framing=framing, cut=True))
    for calls in (1, 2):
        with pytest.raises(requests.RequestException):
            session.get(origin.url)
        assert len(origin.seen) == calls


def test_10_what_was_not_read_to_its_end_is_not_stored(origin: Any, session: Any) -> None:
    origin.serve(origin.fresh([b"a" * 70_000, b"b" * 70_000]))
    for calls in (1, 2):
        with session.get(origin.url, stream=True) as response:
            assert next(response.iter_content(10)) == b"a" * 10
        assert len(origin.seen) == calls


@pytest.mark.parametrize("octets", [b"", b"\x80\x04\x95pickle", b"\xff" * 3000])
def test_13_what_somebody_else_has_written_is_not_there(origin: Any, clock: Any, tmp_path: Path, octets: bytes) -> None:
    numbered(origin)
    with made(FileStore(tmp_path), clock) as session:
        session.get(origin.url)
        for path in tmp_path.rglob("*"):
            if path.is_file() and len(path.name) == 64:
                path.write_bytes(octets)
        assert [session.get(origin.url).content for _ in range(2)] == [b"2", b"2"]


@pytest.mark.parametrize(
    "field",
    [
        ("Cache-Control", "max-age=" + "9" * 50_000),
        ("Cache-Control", '"' * 50_000),
        ("Vary", "a, " * 20_000),
        ("Age", "1" * 50_000),
        ("Date", "Mon, " * 10_000),
        ("Cache-Groups", '"a", ' * 10_000),
    ],
    ids=["digits", "quotes", "vary", "age", "date", "groups"],
)
def test_22_no_field_makes_a_request_fail(origin: Any, session: Any, field: tuple[str, str]) -> None:
    numbered(origin, field)
    assert [session.get(origin.url).status_code for _ in range(2)] == [200, 200]
