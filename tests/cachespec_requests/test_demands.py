"""What users of HTTP caches ask their clients for, again and again: a test for each wish."""

from __future__ import annotations

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.adapters import BaseAdapter

from cachespec import HEURISTICALLY_CACHEABLE, FileStore, MemoryStore, Override, Policy, Wish
from cachespec.testing import Clock, Origin, Reply
from cachespec_requests import CacheAdapter, CachedSession, cache_info, wish
from cachespec_requests.testing import OriginAdapter

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Origin as Server

URL = "http://a.test/"
FRESH = {"Cache-Control": "max-age=60"}
TAGGED = {"Cache-Control": "max-age=60", "ETag": '"1"'}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def scripted(clock: Clock) -> Origin:
    """An origin that answers with the number of the request."""
    return Origin(clock=clock)


def serve(origin: Origin, headers: Any = (), status: int = 200) -> None:
    """Answer every request alike, with the number of the request for content."""
    origin.serve(lambda request: Reply(str(len(origin.requests)), headers, status))


def session_of(origin: Origin, **options: Any) -> CachedSession:
    return CachedSession(adapter=OriginAdapter(origin), clock=origin.clock, **options)


def statuses(session: requests.Session, *urls: str, **options: Any) -> list[str]:
    return [cache_info(session.get(url, **options)).status for url in urls]


# --- whatever the server says


def test_always_cache_whatever_the_header_fields_say(scripted: Origin, clock: Clock) -> None:
    serve(scripted, {"Cache-Control": "no-store, private", "Expires": "0"})
    with session_of(scripted, policy=Policy(overrides=(Override(ttl=60),))) as session:
        assert statuses(session, URL) == ["miss"]
        clock.advance(59)
        hit = session.get(URL)
        clock.advance(2)
        assert statuses(session, URL) == ["miss"]
    assert cache_info(hit).status == "hit"
    # What the user sees is still what the server said.
    assert hit.headers["cache-control"] == "no-store, private"


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Vary": "*"}, 200), ({}, 206), ({}, 429), ({}, 428), ({}, 431), ({}, 511)],
    ids=["Vary for all", "partial content", "429", "428", "431", "511"],
)
def test_some_things_are_never_stored(scripted: Origin, headers: dict[str, str], status: int) -> None:
    serve(scripted, {**FRESH, **headers}, status)
    policy = Policy(overrides=(Override(ttl=60, statuses=frozenset({200, 206, 428, 429, 431, 511})),))
    with session_of(scripted, policy=policy) as session:
        assert statuses(session, URL, URL) == ["miss", "miss"]


def test_rules_by_url_and_only_where_the_server_says_nothing(scripted: Origin) -> None:
    serve(scripted)
    policy = Policy(overrides=(Override(ttl=60, host="*.test", path="/api/*", when="missing"),))
    with session_of(scripted, policy=policy) as session:
        assert statuses(session, f"{URL}api/x", f"{URL}api/x") == ["miss", "hit"]
        assert statuses(session, f"{URL}x", f"{URL}x") == ["miss", "miss"]
        serve(scripted, {"Cache-Control": "no-store"})
        assert statuses(session, f"{URL}api/y", f"{URL}api/y") == ["miss", "miss"]


def test_nothing_of_some_urls_is_stored(scripted: Origin) -> None:
    serve(scripted, FRESH)
    policy = Policy(overrides=(Override(directives="no-store", path="/live/*"), Override(ttl=60)))
    with session_of(scripted, policy=policy) as session:
        assert statuses(session, f"{URL}live/x", f"{URL}live/x", URL, URL) == ["miss", "miss", "miss", "hit"]


def test_ignore_the_responses_directives_but_obey_the_requests(scripted: Origin) -> None:
    serve(scripted, {"Cache-Control": "no-store"})
    with session_of(scripted, policy=Policy(overrides=(Override(ttl=60),))) as session:
        assert statuses(session, URL) == ["miss"]
        assert statuses(session, URL, headers={"Cache-Control": "no-cache"}) == ["miss"]
        assert statuses(session, URL) == ["hit"]


