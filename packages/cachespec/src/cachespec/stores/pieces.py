"""A body in memory, in the pieces in which it came."""

from __future__ import annotations

from collections.abc import Iterator


class MemoryBody:
    """The octets of a body in pieces.  Holding it keeps them, whatever becomes of the entry."""

    __slots__ = ("born", "pieces", "size")

    def __init__(self, born: float = 0.0) -> None:
        self.pieces: list[bytes] = []
        self.size: int = 0
        self.born: float = born

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """See `Body.chunks`."""
        at = 0
        for piece in self.pieces:
            end = at + len(piece)
            if end > start and at < stop:
                whole = start <= at and end <= stop
                yield piece if whole else piece[max(0, start - at) : stop - at]
            at = end

    def close(self) -> None:
        """See `Body.close`."""
