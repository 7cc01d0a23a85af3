"""Many at once: threads and processes that read, write and purge one store, and check every octet that they read.

`python -m cachespec.testing.crowd ADDRESS SEED SECONDS` does so for one process, where ADDRESS is what `open_store`
takes, or ``module:function`` of something that makes a store; it prints what it did as JSON.
"""

from __future__ import annotations

import importlib
import json
import random
import secrets
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from typing import Final

from ..entries import Entry
from ..stores import open_store
from ..stores.contract import Scope, Store
from . import samples

URLS: Final = 12
SIZES: Final = (0, 100, 5_000, 70_000, 300_000, 700_000)
PIECE: Final = 262_144
LEAST: Final = 50
"""What each does at least, however slow the machine is."""


def put(store: Store, url: str, seed: int, size: int) -> bool:
    """Store a response as a recorder does: the body in pieces, then the item that names it."""
    key = samples.key_of(url)
    there = store.read(key)
    item, body = samples.signed(seed, size, url)
    if size <= 65_536:
        item.body = body
        published = store.swap(key, item, there.revision, there.mark)
    else:
        item.body_id = secrets.token_hex(16)
        room = all(store.append(item.body_id, body[at : at + PIECE]) for at in range(0, size, PIECE))
        published = room and store.swap(key, item, there.revision, there.mark)
        if not published:
            store.discard(item.body_id)
    if published and isinstance(there.item, Entry) and there.item.body_id is not None:
        store.discard(there.item.body_id)
    return published


def get(store: Store, url: str) -> bool | None:
    """Whether what is read is right; None where nothing is there."""
    item = store.read(samples.key_of(url)).item
    if not isinstance(item, Entry):
        return None
    if item.body is not None:
        return samples.is_right(item, item.body)
    body = store.open(item.body_id or "")
    if body is None:
        return None
    try:
        return samples.is_right(item, b"".join(body.chunks(0, item.length)))
    finally:
        body.close()


def work(store: Store, seed: int, seconds: float) -> Counter[str]:
    """Do this and that for so long; how often each happened.  ``wrong`` and ``raised`` are what must not."""
    chance = random.Random(seed)  # noqa: S311 - which of them does what
    did: Counter[str] = Counter(wrong=0, raised=0)
    until = time.monotonic() + seconds
    while time.monotonic() < until or did.total() < LEAST:
        url = samples.url_of(chance.randrange(URLS))
        what = chance.random()
        try:
            if what < 0.6:
                right = get(store, url)
                did["missed" if right is None else "read" if right else "wrong"] += 1
            elif what < 0.95:
                put_it = put(store, url, chance.randrange(1 << 30), chance.choice(SIZES))
                did["stored" if put_it else "lost"] += 1
            elif what < 0.99:
                did["purged"] += store.purge(Scope(urls=(url,)))
            else:
                did["swept"] += store.sweep(time.time(), 10)
        except Exception as error:  # noqa: BLE001 - counted, and shown
            did["raised"] += 1
            print("".join(traceback.format_exception(error)), file=sys.stderr)
    return did


def open_at(address: str) -> Store:
    """The store at `address`."""
    module, colon, name = address.partition(":")
    if colon and name.isidentifier():
        made: Store = getattr(importlib.import_module(module), name)()
        return made
    return open_store(address)


def processes(address: str, count: int, seconds: float) -> Counter[str]:
    """What `count` processes did with the store at `address` within so many seconds."""
    command = [sys.executable, "-m", "cachespec.testing.crowd", address]
    running = [
        subprocess.Popen([*command, str(seed), str(seconds)], stdout=subprocess.PIPE)  # noqa: S603 - this module
        for seed in range(count)
    ]
    did: Counter[str] = Counter()
    for process in running:
        printed, _ = process.communicate()
        did += Counter(json.loads(printed)) if process.returncode == 0 else Counter(raised=1)
    return did


def main(arguments: Sequence[str]) -> None:
    """Work on a store from the command line."""
    address, seed, seconds = arguments
    store = open_at(address)
    print(json.dumps(work(store, int(seed), float(seconds))))
    store.close()


if __name__ == "__main__":  # pragma: no cover - in a process of its own
    main(sys.argv[1:])
