"""What goes out is the original request, and what comes back is what the server sent."""

from __future__ import annotations

import gzip
import pickle
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cachespec import Policy, Request, Wish
from cachespec_httpx import cache_info

if TYPE_CHECKING:
    from conftest import Clock, Origin, SyncCaller, Wire

FRESH = [("Cache-Control", "max-age=60")]
STALE = [("Cache-Control", "max-age=0"), ("ETag", '"1"')]
URL = "http://a.test/"


def replies(*given: httpx.Response) -> Callable[[httpx.Request], httpx.Response]:
    """Answers in turn."""
    left = list(given)
    return lambda request: left.pop(0)


def test_the_original_request_goes_out(caller: SyncCaller, wire: Wire) -> None:
    with caller.open(caller.caching(transport=wire)) as client:
        request = client.build_request("GET", URL)
        response = caller.call(client.send, request)
    assert wire.given == [request]
    assert wire.given[0] is request
    assert response.request is request


def test_a_conditional_request_differs_in_its_header_lines_only(caller: SyncCaller, wire: Wire) -> None:
    wire.answer = replies(httpx.Response(200, headers=STALE, content=b"x"), httpx.Response(304, headers=STALE))
    extensions = {"timeout": {"connect": 3.0}, "sni_hostname": "b.test", "trace": print, "other": object()}
    with caller.open(caller.caching(transport=wire)) as client:
        caller.get(client, URL, extensions=extensions)
        request = client.build_request("GET", URL, headers=[("X-A", "1"), ("X-A", "2")], extensions=extensions)
        response = caller.call(client.send, request)
    sent = wire.given[1]
    assert sent is not request
    assert sent.headers.raw == [*request.headers.raw, (b"If-None-Match", b'"1"')]
    assert (sent.method, sent.url) == (request.method, request.url)
    assert sent.stream is request.stream
    assert sent.extensions == request.extensions
    assert response.request is request
    assert "if-none-match" not in request.headers


def test_a_conditional_head_is_still_a_head(caller: SyncCaller, wire: Wire) -> None:
    wire.answer = replies(httpx.Response(200, headers=STALE, content=b"x"), httpx.Response(304, headers=STALE))
    with caller.open(caller.caching(transport=wire)) as client:
        caller.get(client, URL)
        response = caller.call(client.head, URL)
    assert (wire.given[1].method, wire.given[1].headers["if-none-match"]) == ("HEAD", '"1"')
    assert cache_info(response).revalidated


