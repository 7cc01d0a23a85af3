from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from cachespec import Cache, MemoryStore, Policy, Request, Response, Wish, exchange
from cachespec.keys import primary_key
from cachespec.steps import Join, Send
from cachespec.stores.contract import Reading, Scope

URL = "https://example.com/a"
MAKE = Callable[..., Any]
PATIENCE = 10
"""Seconds after which a test that hangs fails."""


class Live:
    def __init__(self, head: Response, *chunks: bytes) -> None:
        self.head = head
        self.script = chunks

    def chunks(self) -> Any:
        yield from self.script

    def close(self) -> None:
        pass


def response(cache_control: str = "max-age=60", body: bytes = b"content", status: int = 200, **lines: str) -> Live:
    return Live(Response(status, {"Cache-Control": cache_control, **lines}), body)


class Result(NamedTuple):
    """An answer, and its body where that was read."""

    head: Response
    info: Any
    content: Any
    body: bytes | None


class Crowd:
    """Threads that ask one cache for one URL; the origin answers when it is told to."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.asked: list[Request] = []
        self.arrived = threading.Semaphore(0)
        """Released by each request that reaches the origin."""
        self.answers: list[Any] = []
        self.may_answer = threading.Semaphore(0)
        self.waiting = threading.Semaphore(0)
        """Released by each thread that begins to wait for another."""
        self.results: dict[int, Any] = {}
        self.threads: list[threading.Thread] = []
        watch = cache._flights.watch

        def counted(flight: Any, wake: Any) -> bool:
            watches = watch(flight, wake)
            if watches and flight.deadline is None:
                self.waiting.release()
            return watches

        cache._flights.watch = counted  # type: ignore[method-assign]

    def send(self, request: Request) -> Any:
        self.asked.append(request)
        self.arrived.release()
        assert self.may_answer.acquire(timeout=PATIENCE)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def start(self, headers: Any = (), *, read: bool = True, **options: Any) -> int:
        """Have another thread ask; its number."""
        number = len(self.threads)

        def ask() -> None:
            try:
                answer = self.cache.fetch(Request("GET", URL, headers), self.send, **options)
                body = b"".join(answer.content) if read else None
                if read:
                    answer.content.close()
                self.results[number] = Result(answer.head, answer.info, answer.content, body)
            except BaseException as error:  # noqa: BLE001 - which one is what the test looks at
                self.results[number] = error

        self.threads.append(threading.Thread(target=ask, daemon=True))
        self.threads[-1].start()
        return number

    def leader(self, headers: Any = (), **options: Any) -> int:
        """Have a thread ask that reaches the origin."""
        number = self.start(headers, **options)
        assert self.arrived.acquire(timeout=PATIENCE)
        return number

    def waiter(self, headers: Any = (), **options: Any) -> int:
        """Have a thread ask that waits for another."""
        number = self.start(headers, **options)
        assert self.waiting.acquire(timeout=PATIENCE)
        return number

    def answer(self, *answers: Any) -> None:
        """Let the origin answer those who have asked, or will."""
        self.answers += answers
        for _ in answers:
            self.may_answer.release()

    def end(self, *numbers: int) -> list[Any]:
        """The results of these threads, or of all."""
        for number in numbers or range(len(self.threads)):
            self.threads[number].join(PATIENCE)
            assert not self.threads[number].is_alive()
        return [self.results[number] for number in numbers or range(len(self.threads))]


@pytest.fixture
def make_crowd() -> Callable[..., Crowd]:
    return lambda **options: Crowd(Cache(policy=Policy(**{"collapse_wait": PATIENCE} | options), clock=lambda: 1e9))


# --- RFC 9111 §4: one request for all


@pytest.mark.requirement("9111-4-10")
def test_of_many_who_ask_at_once_one_goes(make_crowd: MAKE) -> None:
    crowd = make_crowd()
    crowd.leader()
    for _ in range(5):
        crowd.waiter()
    crowd.answer(response())
    first, *others = crowd.end()
    assert len(crowd.asked) == 1
    assert first.info.status == "miss"
    assert {(other.body, other.info.status, other.info.collapsed) for other in others} == {(b"content", "hit", True)}
    assert str(others[0].info.cache_status("c")).startswith("c; fwd=uri-miss")


def test_without_collapsing_everybody_goes(make_crowd: MAKE) -> None:
    crowd = make_crowd(collapse=False)
    crowd.leader()
    crowd.leader()
    crowd.answer(response(), response())
    assert len(crowd.end()) == 2


@pytest.mark.requirement("9111-4-11", "9111-5.2.2.5-02", "9111-3-04", "9111-5.2.2.7-01")
@pytest.mark.parametrize(
    ("cache_control", "options"),
    [("no-store", {}), ("private, max-age=60", {"shared": True}), ("max-age=60, no-store", {"shared": True})],
)
def test_what_is_not_storable_is_shared_with_nobody(cache_control: str, options: Any, make_crowd: MAKE) -> None:
    crowd = make_crowd(**options)
    crowd.leader()
    for _ in range(3):
        crowd.waiter()
    crowd.answer(response(cache_control, b"0"))
    crowd.end(0)
    for _ in range(3):
        assert crowd.arrived.acquire(timeout=PATIENCE)
    # And for a while nobody waits for such.
    crowd.leader()
    crowd.answer(*[response(cache_control, str(number).encode()) for number in range(1, 5)])
    bodies = [answer.body for answer in crowd.end()]
    assert sorted(bodies) == [b"0", b"1", b"2", b"3", b"4"]


@pytest.mark.requirement("9111-4-11")
def test_they_go_as_soon_as_the_head_says_so(make_crowd: MAKE) -> None:
    crowd = make_crowd()
    crowd.leader(read=False)
    crowd.waiter()
    # The leader never reads its answer.
    crowd.answer(response("no-store"), response("no-store"))
    assert crowd.end(1)[0].body == b"content"


@pytest.mark.parametrize("status", [500, 503])
def test_an_error_of_the_server_is_shared_with_nobody_and_not_remembered(status: int, make_crowd: MAKE) -> None:
    crowd = make_crowd()
    crowd.leader()
    crowd.waiter()
    crowd.answer(response("no-store", status=status), response("no-store", status=status))
    assert [answer.head.status for answer in crowd.end()] == [status, status]
    crowd.leader()
    crowd.waiter()
    crowd.answer(response())
    crowd.end()


@pytest.mark.requirement("9111-4-11", "9111-5.2.1.5-01")
def test_what_one_request_keeps_out_is_fetched_by_the_next(make_crowd: MAKE) -> None:
    crowd = make_crowd()
    crowd.leader({"Cache-Control": "no-store"})
    crowd.waiter()
    crowd.answer(response(), response())
    crowd.end()
    assert len(crowd.asked) == 2
    assert len(crowd.cache.urls()) == 1


@pytest.mark.requirement("9111-4-11", "9111-4-03")
def test_another_variant_is_fetched_by_itself(make_crowd: MAKE) -> None:
    crowd = make_crowd()
    crowd.leader({"Accept": "a"})
    same = crowd.waiter({"Accept": "a"})
    other = crowd.waiter({"Accept": "b"})
    crowd.answer(response(body=b"a", Vary="Accept"))
    crowd.end(0, same)
    assert crowd.arrived.acquire(timeout=PATIENCE)
    crowd.answer(response(body=b"b", Vary="Accept"))
    assert [answer.body for answer in crowd.end()] == [b"a", b"a", b"b"]
    assert crowd.results[other].info.status == "miss"
    assert "collapsed=?0" in str(crowd.results[other].info.cache_status("c"))


def test_once_the_variants_are_known_they_do_not_wait_for_each_other(make_crowd: MAKE) -> None:
    crowd = make_crowd()
    crowd.leader({"Accept": "x"})
    crowd.answer(response(Vary="Accept"))
    crowd.end()
    crowd.leader({"Accept": "a"})
    crowd.leader({"Accept": "b"})
    crowd.waiter({"Accept": "b"})
    crowd.answer(response(Vary="Accept"), response(Vary="Accept"))
    crowd.end()


def test_principals_do_not_wait_for_each_other(make_crowd: MAKE) -> None:
    crowd = make_crowd()
    crowd.leader({"Authorization": "a"})
    crowd.leader({"Authorization": "b"})
    crowd.leader()
    crowd.waiter({"Authorization": "b"})
    crowd.answer(response(), response(), response())
    crowd.end()


@pytest.mark.parametrize(
    ("headers", "options"),
    [
        ({"Range": "bytes=0-1"}, {}),
        ({"If-Match": '"a"'}, {}),
        ({}, {"wish": Wish(mode="reload")}),
        ({}, {"wish": Wish(mode="no-cache")}),
    ],
)
def test_who_may_get_something_else_waits_for_nobody(headers: Any, options: Any, make_crowd: MAKE) -> None:
    crowd = make_crowd()
    crowd.leader()
    crowd.leader(headers, **options)
    crowd.answer(response(), response())
    crowd.end()


def test_a_failure_is_shared(make_crowd: MAKE) -> None:
    crowd = make_crowd()
    crowd.leader()
    for _ in range(3):
        crowd.waiter()
    crowd.answer(ConnectionError("out of reach"))
    assert [str(error) for error in crowd.end()] == ["out of reach"] * 4
    assert len(crowd.asked) == 1
    # It leaves nothing behind.
    crowd.leader()
    crowd.answer(response())
    crowd.end(4)


@pytest.mark.requirement("5861-4-01")
@pytest.mark.parametrize("failure", [ConnectionError("out of reach"), 503], ids=str)
def test_for_a_shared_failure_too_a_stale_response_stands_in(failure: Any, make_crowd: MAKE) -> None:
    crowd = make_crowd()
    crowd.leader()
    crowd.answer(response("max-age=0, stale-if-error=99", b"old"))
    crowd.end()
    crowd.leader()
    for _ in range(3):
        crowd.waiter()
    crowd.answer(response("no-store", status=failure) if isinstance(failure, int) else failure)
    assert [answer.body for answer in crowd.end()[1:]] == [b"old"] * 4
    assert len(crowd.asked) == 2


def test_where_none_may_stand_in_for_an_error_of_the_server_the_others_ask(make_crowd: MAKE) -> None:
    crowd = make_crowd()
    crowd.leader()
    crowd.answer(response("max-age=0", b"old", ETag='"a"'))
    crowd.end()
    crowd.leader({"Cache-Control": "stale-if-error=99"})
    crowd.waiter()
    crowd.answer(response("no-store", status=503), response("no-store", b"new"))
    assert [answer.body for answer in crowd.end()[1:]] == [b"old", b"new"]


def test_a_validation_is_shared(make_crowd: MAKE) -> None:
    crowd = make_crowd()
    now = [1e9]
    crowd.cache.clock = lambda: now[0]
    crowd.leader()
    crowd.answer(response("max-age=5", ETag='"a"'))
    crowd.end()
    now[0] += 6
    crowd.leader()
    crowd.waiter()
    crowd.answer(Live(Response(304, {"ETag": '"a"'})))
    assert [answer.info.status for answer in crowd.end()] == ["miss", "revalidated", "hit"]


def test_when_the_leader_is_interrupted_one_of_the_others_goes(make_crowd: MAKE) -> None:
    crowd = make_crowd()
    crowd.leader()
    crowd.waiter()
    crowd.waiter()
    crowd.answer(KeyboardInterrupt())
    assert isinstance(crowd.end(0)[0], KeyboardInterrupt)
    assert crowd.arrived.acquire(timeout=PATIENCE)
    assert crowd.waiting.acquire(timeout=PATIENCE)
    crowd.answer(response())
    assert sorted(answer.info.status for answer in crowd.end(1, 2)) == ["hit", "miss"]
    assert len(crowd.asked) == 2


@pytest.mark.parametrize("how", ["closed", "dropped"])
def test_when_the_leader_does_not_read_one_of_the_others_goes(how: str, make_crowd: MAKE) -> None:
    crowd = make_crowd()
    crowd.leader(read=False)
    crowd.waiter()
    crowd.answer(response())
    [answer] = crowd.end(0)
    if how == "closed":
        answer.content.close()
    else:
        crowd.results.clear()
        del answer
    assert crowd.arrived.acquire(timeout=PATIENCE)
    crowd.answer(response(body=b"second"))
    assert crowd.end(1)[0].body == b"second"


def test_when_the_body_breaks_off_the_others_go(make_crowd: MAKE) -> None:
    class Broken(Live):
        def chunks(self) -> Any:
            yield b"x"
            raise OSError("cut off")

    crowd = make_crowd()
    crowd.leader()
    crowd.waiter()
    crowd.answer(Broken(Response(200, {"Cache-Control": "max-age=60"})), response())
    error, answer = crowd.end()
    assert isinstance(error, OSError)
    assert answer.body == b"content"


def test_waiting_for_a_body_is_bounded(make_crowd: MAKE) -> None:
    crowd = make_crowd(collapse_wait=0.0)
    crowd.leader(read=False)
    crowd.waiter()
    # The leader has the head, and takes its time.
    crowd.answer(response(), response())
    assert crowd.end(1)[0].body == b"content"
    assert len(crowd.asked) == 2
    crowd.end(0)[0].content.close()


def part(body: Any, span: str, **lines: str) -> Live:
    return Live(Response(206, {"Cache-Control": "max-age=60", "ETag": '"a"', "Content-Range": f"bytes {span}"}), body)


@pytest.mark.requirement("9111-3.3-04", "9111-4-10")
def test_who_wants_what_is_being_completed_waits_for_that(make_crowd: MAKE) -> None:
    crowd = make_crowd(partial=True)
    crowd.answer(part(b"01234", "0-4/10"))
    crowd.start({"Range": "bytes=0-4"})
    crowd.end()
    crowd.arrived.acquire()
    crowd.leader()
    crowd.waiter()
    crowd.answer(part(b"56789", "5-9/10"))
    _, first, second = crowd.end()
    assert len(crowd.asked) == 2
    assert (first.body, first.info.status) == (b"0123456789", "revalidated")
    assert (second.body, second.info.status, second.info.collapsed) == (b"0123456789", "hit", True)


def test_waiting_for_what_is_being_completed_is_bounded(make_crowd: MAKE) -> None:
    crowd = make_crowd(partial=True, collapse_wait=0.0)
    crowd.answer(part(b"01234", "0-4/10"))
    crowd.start({"Range": "bytes=0-4"})
    crowd.end()
    crowd.arrived.acquire()
    going = threading.Event()

    class Slow(Live):
        def chunks(self) -> Any:
            assert going.wait(PATIENCE)
            yield b"56789"

    crowd.leader()
    crowd.waiter()
    crowd.answer(Slow(part(b"", "5-9/10").head, b""), response(body=b"0123456789", ETag='"a"'))
    assert crowd.end(2)[0].info.status == "miss"
    going.set()
    # Which was quicker, and is not added to.
    assert crowd.end(1)[0].body == b"0123456789"
    assert len(crowd.asked) == 3


def test_a_thread_that_holds_an_unread_answer_does_not_wait_for_itself(make_lab: MAKE) -> None:
    lab = make_lab(collapse_wait=float(PATIENCE)).says("max-age=60", body=b"one").says("max-age=60", body=b"two")
    first = lab.fetch()
    second = lab.fetch()
    assert b"".join(second.content) == b"two"
    assert b"".join(first.content) == b"one"
    # Whoever was first keeps the place.
    assert lab.get().body == b"two"


def test_after_three_rounds_it_goes_by_itself() -> None:
    store, policy, joins = MemoryStore(), Policy(), 0
    flow = exchange(Request("GET", URL), policy, lambda: 1e9)
    step = next(flow)
    while not isinstance(step, Send):
        joins += isinstance(step, Join)
        step = flow.send("again" if isinstance(step, Join) else step.on(store))
    assert joins == 3


def test_a_child_process_has_flights_of_its_own(make_lab: MAKE) -> None:
    lab = make_lab().says("max-age=60")
    lab.cache._flights.board(lab.cache._flights, "x")
    flights, lab.cache._forks = lab.cache._flights, -1
    lab.get()
    assert lab.cache._flights is not flights
    assert lab.get().info.status == "hit"


def test_what_a_dropped_answer_left_in_the_store_goes_with_the_next_request(make_lab: MAKE) -> None:
    lab = make_lab().says("max-age=60", body=[b"x" * 300_000, b"y"])
    answer = lab.fetch()
    next(answer.content)
    assert lab.store.bytes == 300_000
    del answer
    lab.says("no-store").get()
    assert lab.store.bytes == 0


def test_an_impatient_request_goes_on_its_own(make_crowd: MAKE) -> None:
    crowd = make_crowd()
    crowd.leader()
    crowd.waiter(patience=0.01)
    assert crowd.arrived.acquire(timeout=PATIENCE)
    crowd.answer(response(), response())
    assert [answer.info.status for answer in crowd.end()] == ["miss", "miss"]
    assert len(crowd.asked) == 2


def test_a_patient_request_waits_for_the_content_as_long_as_any(make_crowd: MAKE) -> None:
    crowd = make_crowd(collapse_wait=0.01)
    crowd.leader(read=False)
    crowd.waiter(patience=60.0)
    crowd.answer(response(), response())
    assert [answer.info.status for answer in crowd.end()] == ["miss", "miss"]


# --- refreshes


def test_refreshes_of_one_thing_happen_one_at_a_time(make_crowd: MAKE) -> None:
    crowd = make_crowd(collapse=False)
    crowd.leader()
    crowd.answer(response("max-age=0, stale-while-revalidate=99", b"old"))
    crowd.end()
    for _ in range(3):
        crowd.start()
    assert [answer.body for answer in crowd.end()[1:]] == [b"old"] * 3
    assert crowd.arrived.acquire(timeout=PATIENCE)
    crowd.answer(response(body=b"new"))
    crowd.cache.close()
    assert len(crowd.asked) == 2
    assert crowd.cache.fetch(Request("GET", URL), crowd.send).content.whole == b"new"


def test_who_goes_on_after_closing_has_refreshes_again(make_lab: MAKE) -> None:
    lab = make_lab().says("max-age=0, stale-while-revalidate=99")
    for calls in (1, 2, 3):
        lab.get()
        lab.cache.close()
        lab.cache.close()
        assert lab.calls == calls


def test_a_refresh_that_finds_it_done_leaves_it(make_lab: MAKE) -> None:
    lab = make_lab().says("max-age=10, stale-while-revalidate=99", body=b"x" * 100_000)
    lab.get()
    request = Request("GET", URL)
    lab.cache._refreshed(request, lab.send, Wish())
    assert lab.calls == 1


def test_a_refresh_reads_nothing_that_is_not_stored(make_lab: MAKE) -> None:
    lab = make_lab().says("max-age=1, stale-while-revalidate=99").says("no-store", body=[b"x", ValueError("read")])
    lab.get()
    lab.wait(2).get()
    lab.settle()
    assert lab.lives[-1].closed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_that_is_forked_while_every_lock_is_held_goes_on_by_itself(make_lab: MAKE) -> None:
    lab = make_lab().says("max-age=0, stale-while-revalidate=99")
    lab.get()
    cache = lab.cache
    cache.shelter.owed.append(Scope(urls=("https://example.com/gone",)))
    reading, writing = os.pipe()
    with cache._lock, cache._flights._lock, cache.shelter._lock, lab.store._lock:
        pid = os.fork()
        if pid == 0:  # pragma: no cover - another process
            signal.alarm(PATIENCE)
            cache.close()
            lab.get()
            stale = lab.get()
            cache.close()
            os.write(writing, f"{stale.info.status} {lab.calls} {cache.shelter.owed}".encode())
            os._exit(0)
    os.close(writing)
    said = os.read(reading, 100)
    os.close(reading)
    os.waitpid(pid, 0)
    # What was stored may have been half-way, so that it is asked for again; then there is a refresh, as ever.
    assert said == b"stale 3 []"
    assert lab.calls == 1
    assert len(cache.shelter.owed) == 1


# --- purging


@pytest.mark.requirement("9111-7-02")
def test_a_purge_names_what_goes(make_lab: MAKE) -> None:
    lab = make_lab()

    def fill() -> None:
        lab.cache.clear()
        for url, group in (("https://a.test/1", "g"), ("https://a.test/2", "h"), ("https://b.test/1", "g")):
            lab.says("max-age=60", {"Cache-Groups": f'"{group}"'}).get(url=url)

    for given, left in (
        ({"url": "HTTPS://A.test:443/1#x"}, ["https://a.test/2", "https://b.test/1"]),
        ({"groups": "g"}, ["https://a.test/2"]),
        ({"groups": ["g", "h"]}, []),
        ({"prefix": "https://A.test"}, ["https://b.test/1"]),
        ({"everything": True}, []),
        ({"url": "https://a.test/1", "groups": "h"}, ["https://b.test/1"]),
        ({"url": "https://a.test/3"}, ["https://a.test/1", "https://a.test/2", "https://b.test/1"]),
    ):
        fill()
        assert lab.cache.purge(**given) == 3 - len(left)
        assert lab.cache.urls() == left


def test_a_purge_of_a_url_hits_what_lies_under_its_key(make_lab: MAKE) -> None:
    lab = make_lab(ignore_params=frozenset({"utm"})).says("max-age=60")
    lab.get(url="https://a.test/?utm=x")
    assert lab.cache.purge(url="https://a.test/?utm=y") == 1
    lab = make_lab(key=lambda request: None).says("max-age=60")
    assert lab.cache.purge(url="https://a.test/") == 0


def test_a_soft_purge_keeps_it_as_stale(make_lab: MAKE) -> None:
    lab = make_lab().says("max-age=60, stale-while-revalidate=9, stale-if-error=99", {"ETag": '"a"'}).says(status=304)
    lab.get()
    assert lab.cache.purge(url=URL, soft=True) == 1
    assert lab.get().info.status == "stale"
    lab.settle()
    assert lab.get().info.status == "hit"
    lab.cache.purge(everything=True, soft=True)
    lab.wait(10).fails()
    assert lab.get().info.status == "stale"


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("vary", [None, "Accept"])
def test_a_purge_beats_the_fetch_that_began_before_it(soft: bool, vary: str | None, make_lab: MAKE) -> None:
    for moment in ("before the head", "before the body", "before the end"):
        lab = make_lab()

        def purge(now: str, moment: str = moment, lab: Any = lab) -> bytes:
            if now == moment:
                lab.cache.purge(url=URL, soft=soft)
            return b"x"

        def body(purge: Any = purge) -> list[Any]:
            return [lambda: purge("before the body"), lambda: purge("before the end")]

        lab.says("max-age=60", {"Vary": vary} if vary else {}, body=body())
        send = lab.send

        def sent(request: Request, send: Any = send, purge: Any = purge) -> Any:
            purge("before the head")
            return send(request)

        lab.send = sent
        reply = lab.get()
        assert (reply.body, reply.info.stored) == (b"xx", False)
        assert lab.cache.urls() == []


def test_a_validation_loses_to_a_purge_too(make_lab: MAKE) -> None:
    lab = make_lab().says("max-age=1", {"ETag": '"a"'}).says("max-age=60", status=304)
    lab.get()
    lab.wait(2)
    send = lab.send

    def sent(request: Request) -> Any:
        lab.cache.purge(everything=True)
        return send(request)

    lab.send = sent
    reply = lab.get()
    assert (reply.body, reply.info.status, reply.info.stored) == (b"content", "revalidated", False)
    assert lab.cache.urls() == []


# --- the rest


def test_an_asynchronous_store_is_refused() -> None:
    class Asynchronous:
        async def read(self, key: bytes) -> None: ...

    with pytest.raises(TypeError, match="store: Asynchronous is asynchronous"):
        Cache(Asynchronous())  # type: ignore[arg-type]


def test_without_arguments_there_are_a_store_a_policy_and_a_clock() -> None:
    cache = Cache()
    answer = cache.fetch(Request("GET", URL), lambda request: response())
    assert b"".join(answer.content) == b"content"
    assert isinstance(cache.store, MemoryStore)
    assert cache.fetch(Request("GET", URL), lambda request: response()).info.status == "hit"


def test_a_field_may_tell_what_comes_from_the_store(make_lab: MAKE) -> None:
    lab = make_lab(from_cache_field="X-From-Cache", cache_status="c").says("max-age=60")
    assert "x-from-cache" not in lab.get().headers
    assert lab.get().headers["x-from-cache"] == "1"
    assert lab.get(wish=Wish(mode="only-if-cached"), url="https://other.test/").headers.fields == {
        "content-length": "0"
    }


class Late(MemoryStore):
    """A store whose first reading arrives when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.read_once, self.go = threading.Event(), threading.Event()

    def read(self, key: bytes) -> Reading:
        found = super().read(key)
        if not self.read_once.is_set():
            self.read_once.set()
            assert self.go.wait(10)
        return found


