"""The leases of a `FileStore`: which of several processes fetches, a file for each."""

from __future__ import annotations

import os
import threading
from hashlib import sha256
from struct import Struct
from typing import Final

from .. import forks
from .locks import sole
from .places import OWN, WRITE, make_folder, read_file, remove_file, replace_file
from .shelf import Shelf

FORGOTTEN: Final = 3600.0
"""Seconds for which a lease that has run out may lie there."""

_LEASE: Final = Struct("<d32s")


class Leases:
    """The leases beside a shelf, whose shards lock them."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._folder = shelf.within("leases")
        self._users: int | None = None
        """The file that every store locks, shared, which asks for leases here."""
        self._forks = forks.count()
        self._asking = threading.Lock()

    def alone(self) -> bool:
        """See `FileStore.alone`."""
        if not self._asking.acquire(blocking=False):
            return False
        try:
            users, count = self._users, forks.count()
            if users is None or self._forks != count:
                # A child process shares its parent's lock, and is somebody else.
                self.close()
                make_folder(self._shelf.root)
                users = os.open(self._shelf.within("users"), WRITE, OWN)
                self._users, self._forks = users, count
            return sole(users)
        except OSError:
            return False
        finally:
            self._asking.release()

    def close(self) -> None:
        """Let go of the file that tells of this store."""
        users, self._users = self._users, None
        if users is not None:
            os.close(users)

    def take(self, slot: bytes, owner: bytes, now: float, seconds: float) -> bool:
        """See `Leasing.lease`."""
        path, first = self._place(slot)
        with self._shelf.shard(first):
            until, holder = self._held(path)
            if now < until and holder != owner.ljust(32, b"\0"):
                return False
            replace_file(path, _LEASE.pack(now + seconds, owner), f"{path}.new")
            return True

    def give(self, slot: bytes, owner: bytes) -> None:
        """See `Leasing.release`."""
        path, first = self._place(slot)
        with self._shelf.shard(first):
            if self._held(path)[1] == owner.ljust(32, b"\0"):
                remove_file(path)

    def sweep(self, now: float) -> None:
        """Remove what has long run out."""
        for name in os.listdir(self._folder):
            path = f"{self._folder}{os.sep}{name}"
            if now - self._held(path)[0] > FORGOTTEN:
                remove_file(path)

    def _place(self, slot: bytes) -> tuple[str, int]:
        digest = sha256(slot).digest()
        return f"{self._folder}{os.sep}{digest.hex()}", digest[0]

    def _held(self, path: str) -> tuple[float, bytes]:
        """Until when, and by whom."""
        octets = read_file(path) or b""
        if len(octets) != _LEASE.size:
            return 0.0, b""
        until, owner = _LEASE.unpack(octets)
        return until, owner
