"""Threads that ask for one thing, processes that were forked, refreshes, and what is left when a session is closed."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from cachespec import Policy, forks
from cachespec.testing import Clock, Origin, Reply
from cachespec_requests import CacheAdapter, CachedSession, cache_info
from cachespec_requests.testing import OriginAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Origin as Server

URL = "http://a.test/"
FRESH = {"Cache-Control": "max-age=60"}
REFRESHED = {"Cache-Control": "max-age=60, stale-while-revalidate=600"}
PATIENT = Policy(collapse_wait=10.0)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Something that is let go in the end, whatever happens."""
    event = threading.Event()
    yield event
    event.set()


def waiting(session: CachedSession) -> int:
    """How many wait for somebody else's response."""
    return sum(len(flight.wakes) for flight in session.cache._flights._flights.values())


def until(condition: Callable[[], object]) -> None:
    """Wait until others have brought something about."""
    pause = threading.Event()
    for _ in range(10_000):
        if condition():
            return
        pause.wait(0.001)
    raise AssertionError("it did not come about")


def refreshing() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("cachespec-refresh")]


# --- one goes, the others wait


@pytest.mark.parametrize("status", [200, 503])
def test_nobody_waits_for_the_body_of_what_is_not_stored(origin: Server, gate: threading.Event, status: int) -> None:
    bodies = [threading.Event()]

    def slow() -> Iterator[bytes]:
        yield b"x"
        # The first one's body ends only after all the others have been answered.
        bodies[0].wait(10)

    def answer(seen: Any) -> Any:
        first = len(origin.seen) == 1
        fields = [("Cache-Control", "no-store")]
        body = slow() if first else b"x"
        return origin.reply(
            body, fields, status, framing="chunked" if first else "length", gate=gate if first else None
        )

    origin.serve(answer)
    with CachedSession(policy=PATIENT) as session, ThreadPoolExecutor(8) as pool:
        first = pool.submit(session.get, origin.url)
        until(lambda: origin.seen)
        others = [pool.submit(session.get, origin.url) for _ in range(7)]
        until(lambda: waiting(session) == 7)
        gate.set()
        found = [cache_info(other.result(10)).status for other in others]
        assert not first.done()
        bodies[0].set()
        assert cache_info(first.result(10)).status == "miss"
    assert found == ["miss"] * 7
    assert len(origin.seen) == 8


def test_when_the_leader_gives_up_one_of_the_others_goes(gate: threading.Event) -> None:
    origin = Origin()

    def answer(request: Any) -> Any:
        if len(origin.requests) == 1:
            gate.wait(10)
            raise KeyboardInterrupt
        return Reply("second", FRESH)

    origin.serve(answer)
    with CachedSession(policy=PATIENT, adapter=OriginAdapter(origin)) as session, ThreadPoolExecutor(8) as pool:
        leader = pool.submit(session.get, URL)
        until(lambda: origin.requests)
        others = [pool.submit(session.get, URL) for _ in range(5)]
        until(lambda: waiting(session) == 5)
        gate.set()
        assert {other.result(10).text for other in others} == {"second"}
        assert isinstance(leader.exception(10), KeyboardInterrupt)
    assert len(origin.requests) == 2


def test_nobody_waits_for_a_response_that_was_dropped_unread(origin: Server) -> None:
    origin.serve(origin.fresh(b"x" * 100_000))
    with CachedSession(policy=PATIENT) as session:
        session.get(origin.url, stream=True).close()
        assert not session.cache._flights._flights
        assert session.get(origin.url).content == b"x" * 100_000


# --- refreshes, and the end


def test_closing_ends_the_threads_of_refreshes_and_using_it_again_has_new_ones() -> None:
    clock = Clock()
    origin = Origin(lambda request: Reply(str(len(origin.requests)), REFRESHED), clock=clock)
    session = CachedSession(clock=clock, adapter=OriginAdapter(origin))
    session.get(URL)
    others = refreshing()
    for expected in ("1", "2"):
        clock.advance(100)
        stale = session.get(URL)
        assert (stale.text, cache_info(stale).status) == (expected, "stale")
        assert len(refreshing()) > len(others)
        session.close()
        assert refreshing() == others
    assert session.get(URL).text == "3"
    session.close()