def test_what_lands_as_somebody_begins_to_wait_for_it_is_not_waited_for() -> None:
    cache = Cache()
    key = primary_key(URL, cache.policy.space)
    leads, flight = cache._flights.board(key, "another")
    assert leads
    watch = cache._flights.watch

    def landing(flight: Any, wake: Any) -> bool:
        cache._flights.land(key, flight, "again")
        return watch(flight, wake)

    cache._flights.watch = landing  # type: ignore[method-assign]
    answer = cache.fetch(Request("GET", URL), lambda request: response())
    assert b"".join(answer.content) == b"content"
    assert answer.info.collapsed
    assert flight is not None
    assert flight.landing == "again"


def test_whoever_has_looked_before_another_one_stored_looks_again() -> None:
    store = Late()
    cache = Cache(store)
    asked: list[Request] = []

    def send(request: Request) -> Live:
        asked.append(request)
        return response()

    def ask() -> str:
        answer = cache.fetch(Request("GET", URL), send)
        assert b"".join(answer.content) == b"content"
        return answer.info.status

    with ThreadPoolExecutor() as pool:
        late = pool.submit(ask)
        assert store.read_once.wait(10)
        assert ask() == "miss"
        store.go.set()
        assert late.result(10) == "hit"
    assert len(asked) == 1
