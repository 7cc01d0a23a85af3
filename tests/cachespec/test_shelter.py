from __future__ import annotations

import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from cachespec import MemoryStore, Response
from cachespec.entries import Entry
from cachespec.headers import Headers
from cachespec.shelter import OWED, REST, TELL_EVERY, Shelter
from cachespec.steps import Append, Discard, Drop, Open, Read, Secret, Swap
from cachespec.stores.contract import NOTHING, Scope

MAKE = Callable[..., Any]
ENTRY = Entry("http://a.test/", "GET", (), 200, "", Headers(), 0.0, 0.0, 0.0, 60.0, "max-age", 0.0)


class Monotonic:
    """A clock that only moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    clock = Monotonic()
    monkeypatch.setattr("cachespec.shelter.time", SimpleNamespace(monotonic=clock))
    return clock


@pytest.mark.parametrize(
    ("step", "result"),
    [
        (Read(b""), NOTHING),
        (Swap(b"", ENTRY, 0, 0), False),
        (Append("", b""), False),
        (Open(""), None),
        (Discard(""), None),
        (Secret(), None),
        (Drop(Scope(urls=("x",))), 0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_step_has_a_result_for_a_store_that_fails(step: Any, result: Any, now: Monotonic) -> None:
    shelter = Shelter()
    assert shelter.failed(step, OSError()) == result
    assert shelter.resting
    assert shelter.spared(step) == result
    assert shelter.failures == 1
    assert len(shelter.owed) == (2 if isinstance(step, Drop) else 0)


def test_after_a_failure_the_store_is_left_in_peace_for_a_moment(now: Monotonic) -> None:
    shelter = Shelter()
    assert not shelter.resting
    shelter.failed(Read(b""), OSError())
    now.now += REST - 0.01
    assert shelter.resting
    now.now += 0.01
    assert not shelter.resting


def test_it_is_told_once_in_a_while(now: Monotonic, caplog: pytest.LogCaptureFixture) -> None:
    shelter = Shelter()
    with caplog.at_level(logging.WARNING, "cachespec"):
        for seconds in (0, 1, TELL_EVERY - 1.01, 0.01):
            now.now += seconds
            shelter.failed(Swap(b"", None, 0, 0), OSError("disk full"))
    assert [record.message for record in caplog.records] == [
        "the store failed to swap, which counts as a miss: OSError('disk full')"
    ] * 2


def test_purges_are_owed_in_order_until_they_are_delivered() -> None:
    shelter = Shelter()
    assert shelter.oldest() == Scope()
    scopes = [Scope(urls=(str(number),)) for number in range(3)]
    for scope in scopes:
        shelter.spared(Drop(scope))
    assert shelter.oldest() is scopes[0]
    shelter.delivered(scopes[0])
    # Somebody else was quicker: nothing else goes.
    shelter.delivered(scopes[0])
    assert shelter.owed == scopes[1:]


def test_the_same_purge_twice_is_owed_twice() -> None:
    shelter = Shelter()
    first, second = Scope(urls=("x",)), Scope(urls=("x",))
    shelter.spared(Drop(first))
    shelter.spared(Drop(second))
    shelter.delivered(first)
    assert [scope is second for scope in shelter.owed] == [True]


def test_too_many_purges_become_one_of_everything() -> None:
    shelter = Shelter()
    for number in range(OWED):
        shelter.spared(Drop(Scope(urls=(str(number),))))
    assert len(shelter.owed) == OWED
    shelter.spared(Drop(Scope(urls=("x",))))
    assert shelter.owed == [Scope(everything=True)]


# --- as the flow sees it


class Faulty(MemoryStore):
    """A store whose methods fail while they are named in `broken`."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: set[str] = set()
        self.calls: list[str] = []


def _faulty(name: str) -> Any:
    def call(self: Faulty, *args: Any) -> Any:
        self.calls.append(name)
        if name in self.broken:
            raise OSError(name)
        return getattr(MemoryStore, name)(self, *args)

    return call


for _name in ("secret", "read", "swap", "append", "open", "discard", "purge"):
    setattr(Faulty, _name, _faulty(_name))

