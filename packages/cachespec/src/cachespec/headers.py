"""Header fields: ordered, case-insensitive, repeated lines kept.  RFC 9110 §5

Everything that decides how a field *section* is held lives here; how a field *value* is read lives in the room
of that field.  Values are text in latin-1, so that octets 0x80-0xFF pass through as they came (§5.5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Final, TypeAlias, cast

Line: TypeAlias = tuple[str, str]
HeadersLike: TypeAlias = "Headers | Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]"

# RFC 9110 §5.6.2
#   token = 1*tchar
#   tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")

# RFC 9110 §5.5: CR, LF and NUL are dangerous; a recipient replaces each with SP (or rejects the message).
_DANGEROUS = re.compile(r"[\r\n\0]")

NAMES: Final = 1_000
"""How many names of fields are kept to be shared; others are good for one message."""
NAME_LIMIT: Final = 64
"""Characters of the longest of them."""
KEPT: Final = 16
"""How many lines are kept to be shared for each of them, before all of these are forgotten: most lines stood in another
message just before, as those know who compress them (RFC 7541 §2.3.2)."""
LINE_LIMIT: Final = 256
"""Characters of the longest value among them."""
SECRET: Final = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie"})
"""Names of fields whose lines are not kept (RFC 7541 §7.1.3)."""
SINGULAR: Final = frozenset({"etag", "last-modified"})
"""Names of fields whose lines are not worth it, for each response has its own."""
_UNKEPT: Final = SECRET | SINGULAR


class Headers:
    """The header fields of one message.  Immutable; equality disregards the case of names.

    Built from another `Headers`, a mapping, or an iterable of name-value pairs in `str` or `bytes`.  Order, the case
    of names and repeated lines are kept as sent.  White space around a value is not part of it and goes (§5.5); CR,
    LF and NUL inside a value become spaces; a line whose name is no token is dropped.
    """

    __slots__ = ("fields", "lines")

    lines: tuple[Line, ...]
    """The field lines as sent, name and value."""
    fields: Mapping[str, str]
    """Combined field values by lower-case name: lines of one name joined with ``", "`` in order (§5.2)."""

    def __init__(self, lines: HeadersLike = ()) -> None:
        if isinstance(lines, Headers):
            self.lines, self.fields = lines.lines, lines.fields
            return
        # A list is what nearly everybody gives; to ask whether something is a Mapping takes a call of Python code.
        if isinstance(lines, list):
            pairs: list[tuple[str | bytes, str | bytes]] = lines
        else:
            pairs = list(cast("Mapping[str, str]", lines).items() if isinstance(lines, Mapping) else lines)
        kept: list[Line] = []
        fields: dict[str, str] = {}
        for name, value in pairs:
            known = _NAMES.get(name) or _names(name)
            if known is not None:
                line = known[2].get(value) or _line(known, value)
                kept.append(line)
                fields[known[1]] = line[1]
        self.lines = tuple(kept)
        self.fields = fields if len(fields) == len(kept) else _combined(self.lines)

    @staticmethod
    def trusted(lines: tuple[Line, ...]) -> Headers:
        """Headers from lines that are known to be sound, such as lines of other `Headers`.  Nothing is checked."""
        made = _Lines.__new__(_Lines)
        made.lines = lines
        return made

    def get(self, name: str, default: str | None = None) -> str | None:
        """The combined value of the field `name` (any case), or `default`."""
        return self.fields.get(name.lower(), default)

    def getlist(self, name: str) -> list[str]:
        """The values of the lines of the field `name` (any case), in order."""
        name = name.lower()
        if name not in self.fields:
            return []
        return [value for given, value in self.lines if given.lower() == name]

    def without(self, names: AbstractSet[str]) -> Headers:
        """These headers less every line of the fields in `names` (lower case)."""
        if names.isdisjoint(self.fields):
            return self
        return Headers.trusted(tuple([line for line in self.lines if line[0].lower() not in names]))

    def plus(self, *lines: Line) -> Headers:
        """These headers with `lines` appended."""
        return Headers.trusted(self.lines + Headers(list(lines)).lines)

    def replacing(self, *lines: Line) -> Headers:
        """These headers with every line of the fields in `lines` replaced by those lines, at the end."""
        return self.without({name.lower() for name, _ in lines}).plus(*lines)

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        """The lines as octets (latin-1)."""
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.lines]

    def __getitem__(self, name: str) -> str:
        return self.fields[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self.fields

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        return [(n.lower(), v) for n, v in self.lines] == [(n.lower(), v) for n, v in other.lines]

    def __hash__(self) -> int:
        return hash(tuple([(n.lower(), v) for n, v in self.lines]))

    def __repr__(self) -> str:
        # Values may be secrets: names only.
        return f"<Headers {', '.join(name for name, _ in self.lines)}>"


class _Lines(Headers):
    """Headers whose fields nobody has looked at: many never are, and they are made for the first who does.

    A class of its own, for what has a `__getattr__` is slower to look into, too, where all is there.
    """

    __slots__ = ()

    if not TYPE_CHECKING:  # Every other name would be an attribute, too.

        def __getattr__(self, name: str) -> Mapping[str, str]:
            if name != "fields":
                raise AttributeError(f"'Headers' object has no attribute {name!r}")
            self.fields = _combined(self.lines)
            self.__class__ = Headers
            return self.fields


def _combined(lines: tuple[Line, ...]) -> Mapping[str, str]:
    """The values of `lines` by lower-case name, those of one name joined."""
    fields: dict[str, str] = {}
    for name, value in lines:
        known = _NAMES.get(name)
        fields[name.lower() if known is None else known[1]] = value
    if len(fields) < len(lines):
        values: dict[str, list[str]] = {name: [] for name in fields}
        for name, value in lines:
            values[name.lower()].append(value)
        # Joined once: joining line by line takes quadratic time.
        fields = {name: ", ".join(several) for name, several in values.items()}
    return fields


def is_token(text: str) -> bool:
    """Whether `text` is a token (RFC 9110 §5.6.2)."""
    return _TOKEN.match(text) is not None


_Name: TypeAlias = tuple[str, str, dict[str | bytes, Line]]
"""A name as sent and in lower case, and the lines that it begins, by their values as they came."""

_NAMES: Final[dict[str | bytes, _Name]] = {}
"""The names of fields, each kept once, however many messages have it."""


def _names(name: str | bytes) -> _Name | None:
    """What is known of `name`, to be remembered; None where it is no token (§5.1)."""
    text = name if isinstance(name, str) else name.decode("latin-1")
    if not is_token(text):
        return None
    known = _NAMES.get(text) or (text, text.lower(), {})
    if len(_NAMES) < NAMES and len(text) <= NAME_LIMIT:
        _NAMES[text] = _NAMES[name] = known
    return known


def _line(name: _Name, value: str | bytes) -> Line:
    """The line of `name` with `value`, to be remembered where it most likely comes again, and then is shared."""
    sent, lower, lines = name
    text = value if isinstance(value, str) else str(value, "latin-1")
    if not text.isprintable():
        text = _DANGEROUS.sub(" ", text)
    line = sent, text.strip(" \t")
    if lower not in _UNKEPT and len(text) <= LINE_LIMIT:
        if len(lines) >= KEPT:
            lines.clear()
        lines[value] = line
    return line
