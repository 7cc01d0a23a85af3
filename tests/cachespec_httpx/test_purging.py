"""What lies in the store, listed and removed through a client or a transport."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cachespec_httpx import cache_info

if TYPE_CHECKING:
    from conftest import Clock, SyncCaller, Wire


def ask(caller: SyncCaller, call: Callable[..., Any], **options: Any) -> Any:
    return caller.call(call, **options)


@pytest.fixture
def filled(wire: Wire) -> Wire:
    """A transport whose responses belong to groups named after their paths."""
    wire.answer = lambda request: httpx.Response(
        200,
        headers={"Cache-Control": "max-age=60", "Cache-Groups": f'"{request.url.raw_path.decode().strip("/")}"'},
        content=request.url.raw_path,
    )
    return wire


def test_urls_are_listed_and_cleared(caller: SyncCaller, filled: Wire) -> None:
    with caller.open(caller.caching(transport=filled)) as client:
        for url in ("http://a.test/1", "http://A.test:80/1", "http://a.test/2"):
            caller.get(client, url)
        assert ask(caller, client.urls) == ["http://a.test/1", "http://a.test/2"]
        assert ask(caller, client.clear) == 2
        assert ask(caller, client.urls) == []


@pytest.mark.parametrize(
    ("options", "left"),
    [
        pytest.param({"url": "http://a.test/1"}, ["/2", "/caf%C3%A9"], id="a url"),
        pytest.param({"url": httpx.URL("http://a.test/1")}, ["/2", "/caf%C3%A9"], id="a url of httpx"),
        pytest.param({"url": "/1"}, ["/2", "/caf%C3%A9"], id="a url relative to the base"),
        pytest.param({"url": "/café"}, ["/1", "/2"], id="a url to be percent-encoded"),
        pytest.param({"prefix": "http://a.test/caf"}, ["/1", "/2"], id="a prefix"),
        pytest.param({"prefix": "/"}, [], id="a prefix relative to the base"),
        pytest.param({"groups": ["1", "2"]}, ["/caf%C3%A9"], id="groups"),
        pytest.param({"everything": True}, [], id="everything"),
        pytest.param({"expired": True}, ["/1", "/2", "/caf%C3%A9"], id="what is expired"),
    ],
)
def test_a_purge_hits_what_it_names(caller: SyncCaller, filled: Wire, options: dict[str, Any], left: list[str]) -> None:
    with caller.open(caller.caching(transport=filled, base_url="http://a.test")) as client:
        for path in ("/1", "/2", "/café"):
            caller.get(client, path)
        assert ask(caller, client.purge, **options) == 3 - len(left)
        assert ask(caller, client.urls) == [f"http://a.test{path}" for path in left]


def test_a_soft_purge_leaves_something_to_validate(caller: SyncCaller, filled: Wire, clock: Clock) -> None:
    with caller.open(caller.caching(transport=filled, clock=clock)) as client:
        caller.get(client, "http://a.test/1")
        assert ask(caller, client.purge, url="http://a.test/1", soft=True) == 1
        assert ask(caller, client.urls) == ["http://a.test/1"]
        assert cache_info(caller.get(client, "http://a.test/1")).forward == "stale"


def test_a_transport_purges_too(caller: SyncCaller, filled: Wire) -> None:
    transport = caller.transport(filled)
    with caller.open(caller.plain(transport=transport)) as client:
        caller.get(client, "http://a.test/1")
        assert ask(caller, transport.urls) == ["http://a.test/1"]
        assert ask(caller, transport.purge, url="http://a.test/1") == 1
        assert ask(caller, transport.clear) == 0


@pytest.mark.parametrize("option", ["url", "prefix"])
def test_a_relative_url_without_a_base_is_an_error(caller: SyncCaller, wire: Wire, option: str) -> None:
    with caller.open(caller.caching(transport=wire)) as client, pytest.raises(ValueError, match="not absolute"):
        ask(caller, client.purge, **{option: "/path"})
    with caller.open(caller.transport(wire)) as transport, pytest.raises(ValueError, match="not absolute"):
        ask(caller, transport.purge, **{option: "/path"})
