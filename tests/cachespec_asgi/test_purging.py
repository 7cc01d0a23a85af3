"""The endpoint for purging: what it does, and for whom."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cachespec_asgi import CacheMiddleware, PurgeEndpoint

pytestmark = pytest.mark.anyio

TOKEN = "a-token-that-nobody-guesses"
JSON = ("content-type", "application/json; charset=utf-8")
BEARER = ("authorization", f"Bearer {TOKEN}")


def answer(reply: Any) -> tuple[int, Any]:
    assert reply.headers["cache-control"] == "no-store"
    return reply.status, json.loads(reply.body)


@pytest.fixture
def purging(client: Any, origin: Any) -> Any:
    """A client of an application with an endpoint at /-/purge, and a function that posts to it."""
    call = client(CacheMiddleware(origin, purge=PurgeEndpoint("/-/purge", token=TOKEN)))

    async def post(said: Any, **request: Any) -> Any:
        content = said if isinstance(said, bytes) else json.dumps(said).encode()
        request = {"method": "POST", "headers": [JSON, BEARER], **request}
        return answer(await call("/-/purge", content=content, **request))

    return call, post


@pytest.mark.parametrize(
    ("said", "purged"),
    [
        ({"url": "/a"}, 1),
        ({"url": "https://example.com/a", "soft": True}, 1),
        ({"prefix": "/"}, 2),
        ({"groups": ["x", "y"]}, 0),
        ({"groups": "x"}, 0),
        ({"everything": True}, 2),
        ({"expired": True}, 0),
    ],
    ids=str,
)
async def test_it_purges_what_it_is_told(purging: Any, said: Any, purged: int) -> None:
    call, post = purging
    await call("/a")
    await call("/b")
    assert await post(said) == (200, {"purged": purged})


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'"a"',
        b"[" * 60_000,
        {"url": 1},
        {"groups": [1]},
        {"everything": 1},
        {"unknown": True},
        {"soft": True},
        b'{"url": "' + b"a" * 70_000 + b'"}',
    ],
    ids=lambda said: str(said)[:20],
)
async def test_what_it_does_not_understand_it_refuses(purging: Any, said: Any) -> None:
    status, said = await purging[1](said)
    assert (status, list(said)) == (400, ["error"])


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param({"headers": [JSON]}, 403, id="no token"),
        pytest.param({"headers": [JSON, ("authorization", "Bearer wrong")]}, 403, id="wrong token"),
        pytest.param({"headers": [JSON, ("authorization", f"Basic {TOKEN}")]}, 403, id="other scheme"),
        pytest.param({"method": "GET"}, 405, id="GET"),
        pytest.param({"headers": [BEARER]}, 415, id="no type"),
        pytest.param({"headers": [BEARER, ("content-type", "text/plain")]}, 415, id="a form's type"),
        pytest.param({"headers": [JSON, BEARER, ("sec-fetch-site", "cross-site")]}, 403, id="another site"),
        pytest.param({"headers": [JSON, BEARER, ("sec-fetch-site", "same-site")]}, 403, id="a sibling site"),
        pytest.param({"headers": [JSON, BEARER, ("origin", "https://other.example")]}, 403, id="another origin"),
        pytest.param({"headers": [JSON, BEARER, ("origin", "http://example.com")]}, 403, id="the plain origin"),
        pytest.param({"headers": [JSON, BEARER, ("origin", "null")]}, 403, id="an opaque origin"),
    ],
)
async def test_it_refuses_whom_it_does_not_know_and_what_other_sites_send(
    purging: Any, request_: Any, status: int
) -> None:
    call, post = purging
    await call("/a")
    assert (await post({"everything": True}, **request_))[0] == status
    assert "; hit" in (await call("/a")).cache


async def test_it_takes_what_its_own_site_sends(purging: Any) -> None:
    own = [JSON, BEARER, ("origin", "https://EXAMPLE.com"), ("sec-fetch-site", "same-origin")]
    assert await purging[1]({"everything": True}, headers=own) == (200, {"purged": 0})


async def test_it_is_at_its_path_exactly(purging: Any, origin: Any) -> None:
    call, _ = purging
    for path in ("/-/purge/", "/-/purge/a", "/-/Purge"):
        assert (await call(path)).body == b"hello"
    assert origin.calls == 3


async def test_a_guard_of_ones_own_is_asked_beside_the_token(client: Any, origin: Any) -> None:
    def only_local(scope: Any) -> bool:
        return bool(scope["client"][0] == "192.0.2.1")

    async def nobody(scope: Any) -> bool:
        return False

    for guards, status in (
        ({"allow": only_local}, 200),
        ({"allow": nobody}, 403),
        ({"allow": only_local, "token": TOKEN}, 200),
        ({"allow": lambda scope: 1}, 403),
    ):
        call = client(CacheMiddleware(origin, purge=PurgeEndpoint("/p", **guards)))
        reply = await call("/p", method="POST", headers=[JSON, BEARER], content=b'{"everything": true}')
        assert answer(reply)[0] == status


async def test_it_can_be_mounted_inside_the_application(client: Any, origin: Any) -> None:
    from starlette.applications import Starlette
    from starlette.routing import Mount, Route

    endpoint = PurgeEndpoint("/admin/purge", token=TOKEN)
    app = Starlette(routes=[Mount("/admin", routes=[Route("/purge", endpoint), Route("/other", endpoint)])])
    call = client(CacheMiddleware(app))
    request: Any = {"method": "POST", "headers": [JSON, BEARER], "content": b'{"everything": true}'}
    assert answer(await call("/admin/purge", **request)) == (200, {"purged": 0})
    assert answer(await call("/admin/other", **request))[0] == 404


async def test_a_get_of_it_is_told_to_post(purging: Any) -> None:
    call, _ = purging
    assert (await call("/-/purge")).headers["allow"] == "POST"


async def test_a_target_that_passed_unseen_a_moment_ago_does_not_hide_it(client: Any, origin: Any) -> None:
    origin.headers = [("cache-control", "no-store")]
    middleware = CacheMiddleware(origin)
    call = client(middleware)
    await call("/p")
    middleware._purge = PurgeEndpoint("/p", token=TOKEN)
    assert (await call("/p")).status == 405


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"path": "p", "token": TOKEN}, ValueError),
        ({"path": "/p"}, ValueError),
        ({"path": "/p", "token": "short"}, ValueError),
        ({"path": "/p", "allow": 1}, TypeError),
    ],
    ids=str,
)
def test_without_a_guard_there_is_none(arguments: Any, error: Any) -> None:
    with pytest.raises(error):
        PurgeEndpoint(**arguments)
