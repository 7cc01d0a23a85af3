"""A scripted origin, a clock that only moves when told to, and a cache between them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import anyio
import pytest

from cachespec import AsyncCache, Cache, CacheInfo, Headers, MemoryStore, Policy, Request, Response, Wish
from cachespec.combining import held
from cachespec.dates import format_date

START = 1_000_000_000.0
"""Sun, 09 Sep 2001 01:46:40 GMT"""
URL = "https://example.com/a"


class Clock:
    """Seconds since the epoch, as the test wants them."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def date(self, offset: float = 0) -> str:
        """An HTTP-date so many seconds from now."""
        return format_date(self.now + offset)


class Live:
    """A response of the scripted origin.  A chunk that is an exception is raised; one that is callable is called."""

    def __init__(self, head: Response, chunks: Sequence[Any] = ()) -> None:
        self.head = head
        self.script = chunks
        self.closed = 0

    def chunks(self) -> Iterator[bytes]:
        for chunk in self.script:
            if isinstance(chunk, BaseException):
                raise chunk
            yield chunk() if callable(chunk) else chunk

    def close(self) -> None:
        self.closed += 1


class AsyncLive(Live):
    """The same on an event loop.  A callable chunk is awaited."""

    async def chunks(self) -> AsyncIterator[bytes]:  # type: ignore[override]
        for chunk in self.script:
            if isinstance(chunk, BaseException):
                raise chunk
            yield await chunk() if callable(chunk) else chunk

    async def aclose(self) -> None:
        self.closed += 1


@dataclass
class Reply:
    """An answer that was read to its end."""

    status: int
    headers: Headers
    body: bytes
    info: CacheInfo
    live: Live | None
    """The origin's response, where that is what was passed on."""

    @property
    def codes(self) -> list[str]:
        """The codes of all verdicts."""
        return [verdict.code for verdict in self.info.verdicts]

    @property
    def age(self) -> int:
        return int(self.headers["age"])


def fields(lines: Any) -> list[tuple[str, str]]:
    return list(lines.items()) if isinstance(lines, dict) else list(lines)


@dataclass
class Lab:
    """A cache with its origin and its clock."""

    policy: Policy
    store: Any = field(default_factory=MemoryStore)
    clock: Clock = field(default_factory=Clock)
    script: list[Any] = field(default_factory=list)
    """What the origin is going to answer, one after the other; the last one again and again."""
    last: Any = None
    requests: list[Request] = field(default_factory=list)
    """What reached the origin."""
    lives: list[Live] = field(default_factory=list)
    delay: float = 0.0
    """Seconds that the origin takes for an answer."""
    backend: str | None = None
    """The kind of event loop, if any."""
    live: ClassVar[type[Live]] = Live

    def __post_init__(self) -> None:
        self.cache = Cache(self.store, self.policy, clock=self.clock)

    def says(
        self,
        cache_control: str | None = None,
        headers: Any = (),
        *,
        status: int = 200,
        body: bytes | Sequence[Any] = b"content",
        date: bool = True,
    ) -> Lab:
        """Let the origin's next answer be this one, with Date and Content-Length unless told otherwise."""

        def answer(request: Request) -> Live:
            lines = [] if cache_control is None else [("Cache-Control", cache_control)]
            lines += fields(headers)
            given = {name.lower() for name, _ in lines}
            if date and "date" not in given:
                lines.append(("Date", self.clock.date()))
            if isinstance(body, bytes) and status >= 200 and status not in (204, 304) and "content-length" not in given:
                lines.append(("Content-Length", str(len(body))))
            chunks = [body] if isinstance(body, bytes) else body
            if request.method == "HEAD" or status in (204, 304):
                chunks = []
            return self.live(Response(status, lines), chunks)

        self.script.append(answer)
        return self

    def fails(self, error: BaseException | None = None) -> Lab:
        """Let the origin be out of reach."""
        self.script.append(error or ConnectionError("out of reach"))
        return self

    def send(self, request: Request) -> Live:
        self.requests.append(request)
        self.clock.now += self.delay
        if self.script:
            self.last = self.script.pop(0)
        if isinstance(self.last, BaseException):
            raise self.last
        self.lives.append(self.last(request))
        return self.lives[-1]

    def fetch(
        self,
        headers: Any = (),
        *,
        url: str = URL,
        method: str = "GET",
        content: bytes | None = b"",
        wish: Wish | None = None,
    ) -> Any:
        """An answer, unread."""
        return self.cache.fetch(Request(method, url, fields(headers), content), self.send, wish or Wish())

    def get(self, headers: Any = (), **options: Any) -> Reply:
        """An answer, read and closed."""
        answer = self.fetch(headers, **options)
        try:
            body = b"".join(answer.content)
        finally:
            answer.content.close()
        return Reply(answer.head.status, Headers([*answer.head.headers, *answer.added]), body, answer.info, answer.live)

    def asks(self, value: str | None, **lines: str) -> Reply:
        """The answer to a GET with this range of bytes."""
        headers = {name.replace("_", "-"): text for name, text in lines.items()}
        return self.get(headers if value is None else {"Range": f"bytes={value}", **headers})

    def head(self, headers: Any = (), **options: Any) -> Reply:
        return self.get(headers, method="HEAD", **options)

    def wait(self, seconds: float) -> Lab:
        self.clock.now += seconds
        return self

    def settle(self) -> None:
        """Let background refreshes end."""
        self.cache.close()
        self.cache = Cache(self.store, self.policy, clock=self.clock)

    @property
    def calls(self) -> int:
        """How often the origin was asked."""
        return len(self.requests)

    @property
    def asked(self) -> Request:
        """What reached the origin last."""
        return self.requests[-1]

    @property
    def entries(self) -> list[Any]:
        """The stored responses."""
        return [item for _, item in self.store.items() if hasattr(item, "status")]

    @property
    def spans(self) -> list[tuple[int, int]]:
        """What is stored of the one response there is."""
        [entry] = self.entries
        return list(held(entry).spans)

    @property
    def bodies(self) -> set[str]:
        """The bodies that a `MemoryStore` holds."""
        return set(self.store._bodies)


