"""Locks on open files, between processes, between threads, and across a fork."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from cachespec.stores.locks import lock, locked


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "lock")


def test_a_lock_that_somebody_holds_is_given_up_in_the_end(path: str) -> None:
    with open(path, "w+b") as held, open(path, "r+b") as wanted:
        lock(held.fileno())
        with pytest.raises(TimeoutError, match="somebody else holds"):
            lock(wanted.fileno(), 0.01)
    with open(path, "r+b") as free:
        lock(free.fileno(), 0.0)


def test_a_file_that_cannot_be_locked_is_closed_again(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []

    def impatient(fd: int) -> None:
        opened.append(fd)
        lock(fd, 0.01)

    with locked(path):
        monkeypatch.setattr("cachespec.stores.locks.lock", impatient)
        with pytest.raises(TimeoutError), locked(path):
            raise AssertionError
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(opened[0])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_that_is_forked_meanwhile_does_not_go_on_holding_the_lock(path: str) -> None:
    begun, over = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(path):
            begun.set()
            over.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    begun.wait()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    os.close(reading)
    over.set()
    holder.join()
    with open(path, "r+b") as free:
        lock(free.fileno(), 0.0)
    os.close(writing)
    os.waitpid(child, 0)
