"""What field values are made of: numbers, lists, quoted strings, entity-tags.  RFC 9110 §5.6, §8.8.3

The readers here are shared by the rooms of the fields.  None of them raises, and each looks at every character a
bounded number of times: repetitions are possessive, so that nothing is ever tried twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from .headers import is_token

MAX_DELTA: Final = 2147483648
"""What a number of seconds too large to be held counts as (RFC 9111 §1.2.2, D06)."""

# RFC 9110 §5.6.4
#   quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE
#   qdtext        = HTAB / SP / %x21 / %x23-5B / %x5D-7E / obs-text
#   quoted-pair   = "\" ( HTAB / SP / VCHAR / obs-text )
_QUOTED_STRING: Final = re.compile(r'"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*+)"\Z')
_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)

# What matters to the division of a list: quoted strings, in which a comma is literal, commas, and a quote that
# nothing closes.
_MARK: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[,"]', re.DOTALL)

# RFC 9110 §8.8.3
#   entity-tag = [ weak ] opaque-tag
#   weak       = %s"W/"
#   opaque-tag = DQUOTE *etagc DQUOTE
#   etagc      = %x21 / %x23-7E / obs-text
_ENTITY_TAG: Final = r'(W/)?"([^"\x00-\x20\x7f]*+)"'
_ONE_TAG: Final = re.compile(rf"{_ENTITY_TAG}\Z")
# One member of a list of them, or else whatever stands before the next comma.
_LISTED_TAG: Final = re.compile(rf"[ \t,]*+(?:{_ENTITY_TAG}[ \t]*+(?:,|\Z)|[^,]*+)")


def delta_seconds(text: str) -> int | None:
    """The number of seconds that `text` gives in ASCII digits, at most `MAX_DELTA`, or None (RFC 9111 §1.2.2)."""
    # RFC 9111 §1.2.2: delta-seconds = 1*DIGIT
    if not (text.isascii() and text.isdigit()):
        return None
    if len(text) > 10:
        # D06: what has more digits than a clamped value never reaches int(), which has a limit of its own.
        text = text.lstrip("0") or "0"
        if len(text) > 10:
            return MAX_DELTA
    return min(int(text), MAX_DELTA)


def content_length(value: str) -> int | None:
    """Content-Length in bytes, or None where it is no length (RFC 9110 §8.6).

    Members that agree count as one.  What has more than 18 digits is longer than anything, and read as 10**18.
    """
    one = value.strip(" \t")
    if "," in one:
        one, *others = {member.strip(" \t") for member in value.split(",")}
        if others:
            return None
    if not (one.isascii() and one.isdigit()):
        return None
    if len(one) > 18:
        one = one.lstrip("0") or "0"
    return int(one) if len(one) <= 18 else 10**18


def members(value: str) -> list[str]:
    """The members of a comma-separated list, without the white space around them; empty ones are left out.

    A comma in a quoted string divides nothing.  After a quote that nothing closes, every comma divides (D07).
    """
    parts: list[str] = []
    if '"' not in value:
        parts = value.split(",")
    else:
        start = 0
        for mark in _MARK.finditer(value):
            match mark[0]:
                case ",":
                    parts.append(value[start : mark.start()])
                    start = mark.end()
                case '"':
                    head, *rest = value[mark.start() :].split(",")
                    parts.append(value[start : mark.start()] + head)
                    parts.extend(rest)
                    break
                case _:  # A quoted string.
                    pass
        else:
            parts.append(value[start:])
    # RFC 9110 §5.6.1.2: a recipient ignores empty elements.
    return [member for part in parts if (member := part.strip(" \t"))]


def unquote(text: str) -> str | None:
    """The text that a quoted-string stands for, or None if `text` is not one quoted-string (RFC 9110 §5.6.4)."""
    found = _QUOTED_STRING.match(text)
    if found is None:
        return None
    return _QUOTED_PAIR.sub(r"\1", found[1]) if "\\" in found[1] else found[1]


def field_names(value: str) -> tuple[str, ...]:
    """The field names in a list such as that of Vary or Connection, in lower case; what is no token is left out.

    ``*`` is a token like any other here.
    """
    return tuple([member.lower() for member in members(value) if is_token(member)])


@dataclass(frozen=True, slots=True)
class EntityTag:
    """An entity-tag.  ``str()`` gives the form in which it is sent.  RFC 9110 §8.8.3"""

    weak: bool
    opaque: str
    """What stands between the quotes; nothing in it is escaped."""

    def strongly_matches(self, other: EntityTag) -> bool:
        """Both are strong and the same (RFC 9110 §8.8.3.2)."""
        return not self.weak and not other.weak and self.opaque == other.opaque

    def weakly_matches(self, other: EntityTag) -> bool:
        """Both are the same, whether weak or strong (RFC 9110 §8.8.3.2)."""
        return self.opaque == other.opaque

    def __str__(self) -> str:
        return f'W/"{self.opaque}"' if self.weak else f'"{self.opaque}"'


def parse_entity_tag(value: str) -> EntityTag | None:
    """The entity-tag that is the whole of `value`, or None: without quotes, or with ``w/``, it is none (D41)."""
    found = _ONE_TAG.match(value)
    return EntityTag(found[1] is not None, found[2]) if found else None


def entity_tags(value: str) -> tuple[EntityTag, ...] | Literal["*"]:
    """The value of If-None-Match or If-Match: ``"*"`` or the entity-tags of the list (RFC 9110 §13.1.1, §13.1.2).

    A comma or a backslash in a tag is part of it.  Members that are no entity-tag are left out, so that they match
    nothing.
    """
    if value.strip(" \t") == "*":
        return "*"
    return tuple(
        [EntityTag(found[1] is not None, found[2]) for found in _LISTED_TAG.finditer(value) if found[2] is not None]
    )
