"""Bodies that no memory should hold."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cachespec import open_store
from cachespec.testing import samples
from cachespec.testing.kit import put

MOVER = """
import hashlib, json, sys
from cachespec import Cache, Policy, Request, Response, open_store
from cachespec.testing import samples

address, size = sys.argv[1], int(sys.argv[2])
piece = samples.body_of(1, 1 << 16)
class Live:
    head = Response(200, [("Cache-Control", "max-age=3600"), ("Content-Length", str(size))])
    def chunks(self):
        for _ in range(size // len(piece)):
            yield piece
    def close(self):
        pass
store = open_store(address)
limits = store if hasattr(store, "max_bytes") else store._shelf
limits.max_bytes, limits.max_body = 1 << 40, 1 << 40
cache = Cache(store, Policy(max_body=1 << 40), clock=lambda: samples.NOW)
def ask(url):
    answer = cache.fetch(Request("GET", url), lambda request: Live())
    digest = hashlib.sha256()
    for chunk in answer.content:
        digest.update(chunk)
    answer.content.close()
    return answer.info.status, digest.hexdigest()
def most():
    # Not ru_maxrss, which begins with what the process took that started this one.
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))
Live.head = Response(200, [("Cache-Control", "max-age=3600"), ("Content-Length", str(1 << 20))])
large, size = size, 1 << 20
ask("https://sample.test/warm"), ask("https://sample.test/warm")
size = large
Live.head = Response(200, [("Cache-Control", "max-age=3600"), ("Content-Length", str(size))])
before = most()
stored = ask("https://sample.test/large")
served = ask("https://sample.test/large")
print(json.dumps({"stored": stored, "served": served, "grown": most() - before, "failures": cache.shelter.failures}))
store.close()
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells how much memory a process took")
def test_a_large_body_passes_through_little_memory_and_locks_nobody_out(address: str, full: bool) -> None:
    size = (1 << 30) if full else (1 << 27)
    store: Any = open_store(address)
    # Else this one would make room while the other process stores.
    (store if hasattr(store, "max_bytes") else store._shelf).max_bytes = 1 << 40
    store.secret()
    command = [sys.executable, "-c", MOVER, address, str(size)]
    waits: list[float] = []
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.is_set():
            number += 1
            url = samples.url_of(number % 50)
            began = time.monotonic()
            assert put(store, samples.key_of(url), samples.entry(url))
            waits.append(time.monotonic() - began)
            time.sleep(0.005)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    finally:
        over.set()
        writer.join()
    assert done.returncode == 0, done.stderr.decode()
    told = json.loads(done.stdout)
    assert told["stored"][0] == "miss"
    assert told["served"] == ["hit", told["stored"][1]]
    assert told["failures"] == 0
    assert told["grown"] < 16 * 1024 * 1024
    assert len(waits) > 10
    assert max(waits) < 4.0
    store.close()
