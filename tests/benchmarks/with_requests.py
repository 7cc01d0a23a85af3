"""requests: a session with a cache, against the same session whose adapter answers from memory.

Above the connection pool all of requests is real; the pool is a stub, so that no socket has a part in it.
"""

from __future__ import annotations

import io
from contextlib import ExitStack
from functools import partial
from typing import Any

from clients import Get, Make, hits, misses
from harness import AbsentError, Offer, Scenario
from origin import Origin
from requests import PreparedRequest, Response, Session
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.structures import CaseInsensitiveDict
from stores import KINDS, folder, hishel, opened
from urllib3 import HTTPHeaderDict, HTTPResponse

FLOOR = "answered by a stub adapter"
UNCACHED = "no cache, the connection pool is a stub"


class Wire(io.BytesIO):
    """Content as it comes from a connection: whoever has read it all finds no file behind it."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._left = len(content)

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self._left -= len(found)
        return found

    @property
    def fp(self) -> Wire | None:
        return self if self._left else None

    def isclosed(self) -> bool:
        return not self._left


class Pool:
    """In the place of urllib3's connection pool."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin

    def urlopen(self, *, method: str, url: str, headers: Any, **options: Any) -> HTTPResponse:
        status, lines, content = self.origin.answer(headers.get("If-None-Match"))
        return HTTPResponse(
            body=Wire(content),
            headers=HTTPHeaderDict(lines),
            status=status,
            version=11,
            reason="OK" if status == 200 else "Not Modified",
            preload_content=False,
            decode_content=False,
            request_method=method,
            request_url=url,
        )

    def close(self) -> None:
        """There is nothing to close."""


def stubbed(kind: type[HTTPAdapter], pool: Pool, *arguments: Any, **options: Any) -> HTTPAdapter:
    """An adapter of the class `kind` whose connections are those of `pool`."""

    class Stubbed(kind):  # type: ignore[misc, valid-type]
        def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Pool:
            return pool

        def cert_verify(self, *arguments: Any, **options: Any) -> None:
            """There is no certificate."""

    adapter: HTTPAdapter = Stubbed(*arguments, **options)
    return adapter


class Direct(BaseAdapter):
    """A new response for each request, with its content at hand: the least that any cache can do."""

    def __init__(self, origin: Origin) -> None:
        super().__init__()
        self.origin = origin

    def send(self, request: PreparedRequest, *arguments: Any, **options: Any) -> Response:
        status, lines, content = self.origin.answer(None)
        response = Response()
        response.status_code, response.reason = status, "OK"
        response.headers = CaseInsensitiveDict(lines)
        response.url, response.request, response.encoding = request.url or "", request, "utf-8"
        response._content, response._content_consumed = content, True  # type: ignore[attr-defined]
        response.raw = io.BytesIO()
        return response

    def close(self) -> None:
        """There is nothing to close."""


def session(adapter: BaseAdapter, stack: ExitStack, made: Session | None = None) -> Get:
    """A session that goes through `adapter`."""
    used = stack.enter_context(made or Session())
    used.mount("http://", adapter)
    return lambda url: used.get(url).content


def direct(origin: Origin, stack: ExitStack) -> Get:
    return session(Direct(origin), stack)


def uncached(origin: Origin, stack: ExitStack) -> Get:
    return session(stubbed(HTTPAdapter, Pool(origin)), stack)


def ours(kind: str, origin: Origin, stack: ExitStack) -> Get:
    try:
        from cachespec_requests import CacheAdapter
    except ImportError as error:
        raise AbsentError(str(error)) from error
    return session(stubbed(CacheAdapter, Pool(origin), store=opened(kind, stack)), stack)


def theirs_hishel(kind: str, origin: Origin, stack: ExitStack) -> Get:
    from hishel.requests import CacheAdapter

    # By default it keeps everything and asks nobody; this is RFC 9111.
    return session(stubbed(CacheAdapter, Pool(origin), storage=hishel(kind, stack), rfc=True), stack)


def theirs_cachecontrol(kind: str, origin: Origin, stack: ExitStack) -> Get:
    from cachecontrol import CacheControlAdapter
    from cachecontrol.cache import DictCache
    from cachecontrol.caches.file_cache import SeparateBodyFileCache

    cache = DictCache() if kind == "memory" else SeparateBodyFileCache(str(folder() / "cache"))
    return session(stubbed(CacheControlAdapter, Pool(origin), cache), stack)


def theirs_requests_cache(kind: str, origin: Origin, stack: ExitStack) -> Get:
    from requests_cache import CachedSession

    options = {"wal": True} if kind == "sqlite" else {}
    # By default it keeps everything and never looks at Cache-Control; this does.
    made = CachedSession(str(folder() / "cache"), backend=kind, cache_control=True, **options)
    return session(stubbed(HTTPAdapter, Pool(origin)), stack, made)


CACHES: dict[str, Make] = {
    **{f"cachespec, {kind}": partial(ours, kind) for kind in KINDS},
    "CacheControl, memory": partial(theirs_cachecontrol, "memory"),
    "CacheControl, file": partial(theirs_cachecontrol, "file"),
    "hishel, sqlite in memory": partial(theirs_hishel, "memory"),
    "hishel, sqlite": partial(theirs_hishel, "sqlite"),
    "requests-cache, memory": partial(theirs_requests_cache, "memory"),
    "requests-cache, sqlite": partial(theirs_requests_cache, "sqlite"),
    "requests-cache, file": partial(theirs_requests_cache, "filesystem"),
}


def _hits(stack: ExitStack, offer: Offer) -> None:
    for name, make in {FLOOR: direct, UNCACHED: uncached, **CACHES}.items():
        offer.add(name, partial(hits, make, stack))


def _misses(stack: ExitStack, offer: Offer) -> None:
    for name, make in {UNCACHED: uncached, **CACHES}.items():
        offer.add(name, partial(misses, make, stack))


def _confirmed(stack: ExitStack, offer: Offer) -> None:
    for name, make in {UNCACHED: uncached, **CACHES}.items():
        offer.add(name, partial(hits, make, stack, stale=True))


SCENARIOS = [
    Scenario("requests-hit", "requests: a hit, 2 KiB", FLOOR, _hits),
    Scenario("requests-miss", "requests: a miss that is stored, 2 KiB", UNCACHED, _misses, fixed=200),
    Scenario("requests-304", "requests: confirmed by 304", UNCACHED, _confirmed),
]