def test_a_refresh_that_fails_leaves_what_there_is() -> None:
    clock = Clock()
    origin = Origin(Reply("old", REFRESHED), ConnectionError("refused"), clock=clock)
    with CachedSession(clock=clock, adapter=OriginAdapter(origin)) as session:
        session.get(URL)
        clock.advance(100)
        session.get(URL)
        session.cache.close()
        assert session.get(URL).text == "old"


# --- forks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_worker_goes_on_by_itself(gate: threading.Event) -> None:
    clock = Clock()
    origin = Origin(lambda request: Reply(str(len(origin.requests)), REFRESHED), clock=clock)
    parent = os.getpid()

    def answer(request: Any) -> Reply:
        if request.url.endswith("/slow") and os.getpid() == parent:
            gate.wait(20)
        return Reply(str(len(origin.requests)), REFRESHED)

    origin.serve(answer)
    with CachedSession(clock=clock, policy=PATIENT, adapter=OriginAdapter(origin)) as session:
        assert session.get(URL).text == "1"
        # The parent has refreshed, and has a request under way, when it forks.
        clock.advance(100)
        session.get(URL)
        until(lambda: session.get(URL).text == "2")
        under_way = threading.Thread(target=session.get, args=(f"{URL}slow",))
        under_way.start()
        until(lambda: origin.urls[-1] == f"{URL}slow")
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            code = 1
            try:
                hit = session.get(URL)
                alone = session.get(f"{URL}slow", timeout=5)
                clock.advance(100)
                stale = session.get(URL)
                session.close()
                fresh = session.get(URL)
                statuses = [cache_info(each).status for each in (hit, alone, stale, fresh)]
                code = 0 if (statuses, hit.text) == (["hit", "miss", "stale", "hit"], "2") else 2
            finally:
                os._exit(code)
        gate.set()
        under_way.join()
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        # Nothing of that has changed the parent.
        assert session.get(URL).text == "2"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_worker_and_its_parent_do_not_read_from_one_connection(origin: Server) -> None:
    origin.serve(lambda seen: origin.reply(seen.target.encode()))
    with CachedSession() as session:
        session.get(f"{origin.url}/parent")
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            code = 1
            try:
                code = 0 if session.get(f"{origin.url}/child").text == "/child" else 2
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert session.get(f"{origin.url}/parent").text == "/parent"
    first, second, third = origin.seen
    assert first.peer == third.peer != second.peer


@pytest.mark.parametrize("adapter", [None, HTTPAdapter(pool_maxsize=3)], ids=["its own", "a given one"])
def test_after_a_fork_connections_are_new_and_settings_stay(
    origin: Server, monkeypatch: pytest.MonkeyPatch, adapter: HTTPAdapter | None
) -> None:
    origin.serve(lambda seen: origin.reply(b"x"))
    session = requests.Session()
    session.mount("http://", CacheAdapter(adapter=adapter) if adapter else CacheAdapter(pool_maxsize=3))
    session.get(origin.url)
    monkeypatch.setattr(forks, "seen", forks.seen + 1)
    for _ in range(2):
        session.get(origin.url)
    first, second, third = origin.seen
    assert first.peer != second.peer == third.peer
    mounted: Any = session.get_adapter("http://")
    assert (adapter or mounted)._pool_maxsize == 3
    session.close()


def test_after_a_fork_any_other_adapter_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Memory(BaseAdapter):
        """No adapter of requests's own."""

        closed = 0

        def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
            return OriginAdapter(Origin(Reply("x"))).send(request, *args, **options)

        def close(self) -> None:
            self.closed += 1

    memory = Memory()
    with CachedSession(adapter=memory) as session:
        monkeypatch.setattr(forks, "seen", forks.seen + 1)
        assert session.get(URL).text == "x"
        assert memory.closed == 0
