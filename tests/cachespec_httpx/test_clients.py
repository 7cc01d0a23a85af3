"""Clients put every transport that they would use behind the cache, and say so where they cannot."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cachespec import AsyncCache, Cache, MemoryStore, Policy
from cachespec_httpx import AsyncCacheClient, AsyncCacheTransport, CacheClient, CacheTransport, cache_info

if TYPE_CHECKING:
    from conftest import Origin, SyncCaller, Wire

FRESH = [("Cache-Control", "max-age=60")]
COLOURS = pytest.mark.parametrize(
    ("caching", "transport", "cache"),
    [
        pytest.param(CacheClient, CacheTransport, Cache, id="sync"),
        pytest.param(AsyncCacheClient, AsyncCacheTransport, AsyncCache, id="async"),
    ],
)


class AsyncStore:
    """As much of an asynchronous store as tells its colour."""

    async def read(self, key: bytes) -> Any: ...


def test_mounts_are_put_behind_the_same_cache(caller: SyncCaller, wire: Wire, origin: Origin) -> None:
    origin.serve(origin.reply(headers=FRESH))
    wire.answer = lambda request: httpx.Response(200, headers=FRESH, content=b"mounted")
    # None stands for the transport of everything else.
    mounts = {"all://a.test": wire, "all://b.test": wire, "all://127.0.0.1": None}
    with caller.open(caller.caching(mounts=mounts)) as client:
        for _ in range(2):
            responses = [caller.get(client, url) for url in ("http://a.test/", "http://b.test/", origin.url)]
    assert [cache_info(response).status for response in responses] == ["hit", "hit", "hit"]
    assert len({cache_info(response).key for response in responses}) == 3
    assert (len(wire.given), len(origin.seen)) == (2, 1)
    assert wire.closed == 2


def test_a_proxy_is_put_behind_the_cache(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(origin.reply(headers=FRESH, body=b"by proxy"))
    with caller.open(caller.caching(proxy=origin.url)) as client:
        contents = [caller.get(client, "http://a.test/x").content for _ in range(2)]
    assert contents == [b"by proxy", b"by proxy"]
    assert [seen.headers["host"] for seen in origin.seen] == ["a.test"]


def test_the_proxies_of_the_environment_are_put_behind_the_cache(
    caller: SyncCaller, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", origin.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    origin.serve(origin.reply(headers=FRESH))
    with caller.open(caller.caching()) as client:
        statuses = [
            cache_info(caller.get(client, url)).status
            for url in ("http://a.test/x", "http://a.test/x", origin.url, origin.url)
        ]
    assert statuses == ["miss", "hit", "miss", "hit"]
    assert [seen.headers["host"].partition(":")[0] for seen in origin.seen] == ["a.test", "127.0.0.1"]


def test_the_options_of_httpx_are_passed_on(caller: SyncCaller, origin: Origin) -> None:
    client = caller.caching(base_url=origin.url, headers={"X-Ours": "1"}, params={"a": "b"}, http2=True)
    with caller.open(client):
        caller.get(client, "/path")
    assert origin.seen[0].target == "/path?a=b"
    assert origin.seen[0].headers["x-ours"] == "1"


def test_a_client_opened_without_a_block_is_closed_by_hand(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(origin.reply(headers=FRESH))
    client = caller.caching(store="memory:")
    caller.get(client, origin.url)
    assert cache_info(caller.get(client, origin.url)).status == "hit"
    caller.close(client)
    with pytest.raises(ValueError, match="closed"):
        client.cache.store.read(b"")


def test_clients_may_share_a_cache(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(origin.reply(headers=FRESH))
    with caller.open(caller.caching()) as first, caller.open(caller.caching(cache=first.cache)) as second:
        caller.get(first, origin.url)
        assert cache_info(caller.get(second, origin.url)).status == "hit"


@COLOURS
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        pytest.param({"store": 3}, TypeError, "store: 3", id="a store of another kind"),
        pytest.param({"store": "nowhere"}, ValueError, "store: 'nowhere'", id="a URL without a store"),
        pytest.param({"policy": {"shared": True}}, TypeError, "policy: ", id="a policy of another kind"),
        pytest.param({"cache": MemoryStore()}, TypeError, "cache: ", id="a cache of another kind"),
        pytest.param({"cache": ..., "store": MemoryStore()}, TypeError, "store: ", id="a cache and a store"),
        pytest.param({"cache": ..., "policy": Policy()}, TypeError, "policy: ", id="a cache and a policy"),
        pytest.param({"cache": ..., "clock": float}, TypeError, "clock: ", id="a cache and a clock"),
        pytest.param({"transport": object()}, TypeError, "transport: object", id="a transport of another kind"),
        pytest.param({"transport": None, "wrong": 1}, TypeError, "wrong", id="an option that nobody has"),
    ],
)
def test_a_wrong_option_is_named_at_once(
    caching: Any, transport: Any, cache: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    if options.get("cache") is ...:
        options = {**options, "cache": cache()}
    for made in (caching, transport):
        with pytest.raises(error, match=message):
            made(**options)


@COLOURS
def test_a_cache_behind_a_cache_is_refused(caching: Any, transport: Any, cache: Any) -> None:
    with pytest.raises(TypeError, match=r"transport: .* caches already"):
        transport(transport())
    with pytest.raises(TypeError, match=r"transport: .* caches already"):
        caching(transport=transport())
    with pytest.raises(TypeError, match=r"mounts: .* caches already"):
        caching(mounts={"all://": transport()})


def test_what_is_made_for_the_other_colour_is_refused() -> None:
    with pytest.raises(TypeError, match=r"store: .* asynchronous"):
        CacheClient(store=AsyncStore())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"cache: .* no Cache"):
        CacheTransport(cache=AsyncCache())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"cache: .* no AsyncCache"):
        AsyncCacheTransport(cache=Cache())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"transport: .* handle_request"):
        CacheClient(transport=httpx.AsyncHTTPTransport())
    with pytest.raises(TypeError, match=r"transport: .* handle_async_request"):
        AsyncCacheClient(transport=httpx.HTTPTransport())
    with pytest.raises(TypeError, match=r"mounts: .* handle_request"):
        CacheClient(mounts={"all://a.test": httpx.AsyncHTTPTransport()})


@COLOURS
@pytest.mark.parametrize("attribute", ["_transport", "_mounts"])
def test_a_client_whose_transports_are_not_found_is_refused(
    caching: Any, transport: Any, cache: Any, attribute: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = caching.__mro__[2]
    made = theirs.__init__

    def elsewhere(self: Any, **options: Any) -> None:
        made(self, **options)
        delattr(self, attribute)

    assert theirs in (httpx.Client, httpx.AsyncClient)
    monkeypatch.setattr(theirs, "__init__", elsewhere)
    with pytest.raises(RuntimeError, match="keeps its transports"):
        caching()


def test_the_package_is_imported_without_an_event_loop() -> None:
    # asyncio takes longer to import than all of this; httpx itself brings anyio only when it is needed.
    code = "import sys, cachespec_httpx; assert 'trio' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
