"""Advisory locks on open files: between processes, and between the threads of one."""

from __future__ import annotations

import sys
import time
from typing import Final

PATIENCE: Final = 20.0
"""Seconds after which a lock that somebody else holds is given up."""
PAUSE: Final = 0.0005

if sys.platform == "win32":  # pragma: no cover - there is no such system among those that the tests run on
    import msvcrt

    _FAR: Final = 1 << 40
    """A place behind every file's end: on Windows nobody else could read what is locked."""

    def _take(fd: int) -> None:
        import os

        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(fd: int) -> None:
        # Not lockf(): its locks belong to the process, and would not keep threads apart.
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock(fd: int, patience: float = PATIENCE) -> None:
    """Lock an open file for oneself; closing it unlocks it, as does the end of the process, whatever it was.

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
