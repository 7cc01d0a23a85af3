"""The terms on which one request is served: whose rules apply, and what else bears on its response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from cachespec import AsyncCache, Response, Verdict, Wish

from .handle import Handle
from .interface import RawLine, Scope
from .lines import for_one_user, head_of, octets
from .rules import Rule, ruled
from .target import has_credentials

SESSION = Verdict(False, "session", "CacheMiddleware", "The application looked into the session.")

LISTS: Final = frozenset({"vary", "cache-groups", "cache-group-invalidation", "link", "server-timing"})
"""Fields that several may add to; of any other, the response's own line counts."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one request."""

    cache: AsyncCache
    """The cache, with the policy for this request."""
    wish: Wish
    rules: tuple[Rule, ...] = ()
    """The rules for this request, in order."""
    private: bool = False
    """Whether caches downstream must not store the response: they cannot know what tells it from others."""


def declared(handle: Handle, status: int, lines: list[RawLine]) -> list[RawLine]:
    """`lines` with those that were declared at ``scope["cachespec"]`` and that nobody further in has written.

    Errors do not get any, and the response's own word counts.
    """
    waiting, handle.fields[:] = list(handle.fields), []
    if status >= 400:
        return lines
    own = {name.lower().decode("latin-1") for name, _ in lines}
    return lines + octets([line for line in waiting if line[0].lower() in LISTS or line[0].lower() not in own])


def judged(
    head: Response, lines: list[RawLine], terms: Terms, scope: Scope, handle: Handle
) -> tuple[Response, list[RawLine]]:
    """The response's head as the cache has to take it, and its lines as everybody else gets them."""
    if handle.fields:
        lines = declared(handle, head.status, lines)
        head = head_of(head.status, lines)
    if touched(scope.get("session")):
        lines = for_one_user(lines)
        headers = head.headers.without({"cache-control", *terms.cache.policy.targets})
        return Response(head.status, headers.plus(("cache-control", "private"))), lines
    if terms.rules:
        head, told = ruled(terms.rules, head, guarded=has_credentials(scope), now=terms.cache.clock())
        lines = lines + octets(told)
    return head, lines


def touched(session: Any) -> bool:
    """Whether the response may depend on the session at ``scope["session"]``.

    Starlette's knows whether it was used.  Of any other the content tells: an empty one has nothing that would.
    """
    if session is None:
        return False
    accessed = getattr(session, "accessed", None)
    return bool(session) if accessed is None else bool(accessed)
