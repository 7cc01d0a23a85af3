"""What is stored, as octets: `Item` and back.  RFC 9111 §2

    blob    = check payload     the check tells damage, or with a key of the user's own forgery, too
    payload = head text body    the head has a fixed size and says how long the rest is

A body that came in parts is a table of them, and then the octets of those that lie here.

`text` is every string of the item in UTF-8 with a line feed between two of them.  No field of a message can hold one;
the rare string of another origin that does is escaped, and so is all the rest of that item.

Nothing is interpreted before sizes and check agree, nothing is executed, and what cannot be read is None: a miss.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from struct import Struct
from typing import Final, TypeAlias
from zlib import crc32

from .entries import Entry, Item, Part, Variants
from .headers import Headers, Line

Octets: TypeAlias = bytes | memoryview

ENTRY: Final = b"cse2"
VARIANTS: Final = b"csv1"
"""The first octets of a payload.  Another format has others, so that each version skips what it does not know."""
LIMIT: Final = 4 * 1024 * 1024
"""Bytes of the longest blob that is looked at."""

# Marks of strings that are absent rather than empty, and of escaped text.
_ETAG, _MODIFIED, _BODY, _BODY_ID, _ESCAPED = 1, 2, 4, 8, 16
_VALIDATE, _NEVER_STALE, _NO_MAX_STALE, _IMMUTABLE, _EXPLICIT = 32, 64, 128, 256, 512
_LARGEST: Final = 2**63 - 1

# Kind, flags, status; bytes of the text; six times; three windows; the body's length; how many selecting values,
# groups, withheld lines, lines and parts there are.
_ENTRY_HEAD: Final = Struct("<4sHHI6d4q5I")
# Where a part starts and stops, and what comes before it in its body, if that lies by itself.
_PART: Final = Struct("<3q")
# Kind, flags; bytes of the text; the count; how many sets of names, entity-tags and languages there are.
_VARIANTS_HEAD: Final = Struct("<4sHIq3I")
_FIXED: Final = 7
"""Strings that every entry begins with: URL, method, reason, source, entity-tag, Last-Modified, the body's name."""

# RFC 9110 §5.6.2: a token's characters.  Names are looked at all at once.
_TOKENS: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]*\Z")
_ESCAPE: Final = {"%": "%25", "\n": "%0A", "\r": "%0D", "\0": "%00"}
_ESCAPES: Final = str.maketrans(_ESCAPE)
_BACK: Final = {escaped: plain for plain, escaped in _ESCAPE.items()}
_ESCAPED_CHARACTER: Final = re.compile("|".join(_BACK))


class Seal:
    """The check in front of what is stored: a checksum against damage; with a `key`, an HMAC against forgery.

    The check also covers a context, such as the key under which something lies, so that nothing can be moved.
    """

    __slots__ = ("_key", "size")

    def __init__(self, key: bytes | None = None) -> None:
        if key is not None and len(key) < 16:
            raise ValueError("key: give at least 16 random octets")
        self._key = key
        self.size = 4 if key is None else 32
        """Bytes that the check takes."""

    def __repr__(self) -> str:
        return f"<Seal of {self.size} octets>"

    def check(self, context: bytes, payload: Octets) -> bytes:
        """The octets that vouch for `payload` in `context`."""
        if self._key is None:
            return crc32(payload, crc32(context)).to_bytes(4, "little")
        # The context's length in front: no two pairs of context and payload are signed alike.
        return hmac.digest(self._key, b"".join((len(context).to_bytes(4, "little"), context, payload)), "sha256")

    def seal(self, context: bytes, payload: bytes) -> bytes:
        """`payload` with its check in front."""
        return self.check(context, payload) + payload

    def unseal(self, context: bytes, blob: Octets) -> memoryview | None:
        """The payload of a `blob` that was sealed in this context; None for anything else."""
        payload = memoryview(blob)[self.size :]
        if not hmac.compare_digest(self.check(context, payload), blob[: self.size]):
            return None
        return payload


def encode(item: Item) -> bytes:
    """`item` as octets, a small body included."""
    return _encode_entry(item) if isinstance(item, Entry) else _encode_variants(item)


def decode(payload: Octets) -> Item | None:
    """The item that `payload` stands for; None for what is damaged, foreign, or of another version."""
    if len(payload) > LIMIT:
        return None
    try:
        if payload[:4] == ENTRY:
            return _decode_entry(payload)
        if payload[:4] == VARIANTS:
            return _decode_variants(payload)
    except ValueError:  # of which UnicodeDecodeError is one
        return None
    return None


