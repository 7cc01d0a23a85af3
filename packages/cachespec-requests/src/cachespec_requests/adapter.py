"""The adapter: a cache between a session and its connections."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from requests import PreparedRequest, Response
from requests.adapters import DEFAULT_POOLBLOCK, DEFAULT_POOLSIZE, DEFAULT_RETRIES, BaseAdapter, HTTPAdapter

from cachespec import Answer, Cache, CacheInfo, Content, Policy, Request, Store, Verdict, forks

from .caches import OwnCache, cache_for
from .information import inform
from .live import Live
from .messages import add_line, names_other_host, prepared_from, request_of, response_from
from .purging import Purging
from .raw import put_content, recorded
from .wishes import wished

OTHER_HOST = Verdict(False, "host", "RFC 9110 §7.2", "Its Host field names another host than its URL.")

PATIENCE: Final = 60.0
"""Seconds that a background refresh waits for a server where its request set no timeout: nobody would see it hang."""
DEFAULTS: Final = (DEFAULT_POOLSIZE, DEFAULT_POOLSIZE, DEFAULT_RETRIES, DEFAULT_POOLBLOCK)


def patience_of(timeout: Any) -> float | None:
    """How long a request with this `timeout` may wait for another one's response: as long as for the server's."""
    # One number, a pair for connecting and reading, or urllib3's own kind, which tells only one of its two.
    if isinstance(timeout, tuple):
        read = timeout[1] if len(timeout) == 2 else None
    else:
        total = getattr(timeout, "total", timeout)
        read = getattr(timeout, "read_timeout", None) if total is None else total
    return read if isinstance(read, int | float) else None


class CacheAdapter(Purging, HTTPAdapter):
    """A `requests.adapters.HTTPAdapter` with a cache: mount it on ``https://`` and ``http://``.

    The options of `HTTPAdapter` pass through.  With `adapter`, any adapter, requests go through that instead.

    `store` is a store or the URL of one (see `cachespec.open_store`); by default one in memory.  One that was opened
    here is closed here.  `policy` is by default that of a private cache; `clock` gives seconds since the epoch.
    `cache` takes the place of these three, for several adapters that share one.

    TypeError or ValueError, with the option's name, for options that do not go together.
    """

    def __init__(
        self,
        pool_connections: int = DEFAULT_POOLSIZE,
        pool_maxsize: int = DEFAULT_POOLSIZE,
        max_retries: Any = DEFAULT_RETRIES,
        pool_block: bool = DEFAULT_POOLBLOCK,
        *,
        store: Store | str | None = None,
        policy: Policy | None = None,
        clock: Callable[[], float] | None = None,
        cache: Cache | None = None,
        adapter: BaseAdapter | None = None,
    ) -> None:
        if adapter is not None:
            if (pool_connections, pool_maxsize, max_retries, pool_block) != DEFAULTS:
                raise TypeError("adapter: it has pools and retries of its own")
            if not isinstance(adapter, BaseAdapter):
                raise TypeError(f"adapter: {adapter!r} is no adapter")
            if isinstance(adapter, CacheAdapter):
                raise ValueError("adapter: it has a cache already")
        super().__init__(pool_connections, pool_maxsize, max_retries, pool_block)
        self.adapter: BaseAdapter | None = adapter
        """The adapter that requests go through, where it is not this one."""
        self.cache: Cache = cache_for(cache, store, policy, clock)
        self._forks = forks.count()

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        """Answer `request` from the store, or send it.

        What is sent is `request` itself, or a copy that differs in conditional fields only.  What goes wrong is raised
        as without a cache, unless a stored response may stand in.
        """
        options = {"stream": stream, "timeout": timeout, "verify": verify, "cert": cert, "proxies": proxies}
        asked = request_of(request)
        if names_other_host(asked):
            return inform(self._forward(request, options), CacheInfo("bypass", [OTHER_HOST], forward="bypass"))
        thread = threading.get_ident()
        server: Any = None

        def forward(message: Request) -> Live:
            nonlocal server
            sent = request if message is asked else prepared_from(request, message)
            if threading.get_ident() == thread:
                live = Live(self._forward(sent, options))
                server = live.raw
                return live
            return Live(self._forward(sent, options if timeout is not None else options | {"timeout": PATIENCE}))

        answer = self.cache.fetch(asked, forward, wished(), patience=patience_of(timeout))
        if answer.live is not None:
            return self._passed_on(request, answer.live, answer)
        confirmed = server if answer.info.revalidated else None
        response = response_from(answer.head, request)
        response.connection = self
        put_content(response, request, answer, stream, confirmed, self.max_retries)
        return inform(response, answer.info)

    def _passed_on(self, request: PreparedRequest, live: Live, answer: Answer[Live, Content]) -> Response:
        """The server's response, recorded where it is to be stored."""
        response = live.handed_over()
        response.request = request
        response.connection = self
        if answer.content.recorded:
            response.raw = recorded(live, request, answer.content, answer.info)
        for name, value in answer.added:
            add_line(response, name, value)
        return inform(response, answer.info)

    def _forward(self, request: PreparedRequest, options: dict[str, Any]) -> Response:
        """Send `request` past the cache, with the options of `send`."""
        if self._forks != forks.count():
            self._mind_fork()
        if self.adapter is not None:
            return self.adapter.send(request, **options)
        return super().send(request, **options)

    def _mind_fork(self) -> None:
        """Begin with new connections: if a child process used its parent's, the responses of both would be mixed up."""
        through = self if self.adapter is None else self.adapter
        if isinstance(through, HTTPAdapter):
            # As if it had been pickled there: its pools are made anew, and its settings stay.
            kind: Any = HTTPAdapter
            kind.__setstate__(through, kind.__getstate__(through))
        self._forks = forks.count()

    def close(self) -> None:
        """Let go of idle connections, wait for background refreshes that have begun, and drop those that have not."""
        self.cache.close()
        super().close()
        if self.adapter is not None:
            self.adapter.close()

    __attrs__: list[str] = [*HTTPAdapter.__attrs__, "adapter", "cache"]  # noqa: RUF012 - declared so by requests

    def __getstate__(self) -> dict[str, Any]:
        if not isinstance(self.cache, OwnCache):
            raise TypeError("store: only a cache whose store was given as a URL can be pickled")
        return {name: getattr(self, name, None) for name in self.__attrs__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        kind: Any = super()
        kind.__setstate__(state)
        # Its pools have just been made, wherever it was pickled.
        self._forks = forks.count()
