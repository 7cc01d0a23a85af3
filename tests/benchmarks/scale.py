"""Scale: a hit on any of a thousand entries, of a million; and on any of the variants of one URL.

What is asked for is drawn from all there is, each time anew.  Stores are filled in bulk, past the queue of eviction and
the figures, which a hit does not look at; the variants come in as anybody's responses do.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from harness import Contender, Offer, Scenario
from httpx import BaseTransport, ByteStream, Client, Request, Response
from origin import BASE, lines
from stores import KINDS, folder, opened
from with_asgi import receive, scope, send

if TYPE_CHECKING:
    from cachespec_sql import SQLStore

from cachespec import Entry, FileStore, MemoryStore, Policy, Store, assess
from cachespec import Request as Asked
from cachespec import Response as Answered
from cachespec.keys import primary_key

ROOM = 1 << 40
CONTENT = b"x" * 500
POLICY = Policy(shared=True)
SMALL = (1_000, 10_000)
LARGE = (*SMALL, 100_000, 1_000_000)
KEPT = os.environ.get("CACHESPEC_SCALE")
"""A folder in which stores on a disk stay, once they are filled, for the next run; else they go."""
VARIANTS = (1, 10, 200, 2_000)


class Unasked(BaseTransport):
    """An origin whose every response has variants, and which counts what it is asked."""

    def __init__(self) -> None:
        self.calls = 0
        self.lines = [*lines("public, max-age=86400", len(CONTENT)), ("Vary", "Accept-Language")]

    def handle_request(self, request: Request) -> Response:
        self.calls += 1
        return Response(200, headers=self.lines, stream=ByteStream(CONTENT))


def items(count: int) -> Iterator[tuple[bytes, Entry]]:
    """As many responses, with their keys."""
    now = time.time()
    request = Asked("GET", f"{BASE}0")
    made = assess(
        request,
        Answered(200, lines("public, max-age=86400", len(CONTENT))),
        POLICY,
        request_time=now,
        response_time=now,
    )
    assert isinstance(made, Entry)
    made = replace(made, created=now, length=len(CONTENT), body=CONTENT)
    for number in range(count):
        url = f"{BASE}{number}"
        yield primary_key(url, POLICY.space), replace(made, url=url)


@cache
def filled(kind: str, count: int) -> Store:
    """A store that holds `count` responses.  It takes long to fill, and so serves every scenario until the end."""
    if kind == "memory":
        return filled_memory(count)
    stack = ExitStack()
    atexit.register(stack.close)
    place = Path(KEPT) / f"{kind}-{count}" if KEPT else folder(stack)
    done = place / "done"
    store: Store = filled_files(place, count, done) if kind == "file" else filled_database(place, count, done)
    done.touch()
    stack.callback(store.close)
    return store


def filled_memory(count: int) -> MemoryStore:
    store = MemoryStore(ROOM, 2 * count)
    for key, item in items(count):
        assert store.swap(key, item, 0, store.read(key).mark)
    return store


def filled_files(place: Path, count: int, done: Path) -> FileStore:
    store = FileStore(place, max_bytes=ROOM, max_entries=2 * count)
    shelf, folders = store._shelf, set()
    for key, item in () if done.exists() else items(count):
        if key[0] not in folders:
            folders.add(key[0])
            assert store.swap(key, item, 0, store.read(key).mark)
            continue
        fd = os.open(shelf.head(key), os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(fd, shelf.written(key, item))
        os.close(fd)
    return store


def filled_database(place: Path, count: int, done: Path) -> SQLStore:
    from sqlalchemy import insert

    from cachespec_sql import SQLStore
    from cachespec_sql.items import columns, turn
    from cachespec_sql.tables import ITEMS

    place.mkdir(parents=True, exist_ok=True)
    store = SQLStore(f"sqlite:///{place / 'cache.db'}", max_bytes=ROOM, max_entries=2 * count)
    shelf = store._shelf
    rest = iter(()) if done.exists() else items(count)
    while some := list(islice(rest, 10_000)):
        rows = [
            columns(shelf, key, item) | {"space": shelf.space, "key": key, "turn": turn(), "visited": 0}
            for key, item in some
        ]
        with store.engine.begin() as connection:
            connection.execute(insert(ITEMS), rows)
    return store


def through_httpx(store: Store, count: int, stack: ExitStack) -> Contender:
    """Whole hits of a client."""
    from cachespec_httpx import CacheTransport

    origin, draw = Unasked(), random.Random(count).randrange
    client = stack.enter_context(Client(transport=CacheTransport(origin, store=store, policy=POLICY)))

    def run(n: int) -> None:
        for _ in range(n):
            client.get(f"{BASE}{draw(count)}")

    assert client.get(f"{BASE}{count - 1}").content == CONTENT
    return Contender("", run, calls=lambda: origin.calls)


def through_asgi(store: Store, count: int, stack: ExitStack) -> Contender:
    """Whole hits of a gateway, in process."""
    from cachespec_asgi import CacheMiddleware

    calls, draw = 0, random.Random(count).randrange

    async def origin(scope: object, receive: object, send: object) -> None:
        nonlocal calls
        calls += 1

    app = CacheMiddleware(origin, store=store)
    loop = asyncio.new_event_loop()
    stack.callback(loop.close)

    async def requests(n: int) -> None:
        for _ in range(n):
            await app(scope(draw(count)), receive, send)

    loop.run_until_complete(requests(1))
    return Contender("", lambda n: loop.run_until_complete(requests(n)), calls=lambda: calls)


ADAPTERS: dict[str, Callable[[Store, int, ExitStack], Contender]] = {"httpx": through_httpx, "asgi": through_asgi}


def _sizes(kind: str, adapter: str, sizes: tuple[int, ...], stack: ExitStack, offer: Offer) -> None:
    for count in sizes:
        offer.add(entries(count), lambda count=count: ADAPTERS[adapter](filled(kind, count), count, stack))


def _variants(kind: str, stack: ExitStack, offer: Offer) -> None:
    from cachespec_httpx import CacheTransport

    def make(count: int) -> Contender:
        origin, draw = Unasked(), random.Random(count).randrange
        policy = Policy(max_variants=2 * max(VARIANTS))
        client = stack.enter_context(Client(transport=CacheTransport(origin, store=opened(kind, stack), policy=policy)))
        for number in range(count):
            client.get(BASE, headers={"Accept-Language": f"x-{number}"})

        def run(n: int) -> None:
            for _ in range(n):
                client.get(BASE, headers={"Accept-Language": f"x-{draw(count)}"})

        return Contender("", run, calls=lambda: origin.calls)

    for count in VARIANTS:
        offer.add(variants(count), partial(make, count))


def entries(count: int) -> str:
    return f"{count:,} entries"


def variants(count: int) -> str:
    return "1 variant" if count == 1 else f"{count:,} variants"


def _scenarios(sizes: tuple[int, ...], name: str) -> list[Scenario]:
    return [
        Scenario(
            f"{name}-{kind}-{adapter}",
            f"A random hit, {kind}, through {adapter}",
            entries(sizes[0]),
            partial(_sizes, kind, adapter, sizes),
        )
        for kind in KINDS
        for adapter in ADAPTERS
    ]


SCENARIOS = [
    *_scenarios(SMALL, "scale"),
    *[
        Scenario(
            f"variants-{kind}",
            f"A random variant of one URL, {kind}, through httpx",
            variants(1),
            partial(_variants, kind),
        )
        for kind in KINDS
    ],
]
FULL = _scenarios(LARGE, "million")
"""What takes minutes: only where it is asked for."""