def test_to_force_caching_does_not_lift_the_users_own_filters(scripted: Origin) -> None:
    policy = Policy(
        overrides=(Override(ttl=60, statuses=frozenset({200, 404, 500})),),
        statuses=frozenset({200, 500}),
        request_filter=lambda request: not request.url.endswith("/private"),
        response_filter=lambda request, response: response.status < 500,
        content_filter=lambda request, response, content: content != b"5",
    )
    with session_of(scripted, policy=policy) as session:
        for status in (404, 500):
            serve(scripted, status=status)
            assert statuses(session, URL, URL) == ["miss", "miss"]
        serve(scripted)
        # The fifth response is the one whose content is not wanted.
        assert statuses(session, URL, URL, URL) == ["miss", "miss", "hit"]
        assert statuses(session, f"{URL}private", f"{URL}private") == ["bypass", "bypass"]


def test_a_request_may_set_the_forcing_aside(scripted: Origin) -> None:
    serve(scripted, {"Cache-Control": "no-store"})
    with session_of(scripted, policy=Policy(overrides=(Override(ttl=60),))) as session:
        assert statuses(session, URL, URL) == ["miss", "hit"]
        assert statuses(session, URL, URL, cache=Wish(overrides=False)) == ["miss", "miss"]


def test_validate_always_and_say_nothing_of_it_on_the_wire(scripted: Origin) -> None:
    serve(scripted, TAGGED)
    with session_of(scripted, policy=Policy(revalidate="always")) as session:
        assert statuses(session, URL, URL) == ["miss", "revalidated"]
    assert "cache-control" not in scripted.requests[1].headers


@pytest.mark.parametrize("status", sorted(HEURISTICALLY_CACHEABLE - {206}))
def test_a_lifetime_may_be_guessed_for_every_status_that_the_rfc_names(scripted: Origin, status: int) -> None:
    serve(scripted, {"Last-Modified": "Mon, 01 Jan 2001 00:00:00 GMT"}, status)
    with session_of(scripted) as session:
        assert statuses(session, URL, URL, allow_redirects=False) == ["miss", "hit"]
    with session_of(scripted, policy=Policy(heuristics=False)) as session:
        assert "hit" not in statuses(session, URL, URL, allow_redirects=False)


def test_a_shared_cache_keeps_nothing_private(scripted: Origin) -> None:
    serve(scripted, {"Cache-Control": "private, max-age=60"})
    for shared, second in ((False, "hit"), (True, "miss")):
        with session_of(scripted, policy=Policy(shared=shared)) as session:
            assert statuses(session, URL, URL) == ["miss", second]


# --- one request


def test_every_mode_of_fetch(scripted: Origin, clock: Clock) -> None:
    serve(scripted, TAGGED)
    with session_of(scripted) as session:
        assert statuses(session, URL, cache=Wish(mode="only-if-cached")) == ["unavailable"]
        assert statuses(session, URL, URL) == ["miss", "hit"]
        assert statuses(session, URL, cache=Wish(mode="no-store")) == ["bypass"]
        assert statuses(session, URL, cache=Wish(mode="reload")) == ["miss"]
        assert statuses(session, URL, cache=Wish(mode="no-cache")) == ["revalidated"]
        clock.advance(100)
        assert statuses(session, URL, cache=Wish(mode="force-cache")) == ["stale"]
        assert statuses(session, URL, cache=Wish(mode="only-if-cached")) == ["stale"]


def test_a_lifetime_for_one_request(scripted: Origin, clock: Clock) -> None:
    serve(scripted)
    with session_of(scripted) as session:
        assert statuses(session, URL, cache=Wish(ttl=timedelta(minutes=1))) == ["miss"]
        clock.advance(59)
        assert statuses(session, URL) == ["hit"]
        clock.advance(2)
        assert statuses(session, URL) == ["miss"]


def test_a_lifetime_of_nothing_is_not_no_lifetime(scripted: Origin) -> None:
    serve(scripted, TAGGED)
    with session_of(scripted) as session:
        assert statuses(session, URL, cache=Wish(ttl=0)) == ["miss"]
        assert statuses(session, URL) == ["revalidated"]
    with session_of(scripted, policy=Policy(overrides=(Override(ttl=0),))) as session:
        assert statuses(session, URL, URL) == ["miss", "revalidated"]
    serve(scripted, {"Cache-Control": "max-age=0", "ETag": '"1"', "Expires": "Mon, 01 Jan 2035 00:00:00 GMT"})
    with session_of(scripted) as session:
        assert statuses(session, URL, URL) == ["miss", "revalidated"]


