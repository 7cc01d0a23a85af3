"""Cache-Control and targeted fields, read and written.  RFC 9111 §5.2, RFC 9213, RFC 5861, RFC 8246

How a malformed directive is read stands here and nowhere else.  The rule is to fail closed (docs/decisions, D01-D10,
D48): a permission that cannot be read is void, and where it is a lifetime the response counts as stale; a restriction
stays in force whatever is wrong with its argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from .fields import MAX_DELTA, delta_seconds, field_names, members
from .headers import Headers, is_token
from .structured import InnerList, parse_dictionary

OWN_TARGET: Final = "cachespec-cache-control"
"""Our own targeted field: obeyed first by a gateway, which never passes it on (ruling D47)."""

REMEMBERED: Final = 200
"""Characters of the longest Cache-Control whose meaning is remembered."""


# Not frozen: building one is quicker so.  Treat it as immutable: one may stand for many responses.
@dataclass(slots=True)
class ResponseDirectives:
    """What a response's Cache-Control, or the targeted field in its place, says.

    Lifetimes and windows are in seconds, at most 2147483648; one that is there but cannot be used is 0.
    """

    max_age: int | None = None
    s_maxage: int | None = None
    no_store: bool = False
    no_cache: bool = False
    """The unqualified form: nothing may be used without validation."""
    no_cache_fields: tuple[str, ...] = ()
    """The qualified form: these fields, in lower case, may not be used without validation."""
    private: bool = False
    private_fields: tuple[str, ...] = ()
    public: bool = False
    must_revalidate: bool = False
    proxy_revalidate: bool = False
    must_understand: bool = False
    no_transform: bool = False
    immutable: bool = False
    stale_while_revalidate: int | None = None
    stale_if_error: int | None = None
    present: bool = False
    """Whether there is a field at all."""


@dataclass(slots=True)
class RequestDirectives:
    """What a request's Cache-Control says; in seconds where it is a number."""

    no_cache: bool = False
    no_store: bool = False
    no_transform: bool = False
    only_if_cached: bool = False
    max_age: int | None = None
    min_fresh: int | None = None
    max_stale: int | None = None
    """2147483648 where any staleness will do."""
    stale_if_error: int | None = None


_FLAGS: Final = {
    "no-store": "no_store",
    "must-revalidate": "must_revalidate",
    "proxy-revalidate": "proxy_revalidate",
    "no-transform": "no_transform",
}
_QUALIFIED: Final = {"no-cache": ("no_cache", "no_cache_fields"), "private": ("private", "private_fields")}

_NOTHING: Final = ResponseDirectives()


def response_directives(value: str | None) -> ResponseDirectives:
    """Cache-Control of a response, all its lines joined with commas.  RFC 9111 §5.2.2"""
    if not value:
        return _NOTHING
    return _remembered(value) if len(value) <= REMEMBERED else _response_directives(value)


def _response_directives(value: str) -> ResponseDirectives:
    said = ResponseDirectives(present=True)
    malformed = False
    for name, argument, sound in _read(value):
        # D01: of lifetimes and windows the first occurrence counts.
        if name == "max-age":
            if said.max_age is None:
                said.max_age = _lifetime(argument, sound)
        elif name == "s-maxage":
            if said.s_maxage is None:
                said.s_maxage = _lifetime(argument, sound)
        elif name == "public":
            said.public |= sound and argument is None
        elif name in _FLAGS:
            # D08: a restriction stays in force whatever its argument.
            setattr(said, _FLAGS[name], True)
        elif name in _QUALIFIED:
            _qualify(said, name, argument, sound)
        elif name == "immutable":
            # RFC 8246 §2: any argument is ignored.
            said.immutable |= sound
        elif name == "stale-while-revalidate":
            if said.stale_while_revalidate is None:
                said.stale_while_revalidate = _lifetime(argument, sound)
        elif name == "stale-if-error":
            if said.stale_if_error is None:
                said.stale_if_error = _lifetime(argument, sound)
        elif name == "must-understand":
            said.must_understand = True
            malformed |= argument is not None or not sound
    if malformed:
        # It lifts no-store where the status is understood, which a malformed one must not: it is read as no-store.
        said.must_understand, said.no_store = False, True
    return said


# A server says the same again and again.
_remembered = lru_cache(maxsize=256)(_response_directives)


def _lifetime(argument: str | None, sound: bool) -> int:
    """The seconds of a lifetime or a window.  Rulings D05, D10: there but unusable is a lifetime of nothing."""
    return (delta_seconds(argument) or 0) if sound and argument is not None else 0


def request_directives(value: str | None) -> RequestDirectives:
    """Cache-Control of a request, all its lines joined with commas.  RFC 9111 §5.2.1, RFC 5861 §4"""
    said = RequestDirectives()
    if not value:
        return said
    for name, argument, sound in _read(value):
        if name == "no-cache":
            said.no_cache = True
        elif name == "no-store":
            said.no_store = True
        elif name == "no-transform":
            said.no_transform = True
        elif name == "only-if-cached":
            said.only_if_cached = True
        elif name == "max-age":
            if said.max_age is None:
                said.max_age = _lifetime(argument, sound)
        elif name == "min-fresh":
            # A limit that cannot be read is the strictest one.
            if said.min_fresh is None:
                seconds = delta_seconds(argument) if sound and argument is not None else None
                said.min_fresh = MAX_DELTA if seconds is None else seconds
        elif name == "max-stale":
            if said.max_stale is None and sound:
                said.max_stale = MAX_DELTA if argument is None else delta_seconds(argument)
        elif name == "stale-if-error":
            if said.stale_if_error is None and sound and argument is not None:
                said.stale_if_error = delta_seconds(argument)
    return said