def _encode_entry(entry: Entry) -> bytes:
    strings = [
        entry.url,
        entry.method,
        entry.reason,
        entry.source,
        entry.etag or "",
        entry.last_modified or "",
        entry.body_id or "",
    ]
    for name, value in entry.selecting:
        # An absent field is told from an empty one by the character in front (RFC 9111 §4.1).
        strings += (name, "-" if value is None else f"={value}")
    strings += entry.groups
    for line in entry.withheld:
        strings += line
    for line in entry.headers.lines:
        strings += line
    strings += [part.body_id or "" for part in entry.parts]
    text, escaped = _joined(strings)
    flags = (
        escaped
        | (entry.etag is not None and _ETAG)
        | (entry.last_modified is not None and _MODIFIED)
        | (entry.body is not None and _BODY)
        | (entry.body_id is not None and _BODY_ID)
        | (entry.validate and _VALIDATE)
        | (entry.never_stale and _NEVER_STALE)
        | (entry.no_max_stale and _NO_MAX_STALE)
        | (entry.immutable and _IMMUTABLE)
        | (entry.explicit and _EXPLICIT)
    )
    head = _ENTRY_HEAD.pack(
        ENTRY,
        flags,
        entry.status,
        len(text),
        entry.request_time,
        entry.response_time,
        entry.initial_age,
        entry.lifetime,
        entry.date,
        entry.created,
        min(entry.while_revalidate, _LARGEST),
        min(entry.if_error, _LARGEST),
        min(entry.kept, _LARGEST),
        entry.length,
        len(entry.selecting),
        len(entry.groups),
        len(entry.withheld),
        len(entry.headers.lines),
        len(entry.parts),
    )
    return b"".join((head, text, entry.body or b"", *_parts_table(entry.parts)))


def _parts_table(parts: tuple[Part, ...]) -> list[bytes]:
    table = [_PART.pack(part.start, part.stop, part.skip) for part in parts]
    return [*table, *(part.body or b"" for part in parts)]


def _decode_entry(payload: Octets) -> Entry | None:
    size = _ENTRY_HEAD.size
    if len(payload) < size:
        return None
    (
        _,
        flags,
        status,
        length_of_text,
        request_time,
        response_time,
        initial_age,
        lifetime,
        date,
        created,
        while_revalidate,
        if_error,
        kept,
        length,
        n_selecting,
        n_groups,
        n_withheld,
        n_lines,
        n_parts,
    ) = _ENTRY_HEAD.unpack_from(payload)
    start_of_body = size + length_of_text
    body = bytes(payload[start_of_body : start_of_body + length]) if flags & _BODY else None
    start_of_parts = start_of_body + (0 if body is None else length)
    if length < 0 or not 200 <= status <= 599 or (len(payload) != start_of_parts and not n_parts):
        return None
    strings = _split(payload[size:start_of_body], flags)
    groups_at = _FIXED + 2 * n_selecting
    withheld_at = groups_at + n_groups
    lines_at = withheld_at + 2 * n_withheld
    parts_at = lines_at + 2 * n_lines
    if len(strings) != parts_at + n_parts:
        return None
    url, method, reason, source, etag, modified, body_id = strings[:_FIXED]
    lines = _lines(strings[lines_at:parts_at])
    withheld = _lines(strings[withheld_at:lines_at]) if n_withheld else ()
    # A time that is no number would compare as neither fresh nor stale.
    numbers = request_time + response_time + initial_age + date + created
    if lines is None or withheld is None or numbers != numbers or lifetime != lifetime:
        return None
    if flags & _ESCAPED and _dangerous(f"{method}{reason}{etag}{modified}"):
        return None
    return Entry(
        url,
        method,
        _selecting(strings[_FIXED:groups_at]) if n_selecting else (),
        status,
        reason,
        Headers.trusted(lines),
        request_time,
        response_time,
        initial_age,
        lifetime,
        source,
        date,
        validate=flags & _VALIDATE != 0,
        never_stale=flags & _NEVER_STALE != 0,
        no_max_stale=flags & _NO_MAX_STALE != 0,
        immutable=flags & _IMMUTABLE != 0,
        explicit=flags & _EXPLICIT != 0,
        while_revalidate=while_revalidate,
        if_error=if_error,
        kept=kept,
        etag=etag if flags & _ETAG else None,
        last_modified=modified if flags & _MODIFIED else None,
        groups=tuple(strings[groups_at:withheld_at]) if n_groups else (),
        withheld=withheld,
        created=created,
        length=length,
        body=body,
        body_id=body_id if flags & _BODY_ID else None,
        parts=_parts(payload[start_of_parts:], strings[parts_at:], length) if n_parts else (),
    )


