"""Items that were decoded lately, known again by their octets.

To see that octets are the same takes a tenth of the time that it takes to check and to decode them.  Nothing is taken
on trust: whoever reads has read the octets anew.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

T = TypeVar("T")

MOST: Final = 256
"""Items that are remembered: those that are asked for all the time.  More of them would have to be fetched from slow
memory themselves, and the garbage collector would look at them again and again."""
LIMIT: Final = 4 * 1024 * 1024
"""Bytes of octets that are remembered; what was made of them takes as much again."""
LONGEST: Final = 128 * 1024
"""Bytes of the longest octets that are."""


class Known(Generic[T]):
    """What octets under a key came to.  Safe to share between threads."""

    __slots__ = ("_found", "_size")

    def __init__(self) -> None:
        self._found: dict[bytes, tuple[bytes, T]] = {}
        self._size = 0

    def get(self, key: bytes, octets: bytes) -> T | None:
        """What `octets` under `key` came to; None if that is not known."""
        known = self._found.get(key)
        return known[1] if known is not None and known[0] == octets else None

    def put(self, key: bytes, octets: bytes, found: T) -> T:
        """Remember what `octets` under `key` came to."""
        if len(octets) <= LONGEST:
            self._size += len(octets)
            if self._size > LIMIT or len(self._found) >= MOST:
                # All at once: what is asked for often is back soon.
                self._found, self._size = {}, len(octets)
            self._found[key] = octets, found
        return found
