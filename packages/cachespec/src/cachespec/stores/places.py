"""Where files lie, and with what rights: nobody but their owner reads or writes them."""

from __future__ import annotations

import errno
import os
import re
import sys
from pathlib import Path
from typing import Final

READ: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
WRITE: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
OWN: Final = 0o600
OWN_FOLDER: Final = 0o700

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says where there is no room."""
UNWRITABLE: Final = FULL | {errno.EROFS, errno.EACCES, errno.EPERM}
"""What the system says where there is no room, or no right to write: nothing is stored then, and that is all."""

_NAMESPACE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


def default_folder(platform: str = sys.platform) -> Path:
    """The folder for caches that the user's system has for this purpose.  ValueError where it has none.

    ``XDG_CACHE_HOME`` or ``~/.cache``, on macOS ``~/Library/Caches``, on Windows ``LOCALAPPDATA``.
    """
    named = os.environ.get("LOCALAPPDATA" if platform == "win32" else "XDG_CACHE_HOME", "")
    # A relative path there is invalid, and would lead to the working directory.
    if platform != "darwin" and Path(named).is_absolute():
        return Path(named) / "cachespec"
    home = Path(os.path.expanduser("~"))
    if not home.is_absolute():
        raise ValueError("folder: the user has no home directory to keep a cache in; name a folder")
    if platform == "darwin":
        return home / "Library" / "Caches" / "cachespec"
    return home / ("AppData/Local" if platform == "win32" else ".cache") / "cachespec"


def check_namespace(namespace: str) -> str:
    """`namespace`, or ValueError if it could not be part of a path."""
    if not _NAMESPACE.match(namespace):
        raise ValueError(f"namespace: {namespace!r} is not 1 to 64 letters, digits, _ and -")
    return namespace


def make_folder(path: str) -> None:
    """Make a folder of one's own, and those that lead to it; nothing if it is there."""
    if not os.path.isdir(path):
        make_folder(os.path.dirname(path))
        try:
            os.mkdir(path, OWN_FOLDER)
        except FileExistsError:
            # Somebody else was quicker.
            return


def open_new(path: str, flags: int = WRITE) -> int:
    """A file opened for writing; its folder is made where there is none."""
    try:
        return os.open(path, flags, OWN)
    except FileNotFoundError:
        make_folder(os.path.dirname(path))
        return os.open(path, flags, OWN)


def read_file(path: str, expected: int = 16 * 1024) -> bytes | None:
    """The octets of a file, None if there is none; quickest where it has fewer than `expected` bytes."""
    try:
        fd = os.open(path, READ)
    except FileNotFoundError:
        return None
    try:
        octets = os.read(fd, expected)
        if len(octets) < expected:
            return octets
        parts = [octets]
        while octets := os.read(fd, 1024 * 1024):
            parts.append(octets)
        return b"".join(parts)
    finally:
        os.close(fd)


def write_all(fd: int, octets: bytes) -> None:
    """Write all of `octets`; the system may take them bit by bit, and then find that there is no room."""
    left = memoryview(octets)
    while left:
        left = left[os.write(fd, left) :]


def replace_file(path: str, octets: bytes, beside: str, *, quickly: bool = False) -> int:
    """Put `octets` in the place of the file `path` at one stroke, by way of `beside`; its time in nanoseconds.

    With `quickly` there may be no file for a moment: some file systems wait for the disk when one replaces another.
    """
    fd = open_new(beside, WRITE | os.O_TRUNC)
    try:
        write_all(fd, octets)
        written = os.fstat(fd).st_mtime_ns
    finally:
        os.close(fd)
    if quickly:
        remove_file(path)
    os.replace(beside, path)
    return written


def remove_file(path: str) -> bool:
    """Remove a file; whether it was there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True