def test_the_extensions_of_a_response_come_through(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(origin.reply(headers=FRESH))
    with caller.open(caller.caching()) as client:
        first = caller.get(client, origin.url)
        second = caller.get(client, origin.url)
    assert first.extensions["network_stream"] is not None
    assert {"http_version", "reason_phrase", "network_stream", "cachespec"} <= set(first.extensions)
    assert (first.http_version, second.http_version) == ("HTTP/1.1", "HTTP/1.1")
    assert second.extensions["http_version"] == b"HTTP/1.1"


def test_the_reason_phrase_is_kept(caller: SyncCaller, wire: Wire) -> None:
    extensions = {"reason_phrase": b"Fine By Me"}
    wire.answer = replies(httpx.Response(200, headers=FRESH, content=b"", extensions=extensions))
    with caller.open(caller.caching(transport=wire)) as client:
        phrases = [caller.get(client, URL).reason_phrase for _ in range(2)]
    assert phrases == ["Fine By Me", "Fine By Me"]


def test_header_lines_come_back_as_they_were_sent(caller: SyncCaller, wire: Wire, clock: Clock) -> None:
    lines = [(b"Cache-Control", b"max-age=60"), (b"X-Name", b"caf\xe9"), (b"x-name", b"b"), (b"Content-Length", b"0")]
    lines.append((b"Date", b"Tue, 14 Nov 2023 22:13:20 GMT"))
    wire.answer = replies(httpx.Response(200, headers=lines, content=b""))
    with caller.open(caller.caching(transport=wire, clock=clock)) as client:
        first = caller.get(client, URL)
        second = caller.get(client, URL)
    assert first.headers.raw == lines
    assert second.headers.raw == [*lines, (b"Age", b"0")]


def test_a_hit_takes_time_like_any_other_response(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(origin.reply(headers=FRESH, body=b"x"))
    with caller.open(caller.caching()) as client:
        caller.get(client, origin.url)
        hit = caller.get(client, origin.url)
    assert hit.elapsed.total_seconds() > 0
    assert hit.is_closed
    assert hit.num_bytes_downloaded == 1


def test_event_hooks_see_hits(caller: SyncCaller, origin: Origin) -> None:
    def requested(request: httpx.Request) -> None:
        seen.append(request.method)

    def responded(response: httpx.Response) -> None:
        seen.append(cache_info(response).status)

    async def arequested(request: httpx.Request) -> None:
        requested(request)

    async def aresponded(response: httpx.Response) -> None:
        responded(response)

    seen: list[str] = []
    hooks: Any = {"request": [requested], "response": [responded]}
    if caller.asynchronous:
        hooks = {"request": [arequested], "response": [aresponded]}
    origin.serve(origin.reply(headers=FRESH))
    with caller.open(caller.caching(event_hooks=hooks)) as client:
        caller.get(client, origin.url)
        caller.get(client, origin.url)
    assert seen == ["GET", "miss", "GET", "hit"]


def test_redirects_are_stored_and_followed(caller: SyncCaller, origin: Origin) -> None:
    def answer(seen: Any) -> Any:
        if seen.target == "/old":
            return origin.reply(301, headers=[*FRESH, ("Location", "/new")])
        return origin.reply(headers=FRESH, body=b"here")

    origin.serve(answer)
    with caller.open(caller.caching(follow_redirects=True)) as client:
        first = caller.get(client, f"{origin.url}/old")
        second = caller.get(client, f"{origin.url}/old")
    assert [seen.target for seen in origin.seen] == ["/old", "/new"]
    for response in (first, second):
        assert response.content == b"here"
        assert [past.status_code for past in response.history] == [301]
        assert str(response.url).endswith("/new")
    assert [cache_info(response).status for response in (*second.history, second)] == ["hit", "hit"]


def test_a_wish_holds_for_the_redirects_that_follow(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(origin.reply(302, headers=[("Location", "/there")]), origin.reply(headers=FRESH))
    with caller.open(caller.caching(follow_redirects=True)) as client:
        response = caller.get(client, origin.url, extensions={"cachespec": Wish(mode="no-store")})
    assert [cache_info(each).status for each in (*response.history, response)] == ["bypass", "bypass"]


class Challenge(httpx.Auth):
    """Asks for a token in an exchange of its own when it is turned away."""

    requires_response_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        response = yield request
        if response.status_code == 401:
            token = yield httpx.Request("POST", request.url.join("/token"), content=b"please")
            request.headers["Authorization"] = f"Bearer {token.text}"
            yield request


def test_an_authentication_flow_works(caller: SyncCaller, origin: Origin) -> None:
    def answer(seen: Any) -> Any:
        if seen.method == "POST":
            return origin.reply(body=b"secret")
        if seen.headers.get("authorization") == "Bearer secret":
            return origin.reply(headers=FRESH, body=b"for your eyes")
        return origin.reply(401, headers=[("WWW-Authenticate", "Bearer")])

    origin.serve(answer)
    with caller.open(caller.caching(auth=Challenge())) as client:
        first = caller.get(client, f"{origin.url}/mine")
        second = caller.get(client, f"{origin.url}/mine")
    assert (first.content, second.content) == (b"for your eyes", b"for your eyes")
    assert [(seen.method, seen.target) for seen in origin.seen] == [
        ("GET", "/mine"),
        ("POST", "/token"),
        ("GET", "/mine"),
        ("GET", "/mine"),
        ("POST", "/token"),
    ]


def test_principals_do_not_see_each_others_responses(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(lambda seen: origin.reply(headers=FRESH, body=seen.headers.get("authorization", "nobody").encode()))
    with caller.open(caller.caching()) as client:
        auths = [("a", "1"), ("b", "2"), None, ("a", "1"), ("b", "2"), None]
        contents = [caller.get(client, origin.url, auth=auth).content for auth in auths]
    assert len(set(contents)) == 3
    assert contents[:3] == contents[3:]
    assert len(origin.seen) == 3


def test_user_information_is_not_part_of_the_url(caller: SyncCaller, wire: Wire) -> None:
    def key(request: Request) -> str:
        assert "secret" not in request.url
        return request.url

    wire.answer = replies(httpx.Response(200, headers=FRESH, content=b""))
    with caller.open(caller.caching(transport=wire, policy=Policy(key=key))) as client:
        first = caller.get(client, "http://user:secret@a.test/")
        second = caller.get(client, "http://user:secret@a.test/")
        assert caller.call(client.urls) == [URL] if caller.asynchronous else client.urls() == [URL]
    assert cache_info(first).key == URL
    assert cache_info(second).status == "hit"


def test_the_target_that_is_asked_for_is_the_one_that_counts(caller: SyncCaller, wire: Wire) -> None:
    wire.answer = lambda request: httpx.Response(
        200, headers=FRESH, content=request.extensions.get("target", request.url.raw_path)
    )
    with caller.open(caller.caching(transport=wire)) as client:
        contents = [
            caller.get(client, "http://a.test/one", extensions=extensions).content
            for extensions in ({}, {"target": b"/two"}, {"target": b"/two"}, {"target": b"*"}, {"target": b"*"})
        ]
        assert caller.get(client, "http://a.test/two").content == b"/two"
    assert contents == [b"/one", b"/two", b"/two", b"*", b"*"]
    assert len(wire.given) == 4


def test_another_host_than_the_urls_is_kept_apart(caller: SyncCaller, wire: Wire) -> None:
    wire.answer = lambda request: httpx.Response(200, headers=FRESH, content=request.headers["host"].encode())
    with caller.open(caller.caching(transport=wire)) as client:
        hosts = ["b.test", "a.test", "A.test:80", "B.TEST", None]
        contents = [caller.get(client, URL, headers={} if host is None else {"Host": host}).content for host in hosts]
        apart = Wish(partition="mine")
        assert cache_info(caller.get(client, URL, extensions={"cachespec": apart})).status == "miss"
        both = {"headers": {"Host": "b.test"}, "extensions": {"cachespec": apart}}
        assert [cache_info(caller.get(client, URL, **both)).status for _ in range(2)] == ["miss", "hit"]
        # They belong to one URL nevertheless.
        assert caller.call(client.purge, url=URL) if caller.asynchronous else client.purge(url=URL)
        assert cache_info(caller.get(client, URL, headers={"Host": "b.test"})).status == "miss"
    assert contents == [b"b.test", b"a.test", b"a.test", b"b.test", b"a.test"]


@pytest.mark.parametrize("url", ["http://a.test", "http://a.test?b=/c", "http://a.test#d"])
def test_a_url_without_a_path_has_the_host_that_it_says(caller: SyncCaller, wire: Wire, url: str) -> None:
    wire.answer = replies(httpx.Response(200, headers=FRESH, content=b"page"))
    with caller.open(caller.caching(transport=wire)) as client:
        caller.get(client, url)
        assert cache_info(caller.get(client, url.replace("test", "test/"))).status == "hit"


def test_a_host_that_only_stands_somewhere_in_the_url_is_another(caller: SyncCaller, wire: Wire) -> None:
    url = "http://a.test/?b=://b.test/"
    wire.answer = lambda request: httpx.Response(200, headers=FRESH, content=b"page")
    with caller.open(caller.caching(transport=wire)) as client:
        caller.get(client, url)
        for host in ("b.test", "a.tes", "a.test.b"):
            assert cache_info(caller.get(client, url, headers={"Host": host})).status == "miss"


def test_a_request_to_change_the_protocol_passes_by_the_cache(caller: SyncCaller, wire: Wire) -> None:
    stream = object()
    wire.answer = replies(
        httpx.Response(200, headers=FRESH, content=b"page"),
        httpx.Response(101, headers={"Upgrade": "websocket"}, extensions={"network_stream": stream}),
    )
    with caller.open(caller.caching(transport=wire)) as client:
        caller.get(client, URL)
        response = caller.get(client, URL, headers={"Connection": "upgrade", "Upgrade": "websocket"})
    assert response.status_code == 101
    assert response.extensions["network_stream"] is stream


@pytest.mark.parametrize("mode", ["default", "no-store"])
def test_what_a_post_answers_is_stored_where_its_wish_says(caller: SyncCaller, wire: Wire, mode: Any) -> None:
    wire.answer = lambda request: httpx.Response(200, headers=[*FRESH, ("Content-Location", URL)], content=b"")
    policy = Policy(post_as_get=True)
    mine = {"cachespec": Wish(partition="mine")}
    with caller.open(caller.caching(transport=wire, policy=policy)) as client:
        caller.call(client.post, URL, extensions={"cachespec": Wish(partition="mine", mode=mode)})
        assert cache_info(caller.get(client, URL)).status == "miss"
        assert cache_info(caller.get(client, URL, extensions=mine)).status == ("hit" if mode == "default" else "miss")


def test_streamed_content_is_sent_and_never_read_by_the_cache(caller: SyncCaller, origin: Origin) -> None:
    def pieces() -> Generator[bytes, None, None]:
        yield b"a"
        yield b"b"

    async def apieces() -> Any:
        for piece in pieces():
            yield piece

    origin.serve(lambda seen: origin.reply(headers=FRESH, body=seen.body))
    policy = Policy(methods=frozenset({"GET", "POST"}), body_in_key=True)
    with caller.open(caller.caching(policy=policy)) as client:
        streamed = caller.call(client.post, origin.url, content=apieces() if caller.asynchronous else pieces())
        whole = [caller.call(client.post, origin.url, content=content) for content in (b"x", b"y", b"x")]
    assert (streamed.content, cache_info(streamed).status) == (b"ab", "bypass")
    assert [response.content for response in whole] == [b"x", b"y", b"x"]
    assert [cache_info(response).status for response in whole] == ["miss", "miss", "hit"]


def test_a_hit_leaves_the_cookie_jar_alone(caller: SyncCaller, origin: Origin) -> None:
    lines = [*FRESH, ("Set-Cookie", "a=1"), ("Set-Cookie", "b=1")]
    origin.serve(origin.reply(headers=lines))
    with caller.open(caller.caching()) as client:
        first = caller.get(client, origin.url)
        assert dict(client.cookies) == {"a": "1", "b": "1"}
        client.cookies.set("a", "2", domain="127.0.0.1")
        client.cookies.delete("b")
        second = caller.get(client, origin.url)
        assert cache_info(second).status == "hit"
        assert dict(client.cookies) == {"a": "2"}
    again = pickle.loads(pickle.dumps(second))
    assert again.headers.multi_items() == second.headers.multi_items()
    # They can be seen, though, in every way in which a response shows them.
    for response in (first, second):
        assert response.headers.get_list("set-cookie") == ["a=1", "b=1"]
        assert [value for name, value in response.headers.multi_items() if name == "set-cookie"] == ["a=1", "b=1"]
        assert dict(response.cookies) == {"a": "1", "b": "1"}


def test_a_cookie_that_comes_with_a_304_goes_into_the_jar(caller: SyncCaller, origin: Origin) -> None:
    origin.serve(
        origin.reply(headers=[*STALE, ("Set-Cookie", "a=1")]),
        origin.reply(304, headers=[*STALE, ("Set-Cookie", "a=2")]),
        origin.reply(304, headers=STALE),
    )
    with caller.open(caller.caching()) as client:
        caller.get(client, origin.url)
        validated = caller.get(client, origin.url)
        assert cache_info(validated).revalidated
        assert dict(client.cookies) == {"a": "2"}
        client.cookies.clear()
        assert cache_info(caller.get(client, origin.url)).revalidated
        assert dict(client.cookies) == {}


@pytest.mark.parametrize("status", [200, 404])
def test_raise_for_status_and_encodings_work_on_hits(caller: SyncCaller, origin: Origin, status: int) -> None:
    lines = [*FRESH, ("Content-Type", "text/plain; charset=iso-8859-1"), ("Link", '</next>; rel="next"')]
    origin.serve(origin.reply(status, headers=lines, body=b"caf\xe9"))
    with caller.open(caller.caching()) as client:
        first, second = (caller.get(client, origin.url) for _ in range(2))
    assert cache_info(second).status == "hit"
    assert first.text == second.text == "café"
    assert first.links == second.links
    assert second.is_success is (status == 200)
    assert second.encoding == "iso-8859-1"


@pytest.mark.parametrize("way", ["bytes", "text", "lines", "raw"])
def test_a_hit_is_iterated_over_in_every_way(caller: SyncCaller, origin: Origin, way: str) -> None:
    text = "один\ntwo\n" * 1000
    coded = gzip.compress(text.encode("koi8-r"))
    lines = [*FRESH, ("Content-Encoding", "gzip"), ("Content-Type", "text/plain; charset=koi8-r")]
    origin.serve(origin.reply(headers=lines, body=coded))

    async def pieces(response: httpx.Response) -> list[Any]:
        return [piece async for piece in getattr(response, f"aiter_{way}")()]

    found: list[list[Any]] = []
    with caller.open(caller.caching()) as client:
        for _ in range(2):
            response = caller.start(client, origin.url)
            if caller.asynchronous:
                found.append(caller.call(pieces, response))
            else:
                found.append(list(getattr(response, f"iter_{way}")()))
            caller.close(response)
    assert len(origin.seen) == 1
    first, second = found
    if way == "lines":
        assert first == second == text.splitlines()
    else:
        whole: Any = {"bytes": text.encode("koi8-r"), "text": text, "raw": coded}[way]
        empty = whole[:0]
        assert empty.join(first) == empty.join(second) == whole
