"""A session with the adapter behaves as one without, but for what it need not send."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.auth import AuthBase, HTTPDigestAuth

from cachespec import MemoryStore, Policy
from cachespec_requests import CacheAdapter, CachedSession, cache_info

if TYPE_CHECKING:
    from conftest import Clock, Origin, Reply, Seen

STALE = [("Cache-Control", "max-age=0"), ("ETag", '"v1"')]


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Something that is let go in the end, whatever happens."""
    event = threading.Event()
    yield event
    event.set()


def unchanged(origin: Origin, *fields: tuple[str, str]) -> Reply:
    return origin.reply(status=304, reason="Not Modified", fields=[("ETag", '"v1"'), *fields])


# --- answers


def test_a_fresh_response_is_answered_from_the_store(session: CachedSession, origin: Origin, clock: Clock) -> None:
    origin.serve(origin.fresh(b"once", ("X-Line", "1"), ("X-Line", "2"), ("Content-Type", "text/plain; charset=utf-8")))
    first = session.get(origin.url)
    clock.now += 7
    second = session.get(origin.url)
    assert len(origin.seen) == 1
    assert (first.status_code, first.reason, first.content) == (200, "OK", b"once")
    assert (second.status_code, second.reason, second.content) == (200, "OK", b"once")
    assert second.headers["age"] == "7"
    assert dict(second.headers) == dict(first.headers) | {"Age": "7"}
    assert second.headers["x-line"] == "1, 2"
    assert second.encoding == first.encoding == "utf-8"
    assert second.url == first.url == f"{origin.url}/"
    assert second.request.url == second.url
    assert second.elapsed.total_seconds() > 0
    assert (cache_info(first).status, cache_info(second).status) == ("miss", "hit")
    assert (cache_info(first).stored, cache_info(second).age) == (True, 7)


def test_a_stale_response_is_validated(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.reply(b"once", STALE), unchanged(origin))
    session.get(origin.url, headers={"X-Mine": "1"})
    again = session.get(origin.url, headers={"X-Mine": "1"})
    assert (again.status_code, again.content) == (200, b"once")
    assert cache_info(again).status == "revalidated"
    assert origin.seen[1].fields["if-none-match"] == '"v1"'
    assert origin.seen[1].fields | {"if-none-match": ""} == origin.seen[0].fields | {"if-none-match": ""}
    assert "If-None-Match" not in again.request.headers


def test_a_changed_response_takes_the_place_of_the_stored_one(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.reply(b"old", STALE), origin.fresh(b"new"))
    assert session.get(origin.url).content == b"old"
    changed = session.get(origin.url)
    assert (changed.content, cache_info(changed).status) == (b"new", "miss")
    assert "If-None-Match" not in changed.request.headers
    assert session.get(origin.url).content == b"new"
    assert len(origin.seen) == 2


def test_a_head_request_is_answered_from_what_was_got(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh(b"once"))
    session.get(origin.url)
    for stream in (False, True):
        response = session.head(origin.url, stream=stream)
        assert (response.content, response.headers["content-length"]) == (b"", "4")
        assert response.raw.read() == b""
    assert len(origin.seen) == 1


def test_a_range_is_cut_from_what_is_stored(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh(b"0123456789"))
    session.get(origin.url)
    for stream in (False, True):
        response = session.get(origin.url, headers={"Range": "bytes=2-4"}, stream=stream)
        assert (response.status_code, response.reason, response.content) == (206, "Partial Content", b"234")
    assert len(origin.seen) == 1


def test_a_condition_of_the_users_own_is_answered_by_the_cache(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh(b"once"))
    session.get(origin.url)
    response = session.get(origin.url, headers={"If-None-Match": '"v1"'})
    assert (response.status_code, response.reason, response.content) == (304, "Not Modified", b"")
    assert len(origin.seen) == 1


def test_variants_are_kept_apart(session: CachedSession, origin: Origin) -> None:
    origin.serve(lambda seen: origin.fresh(seen.fields["accept-language"].encode(), ("Vary", "Accept-Language")))
    for language in ("de", "en", "de", "en"):
        assert session.get(origin.url, headers={"Accept-Language": language}).text == language
    assert len(origin.seen) == 2


