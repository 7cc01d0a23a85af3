"""Classes of attacks that reach a client, by the numbers of the documentation's security page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from cachespec import FileStore, Policy
from cachespec_httpx import cache_info

URL = "http://a.test/"


def numbered(wire: Any, *lines: tuple[str, str]) -> None:
    """Answer with the number of the request."""
    wire.answer = lambda request: httpx.Response(
        200, headers=[("Cache-Control", "max-age=60"), *lines], stream=wire.pieces(str(len(wire.given)).encode())
    )


def test_07_requests_that_differ_in_what_vary_names_never_share(caller: Any, wire: Any) -> None:
    numbered(wire, ("Vary", "X-A, X-B"))
    with caller.open(caller.caching(transport=wire)) as client:
        fields = ({"X-A": "12", "X-B": "3"}, {"X-A": "1", "X-B": "23"}, {"X-A": ""}, {})
        bodies = [caller.get(client, URL, headers=each).content for each in (*fields, *fields)]
    assert bodies == [b"1", b"2", b"3", b"4"] * 2


def test_08_users_of_one_client_never_get_each_others_responses(caller: Any, wire: Any) -> None:
    numbered(wire)
    with caller.open(caller.caching(transport=wire)) as client:
        users = [("a", "b"), ("a", "c"), None]
        bodies = [caller.get(client, URL, **({"auth": user} if user else {})).content for user in (*users, *users)]
    assert bodies == [b"1", b"2", b"3"] * 2


def test_08_no_secret_of_a_request_is_at_rest(caller: Any, wire: Any, tmp_path: Path) -> None:
    numbered(wire, ("Vary", "Authorization, Cookie"))
    secrets = {"Authorization": "Bearer nobody-must-read-this", "Cookie": "id=nobody-must-read-this"}
    with caller.open(caller.caching(transport=wire, store=FileStore(tmp_path))) as client:
        assert [caller.get(client, URL, headers=secrets).content for _ in range(2)] == [b"1", b"1"]
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert b"a.test" in b"".join(files)
    assert b"nobody-must-read-this" not in b"".join(files)


def test_08_a_cookie_that_was_set_once_is_not_set_again_by_a_hit(caller: Any, wire: Any) -> None:
    numbered(wire, ("Set-Cookie", "id=1"))
    with caller.open(caller.caching(transport=wire)) as client:
        caller.get(client, URL)
        client.cookies.clear()
        assert cache_info(caller.get(client, URL)).status == "hit"
        assert dict(client.cookies) == {}


@pytest.mark.parametrize("length", ["3", "1"])
def test_10_what_is_not_as_long_as_it_says_is_not_stored(caller: Any, wire: Any, length: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        lines = {"Cache-Control": "max-age=60", "Content-Length": length}
        return httpx.Response(200, headers=lines, stream=wire.pieces(b"ab"))

    wire.answer = answer
    with caller.open(caller.caching(transport=wire)) as client:
        for calls in (1, 2):
            caller.get(client, URL)
            assert len(wire.given) == calls


def test_10_what_was_not_read_to_its_end_is_not_stored(caller: Any, wire: Any) -> None:
    wire.answer = lambda request: httpx.Response(
        200, headers={"Cache-Control": "max-age=60"}, stream=wire.pieces(b"a", b"b")
    )
    with caller.open(caller.caching(transport=wire)) as client:
        for calls in (1, 2):
            caller.close(caller.start(client, URL))
            assert len(wire.given) == calls


def test_12_no_line_break_is_handed_out(caller: Any, wire: Any) -> None:
    numbered(wire, ("X-A", "a\r\nX-B: evil"))
    with caller.open(caller.caching(transport=wire)) as client:
        caller.get(client, URL)
        hit = caller.get(client, URL)
    assert cache_info(hit).status == "hit"
    assert not set("\r\n") & set(hit.headers["x-a"])
    assert "x-b" not in hit.headers


@pytest.mark.parametrize("octets", [b"", b"\x80\x04\x95pickle", b"\xff" * 3000])
def test_13_what_somebody_else_has_written_is_not_there(caller: Any, wire: Any, tmp_path: Path, octets: bytes) -> None:
    numbered(wire)
    with caller.open(caller.caching(transport=wire, store=FileStore(tmp_path))) as client:
        caller.get(client, URL)
        for path in tmp_path.rglob("*"):
            if path.is_file() and len(path.name) == 64:
                path.write_bytes(octets)
        assert [caller.get(client, URL).content for _ in range(2)] == [b"2", b"2"]


def test_15_coded_content_is_stored_as_it_came(caller: Any, wire: Any) -> None:
    wire.answer = lambda request: httpx.Response(
        200,
        headers={"Cache-Control": "max-age=60", "Content-Encoding": "gzip"},
        stream=wire.pieces(b"this is no gzip at all"),
    )
    with caller.open(caller.caching(transport=wire)) as client:
        for _ in range(2):
            response = caller.start(client, URL)
            assert caller.raw(response) == b"this is no gzip at all"
            caller.close(response)
    assert len(wire.given) == 1


def test_16_nothing_is_added_to_a_response_unless_it_is_asked_for(caller: Any, wire: Any) -> None:
    numbered(wire)
    with caller.open(caller.caching(transport=wire)) as client:
        assert "cache-status" not in caller.get(client, URL).headers
    with caller.open(caller.caching(transport=wire, policy=Policy(cache_status="mine"))) as client:
        assert "key=" not in caller.get(client, URL).headers["cache-status"]


@pytest.mark.parametrize(
    "line",
    [
        ("Cache-Control", "max-age=" + "9" * 50_000),
        ("Cache-Control", '"' * 50_000),
        ("Vary", "a, " * 20_000),
        ("Age", "1" * 50_000),
        ("ETag", '"' * 50_001),
        ("Date", "Mon, " * 10_000),
        ("Cache-Groups", '"a", ' * 10_000),
    ],
    ids=["digits", "quotes", "vary", "age", "tag", "date", "groups"],
)
def test_22_no_field_makes_a_request_fail(caller: Any, wire: Any, line: tuple[str, str]) -> None:
    numbered(wire, line)
    with caller.open(caller.caching(transport=wire)) as client:
        assert [caller.get(client, URL).status_code for _ in range(2)] == [200, 200]
