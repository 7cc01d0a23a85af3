"""Header fields: ordered, case-insensitive, repeated lines kept.  RFC 9110 §5

Everything that decides how a field *section* is held lives here; how a field *value* is read lives in the room
of that field.  Values are text in latin-1, so that octets 0x80-0xFF pass through as they came (§5.5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import TypeAlias, cast

Line: TypeAlias = tuple[str, str]
HeadersLike: TypeAlias = "Headers | Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]"

# RFC 9110 §5.6.2
#   token = 1*tchar
#   tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")

# RFC 9110 §5.5: CR, LF and NUL are dangerous; a recipient replaces each with SP (or rejects the message).
_DANGEROUS = re.compile(r"[\r\n\0]")


class Headers:
    """The header fields of one message.  Immutable; equality disregards the case of names.

    Built from another `Headers`, a mapping, or an iterable of name-value pairs in `str` or `bytes`.  Order, the case
    of names and repeated lines are kept as sent.  White space around a value is not part of it and goes (§5.5); CR,
    LF and NUL inside a value become spaces; a line whose name is no token is dropped.
    """

    __slots__ = ("_fields", "lines")

    lines: tuple[Line, ...]
    """The field lines as sent, name and value."""

    def __init__(self, lines: HeadersLike = ()) -> None:
        self._fields: dict[str, str] | None = None
        if isinstance(lines, Headers):
            self.lines = lines.lines
            self._fields = lines._fields
            return
        # A list is what nearly everybody gives; to ask whether something is a Mapping takes a call of Python code.
        if isinstance(lines, list):
            pairs = lines
        else:
            pairs = list(cast("Mapping[str, str]", lines).items() if isinstance(lines, Mapping) else lines)
        try:
            self.lines = _sound([(name, value.strip(" \t")) for name, value in cast("list[Line]", pairs)])
        except TypeError:
            # There are octets among them.
            self.lines = _sound(
                [
                    (
                        name if isinstance(name, str) else name.decode("latin-1"),
                        (value if isinstance(value, str) else value.decode("latin-1")).strip(" \t"),
                    )
                    for name, value in pairs
                ]
            )

    @classmethod
    def trusted(cls, lines: tuple[Line, ...]) -> Headers:
        """Headers from lines that are known to be sound, such as lines of other `Headers`.  Nothing is checked."""
        made = cls.__new__(cls)
        made.lines = lines
        made._fields = None
        return made

    @property
    def fields(self) -> Mapping[str, str]:
        """Combined field values by lower-case name: lines of one name joined with ``", "`` in order (§5.2)."""
        if self._fields is not None:
            return self._fields
        fields = {name.lower(): value for name, value in self.lines}
        if len(fields) < len(self.lines):
            values: dict[str, list[str]] = {name: [] for name in fields}
            for name, value in self.lines:
                values[name.lower()].append(value)
            # Joined once: joining line by line takes quadratic time.
            fields = {name: ", ".join(several) for name, several in values.items()}
        # Remembered when it is complete, for other threads may read these headers too.
        self._fields = fields
        return fields

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
        return Headers.trusted(self.lines + _sound([(name, value.strip(" \t")) for name, value in lines]))

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


def is_token(text: str) -> bool:
    """Whether `text` is a token (RFC 9110 §5.6.2)."""
    return _TOKEN.match(text) is not None


def _sound(lines: list[Line]) -> tuple[Line, ...]:
    """`lines` with dangerous octets replaced and lines without a proper name left out (RFC 9110 §5.5, §5.1)."""
    if not lines:
        return ()
    # One look at everything joined: nearly always there is nothing to mend.
    names, values = zip(*lines)  # noqa: B905  # of pairs, and strictness takes as long as the rest
    text = "".join(values)
    if "\r" in text or "\n" in text or "\0" in text or not _TOKEN.match("".join(names)) or "" in names:
        return tuple([(name, _DANGEROUS.sub(" ", value).strip(" \t")) for name, value in lines if is_token(name)])
    return tuple(lines)