def test_principals_are_kept_apart(session: CachedSession, origin: Origin) -> None:
    origin.serve(lambda seen: origin.fresh(seen.fields["authorization"].encode()))
    one = session.get(origin.url, auth=("one", "secret"))
    two = session.get(origin.url, auth=("two", "secret"))
    assert one.content != two.content
    assert session.get(origin.url, auth=("one", "secret")).content == one.content
    assert len(origin.seen) == 2


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_an_unsafe_method_drops_what_is_stored(session: CachedSession, origin: Origin, method: str) -> None:
    origin.serve(lambda seen: origin.fresh(seen.method.encode()))
    session.get(origin.url)
    assert session.request(method, origin.url, data=b"x").text == method
    assert cache_info(session.get(origin.url)).status == "miss"
    assert len(origin.seen) == 3


def test_a_refused_connection_is_covered_by_a_stale_response(origin: Origin, clock: Clock) -> None:
    origin.serve(origin.fresh(b"once"))
    failing = Failing()
    with CachedSession(clock=clock, policy=Policy(stale_if_error=600), adapter=failing) as session:
        session.get(origin.url)
        clock.now += 120
        failing.error = requests.ConnectionError("refused")
        response = session.get(origin.url)
    assert response.content == b"once"
    assert cache_info(response).status == "stale"


def test_an_error_of_the_server_is_covered_by_a_stale_response(session: CachedSession, origin: Origin) -> None:
    fields = [("Cache-Control", "max-age=0, stale-if-error=60"), ("ETag", '"v1"')]
    origin.serve(origin.reply(b"once", fields), origin.reply(b"sorry", status=503, reason="Oh"))
    session.get(origin.url)
    response = session.get(origin.url)
    assert (response.status_code, response.content) == (200, b"once")
    assert cache_info(response).forward_status == 503


def test_only_if_cached_is_answered_without_the_server(session: CachedSession, origin: Origin) -> None:
    response = session.get(origin.url, headers={"Cache-Control": "only-if-cached"})
    assert (response.status_code, response.reason, response.content) == (504, "Gateway Timeout", b"")
    assert cache_info(response).status == "unavailable"
    with pytest.raises(requests.HTTPError, match="504 Server Error: Gateway Timeout"):
        response.raise_for_status()
    assert origin.seen == []


def test_the_cache_says_what_it_did_in_a_field_where_the_policy_asks_for_it(origin: Origin, clock: Clock) -> None:
    origin.serve(origin.fresh(b"once", ("Cache-Status", "upstream; hit")))
    with CachedSession(clock=clock, policy=Policy(cache_status="mine")) as session:
        first, second = session.get(origin.url), session.get(origin.url)
    assert first.headers["cache-status"].startswith("upstream; hit, mine; fwd=uri-miss")
    assert first.raw.headers.getlist("cache-status") == first.headers["cache-status"].split(", ")
    assert second.headers["cache-status"] == "upstream; hit, mine; hit; ttl=60"
    assert second.raw.headers.getlist("cache-status") == second.headers["cache-status"].split(", ")


# --- transparency


class Failing(HTTPAdapter):
    """An adapter that remembers what it is given, and fails when told to."""

    def __init__(self, **options: Any) -> None:
        self.sent: list[tuple[requests.PreparedRequest, dict[str, Any]]] = []
        self.error: Exception | None = None
        self.closed = 0
        super().__init__(**options)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        self.sent.append((request, options))
        if self.error is not None:
            raise self.error
        return super().send(request, **options)

    def close(self) -> None:
        self.closed += 1
        super().close()


def test_the_request_itself_goes_out_with_all_its_options(origin: Origin) -> None:
    inner = Failing()
    with CachedSession(adapter=inner) as session:
        request = session.prepare_request(requests.Request("GET", origin.url))
        response = session.send(
            request, stream=True, timeout=(3, 4), verify=False, cert=None, proxies={"ftp": "ftp://x"}
        )
    assert inner.sent[0][0] is request
    assert response.request is request
    expected = {"stream": True, "timeout": (3, 4), "verify": False, "cert": None, "proxies": {"ftp": "ftp://x"}}
    assert inner.sent[0][1] == expected


def test_content_of_a_request_is_sent_as_it_is_given(session: CachedSession, origin: Origin) -> None:
    origin.serve(lambda seen: origin.reply(seen.body))
    assert session.post(origin.url, data="tëxt".encode()).content == "tëxt".encode()
    assert session.post(origin.url, data="text").content == b"text"
    assert session.post(origin.url, json={"a": 1}).json() == {"a": 1}
    assert session.post(origin.url, data=iter([b"in ", b"pieces"])).content == b"in pieces"
    assert session.post(origin.url, files={"a": b"file"}).content.count(b"file") >= 1
    assert session.get(origin.url, data=b"fat").content == b"fat"
    assert cache_info(session.get(origin.url, data="fat")).status == "bypass"


