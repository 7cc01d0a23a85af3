"""Structured fields: lists, dictionaries and items, read and written.  RFC 9651

Reading is strict, as the RFC wants it: a value that fails anywhere is void as a whole, and then the reader's answer is
None.  Nothing raises, nothing recurses (lists nest one level deep), and every character is looked at a bounded number
of times.  Writing raises ValueError for what has no form (§4.1).

What is read is of plain types where Python has them, so `type(value) is int` asks for an Integer and nothing else:

| Integer | Decimal | String | Token   | Byte Sequence | Boolean | Date   | Display String  |
|---------|---------|--------|---------|---------------|---------|--------|-----------------|
| `int`   | `float` | `str`  | `Token` | `bytes`       | `bool`  | `Date` | `DisplayString` |
"""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeVar


class Token(str):
    """A short word without quotes.  RFC 9651 §3.3.4"""

    __slots__ = ()


class DisplayString(str):
    """A text that may hold any Unicode character.  RFC 9651 §3.3.8"""

    __slots__ = ()


class Date(int):
    """A moment in seconds since 1970 UTC.  RFC 9651 §3.3.7"""

    __slots__ = ()


BareItem: TypeAlias = bool | int | float | str | bytes
Parameters: TypeAlias = Mapping[str, BareItem]


@dataclass(frozen=True, slots=True)
class Item:
    """One value and its parameters.  RFC 9651 §3.3"""

    value: BareItem
    params: Parameters = field(default_factory=dict[str, BareItem])


@dataclass(frozen=True, slots=True)
class InnerList:
    """A list inside of a list or dictionary, and its parameters.  RFC 9651 §3.1.1"""

    items: tuple[Item, ...]
    params: Parameters = field(default_factory=dict[str, BareItem])


Member: TypeAlias = Item | InnerList

# RFC 9651 §3.1.2
#   key = ( lcalpha / "*" ) *( lcalpha / DIGIT / "_" / "-" / "." / "*" )
_KEY: Final = re.compile(r"[a-z*][a-z0-9_\-.*]*+")

