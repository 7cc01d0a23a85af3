"""What users of HTTP caches ask their clients for, again and again: a test for each wish."""

from __future__ import annotations

import gc
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cachespec import HEURISTICALLY_CACHEABLE, FileStore, MemoryStore, Override, Policy, Wish
from cachespec_httpx import CacheClient, cache_info

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Clock, Origin, SyncCaller, Wire

URL = "http://a.test/"


def answering(wire: Wire, *lines: tuple[str, str], status: int = 200) -> None:
    """Answer every request alike, with the number of the request for content."""
    wire.answer = lambda request: httpx.Response(
        status, headers=lines, stream=wire.pieces(str(len(wire.given)).encode())
    )


def statuses(caller: SyncCaller, client: Any, *urls: str, **options: Any) -> list[str]:
    return [cache_info(caller.get(client, url, **options)).status for url in urls]


# --- whatever the server says


def test_always_cache_whatever_the_header_fields_say(caller: SyncCaller, wire: Wire, clock: Clock) -> None:
    answering(wire, ("Cache-Control", "no-store, private"), ("Expires", "0"))
    policy = Policy(overrides=(Override(ttl=60),))
    with caller.open(caller.caching(transport=wire, policy=policy, clock=clock)) as client:
        first = caller.get(client, URL)
        clock.now += 59
        second = caller.get(client, URL)
        clock.now += 2
        third = caller.get(client, URL)
    assert [cache_info(response).status for response in (first, second, third)] == ["miss", "hit", "miss"]
    # What the user sees is still what the server said.
    assert second.headers["cache-control"] == "no-store, private"


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Vary": "*"}, 200), ({}, 206), ({}, 429), ({}, 428), ({}, 431), ({}, 511)],
    ids=["Vary for all", "partial content", "429", "428", "431", "511"],
)
def test_some_things_are_never_stored(caller: SyncCaller, wire: Wire, headers: dict[str, str], status: int) -> None:
    answering(wire, ("Cache-Control", "max-age=60"), *headers.items(), status=status)
    policy = Policy(overrides=(Override(ttl=60, statuses=frozenset({200, 206, 428, 429, 431, 511})),))
    with caller.open(caller.caching(transport=wire, policy=policy)) as client:
        assert statuses(caller, client, URL, URL) == ["miss", "miss"]


def test_rules_by_url_and_only_where_the_server_says_nothing(caller: SyncCaller, wire: Wire) -> None:
    answering(wire)
    policy = Policy(overrides=(Override(ttl=60, host="*.test", path="/api/*", when="missing"),))
    with caller.open(caller.caching(transport=wire, policy=policy)) as client:
        api = statuses(caller, client, "http://a.test/api/x", "http://a.test/api/x")
        other = statuses(caller, client, "http://a.test/x", "http://a.test/x")
        answering(wire, ("Cache-Control", "no-store"))
        said = statuses(caller, client, "http://a.test/api/y", "http://a.test/api/y")
    assert (api, other, said) == (["miss", "hit"], ["miss", "miss"], ["miss", "miss"])


def test_nothing_of_some_urls_is_stored(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))
    policy = Policy(overrides=(Override(directives="no-store", path="/live/*"), Override(ttl=60)))
    with caller.open(caller.caching(transport=wire, policy=policy)) as client:
        found = statuses(caller, client, f"{URL}live/x", f"{URL}live/x", URL, URL)
    assert found == ["miss", "miss", "miss", "hit"]


def test_ignore_the_responses_directives_but_obey_the_requests(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "no-store"))
    policy = Policy(overrides=(Override(ttl=60),))
    with caller.open(caller.caching(transport=wire, policy=policy)) as client:
        statuses(caller, client, URL)
        assert statuses(caller, client, URL, headers={"Cache-Control": "no-cache"}) == ["miss"]
        assert statuses(caller, client, URL) == ["hit"]


