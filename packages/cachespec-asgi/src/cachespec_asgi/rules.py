"""Rules: what the operator of a gateway lays down for some of the requests, whatever the application says.

A rule decides what is cached for how long, never who may see it: a response that says no-store, private or no-cache,
that sets a cookie, or that answers a request with credentials without being explicitly public, is stored under no rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeAlias

from cachespec import CacheControl, Headers, Response, field_names, format_date, response_directives

from .interface import Scope
from .lines import OWN_TARGET

Lines: TypeAlias = list[tuple[str, str]]

RULED: Final = frozenset({200, 203, 204, 300, 301, 308})
"""Statuses that a rule's `ttl` is about unless it names others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What holds for requests to a `path` or one of several, below a `prefix`, to paths that match `regex` as a whole,
    or that the predicate `where` is true of; where several of these are given, all of them have to apply.

    ValueError or TypeError, with the argument's name, for what cannot be meant.
    """

    path: str | Iterable[str] | None = None
    """The whole path, or several, as the application sees it (``scope["path"]``)."""
    prefix: str | Iterable[str] | None = None
    """What the path begins with, or several such."""
    regex: str | re.Pattern[str] | None = None
    """What the whole path matches."""
    where: Callable[[Mapping[str, Any]], bool] | None = None
    """A predicate on the scope."""
    status: int | Iterable[int] | None = None
    """Statuses of the response that `ttl` is about; by default 200, 203, 204, 300, 301 and 308."""
    ttl: int | timedelta | None = None
    """For how many seconds this cache keeps the response, whatever lifetime it has for others; 0 for not at all."""
    declare: bool = False
    """Whether others are told as well: max-age and Expires, where the response says nothing of its lifetime."""
    bypass: bool = False
    """Whether the requests pass by the cache."""
    ignore_params: Iterable[str] = ()
    """Query parameters that are no part of the key; a name may end in ``*``."""
    sort_params: bool = False
    """Whether the order of query parameters of different names is no part of the key."""
    vary_by: Iterable[str] | Callable[[Mapping[str, Any]], str | None] = ()
    """What tells responses apart that Vary does not name: request fields, or a function of the scope (a tenant, say;
    None to bypass).  Kept as a keyed digest; caches downstream, which cannot know, are told ``private``."""

    paths: frozenset[str] | None = field(init=False, repr=False, compare=False)
    """`path` as a set."""
    prefixes: tuple[str, ...] | None = field(init=False, repr=False, compare=False)
    """`prefix` as a tuple."""
    statuses: frozenset[int] = field(init=False, repr=False, compare=False)
    """`status` as a set."""
    lifetime: int | None = field(init=False, repr=False, compare=False)
    """`ttl` in seconds."""
    fields: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The request fields of `vary_by`, in lower case."""

    def __post_init__(self) -> None:
        paths, prefixes = _paths("path", self.path), _paths("prefix", self.prefix)
        if self.where is not None and not callable(self.where):
            raise TypeError(f"where: {self.where!r} is not callable")
        statuses = frozenset((self.status,) if isinstance(self.status, int) else self.status or RULED)
        if not all(type(status) is int and 200 <= status <= 599 for status in statuses):
            raise ValueError(f"status: {self.status!r} names what is no final status")
        names = () if callable(self.vary_by) else _texts(self.vary_by)
        if any(field_names(name) != (name.lower(),) for name in names):
            raise ValueError(f"vary_by: {self.vary_by!r} names what is no field")
        if self.declare and not self.ttl:
            raise ValueError("declare: needs a ttl")
        for name, made in (
            ("paths", None if paths is None else frozenset(paths)),
            ("prefixes", prefixes),
            ("regex", None if self.regex is None else re.compile(self.regex)),
            ("statuses", statuses),
            ("lifetime", None if self.ttl is None else seconds(self.ttl)),
            ("fields", tuple([name.lower() for name in names])),
            ("ignore_params", frozenset(_texts(self.ignore_params))),
        ):
            object.__setattr__(self, name, made)

    def matches(self, scope: Scope) -> bool:
        """Whether the request with `scope` is one of those that the rule is about."""
        path = scope["path"]
        return (
            (self.paths is None or path in self.paths)
            and (self.prefixes is None or path.startswith(self.prefixes))
            and (self.regex is None or re.fullmatch(self.regex, path) is not None)
            and (self.where is None or self.where(scope))
        )

    def partition(self, scope: Scope, headers: Headers) -> str | None:
        """What tells this request's responses apart, as one text; None where the function says to bypass."""
        if callable(self.vary_by):
            return self.vary_by(scope)
        values = [headers.fields.get(name) for name in self.fields]
        # Lengths in front, so that no two lists of values make the same text; absent is not empty.
        return "".join(["-" if value is None else f"{len(value)}:{value}" for value in values])


def seconds(ttl: int | timedelta) -> int:
    """A lifetime in seconds; ValueError or TypeError for what is none."""
    try:
        made = CacheControl(max_age=ttl).directives["max-age"]
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace("max_age", "ttl", 1)) from None
    return int(made)  # type: ignore[arg-type]  # a max-age is an int


def _paths(name: str, given: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """The paths that an argument names; None where it says nothing."""
    if given is None:
        return None
    if not isinstance(given, Iterable):
        raise TypeError(f"{name}: {given!r} is no path")
    paths = _texts(given)
    for path in paths or (given,):
        if not isinstance(path, str) or path[:1] != "/":
            raise ValueError(f"{name}: {path!r} is no path")
    return paths


def _texts(names: str | Iterable[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def ruled(rules: Iterable[Rule], head: Response, *, guarded: bool, now: float) -> tuple[Response, Lines]:
    """The head as the cache has to take it under the first of `rules` that speaks of it, and lines for everybody.

    `guarded` says that the request has credentials.
    """
    for rule in rules:
        # A 304 stands for the response that it confirms.
        if rule.lifetime is not None and (head.status in rule.statuses or head.status == 304):
            return _under(rule, rule.lifetime, head, guarded=guarded, now=now)
    return head, []


def _under(rule: Rule, ttl: int, head: Response, *, guarded: bool, now: float) -> tuple[Response, Lines]:
    fields = head.headers.fields
    said = response_directives(fields.get("cache-control"))
    if said.no_store or said.private or said.no_cache or OWN_TARGET in fields:
        # The response's own restrictions hold, and so does what it says to this cache in so many words.
        return head, []
    told = [f"max-age={ttl}" if ttl else "no-store"]
    told += ["public"] * (said.public or said.s_maxage is not None)
    told += ["must-revalidate"] * said.must_revalidate
    for name, window in (
        ("stale-while-revalidate", said.stale_while_revalidate),
        ("stale-if-error", said.stale_if_error),
    ):
        told += [] if window is None else [f"{name}={window}"]
    for name, names in (("no-cache", said.no_cache_fields), ("private", said.private_fields)):
        told += [f'{name}="{", ".join(names)}"'] if names else []
    lines: Lines = []
    silent = said.max_age is None and said.s_maxage is None and "expires" not in fields
    if rule.declare and ttl and silent and not guarded and "set-cookie" not in fields:
        lines = [("cache-control", f"max-age={ttl}"), ("expires", format_date(now + ttl))]
    return Response(head.status, head.headers.plus(*lines, (OWN_TARGET, ", ".join(told)))), lines
