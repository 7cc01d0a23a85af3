"""May this response be stored, and what of it.  RFC 9111 §3

`assess` is the whole of it: a `Verdict` that says no, or the `Entry` to store.  Everything that a hit needs is worked
out here, once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from .combining import incomplete
from .dates import format_date
from .directives import OWN_TARGET, ResponseDirectives, policy_of, request_directives, response_directives
from .entries import Entry
from .freshness import corrected_initial_age, freshness_lifetime, sent_date
from .headers import Headers
from .invalidation import cache_groups
from .keys import Selecting, normalise_url, resolve, vary_names
from .messages import Request, Response
from .options import seconds_of
from .policy import GATEWAY_REFUSED, HEURISTICALLY_CACHEABLE, NO_WISH, Policy, Wish
from .verdicts import Verdict

STORABLE = Verdict(True, "storable", "RFC 9111 §3", "Nothing forbids to store it.")
METHOD = Verdict(False, "method", "RFC 9111 §3", "Responses to {} are not stored here.")
POST_CONTENT_LOCATION = Verdict(
    False, "post", "RFC 9110 §9.3.3", "A response to POST needs explicit freshness and its own Content-Location."
)
INTERIM = Verdict(False, "interim", "RFC 9111 §3", "Status {} is not a final response.")
NOT_UNDERSTOOD = Verdict(
    False, "status", "RFC 9111 §3", "Status {} is not one whose caching rules are understood here."
)
NEVER = Verdict(False, "status-never", "RFC 6585 §3-6", "Status {} is never stored, whatever its directives.")
OWN_CONDITION = Verdict(
    False, "own-condition", "RFC 9110 §13.1", "Status {} answers a condition or a range of this very request."
)
PART = Verdict(
    False, "part", "RFC 9111 §3.3", "It is not one part, asked for by a GET, of content whose length it tells."
)
PART_FIELDS = Verdict(
    False, "part-fields", "RFC 9110 §15.3.7", "What answers If-Range leaves out fields that the client knows."
)
STATUS_REFUSED = Verdict(False, "status-refused", "Policy.statuses", "Status {} is not stored by this cache.")
NO_STORE = Verdict(False, "no-store", "RFC 9111 §5.2.2.5", "The response says no-store.")
REQUEST_NO_STORE = Verdict(False, "request-no-store", "RFC 9111 §5.2.1.5", "The request says no-store.")
PRIVATE = Verdict(False, "private", "RFC 9111 §5.2.2.7", "The response is private and this cache is shared.")
AUTHORIZATION = Verdict(
    False, "authorization", "RFC 9111 §3.5", "The request has credentials and nothing opens the response to all."
)
COOKIES = Verdict(False, "cookie", "Policy.credentials", "The request has cookies and the response is not public.")
SET_COOKIE = Verdict(False, "set-cookie", "Policy.set_cookie", "The response sets a cookie.")
VARY_ALL = Verdict(False, "vary", "RFC 9111 §4.1", "Vary says that no other request can be given this response.")
VARY_REFUSED = Verdict(False, "vary-refused", "Policy.refuse_vary", "The response varies on {}.")
VARY_MANY = Verdict(False, "vary-many", "RFC 9111 §4.1", "The response varies on {} fields, more than are looked at.")
TRANSFER_CODED = Verdict(
    False, "transfer-coded", "RFC 9112 §7", "Its transfer coding {} would be lost, and the body with it."
)
NOT_CACHEABLE = Verdict(
    False, "not-cacheable", "RFC 9111 §3", "Nothing says that it may be cached, and status {} alone does not."
)
FILTERED = Verdict(False, "filtered", "Policy.response_filter", "The response filter keeps it out.")
USELESS = Verdict(
    False, "useless", "RFC 9111 §3", "It has neither a lifetime nor a validator, so it could never be used."
)

UNDERSTOOD: Final = frozenset(
    {*range(200, 206), *range(300, 304), 305, 307, 308, *range(400, 418), 421, 422, 426, 451, *range(500, 506)}
)
"""Final statuses whose caching rules are implemented: those of RFC 9110, and 451 (ruling D45).  206 and 304 are not."""
FORBIDDEN: Final = frozenset({428, 429, 431, 511})
"""Statuses that are never stored (RFC 6585, ruling D56)."""

MAX_VARY: Final = 32
"""How many fields a Vary may name for its response to be stored: each is looked up for every request."""

_LOOPBACK: Final = re.compile(r"http://(?:127\.0\.0\.1|\[::1\]|localhost)[:/]", re.IGNORECASE)

# RFC 9110 §15.5.13, §15.5.17: what a 412 or a 416 answers is in no key.
_CONDITIONS: Final = frozenset(
    {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"}
)

OF_THE_USER: Final = ("wish", "override")
"""Where directives stand that are not the server's."""
BEARING: Final = frozenset(
    {
        "cache-control",
        "connection",
        "date",
        "etag",
        "expires",
        "last-modified",
        "pragma",
        "set-cookie",
        "transfer-encoding",
        "vary",
    }
)
"""Response fields (lower case) that bear on whether a response to GET may be stored, beside the targeted ones."""
# RFC 9111 §3.1: fields that concern one connection or one proxy.  Age is no stored field (ruling D32).
NOT_STORED: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "age",
    }
)
# RFC 9112 §7.2: what a library may leave undone, for it undoes chunked only.
_TRANSFER_CODINGS: Final = frozenset({"compress", "deflate", "gzip", "x-compress", "x-gzip"})
# Our own targeted field is for the shared cache that it reached, only (ruling D47).
NOT_SHARED: Final = NOT_STORED | {OWN_TARGET}


