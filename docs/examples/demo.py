"""The demo: a real server, a cache in front of it, two clients, and a table of what the caches did and why.

    python -m hatch run demo            ends by itself
    python -m hatch run demo --serve    and the server stays up, to be tried with curl

Nothing waits for a response to grow old: the caches' clock is put forward instead.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import requests
import uvicorn
from shop import Shop, application

from cachespec import SCOPE_KEY, CacheInfo, Verdict
from cachespec_asgi import CacheMiddleware, PurgeEndpoint
from cachespec_httpx import CacheClient
from cachespec_httpx import cache_info as httpx_info
from cachespec_requests import CachedSession
from cachespec_requests import cache_info as requests_info

TOKEN = "only-for-this-demo"
CROWD = 20
WIDTHS = (8, 17, 12, 18, 5, 6, 5)
HEADINGS = ("client", "request", "cache", "decided by", "age", "ms", "saved")
COLOURS = {"hit": 32, "stale": 33, "revalidated": 36, "miss": 34, "bypass": 35, "purge": 31}
DIM, BOLD = 2, 1


class Clock:
    """The time that the caches live by: now, and as much later as we like."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Counted:
    """The application, and how often it was asked."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.calls = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += scope["type"] == "http"
        await self.app(scope, receive, send)


@dataclass
class Seen:
    """What lies in the scope for the cache to tell what it did; see `cachespec.Gateway`."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    caching: bool = False
    info: CacheInfo | None = None