def test_a_lifetime_that_every_hit_prolongs(scripted: Origin, clock: Clock) -> None:
    serve(scripted)
    wanted = Wish(ttl=60, sliding=True)
    with session_of(scripted) as session:
        assert statuses(session, URL, cache=wanted) == ["miss"]
        for _ in range(3):
            clock.advance(50)
            assert statuses(session, URL, cache=wanted) == ["hit"]
        clock.advance(61)
        assert statuses(session, URL, cache=wanted) == ["miss"]


def test_a_lifetime_that_every_hit_prolongs_for_all_requests(scripted: Origin, clock: Clock) -> None:
    serve(scripted)
    with session_of(scripted, policy=Policy(overrides=(Override(ttl=60, sliding=True),))) as session:
        assert statuses(session, URL) == ["miss"]
        for _ in range(3):
            clock.advance(50)
            assert statuses(session, URL) == ["hit"]
        clock.advance(61)
        assert statuses(session, URL) == ["miss"]


def test_a_key_and_groups_for_one_request(scripted: Origin) -> None:
    serve(scripted, FRESH)
    wanted = Wish(key="http://a.test/whichever", groups=("tests",))
    with session_of(scripted) as session:
        assert statuses(session, f"{URL}?session=1", f"{URL}?session=2", cache=wanted) == ["miss", "hit"]
        assert session.purge(groups="tests") == 1
        assert statuses(session, f"{URL}?session=1", cache=wanted) == ["miss"]


def test_a_plain_session_says_its_wishes_without_a_header_field(scripted: Origin) -> None:
    serve(scripted)
    with requests.Session() as session:
        session.mount("http://", CacheAdapter(adapter=OriginAdapter(scripted), clock=scripted.clock))
        with wish(Wish(ttl=60, key="http://a.test/whichever")):
            assert statuses(session, f"{URL}?1", f"{URL}?2") == ["miss", "hit"]
        assert statuses(session, f"{URL}?1") == ["miss"]
    ours = {name.lower() for request in scripted.requests for name, _ in request.headers}
    assert ours <= {"user-agent", "accept-encoding", "accept", "connection"}


def test_the_cache_can_be_switched_off_for_a_while(scripted: Origin) -> None:
    serve(scripted, FRESH)
    with session_of(scripted) as session:
        assert statuses(session, URL) == ["miss"]
        with wish(Wish(mode="no-store")):
            assert statuses(session, URL) == ["bypass"]
        assert statuses(session, URL) == ["hit"]


def test_what_is_stale_stands_in_for_an_error_if_one_request_says_so(scripted: Origin, clock: Clock) -> None:
    serve(scripted, TAGGED)
    with session_of(scripted) as session:
        session.get(URL)
        clock.advance(100)
        scripted.serve(Reply(status=503), ConnectionError("refused"))
        assert session.get(URL).status_code == 503
        with pytest.raises(requests.ConnectionError):
            session.get(URL)
        assert statuses(session, URL, cache=Wish(stale_if_error=timedelta(hours=1))) == ["stale"]


def test_what_is_stale_stands_in_for_an_error_for_so_long(scripted: Origin, clock: Clock) -> None:
    serve(scripted, TAGGED)
    with session_of(scripted, policy=Policy(stale_if_error=60)) as session:
        session.get(URL)
        scripted.serve(ConnectionError("refused"))
        clock.advance(100)
        assert statuses(session, URL) == ["stale"]
        clock.advance(30)
        with pytest.raises(requests.ConnectionError):
            session.get(URL)


def test_what_may_stand_in_is_kept_for_so_long(scripted: Origin, clock: Clock) -> None:
    serve(scripted, FRESH)
    with session_of(scripted, policy=Policy(stale_if_error=7 * 86400)) as session:
        session.get(URL)
        clock.advance(timedelta(days=7))
        assert session.purge(expired=True) == 0
        scripted.serve(ConnectionError("refused"))
        assert statuses(session, URL) == ["stale"]
        clock.advance(timedelta(hours=1))
        assert session.purge(expired=True) == 1


