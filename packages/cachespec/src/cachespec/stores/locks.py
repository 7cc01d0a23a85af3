"""Advisory locks on open files: between processes, and between the threads of one."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from .places import OWN, WRITE

PATIENCE: Final = 20.0
"""Seconds after which a lock that somebody else holds is given up."""
PAUSE: Final = 0.0005

if sys.platform == "win32":  # pragma: no cover - there is no such system among those that the tests run on
    import msvcrt

    _FAR: Final = 1 << 40
    """A place behind every file's end: on Windows nobody else could read what is locked."""

    def _take(fd: int) -> None:
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)

    def _give(fd: int) -> None:
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

    def sole(_fd: int) -> bool:
        """See below: here there are no locks to be shared."""
        return False
else:
    import fcntl

    def _take(fd: int) -> None:
        # Not lockf(): its locks belong to the process, and would not keep threads apart.
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _give(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)

    def sole(fd: int) -> bool:
        """Say, by a shared lock, that an open file is in use; whether nobody else says so.  Waits for nobody."""
        found = _flocked(fd, fcntl.LOCK_EX)
        # Now that it is asked: what others will find.
        return _flocked(fd, fcntl.LOCK_SH) and found

    def _flocked(fd: int, kind: int) -> bool:
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


def lock(fd: int, patience: float = PATIENCE) -> None:
    """Lock an open file for oneself, until `unlock`, or the end of the process, whatever it was.

    TimeoutError if somebody else holds the lock for longer than `patience`, in seconds.
    """
    give_up = 0.0
    while True:
        try:
            _take(fd)
        except OSError:
            now = time.monotonic()
            give_up = give_up or now + patience
            if now > give_up:
                raise TimeoutError("somebody else holds the lock of a cache's file") from None
            time.sleep(PAUSE)
        else:
            return


def open_locked(path: str, flags: int = WRITE) -> int:
    """The file `path`, opened and locked, for `unlock`."""
    fd = os.open(path, flags, OWN)
    try:
        lock(fd)
    except BaseException:
        os.close(fd)
        raise
    return fd


def unlock(fd: int) -> None:
    """Unlock an open file, and close it.

    Closing it is not enough: a child that was forked meanwhile has it open as well, and would go on holding the lock.
    """
    try:
        _give(fd)
    finally:
        os.close(fd)


@contextmanager
def locked(path: str, flags: int = WRITE) -> Iterator[int]:
    """The file `path`, opened and locked for the time of a ``with`` statement."""
    fd = open_locked(path, flags)
    try:
        yield fd
    finally:
        unlock(fd)
