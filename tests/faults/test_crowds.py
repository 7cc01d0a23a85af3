"""Processes that are killed at any point of writing, and many processes at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from cachespec import open_store
from cachespec.entries import Entry
from cachespec.stores.contract import Scope
from cachespec.testing import crowd, samples
from cachespec.testing.kit import DAY, sweep

NURSERY = """
import importlib, os, sys
from cachespec.testing import crowd, samples
if not sys.argv[1].startswith("file:"):
    importlib.import_module("cachespec_sql")
for seed in sys.stdin:
    child = os.fork()
    if child == 0:
        store = crowd.open_at(sys.argv[1])
        store.read(samples.key_of(samples.url_of(0)))
        print(os.getpid(), flush=True)
        crowd.work(store, int(seed), 600.0)
    os.waitpid(child, 0)
    print("over", flush=True)
"""


class Nursery:
    """A process that has children, one at a time, which write: nothing is imported anew for each of them."""

    def __init__(self, address: str) -> None:
        command = [sys.executable, "-c", NURSERY, address]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def killed(self, seed: int, after: float) -> None:
        """Have a child write, and kill it so many seconds later."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{seed}\n")
        child = int(process.stdout.readline())
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
        assert process.stdout.readline() == "over\n"

    def close(self) -> None:
        self._process.communicate()
        assert self._process.returncode == 0


def test_a_killed_process_leaves_nothing_wrong_and_nothing_behind(address: str, full: bool, tmp_path: Path) -> None:
    chance = random.Random(1)
    store, nursery = open_store(address), Nursery(address)
    seen = 0
    for attempt in range(200 if full else 20):
        nursery.killed(attempt, chance.random() * 0.06)
        for number in range(crowd.URLS):
            right = crowd.get(store, samples.url_of(number))
            assert right is not False, f"attempt {attempt}: a wrong body"
            seen += right is True
    nursery.close()
    assert seen > 0
    # An hour later what nobody named is nobody's.
    sweep(store, time.time() + 2 * 3600)
    kept = [item for _, item in store.items() if isinstance(item, Entry)]
    assert all(crowd.get(store, item.url) for item in kept)
    held = sum(item.length for item in kept)
    assert held <= store.stats().bytes < held + 10_000 * len(kept) + 1
    if address.startswith("file:"):
        bodies = [path for path in tmp_path.rglob("bodies/*/*") if path.is_file()]
        assert len(bodies) == sum(item.body_id is not None for item in kept)
        assert not list(tmp_path.rglob("new"))
    store.purge(Scope(everything=True))
    sweep(store, time.time() + 400 * DAY)
    assert store.stats()[:2] == (0, 0)
    store.close()


def test_eight_processes_share_a_store(address: str, full: bool) -> None:
    store = open_store(address)
    store.secret()
    did = crowd.processes(address, 8, 30.0 if full else 3.0)
    assert (did["wrong"], did["raised"]) == (0, 0), did
    assert did["read"] > 100
    assert did["stored"] > 100
    sweep(store, time.time() + 2 * 3600)
    for number in range(crowd.URLS):
        assert crowd.get(store, samples.url_of(number)) is not False
    store.close()
