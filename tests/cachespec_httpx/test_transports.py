"""What a client gets with a cache in front of its transport, in synchronous code, on asyncio and on trio."""

from __future__ import annotations

import gzip
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from cachespec import CacheInfo, MemoryStore, Policy, Wish
from cachespec_httpx import cache_info

if TYPE_CHECKING:
    from conftest import Clock, Origin, SyncCaller, Wire

FRESH = [("Cache-Control", "max-age=60")]
STALE = [("Cache-Control", "max-age=0"), ("ETag", '"1"')]


def test_a_fresh_response_is_answered_from_the_store(caller: SyncCaller, origin: Origin, clock: Clock) -> None:
    origin.serve(origin.reply(headers=[*FRESH, ("X-Line", "1"), ("X-Line", "2")], body=b"once"))
    with caller.open(caller.caching(clock=clock)) as client:
        first = caller.get(client, origin.url)
        clock.now += 7
        second = caller.get(client, origin.url)
    assert len(origin.seen) == 1
    assert (first.content, second.content) == (b"once", b"once")
    assert cache_info(first).status == "miss"
    assert cache_info(first).stored
    assert second.extensions["cachespec"] is cache_info(second)
    assert cache_info(second).status == "hit"
    assert cache_info(second).from_cache
    assert second.headers["age"] == "7"
    assert second.headers.get_list("x-line") == ["1", "2"]
    assert second.headers.get_list("content-length") == ["4"]


