from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from cachespec import CacheInfo, Entry, Headers, MemoryStore, Policy, Recording, Response
from cachespec.drive_async import AsyncCache
from cachespec.drive_sync import Cache
from cachespec.keys import primary_key
from cachespec.live import AsyncLiveContent, Left, LiveContent, aborted
from cachespec.record import PIECE
from cachespec.steps import Plan

URL = "https://example.com/a"
KEY = primary_key(URL, "private:")


class Live:
    """A response whose chunks are given; an exception among them is raised."""

    head = Response(200)

    def __init__(self, *script: bytes | BaseException) -> None:
        self.script = script
        self.closed = 0

    def chunks(self) -> Iterator[bytes]:
        for chunk in self.script:
            if isinstance(chunk, BaseException):
                raise chunk
            yield chunk

    def close(self) -> None:
        self.closed += 1


class AsyncLive(Live):
    async def chunks(self) -> AsyncIterator[bytes]:  # type: ignore[override]
        for chunk in super().chunks():
            yield chunk

    async def aclose(self) -> None:
        self.closed += 1


def finished(awaitable: Any) -> Any:
    """The result of what waits for nothing, without a loop."""
    try:
        awaitable.__await__().__next__()
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


class Bench:
    """A live response on its way into a store, in either colour."""

    def __init__(self, colour: str, *script: bytes | BaseException, declared: int | None = None) -> None:
        self.store = MemoryStore()
        self.info = CacheInfo()
        self.landed: list[bool | None] = []
        self.left: Left = deque()
        entry = Entry(URL, "GET", (), 200, "", Headers(), 0.0, 0.0, 0.0, 60.0, "max-age", 0.0)
        plan = Plan(entry, KEY, self.store.read(KEY), (), declared)
        recording = Recording(plan, Policy(max_body=10 * PIECE), self.info)
        self.content: Any
        if colour == "sync":
            self.live = Live(*script)
            run = Cache(self.store).run
            self.content = LiveContent(self.live, recording, run, self.landed.append, self.left)
        else:
            self.live = AsyncLive(*script)
            cache = AsyncCache(self.store)
            tell = self.landed.append
            self.content = AsyncLiveContent(self.live, recording, cache.run, None, cache.tidy, tell, self.left)

    def read(self, times: int = 1) -> list[bytes]:
        """So many chunks."""
        return [self.next() for _ in range(times)]

    def next(self) -> bytes:
        if isinstance(self.content, LiveContent):
            assert iter(self.content) is self.content
            return next(self.content)

        assert aiter(self.content) is self.content
        return finished(anext(self.content))

    def end(self) -> None:
        with pytest.raises((StopIteration, StopAsyncIteration)):
            self.next()

    def close(self) -> None:
        if isinstance(self.content, LiveContent):
            self.content.close()
        else:
            finished(self.content.aclose())

    @property
    def stored(self) -> int | None:
        """The length of what is stored."""
        entry = self.store.read(KEY).item
        return None if entry is None else entry.length


COLOURS = pytest.mark.parametrize("colour", ["sync", "async"])


@COLOURS
def test_a_body_is_stored_before_its_end_is_seen(colour: str) -> None:
    bench = Bench(colour, b"con", b"tent")
    assert bench.content.recorded
    assert bench.content.whole is None
    assert bench.read(2) == [b"con", b"tent"]
    assert (bench.stored, bench.landed) == (None, [])
    bench.end()
    assert (bench.stored, bench.landed, bench.info.stored) == (7, [True], True)
    bench.end()
    bench.close()
    assert (bench.live.closed, bench.landed) == (1, [True])


@COLOURS
def test_a_body_of_known_length_is_stored_before_its_last_chunk_is_seen(colour: str) -> None:
    bench = Bench(colour, b"con", b"tent", declared=7)
    bench.read()
    assert bench.stored is None
    bench.read()
    assert (bench.stored, bench.landed) == (7, [True])
    bench.end()
    assert bench.landed == [True]


@COLOURS
def test_a_large_body_is_passed_on_in_pieces(colour: str) -> None:
    bench = Bench(colour, b"x" * PIECE, b"y")
    bench.read()
    assert bench.store.bytes == PIECE
    bench.read()
    bench.end()
    assert bench.stored == PIECE + 1