def policy_of(headers: Headers, targets: Iterable[str]) -> tuple[ResponseDirectives, str]:
    """The directives that govern a response, and the field they stand in.  RFC 9213 §2.2

    `targets` is the ordered target list, in lower case; the first field of it that is valid and not empty counts.
    Without one it is Cache-Control.
    """
    fields = headers.fields
    for name in targets:
        if name in fields:
            said = targeted_directives(fields[name])
            if said is not None:
                return said, name
    return response_directives(fields.get("cache-control")), "cache-control"


_TARGETED_LIFETIMES: Final = {
    "max-age": "max_age",
    "s-maxage": "s_maxage",
    "stale-while-revalidate": "stale_while_revalidate",
    "stale-if-error": "stale_if_error",
}
_TARGETED_FLAGS: Final = _FLAGS | {"public": "public", "immutable": "immutable", "must-understand": "must_understand"}


def targeted_directives(value: str) -> ResponseDirectives | None:
    """A targeted field, a structured Dictionary; None where it is void.  RFC 9213 §2.1, ruling D48

    A known member of the wrong type voids the whole field (RFC 9651 §2.2); unknown members may be of any type.
    """
    dictionary = parse_dictionary(value)
    if not dictionary:
        return None
    said = ResponseDirectives(present=True)
    for name, member in dictionary.items():
        known = member.value if not isinstance(member, InnerList) else member
        if name in _TARGETED_LIFETIMES:
            if type(known) is not int or known < 0:
                return None
            setattr(said, _TARGETED_LIFETIMES[name], min(known, MAX_DELTA))
        elif name in _TARGETED_FLAGS:
            if type(known) is not bool:
                return None
            setattr(said, _TARGETED_FLAGS[name], known)
        elif name in _QUALIFIED:
            # A String names fields; a Token or a Display String is of the wrong type.
            if known is True:
                _qualify(said, name, None, True)
            elif type(known) is str:
                _qualify(said, name, known, True)
            elif known is not False:
                return None
    return said


def _qualify(said: ResponseDirectives, name: str, argument: str | None, sound: bool) -> None:
    """Take in no-cache or private, which may name fields.  Rulings D02, D09"""
    whole, some = _QUALIFIED[name]
    names = _names(argument) if sound and argument is not None else ()
    if names:
        setattr(said, some, getattr(said, some) + names)
    else:
        setattr(said, whole, True)


def _names(argument: str) -> tuple[str, ...]:
    """The field names of a qualified directive; none at all where one of them is bad."""
    listed = members(argument)
    return field_names(argument) if all(is_token(name) for name in listed) else ()


def _read(value: str) -> Iterable[tuple[str, str | None, bool]]:
    """The members of a Cache-Control field: name in lower case, argument, and whether the member is sound.

    Cache-Control   = #cache-directive
    cache-directive = token [ "=" ( token / quoted-string ) ]
    """
    if '"' not in value:
        for member in value.split(","):
            name, equals, argument = member.strip(" \t").partition("=")
            if not equals:
                if name:
                    yield name.lower(), None, True
            else:
                # D04: white space before or after the sign makes the argument unusable.
                yield name.rstrip(" \t").lower(), argument, name[-1:] not in " \t" and argument[:1] not in " \t"
        return
    yield from _read_quoted(value)


def _read_quoted(value: str) -> Iterable[tuple[str, str | None, bool]]:
    start, length = 0, len(value)
    while start < length:
        comma = value.find(",", start)
        end = length if comma < 0 else comma
        quote = value.find('"', start, end)
        if quote < 0:
            yield from _read(value[start:end])
            start = end + 1
            continue
        name, _, between = value[start:quote].partition("=")
        closing, text = _closing_quote(value, quote)
        comma = value.find(",", closing + 1)
        end = length if comma < 0 else comma
        if closing < 0 or '"' in value[closing + 1 : end]:
            # D07: after a quote that never ends, or that opens where none may, the rest is read at every comma,
            # restrictions only.
            for distrusted, argument, _ in _read(value[start:].replace('"', "")):
                yield distrusted, argument, False
            return
        stripped = name.strip(" \t")
        # Nothing but white space may stand behind the quoted string, nothing at all between "=" and the quote.
        sound = not between and value[quote - 1] == "=" and not value[closing + 1 : end].strip(" \t")
        if stripped:
            yield stripped.lower(), text, sound and name[-1] not in " \t"
        start = end + 1


def _closing_quote(value: str, quote: int) -> tuple[int, str]:
    """Where the quoted string that opens at `quote` closes (-1: nowhere), and its text.  RFC 9110 §5.6.4"""
    text: list[str] = []
    at = quote + 1
    while at < len(value):
        if value[at] == '"':
            return at, "".join(text)
        if value[at] == "\\" and at + 1 < len(value):
            at += 1
        text.append(value[at])
        at += 1
    return -1, ""


def format_directives(directives: Mapping[str, bool | int | Iterable[str]]) -> str:
    """Cache-Control as text, from directive names with their arguments.

    True stands for no argument and False leaves the directive out; numbers are seconds and go unquoted (RFC 9111
    §5.2.2.1, §5.2.2.10), field names always go quoted (§5.2.2.4, §5.2.2.7).
    """
    said: list[str] = []
    for name, argument in directives.items():
        if argument is False:
            continue
        if argument is True:
            said.append(name)
        elif isinstance(argument, int):
            said.append(f"{name}={argument}")
        else:
            said.append(f'{name}="{", ".join(argument)}"')
    return ", ".join(said)
