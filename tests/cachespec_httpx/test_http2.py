"""HTTP/2 works with the cache as without it."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING

import hypercorn
import hypercorn.asyncio
import pytest

from cachespec_httpx import cache_info

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Origin, SyncCaller

STALE = [("cache-control", "max-age=0"), ("etag", '"1"')]


@pytest.fixture
def second(origin: Origin) -> Iterator[str]:
    """The origin under a server that speaks HTTP/2."""

    async def main() -> None:
        await hypercorn.asyncio.serve(
            origin,  # type: ignore[arg-type]
            config,
            shutdown_trigger=lambda: asyncio.to_thread(over.wait),
        )

    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    # The server closes what it is given.
    config = hypercorn.Config.from_mapping(bind=[f"fd://{listener.detach()}"], errorlog=None, accesslog=None)
    config.include_date_header = config.include_server_header = False
    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    yield f"http://127.0.0.1:{port}/"
    over.set()
    thread.join()


def test_http_2_works(caller: SyncCaller, origin: Origin, second: str) -> None:
    origin.serve(origin.reply(headers=STALE, body=b"one"), origin.reply(304, headers=STALE))
    with caller.open(caller.caching(http1=False, http2=True)) as client:
        responses = [caller.get(client, second) for _ in range(3)]
    assert [cache_info(response).status for response in responses] == ["miss", "revalidated", "revalidated"]
    assert [response.content for response in responses] == [b"one"] * 3
    assert responses[0].http_version == "HTTP/2"
    assert responses[0].extensions["stream_id"] == 1
    assert len({seen.peer for seen in origin.seen}) == 1