@COLOURS
def test_what_is_not_recorded_passes_through(colour: str) -> None:
    bench = Bench(colour, b"con", b"tent")
    if colour == "sync":
        bench.content = LiveContent(bench.live, None, print, bench.landed.append, bench.left)
    else:
        bench.content = AsyncLiveContent(bench.live, None, print, None, print, bench.landed.append, bench.left)
    bench.landed.clear()
    assert not bench.content.recorded
    assert bench.read(2) == [b"con", b"tent"]
    bench.end()
    bench.close()
    assert (bench.landed, bench.live.closed) == ([], 1)


@COLOURS
def test_what_is_not_recorded_may_break_off(colour: str) -> None:
    bench = Bench(colour, b"con", OSError("cut off"))
    if colour == "sync":
        bench.content = LiveContent(bench.live, None, print, bench.landed.append, bench.left)
    else:
        bench.content = AsyncLiveContent(bench.live, None, print, None, print, bench.landed.append, bench.left)
    bench.landed.clear()
    assert bench.read() == [b"con"]
    with pytest.raises(OSError, match="cut off"):
        bench.read()
    assert bench.landed == []


@COLOURS
@pytest.mark.requirement("9111-3.3-03", "9112-8-01", "9112-8-02")
@pytest.mark.parametrize(
    ("error", "landed"), [(OSError("cut off"), False), (KeyboardInterrupt(), None), (GeneratorExit(), None)]
)
def test_a_body_that_breaks_off_is_not_stored(colour: str, error: BaseException, landed: bool | None) -> None:
    bench = Bench(colour, b"x" * PIECE, error)
    bench.read()
    with pytest.raises((type(error), RuntimeError)):
        bench.read()
    assert (bench.stored, bench.store.bytes, bench.landed) == (None, 0, [landed])
    bench.close()
    assert bench.landed == [landed]


@COLOURS
@pytest.mark.requirement("9111-3.3-03", "9112-8-01", "9110-8.6-01")
@pytest.mark.parametrize("declared", [6, 8])
def test_a_body_of_another_length_is_not_stored(colour: str, declared: int) -> None:
    bench = Bench(colour, b"con", b"tent", declared=declared)
    assert b"".join(bench.read(2)) == b"content"
    bench.end()
    assert (bench.stored, bench.landed) == (None, [False])


@COLOURS
def test_a_body_that_is_too_long_passes_through_unstored(colour: str) -> None:
    bench = Bench(colour, *([b"x" * PIECE] * 11))
    assert len(b"".join(bench.read(11))) == 11 * PIECE
    bench.end()
    assert (bench.stored, bench.store.bytes, bench.landed) == (None, 0, [False])


@COLOURS
@pytest.mark.parametrize("read", [0, 1])
def test_a_body_that_is_closed_early_is_not_stored(colour: str, read: int) -> None:
    bench = Bench(colour, b"x" * PIECE, b"y")
    bench.read(read)
    bench.close()
    bench.close()
    assert (bench.stored, bench.store.bytes, bench.landed, bench.live.closed) == (None, 0, [None], 2)


@COLOURS
@pytest.mark.parametrize("declared", [7, None])
def test_those_who_wait_are_told_where_storing_is_interrupted(
    colour: str, declared: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(colour, b"content", declared=declared)

    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench.store, "swap", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bench.read(2)
    bench.close()
    assert (bench.stored, bench.landed) == (None, [None])


@COLOURS
@pytest.mark.parametrize("read", [0, 1])
def test_a_body_that_is_dropped_tells_those_who_wait_and_leaves_the_store_for_later(colour: str, read: int) -> None:
    bench = Bench(colour, b"x" * PIECE, b"y")
    bench.read(read)
    del bench.content
    assert bench.landed == [None]
    assert bench.store.bytes == read * PIECE
    [abort] = aborted(bench.left)
    Cache(bench.store).run(abort)
    assert bench.store.bytes == 0
    assert list(aborted(bench.left)) == []


@COLOURS
def test_a_body_that_was_read_is_dropped_quietly(colour: str) -> None:
    bench = Bench(colour, b"content")
    bench.read()
    bench.end()
    del bench.content
    assert (bench.landed, len(bench.left)) == ([True], 0)
    # Nor does one that was never quite made do harm.
    (LiveContent if colour == "sync" else AsyncLiveContent).__new__(
        LiveContent if colour == "sync" else AsyncLiveContent
    ).__del__()


def test_of_two_threads_that_tidy_up_one_is_quicker() -> None:
    class Elusive(deque[Recording]):
        def __bool__(self) -> bool:
            return True

    assert list(aborted(Elusive())) == []
