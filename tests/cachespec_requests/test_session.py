"""Sessions with a cache: their options, wishes, listing and purging, threads, the end."""

from __future__ import annotations

import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.packages.urllib3.util import Timeout

from cachespec import Cache, MemoryStore, Policy, Wish, forks
from cachespec_requests import CacheAdapter, CachedSession, cache_info, caches, wish
from cachespec_requests.adapter import patience_of

if TYPE_CHECKING:
    from conftest import Clock, Origin


# --- options


class Asynchronous:
    """As much of an asynchronous store as one looks at."""

    async def read(self, key: bytes) -> None: ...

    async def swap(self, *args: Any) -> None: ...


@pytest.mark.parametrize(
    ("options", "error", "named"),
    [
        pytest.param({"store": Asynchronous()}, TypeError, "store", id="an asynchronous store"),
        pytest.param({"store": 3}, TypeError, "store", id="no store"),
        pytest.param({"store": "nowhere:"}, ValueError, "store", id="no store's URL"),
        pytest.param({"policy": "strict"}, TypeError, "policy", id="no policy"),
        pytest.param({"clock": 3.0}, TypeError, "clock", id="no clock"),
        pytest.param({"cache": "mine"}, TypeError, "cache", id="no cache"),
        pytest.param({"cache": Cache(), "store": MemoryStore()}, TypeError, "store", id="a store beside a cache"),
        pytest.param({"cache": Cache(), "policy": Policy()}, TypeError, "policy", id="a policy beside a cache"),
        pytest.param({"cache": Cache(), "clock": lambda: 0.0}, TypeError, "clock", id="a clock beside a cache"),
        pytest.param({"adapter": 3}, TypeError, "adapter", id="no adapter"),
        pytest.param({"adapter": CacheAdapter()}, ValueError, "adapter", id="a second cache"),
        pytest.param(
            {"adapter": HTTPAdapter(), "max_retries": 3}, TypeError, "adapter", id="retries beside an adapter"
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused_by_name(
    options: dict[str, Any], error: type[Exception], named: str
) -> None:
    with pytest.raises(error, match=rf"^{named}"):
        CacheAdapter(**options)


def test_several_adapters_may_share_a_cache(origin: Origin, clock: Clock) -> None:
    origin.serve(origin.fresh())
    cache = Cache(clock=clock)
    with CachedSession(cache=cache) as one, CachedSession(cache=cache) as other:
        one.get(origin.url)
        assert cache_info(other.get(origin.url)).status == "hit"


def test_an_adapter_that_is_mounted_later_goes_behind_the_same_cache(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh())
    session.mount(origin.url, HTTPAdapter(max_retries=2))
    session.get(origin.url)
    assert cache_info(session.get(origin.url)).status == "hit"
    assert len(session.urls()) == 1


def test_an_adapter_with_a_cache_of_its_own_keeps_it(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh())
    session.mount(origin.url, CacheAdapter())
    session.get(origin.url)
    assert session.urls() == []


def test_a_response_from_elsewhere_has_no_information(origin: Origin) -> None:
    with pytest.raises(LookupError, match="did not come through a cache"):
        cache_info(requests.get(origin.url, timeout=10))


def test_a_session_with_a_store_by_url_can_be_pickled(origin: Origin) -> None:
    origin.serve(origin.fresh())
    origin.clock = time.time
    with pickle.loads(pickle.dumps(CachedSession("memory:"))) as session:
        session.get(origin.url)
        assert cache_info(session.get(origin.url)).status == "hit"


def test_an_adapter_that_was_pickled_in_another_process_has_new_connections_already(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.serve(origin.fresh())
    octets = pickle.dumps(CacheAdapter())
    monkeypatch.setattr(forks, "seen", forks.seen + 1)
    adapter: CacheAdapter = pickle.loads(octets)
    pools = adapter.poolmanager
    with requests.Session() as session:
        session.mount("http://", adapter)
        session.get(origin.url)
        assert adapter.poolmanager is pools
        # And counts from there on.
        monkeypatch.setattr(forks, "seen", forks.seen + 1)
        session.get(f"{origin.url}/other")
        assert adapter.poolmanager is not pools
    pools.clear()


def test_a_store_that_was_given_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match=r"^store"):
        pickle.dumps(CacheAdapter(store=MemoryStore()))


# --- wishes


def test_a_request_may_wish(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh())
    session.get(origin.url)
    assert cache_info(session.get(origin.url, cache=Wish(mode="reload"))).status == "miss"
    assert origin.seen[-1].fields["cache-control"] == "no-cache"
    assert session.get(f"{origin.url}/other", cache=Wish(mode="only-if-cached")).status_code == 504


def test_a_prepared_request_may_wish(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh())
    request = requests.Request("GET", origin.url).prepare()
    session.send(request)
    assert cache_info(session.send(request, cache=Wish(mode="no-store"))).status == "bypass"


def test_wishes_of_a_block_count_for_any_session_and_the_innermost_wins(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh())
    session.get(origin.url)
    with wish(Wish(mode="reload")):
        assert cache_info(session.get(origin.url)).status == "miss"
        with wish(Wish()):
            assert cache_info(session.get(origin.url)).status == "hit"
        assert cache_info(session.get(origin.url)).status == "miss"
    assert cache_info(session.get(origin.url)).status == "hit"


def test_what_is_no_wish_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^wish"), wish("reload"):  # type: ignore[arg-type]  # the point of it
        pass


def test_a_lifetime_may_be_wished_whatever_the_server_says(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.reply(b"ok", [("Cache-Control", "no-store")]))
    session.get(origin.url, cache=Wish(ttl=60))
    assert cache_info(session.get(origin.url)).status == "hit"


# --- what lies in the store


def test_what_is_stored_is_listed_and_purged(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh(b"ok", ("Cache-Groups", '"news"')))
    for path in ("/a", "/b", "/c d"):
        session.get(origin.url + path)
    assert sorted(session.urls()) == [f"{origin.url}/a", f"{origin.url}/b", f"{origin.url}/c%20d"]
    assert session.purge(url=f"{origin.url}/c d") == 1
    assert session.purge(prefix=f"{origin.url}/a") == 1
    assert session.purge(groups="news") == 1
    assert session.urls() == []


def test_what_is_purged_softly_is_validated(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh(), origin.reply(status=304, fields=[("ETag", '"v1"')]))
    session.get(origin.url)
    assert session.purge(everything=True, soft=True) == 1
    assert cache_info(session.get(origin.url)).status == "revalidated"


def test_a_cleared_session_has_nothing(session: CachedSession, origin: Origin) -> None:
    origin.serve(origin.fresh())
    session.get(origin.url)
    assert session.clear() == 1
    assert session.urls() == []


# --- threads, and the end


def test_one_of_eight_threads_asks_the_server(session: CachedSession, origin: Origin) -> None:
    gate = threading.Event()
    origin.serve(origin.fresh(gate=gate))
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(session.get, origin.url) for _ in range(8)]
        threading.Timer(0.2, gate.set).start()
        assert {response.result().content for response in asked} == {b"ok"}
    assert len(origin.seen) == 1


def test_a_request_with_a_timeout_does_not_wait_longer_for_another(session: CachedSession, origin: Origin) -> None:
    gate = threading.Event()
    origin.serve(origin.fresh(gate=gate))
    leader = threading.Thread(target=session.get, args=(origin.url,))
    leader.start()
    while not origin.seen:
        gate.wait(0.005)
    try:
        with pytest.raises(requests.ReadTimeout):
            session.get(origin.url, timeout=0.05)
        assert len(origin.seen) == 2
    finally:
        gate.set()
        leader.join()


@pytest.mark.parametrize(
    ("timeout", "patience"),
    [
        pytest.param(None, None, id="none"),
        pytest.param(3, 3, id="one"),
        pytest.param((1, 2), 2, id="a pair"),
        pytest.param((1, None), None, id="half a pair"),
        pytest.param((1, 2, 3), None, id="what requests refuses"),
        pytest.param(Timeout(total=5, read=4), 5, id="urllib3's with a total"),
        pytest.param(Timeout(connect=1, read=4), 4, id="urllib3's without"),
        pytest.param(Timeout(connect=1), None, id="urllib3's with nothing for reading"),
    ],
)
def test_the_timeout_for_reading_is_the_patience_for_others(timeout: Any, patience: float | None) -> None:
    assert patience_of(timeout) == patience


def test_a_stale_response_is_refreshed_in_the_background(session: CachedSession, origin: Origin, clock: Clock) -> None:
    lasting = [("Cache-Control", "max-age=60, stale-while-revalidate=600")]
    origin.serve(origin.reply(b"old", lasting), origin.reply(b"new", lasting))
    session.get(origin.url)
    clock.now += 100
    assert cache_info(session.get(origin.url)).status == "stale"
    session.cache.close()
    assert session.get(origin.url).content == b"new"
    assert len(origin.seen) == 2


def test_a_closed_session_can_be_used_again(origin: Origin) -> None:
    origin.serve(origin.fresh())
    session = CachedSession()
    session.get(origin.url)
    session.close()
    assert session.get(origin.url).content == b"ok"
    session.close()


def test_a_store_that_was_opened_here_is_closed_and_opened_again(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[MemoryStore] = []

    def open_store(url: str) -> MemoryStore:
        opened.append(MemoryStore())
        return opened[-1]

    monkeypatch.setattr(caches, "open_store", open_store)
    origin.serve(origin.fresh())
    session = CachedSession("disk:")
    session.get(origin.url)
    session.close()
    with pytest.raises(ValueError, match="closed"):
        opened[0].read(bytes(32))
    assert cache_info(session.get(origin.url)).stored
    assert len(opened) == 2
    session.close()
    # Nothing is opened for being closed.
    session.close()
    assert len(opened) == 2
    assert session.urls() == []
    assert len(opened) == 3
    session.close()


class Closing(BaseAdapter):
    """An adapter that is closed."""

    closed = False

    def close(self) -> None:
        Closing.closed = True


def test_closing_reaches_the_adapter_behind_the_cache() -> None:
    CachedSession(adapter=Closing()).close()
    assert Closing.closed