# RFC 9651 §3.3.1-3.3.8
#   sf-decimal       = ["-"] 1*12DIGIT "." 1*3DIGIT
#   sf-integer       = ["-"] 1*15DIGIT
#   sf-string        = DQUOTE *( unescaped / "%" / bs-escaped ) DQUOTE
#   sf-token         = ( ALPHA / "*" ) *( tchar / ":" / "/" )
#   sf-binary        = ":" base64 ":"
#   sf-boolean       = "?" ( "0" / "1" )
#   sf-date          = "@" sf-integer
#   sf-displaystring = "%" DQUOTE *( unescaped / "\" / pct-encoded ) DQUOTE
# A digit too many needs no check here: no item may be followed by a digit.
_TOKEN: Final = re.compile(r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*+")
_BARE_ITEM: Final = re.compile(
    r"(?P<decimal>-?[0-9]{1,12}\.[0-9]{1,3})"
    r"|(?P<integer>-?[0-9]{1,15})"
    r'|"(?P<string>(?:[ !#-\[\]-~]|\\["\\])*+)"'
    rf"|(?P<token>{_TOKEN.pattern})"
    r"|:(?P<binary>[A-Za-z0-9+/]*+)={0,2}:"
    r"|\?(?P<boolean>[01])"
    r"|@(?P<date>-?[0-9]{1,15})"
    r'|%"(?P<display>(?:[ !#$&-~]|%[0-9a-f]{2})*+)"'
)
# What may stand between two members; nothing else may end the last one.
_COMMA: Final = re.compile(r"[ \t]*+(?:,[ \t]*+|\Z)")
_ESCAPED: Final = re.compile(r"\\(.)")
_PERCENT: Final = re.compile(r"%(..)")

_PRINTABLE: Final = re.compile(r"[ -~]*+")
_NOT_DISPLAYABLE: Final = re.compile(r"[^ !#$&-~]")
_INTEGERS: Final = 999_999_999_999_999
_DECIMALS: Final = 1e12

_Value = TypeVar("_Value")


def parse_dictionary(value: str | None) -> dict[str, Member] | None:
    """The members of a Dictionary by key, or None if the field is absent or void (RFC 9651 §4.2.2).

    `value` is the combined value of all lines of the field (§4.2).  Of members with the same key, the last counts.
    """
    return _read(value, _dictionary)


def parse_list(value: str | None) -> list[Member] | None:
    """The members of a List, or None if the field is absent or void (RFC 9651 §4.2.1)."""
    return _read(value, _list)


def parse_item(value: str | None) -> Item | None:
    """The Item that is the whole field, or None if the field is absent or void (RFC 9651 §4.2.3)."""
    return _read(value, _item)


def is_structured_token(text: str) -> bool:
    """Whether `text` can be written as a Token; these are not the tokens of RFC 9110.  RFC 9651 §3.3.4"""
    return _TOKEN.fullmatch(text) is not None


def serialise_dictionary(members: Mapping[str, Member | BareItem]) -> str:
    """A Dictionary as a field value; one without members is empty, and then no field is sent (RFC 9651 §4.1.2).

    Raises ValueError for a key or value that has no form.
    """
    written: list[str] = []
    for key, member in members.items():
        if isinstance(member, Item) and member.value is True:
            written.append(_key_text(key) + _parameters_text(member.params))
        elif member is True:
            written.append(_key_text(key))
        else:
            written.append(f"{_key_text(key)}={_member_text(member)}")
    return ", ".join(written)


def serialise_list(members: Iterable[Member | BareItem]) -> str:
    """A List as a field value; one without members is empty, and then no field is sent (RFC 9651 §4.1.1).

    Raises ValueError for a value that has no form.
    """
    return ", ".join([_member_text(member) for member in members])


def serialise_item(item: Item | BareItem) -> str:
    """An Item as a field value (RFC 9651 §4.1.3).  Raises ValueError for a value that has no form."""
    return _member_text(item)


def _read(value: str | None, read: Callable[[str, int], tuple[_Value, int]]) -> _Value | None:
    """All of `value` as what `read` reads, or None.  RFC 9651 §4.2"""
    if value is None:
        return None
    text = value.strip(" ")
    try:
        found, at = read(text, 0)
    except ValueError:
        return None
    return found if at == len(text) else None


def _dictionary(text: str, at: int) -> tuple[dict[str, Member], int]:
    members: dict[str, Member] = {}
    while at < len(text):
        key, at = _key(text, at)
        if text.startswith("=", at):
            members[key], at = _member(text, at + 1)
        else:
            params, at = _parameters(text, at)
            members[key] = Item(True, params)
        at = _next(text, at)
    return members, at


def _list(text: str, at: int) -> tuple[list[Member], int]:
    members: list[Member] = []
    while at < len(text):
        member, at = _member(text, at)
        members.append(member)
        at = _next(text, at)
    return members, at


def _next(text: str, at: int) -> int:
    """Where the next member begins, or the end.  A comma has to be followed by a member."""
    found = _COMMA.match(text, at)
    if found is None or (found.end() == len(text) and "," in found[0]):
        raise ValueError
    return found.end()


def _member(text: str, at: int) -> tuple[Member, int]:
    return _inner_list(text, at + 1) if text.startswith("(", at) else _item(text, at)


def _inner_list(text: str, at: int) -> tuple[InnerList, int]:
    """RFC 9651 §4.2.1.2, from behind the parenthesis."""
    items: list[Item] = []
    while True:
        begin = at
        at = _spaces(text, at)
        if text.startswith(")", at):
            params, at = _parameters(text, at + 1)
            return InnerList(tuple(items), params), at
        if items and at == begin:
            raise ValueError
        item, at = _item(text, at)
        items.append(item)


def _item(text: str, at: int) -> tuple[Item, int]:
    value, at = _bare_item(text, at)
    params, at = _parameters(text, at)
    return Item(value, params), at


def _parameters(text: str, at: int) -> tuple[dict[str, BareItem], int]:
    """RFC 9651 §4.2.3.2; a key without a value is true, and the last of several with the same key counts."""
    params: dict[str, BareItem] = {}
    while text.startswith(";", at):
        key, at = _key(text, _spaces(text, at + 1))
        params[key] = True
        if text.startswith("=", at):
            params[key], at = _bare_item(text, at + 1)
    return params, at


def _spaces(text: str, at: int) -> int:
    while text.startswith(" ", at):
        at += 1
    return at


def _key(text: str, at: int) -> tuple[str, int]:
    found = _KEY.match(text, at)
    if found is None:
        raise ValueError
    return found[0], found.end()


def _bare_item(text: str, at: int) -> tuple[BareItem, int]:
    """RFC 9651 §4.2.3.1.  Raises ValueError."""
    found = _BARE_ITEM.match(text, at)
    if found is None:
        raise ValueError
    written = found[found.lastgroup or 0]
    value: BareItem
    match found.lastgroup:
        case "integer":
            value = int(written)
        case "decimal":
            value = float(written)  # At most 15 digits, which a float holds.
        case "string":
            value = _ESCAPED.sub(r"\1", written)
        case "token":
            value = Token(written)
        case "binary":
            # §4.2.7: padding may be missing.
            value = a2b_base64(written + "=" * (-len(written) % 4))
        case "boolean":
            value = written == "1"
        case "date":
            value = Date(written)
        case _:  # "display"
            octets = _PERCENT.sub(lambda escape: chr(int(escape[1], 16)), written).encode("latin-1")
            value = DisplayString(octets.decode())
    return value, found.end()


def _member_text(member: Member | BareItem) -> str:
    match member:
        case Item():
            return _bare_item_text(member.value) + _parameters_text(member.params)
        case InnerList():
            return f"({' '.join([_member_text(item) for item in member.items])}){_parameters_text(member.params)}"
        case _:
            return _bare_item_text(member)


def _parameters_text(params: Parameters) -> str:
    return "".join(
        [
            f";{_key_text(key)}" if value is True else f";{_key_text(key)}={_bare_item_text(value)}"
            for key, value in params.items()
        ]
    )


def _key_text(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"not a key of a structured field: {key!r}")
    return key


def _bare_item_text(value: BareItem) -> str:
    """RFC 9651 §4.1.3.1-4.1.11; types that stand on others come before those."""
    match value:
        case bool():
            return "?1" if value else "?0"
        case int():
            if not -_INTEGERS <= value <= _INTEGERS:
                raise ValueError("an integer of a structured field has at most 15 digits")
            return f"@{value:d}" if isinstance(value, Date) else f"{value:d}"
        case float():
            rounded = round(value, 3)
            if not abs(rounded) < _DECIMALS:
                raise ValueError("a decimal of a structured field has at most 12 digits before its point")
            text = f"{rounded:.3f}".rstrip("0")
            return f"{text}0" if text.endswith(".") else text
        case bytes():
            return f":{b2a_base64(value, newline=False).decode('ascii')}:"
        case Token():
            if not _TOKEN.fullmatch(value):
                raise ValueError(f"not a token of a structured field: {value!r}")
            return str(value)
        case DisplayString():
            octets = value.encode().decode("latin-1")
            return f'%"{_NOT_DISPLAYABLE.sub(lambda octet: f"%{ord(octet[0]):02x}", octets)}"'
        case _:
            if not _PRINTABLE.fullmatch(value):
                raise ValueError(f"a string of a structured field is printable ASCII: {value!r}")
            return '"' + value.replace("\\", r"\\").replace('"', r"\"") + '"'