def _parts(octets: Octets, names: list[str], whole: int) -> tuple[Part, ...]:
    """The parts in the table that `octets` begins with, of `whole` bytes.  ValueError where they do not fit."""
    at = _PART.size * len(names)
    if len(octets) < at:
        raise ValueError("a table that is cut short")
    parts: list[Part] = []
    before = 0
    for (start, stop, skip), name in zip(_PART.iter_unpack(octets[:at]), names, strict=True):
        if not before <= start < stop <= whole or skip < 0:
            raise ValueError("a part that cannot be")
        before = stop
        body = None if name else bytes(octets[at : at + stop - start])
        at += 0 if body is None else stop - start
        parts.append(Part(start, stop, body, name or None, skip))
    if at != len(octets):
        raise ValueError("octets that belong to no part, or too few of them")
    return tuple(parts)


def _selecting(strings: list[str]) -> tuple[tuple[str, str | None], ...]:
    values = [value[1:] if value[:1] == "=" else None for value in strings[1::2]]
    return tuple(zip(strings[::2], values, strict=True))


def _lines(strings: list[str]) -> tuple[Line, ...] | None:
    """Field lines from names and values; None where a name is no token or a value is dangerous (RFC 9110 §5.5)."""
    names, values = strings[::2], strings[1::2]
    if not _TOKENS.match("".join(names)) or "" in names or _dangerous("".join(values)):
        return None
    return tuple(zip(names, values, strict=True))


def _dangerous(text: str) -> bool:
    return "\n" in text or "\r" in text or "\0" in text


def _encode_variants(record: Variants) -> bytes:
    strings = [record.url, record.generation.hex(), *(",".join(names) for names in record.names)]
    for pairs in (record.tags, record.languages):
        for name, key in pairs:
            strings += (name, key.hex())
    text, escaped = _joined(strings)
    head = _VARIANTS_HEAD.pack(
        VARIANTS, escaped, len(text), record.count, len(record.names), len(record.tags), len(record.languages)
    )
    return head + text


def _decode_variants(payload: Octets) -> Variants | None:
    size = _VARIANTS_HEAD.size
    if len(payload) < size:
        return None
    _, flags, length_of_text, count, n_names, n_tags, n_languages = _VARIANTS_HEAD.unpack_from(payload)
    tags_at = 2 + n_names
    languages_at = tags_at + 2 * n_tags
    strings = _split(payload[size:], flags)
    if len(payload) != size + length_of_text or len(strings) != languages_at + 2 * n_languages:
        return None
    names = [tuple(names.split(",")) if names else () for names in strings[2:tags_at]]
    tags, languages = _keyed(strings[tags_at:languages_at]), _keyed(strings[languages_at:])
    return Variants(strings[0], bytes.fromhex(strings[1]), tuple(names), count, tags, languages)


def _keyed(strings: list[str]) -> tuple[tuple[str, bytes], ...]:
    return tuple([(text, bytes.fromhex(key)) for text, key in zip(strings[::2], strings[1::2], strict=True)])


def _joined(strings: Iterable[str]) -> tuple[bytes, int]:
    """All strings in one, and the flag that says whether they had to be escaped."""
    strings = list(strings)
    text = "\n".join(strings)
    escaped = 0
    if text.count("\n") != len(strings) - 1 or "\r" in text or "\0" in text:
        text = "\n".join([string.translate(_ESCAPES) for string in strings])
        escaped = _ESCAPED
    return text.encode("utf-8", "surrogatepass"), escaped


def _split(octets: Octets, flags: int) -> list[str]:
    """The strings again.  ValueError for what is no UTF-8, or not as `_joined` writes it."""
    text = str(octets, "utf-8", "surrogatepass")
    if "\r" in text or "\0" in text:
        raise ValueError("a control character that is never written")
    strings = text.split("\n")
    if flags & _ESCAPED:
        return [_ESCAPED_CHARACTER.sub(lambda found: _BACK[found[0]], string) for string in strings]
    return strings
