"""The middleware around an application: what is answered from the store, what passes, what goes out."""

from __future__ import annotations

from typing import Any

import pytest

from cachespec import MemoryStore, Policy
from cachespec_asgi import CacheMiddleware

pytestmark = pytest.mark.anyio


async def test_a_fresh_response_is_answered_from_the_store(client: Any, origin: Any, clock: Any) -> None:
    call = client(CacheMiddleware(origin, clock=clock))
    first = await call("/a")
    clock.now += 10
    second = await call("/a")
    assert origin.calls == 1
    assert (first.status, first.body, first.cache) == (200, b"hello", "cachespec; fwd=uri-miss")
    assert (second.status, second.body, second.cache) == (200, b"hello", "cachespec; hit; ttl=50")
    assert second.headers["age"] == "10"


async def test_a_stale_response_is_validated_and_the_answer_comes_from_the_store(
    client: Any, origin: Any, clock: Any
) -> None:
    origin.headers = [("cache-control", "max-age=60"), ("etag", '"1"')]
    call = client(CacheMiddleware(origin, clock=clock))
    await call("/a")
    clock.now += 100
    reply = await call("/a")
    assert origin.calls == 2
    assert (reply.status, reply.body) == (200, b"hello")
    assert reply.cache == "cachespec; fwd=stale; fwd-status=304; ttl=60; stored"


async def test_strict_mode_takes_any_policy_and_store(client: Any, origin: Any) -> None:
    origin.headers = [("cdn-cache-control", "max-age=60")]
    call = client(CacheMiddleware(origin, store=MemoryStore(), policy=Policy.strict(shared=True)))
    await call("/a")
    reply = await call("/a")
    assert origin.calls == 1
    assert reply.cache == ""


@pytest.mark.parametrize("kind", ["lifespan", "websocket", "something-new"])
async def test_what_is_not_http_reaches_the_application_untouched(kind: str) -> None:
    seen: list[Any] = []

    async def app(*given: Any) -> None:
        seen.append(given)

    given: tuple[Any, ...] = ({"type": kind}, object(), object())
    await CacheMiddleware(app)(*given)
    assert [a is b for a, b in zip(seen[0], given, strict=True)] == [True, True, True]
