"""Connections to an SQLite file, and processes that fork."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import create_engine, update

from cachespec.testing import samples
from cachespec.testing.kit import KEY, URL, put
from cachespec_sql import SQLStore, gate
from cachespec_sql.tables import SPACES

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def fork() -> None:
    """What happens in a process that forks."""
    gate._before()
    gate._after()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_that_is_forked_while_another_thread_writes_can_write(make: Callable[..., SQLStore]) -> None:
    store = make()
    writing = threading.Event()

    def write(connection: Any) -> None:
        connection.execute(update(SPACES).values(mark=SPACES.c.mark))
        writing.set()
        # Until somebody wants to fork.
        while not gate._FORKING.locked():
            time.sleep(0.001)

    thread = threading.Thread(target=partial(store.run, write))
    thread.start()
    assert writing.wait(10)
    child = os.fork()
    if child == 0:  # pragma: no cover - in another process, which coverage does not follow
        os._exit(0 if put(store, KEY, samples.entry(URL, b"child")) else 1)
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
    assert store.read(KEY).item == samples.entry(URL, b"child")


def test_no_connection_is_open_when_a_process_forks(make: Callable[..., SQLStore]) -> None:
    store = make()
    assert put(store, KEY, samples.entry(URL))
    store.read(KEY)
    assert store.engine.pool.checkedin() + len(store._readers) >= 1
    fork()
    assert store.engine.pool.checkedin() + len(store._readers) == 0
    assert store.read(KEY).item == samples.entry(URL)


def test_a_fork_does_not_wait_for_ever(make: Callable[..., SQLStore], monkeypatch: pytest.MonkeyPatch) -> None:
    store = make()
    store.read(KEY)
    monkeypatch.setattr(gate, "LONGEST", 0.01)
    with store._gate:
        fork()
    assert len(store._readers) == 1
    assert store.read(KEY).revision == 0


def test_whoever_comes_while_a_process_forks_waits_until_it_has(make: Callable[..., SQLStore]) -> None:
    store: Any = make()
    came: list[int] = []
    reading = threading.Thread(target=lambda: came.append(store.read(KEY).revision))
    gate._before()
    reading.start()
    reading.join(0.05)
    assert came == []
    gate._after()
    reading.join(10)
    assert came == [0]
    # Seen by whoever has just come in, it is left again, and entered when nobody holds it.
    shut = store._gate
    shut._awaited = True
    with shut:
        assert len(shut._inside) == 1
    shut._awaited = False
    assert len(shut._inside) == 0


def test_what_goes_wrong_while_a_process_forks_shuts_nobody_out(
    make: Callable[..., SQLStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make()
    monkeypatch.setattr(store.engine, "dispose", lambda **options: 1 / 0)
    fork()
    monkeypatch.undo()
    assert store.read(KEY).revision == 0


def test_a_gate_does_not_keep_its_store_alive(url: str) -> None:
    store = SQLStore(url)
    shut: Any = store._gate
    store.close()
    del store
    fork()
    assert shut._close() is None


def test_engines_of_others_are_left_alone(url: str) -> None:
    engine = create_engine(url)
    store = SQLStore(engine)
    store.read(KEY)
    fork()
    assert engine.pool.checkedin() == 1
    store.close()
    engine.dispose()
