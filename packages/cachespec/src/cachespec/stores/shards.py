"""A shard of a `FileStore`: the lock on a part of the keys, its figures, and the queue for their eviction.

    header   magic, how many entries, their bytes, where the queue begins, a checksum
    queue    records in order of arrival: a key, and the time of its head file when the record was written

Eviction takes the record at the front.  Where the head file has another time by now somebody has asked for the entry
since, and the record goes to the back; else the entry goes.  So it costs the same however many entries there are.

The figures are raised before an entry is published and lowered after it is removed: a process that dies in between
leaves them too high, never too low, until a sweep counts anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from struct import Struct
from typing import Final, Self
from zlib import crc32

from .locks import open_locked, unlock
from .places import READ

COUNT: Final = 256
"""How many shards there are: one for each value of a key's first octet."""

_MAGIC: Final = b"cspq2\0\0\0"
_FIGURES: Final = Struct("<8s3Q")
_CHECK: Final = Struct("<I")
_HEADER_SIZE: Final = _FIGURES.size + _CHECK.size
# A key of 32 octets is filled up with NUL; no key of 64 octets ends with 32 of them.
_RECORD: Final = Struct("<64sq")
_EMPTY: Final = bytes(32)


class Shard:
    """One shard, locked until it is closed.  Use it in a ``with`` statement."""

    __slots__ = ("_fd", "_start", "_stop", "bytes", "entries")

    def __init__(self, path: str) -> None:
        self._fd = open_locked(path)
        try:
            self._load()
        except BaseException:
            unlock(self._fd)
            raise

    def _load(self) -> None:
        header = _header(os.read(self._fd, _HEADER_SIZE))
        size = os.fstat(self._fd).st_size
        self.entries: int = 0
        self.bytes: int = 0
        self._start = self._stop = _HEADER_SIZE
        if header is not None:
            self.entries, self.bytes, start = header
            # A record that was cut off does not count.
            self._stop = size - (size - _HEADER_SIZE) % _RECORD.size
            self._start = min(max(start, _HEADER_SIZE), self._stop)
        elif size:
            # Nothing that we wrote, or not as we wrote it: a sweep counts anew.
            os.ftruncate(self._fd, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        unlock(self._fd)

    def count(self, entries: int, size: int) -> None:
        """Change the figures."""
        self.entries = max(0, self.entries + entries)
        self.bytes = max(0, self.bytes + size)
        self._save()

    def recount(self, entries: int, size: int) -> None:
        """Set the figures to what was counted."""
        if (self.entries, self.bytes) != (entries, size):
            self.entries, self.bytes = entries, size
            self._save()

    def _save(self) -> None:
        header = _FIGURES.pack(_MAGIC, self.entries, self.bytes, self._start)
        self._write(0, header + _CHECK.pack(crc32(header)))

    def _write(self, at: int, octets: bytes) -> None:
        os.lseek(self._fd, at, os.SEEK_SET)
        os.write(self._fd, octets)

    # --- the queue

    def push(self, key: bytes, time: int, exists: Callable[[bytes], bool]) -> None:
        """Put a key at the back of the queue; `exists` tells whether something lies under a key."""
        if self._stop == _HEADER_SIZE:
            self._save()
        self._write(self._stop, _RECORD.pack(key, time))
        self._stop += _RECORD.size
        if self._stop - _HEADER_SIZE > (2 * self.entries + 64) * _RECORD.size:
            # Half of this was written since the last time: records of what is gone, or was taken from the front.
            records = {queued: time for queued, time in self.queued().items() if exists(queued) or queued == key}
            self.entries = max(self.entries, len(records))
            self._rewrite(records)

    def shift(self, limit: int) -> list[tuple[bytes, int]]:
        """Take up to `limit` keys, with their times, from the front of the queue."""
        stop = min(self._start + limit * _RECORD.size, self._stop)
        records = self._records(self._start, stop)
        self._start = stop
        self._save()
        return records

    def queued(self) -> dict[bytes, int]:
        """All keys in the queue, each once, with their times."""
        return dict(self._records(self._start, self._stop))

    def requeue(self, records: dict[bytes, int]) -> None:
        """Make the queue consist of these records."""
        if records != self.queued():
            self._rewrite(records)

    def _rewrite(self, records: dict[bytes, int]) -> None:
        octets = b"".join([_RECORD.pack(key, time) for key, time in records.items()])
        self._start = _HEADER_SIZE
        self._stop = self._start + len(octets)
        # In place: whoever waits for the lock has this file open.  A process that dies meanwhile leaves records twice
        # or not at all, which a sweep mends.
        self._save()
        self._write(_HEADER_SIZE, octets)
        os.ftruncate(self._fd, self._stop)

    def _records(self, start: int, stop: int) -> list[tuple[bytes, int]]:
        os.lseek(self._fd, start, os.SEEK_SET)
        octets = os.read(self._fd, stop - start)
        whole = len(octets) - len(octets) % _RECORD.size
        return [(key[:32] if key[32:] == _EMPTY else key, time) for key, time in _RECORD.iter_unpack(octets[:whole])]


def figures(path: str) -> tuple[int, int]:
    """How many entries a shard has, and their bytes, as somebody without the lock sees it."""
    try:
        fd = os.open(path, READ)
    except FileNotFoundError:
        return 0, 0
    try:
        header = _header(os.read(fd, _HEADER_SIZE))
    finally:
        os.close(fd)
    return (0, 0) if header is None else header[:2]


def _header(octets: bytes) -> tuple[int, int, int] | None:
    """What a shard's header says: entries, bytes, where the queue begins; None for anything else."""
    if len(octets) < _HEADER_SIZE or octets[:8] != _MAGIC:
        return None
    figures, check = octets[: _FIGURES.size], octets[_FIGURES.size :]
    if crc32(figures) != _CHECK.unpack(check)[0]:
        return None
    _, entries, size, start = _FIGURES.unpack(figures)
    return entries, size, start