def test_to_force_caching_does_not_lift_the_users_own_filters(caller: SyncCaller, wire: Wire) -> None:
    policy = Policy(
        overrides=(Override(ttl=60, statuses=frozenset({200, 404, 500})),),
        statuses=frozenset({200, 500}),
        request_filter=lambda request: not request.url.endswith("/private"),
        response_filter=lambda request, response: response.status < 500,
        content_filter=lambda request, response, content: content != b"5",
    )
    with caller.open(caller.caching(transport=wire, policy=policy)) as client:
        for status in (404, 500):
            answering(wire, status=status)
            assert statuses(caller, client, URL, URL) == ["miss", "miss"]
        answering(wire)
        # The fifth response is the one whose content is not wanted.
        assert statuses(caller, client, URL, URL, URL) == ["miss", "miss", "hit"]
        private = f"{URL}private"
        assert statuses(caller, client, private, private) == ["bypass", "bypass"]


def test_a_request_may_set_the_forcing_aside(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "no-store"))
    aside = {"cachespec": Wish(overrides=False)}
    with caller.open(caller.caching(transport=wire, policy=Policy(overrides=(Override(ttl=60),)))) as client:
        assert statuses(caller, client, URL, URL) == ["miss", "hit"]
        assert statuses(caller, client, URL, URL, extensions=aside) == ["miss", "miss"]


def test_validate_always_and_say_nothing_of_it_on_the_wire(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"), ("ETag", '"1"'))
    policy = Policy(revalidate="always")
    with caller.open(caller.caching(transport=wire, policy=policy)) as client:
        caller.get(client, URL)
        answering(wire, ("ETag", '"1"'), status=304)
        assert statuses(caller, client, URL) == ["revalidated"]
    assert "cache-control" not in wire.given[1].headers


@pytest.mark.parametrize("status", sorted(HEURISTICALLY_CACHEABLE - {206}))
def test_a_lifetime_may_be_guessed_for_every_status_that_the_rfc_names(
    caller: SyncCaller, wire: Wire, status: int
) -> None:
    answering(wire, ("Last-Modified", "Mon, 01 Jan 2001 00:00:00 GMT"), status=status)
    with caller.open(caller.caching(transport=wire)) as client:
        assert statuses(caller, client, URL, URL) == ["miss", "hit"]
    with caller.open(caller.caching(transport=wire, policy=Policy(heuristics=False))) as client:
        assert "hit" not in statuses(caller, client, URL, URL)


def test_a_shared_cache_keeps_nothing_private(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "private, max-age=60"))
    for shared, second in ((False, "hit"), (True, "miss")):
        with caller.open(caller.caching(transport=wire, policy=Policy(shared=shared))) as client:
            assert statuses(caller, client, URL, URL) == ["miss", second]


# --- one request


def test_every_mode_of_fetch(caller: SyncCaller, wire: Wire, clock: Clock) -> None:
    answering(wire, ("Cache-Control", "max-age=60"), ("ETag", '"1"'))

    def mode(name: Any) -> list[str]:
        return statuses(caller, client, URL, extensions={"cachespec": Wish(mode=name)})

    with caller.open(caller.caching(transport=wire, clock=clock)) as client:
        assert mode("only-if-cached") == ["unavailable"]
        assert statuses(caller, client, URL, URL) == ["miss", "hit"]
        assert mode("no-store") == ["bypass"]
        assert mode("reload") == ["miss"]
        answering(wire, ("ETag", '"1"'), status=304)
        assert mode("no-cache") == ["revalidated"]
        clock.now += 100
        assert mode("force-cache") == ["stale"]
        assert mode("only-if-cached") == ["stale"]


def test_a_lifetime_for_one_request(caller: SyncCaller, wire: Wire, clock: Clock) -> None:
    answering(wire)
    wish = {"cachespec": Wish(ttl=timedelta(minutes=1))}
    with caller.open(caller.caching(transport=wire, clock=clock)) as client:
        assert statuses(caller, client, URL, extensions=wish) == ["miss"]
        clock.now += 59
        assert statuses(caller, client, URL) == ["hit"]
        clock.now += 2
        assert statuses(caller, client, URL) == ["miss"]