class Watched:
    """The cache in front of the application, and what it did for each request, refreshes included."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.infos: list[CacheInfo] = []
        self._changed = threading.Condition()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        seen = scope[SCOPE_KEY] = Seen()
        try:
            await self.app(scope, receive, send)
        finally:
            info = seen.info or scope[SCOPE_KEY].info
            with self._changed:
                self.infos.append(info or CacheInfo("bypass"))
                self._changed.notify_all()

    def take(self, number: int) -> list[CacheInfo]:
        """What it did for the last `number` requests, once it is done with them."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.infos) >= number, timeout=5)
            taken, self.infos = self.infos, []
        return taken


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve `app` on loopback with uvicorn; gives the URL."""
    # The caches' clock is ahead of uvicorn's, so that a Date of uvicorn's would make everything look old.
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", date_header=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise SystemExit("the server could not start")
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(5)


class Table:
    """Rows on standard output, in colours if somebody is looking."""

    def __init__(self) -> None:
        self.colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.requests = self.saved = 0

    def painted(self, text: str, *codes: int) -> str:
        """`text` in colours, or as it is."""
        return f"\x1b[{';'.join(map(str, codes))}m{text}\x1b[0m" if self.colours and codes else text

    def heading(self, text: str) -> None:
        """A new part of the story."""
        print(f"\n{self.painted(text, BOLD)}")

    def names(self) -> None:
        """What the columns are."""
        print(self.painted(" ".join(self._cells(HEADINGS)).rstrip(), DIM))

    def later(self, text: str) -> None:
        """Time goes by."""
        print(self.painted(f"{f' {text} ':┄^77}", DIM))

    def row(
        self,
        client: str,
        request: str,
        cache: str,
        verdict: Verdict | None,
        age: float | None = None,
        ms: float | None = None,
        saved: int | None = None,
        remark: str = "",
    ) -> None:
        """One request, or what one more cache had to do with it, and why."""
        cells = self._cells(
            (
                client,
                request,
                cache,
                verdict.clause if verdict is not None else "",
                "" if age is None else f"{int(age)} s",
                "" if ms is None else f"{ms:.1f}",
                "" if saved is None else f"{saved}",
            )
        )
        cells[2] = self.painted(cells[2], COLOURS[cache])
        print(" ".join(cells).rstrip())
        why = " ".join(text for text in (verdict.sentence if verdict is not None else "", remark) if text)
        print(" " * (WIDTHS[0] + 1) + self.painted(why, DIM))

    @staticmethod
    def _cells(texts: tuple[str, ...]) -> list[str]:
        # Figures stand at the right.
        return [
            text.rjust(width) if at >= 4 else text.ljust(width)
            for at, (text, width) in enumerate(zip(texts, WIDTHS, strict=True))
        ]


class Demo:
    """The story, told by requests that are really sent."""

    def __init__(self, url: str, clock: Clock, shop: Shop, counted: Counted, watched: Watched) -> None:
        self.url, self.clock, self.shop = url, clock, shop
        self.counted, self.watched = counted, watched
        self.table = Table()

    def tell(self) -> None:
        """All of it."""
        table = self.table
        print(f"{table.painted('cachespec', BOLD)}: a bookshop at {self.url}, with a cache in front of it")
        print(table.painted("Nobody waits for anything to grow old: the caches' clock is put forward.", DIM))
        with requests.Session() as session, httpx.Client(trust_env=False) as client:
            session.trust_env = False  # No proxy of the environment leads to loopback.
            session.get(self.url + "/none")  # Connections are made before anything is timed.
            client.get(self.url + "/none")
            self.watched.take(2)
            self.counted.calls = 0
            self.at_the_gateway(session, client)
            self.when_things_change(session, client)
        self.in_the_clients()
        saved = table.painted(f"{table.saved} calls saved", BOLD, COLOURS["hit"])
        calls = f"the application was called {self.counted.calls} times, refreshes included"
        print(f"\n{table.requests} requests, and {calls}: {saved}.")

    def at_the_gateway(self, session: requests.Session, client: httpx.Client) -> None:
        """A shared cache in front of the application, and two visitors who have no cache of their own."""
        self.table.heading("Two visitors who keep nothing themselves")
        self.table.names()
        self.plain("requests", session, "/books")
        self.plain("httpx", client, "/books")
        self.later(90)
        self.plain("requests", session, "/books")
        self.plain("httpx", client, "/books", remark="The refresh came in behind the last answer.")
        self.plain("httpx", client, "/greeting", {"Accept-Language": "en"}, "en")
        self.plain("requests", session, "/greeting", {"Accept-Language": "fr"}, "fr")
        self.plain("httpx", client, "/greeting", {"Accept-Language": "fr"}, "fr")
        self.plain("requests", session, "/cover")
        self.plain("httpx", client, "/cover", {"Range": "bytes=0-99"}, "0-99", "206: a part of what is stored.")
        self.later(90)
        self.plain("requests", session, "/cover", remark="64 KiB were not sent again.")
        self.crowd(client)
        self.plain("httpx", client, "/account")

    def when_things_change(self, session: requests.Session, client: httpx.Client) -> None:
        """What is changed, purged, and fails."""
        self.table.heading("A new book, an editor who purges, a price list that breaks")
        self.plain(
            "httpx", client, "/books", method="POST", content="Ubik", remark="It may change /books, which is dropped."
        )
        self.plain("requests", session, "/books")
        self.purge(session, "/greeting")
        self.plain("httpx", client, "/greeting", {"Accept-Language": "fr"}, "fr")
        self.plain("requests", session, "/prices")
        self.later(3600)
        self.shop.prices_fail = True
        self.plain("httpx", client, "/prices", remark="It said 503.")

    def in_the_clients(self) -> None:
        """Private caches: the same rules, another point of view."""
        self.table.heading("Two visitors with caches of their own")
        with CachedSession(clock=self.clock) as session, CacheClient(clock=self.clock, trust_env=False) as client:
            session.trust_env = False
            self.cached("requests", session, requests_info, "/cover")
            self.cached("requests", session, requests_info, "/cover")
            self.cached("httpx", client, httpx_info, "/account")
            self.cached("httpx", client, httpx_info, "/account", remark="It is private, and so is this cache.")
            self.later(90)
            self.cached("requests", session, requests_info, "/cover")
            self.cached("httpx", client, httpx_info, "/greeting")
            self.cached("httpx", client, httpx_info, "/greeting")

    # --- one row each

    def plain(
        self,
        name: str,
        client: Any,
        path: str,
        headers: dict[str, str] | None = None,
        note: str = "",
        remark: str = "",
        method: str = "GET",
        content: str | None = None,
    ) -> None:
        """A request through a client that has no cache."""
        calls = self.counted.calls
        response, ms = self._timed(lambda: client.request(method, self.url + path, headers=headers, json=content))
        (info,) = self.watched.take(1)
        shown = f"{method} {path}{f', {note}' if note else ''}"
        self._row(name, shown, info, ms, 1 - (self.counted.calls - calls), remark)
        if response.status_code >= 400:
            raise SystemExit(f"{shown} was answered with {response.status_code}")

    def cached(self, name: str, client: Any, info_of: Callable[[Any], CacheInfo], path: str, remark: str = "") -> None:
        """A request through a client with a cache; one more row if it had to ask the one in front of the shop."""
        calls = self.counted.calls
        response, ms = self._timed(lambda: client.get(self.url + path))
        info = info_of(response)
        asked = info.forward is not None
        saved = 1 - (self.counted.calls - calls)
        self._row(name, f"GET {path}", info, ms, None if asked else saved, remark)
        if asked:
            self._row("", "at the gateway", self.watched.take(1)[0], None, saved)

    def crowd(self, client: httpx.Client) -> None:
        """Many at once ask for what nobody has stored yet, and what takes long to make."""
        calls = self.counted.calls
        with ThreadPoolExecutor(CROWD) as pool:
            _, ms = self._timed(lambda: list(pool.map(client.get, [self.url + "/report"] * CROWD)))
        infos = self.watched.take(CROWD)
        waited = next(info for info in infos if info.collapsed)
        saved = CROWD - (self.counted.calls - calls)
        self._count(CROWD, saved)
        shown, why = f"{CROWD} x GET /report", "One was a miss and went on; the others waited for its answer."
        self.table.row("httpx", shown, "hit", waited.reason, waited.age, ms, saved, why)

    def purge(self, session: requests.Session, path: str) -> None:
        """An editor purges a page with all its variants."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        response, ms = self._timed(lambda: session.post(self.url + "/purge", json={"url": path}, headers=headers))
        self.watched.take(1)
        number = response.json()["purged"]
        self.table.row(
            "requests", "POST /purge", "purge", None, None, ms, None, f"{number} variants of {path} have gone."
        )

    def later(self, seconds: int) -> None:
        """Put the clock forward."""
        self.clock.ahead += seconds
        self.table.later(f"{seconds} seconds later" if seconds < 3600 else "an hour later")

    def _row(
        self, name: str, shown: str, info: CacheInfo, ms: float | None, saved: int | None, remark: str = ""
    ) -> None:
        if ms is not None:
            self._count(1, 0)
        self._count(0, max(0, saved or 0))
        age = info.age if info.from_cache else None
        saved = None if saved is None else max(0, saved)
        verdict = info.reason
        if info.status == "miss" and info.stored:
            # Why it could not be answered from the store says more than why it could be stored.
            verdict, remark = info.verdicts[0], remark or "It is stored now."
        self.table.row(name, shown, info.status, verdict, age, ms, saved, remark)

    def _count(self, requests: int, saved: int) -> None:
        self.table.requests += requests
        self.table.saved += saved

    @staticmethod
    def _timed(ask: Callable[[], Any]) -> tuple[Any, float]:
        start = time.perf_counter()
        answer = ask()
        return answer, (time.perf_counter() - start) * 1000


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true", help="leave the server up when the table is complete")
    options = parser.parse_args()
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal without § shows a ?
    clock, shop = Clock(), Shop()
    counted = Counted(application(shop))
    purge = PurgeEndpoint("/purge", token=TOKEN)
    watched = Watched(CacheMiddleware(counted, clock=clock, purge=purge))
    with served(watched) as url:
        Demo(url, clock, shop, counted, watched).tell()
        if options.serve:
            print(f"\nStill up.  In another terminal, a few times:  curl -i {url}/books\nCtrl-C ends it.", flush=True)
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                print()


if __name__ == "__main__":
    main()
