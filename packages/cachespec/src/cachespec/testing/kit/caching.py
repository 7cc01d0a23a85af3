"""A cache over the store, synchronous and on an event loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from ...content import AsyncContent
from ...drive_async import AsyncCache
from ...drive_sync import Cache
from ...messages import Request
from ...policy import Policy
from ..live import AsyncLive, Live
from ..samples import NOW, body_of, url_of
from .acts import LONG, URL
from .subject import Subject


class Caching(Subject):
    """A store under a cache."""

    def test_a_cache_stores_and_answers_from_it(self) -> None:
        served = self._conversation(self.store())
        assert served == ["miss", "hit", "miss", "hit", "revalidated", "miss", "miss", "hit", "hit", "miss"]

    def _conversation(self, store: Any) -> list[str]:
        """What a cache over `store` did for ten requests."""
        now = [NOW]
        cache = Cache(store, clock=lambda: now[0])

        def ask(url: str, live: Live, **fields: str) -> str:
            answer = cache.fetch(Request("GET", url, fields), live.answering)
            assert b"".join(answer.content) == live.body
            answer.content.close()
            return answer.info.status

        small, large = Live(b"small"), Live(b"x" * LONG)
        did = [ask(URL, small), ask(URL, small), ask(url_of(2), large), ask(url_of(2), large)]
        now[0] += 7200
        did.append(ask(url_of(2), large))
        english, french = Live(b"hello", Vary="Accept-Language"), Live(b"bonjour", Vary="Accept-Language")
        for language, live in (("en", english), ("fr", french), ("en", english), ("fr", french)):
            did.append(ask(url_of(3), live, **{"Accept-Language": language}))
        cache.purge(url=url_of(3))
        did.append(ask(url_of(3), english, **{"Accept-Language": "en"}))
        return did

    def test_tasks_share_it(self) -> None:
        made = self.make()
        asyncio.run(self._tasks(made))

    async def _tasks(self, made: Any) -> None:
        # However slow the store is, whoever waits for another is patient.
        cache = AsyncCache(made, Policy(collapse_wait=60.0))

        async def one(number: int, *, purges: bool) -> str:
            url = url_of(number % 5)
            body = body_of(number % 5, 1000 if number % 2 else LONG)

            async def send(request: Request) -> AsyncLive:
                await asyncio.sleep(0)
                return AsyncLive(body).answering(request)

            answer = await cache.fetch(Request("GET", url), send)
            content: AsyncContent = answer.content
            read = b"".join([chunk async for chunk in content])
            await content.aclose()
            assert read in (body_of(number % 5, 1000), body_of(number % 5, LONG))
            if purges and number % 17 == 0:
                await cache.purge(url=url)
            return answer.info.status

        try:
            await asyncio.gather(*[one(number, purges=True) for number in range(100)])
            did = Counter(await asyncio.gather(*[one(number, purges=False) for number in range(100)]))
        finally:
            await cache.aclose()
            closing = made.close()
            if closing is not None:
                await closing
        assert did["hit"] >= 95
        assert cache.shelter.failures == 0