def test_a_lifetime_of_nothing_is_not_no_lifetime(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"), ("ETag", '"1"'))
    with caller.open(caller.caching(transport=wire)) as client:
        assert statuses(caller, client, URL, extensions={"cachespec": Wish(ttl=0)}) == ["miss"]
        assert statuses(caller, client, URL) == ["miss"]
        assert "if-none-match" in wire.given[1].headers


def test_a_lifetime_that_every_hit_prolongs(caller: SyncCaller, wire: Wire, clock: Clock) -> None:
    answering(wire)
    wish = {"cachespec": Wish(ttl=60, sliding=True)}
    with caller.open(caller.caching(transport=wire, clock=clock)) as client:
        statuses(caller, client, URL, extensions=wish)
        for _ in range(3):
            clock.now += 50
            assert statuses(caller, client, URL, extensions=wish) == ["hit"]
        clock.now += 61
        assert statuses(caller, client, URL, extensions=wish) == ["miss"]


def test_a_lifetime_that_every_hit_prolongs_for_all_requests(caller: SyncCaller, wire: Wire, clock: Clock) -> None:
    answering(wire)
    policy = Policy(overrides=(Override(ttl=60, sliding=True),))
    with caller.open(caller.caching(transport=wire, clock=clock, policy=policy)) as client:
        statuses(caller, client, URL)
        for _ in range(3):
            clock.now += 50
            assert statuses(caller, client, URL) == ["hit"]
        clock.now += 61
        assert statuses(caller, client, URL) == ["miss"]


def test_a_key_and_groups_for_one_request(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))
    wish = {"cachespec": Wish(key="http://a.test/whichever", groups=("tests",))}
    with caller.open(caller.caching(transport=wire)) as client:
        urls = (f"{URL}?session=1", f"{URL}?session=2")
        assert statuses(caller, client, *urls, extensions=wish) == ["miss", "hit"]
        purge = client.purge
        assert (caller.call(purge, groups="tests") if caller.asynchronous else purge(groups="tests")) == 1
        assert statuses(caller, client, urls[0], extensions=wish) == ["miss"]


def test_what_is_stale_stands_in_for_an_error_if_one_request_says_so(
    caller: SyncCaller, wire: Wire, clock: Clock
) -> None:
    answering(wire, ("Cache-Control", "max-age=60"), ("ETag", '"1"'))
    with caller.open(caller.caching(transport=wire, clock=clock)) as client:
        caller.get(client, URL)
        clock.now += 100
        answering(wire, status=503)
        assert caller.get(client, URL).status_code == 503
        wish = {"cachespec": Wish(stale_if_error=timedelta(hours=1))}
        assert statuses(caller, client, URL, extensions=wish) == ["stale"]


def test_what_is_stale_stands_in_for_an_error_for_so_long(caller: SyncCaller, wire: Wire, clock: Clock) -> None:
    def refused(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    answering(wire, ("Cache-Control", "max-age=60"), ("ETag", '"1"'))
    with caller.open(caller.caching(transport=wire, clock=clock, policy=Policy(stale_if_error=60))) as client:
        caller.get(client, URL)
        wire.answer = refused
        clock.now += 100
        assert statuses(caller, client, URL) == ["stale"]
        clock.now += 30
        with pytest.raises(httpx.ConnectError):
            caller.get(client, URL)


def test_what_is_stale_may_be_used_while_it_is_refreshed(caller: SyncCaller, wire: Wire, clock: Clock) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))
    with caller.open(caller.caching(transport=wire, clock=clock, policy=Policy(stale_while_revalidate=60))) as client:
        caller.get(client, URL)
        clock.now += 100
        assert statuses(caller, client, URL) == ["stale"]
        while statuses(caller, client, URL) == ["stale"]:
            pass
    assert len(wire.given) == 2


def test_parameters_that_do_not_matter(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))
    policy = Policy(ignore_params=frozenset({"utm_source"}), sort_params=True)
    with caller.open(caller.caching(transport=wire, policy=policy)) as client:
        assert statuses(caller, client, f"{URL}?b=2&a=1&utm_source=x", f"{URL}?a=1&b=2") == ["miss", "hit"]