def may_store(
    request: Request, response: Response, policy: Policy, *, request_time: float, response_time: float
) -> Verdict:
    """Whether the response to `request` may be stored by a cache with `policy`.  RFC 9111 §3

    The times, in seconds since the epoch, are when the request was sent and the response's head received.
    """
    assessed = assess(request, response, policy, request_time=request_time, response_time=response_time)
    return assessed if isinstance(assessed, Verdict) else STORABLE


def assess(
    request: Request,
    response: Response,
    policy: Policy,
    *,
    request_time: float,
    response_time: float,
    selecting: Selecting = (),
    wish: Wish = NO_WISH,
    url: str | None = None,
) -> Entry | Verdict:
    """What to store of the response to `request`, or why not.  RFC 9111 §3

    `selecting` are the request's selecting values, and `url` is what stands for it in the key, if that is not its own.
    The body is not part of the question.
    """
    if response.status == 206 and policy.partial:
        counts_as = _incomplete(request, response)
        if isinstance(counts_as, Verdict):
            return counts_as
        response = counts_as
    headers = response.headers
    said, field = policy_of(headers, policy.targets)
    if wish.ttl is not None or (policy.overrides and wish.overrides):
        said, field = _overridden(request, response, policy, wish, said, field)
    # A POST whose content is no part of the key can only be stored for a later GET (ruling D39).
    as_get = request.method == "POST" and not ("POST" in policy.methods or wish.body_in_key)
    refusal = _refusal(request, response, policy, said, as_get=as_get)
    if refusal is not None:
        return refusal
    sent = sent_date(headers, response_time)
    # Ruling D14: the time of receipt stands in for a Date that is missing or invalid.
    date = response_time if sent is None else sent
    lifetime, source = freshness_lifetime(response.status, headers, said, field, date, policy)
    refusal = _pointless(request, response, policy, said, source, as_get=as_get)
    if refusal is not None:
        return refusal
    kept = stored_headers(headers, said, policy, date, dated=sent is not None)
    fields = kept.fields
    etag, modified = fields.get("etag"), fields.get("last-modified")
    if etag is None and modified is None and (said.no_cache or lifetime <= 0):
        if said.no_cache or not (said.stale_while_revalidate or said.stale_if_error):
            return USELESS
    shared = policy.shared
    s_maxage = said.s_maxage is not None
    wished = 0 if wish.stale_if_error is None else seconds_of(wish.stale_if_error) or 0
    # By position: by name, so many take three times as long.
    return Entry(
        normalise_url(request.url) if url is None else url,
        "GET" if as_get else request.method,
        selecting,
        response.status,
        response.reason,
        kept,
        request_time,
        response_time,
        corrected_initial_age(headers, date, request_time, response_time, trust_age=policy.trust_age),
        lifetime,
        field if field in OF_THE_USER else source,
        date,
        # validate, never_stale, no_max_stale
        said.no_cache,
        said.must_revalidate or (shared and said.proxy_revalidate),
        shared and s_maxage,
        # immutable; D60: only where nobody can have changed or cut short what came.
        said.immutable and _trustworthy(request.url) and "content-length" in fields,
        # explicit
        said.public or s_maxage,
        # while_revalidate, if_error, kept
        said.stale_while_revalidate or 0,
        said.stale_if_error or 0,
        max(policy.stale_while_revalidate or 0, policy.stale_if_error or 0, wished),
        etag,
        modified,
        (cache_groups(kept) if "cache-groups" in fields else ()) + wish.groups,
        # withheld: our own targeted field governs what is stored, and is never passed on (ruling D47).
        tuple([(OWN_TARGET, value) for value in headers.getlist(OWN_TARGET)]) if shared else (),
        # created
        response_time,
    )


