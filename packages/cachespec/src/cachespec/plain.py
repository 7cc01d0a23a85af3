"""The short way for what nearly every answer is: plain, and fresh and at hand or not there at all.  RFC 9111 §4

A *plain* request is a GET of which nothing but the URL bears on a response without Vary.  What the exchange comes to
for it is told here without its steps, where all of the response lies beside its head and is fresh, and past all that
concerns the store, where nothing lies there; all else takes the long way, which says the same of these, too.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from .answers import answer_at_hand
from .case import Case, Clock
from .entries import Entry, Item
from .exchange import NOTHING_STORED
from .info import CacheInfo
from .keys import primary_key
from .messages import Request
from .policy import Policy, Wish
from .reuse import BEARING, FRESH, decide
from .selection import Found, Keys, kept_url
from .steps import Stored
from .stores.contract import Reading

Looked: TypeAlias = tuple[Keys, Reading]
"""Where a plain request finds its answer, and what lies there."""

_PLAIN: Final = Request("GET", "")


def plain_keys(request: Request, policy: Policy, wish: Wish) -> Keys | None:
    """The keys of a plain request, which are those of its URL; None for any other request.

    Only where nothing of the user's own is asked about it, which would be asked once more on the long way.
    """
    if request.method != "GET" or request.content != b"" or not BEARING.isdisjoint(request.headers.fields):
        return None
    if wish.mode != "default" or wish.partition is not None or wish.sliding:
        return None
    if not policy.enabled or policy.key is not None or policy.request_filter is not None or policy.vary_by:
        return None
    return keys_at(request.url if wish.key is None else wish.key, policy)


def keys_at(url: str, policy: Policy) -> Keys | None:
    """The keys of a plain request for `url`; None where there are none."""
    kept = kept_url(url, policy)
    return None if kept is None else Keys(kept, primary_key(kept, policy.space), (), b"")


def plain_hit(request: Request, url: str, item: Item | None, policy: Policy, now: float) -> Stored | None:
    """The answer that `item`, found at `url`, gives to a plain request; None where that is not so simple."""
    entry = plain_fresh(url, item, policy, now)
    if entry is None or entry.body is None:
        return None
    return answer_at_hand(request, entry, CacheInfo(verdicts=[FRESH], key=url), now, status="hit")


def plain_miss(request: Request, policy: Policy, clock: Clock, wish: Wish, looked: Looked) -> Case | None:
    """The case of a plain request that has nothing to ask of the store any more; None where that is not so simple.

    It is to be forwarded as it is, unless another one is waited for.
    """
    keys, root = looked
    if root.item is not None or policy.no_vary_search:
        return None
    info = CacheInfo("miss", [NOTHING_STORED], key=keys.url, forward="uri-miss")
    case = Case(request, policy, clock, wish, False, keys, info)
    case.found = Found(root)
    return case


def plain_fresh(url: str, item: Item | None, policy: Policy, now: float) -> Entry | None:
    """`item`, found at `url`, if it is a response that is fresh for a plain request, wherever its body lies."""
    if not isinstance(item, Entry) or item.url != url:
        return None
    # An override may want it to be prolonged.
    return item if item.source != "override" and decide(_PLAIN, item, policy, now) is FRESH else None