def test_header_fields_that_matter(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))
    with caller.open(caller.caching(transport=wire, policy=Policy(vary_by=("x-tenant",)))) as client:
        found = [statuses(caller, client, URL, headers={"X-Tenant": tenant})[0] for tenant in ("a", "b", "a")]
    assert found == ["miss", "miss", "hit"]


def test_a_key_of_ones_own(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))
    policy = Policy(key=lambda request: None if "secret" in request.url else request.url.partition("?")[0])
    with caller.open(caller.caching(transport=wire, policy=policy)) as client:
        assert statuses(caller, client, f"{URL}?a", f"{URL}?b", f"{URL}?secret") == ["miss", "hit", "bypass"]


# --- methods with content


@pytest.mark.parametrize("method", ["QUERY", "POST"])
def test_content_is_part_of_the_key(caller: SyncCaller, wire: Wire, method: str) -> None:
    wire.answer = lambda request: httpx.Response(
        200, headers=[("Cache-Control", "max-age=60")], stream=wire.pieces(request.content)
    )
    policy = Policy(methods=frozenset({"GET", "POST", "QUERY"}), body_in_key=True)

    def ask(query: str) -> httpx.Response:
        asked = {"content": query, "headers": {"Content-Type": "application/graphql"}}
        response: httpx.Response = caller.call(client.request, method, URL, **asked)
        return response

    with caller.open(caller.caching(transport=wire, policy=policy)) as client:
        responses = [ask(query) for query in ("{a}", "{b}", "{a}")]
    assert [response.text for response in responses] == ["{a}", "{b}", "{a}"]
    assert [cache_info(response).status for response in responses] == ["miss", "miss", "hit"]
    assert wire.given[0].content == b"{a}"


def test_one_post_may_be_cached_without_a_policy_for_all(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))
    wish = {"cachespec": Wish(body_in_key=True)}
    with caller.open(caller.caching(transport=wire)) as client:
        found = [
            cache_info(caller.call(client.post, URL, content="{a}", extensions=extensions)).status
            for extensions in (wish, wish, {})
        ]
    assert found == ["miss", "hit", "bypass"]


# --- what is stored


def test_variants_do_not_evict_each_other_and_whole_lines_count(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"), ("Vary", "Accept-Language"))
    with caller.open(caller.caching(transport=wire)) as client:
        languages = [[("Accept-Language", "de"), ("Accept-Language", other)] for other in ("en", "fr")]
        found = [statuses(caller, client, URL, headers=each)[0] for each in (*languages, *languages)]
    assert found == ["miss", "miss", "hit", "hit"]


def test_the_window_for_errors_is_that_of_the_stored_response(caller: SyncCaller, wire: Wire, clock: Clock) -> None:
    answering(wire, ("Cache-Control", "max-age=1, stale-if-error=60"), ("ETag", '"1"'))
    with caller.open(caller.caching(transport=wire, clock=clock)) as client:
        caller.get(client, URL)
        clock.now += 10
        answering(wire, ("Cache-Control", "stale-if-error=0"), status=503)
        response = caller.get(client, URL)
    assert (response.content, cache_info(response).forward_status) == (b"1", 503)


def test_what_is_stored_is_listed_looked_at_and_deleted(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))

    def ask(call: Any, *args: Any, **kwargs: Any) -> Any:
        return caller.call(call, *args, **kwargs) if caller.asynchronous else call(*args, **kwargs)

    with caller.open(caller.caching(transport=wire, base_url=URL)) as client:
        statuses(caller, client, "/a", "/b c", "/d/e", "/d/f")
        assert ask(client.urls) == [f"{URL}a", f"{URL}b%20c", f"{URL}d/e", f"{URL}d/f"]
        assert ask(client.contains, "/b c")
        assert not ask(client.contains, "/x")
        entry = ask(client.cache.get, f"{URL}a")
        assert (entry.status, entry.body, entry.headers["cache-control"]) == (200, b"1", "max-age=60")
        assert ask(client.purge, url="/b c") == 1
        assert ask(client.purge, prefix="/d/") == 2
        assert ask(client.clear) == 1
        assert ask(client.urls) == []