def _incomplete(request: Request, response: Response) -> Response | Verdict:
    """The incomplete 200 as which a 206 to `request` may be stored, or why it may not.  RFC 9111 §3.3, ruling D36"""
    fields = request.headers.fields
    if request.method != "GET" or "range" not in fields:
        return PART
    if "if-range" in fields:
        return PART_FIELDS
    return incomplete(response) or PART


def _overridden(
    request: Request, response: Response, policy: Policy, wish: Wish, said: ResponseDirectives, field: str
) -> tuple[ResponseDirectives, str]:
    """The directives that count for the response, and where they stand: the user's, or else what it says itself."""
    if wish.ttl is not None and response.status in HEURISTICALLY_CACHEABLE:
        return ResponseDirectives(max_age=seconds_of(wish.ttl)), "wish"
    override = policy.override(request, response.status) if wish.overrides else None
    if override is not None:
        missing = said.max_age is None and said.s_maxage is None and "expires" not in response.headers
        if override.when == "always" or (missing and not said.no_store and not said.no_cache and not said.private):
            return response_directives(override.text), "override"
    return said, field


def _refusal(
    request: Request, response: Response, policy: Policy, said: ResponseDirectives, *, as_get: bool
) -> Verdict | None:
    """The first of RFC 9111 §3's conditions that is not met; None where all are."""
    method, status = request.method, response.status
    # "the request method is understood by the cache"
    if method not in policy.methods and not (method == "POST" and (policy.post_as_get or not as_get)):
        return METHOD.of(method)
    # "the response status code is final"
    if not 200 <= status <= 599:
        return INTERIM.of(status)
    if status in FORBIDDEN:
        return NEVER.of(status)
    # "if the response status code is 206 or 304, or the must-understand cache directive is present: the cache
    # understands the response status code"
    understood = status in UNDERSTOOD
    if not understood and (status in (206, 304) or said.must_understand):
        return NOT_UNDERSTOOD.of(status)
    if policy.statuses is not None:
        if status not in policy.statuses:
            return STATUS_REFUSED.of(status)
    elif policy.shared and policy.credentials == "explicit" and status in GATEWAY_REFUSED:
        return STATUS_REFUSED.of(status)
    # "the no-store cache directive is not present"; must-understand takes its place where the status is understood
    # (§5.2.2.3), which it is, or we would not be here.
    if said.no_store and not said.must_understand:
        return NO_STORE
    fields = request.headers.fields
    if status in (412, 416) and not _CONDITIONS.isdisjoint(fields):
        return OWN_CONDITION.of(status)
    if policy.honour_request and "cache-control" in fields:
        if request_directives(fields["cache-control"]).no_store:
            return REQUEST_NO_STORE
    if policy.shared:
        # "if the cache is shared: the private response directive is either not present or allows a shared cache to
        # store a modified response"
        if said.private:
            return PRIVATE
        if "authorization" in fields or "cookie" in fields:
            refusal = _guarded(fields, policy, said)
            if refusal is not None:
                return refusal
    if policy.response_filter is not None and not policy.response_filter(request, response):
        return FILTERED
    return _field_refusal(response, policy)


