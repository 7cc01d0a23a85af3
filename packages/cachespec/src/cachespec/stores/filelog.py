"""The log of purges in a file that processes share.

A purge's number is its place in the log: it is counted in bytes, from the beginning of the first log there ever was.
Whoever reads needs to know no more than the file's size.
"""

from __future__ import annotations

import os
import re
import time
from typing import Final

from ..entries import Item
from .contract import Scope
from .locks import locked
from .places import READ, WRITE, replace_file, write_all
from .purges import decode_scope, encode_scope, refuses

LONGEST: Final = 128 * 1024
"""Bytes at which the older half of the log is forgotten."""

_HEADER_SIZE: Final = 40
_HEADER: Final = re.compile(rb"cachespec purges 1 ([0-9]{20})\n\Z")


class FileLog:
    """The log in the file `path`, whose lock is the file beside it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._known: tuple[int, int, int] = (0, 0, 0)
        self._mark = 0
        """The number of the latest purge, as of the file with the inode, size and time in `_known`."""

    def mark(self) -> int:
        """The number of the latest purge.  FileNotFoundError if there is no log, or none that can be read."""
        if _identity(os.stat(self._path)) != self._known:
            fd = os.open(self._path, READ)
            try:
                base = _base(os.read(fd, _HEADER_SIZE))
                found = os.fstat(fd)
            finally:
                os.close(fd)
            # In this order: who finds the old identity with the new number is refused, which is safe.
            self._mark, self._known = base + found.st_size, _identity(found)
        return self._mark

    def create(self) -> None:
        """Begin a log if there is none."""
        with locked(f"{self._path}.lock"):
            self._create()

    def _create(self) -> None:
        try:
            self.mark()
        except FileNotFoundError:
            # Should an older log have been removed, this one's numbers are higher: microseconds outrun its growth.
            self._begin(time.time_ns() // 1000, b"")

    def _begin(self, base: int, lines: bytes) -> None:
        replace_file(self._path, b"cachespec purges 1 %020d\n" % base + lines, f"{self._path}.new")

    def add(self, scope: Scope) -> None:
        """Remember a purge."""
        with locked(f"{self._path}.lock"):
            self._add(encode_scope(scope) + b"\n")

    def _add(self, line: bytes) -> None:
        self._create()
        fd = os.open(self._path, WRITE & ~os.O_CREAT)
        try:
            size = os.fstat(fd).st_size
            octets = os.read(fd, size) if size > LONGEST else b""
            if not octets:
                os.lseek(fd, 0, os.SEEK_END)
                write_all(fd, line)
                return
        finally:
            os.close(fd)
        cut = octets.find(b"\n", len(octets) // 2) + 1 or len(octets)
        # The number of what follows stays what it was.
        self._begin(_base(octets[:_HEADER_SIZE]) + cut - _HEADER_SIZE, octets[cut:] + line)

    def refuses(self, item: Item, mark: int) -> bool:
        """Whether `item`, of an exchange that began when `mark` was the latest purge, must not be stored."""
        if mark == self.mark():
            return False
        fd = os.open(self._path, READ)
        try:
            base = _base(os.read(fd, _HEADER_SIZE))
            size = os.fstat(fd).st_size
            if not _HEADER_SIZE <= mark - base <= size:
                # Too old, or of a log that was removed.
                return True
            os.lseek(fd, mark - base, os.SEEK_SET)
            lines = os.read(fd, size).split(b"\n")
        finally:
            os.close(fd)
        return refuses(item, 0, 1, [decode_scope(line) for line in lines if line])


def _base(header: bytes) -> int:
    found = _HEADER.match(header)
    if found is None:
        raise FileNotFoundError("the log of purges is damaged")
    return int(found[1])


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns
