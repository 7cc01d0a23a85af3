"""`cache(...)` and `never_cache`: Cache-Control as a dependency.  RFC 9111 §5.2.2"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from inspect import Signature
from typing import Any, ClassVar, Final, TypeAlias, cast

from fastapi import Request, Response, params
from fastapi.requests import HTTPConnection

from cachespec import FORBIDDEN, CacheControl

from .asgi import RawLine
from .declaration import Declaration, dependency
from .declared import declared_for, tell_once, write_at_once
from .groups import Groups, declared_groups, group_list, groups_of

Seconds: TypeAlias = int | timedelta
FieldNames: TypeAlias = bool | str | Iterable[str]

# Responses to one client rather than to the request: that client's credentials failed, or it asked too often.
_PERSONAL: Final = frozenset({401, 403, 407}) | FORBIDDEN
_ERRORS: Final = frozenset(range(400, 600)) - _PERSONAL

TOO_MANY_GROUPS: Final = "a response belongs to more groups than caches look at, and is not kept here"


@dataclass(frozen=True, slots=True, eq=False)
class Control(Declaration):
    """What one `cache(...)` declares."""

    controls: ClassVar[bool] = True

    policy: CacheControl
    errors: frozenset[int]
    """The statuses from 400 on that it is about."""
    groups: Any
    """A tuple of names, or a callable that makes them from the request."""
    line: RawLine | None
    """Cache-Control, ready to be sent."""
    local: RawLine | None
    """Cachespec-Cache-Control, ready to be sent to a cache around the application."""
    cache_groups: str | None
    """Cache-Groups, where the names are known beforehand."""

    def counts_for(self, status: int) -> bool:
        """Whether it is about responses with `status`."""
        return 200 <= status <= 399 or status in self.errors

    @property
    def shared(self) -> bool:
        """Whether one response may answer every user."""
        return self.policy.public or self.policy.s_maxage is not None or self.local is not None

    @property
    def wants_storing(self) -> bool:
        """Whether it asks for responses to be stored."""
        policy = self.policy
        return self.shared or bool(policy.max_age or policy.stale_while_revalidate or policy.stale_if_error)

    @property
    def words(self) -> str:
        """What it says, as a gateway reads it."""
        return (self.local or self.line or (b"", b""))[1].decode("ascii")

    async def __call__(self, connection: HTTPConnection, response: Response) -> None:
        """The nearest declaration replaces those further out, with all they say."""
        declared = declared_for(connection)
        if declared is None:
            return
        groups = self.cache_groups
        if callable(self.groups):
            # Of all connections only HTTP requests come here.
            groups = group_list(await groups_of(self.groups, cast("Request", connection)))
            if groups is None:
                tell_once(connection.scope["app"], TOO_MANY_GROUPS)
        declared.controls.pop(self, None)
        declared.controls[self] = groups
        if not declared.installed:
            write_at_once(declared, response)


def cache(
    *,
    max_age: Seconds | None = None,
    s_maxage: Seconds | None = None,
    public: bool = False,
    private: FieldNames = False,
    no_cache: FieldNames = False,
    no_store: bool = False,
    no_transform: bool = False,
    must_revalidate: bool = False,
    must_understand: bool = False,
    proxy_revalidate: bool = False,
    immutable: bool = False,
    stale_while_revalidate: Seconds | None = None,
    stale_if_error: Seconds | None = None,
    ttl: Seconds | None = None,
    groups: Groups = (),
    errors: bool | Iterable[int] = False,
) -> Any:
    """A dependency that says what caches may do with the responses of a route, a router or an application.

    The nearest one counts.  Directives that the endpoint sets itself stay as they are.

    Args:
        max_age: seconds for which the response is fresh; an int or a `timedelta`, like all lengths of time here.
        s_maxage: the same for shared caches.
        public: any cache may store it, even if the request has credentials.
        private: only caches of one user may store it, or these fields of it.
        no_cache: it, or these fields of it, may not be used without asking again.
        no_store: no cache may store it.
        no_transform: intermediaries leave the content as it is.
        must_revalidate: never used when stale.
        must_understand: stored only by caches that understand the status; goes along with `no_store` for older ones.
        proxy_revalidate: never used when stale by shared caches.
        immutable: it does not change while it is fresh.
        stale_while_revalidate: seconds for which it may be used when stale, while it is fetched anew.
        stale_if_error: seconds for which it may be used when stale, if fetching it anew fails.
        ttl: seconds for which the cache around the application keeps it, whatever the others are told.
        groups: names of groups it can be purged by, or a callable that makes them from the request.
        errors: statuses from 400 on that it is about, too.  True is every one of them but 401, 403 and 407, which are
            about the client's credentials, and those that may never be stored.

    Raises:
        ValueError, TypeError: an argument cannot be meant; the message begins with its name.
    """
    policy = CacheControl(
        max_age=max_age,
        s_maxage=s_maxage,
        public=public,
        private=private,
        no_cache=no_cache,
        no_store=no_store,
        no_transform=no_transform,
        must_revalidate=must_revalidate,
        must_understand=must_understand,
        proxy_revalidate=proxy_revalidate,
        immutable=immutable,
        stale_while_revalidate=stale_while_revalidate,
        stale_if_error=stale_if_error,
    )
    if ttl is not None and no_store:
        raise ValueError("ttl: contradicts no_store, which leaves nothing stored; did you mean no_cache?")
    if ttl is not None and policy.private is True:
        raise ValueError("ttl: contradicts private, for the cache around the application serves every user")
    local = None if ttl is None else policy.targeted(ttl=ttl)
    named, statuses = declared_groups(groups), _statuses(errors)
    if not (policy or ttl is not None or named):
        raise TypeError("cache() needs at least one argument that says something")
    return dependency(_control(policy, statuses, named, local))


def _control(policy: CacheControl, errors: frozenset[int], groups: Any = (), local: str | None = None) -> Control:
    return Control(
        policy,
        errors,
        groups,
        line=(b"cache-control", str(policy).encode("ascii")) if policy else None,
        local=None if local is None else (b"cachespec-cache-control", local.encode("ascii")),
        cache_groups="" if callable(groups) else group_list(groups),
    )


def _statuses(errors: object) -> frozenset[int]:
    """The argument `errors` as statuses."""
    if isinstance(errors, bool):
        return _ERRORS if errors else frozenset()
    if isinstance(errors, str) or not isinstance(errors, Iterable):
        raise TypeError(f"errors: {errors!r} is neither True nor False nor statuses")
    statuses = frozenset(errors)
    for status in statuses:
        if type(status) is not int:
            raise TypeError(f"errors: {status!r} is no status")
        if not 400 <= status <= 599:
            raise ValueError(f"errors: {status} is no status of an error")
        if status in FORBIDDEN:
            raise ValueError(f"errors: {status} may never be stored (RFC 6585)")
    return statuses


class NeverCache(params.Depends):
    """A dependency as it stands, or called: ``dependencies=[never_cache]``, ``dependencies=[never_cache()]``."""

    def __call__(self) -> Any:
        """The dependency."""
        return self

    @property
    def __signature__(self) -> Signature:
        """Asked for by ``Depends(never_cache)``, which would call it and keep nothing out of any cache: TypeError."""
        raise TypeError("never_cache is a dependency already: write dependencies=[never_cache]")


# RFC 9205 §4.9: no-store alone.  On errors, too: 404 and 410, say, may be cached where nothing forbids it.
never_cache: Final[Any] = NeverCache(_control(CacheControl(no_store=True), frozenset(range(400, 600))), use_cache=False)
"""A dependency that keeps a route's responses, errors included, out of all caches."""