def test_what_is_stale_may_be_used_while_it_is_refreshed(scripted: Origin, clock: Clock) -> None:
    serve(scripted, TAGGED)
    with session_of(scripted, policy=Policy(stale_while_revalidate=60)) as session:
        session.get(URL)
        clock.advance(100)
        assert statuses(session, URL) == ["stale"]
        # Closing waits for the refresh.
        session.cache.close()
        assert statuses(session, URL) == ["hit"]
    assert len(scripted.requests) == 2


def test_parameters_that_do_not_matter(scripted: Origin) -> None:
    serve(scripted, FRESH)
    policy = Policy(ignore_params=frozenset({"utm_source"}), sort_params=True)
    with session_of(scripted, policy=policy) as session:
        assert statuses(session, f"{URL}?b=2&a=1&utm_source=x", f"{URL}?a=1&b=2") == ["miss", "hit"]


def test_header_fields_that_matter(scripted: Origin) -> None:
    serve(scripted, FRESH)
    with session_of(scripted, policy=Policy(vary_by=("x-tenant",))) as session:
        found = [statuses(session, URL, headers={"X-Tenant": tenant})[0] for tenant in ("a", "b", "a")]
    assert found == ["miss", "miss", "hit"]


def test_a_key_of_ones_own(scripted: Origin) -> None:
    serve(scripted, FRESH)
    policy = Policy(key=lambda request: None if "secret" in request.url else request.url.partition("?")[0])
    with session_of(scripted, policy=policy) as session:
        assert statuses(session, f"{URL}?a", f"{URL}?b", f"{URL}?secret") == ["miss", "hit", "bypass"]


# --- methods with content


@pytest.mark.parametrize("method", ["QUERY", "POST"])
def test_content_is_part_of_the_key(scripted: Origin, method: str) -> None:
    scripted.serve(lambda request: Reply(request.content or b"", FRESH))
    policy = Policy(methods=frozenset({"GET", "POST", "QUERY"}), body_in_key=True)
    with session_of(scripted, policy=policy) as session:
        fields = {"Content-Type": "application/graphql"}
        responses = [session.request(method, URL, data=query, headers=fields) for query in ("{a}", "{b}", "{a}")]
        streamed = session.request(method, URL, data=iter([b"{a}"]), headers=fields)
    assert [response.text for response in responses] == ["{a}", "{b}", "{a}"]
    assert [cache_info(response).status for response in responses] == ["miss", "miss", "hit"]
    assert cache_info(streamed).status == "bypass"


def test_one_post_may_be_cached_without_a_policy_for_all(scripted: Origin) -> None:
    serve(scripted, FRESH)
    wanted = Wish(body_in_key=True)
    with session_of(scripted) as session:
        found = [cache_info(session.post(URL, data="{a}", cache=each)).status for each in (wanted, wanted, None)]
    assert found == ["miss", "hit", "bypass"]


# --- what is stored


def test_variants_do_not_evict_each_other_and_whole_lines_count(scripted: Origin) -> None:
    serve(scripted, {**FRESH, "Vary": "Accept-Language"})
    with session_of(scripted) as session:
        languages = ("de, en", "de, fr", "de, en", "de, fr")
        found = [statuses(session, URL, headers={"Accept-Language": each})[0] for each in languages]
    assert found == ["miss", "miss", "hit", "hit"]


def test_a_200_to_a_validation_is_what_the_next_request_gets(scripted: Origin, clock: Clock) -> None:
    scripted.serve(Reply("old", TAGGED), Reply("new", {**FRESH, "ETag": '"2"'}))
    with session_of(scripted) as session:
        session.get(URL)
        clock.advance(61)
        assert [session.get(URL).text for _ in range(2)] == ["new", "new"]
    assert len(scripted.requests) == 2