def test_a_response_without_a_length_is_stored_at_its_end(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(origin.reply(headers=FRESH, body=[b"a", b"b", b"c"]))
    with caller.open(caller.caching()) as client:
        first = caller.get(client, origin.url)
        second = caller.get(client, origin.url)
    assert first.headers["transfer-encoding"] == "chunked"
    assert "transfer-encoding" not in second.headers
    assert second.headers["content-length"] == "3"
    assert second.content == b"abc"
    assert len(origin.seen) == 1


def test_a_stale_response_is_validated(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(
        origin.reply(headers=[*STALE, ("X-Version", "1")], body=b"same"),
        origin.reply(304, headers=[*STALE, ("X-Version", "2")]),
    )
    with caller.open(caller.caching()) as client:
        caller.get(client, origin.url)
        second = caller.get(client, origin.url)
    assert origin.seen[1].headers["if-none-match"] == '"1"'
    assert second.status_code == 200
    assert second.content == b"same"
    assert second.headers["x-version"] == "2"
    assert cache_info(second).revalidated


def test_a_200_to_a_validation_is_what_the_next_request_gets(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(origin.reply(headers=STALE, body=b"old"), origin.reply(headers=FRESH, body=b"new"))
    with caller.open(caller.caching()) as client:
        contents = [caller.get(client, origin.url).content for _ in range(3)]
    assert contents == [b"old", b"new", b"new"]
    assert len(origin.seen) == 2


def test_variants_do_not_evict_each_other(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(
        lambda seen: origin.reply(
            headers=[*FRESH, ("Vary", "Accept-Language")], body=seen.headers["accept-language"].encode()
        )
    )
    with caller.open(caller.caching()) as client:
        contents = [
            caller.get(client, origin.url, headers={"Accept-Language": language}).content
            for language in ("de", "fr", "de", "fr")
        ]
    assert contents == [b"de", b"fr", b"de", b"fr"]
    assert len(origin.seen) == 2


def test_a_post_drops_what_was_stored(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(origin.reply(headers=FRESH))
    with caller.open(caller.caching()) as client:
        caller.get(client, origin.url)
        posted = caller.call(client.post, origin.url, content=b"change")
        third = caller.get(client, origin.url)
    assert [seen.method for seen in origin.seen] == ["GET", "POST", "GET"]
    assert origin.seen[1].body == b"change"
    assert cache_info(posted).status == "bypass"
    assert cache_info(third).status == "miss"


def test_a_head_and_a_range_are_answered_from_a_stored_response(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(origin.reply(headers=[*FRESH, ("ETag", '"1"')], body=b"0123456789"))
    with caller.open(caller.caching()) as client:
        caller.get(client, origin.url)
        head = caller.call(client.head, origin.url)
        part = caller.get(client, origin.url, headers={"Range": "bytes=2-4"})
        none = caller.get(client, origin.url, headers={"If-None-Match": '"1"'})
    assert len(origin.seen) == 1
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "10")
    assert (part.status_code, part.content, part.reason_phrase) == (206, b"234", "Partial Content")
    assert (none.status_code, none.content) == (304, b"")


def test_a_stale_response_stands_in_where_nobody_listens(caller: SyncCaller, refused: str, wire: Wire) -> None:
    wire.answer = lambda request: httpx.Response(
        200, headers=[("Cache-Control", "max-age=0, stale-if-error=60")], stream=wire.pieces(b"before")
    )
    store = MemoryStore()
    with caller.open(caller.caching(transport=wire, store=store)) as client:
        caller.get(client, refused)
    with caller.open(caller.caching(store=store)) as client:
        response = caller.get(client, refused)
    assert response.content == b"before"
    assert cache_info(response).status == "stale"


def test_a_failure_keeps_its_class_and_tells_the_request(caller: SyncCaller, refused: str) -> None:
    with caller.open(caller.caching()) as client, pytest.raises(httpx.ConnectError) as caught:
        caller.get(client, refused)
    assert str(caught.value.request.url) == refused


def test_a_timeout_keeps_its_class_and_releases_the_connection(caller: SyncCaller, origin: Origin) -> None:
    gate = threading.Event()
    origin.serve(origin.reply(gate=gate), origin.reply(headers=FRESH))
    with caller.open(caller.caching(limits=httpx.Limits(max_connections=1))) as client:
        with pytest.raises(httpx.ReadTimeout):
            caller.get(client, origin.url, timeout=httpx.Timeout(5, read=0.05))
        gate.set()
        assert caller.get(client, origin.url).status_code == 200


def test_only_if_cached_never_goes_forward(caller: SyncCaller, origin: Origin) -> None:
    with caller.open(caller.caching()) as client:
        by_field = caller.get(client, origin.url, headers={"Cache-Control": "only-if-cached"})
        by_wish = caller.get(client, origin.url, extensions={"cachespec": Wish(mode="only-if-cached")})
    assert not origin.seen
    for response in (by_field, by_wish):
        assert (response.status_code, response.reason_phrase) == (504, "Gateway Timeout")
        assert response.content == b""
        assert cache_info(response).status == "unavailable"


def test_a_request_says_in_its_extensions_what_it_wishes(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(origin.reply(headers=FRESH))
    with caller.open(caller.caching()) as client:
        caller.get(client, origin.url)
        reloaded = caller.get(client, origin.url, extensions={"cachespec": Wish(mode="reload")})
        passed = caller.get(client, origin.url, extensions={"cachespec": Wish(mode="no-store")})
        hit = caller.get(client, origin.url, extensions={"cachespec": Wish(mode="force-cache")})
    assert [cache_info(response).status for response in (reloaded, passed, hit)] == ["miss", "bypass", "hit"]
    assert len(origin.seen) == 3


def test_a_wish_of_another_kind_is_an_error(caller: SyncCaller, origin: Origin) -> None:
    with caller.open(caller.caching()) as client, pytest.raises(TypeError, match=r'extensions\["cachespec"\]'):
        caller.get(client, origin.url, extensions={"cachespec": {"mode": "reload"}})
    assert not origin.seen


def test_a_coded_body_is_stored_as_it_came(caller: SyncCaller, origin: Origin) -> None:
    coded = gzip.compress(b"text " * 100)
    origin.serve(origin.reply(headers=[*FRESH, ("Content-Encoding", "gzip")], body=coded))
    with caller.open(caller.caching()) as client:
        first = caller.get(client, origin.url)
        second = caller.get(client, origin.url)
        third = caller.start(client, origin.url)
        octets = caller.raw(third)
    assert first.content == second.content == b"text " * 100
    assert octets == coded
    assert third.num_bytes_downloaded == len(coded)
    assert second.headers["content-length"] == str(len(coded))
    assert len(origin.seen) == 1


# httpx's own generators, and httpcore's: on trio, breaking off leaves them to the garbage collector, cache or none.
@pytest.mark.filterwarnings(
    "ignore:.*object (BoundAsyncStream|Response|AsyncResponseStream|PoolByteStream|HTTP11ConnectionByteStream"
    "|AsyncHTTP11Connection)[.]"
)
def test_the_octets_are_recorded_as_they_are_read(caller: SyncCaller, origin: Origin) -> None:
    last = threading.Event()
    origin.serve(origin.reply(headers=FRESH, body=[b"first", b"second"], last=last))
    with caller.open(caller.caching()) as client:
        response = caller.start(client, origin.url)
        assert caller.raw(response, pieces=1).startswith(b"first")
        assert not cache_info(response).stored
        last.set()
        caller.close(response)
        # What was not read to its end is not stored, and its connection is given back or closed.
        again = caller.start(client, origin.url)
        assert caller.raw(again) == b"firstsecond"
        assert cache_info(again).stored
        hit = caller.get(client, origin.url)
    assert hit.content == b"firstsecond"
    assert len(origin.seen) == 2


@pytest.mark.requirement("9111-3.3-01")
def test_a_body_that_is_cut_off_is_not_stored(caller: SyncCaller, origin: Origin) -> None:
    whole = origin.reply(headers=FRESH, body=b"whole")
    origin.serve(origin.reply(headers=[*FRESH, ("Content-Length", "100")], body=b"part", cut=True), whole)
    with caller.open(caller.caching()) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            caller.get(client, origin.url)
        assert caller.get(client, origin.url).content == b"whole"
    assert len(origin.seen) == 2


def test_connections_are_given_back(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(
        origin.reply(headers=STALE, body=b"x" * 100),
        origin.reply(304, headers=STALE),
        origin.reply(503, body=b""),
        origin.reply(headers=[("Cache-Control", "no-store")], body=b"y"),
        origin.reply(),
    )
    limits = httpx.Limits(max_connections=1)
    timeout = httpx.Timeout(5, pool=0.5)
    policy = Policy(stale_if_error=60)
    with caller.open(caller.caching(limits=limits, timeout=timeout, policy=policy)) as client:
        statuses = [cache_info(caller.get(client, origin.url)).status for _ in range(5)]
    assert statuses == ["miss", "revalidated", "stale", "miss", "miss"]
    assert len({seen.peer for seen in origin.seen}) == 1


def test_a_response_that_is_answered_from_memory_is_stored(caller: SyncCaller) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        served.append(request)
        return httpx.Response(200, headers=FRESH, json={"served": len(served)})

    served: list[httpx.Request] = []
    with caller.open(caller.caching(transport=httpx.MockTransport(answer))) as client:
        first = caller.get(client, "http://a.test/")
        second = caller.get(client, "http://a.test/")
    assert first.json() == second.json() == {"served": 1}
    assert cache_info(first).stored
    assert cache_info(second).status == "hit"


@pytest.mark.parametrize(
    ("lines", "stored"),
    [
        pytest.param([], True, id="as it came"),
        pytest.param([("Content-Encoding", "gzip")], False, id="decoded, so that its octets are lost"),
    ],
)
def test_a_response_that_the_transport_has_read_is_stored_if_it_can_be(
    caller: SyncCaller, wire: Wire, lines: list[tuple[str, str]], stored: bool
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        coded = gzip.compress(b"text") if lines else b"text"
        headers = [*FRESH, *lines, ("Content-Length", str(len(coded)))]
        made = httpx.Response(200, headers=headers, stream=wire.pieces(coded))
        made.read()
        return made

    wire.answer = answer
    with caller.open(caller.caching(transport=wire)) as client:
        first = caller.get(client, "http://a.test/")
        second = caller.get(client, "http://a.test/")
    assert (first.content, second.content) == (b"text", b"text")
    assert cache_info(first).stored is stored
    assert cache_info(second).from_cache is stored


def test_a_body_that_lies_by_itself_is_streamed_from_the_store(caller: SyncCaller, origin: Origin) -> None:
    pieces = [bytes([number]) * 100_000 for number in range(10)]
    origin.serve(origin.reply(headers=FRESH, body=pieces))
    with caller.open(caller.caching()) as client:
        caller.get(client, origin.url)
        response = caller.start(client, origin.url)
        assert cache_info(response).status == "hit"
        assert caller.raw(response) == b"".join(pieces)
        unread = caller.start(client, origin.url)
        caller.close(unread)
    assert len(origin.seen) == 1


def test_what_the_cache_did_is_told_in_a_field_where_it_has_a_name(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(origin.reply(headers=[*FRESH, ("Cache-Status", "Upstream; hit")]))
    with caller.open(caller.caching(policy=Policy(cache_status="ours"))) as client:
        first = caller.get(client, origin.url)
        second = caller.get(client, origin.url)
    assert first.headers.get_list("cache-status") == ["Upstream; hit", "ours; fwd=uri-miss"]
    assert second.headers.get_list("cache-status")[1].startswith("ours; hit")


def test_a_cache_that_is_switched_off_passes_everything_on(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(origin.reply(headers=FRESH))
    with caller.open(caller.caching(policy=Policy(enabled=False))) as client:
        statuses = [cache_info(caller.get(client, origin.url)).status for _ in range(2)]
    assert statuses == ["bypass", "bypass"]
    assert len(origin.seen) == 2


def test_a_transport_alone_caches_too(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(origin.reply(headers=FRESH, body=b"text"))
    with caller.open(caller.plain(transport=caller.transport())) as client:
        caller.get(client, origin.url)
        assert caller.get(client, origin.url).content == b"text"
    assert len(origin.seen) == 1


def test_a_response_that_came_past_every_cache_has_no_information() -> None:
    with pytest.raises(LookupError):
        cache_info(httpx.Response(200))
    with pytest.raises(LookupError):
        cache_info(httpx.Response(200, extensions={"cachespec": "something else"}))
    info = CacheInfo()
    assert cache_info(httpx.Response(200, extensions={"cachespec": info})) is info


def test_the_wrapped_transport_is_closed_with_the_cache(caller: SyncCaller, wire: Wire) -> None:
    caller.close(caller.transport(wire))
    with caller.open(caller.transport(wire)):
        pass
    assert wire.closed == 2


def test_a_store_that_was_given_as_a_url_is_closed_with_the_transport(caller: SyncCaller, wire: Wire) -> None:
    ours = caller.transport(wire, store="memory:")
    theirs = caller.transport(wire, store=MemoryStore())
    shared = caller.transport(wire, cache=theirs.cache)
    for transport in (ours, theirs, shared):
        caller.close(transport)
    with pytest.raises(ValueError, match="closed"):
        ours.cache.store.read(b"")
    theirs.cache.store.read(b"")


def test_the_wrapped_transport_is_closed_even_if_the_store_fails_to(caller: SyncCaller, wire: Wire) -> None:
    class Failing(MemoryStore):
        def close(self) -> None:
            raise OSError("disk on fire")

    transport = caller.transport(wire, store="memory:")
    transport.cache.store = Failing()
    with pytest.raises(OSError, match="fire"):
        caller.close(transport)
    with pytest.raises(OSError, match="fire"), caller.open(transport):
        pass
    assert wire.closed == 2
