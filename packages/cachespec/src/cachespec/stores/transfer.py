"""From one store into another, and into a file and back: to move house, or to start warm.

    file     a line that says what it is; records
    record   the length of the key, the key; an item; then each of its bodies in pieces, the last one empty

Every piece has its length and a checksum in front.  Responses that were chosen by somebody's credentials stay behind:
the digests that tell them apart mean nothing to a store with another secret.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from struct import Struct
from typing import BinaryIO, Final

from ..codec import LIMIT, Seal, decode, encode
from ..entries import Entry, Item
from ..keys import SECRET_FIELDS
from .contract import Store

FIRST_LINE: Final = b"cachespec export 1\n"
_LENGTH: Final = Struct("<I")
_SEAL: Final = Seal()
_PRIVATE: Final = SECRET_FIELDS | {"@principal"}


def export_store(store: Store, file: BinaryIO) -> Iterator[Item]:
    """Write what `store` holds to `file`, open for writing; each item as soon as it is written."""
    file.write(FIRST_LINE)
    for key, item in store.items():
        if _private(item):
            continue
        lengths = _lengths(item) if isinstance(item, Entry) else {}
        bodies = {body_id: store.open(body_id) for body_id in lengths}
        try:
            if None not in bodies.values():
                _write(file, key)
                _write(file, encode(item))
                for body_id, body in bodies.items():
                    for chunk in body.chunks(0, lengths[body_id]) if body else ():
                        _write(file, chunk)
                    _write(file, b"")
                yield item
        finally:
            for body in bodies.values():
                if body:
                    body.close()


def import_store(store: Store, file: BinaryIO) -> Iterator[Item]:
    """Put what `export_store` wrote to `file` into `store`; each item that was stored.

    What is there already stays.  ValueError where the file is damaged, or something else; what came before is stored.
    """
    if file.read(len(FIRST_LINE)) != FIRST_LINE:
        raise ValueError("this is no export of a cache, or one of another version")
    while key := _read(file, or_end=True):
        item = decode(_read(file))
        if item is None:
            raise ValueError("the export is damaged")
        room = True
        if isinstance(item, Entry):
            item, room = _append(store, item, file)
        there = store.read(key)
        if room and there.item is None and store.swap(key, item, there.revision, there.mark):
            yield item
        else:
            for body_id in _bodies(item):
                store.discard(body_id)


def _append(store: Store, item: Entry, file: BinaryIO) -> tuple[Entry, bool]:
    """`item` with bodies of its own in `store`, and whether there was room for them."""
    room = True
    for body_id in item.body_ids:
        new = secrets.token_hex(16)
        item = _renamed(item, body_id, new)
        while chunk := _read(file):
            room = room and store.append(new, chunk)
    return item, room


def _renamed(item: Entry, old: str, new: str) -> Entry:
    parts = tuple([replace(part, body_id=new) if part.body_id == old else part for part in item.parts])
    return replace(item, body_id=new if item.body_id == old else item.body_id, parts=parts)


def _bodies(item: Item) -> tuple[str, ...]:
    return item.body_ids if isinstance(item, Entry) else ()


def _lengths(item: Entry) -> dict[str, int]:
    """How many octets of each of its bodies belong to `item`: all, or as many as its parts need."""
    if item.body_id is not None:
        return {item.body_id: item.length}
    lengths = dict.fromkeys(item.body_ids, 0)
    for part in item.parts:
        if part.body_id is not None:
            lengths[part.body_id] = max(lengths[part.body_id], part.skip + part.stop - part.start)
    return lengths


def _private(item: Item) -> bool:
    return isinstance(item, Entry) and any(name in _PRIVATE for name, _ in item.selecting)


def _write(file: BinaryIO, octets: bytes) -> None:
    file.write(_LENGTH.pack(len(octets)) + _SEAL.seal(b"", octets))


def _read(file: BinaryIO, *, or_end: bool = False) -> bytes:
    """The next piece; empty at the end of the file, where that is right."""
    head = file.read(_LENGTH.size)
    if or_end and not head:
        return b""
    length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else LIMIT + 1
    octets = file.read(_SEAL.size + length) if length <= LIMIT else b""
    piece = _SEAL.unseal(b"", octets)
    if piece is None or len(piece) != length:
        raise ValueError("the export is damaged, or was cut short")
    return bytes(piece)