def test_a_background_refresh_understands_304(scripted: Origin, clock: Clock) -> None:
    serve(scripted, {"Cache-Control": "max-age=60, stale-while-revalidate=60", "ETag": '"1"'})
    with session_of(scripted) as session:
        session.get(URL)
        clock.advance(70)
        assert statuses(session, URL) == ["stale"]
        session.cache.close()
        again = session.get(URL)
    assert (again.text, cache_info(again).status) == ("1", "hit")
    assert scripted.requests[1].headers["if-none-match"] == '"1"'


def test_must_revalidate_forbids_what_is_stale(scripted: Origin, clock: Clock) -> None:
    headers = {"Cache-Control": "max-age=1, must-revalidate, stale-if-error=60", "ETag": '"1"'}
    scripted.serve(Reply("text", headers), Reply("", {"Cache-Control": "stale-if-error=60"}, 503))
    with session_of(scripted, policy=Policy(stale_if_error=60, stale_while_revalidate=60)) as session:
        session.get(URL)
        clock.advance(10)
        assert session.get(URL).status_code == 503


def test_the_window_for_errors_is_that_of_the_stored_response(scripted: Origin, clock: Clock) -> None:
    scripted.serve(
        Reply("text", {"Cache-Control": "max-age=1, stale-if-error=60", "ETag": '"1"'}),
        Reply("", {"Cache-Control": "stale-if-error=0"}, 503),
    )
    with session_of(scripted) as session:
        session.get(URL)
        clock.advance(10)
        response = session.get(URL)
    assert (response.text, cache_info(response).forward_status) == ("text", 503)


def test_what_is_stored_is_listed_looked_at_and_deleted(scripted: Origin) -> None:
    serve(scripted, FRESH)
    with session_of(scripted) as session:
        statuses(session, f"{URL}a", f"{URL}b c", f"{URL}d/e", f"{URL}d/f")
        assert session.urls() == [f"{URL}a", f"{URL}b%20c", f"{URL}d/e", f"{URL}d/f"]
        assert session.contains(f"{URL}b c")
        assert not session.contains(f"{URL}x")
        entry = session.cache.get(f"{URL}a")
        assert entry is not None
        assert (entry.status, entry.body, entry.headers["cache-control"]) == (200, b"1", "max-age=60")
        assert session.purge(url=f"{URL}b c") == 1
        assert session.purge(prefix=f"{URL}d/") == 2
        assert session.clear() == 1
        assert session.urls() == []


def test_what_has_expired_is_removed_on_demand(scripted: Origin, clock: Clock) -> None:
    serve(scripted, FRESH)
    with session_of(scripted) as session:
        session.get(URL)
        assert session.purge(expired=True) == 0
        clock.advance(7200)
        assert session.purge(expired=True) == 1


def test_secrets_do_not_reach_the_disk(scripted: Origin, tmp_path: Path) -> None:
    serve(scripted, {**FRESH, "Vary": "Cookie, Authorization, X-Api-Key"})
    store = FileStore(tmp_path)
    with session_of(scripted, store=store) as session:
        session.get(URL, headers={"Authorization": "Bearer hush", "Cookie": "id=hush", "X-Other": "hush"})
        assert session.urls() == [URL]
    store.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(b"hush" in path.read_bytes() for path in files)


def test_users_are_not_mixed(scripted: Origin) -> None:
    serve(scripted, FRESH)
    with session_of(scripted) as session:
        found = [session.get(URL, auth=(user, "x")).text for user in ("one", "two", "one", "two")]
        assert found == ["1", "2", "1", "2"]
        tenants = [session.get(URL, cache=Wish(partition=tenant)).text for tenant in ("one", "two", "one")]
        assert tenants == ["3", "4", "3"]


def test_what_is_cut_off_is_not_stored(origin: Server, clock: Clock) -> None:
    origin.serve(origin.fresh(b"part", cut=True), origin.fresh(b"whole"))
    with CachedSession(clock=clock) as session:
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            session.get(origin.url)
        assert session.urls() == []
        assert session.get(origin.url).content == b"whole"


# --- stores


class Own:
    """A store by somebody else: the contract's methods and nothing else."""

    def __init__(self) -> None:
        there = MemoryStore()
        for name in (
            "secret",
            "read",
            "swap",
            "append",
            "open",
            "discard",
            "purge",
            "items",
            "sweep",
            "stats",
            "close",
        ):
            setattr(self, name, getattr(there, name))


