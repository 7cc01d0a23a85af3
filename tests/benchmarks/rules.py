"""The rules alone, against `snippet`: what a decision costs, with a verdict that gives its reason."""

from __future__ import annotations

import time
from contextlib import ExitStack

import snippet
from harness import Contender, Offer, Scenario, repeated

from cachespec import Entry, Policy, Request, Response, Verdict, assess, decide, format_date

FLOOR = "hand-written snippet"
OURS = "cachespec"
URL = "http://example.test/articles/1"
ASKED = [
    ("Host", "example.test"),
    ("User-Agent", "client/1.0"),
    ("Accept-Encoding", "gzip, deflate"),
    ("Accept", "*/*"),
    ("Connection", "keep-alive"),
]
BEGUN = time.time()
ANSWERED = [
    ("Date", format_date(BEGUN)),
    ("Server", "origin"),
    ("Content-Type", "application/json"),
    ("Content-Length", "2048"),
    ("Cache-Control", "public, max-age=86400"),
    ("ETag", '"0123456789abcdef"'),
    ("Last-Modified", format_date(BEGUN - 100_000)),
    ("Vary", "Accept-Encoding"),
]
# Like the snippet: a shared cache, and what RFC 9111 says of it, no more.
POLICY = Policy(shared=True)


def kept() -> snippet.Kept:
    """What the snippet stores."""
    found = snippet.store("GET", ASKED, 200, ANSWERED, shared=True, sent=BEGUN, received=BEGUN)
    assert found is not None
    return found


def entry() -> Entry:
    """What cachespec stores."""
    found = assess(Request("GET", URL, ASKED), Response(200, ANSWERED), POLICY, request_time=BEGUN, response_time=BEGUN)
    assert isinstance(found, Entry)
    return found


def _stored(stack: ExitStack, offer: Offer) -> None:
    stored, fields, now = kept(), snippet.combined(ASKED), time.time
    ours, request, policy = entry(), Request("GET", URL, ASKED), POLICY
    assert snippet.decide(stored, "GET", fields, now()) is snippet.Decision.USE
    assert decide(request, ours, policy, now()).code == "fresh"
    offer.add(FLOOR, lambda: Contender("", repeated(lambda: snippet.decide(stored, "GET", fields, now()))))
    offer.add(OURS, lambda: Contender("", repeated(lambda: decide(request, ours, policy, now()))))


def _raw(stack: ExitStack, offer: Offer) -> None:
    now, policy = time.time, POLICY

    def floor() -> snippet.Decision:
        at = now()
        found = snippet.store("GET", ASKED, 200, ANSWERED, shared=True, sent=at, received=at)
        assert found is not None
        return snippet.decide(found, "GET", snippet.combined(ASKED), at)

    def ours() -> Verdict:
        at = now()
        request = Request("GET", URL, ASKED)
        found = assess(request, Response(200, ANSWERED), policy, request_time=at, response_time=at)
        assert isinstance(found, Entry)
        return decide(request, found, policy, at)

    assert floor() is snippet.Decision.USE
    assert ours().code == "fresh"
    offer.add(FLOOR, lambda: Contender("", repeated(floor)))
    offer.add(OURS, lambda: Contender("", repeated(ours)))


def _storing(stack: ExitStack, offer: Offer) -> None:
    now, policy = time.time, POLICY

    def floor() -> object:
        at = now()
        return snippet.store("GET", ASKED, 200, ANSWERED, shared=True, sent=at, received=at)

    def ours() -> object:
        at = now()
        return assess(Request("GET", URL, ASKED), Response(200, ANSWERED), policy, request_time=at, response_time=at)

    offer.add(FLOOR, lambda: Contender("", repeated(floor)))
    offer.add(OURS, lambda: Contender("", repeated(ours)))


SCENARIOS = [
    Scenario("rules-stored", "A decision on a stored response", FLOOR, _stored),
    Scenario("rules-raw", "A decision from raw header lines", FLOOR, _raw),
    Scenario("rules-storing", "May it be stored, and what of it", FLOOR, _storing),
]
