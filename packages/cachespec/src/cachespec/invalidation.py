"""What an unsafe method makes obsolete, and groups of responses that go together.  RFC 9111 §4.4, RFC 9875"""

from __future__ import annotations

from typing import Final

from .headers import Headers
from .keys import normalise_url, origin_of, resolve
from .messages import Request, Response
from .structured import Item, parse_list
from .verdicts import Verdict

UNSAFE = Verdict(True, "unsafe-method", "RFC 9111 §4.4", "{} is not known to be safe, and it succeeded.")
SAFE = Verdict(False, "safe-method", "RFC 9111 §4.4", "The method is safe: it changes nothing.")
FAILED = Verdict(False, "unsafe-failed", "RFC 9111 §4.4", "Status {} does not say that anything changed.")

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "PRI", "PROPFIND", "QUERY", "REPORT", "SEARCH", "TRACE"})
"""The safe methods of the IANA registry.  Any other one, known or not, counts as unsafe (RFC 9110 §9.2.1)."""

MAX_GROUPS: Final = 128
"""How many groups of one field are looked at; at least 32 have to be (RFC 9875 §2, §3)."""
MAX_GROUP: Final = 256
"""Characters of the longest name of a group that is looked at; at least 32 have to be (RFC 9875 §2, §3)."""


def invalidates(request: Request, response: Response) -> Verdict:
    """Whether `response` makes what is stored for the target of `request` obsolete.  RFC 9111 §4.4

    Methods are case-sensitive (RFC 9110 §9.1), so ``get`` is an unknown one, which may have changed anything.
    """
    if request.method in SAFE_METHODS:
        return SAFE
    # "A 'non-error response' is one with a 2xx (Successful) or 3xx (Redirection) status code."
    if not 200 <= response.status <= 399:
        return FAILED.of(response.status)
    return UNSAFE.of(request.method)


def invalidated_urls(request: Request, response: Response) -> tuple[str, ...]:
    """The URLs, normalised, of which nothing that is stored may be used any more.  RFC 9111 §4.4, D35

    The target, and what Location and Content-Location name where it has the same origin; nothing at all where
    `invalidates` says no.
    """
    if not invalidates(request, response):
        return ()
    target = normalise_url(request.url)
    urls = {target: None}
    # "The cache MUST NOT invalidate a URI whose origin differs": a server speaks for none but its own (§4.4).
    origin = origin_of(target)
    if origin is not None:
        for name in ("location", "content-location"):
            for reference in response.headers.getlist(name):
                url = resolve(target, reference)
                if origin_of(url) == origin:
                    urls[url] = None
    return tuple(urls)


def cache_groups(headers: Headers) -> tuple[str, ...]:
    """The groups that a response with `headers` belongs to, within its origin.  RFC 9875 §2"""
    return _groups(headers.fields.get("cache-groups"))


def invalidated_groups(request: Request, response: Response) -> tuple[str, ...]:
    """The groups of the target's origin whose stored responses `response` makes obsolete.  RFC 9875 §3

    The field counts on any final status (D51), but not on the response to a safe method.
    """
    if request.method in SAFE_METHODS or response.status < 200:
        return ()
    return _groups(response.headers.fields.get("cache-group-invalidation"))


def _groups(value: str | None) -> tuple[str, ...]:
    """A List of Strings, each once, in order.  With a member of another type the field is void (D51)."""
    groups: dict[str, None] = {}
    for member in parse_list(value) or ():
        # Tokens and display strings are texts, too, but not Strings.
        if not isinstance(member, Item) or type(member.value) is not str:
            return ()
        groups[member.value] = None
    return tuple([group for group in groups if len(group) <= MAX_GROUP][:MAX_GROUPS])
