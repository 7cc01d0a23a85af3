"""The groups of a `FileStore`: for each a file with the keys of the responses that belong to it.  RFC 9875 §2

A key is added before its entry is published.  It goes with the entry where the file is short; in a long one it stays
until the file has doubled, or a sweep comes by: so an index never grows much beyond its entries.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Final

from .locks import locked
from .places import WRITE, read_file, remove_file

_RECORD: Final = 64
_SHORT: Final = 64 * _RECORD
"""Bytes of a file that is put in order whenever one of its entries goes."""

Belongs = Callable[[bytes, str], bool]
"""Whether the entry under a key is there, and belongs to the group with this digest."""


def digest_of(group: str) -> str:
    """What a group's file is called."""
    return sha256(group.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Groups:
    """The groups in one folder.  `belongs` tells whether an entry is there and in a group."""

    def __init__(self, folder: str, belongs: Belongs) -> None:
        self._folder = folder
        self._belongs = belongs

    def add(self, group: str, key: bytes) -> None:
        """Note that the entry under `key` is going to belong to `group`."""
        digest = digest_of(group)
        with self._locked(digest, WRITE) as fd:
            size = os.lseek(fd, 0, os.SEEK_END)
            size -= size % _RECORD
            os.lseek(fd, size, os.SEEK_SET)
            os.write(fd, key.ljust(_RECORD, b"\0"))
            size += _RECORD
            # Each time the file has doubled.
            if size > _SHORT and size & (size - 1) == 0:
                self._put_in_order(fd, digest, keep=key)

    def keys(self, group: str) -> list[bytes]:
        """The keys of all entries that may belong to `group`."""
        return _keys(read_file(self._path(digest_of(group))) or b"")

    def remove(self, groups: Iterable[str]) -> None:
        """Forget what is gone from these groups."""
        for group in groups:
            digest = digest_of(group)
            if self._size(digest) <= _SHORT:
                self.put_in_order(digest)

    def digests(self) -> list[str]:
        """The names of all groups' files."""
        return sorted(os.listdir(self._folder))

    def put_in_order(self, digest: str) -> None:
        """Leave in a group's file only what is there and belongs to it; no file, if that is nothing."""
        if self._size(digest):
            with self._locked(digest, WRITE & ~os.O_CREAT) as fd:
                self._put_in_order(fd, digest)

    def _put_in_order(self, fd: int, digest: str, keep: bytes = b"") -> None:
        os.lseek(fd, 0, os.SEEK_SET)
        keys = _keys(os.read(fd, os.fstat(fd).st_size))
        kept = [key for key in dict.fromkeys(keys) if key == keep or self._belongs(key, digest)]
        if not kept:
            remove_file(self._path(digest))
        elif kept != keys:
            octets = b"".join([key.ljust(_RECORD, b"\0") for key in kept])
            os.lseek(fd, 0, os.SEEK_SET)
            os.write(fd, octets)
            os.ftruncate(fd, len(octets))

    def _path(self, digest: str) -> str:
        return f"{self._folder}{os.sep}{digest}"

    def _size(self, digest: str) -> int:
        try:
            return os.stat(self._path(digest)).st_size
        except FileNotFoundError:
            return 0

    @contextmanager
    def _locked(self, digest: str, flags: int) -> Iterator[int]:
        """The open, locked file of a group."""
        while True:
            with locked(self._path(digest), flags) as fd:
                # Somebody may have removed it while we waited.
                if os.fstat(fd).st_nlink:
                    yield fd
                    return


def _keys(octets: bytes) -> list[bytes]:
    records = [octets[at : at + _RECORD] for at in range(0, len(octets) - _RECORD + 1, _RECORD)]
    return [record if any(record[32:]) else record[:32] for record in records]