ALL = {"secret", "read", "swap", "append", "open", "discard", "purge"}


@pytest.mark.parametrize(
    "broken",
    [{"read"}, {"swap"}, {"append"}, {"open"}, {"discard"}, {"secret"}, ALL],
    ids=lambda broken: "+".join(sorted(broken)),
)
@pytest.mark.parametrize("body", [b"small", b"x" * 300_000], ids=["small", "large"])
def test_a_store_that_fails_fails_no_request(broken: set[str], body: bytes, make_lab: MAKE, now: Monotonic) -> None:
    store = Faulty()
    lab = make_lab(store=store)
    fields = {"ETag": '"a"', "Vary": "Accept"}
    for ok in (True, False, True, False):
        for options in ({}, {"headers": {"Authorization": "x"}}, {"method": "HEAD"}, {"method": "PUT"}):
            store.broken = set() if ok else broken
            lab.says("max-age=5, stale-if-error=60", fields, body=body)
            for _ in range(2):
                reply = lab.get(**options)
                assert (reply.status, reply.body) == (200, b"" if options.get("method") == "HEAD" else body)
                now.now += REST
            lab.wait(6).says(status=304)
            assert lab.get(**options).status in (200, 304)
            lab.wait(6).fails()
            try:
                assert lab.get(**options).status == 200
            except ConnectionError:
                assert not ok or options.get("method") == "PUT"


def test_a_store_that_rests_is_not_asked(make_lab: MAKE, now: Monotonic) -> None:
    store = Faulty()
    lab = make_lab(store=store).says("max-age=60")
    store.broken = {"read"}
    lab.get()
    assert store.calls == ["read"]
    assert lab.cache.shelter.failures == 1
    store.broken = set()
    lab.get()
    assert store.calls == ["read"]
    now.now += REST
    lab.get()
    assert lab.get().info.status == "hit"


def test_nothing_is_stored_by_what_could_not_read(make_lab: MAKE, now: Monotonic) -> None:
    lab = make_lab(store=Faulty()).says("max-age=60")
    lab.store.broken = {"read"}
    assert lab.get().codes[-1] == "store-fails"
    assert lab.entries == []


def test_what_varies_on_a_secret_is_not_stored_without_the_stores_own(make_lab: MAKE) -> None:
    lab = make_lab(store=Faulty()).says("max-age=60", {"Vary": "Cookie"})
    lab.store.broken = {"secret"}
    assert lab.get(headers={"Cookie": "a=1"}).codes[-1] == "store-fails"
    assert lab.entries == []


def test_no_purge_is_lost(make_lab: MAKE, now: Monotonic) -> None:
    store = Faulty()
    lab = make_lab(store=store).says("max-age=60", body=b"old")
    lab.get()
    store.broken = {"purge"}
    lab.get(method="PUT")
    assert len(lab.cache.shelter.owed) == 1
    lab.says("max-age=60", body=b"new")
    now.now += REST
    # What it hits counts as gone, until it is delivered.
    assert lab.get().body == b"new"
    now.now += REST
    assert lab.get().body == b"new"
    assert lab.calls == 4
    store.broken = set()
    now.now += REST
    assert lab.get().info.status == "miss"
    assert lab.cache.shelter.owed == []
    assert lab.get().info.status == "hit"


def test_an_explicit_purge_that_fails_raises(make_lab: MAKE) -> None:
    lab = make_lab(store=Faulty())
    lab.store.broken = {"purge"}
    with pytest.raises(OSError, match="purge"):
        lab.cache.purge(everything=True)


def test_what_was_begun_when_the_store_fails_is_not_removed(make_lab: MAKE, now: Monotonic) -> None:
    store = Faulty()
    lab = make_lab(store=store).says("max-age=1", {"ETag": '"a"'}, body=b"x" * 100_000).says("no-store", status=404)
    lab.get()
    lab.wait(2)
    send = lab.send

    def failing(request: Any) -> Any:
        store.broken = ALL
        return send(request)

    lab.send = failing
    assert lab.get().status == 404
    assert len(lab.entries) == 1
    assert isinstance(lab.lives[-1].head, Response)
