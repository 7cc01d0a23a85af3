from __future__ import annotations

import gc
import threading
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from cachespec.flight import LATELY, NEVER_FOR, NEVER_MOST, Flight, Flights


class Monotonic:
    """A clock that only moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    clock = Monotonic()
    monkeypatch.setattr("cachespec.flight.time", SimpleNamespace(monotonic=clock))
    return clock


@pytest.fixture
def flights() -> Flights:
    return Flights()


def lead(flights: Flights, slot: str = "slot", owner: str = "leader") -> Flight:
    leads, flight = flights.board(slot, owner)
    assert leads
    assert flight is not None
    return flight


@pytest.mark.requirement("9111-4-10")
def test_the_first_leads_and_the_others_wait_for_it(flights: Flights) -> None:
    flight = lead(flights)
    assert flights.board("slot", "other") == (False, flight)
    assert flights.board("slot", "another") == (False, flight)
    assert lead(flights, "other slot") is not flight


def test_who_looked_into_the_store_before_another_landed_looks_again(flights: Flights) -> None:
    since = flights.over
    flights.land("slot", lead(flights), "again")
    leads, flight = flights.board("slot", "late", since)
    assert not leads
    assert flight is not None
    assert flight.landing == "again"
    # Nobody else has to look again because of that.
    assert flights.over == since + 1
    assert flights.board("slot", "late", flights.over)[0]


def test_where_nothing_can_have_been_stored_nobody_looks_again(flights: Flights) -> None:
    since = flights.over
    flights.land("slot", lead(flights), "alone")
    assert flights.board("slot", "late", since)[0]


def test_only_so_many_that_have_landed_are_remembered(flights: Flights) -> None:
    since = flights.over
    for number in range(2 * LATELY + 1):
        flights.land(str(number), lead(flights, str(number)), "again")
    assert flights.board("0", "late", since)[0]
    assert not flights.board(str(LATELY), "late", since)[0]
    assert not flights.board(str(2 * LATELY), "late", since)[0]


def test_who_leads_does_not_wait_for_itself(flights: Flights) -> None:
    lead(flights)
    assert flights.board("slot", "leader") == (False, None)


@pytest.mark.parametrize("landing", ["again", "alone", ValueError("x")], ids=str)
def test_a_landing_wakes_everybody_once(landing: Any, flights: Flights) -> None:
    flight = lead(flights)
    woken: list[int] = []
    for number in range(3):
        assert flights.watch(flight, lambda number=number: woken.append(number))
    flights.land("slot", flight, landing)
    assert woken == [0, 1, 2]
    assert flight.landing is landing
    flights.land("slot", flight, "again")
    assert flight.landing is landing
    assert woken == [0, 1, 2]
    assert not flights.watch(flight, lambda: woken.append(9))
    # The next one leads again.
    assert lead(flights) is not flight


def test_a_landing_leaves_another_flight_of_the_slot_alone(flights: Flights) -> None:
    first = lead(flights)
    flights.land("slot", first, "again")
    second = lead(flights)
    flights.land("slot", Flight("other"), "again")
    assert flights.board("slot", "x") == (False, second)


def test_the_head_sets_a_deadline_and_wakes_those_who_wait(flights: Flights, now: Monotonic) -> None:
    flight = lead(flights)
    woken: list[str] = []
    assert flight.remaining() is None
    flights.watch(flight, lambda: woken.append("head"))
    flights.headed(flight, 5)
    assert woken == ["head"]
    assert flight.remaining() == 5
    now.now += 3
    assert flight.remaining() == 2
    now.now += 3
    assert flight.remaining() == 0
    # Who was woken has to watch again.
    flights.land("slot", flight, "again")
    assert woken == ["head"]


@pytest.mark.requirement("9111-4-11")
def test_for_a_while_nobody_waits_for_what_was_not_storable(flights: Flights, now: Monotonic) -> None:
    flights.land("slot", lead(flights), "alone", never=True)
    assert flights.board("slot", "other") == (False, None)
    lead(flights, "other slot")
    now.now += NEVER_FOR - 0.1
    assert flights.board("slot", "other") == (False, None)
    now.now += 0.1
    lead(flights)


def test_without_such_a_landing_the_next_one_leads_at_once(flights: Flights, now: Monotonic) -> None:
    flights.land("slot", lead(flights), "alone")
    lead(flights)


def test_what_was_not_storable_is_remembered_within_bounds(flights: Flights, now: Monotonic) -> None:
    for number in range(NEVER_MOST + 1):
        slot = str(number)
        flights.land(slot, lead(flights, slot), "alone", never=True)
    assert len(flights._never) == NEVER_MOST
    lead(flights, "0")
    assert flights.board("1", "x") == (False, None)


def test_who_leads_learns_when_nobody_waits_any_more(flights: Flights) -> None:
    flight = lead(flights)
    told: list[str] = []
    assert not flights.when_deserted(flight, lambda: told.append("x"))
    flights.wait(flight)
    flights.wait(flight)
    assert flights.when_deserted(flight, lambda: told.append("x"))
    flights.leave(flight)
    assert told == []
    flights.leave(flight)
    assert told == ["x"]
    # It is told once.
    flights.wait(flight)
    flights.leave(flight)
    assert told == ["x"]


def test_a_landing_tells_who_waits_for_desertion_too(flights: Flights) -> None:
    flight = lead(flights)
    flights.wait(flight)
    told: list[str] = []
    flights.when_deserted(flight, lambda: told.append("x"))
    flights.land("slot", flight, "again")
    assert told == ["x"]
    flights.leave(flight)
    assert told == ["x"]
    flights.wait(flight)
    assert not flights.when_deserted(flight, lambda: told.append("y"))


def test_the_garbage_collector_may_end_a_flight_in_the_midst_of_a_call(flights: Flights) -> None:
    flight = lead(flights)

    class Garbage:
        def __init__(self) -> None:
            self.self = self

        def __del__(self) -> None:
            flights.land("slot", flight, "again")

    Garbage()
    thread = threading.Thread(target=lambda: held(flights), daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert flight.landing == "again"


def held(flights: Flights) -> None:
    with flights._lock:
        gc.collect()


def test_one_of_many_threads_leads(flights: Flights) -> None:
    start = threading.Barrier(8)
    leaders: list[bool] = []

    def board(number: int) -> None:
        start.wait()
        leaders.append(flights.board("slot", number)[0])

    threads = [threading.Thread(target=board, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(leaders) == [False] * 7 + [True]


def test_whoever_begins_to_wait_as_it_lands_is_woken_or_told(flights: Flights) -> None:
    start = threading.Barrier(2)
    flown = [lead(flights, str(number)) for number in range(500)]

    def land() -> None:
        with suppress(threading.BrokenBarrierError):
            for number, flight in enumerate(flown):
                start.wait()
                flights.land(str(number), flight, "again")

    thread = threading.Thread(target=land)
    thread.start()
    try:
        for flight in flown:
            woken = threading.Event()
            start.wait()
            assert not flights.watch(flight, woken.set) or woken.wait(10)
    finally:
        start.abort()
        thread.join()


def test_as_it_lands_whoever_gets_the_slot_looks_again(flights: Flights) -> None:
    start = threading.Barrier(2)
    rounds = 500

    def land() -> None:
        for number in range(rounds):
            flight = lead(flights, str(number))
            start.wait()
            flights.land(str(number), flight, "again")
            start.wait()

    thread = threading.Thread(target=land)
    thread.start()
    led = []
    for number in range(rounds):
        since = flights.over
        start.wait()
        led.append(flights.board(str(number), "late", since)[0])
        start.wait()
    thread.join()
    assert not any(led)


# --- how a failure is shared


class OddError(Exception):
    """One that its own arguments do not make."""

    def __init__(self, text: str, *, more: int) -> None:
        super().__init__(text)
        self.more = more


class OtherError(Exception):
    """One that comes back as something else."""

    def __reduce__(self) -> Any:
        return Exception, ("another",)


def failure_of(flight: Flight) -> Exception:
    with pytest.raises(Exception, match=r".") as caught:
        flight.landed()
    return caught.value


def depth(error: BaseException) -> int:
    """How many frames its traceback has."""
    frames, at = 0, error.__traceback__
    while at is not None:
        frames, at = frames + 1, at.tb_next
    return frames


def test_everybody_who_waited_gets_an_exception_of_their_own(flights: Flights) -> None:
    flight = lead(flights)
    failure = FileNotFoundError(2, "out of reach")
    flights.land("slot", flight, failure)
    raised = [failure_of(flight) for _ in range(5)]
    assert len({id(error) for error in [failure, *raised]}) == 6
    assert {(type(error), error.args, error.__cause__) for error in raised} == {
        (FileNotFoundError, (2, "out of reach"), failure)
    }
    assert {depth(error) for error in raised} == {depth(raised[0])}
    assert depth(failure) == 0


@pytest.mark.parametrize("failure", [OddError("odd", more=1), OtherError("other")], ids=["no copy", "a wrong copy"])
def test_what_cannot_be_copied_is_shared_and_gathers_no_traceback(failure: Exception, flights: Flights) -> None:
    flight = lead(flights)
    flights.land("slot", flight, failure)
    depths = []
    for _ in range(3):
        assert failure_of(flight) is failure
        depths.append(depth(failure))
    assert len(set(depths)) == 1


def test_who_has_not_failed_says_what_to_do(flights: Flights) -> None:
    flight = lead(flights)
    flights.land("slot", flight, "alone")
    assert flight.landed() == "alone"