def test_what_has_expired_is_removed_on_demand(caller: SyncCaller, wire: Wire, clock: Clock) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))

    def purge() -> int:
        removed: int = caller.call(client.purge, expired=True)
        return removed

    with caller.open(caller.caching(transport=wire, clock=clock)) as client:
        caller.get(client, URL)
        assert purge() == 0
        clock.now += 7200
        assert purge() == 1


def test_secrets_do_not_reach_the_disk(caller: SyncCaller, wire: Wire, tmp_path: Path) -> None:
    answering(wire, ("Cache-Control", "max-age=60"), ("Vary", "Cookie, Authorization, X-Api-Key"))
    store = FileStore(tmp_path)
    fields = {"Authorization": "Bearer hush", "Cookie": "id=hush", "X-Other": "hush"}
    with caller.open(caller.caching(transport=wire, store=store)) as client:
        assert cache_info(caller.get(client, URL, headers=fields)).stored
    store.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(b"hush" in path.read_bytes() for path in files)


def test_users_are_not_mixed(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))
    with caller.open(caller.caching(transport=wire)) as client:
        found = [caller.get(client, URL, auth=(user, "x")).text for user in ("one", "two", "one", "two")]
        assert found == ["1", "2", "1", "2"]
        wishes = [{"cachespec": Wish(partition=tenant)} for tenant in ("one", "two", "one")]
        assert [caller.get(client, URL, extensions=each).text for each in wishes] == ["3", "4", "3"]


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


def test_a_small_contract_is_all_that_a_store_needs(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))
    with caller.open(caller.caching(transport=wire, store=Own())) as client:
        assert statuses(caller, client, URL, URL) == ["miss", "hit"]


def test_an_asynchronous_store_in_synchronous_code_is_refused_at_once() -> None:
    class Asynchronous(MemoryStore):
        async def read(self, key: bytes) -> Any: ...  # type: ignore[override] # the point of it

    with pytest.raises(TypeError, match="store: Asynchronous is asynchronous"):
        CacheClient(store=Asynchronous())


def test_what_cannot_be_intercepted_is_refused_at_once(caller: SyncCaller) -> None:
    for options in ({"transport": object()}, {"mounts": {"http://": object()}}):
        with pytest.raises(TypeError, match="cannot be put behind this cache"):
            caller.caching(**options)


def test_a_store_that_waits_for_a_disk_works_in_every_colour(
    caller: SyncCaller, origin: Origin, tmp_path: Path
) -> None:
    pieces = [bytes([number]) * 100_000 for number in range(5)]
    large = f"{origin.url}/large"
    lines = [("Cache-Control", "max-age=60")]
    origin.serve(lambda seen: origin.reply(headers=lines, body=pieces if seen.target == "/large" else b"small"))
    for expected in ("miss", "hit"):
        store = FileStore(tmp_path)
        with caller.open(caller.caching(store=store)) as client:
            assert statuses(caller, client, origin.url, large) == [expected, expected]
            response = caller.start(client, large)
            assert caller.raw(response) == b"".join(pieces)
            # One that nobody reads holds no file open.
            caller.close(caller.start(client, large))
        store.close()
    assert len(origin.seen) == 2
    gc.collect()


class Failing(MemoryStore):
    """A store that has broken down."""

    def read(self, key: bytes) -> Any:
        raise OSError("no disk")


def test_a_store_that_fails_fails_no_request(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))
    with caller.open(caller.caching(transport=wire, store=Failing())) as client:
        assert statuses(caller, client, URL, URL) == ["miss", "miss"]


# --- on the way


def test_timeouts_and_other_extensions_are_not_lost(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "no-cache"), ("ETag", '"1"'))
    extensions = {"sni_hostname": "b.test", "trace": print}
    with caller.open(caller.caching(transport=wire, timeout=httpx.Timeout(1, read=2))) as client:
        for _ in range(2):
            caller.get(client, URL, extensions=extensions)
    assert "if-none-match" in wire.given[1].headers
    for given in wire.given:
        assert given.extensions["timeout"] == {"connect": 1, "read": 2, "write": 1, "pool": 1}
        assert given.extensions.items() >= extensions.items()