def test_a_small_contract_is_all_that_a_store_needs(scripted: Origin) -> None:
    serve(scripted, FRESH)
    store: Any = Own()
    with session_of(scripted, store=store) as session:
        assert statuses(session, URL, URL) == ["miss", "hit"]


def test_a_store_that_waits_for_a_disk_keeps_what_it_has(scripted: Origin, tmp_path: Path) -> None:
    serve(scripted, FRESH)
    for expected in ("miss", "hit"):
        store = FileStore(tmp_path)
        with session_of(scripted, store=store) as session:
            assert statuses(session, URL) == [expected]
        store.close()


class Failing(MemoryStore):
    """A store that has broken down."""

    def read(self, key: bytes) -> Any:
        raise OSError("no disk")


def test_a_store_that_fails_fails_no_request(scripted: Origin) -> None:
    serve(scripted, FRESH)
    with session_of(scripted, store=Failing()) as session:
        assert statuses(session, URL, URL) == ["miss", "miss"]
        # Who asks for the store itself is told.
        with pytest.raises(OSError, match="no disk"):
            session.contains(URL)


def test_an_asynchronous_store_is_refused_at_once() -> None:
    class Asynchronous(MemoryStore):
        async def read(self, key: bytes) -> Any: ...  # type: ignore[override] # the point of it

    with pytest.raises(TypeError, match="store: Asynchronous is asynchronous"):
        CachedSession(Asynchronous())


def test_what_cannot_be_intercepted_is_refused_at_once() -> None:
    adapter: Any = object()
    with pytest.raises(TypeError, match=r"^adapter"):
        CachedSession(adapter=adapter)
    with pytest.raises(ValueError, match=r"^adapter: it has a cache already"):
        CachedSession(adapter=CacheAdapter())


def test_programs_that_share_a_store_are_kept_apart_by_name(scripted: Origin) -> None:
    serve(scripted, FRESH)
    store = MemoryStore()
    found = []
    for name in ("one", "two", "one"):
        with session_of(scripted, store=store, policy=Policy(namespace=name)) as session:
            found += statuses(session, URL)
    assert found == ["miss", "miss", "hit"]


# --- on the way


class Remembering(BaseAdapter):
    """An adapter that remembers what it is given."""

    def __init__(self, origin: Origin) -> None:
        super().__init__()
        self.inner = OriginAdapter(origin)
        self.given: list[tuple[requests.PreparedRequest, dict[str, Any]]] = []

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        self.given.append((request, options))
        return self.inner.send(request, **options)

    def close(self) -> None:
        self.inner.close()


def test_timeouts_and_other_options_are_not_lost(scripted: Origin) -> None:
    serve(scripted, {"Cache-Control": "no-cache", "ETag": '"1"'})
    adapter = Remembering(scripted)
    options: dict[str, Any] = {"timeout": (1, 2), "verify": "authority.pem", "cert": "own.pem", "stream": True}
    with CachedSession(adapter=adapter) as session:
        request = session.prepare_request(requests.Request("GET", URL))
        for _ in range(2):
            assert session.send(request, **options, proxies={"http": "http://proxy.test"}).content == b"1"
    assert adapter.given[0][0] is request
    for _, given in adapter.given:
        assert given == options | {"proxies": {"http": "http://proxy.test"}}
    assert "If-None-Match" in adapter.given[1][0].headers
    assert "If-None-Match" not in request.headers


def test_large_content_is_not_held_in_memory_and_decided_on_by_its_head(scripted: Origin) -> None:
    serve(scripted, {**FRESH, "Content-Length": "5000"})
    with session_of(scripted, policy=Policy(max_body=1000)) as session:
        response = session.get(URL, stream=True)
        info = cache_info(response)
        # Nothing has been read yet.
        assert (info.stored, info.verdicts[-1].code) == (False, "too-large")
        response.close()