@pytest.mark.parametrize("cached", [False, True], ids=["without the cache", "with the cache"])
class TestTheSameAsWithoutTheCache:
    """What holds for a plain session holds for one with the adapter, on a miss and on what follows."""

    @pytest.fixture
    def session(self, cached: bool, clock: Clock) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        if cached:
            for prefix in ("http://", "https://"):
                session.mount(prefix, CacheAdapter(clock=clock))
        return session

    @pytest.fixture(autouse=True)
    def closed(self, session: requests.Session) -> Any:
        yield
        session.close()

    def test_redirects_are_followed(self, session: requests.Session, origin: Origin) -> None:
        def answer(seen: Seen) -> Reply:
            if seen.target == "/from":
                return origin.fresh(b"go on", ("Location", "/to"), status=301, reason="Moved")
            return origin.fresh(b"here")

        origin.serve(answer)
        for _ in range(2):
            response = session.get(f"{origin.url}/from")
            assert (response.content, response.url) == (b"here", f"{origin.url}/to")
            assert [hop.status_code for hop in response.history] == [301]
            assert response.history[0].content == b"go on"
            unfollowed = session.get(f"{origin.url}/from", allow_redirects=False)
            assert unfollowed.is_permanent_redirect
            assert unfollowed.next is not None
            assert unfollowed.next.url == f"{origin.url}/to"

    def test_cookies_are_kept_and_sent(self, session: requests.Session, origin: Origin) -> None:
        def answer(seen: Seen) -> Reply:
            return origin.fresh(seen.fields.get("cookie", "none").encode(), ("Set-Cookie", "a=1"), ("Vary", "Cookie"))

        origin.serve(answer)
        assert session.get(origin.url).text == "none"
        assert session.get(origin.url).text == "a=1"
        assert session.get(origin.url).text == "a=1"
        assert dict(session.cookies) == {"a": "1"}

    def test_cookies_of_a_redirect_are_sent_on(self, session: requests.Session, origin: Origin) -> None:
        def answer(seen: Seen) -> Reply:
            if seen.target == "/login":
                fields = ("Location", "/"), ("Set-Cookie", "in=1; Path=/"), ("Set-Cookie", "also=1; Path=/")
                return origin.reply(b"", fields, status=302, reason="Found")
            return origin.reply(seen.fields.get("cookie", "none").encode())

        origin.serve(answer)
        assert sorted(session.get(f"{origin.url}/login").text.split("; ")) == ["also=1", "in=1"]

    def test_hooks_are_called(self, session: requests.Session, origin: Origin) -> None:
        origin.serve(origin.fresh(b"once"))
        called = []

        def hook(response: requests.Response, **options: Any) -> None:
            called.append((response.content, sorted(options)))

        for _ in range(2):
            session.get(origin.url, hooks={"response": hook})
        assert called == [(b"once", ["cert", "proxies", "stream", "timeout", "verify"])] * 2

    def test_digest_authentication_answers_its_challenge(self, session: requests.Session, origin: Origin) -> None:
        def answer(seen: Seen) -> Reply:
            if "authorization" in seen.fields:
                return origin.fresh(b"in")
            fields = [("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256')]
            return origin.reply(b"no", fields, status=401, reason="Unauthorized")

        origin.serve(answer)
        response = session.get(origin.url, auth=HTTPDigestAuth("user", "secret"))
        assert (response.status_code, response.content) == (200, b"in")
        assert [hop.status_code for hop in response.history] == [401]

    def test_authentication_may_change_the_request(self, session: requests.Session, origin: Origin) -> None:
        class Token(AuthBase):
            def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
                request.headers["X-Token"] = "t"
                return request

        origin.serve(lambda seen: origin.fresh(seen.fields["x-token"].encode()))
        for _ in range(2):
            assert session.get(origin.url, auth=Token()).content == b"t"

    def test_a_refused_connection_is_an_error_of_requests(self, session: requests.Session, refused: str) -> None:
        with pytest.raises(requests.ConnectionError) as raised:
            session.get(refused)
        assert type(raised.value) is requests.ConnectionError
        assert raised.value.request.url == refused

    def test_a_server_that_hangs_up_is_an_error_of_requests(self, session: requests.Session, origin: Origin) -> None:
        origin.serve(lambda seen: None)
        with pytest.raises(requests.ConnectionError, match="Remote end closed"):
            session.get(origin.url)

    def test_a_slow_server_is_a_timeout(self, session: requests.Session, origin: Origin, gate: threading.Event) -> None:
        origin.serve(origin.fresh(b"late", gate=gate))
        with pytest.raises(requests.ReadTimeout):
            session.get(origin.url, timeout=(5, 0.05))
        gate.set()

    def test_what_is_no_url_is_an_error_of_requests(self, session: requests.Session) -> None:
        with pytest.raises(requests.exceptions.InvalidURL):
            session.get("http://.example.test/")
        with pytest.raises(requests.exceptions.InvalidHeader):
            session.get("http://127.0.0.1/", headers={"X": "a\nb"})
        with pytest.raises(ValueError, match="Invalid timeout"):
            session.get("http://127.0.0.1:9/", timeout=(1, 2, 3))  # type: ignore[arg-type]

    def test_a_proxy_gets_the_whole_url(self, session: requests.Session, origin: Origin) -> None:
        origin.serve(lambda seen: origin.fresh(seen.target.encode()))
        for _ in range(2):
            response = session.get("http://origin.test/a", proxies={"http": origin.url})
            assert response.text == "http://origin.test/a"

    def test_connections_are_used_again(self, session: requests.Session, origin: Origin) -> None:
        bodies = [b"x" * 100_000, b"", b"short"]
        for number, framing in enumerate(["length", "chunked"] * 3):
            origin.serve(origin.fresh(bodies[number % 3] or b"y", framing=framing))
            session.get(f"{origin.url}/{number}")
            session.get(f"{origin.url}/{number}")
        origin.serve(origin.reply(status=204, reason="No Content"))
        session.get(f"{origin.url}/none")
        session.get(f"{origin.url}/none")
        assert len({seen.peer for seen in origin.seen}) == 1

    def test_a_value_in_octets_may_stand_in_a_field(self, session: requests.Session, origin: Origin) -> None:
        origin.serve(lambda seen: origin.reply(seen.fields["x-name"].encode("latin-1"), STALE))
        for _ in range(2):
            assert session.get(origin.url, headers={"X-Name": "ü".encode()}).content == "ü".encode()

    def test_a_plain_mapping_may_hold_the_fields(self, session: requests.Session, origin: Origin) -> None:
        origin.serve(lambda seen: origin.fresh(seen.fields["x-name"].encode()))
        request = requests.Request("GET", origin.url).prepare()
        request.headers = {"X-Name": "plain"}  # type: ignore[assignment]
        assert session.send(request).text == "plain"


def test_a_cookie_is_not_set_again_by_a_stored_response(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh(b"once", ("Set-Cookie", "a=1")))
    session.get(origin.url)
    session.cookies.clear()
    for stream in (False, True):
        response = session.get(origin.url, stream=stream)
        assert response.headers["set-cookie"] == "a=1"
        assert response.content == b"once"
        assert dict(session.cookies) == dict(response.cookies) == {}
    assert len(origin.seen) == 1


def test_a_cookie_that_comes_with_a_validation_is_set(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.reply(b"once", [*STALE, ("Set-Cookie", "a=1")]), unchanged(origin, ("Set-Cookie", "b=2")))
    session.get(origin.url)
    session.cookies.clear()
    response = session.get(origin.url)
    assert response.content == b"once"
    assert dict(session.cookies) == dict(response.cookies) == {"b": "2"}


def test_a_validation_leaves_its_connection_for_the_next_request(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.reply(b"once", STALE), unchanged(origin), unchanged(origin), origin.reply(b"new", STALE))
    for _ in range(4):
        session.get(origin.url)
    assert len(origin.seen) == 4
    assert len({seen.peer for seen in origin.seen}) == 1


def test_a_request_that_names_another_host_bypasses_the_cache(session: CachedSession, origin: Origin) -> None:
    origin.serve(lambda seen: origin.fresh(seen.fields["host"].encode()))
    for host in ("one.test", "two.test", "one.test"):
        response = session.get(origin.url, headers={"Host": host})
        assert response.text == host
        assert cache_info(response).reason is not None
        assert cache_info(response).reason.code == "host"  # type: ignore[union-attr]
    own = origin.url.removeprefix("http://")
    assert [cache_info(session.get(origin.url, headers={"Host": own})).status for _ in "12"] == ["miss", "hit"]


def test_names_and_secrets_in_the_url_are_not_part_of_the_key(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh())
    session.get(origin.url.replace("//", "//user:secret@") + "/a#part")
    assert session.urls() == [f"{origin.url}/a"]


def test_retries_are_those_of_the_adapter(origin: Origin, clock: Clock) -> None:
    from requests.packages.urllib3.util import Retry  # type: ignore[import-not-found]

    origin.serve(origin.reply(status=503), origin.fresh(b"at last"))
    with requests.Session() as session:
        adapter = CacheAdapter(1, 1, Retry(2, status_forcelist=[503], backoff_factor=0), True, clock=clock)
        session.mount("http://", adapter)
        first, second = session.get(origin.url), session.get(origin.url)
    assert (first.content, len(first.raw.retries.history)) == (b"at last", 1)
    assert (second.content, second.raw.retries) == (b"at last", adapter.max_retries)
    assert len(origin.seen) == 2


def test_a_failing_store_is_a_miss(origin: Origin) -> None:
    class Broken(MemoryStore):
        def read(self, key: bytes) -> Any:
            raise OSError("the disk is gone")

    origin.serve(origin.fresh(b"anyway"))
    with CachedSession(store=Broken()) as session:
        for _ in range(2):
            assert session.get(origin.url).content == b"anyway"
    assert len(origin.seen) == 2


# --- around another adapter


class Canned(BaseAdapter):
    """An adapter that makes its responses itself."""

    def __init__(self, make: Any) -> None:
        super().__init__()
        self.make = make
        self.sent = 0

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        self.sent += 1
        response = requests.Response()
        response.status_code = 200
        response.url = request.url or ""
        response.request = request
        response.headers["Cache-Control"] = "max-age=60"
        self.make(response)
        return response

    def close(self) -> None:
        pass


def test_an_adapter_may_change_the_fields_that_the_server_sent(origin: Origin, clock: Clock) -> None:
    class Lasting(HTTPAdapter):
        def send(self, *args: Any, **options: Any) -> requests.Response:
            response = super().send(*args, **options)
            response.headers["Cache-Control"] = "max-age=600"
            return response

    origin.serve(origin.reply(b"once", [("Cache-Control", "no-store")]))
    with CachedSession(adapter=Lasting(), clock=clock) as session:
        session.get(origin.url)
        assert cache_info(session.get(origin.url)).status == "hit"


def test_an_adapter_may_have_read_the_content(origin: Origin) -> None:
    def preset(response: requests.Response) -> None:
        response._content = b"whole"

    inner = Canned(preset)
    with CachedSession(adapter=inner) as session:
        assert [session.get("http://a.test/").content for _ in range(3)] == [b"whole"] * 3
    assert inner.sent == 1


def test_what_an_adapter_has_decoded_is_not_stored(origin: Origin, clock: Clock) -> None:
    class Reading(HTTPAdapter):
        def send(self, *args: Any, **options: Any) -> requests.Response:
            response = super().send(*args, **options)
            assert response.content == b"text"
            return response

    origin.serve(origin.fresh(gzip.compress(b"text"), ("Content-Encoding", "gzip")))
    with CachedSession(adapter=Reading(), clock=clock) as session:
        for _ in range(2):
            response = session.get(origin.url)
            assert response.content == b"text"
            assert [verdict.code for verdict in cache_info(response).verdicts][-1] == "decoded"
    assert len(origin.seen) == 2


def test_an_adapter_without_content_is_answered_for(origin: Origin) -> None:
    def nothing(response: requests.Response) -> None:
        response._content = None  # type: ignore[assignment]

    inner = Canned(nothing)
    with CachedSession(adapter=inner) as session:
        assert [session.get("http://a.test/").content for _ in range(2)] == [None, b""]
    assert inner.sent == 1


@pytest.mark.requirement("9111-3.1-03")
def test_what_is_coded_for_the_transfer_is_fetched_every_time(session: CachedSession, origin: Origin) -> None:
    coded = gzip.compress(b"content")
    framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(coded), coded)
    origin.serve(origin.fresh(framed, ("Transfer-Encoding", "gzip, chunked"), framing="none"))
    for _ in range(2):
        # Chunked is undone, gzip is not: whoever knows the field can.
        response = session.get(origin.url)
        assert gzip.decompress(response.content) == b"content"
        assert response.headers["Transfer-Encoding"] == "gzip, chunked"
    assert len(origin.seen) == 2
