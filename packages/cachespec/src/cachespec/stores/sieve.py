"""SIEVE: which item goes to make room.  Zhang et al., NSDI 2024

A queue in order of arrival, a bit per item that a hit sets, and a hand that goes from old to new, clears the bits it
meets and stops at the first item without one.  A hit moves nothing and takes no lock, and what was asked for once goes
before what is asked for again and again.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..entries import Item


@dataclass(slots=True, eq=False)
class Node:
    """An item in the queue, between its neighbours."""

    key: bytes
    item: Item
    revision: int
    weight: int
    visited: bool = False
    newer: Node | None = None
    older: Node | None = None


class Sieve:
    """The queue, and the hand in it.  Not safe to share between threads without a lock."""

    __slots__ = ("_hand", "_newest", "_oldest")

    def __init__(self) -> None:
        self._newest: Node | None = None
        self._oldest: Node | None = None
        self._hand: Node | None = None

    def push(self, node: Node) -> None:
        """Put `node` at the new end."""
        node.older = self._newest
        if self._newest is not None:
            self._newest.newer = node
        self._newest = node
        if self._oldest is None:
            self._oldest = node

    def remove(self, node: Node) -> None:
        """Take `node` out."""
        if self._hand is node:
            self._hand = node.newer
        if node.newer is None:
            self._newest = node.older
        else:
            node.newer.older = node.older
        if node.older is None:
            self._oldest = node.newer
        else:
            node.older.newer = node.newer

    def clear(self) -> None:
        """Take all of them out, one from the other: left in a chain, only the garbage collector would free them."""
        node = self._oldest
        while node is not None:
            newer, node.newer, node.older = node.newer, None, None
            node = newer
        self._newest = self._oldest = self._hand = None

    def victim(self) -> Node | None:
        """Past what was asked for since the hand last came by, to the first that was not; None where nothing is.

        It has to be removed.
        """
        node = self._hand or self._oldest
        if node is None:
            return None
        while node.visited:
            node.visited = False
            node = node.newer or self._oldest or node
        self._hand = node.newer
        return node