def test_large_content_is_not_held_in_memory_and_decided_on_by_its_head(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"), ("Content-Length", "5000"))
    with caller.open(caller.caching(transport=wire, policy=Policy(max_body=1000))) as client:
        response = caller.start(client, URL)
        info = cache_info(response)
        # Nothing has been read yet.
        assert (info.stored, info.verdicts[-1].code) == (False, "too-large")
        caller.close(response)


# --- what became of it


def test_why_is_nothing_cached(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "no-store"))
    with caller.open(caller.caching(transport=wire)) as client:
        info = cache_info(caller.get(client, URL))
    reason = info.reason
    assert reason is not None
    assert (reason.code, reason.clause) == ("no-store", "RFC 9111 §5.2.2.5")
    assert "no-store" in str(reason)


def test_everything_about_a_response_is_in_one_place(caller: SyncCaller, wire: Wire, clock: Clock) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))
    began = clock.now
    with caller.open(caller.caching(transport=wire, clock=clock)) as client:
        caller.get(client, URL)
        clock.now += 10
        info = cache_info(caller.get(client, URL))
    assert (info.status, info.from_cache, info.revalidated, info.stored) == ("hit", True, False, True)
    assert (info.created_at, info.age, info.expires_at, info.key) == (began, 10, began + 60, URL)
    assert info.uses == 1
    assert [verdict.code for verdict in info.verdicts] == ["fresh"]


def test_stored_is_true_only_once_it_is(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))
    with caller.open(caller.caching(transport=wire)) as client:
        response = caller.start(client, URL)
        assert not cache_info(response).stored
        assert caller.read(response) == b"1"
        assert cache_info(response).stored


def test_a_field_that_says_from_cache_as_other_tools_have_it(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))
    with caller.open(caller.caching(transport=wire, policy=Policy(from_cache_field="X-From-Cache"))) as client:
        first, second = (caller.get(client, URL) for _ in range(2))
    assert second.headers["x-from-cache"] == "1"
    assert "x-from-cache" not in first.headers


def test_the_cache_tells_in_a_field_what_it_did(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))
    with caller.open(caller.caching(transport=wire, policy=Policy(cache_status="ours"))) as client:
        first, second = (caller.get(client, URL).headers["cache-status"] for _ in range(2))
    assert (first, second.partition("=")[0]) == ("ours; fwd=uri-miss", "ours; hit; ttl")


def test_must_revalidate_forbids_what_is_stale(caller: SyncCaller, wire: Wire, clock: Clock) -> None:
    answering(wire, ("Cache-Control", "max-age=1, must-revalidate, stale-if-error=60"), ("ETag", '"1"'))
    with caller.open(caller.caching(transport=wire, clock=clock)) as client:
        caller.get(client, URL)
        clock.now += 10
        answering(wire, ("Cache-Control", "stale-if-error=60"), status=503)
        response = caller.get(client, URL)
    assert response.status_code == 503


def test_a_kill_switch_for_incidents(caller: SyncCaller, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))
    with caller.open(caller.caching(transport=wire, policy=Policy(enabled=False))) as client:
        assert statuses(caller, client, URL, URL) == ["bypass", "bypass"]
    monkeypatch.setenv("CACHESPEC_DISABLE", "1")
    with caller.open(caller.caching(transport=wire)) as client:
        assert statuses(caller, client, URL, URL) == ["bypass", "bypass"]


def test_programs_that_share_a_store_are_kept_apart_by_name(caller: SyncCaller, wire: Wire) -> None:
    answering(wire, ("Cache-Control", "max-age=60"))
    store = MemoryStore()
    found = []
    for name in ("one", "two", "one"):
        with caller.open(caller.caching(transport=wire, store=store, policy=Policy(namespace=name))) as client:
            found += statuses(caller, client, URL)
    assert found == ["miss", "miss", "hit"]