@dataclass
class AsyncLab(Lab):
    """The same with an asynchronous cache; every request runs in a loop of its own."""

    live: ClassVar[type[Live]] = AsyncLive

    def __post_init__(self) -> None:
        self.cache: Any = AsyncCache(self.store, self.policy, clock=self.clock)

    async def asend(self, request: Request) -> Live:
        return self.send(request)

    def get(
        self,
        headers: Any = (),
        *,
        url: str = URL,
        method: str = "GET",
        content: bytes | None = b"",
        wish: Wish | None = None,
    ) -> Reply:
        return anyio.run(
            self._get, Request(method, url, fields(headers), content), wish or Wish(), backend=self.backend
        )

    async def _get(self, request: Request, wish: Wish) -> Reply:
        answer = await self.cache.fetch(request, self.asend, wish)
        try:
            body = b"".join([chunk async for chunk in answer.content])
        finally:
            await answer.content.aclose()
        for task in list(self.cache.tasks._tasks):
            await task
        return Reply(answer.head.status, Headers([*answer.head.headers, *answer.added]), body, answer.info, answer.live)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_lab() -> Callable[..., Lab]:
    """Makes a laboratory; options of `Policy` by name, or `policy=`, `store=`, `clock=`; on a `backend` it is async."""

    def make(
        policy: Policy | None = None,
        *,
        store: Any = None,
        clock: Clock | None = None,
        backend: str | None = None,
        **options: Any,
    ) -> Lab:
        made = policy if policy is not None else Policy(**options)
        told: list[Any] = [made, MemoryStore() if store is None else store, clock or Clock()]
        return (Lab if backend is None else AsyncLab)(*told, backend=backend)

    return make


@pytest.fixture
def private(make_lab: Callable[..., Lab]) -> Lab:
    """A private cache by the RFC."""
    return make_lab(heuristics=False)


@pytest.fixture
def shared(make_lab: Callable[..., Lab]) -> Lab:
    """A shared cache by the RFC."""
    return make_lab(shared=True, heuristics=False, credentials="rfc")


@pytest.fixture(params=["private", "shared"])
def lab(request: pytest.FixtureRequest) -> Any:
    """Both kinds of cache, one after the other."""
    return request.getfixturevalue(request.param)
