"""Files with bodies, of which any part can be read, and none wrongly.

    header   magic, the key of the entry that names the body, the size of the file, and their check; NUL until published
    frame    the length of a piece, its check, the piece; and so on

A piece's check covers the file's name and the frame's place.  The size in the header tells a file that was cut short
before anybody reads it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Final

from ..codec import Seal
from .places import READ, UNWRITABLE, WRITE, open_new, remove_file, write_all

PIECE: Final = 256 * 1024
"""Bytes of the longest piece."""

_MAGIC: Final = b"cspb1\0\0\0"
_HEADER: Final = Struct("<8s64sQ")
_LENGTH: Final = Struct("<I")
_NAME: Final = re.compile(r"[0-9a-f]{16,64}\Z")


class DamagedBodyError(OSError):
    """A stored body turned out not to be what was stored, while it was being read."""


class Bodies:
    """The bodies in one folder."""

    def __init__(self, folder: str, seal: Seal) -> None:
        self.folder = folder
        self._seal = seal
        self._room = _HEADER.size + seal.size
        """Bytes of a header with its check."""

    def path(self, body_id: str) -> str:
        """Where a body lies.  What is not named as we name bodies gets a name that cannot lead astray."""
        name = body_id if _NAME.match(body_id) else sha256(body_id.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self.folder}{os.sep}{name[:2]}{os.sep}{name}"

    def append(self, body_id: str, chunk: bytes, limit: int) -> bool:
        """Add to a body; False, and no body any more, if there is no room for it or it would exceed `limit` bytes."""
        path = self.path(body_id)
        try:
            fd = open_new(path)
            try:
                at = os.lseek(fd, 0, os.SEEK_END)
                if at == 0:
                    write_all(fd, bytes(self._room))
                    at = self._room
                for start in range(0, len(chunk), PIECE):
                    piece = chunk[start : start + PIECE]
                    front = _LENGTH.pack(len(piece)) + self._check(path, at, piece)
                    write_all(fd, front)
                    # By itself: to join them is to copy it.
                    write_all(fd, piece)
                    at += len(front) + len(piece)
            finally:
                os.close(fd)
        except OSError as error:
            if error.errno not in UNWRITABLE:
                raise
            at = limit + 1
        if at > limit:
            self.remove(body_id)
        return at <= limit

    def publish(self, body_id: str, key: bytes) -> bool:
        """Say that the entry under `key` names this body; False if there is none."""
        path = self.path(body_id)
        try:
            fd = os.open(path, WRITE & ~os.O_CREAT)
        except FileNotFoundError:
            return False
        try:
            size = os.fstat(fd).st_size
            header = _HEADER.pack(_MAGIC, key, size)
            os.lseek(fd, 0, os.SEEK_SET)
            write_all(fd, header + self._check(path, 0, header))
        finally:
            os.close(fd)
        return True

    def open(self, body_id: str) -> FileBody | None:
        """A published body for reading, None if there is none or it is not as it was published."""
        path = self.path(body_id)
        try:
            fd = os.open(path, READ)
        except FileNotFoundError:
            return None
        header = self._header(path, os.read(fd, self._room))
        if header is None or header[1] != os.fstat(fd).st_size:
            os.close(fd)
            return None
        return FileBody(fd, path, self._seal, self._room)

    def owner(self, body_id: str) -> bytes | None:
        """The key of the entry that the body was published for; None if it was not."""
        path = self.path(body_id)
        try:
            fd = os.open(path, READ)
        except FileNotFoundError:
            return None
        try:
            header = self._header(path, os.read(fd, self._room))
        finally:
            os.close(fd)
        return None if header is None else header[0]

    def remove(self, body_id: str) -> None:
        """Remove a body, complete or not.  On Windows one that is being read stays for the sweep."""
        try:
            remove_file(self.path(body_id))
        except PermissionError:
            return

    def names(self, first: int) -> Iterator[tuple[str, float]]:
        """The bodies whose names begin with the octet `first`, with the time of their last change."""
        try:
            entries = list(os.scandir(Path(self.folder, f"{first:02x}")))
        except FileNotFoundError:
            return
        for entry in entries:
            if _NAME.match(entry.name):
                try:
                    yield entry.name, entry.stat().st_mtime
                except FileNotFoundError:
                    continue

    def _header(self, path: str, octets: bytes) -> tuple[bytes, int] | None:
        """The owner and the size that a header tells."""
        header, check = octets[: _HEADER.size], octets[_HEADER.size :]
        if len(octets) < self._room or header[:8] != _MAGIC or check != self._check(path, 0, header):
            return None
        _, key, size = _HEADER.unpack(header)
        return key if any(key[32:]) else key[:32], size

    def _check(self, path: str, at: int, octets: bytes) -> bytes:
        return self._seal.check(_context(path, at), octets)


def _context(path: str, at: int) -> bytes:
    return f"{os.path.basename(path)}:{at}".encode()


class FileBody:
    """A body's file, opened.  One thread at a time may read it."""

    __slots__ = ("_fd", "_first", "_path", "_seal")

    def __init__(self, fd: int, path: str, seal: Seal, first: int) -> None:
        self._fd: int | None = fd
        self._path = path
        self._seal = seal
        self._first = first

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """See `Body.chunks`.  DamagedBodyError where the file is not what was written."""
        at, begin = self._first, 0
        while begin < stop:
            fd = self._fd
            if fd is None:
                raise ValueError("the body is closed")
            os.lseek(fd, at, os.SEEK_SET)
            length = self._length(os.read(fd, _LENGTH.size))
            end = begin + length
            if end > start:
                piece = self._piece(at, os.read(fd, self._seal.size + length), length)
                yield piece if start <= begin and end <= stop else piece[max(0, start - begin) : stop - begin]
            at, begin = at + _LENGTH.size + self._seal.size + length, end

    def _length(self, octets: bytes) -> int:
        length: int = _LENGTH.unpack(octets)[0] if len(octets) == _LENGTH.size else 0
        if not 0 < length <= PIECE:
            raise DamagedBodyError(f"the stored body {self._path} is cut short or overwritten")
        return length

    def _piece(self, at: int, octets: bytes, length: int) -> bytes:
        """The piece in the frame at `at`, whose check and octets were read."""
        piece = self._seal.unseal(_context(self._path, at), octets)
        if piece is None or len(piece) != length:
            raise DamagedBodyError(f"the stored body {self._path} is damaged")
        return bytes(piece)

    def close(self) -> None:
        """See `Body.close`."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def __del__(self) -> None:
        self.close()