def _guarded(fields: Mapping[str, str], policy: Policy, said: ResponseDirectives) -> Verdict | None:
    """Whether credentials in the request bar a shared cache from the response.  RFC 9111 §3.5"""
    explicit = said.public or said.s_maxage is not None
    if "authorization" in fields:
        if not (explicit or (said.must_revalidate and policy.credentials == "rfc")):
            return AUTHORIZATION
    # Whoever gets here without cookies has been let through above, on the same terms.
    return COOKIES if policy.credentials == "explicit" and not explicit else None


def _field_refusal(response: Response, policy: Policy) -> Verdict | None:
    """Whether Vary, Set-Cookie or Transfer-Encoding bars it.  RFC 9111 §4.1, §3.1, rulings D23, D25"""
    fields = response.headers.fields
    if "transfer-encoding" in fields:
        # The field is not stored, so that nobody could tell any more what the body is.
        codings = [coding.strip(" \t").lower() for coding in fields["transfer-encoding"].split(",")]
        if undone := _TRANSFER_CODINGS.intersection(codings):
            return TRANSFER_CODED.of(", ".join(sorted(undone)))
    if "set-cookie" in fields and policy.set_cookie == "bypass":
        return SET_COOKIE
    if "vary" in fields:
        names = vary_names(fields["vary"])
        if names is None:
            return VARY_ALL
        if len(names) > MAX_VARY:
            return VARY_MANY.of(len(names))
        if refused := policy.refuse_vary.intersection(names):
            return VARY_REFUSED.of(", ".join(sorted(refused)))
    return None


def _pointless(
    request: Request, response: Response, policy: Policy, said: ResponseDirectives, source: str, *, as_get: bool
) -> Verdict | None:
    """The last of §3's conditions, "the response contains at least one of the following", and POST's own."""
    # "a public response directive; a private response directive, if the cache is not shared; an Expires header
    # field; a max-age response directive; if the cache is shared: an s-maxage response directive; a cache extension
    # that allows it to be cached; or a status code that is defined as heuristically cacheable"
    explicit = source in ("max-age", "s-maxage", "expires")
    if as_get:
        location = response.headers.get("content-location")
        if not explicit or location is None or resolve(request.url, location) != normalise_url(request.url):
            return POST_CONTENT_LOCATION
    if explicit or said.public or response.status in HEURISTICALLY_CACHEABLE:
        return None
    if not policy.shared and (said.private or said.private_fields):
        return None
    return NOT_CACHEABLE.of(response.status)


def _trustworthy(url: str) -> bool:
    """Whether nobody can have changed what came from `url` on its way.  RFC 8246 §3

    That is https, and plain http to this very machine.
    """
    return url[:6].lower() == "https:" or bool(_LOOPBACK.match(url))


def stored_headers(headers: Headers, said: ResponseDirectives, policy: Policy, date: float, *, dated: bool) -> Headers:
    """The fields that are kept, and later replayed.  RFC 9111 §3.1

    `date` is the response's, and `dated` tells whether it sent that itself.
    """
    fields = headers.fields
    # A qualified no-cache bars every cache from the fields it names, a qualified private shared ones (ruling D09).
    named = said.no_cache_fields + said.private_fields if policy.shared else said.no_cache_fields
    if "connection" in fields:
        named += tuple([name.strip(" \t").lower() for name in fields["connection"].split(",")])
    if policy.set_cookie == "strip":
        named += ("set-cookie",)
    gone = NOT_SHARED if policy.shared else NOT_STORED
    if named:
        gone = gone.union(named)
    kept = headers.without(gone)
    # A response without a proper Date gets one (RFC 9110 §6.6.1).
    return kept if dated and "date" not in gone else kept.replacing(("Date", format_date(date)))
