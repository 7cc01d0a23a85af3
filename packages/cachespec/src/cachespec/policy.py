"""Configuration: `Policy` for one cache, `Wish` for one request.

Both are frozen, all of it keyword-only, and checked when made: an error names the option.  Where the RFCs leave a
choice open, the default and its reason stand in docs/decisions under the number given.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, Final, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from .headers import is_token
from .keys import NORMALISE, NORMALISE_STRICT, Normalise
from .messages import Request, Response
from .options import checked, seconds_of

Mode: TypeAlias = Literal["default", "no-store", "reload", "no-cache", "force-cache", "only-if-cached"]
MODES: Final = ("default", "no-store", "reload", "no-cache", "force-cache", "only-if-cached")

HEURISTICALLY_CACHEABLE: Final = frozenset({200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 451, 501})
"""Statuses that may get a heuristic lifetime.  RFC 9110 §15.1, RFC 7725 §3"""
CACHEABLE_METHODS: Final = frozenset({"GET", "POST", "QUERY"})
"""Methods that `Policy.methods` may name; HEAD is answered from GET and never stored (ruling D34)."""
GATEWAY_REFUSED: Final = frozenset({400, 408, 413, 414, 431, *range(500, 600)})
"""Statuses that a gateway does not store unless `Policy.statuses` names them (ruling D46)."""

DISABLE: Final = "CACHESPEC_DISABLE"
"""The environment variable that switches every cache off that is made while it is ``1``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Directives that take the place of the server's for some URLs: one-sided, the request's still count.

    What the user sees of the response stays as the server sent it.  Whatever they say, ``Vary: *``, partial content
    (but for `Policy.partial`) and the statuses of RFC 6585 are not stored, and the policy's own filters hold.
    """

    ttl: int | timedelta | None = None
    """The lifetime, in seconds; shorthand for ``directives="max-age=…"``."""
    directives: str | None = None
    """Cache-Control for a response, such as ``"max-age=3600, stale-while-revalidate=60"``."""
    when: Literal["always", "missing"] = "always"
    """Whether it counts against what the server says, or only where the server says nothing of freshness."""
    host: str = "*"
    """Which hosts, as a glob: ``*.example.com``."""
    path: str = "*"
    """Which paths, as a glob: ``/api/*``."""
    methods: frozenset[str] = frozenset({"GET", "HEAD", "QUERY", "POST"})
    """Which methods."""
    statuses: frozenset[int] = HEURISTICALLY_CACHEABLE - {206}
    """Which statuses of the response."""
    sliding: bool = False
    """Whether every hit makes the response fresh for `ttl` seconds more."""

    def __post_init__(self) -> None:
        if (self.ttl is None) == (self.directives is None):
            raise ValueError("ttl, directives: give one of them")
        object.__setattr__(self, "ttl", seconds_of(self.ttl))
        for option in fields(self):
            object.__setattr__(self, option.name, checked(option.name, option.type, getattr(self, option.name)))
        if self.sliding and self.ttl is None:
            raise ValueError("sliding: needs ttl, the seconds by which a hit prolongs")

    @property
    def text(self) -> str:
        """The directives as Cache-Control."""
        return f"max-age={self.ttl}" if self.directives is None else self.directives

    def matches(self, request: Request) -> bool:
        """Whether it is about `request`."""
        if request.method not in self.methods:
            return False
        if self.host == "*" and self.path == "*":
            return True
        parts = urlsplit(request.url)
        return fnmatchcase((parts.hostname or "").lower(), self.host.lower()) and fnmatchcase(parts.path, self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How one cache behaves.  The defaults are those of a private cache; `Policy.gateway()` has a gateway's."""

    shared: bool = False
    """Whether several users are served from it (RFC 9111 §1.1)."""
    enabled: bool = True
    """False passes everything through untouched."""
    namespace: str = ""
    """Keeps apart what several caches hold in one store."""
    methods: frozenset[str] = frozenset({"GET"})
    """Methods whose responses may be stored: GET, POST (needs `body_in_key`, D39), QUERY (D40)."""
    body_in_key: bool = False
    """Whether the content of a POST is part of the key.  A QUERY's always is."""
    post_as_get: bool = False
    """Whether a POST's response with its own Content-Location may answer a later GET (RFC 9110 §9.3.3, D39)."""
    statuses: frozenset[int] | None = None
    """Final statuses that may be stored; None leaves it to the RFCs and, for a gateway, ruling D46."""
    heuristics: bool = True
    """Whether a response without explicit lifetime may get one from Last-Modified (D17)."""
    heuristic_fraction: float = 0.1
    """The part of the time since Last-Modified that is taken as lifetime."""
    heuristic_cap: int = 86400
    """The longest heuristic lifetime, in seconds."""
    honour_request: bool = True
    """Whether a request's cache directives and Pragma count (D18); only-if-cached always does."""
    targets: tuple[str, ...] = ()
    """Targeted fields that are obeyed before Cache-Control, in order (RFC 9213, D47)."""
    set_cookie: Literal["store", "bypass", "strip"] = "store"
    """What becomes of a response with Set-Cookie: stored whole, not stored, or stored without it (D25)."""
    credentials: Literal["partition", "explicit", "rfc"] | None = None
    """Requests with Authorization: each principal has entries of its own (D26; the default of a private cache); or only
    what says ``public`` or ``s-maxage`` is stored and served, for Cookie too; or RFC 9111 §3.5 and no more (the default
    of a shared one)."""
    vary_by: tuple[str, ...] = ()
    """Request fields that tell responses apart even where Vary does not name them."""
    refuse_vary: frozenset[str] = frozenset()
    """A response whose Vary names one of these is not stored."""
    normalise: Mapping[str, Normalise] | None = None
    """By field, and under ``*`` for all others, how values are made equal for Vary; None is white space only (D22)."""
    select_language: bool = False
    """Whether a response whose Content-Language is what the request prefers most may answer it, although Vary names
    Accept-Language and its value differs (RFC 9111 §4.1, D22)."""
    partial: bool = False
    """Whether a part of a response, a 206, is stored, combined with others of the same strong validator, served for
    ranges within it, and completed by a request for what is missing (RFC 9111 §3.3, §3.4, D36)."""
    no_vary_search: bool = False
    """Whether No-Vary-Search is obeyed (D52)."""
    key: Callable[[Request], str | None] | None = None
    """The URL that stands for a request in the key; None for one that must bypass."""
    ignore_params: frozenset[str] = frozenset()
    """Query parameters that are no part of the key; a name may end in ``*``."""
    sort_params: bool = False
    """Whether the order of query parameters of different names is no part of the key."""
    overrides: tuple[Override, ...] = ()
    """Directives that take the place of the server's, by URL; the first that matches counts."""
    request_filter: Callable[[Request], bool] | None = None
    """False for a request that must bypass the cache, whatever else is configured."""
    response_filter: Callable[[Request, Response], bool] | None = None
    """False for a response that must not be stored, by its head."""
    content_filter: Callable[[Request, Response, bytes], bool] | None = None
    """False for a response that must not be stored, by its whole content, which is in memory until then."""
    revalidate: Literal["stale", "always"] = "stale"
    """Whether entries are validated when stale, or on every use."""
    stale_if_error: int | None = None
    """Seconds for which a stale response may stand in for an error without saying so itself (D28)."""
    stale_while_revalidate: int | None = None
    """Seconds for which a stale response may be used while it is refreshed, without saying so itself (RFC 5861 §3)."""
    strict_s_maxage: bool = False
    """Whether s-maxage forbids stale use even where stale-while-revalidate or -if-error stands beside it (D27)."""
    trust_age: bool = False
    """Whether age counts from Age alone, not from Date: for an origin in the same process (D13)."""
    ignore_fat_get: bool = False
    """Whether the content of a GET is disregarded; otherwise a GET with content bypasses the cache."""
    max_body: int = 256 * 1024 * 1024
    """The largest response body that is stored, in bytes."""
    max_variants: int = 500
    """How many variants one URL may have before all of them are dropped."""
    collapse: bool = True
    """Whether concurrent requests for one thing wait for the first of them (D53)."""
    collapse_wait: float = 1.0
    """How long they wait, in seconds, counted from the first one's response head; 5 for a gateway."""
    collapse_across: bool = False
    """Whether they wait for those of other processes, too, where the store settles who goes (see `Leasing`)."""
    from_cache_field: str | None = None
    """A field such as ``X-From-Cache`` that is added with the value 1 to responses from the store."""
    cache_status: str | None = None
    """The name under which a Cache-Status member is added to responses; None adds none (D50)."""
    debug: bool = False
    """Whether that member tells the key, too.  Keys help attackers (RFC 9211 §6)."""
    space: str = field(init=False, repr=False, compare=False)
    """The key space: private and shared caches never read each other's entries."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "space", f"{'shared' if self.shared else 'private'}:{self.namespace}")
        if os.environ.get(DISABLE) == "1":
            object.__setattr__(self, "enabled", False)
        for option in fields(self):
            object.__setattr__(self, option.name, checked(option.name, option.type, getattr(self, option.name)))
        if self.credentials is None:
            object.__setattr__(self, "credentials", "rfc" if self.shared else "partition")
        if unknown := self.methods - CACHEABLE_METHODS:
            raise ValueError(f"methods: responses to {', '.join(sorted(unknown))} are not cacheable")
        if "POST" in self.methods and not self.body_in_key:
            raise ValueError("methods: POST needs body_in_key=True, or one answer would serve every content")
        if self.credentials == "partition" and self.shared:
            raise ValueError('credentials: "partition" is for private caches; use "explicit" or "rfc" with shared=True')
        if not 0 <= self.heuristic_fraction <= 1:
            raise ValueError("heuristic_fraction: must lie between 0 and 1")
        if self.statuses is not None and not all(200 <= status <= 599 for status in self.statuses):
            raise ValueError("statuses: only final statuses, 200 to 599")
        for name in (*self.targets, *self.vary_by, *self.refuse_vary):
            if not is_token(name) or name != name.lower():
                raise ValueError(f"targets, vary_by, refuse_vary: {name!r} is no field name in lower case")
        for override in self.overrides:
            if not isinstance(override, Override):
                raise TypeError(f"overrides: {override!r} is no Override")
        for name, value in (("cache_status", self.cache_status), ("from_cache_field", self.from_cache_field)):
            if value is not None and not is_token(value):
                raise ValueError(f"{name}: must be a token, such as your product's name")

    @classmethod
    def gateway(cls, **options: Any) -> Self:
        """A shared cache in front of an application, with careful defaults; `options` replace them.

        No heuristics (D17), request directives ignored (D18), responses with Set-Cookie not stored (D25), requests
        with credentials served only what is explicitly public, Cache-Status without the key (D50).  Where the store is
        shared by several processes, one of them fetches for all.
        """
        careful: dict[str, Any] = {
            "shared": True,
            "heuristics": False,
            "honour_request": False,
            "set_cookie": "bypass",
            "credentials": "explicit",
            "refuse_vary": frozenset({"cookie", "authorization", "user-agent"}),
            "targets": ("cachespec-cache-control",),
            "cache_status": "cachespec",
            "collapse_wait": 5.0,
            "collapse_across": True,
        }
        return cls(**(careful | options))

    @classmethod
    def strict(cls, *, shared: bool, **options: Any) -> Self:
        """The RFCs to the letter, with everything they allow switched on; `options` replace that.

        Heuristics, request directives, CDN-Cache-Control for a shared cache, Set-Cookie stored, Vary normalised as
        far as the fields' definitions permit, a POST's response for a later GET, partial content.
        """
        letter: dict[str, Any] = {
            "shared": shared,
            "heuristics": True,
            "honour_request": True,
            "targets": ("cachespec-cache-control", "cdn-cache-control") if shared else (),
            "set_cookie": "store",
            "credentials": "rfc" if shared else "partition",
            "normalise": NORMALISE_STRICT,
            "select_language": True,
            "post_as_get": True,
            "partial": True,
            "stale_if_error": 7 * 86400,
            "ignore_fat_get": False,
        }
        return cls(**(letter | options))

    def override(self, request: Request, status: int) -> Override | None:
        """The directives that take the place of the server's for a response with `status` to `request`, if any do."""
        for override in self.overrides:
            if override.matches(request) and status in override.statuses:
                return override
        return None

    @property
    def normalisers(self) -> Mapping[str, Normalise]:
        """By field, how values are made equal for Vary."""
        return NORMALISE if self.normalise is None else self.normalise


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one request asks of the cache, beyond what its header fields say."""

    mode: Mode = "default"
    """As in Fetch: ``no-store`` passes by the cache, ``reload`` only writes it, ``no-cache`` validates, ``force-cache``
    takes stale ones, ``only-if-cached`` takes stale ones and never goes forward."""
    ttl: int | timedelta | None = None
    """The lifetime to store the response with, in seconds, whatever the server says of it (see `Override`)."""
    sliding: bool = False
    """Whether every hit makes the response fresh for `ttl` seconds more."""
    key: str | None = None
    """The URL that stands for the request in the key, absolute."""
    groups: tuple[str, ...] = ()
    """Groups that the response is to belong to, for purging."""
    partition: str | None = None
    """What sets the responses to this request apart from those to others, a tenant say; kept as a keyed digest only."""
    body_in_key: bool = False
    """Whether a POST may be cached, with its content as part of the key."""
    stale_if_error: int | timedelta | None = None
    """Seconds for which a stale response may stand in for an error."""
    overrides: bool = True
    """Whether `Policy.overrides` count for this request, and what was stored by them may answer it."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode: {self.mode!r} is not one of {', '.join(MODES)}")
        for name in ("ttl", "stale_if_error"):
            object.__setattr__(self, name, seconds_of(getattr(self, name)))
        for option in fields(self):
            if option.name != "mode":
                object.__setattr__(self, option.name, checked(option.name, option.type, getattr(self, option.name)))
        if self.sliding and self.ttl is None:
            raise ValueError("sliding: needs ttl, the seconds by which a hit prolongs")
        if self.key is not None and "://" not in self.key:
            raise ValueError(f"key: {self.key!r} is no absolute URL")


NO_WISH: Final = Wish()
