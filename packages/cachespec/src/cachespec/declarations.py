"""What an origin server declares: Cache-Control checked, written, and joined to what is there.  RFC 9111 §5.2.2

For whoever sends responses.  A declaration is wrong when it is made, not when a cache reads it, so everything is
checked at construction, and an error names the argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Final, TypeAlias

from .directives import ResponseDirectives, format_directives, response_directives
from .fields import MAX_DELTA, members
from .headers import is_token
from .structured import serialise_dictionary

Seconds: TypeAlias = int | timedelta
Names: TypeAlias = bool | str | Iterable[str]

# The order in which they are written: who may store it, for how long, and what else.
_ORDER: Final = (
    "public",
    "private",
    "no_store",
    "no_cache",
    "max_age",
    "s_maxage",
    "must_revalidate",
    "proxy_revalidate",
    "must_understand",
    "no_transform",
    "immutable",
    "stale_while_revalidate",
    "stale_if_error",
)
_SECONDS: Final = ("max_age", "s_maxage", "stale_while_revalidate", "stale_if_error")
_NAMES: Final = ("private", "no_cache")
# What no-store leaves nothing of, if it is more than nothing.
_FOR_STORED: Final = ("public", "max_age", "s_maxage", "immutable", "stale_while_revalidate", "stale_if_error")
# What a targeted field with a lifetime of its own does not repeat.
_FOR_OTHERS: Final = frozenset(
    {"max-age", "s-maxage", "private", "no-cache", "no-store", "must-understand", "immutable"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheControl:
    """The thirteen directives that a response may have.  ``str()`` writes them as Cache-Control.

    Lengths of time are in seconds, as an int or a `timedelta`.  `private` and `no_cache` are True, or name the fields
    that they are about.  ValueError or TypeError, with the argument's name, for what cannot be meant.
    """

    max_age: Seconds | None = None
    s_maxage: Seconds | None = None
    public: bool = False
    private: Names = False
    no_cache: Names = False
    no_store: bool = False
    no_transform: bool = False
    must_revalidate: bool = False
    must_understand: bool = False
    proxy_revalidate: bool = False
    immutable: bool = False
    stale_while_revalidate: Seconds | None = None
    stale_if_error: Seconds | None = None
    directives: Mapping[str, bool | int | tuple[str, ...]] = field(init=False, repr=False, compare=False)
    """What is declared, by the directive's name, as `format_directives` takes it."""

    def __post_init__(self) -> None:
        for argument in fields(self):
            if argument.init:
                object.__setattr__(self, argument.name, _checked(argument.name, getattr(self, argument.name)))
        self._check_together()
        said = {name.replace("_", "-"): getattr(self, name) for name in _ORDER}
        declared = {name: value for name, value in said.items() if value is not None and value is not False}
        object.__setattr__(self, "directives", declared)

    def _check_together(self) -> None:
        if self.private is True:
            if self.public:
                raise ValueError("public: contradicts private, which is about caches of one user")
            if self.s_maxage is not None:
                raise ValueError("s_maxage: contradicts private, which is about caches of one user")
        # RFC 9111 §5.2.2.3: must-understand lifts no-store where it is understood, and then the rest counts.
        if self.no_store and not self.must_understand:
            for name in _FOR_STORED:
                if getattr(self, name):
                    raise ValueError(f"{name}: contradicts no_store, which leaves nothing stored")

    def __str__(self) -> str:
        return format_directives(self.directives)

    def __bool__(self) -> bool:
        """Whether anything is declared."""
        return bool(self.directives)

    def joined_to(self, value: str, *, expires: bool = False) -> str:
        """`value`, a response's own Cache-Control, and what this declaration can add to it.

        The response's own word counts: nothing is added that it says itself or that contradicts it.  `expires` tells
        that the response has Expires, a lifetime of its own.
        """
        said = response_directives(value)
        # Nothing may loosen no-store: must-understand, say, would.
        if said.no_store:
            return value
        left_out = _contradicted(said, expires)
        left_out.update([member.partition("=")[0].rstrip(" \t").lower() for member in members(value)])
        added = {name: argument for name, argument in self.directives.items() if name not in left_out}
        return ", ".join([*([value] if value else []), *([format_directives(added)] if added else [])])

    def targeted(self, *, ttl: Seconds) -> str:
        """The same for one cache, which keeps it for `ttl` seconds: the value of a targeted field.  RFC 9213 §2.1

        Such a field stands in the place of Cache-Control.  How long all others may keep it, and whether they have to
        ask first, is not about that cache, and left out.
        """
        kept: dict[str, bool | int | str] = {"max-age": _seconds("ttl", ttl)}
        for name, argument in self.directives.items():
            if isinstance(argument, tuple):
                kept[name] = ", ".join(argument)
            elif name not in _FOR_OTHERS:
                kept[name] = argument
        return serialise_dictionary(kept)


def _contradicted(said: ResponseDirectives, expires: bool) -> set[str]:
    """The directives that cannot stand beside what a response says itself."""
    names: set[str] = set()
    if said.private:
        names |= {"public", "s-maxage", "proxy-revalidate"}
    if said.public or said.s_maxage is not None:
        names |= {"private", "no-store"}
    # A lifetime that the response gives itself counts for every cache: no longer one for shared caches beside it.
    if said.max_age is not None or expires:
        names |= {"max-age", "s-maxage"}
    if said.max_age or said.s_maxage or said.immutable:
        names |= {"no-store", "no-cache"}
    return names


def _checked(name: str, value: object) -> object:
    """The argument `name` as it is kept: seconds as an int, field names as a tuple."""
    if name in _SECONDS:
        return None if value is None else _seconds(name, value)
    if name in _NAMES and not isinstance(value, bool):
        return _names(name, value)
    if not isinstance(value, bool):
        raise TypeError(f"{name}: {value!r} is neither True nor False")
    return value


def _seconds(name: str, value: object) -> int:
    """`value` as whole seconds, as many as a recipient can hold (RFC 9111 §1.2.2)."""
    if isinstance(value, timedelta):
        seconds, fraction = divmod(value, timedelta(seconds=1))
        if fraction:
            raise ValueError(f"{name}: {value!r} is not a whole number of seconds")
    elif isinstance(value, bool | float):
        raise ValueError(f"{name}: {value!r} is no whole number of seconds")
    elif isinstance(value, int):
        seconds = int(value)
    else:
        raise TypeError(f"{name}: {value!r} is neither a number of seconds nor a timedelta")
    if not 0 <= seconds <= MAX_DELTA:
        # Not shown: an int may have more digits than Python wants to write.
        raise ValueError(f"{name}: must lie between 0 and {MAX_DELTA} seconds")
    return seconds


def _names(name: str, value: object) -> tuple[str, ...]:
    """`value` as the names of fields."""
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, Iterable):
        raise TypeError(f"{name}: {value!r} is neither True nor False nor the names of fields")
    named = tuple(value)
    # An empty list would be read as the whole response (ruling D09).
    if not named:
        raise ValueError(f"{name}: names no field")
    for one in named:
        if not isinstance(one, str):
            raise TypeError(f"{name}: {one!r} is not the name of a field")
        if not is_token(one):
            raise ValueError(f"{name}: {one!r} is not the name of a field")
    return named