def test_of_those_who_wait_for_a_failure_nobody_stampedes(origin: Server) -> None:
    gate = threading.Event()

    def answer(seen: Any) -> Any:
        gate.wait(10)
        return None

    origin.serve(answer)
    with CachedSession() as session, ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(session.get, origin.url) for _ in range(8)]
        while sum(len(flight.wakes) for flight in session.cache._flights._flights.values()) < 7:
            assert not asked[0].done()
        gate.set()
        failures = [future.exception() for future in asked]
    assert {type(failure) for failure in failures} == {requests.ConnectionError}
    assert len(origin.seen) == 1


# --- what became of it


def test_why_is_nothing_cached(scripted: Origin) -> None:
    serve(scripted, {"Cache-Control": "no-store"})
    with session_of(scripted) as session:
        reason = session.get(URL).cachespec.reason  # type: ignore[attr-defined] # it is added to requests' own class
    assert (reason.code, reason.clause) == ("no-store", "RFC 9111 §5.2.2.5")
    assert "no-store" in str(reason)


def test_everything_about_a_response_is_in_one_place(scripted: Origin, clock: Clock) -> None:
    serve(scripted, FRESH)
    began = clock.now
    with session_of(scripted) as session:
        first = cache_info(session.get(URL))
        clock.advance(10)
        info = cache_info(session.get(URL))
    assert (first.status, first.from_cache, first.stored, first.uses) == ("miss", False, True, 0)
    assert (info.status, info.from_cache, info.revalidated, info.stored) == ("hit", True, False, True)
    assert (info.created_at, info.age, info.expires_at, info.key) == (began, 10, began + 60, URL)
    assert info.uses == 1
    assert [verdict.code for verdict in info.verdicts] == ["fresh"]


def test_each_response_of_a_redirect_tells_for_itself(scripted: Origin) -> None:
    moved, here = Reply("go on", {**FRESH, "Location": "/to"}, 301), Reply("here", FRESH)
    scripted.serve(lambda request: moved if request.url.endswith("/from") else here)
    with session_of(scripted) as session:
        assert session.get(f"{URL}to").text == "here"
        for wanted, expected in ((Wish(), ["miss", "hit"]), (Wish(mode="no-store"), ["bypass", "bypass"])):
            response = session.get(f"{URL}from", cache=wanted)
            assert [cache_info(each).status for each in (*response.history, response)] == expected


def test_stored_is_true_only_once_it_is(scripted: Origin) -> None:
    serve(scripted, FRESH)
    with session_of(scripted) as session:
        response = session.get(URL, stream=True)
        assert not cache_info(response).stored
        assert response.content == b"1"
        assert cache_info(response).stored


def test_a_field_that_says_from_cache_as_other_tools_have_it(scripted: Origin) -> None:
    serve(scripted, FRESH)
    with session_of(scripted, policy=Policy(from_cache_field="X-From-Cache")) as session:
        first, second = session.get(URL), session.get(URL)
    assert "x-from-cache" not in first.headers
    assert second.headers["x-from-cache"] == "1"


def test_the_cache_tells_in_a_field_what_it_did(scripted: Origin) -> None:
    serve(scripted, FRESH)
    with session_of(scripted, policy=Policy(cache_status="ours")) as session:
        first, second = session.get(URL), session.get(URL)
    assert (first.headers["cache-status"], second.headers["cache-status"]) == (
        "ours; fwd=uri-miss",
        "ours; hit; ttl=60",
    )


def test_a_kill_switch_for_incidents(scripted: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(scripted, FRESH)
    with session_of(scripted, policy=Policy(enabled=False)) as session:
        assert statuses(session, URL, URL) == ["bypass", "bypass"]
    monkeypatch.setenv("CACHESPEC_DISABLE", "1")
    with session_of(scripted) as session:
        assert statuses(session, URL, URL) == ["bypass", "bypass"]


def test_a_coded_body_is_kept_as_it_came(scripted: Origin) -> None:
    coded = gzip.compress(b"text " * 100)
    scripted.serve(Reply(coded, {**FRESH, "Content-Encoding": "gzip"}))
    with session_of(scripted) as session:
        contents = {session.get(URL).content for _ in range(2)}
        entry = session.cache.get(URL)
    assert contents == {b"text " * 100}
    assert entry is not None
    assert entry.body == coded
