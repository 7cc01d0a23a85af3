"""`CacheMiddleware`: a shared cache in front of any ASGI application.  RFC 9111"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from cachespec import (
    SCOPE_KEY,
    AsyncCache,
    AsyncStore,
    Headers,
    Looked,
    Policy,
    Request,
    Store,
    Stored,
    Verdict,
    Wish,
    open_store,
)
from cachespec import Send as Sending

from .answer import answer, answer_whole
from .call import Call, NoResponseError
from .handle import Handle
from .interface import ASGIApp, Message, Receive, Scope, Send
from .lines import OWN_TARGET
from .past import Passing, Past
from .purging import PurgeEndpoint
from .refresh import Refresh, scope_for
from .rules import Rule
from .shortcut import Shortcut, Target
from .target import (
    CONTENT_LIMIT,
    IMPLICIT,
    SOUND,
    fields_of,
    framed,
    has_content,
    overridden,
    read_ahead,
    soundness,
    target_uri,
    uri_at,
)
from .terms import Terms

log: Final = logging.getLogger("cachespec")

HERE: Final = Wish()
PAST: Final = Wish(mode="no-store")
RELOAD: Final = Wish(mode="reload")
RULED = Verdict(False, "rule", "CacheMiddleware.rules", "A rule has such requests pass by the cache.")
OURS: Final = ("Policy.", "CacheMiddleware")
"""Where a verdict says that it comes from, if it could be switched off."""


class DuplicateCaching(Exception):  # noqa: N818  # the name that users of asgi-caches know
    """One `CacheMiddleware` stands inside another."""


class CacheMiddleware:
    """A shared HTTP cache around the ASGI application `app`.

    Args:
        app: The application.
        store: Where responses lie: a store, the URL of one for `open_store`, or None for a new `MemoryStore`.  One that
            comes from a URL is closed when the application shuts down.
        policy: How the cache behaves; by default `Policy.gateway()`.
        rules: What holds for some of the requests, see `Rule`.  For what is decided on the request the first that
            matches counts, and for the lifetime the first that matches and is about the response's status.
        clock: Seconds since the epoch.
        ttl: Keep every successful response that says nothing of its lifetime for so many seconds, and tell everybody:
            a last rule for all requests, with ``declare=True``.
        hosts: The hosts that are cached, without ports; None for any.
        trusted_proxy: Whether the fields X-Forwarded-Host, X-Forwarded-Proto and the like are written or removed by a
            proxy.  Otherwise a response to a request with one of them answers only requests with the same values.
        strict: Whether a `CacheMiddleware` inside another is a `DuplicateCaching` error; it steps aside otherwise.
        purge: An endpoint for purging, see `PurgeEndpoint`.
        max_refreshes: How many background refreshes may run at a time.
    """

    def __init__(
        self,
        app: ASGIApp,
        store: AsyncStore | Store | str | None = None,
        policy: Policy | None = None,
        rules: Iterable[Rule] = (),
        clock: Callable[[], float] = time.time,
        *,
        ttl: int | timedelta | None = None,
        hosts: Iterable[str] | None = None,
        trusted_proxy: bool = False,
        strict: bool = False,
        purge: PurgeEndpoint | None = None,
        max_refreshes: int = 16,
    ) -> None:
        self.app = app
        policy = _own_target_first(Policy.gateway() if policy is None else policy)
        if not trusted_proxy:
            policy = replace(policy, vary_by=(*policy.vary_by, *(n for n in IMPLICIT if n not in policy.vary_by)))
        self._url = store if isinstance(store, str) else None
        self._closed = False
        self.cache: AsyncCache = AsyncCache(open_store(store) if isinstance(store, str) else store, policy, clock=clock)
        """The cache, for code that has no request at hand: ``await middleware.cache.purge(…)``."""
        rules = [*rules, *([] if ttl is None else [Rule(ttl=ttl, declare=True)])]
        if not all(isinstance(rule, Rule) for rule in rules):
            raise TypeError("rules: give objects of the class Rule")
        self._plain = Terms(self.cache, HERE)
        self._rules = [(rule, self._under(rule)) for rule in rules]
        self.shortcut: Shortcut = Shortcut(self.cache)
        # Rules look at more than a plain request's target.
        self._short = not self._rules and hosts is None and Shortcut.serves(self.cache)
        self._hosts = None if hosts is None else frozenset(host.lower() for host in hosts)
        self._strict = strict
        self._purge = purge
        self._told: set[str] = set()
        self._refreshing = 0
        self._max_refreshes = max_refreshes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; anything but HTTP goes to the application untouched."""
        kind = scope["type"]
        if kind != "http":
            if kind == "lifespan" and self._url is not None:
                send = self._ending(send)
            await self.app(scope, receive, send)
            return
        outer = scope.get(SCOPE_KEY)
        if outer is not None and outer.caching:
            if self._strict:
                raise DuplicateCaching("a CacheMiddleware stands inside another one: remove one of them")
            await self.app(scope, receive, send)
            return
        if self._short and outer is None and (self._purge is None or scope["path"] != self._purge.path):
            target = self.shortcut.target(scope)
            if target is not None and await self._plainly(target, scope, receive, send):
                return
        headers = fields_of(scope)
        url = target_uri(scope, headers)
        verdict = soundness(headers, url, self._hosts)
        if self._purge is not None and scope["path"] == self._purge.path:
            scope[SCOPE_KEY] = Handle(self, scope, outer)
            await self._purge(scope, receive, send)
        elif url is None:
            self.tell(verdict)
            handle = scope[SCOPE_KEY] = Handle(self, scope, outer)
            await self.app(scope, receive, Past(self.cache.policy, handle, verdict, send).sent)
        elif verdict is not SOUND:
            content = None if has_content(headers) else b""
            request = Request(overridden(scope["method"], headers), url, headers, content)
            await self._serve(Terms(self.cache, PAST), scope, receive, send, request, verdict)
        else:
            await self._sound(scope, receive, send, url, headers)

    async def _plainly(self, target: Target, scope: Scope, receive: Receive, send: Send) -> bool:
        """Serve a plain request (`shortcut`), the short way if there is one; False where its target is none."""
        shortcut = self.shortcut
        if shortcut.passing(target):
            handle = scope[SCOPE_KEY] = Handle(self, scope, None)
            await self.app(scope, receive, Passing(shortcut, target, handle, send).sent)
            return True
        kept = shortcut.kept(target)
        url = uri_at(target[1].decode("latin-1"), scope) if kept is None else kept.url
        if url is None:
            return False
        looked = self.cache.glance(url, None if kept is None else kept.keys)
        found = None if looked is None else shortcut.fresh(target, url, looked)
        if found is None or not await answer_whole(*found, self.cache, send):
            request = Request("GET", url, fields_of(scope))
            await self._serve(self._plain, scope, receive, send, request, None, target, looked)
        return True

    async def _sound(self, scope: Scope, receive: Receive, send: Send, url: str, headers: Headers) -> None:
        """Serve a request that means to the application what it means to the cache."""
        terms = self._terms(scope, headers)
        method = scope["method"]
        content: bytes | None = b""
        if has_content(headers):
            content = None
            if method in terms.cache.policy.methods and method != "GET":
                content, receive = await read_ahead(receive, CONTENT_LIMIT)
        elif not framed(scope) and terms.wish is not PAST:
            # The first message tells.  None comes later where there is content: a GET with some is passed on.
            content, receive = await read_ahead(receive, 0 if method in ("GET", "HEAD") else CONTENT_LIMIT)
        request = Request(method, url, headers, content)
        await self._serve(terms, scope, receive, send, request, RULED if terms.wish is PAST else None)

    async def _serve(
        self,
        terms: Terms,
        scope: Scope,
        receive: Receive,
        send: Send,
        request: Request,
        why: Verdict | None,
        target: Target | None = None,
        looked: Looked | None = None,
    ) -> None:
        """Answer a request from the store, or forward it."""
        cache = terms.cache
        course = cache.course(request, terms.wish, looked=looked)
        try:
            step: Any = await cache.advance(course)
        except NoResponseError:
            # The one that this request waited for: the server has words of its own for it.
            return
        except BaseException as error:
            course.broken(error)
            raise
        if isinstance(step, Sending):
            await Call(self, terms, scope, receive, send, request, course, why, target).run(step)
            return
        outer = scope.get(SCOPE_KEY)
        if outer is not None:
            outer.info = step.info
        await answer(step, cache, send, private=terms.private)
        if isinstance(step, Stored) and step.refresh and self._refreshing < self._max_refreshes:
            await self._refresh(terms, dict(scope), request)

    # --- what the calls share

    def tell(self, verdict: Verdict | None) -> None:
        """Log, once for each kind, that something bypasses the cache which a switch would let in."""
        if verdict is not None and verdict.clause.startswith(OURS) and verdict.code not in self._told:
            self._told.add(verdict.code)
            log.info("%s  Such requests bypass the cache (%s).", verdict.sentence, verdict.clause)

    async def refresh(self, like: Scope, url: str) -> None:
        """Have `url` fetched from the application and stored; `like` is the scope of a request to it."""
        scope = scope_for(url, like)
        headers = fields_of(scope)
        target = target_uri(scope, headers)
        if target is None:
            raise ValueError(f"url: {url!r} is no URL that this application serves")
        terms = self._terms(scope, headers)
        wish = replace(terms.wish, mode="reload") if terms.wish is not HERE else RELOAD
        await self._fetch(replace(terms, wish=wish), scope, Request("GET", target, headers), background=False)

    # --- behind the scenes

    def _terms(self, scope: Scope, headers: Headers) -> Terms:
        """The terms for a request: those of the first rule that matches, and the lifetimes of all that do."""
        matching = [(rule, cache) for rule, cache in self._rules if rule.matches(scope)]
        if not matching:
            return self._plain
        rule, cache = matching[0]
        wish = HERE
        if rule.bypass:
            wish = PAST
        elif callable(rule.vary_by) or rule.fields:
            partition = rule.partition(scope, headers)
            wish = PAST if partition is None else Wish(partition=partition)
        rules = tuple([rule for rule, _ in matching])
        return Terms(cache, wish, rules, private=wish not in (HERE, PAST))

    def _under(self, rule: Rule) -> AsyncCache:
        """The cache with the policy that `rule` makes of the general one."""
        policy = self.cache.policy
        if not rule.ignore_params and not rule.sort_params:
            return self.cache
        ignored = policy.ignore_params | frozenset(rule.ignore_params)
        return self.cache.under(
            replace(policy, ignore_params=ignored, sort_params=policy.sort_params or rule.sort_params)
        )

    async def _refresh(self, terms: Terms, scope: Scope, request: Request) -> None:
        """Refresh what a request was answered with.  A failure stays here: the next request tries again."""
        self._refreshing += 1
        try:
            await self._fetch(terms, scope, request, background=True)
        except Exception as error:  # noqa: BLE001  # the client has its answer; nobody else could be told
            log.info("refreshing %s in the background failed: %r", request.url, error)
        finally:
            self._refreshing -= 1

    async def _fetch(self, terms: Terms, scope: Scope, request: Request, *, background: bool) -> None:
        """Run the exchange for the store's sake."""
        if scope["method"] == "HEAD":
            scope["method"] = "GET"
        course = terms.cache.course(request, terms.wish, background=background)
        try:
            step: Any = await terms.cache.advance(course)
        except BaseException as error:
            course.broken(error)
            raise
        if isinstance(step, Sending):
            await Refresh(self, terms, scope, request, course).run(step)
        elif isinstance(step, Stored):
            await terms.cache.stored_content(step).aclose()

    def _ending(self, send: Send) -> Send:
        """The `send` of a lifespan, after whose end the store is closed; at the next start it is opened anew."""

        async def sent(message: Message) -> None:
            kind = message["type"]
            if kind == "lifespan.startup.complete" and self._closed and self._url is not None:
                store = open_store(self._url)
                for cache in (self.cache, *[cache for _, cache in self._rules]):
                    cache.reopen(store)
                self._closed = False
            elif kind in ("lifespan.shutdown.complete", "lifespan.shutdown.failed") and not self._closed:
                self._closed = True
                closing = self.cache.store.close()
                if closing is not None:
                    await closing
            await send(message)

        return sent


def _own_target_first(policy: Policy) -> Policy:
    """A gateway always obeys its own field first (ruling D47)."""
    if policy.targets[:1] == (OWN_TARGET,) or not policy.shared:
        return policy
    return replace(policy, targets=(OWN_TARGET, *[name for name in policy.targets if name != OWN_TARGET]))
