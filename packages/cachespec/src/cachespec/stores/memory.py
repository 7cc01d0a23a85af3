"""A store in memory, bounded by bytes and by entries; what goes to make room is found by SIEVE.

A reader takes no lock: it looks into one dictionary, and sets the bit that tells SIEVE of a hit.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from typing import Final, TypeAlias

from .. import forks
from ..entries import Entry, Item, Variants
from .contract import ABANDONED, Blocking, OnEvict, Reading, Scope, Stats, Why, is_useless
from .pieces import MemoryBody
from .purges import PurgeLog
from .sieve import Node, Sieve

OVERHEAD: Final = 1350
"""Bytes that an item takes beside its fields and its body, roughly."""

Index: TypeAlias = dict[str, bytes | set[bytes]]
"""Keys by what they have in common: a set of them, or the only one, for a URL seldom has more."""


class MemoryStore:
    """Responses in this process's memory, shared by its threads and tasks.

    `max_bytes` bounds what heads and bodies take together, `max_entries` how many there are, and `max_body` the bytes
    of one body (an eighth of `max_bytes` unless given).  `on_evict` is called with every item that goes and the
    reason, under the store's lock.
    """

    blocking: Blocking = "never"

    def __init__(
        self,
        max_bytes: int = 128 * 1024 * 1024,
        max_entries: int = 100_000,
        *,
        max_body: int | None = None,
        on_evict: OnEvict | None = None,
    ) -> None:
        for name, value in (("max_bytes", max_bytes), ("max_entries", max_entries), ("max_body", max_body)):
            if value is not None and (type(value) is not int or value <= 0):
                raise ValueError(f"{name}: {value!r} is not a positive number")
        self.max_bytes: int = max_bytes
        self.max_entries: int = max_entries
        self.max_body: int = max_bytes // 8 if max_body is None else max_body
        self.bytes: int = 0
        """Bytes taken at present, bodies under way included."""
        self.evictions: int = 0
        """Items that had to go to make room, so far."""
        self._on_evict = on_evict
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._forks = forks.seen
        self._nodes: dict[bytes, Node] = {}
        self._bodies: dict[str, MemoryBody] = {}
        self._by_url: Index = {}
        self._by_group: Index = {}
        self._queue = Sieve()
        self._revision = 0
        self._purges = PurgeLog()
        self._closed = False

    def __repr__(self) -> str:
        return f"<MemoryStore {len(self._nodes)} items, {self.bytes} of {self.max_bytes} bytes>"

    def __len__(self) -> int:
        return len(self._nodes)

    # --- the contract

    def secret(self) -> bytes:
        """See `Store.secret`."""
        return self._secret

    def read(self, key: bytes) -> Reading:
        """See `Store.read`."""
        if self._closed:
            raise ValueError("the store is closed")
        nothing = self._purges.nothing
        node = self._nodes.get(key)
        if node is None:
            return nothing
        node.visited = True
        # The revision first: with an older one than the item's, a swap fails, which is safe.
        revision = node.revision
        return Reading(node.item, revision, nothing.mark)

    def swap(self, key: bytes, item: Item | None, revision: int, mark: int) -> bool:
        """See `Store.swap`."""
        with self._held():
            if self._closed:
                raise ValueError("the store is closed")
            node = self._nodes.get(key)
            if (0 if node is None else node.revision) != revision:
                return False
            if item is None:
                if node is not None:
                    self._remove(node)
                return True
            if mark != self._purges.nothing.mark and self._purges.refuses(item, mark):
                return False
            for body_id in item.body_ids if isinstance(item, Entry) and item.body is None else ():
                if body_id not in self._bodies:
                    return False
            weight = _weight(item)
            if weight > self.max_bytes:
                return False
            if node is not None:
                self._update(node, item, weight)
                self._make_room()
                return key in self._nodes
            # Before, not after: the hand would take what has just come and nobody could ask for yet.
            if not self._make_room(weight, 1):
                return False
            self._revision += 1
            node = self._nodes[key] = Node(key, item, self._revision, weight)
            self._queue.push(node)
            self._index(node)
            self.bytes += weight
            return True

    def append(self, body_id: str, chunk: bytes) -> bool:
        """See `Store.append`."""
        with self._held():
            body = self._bodies.get(body_id)
            if body is None:
                body = self._bodies[body_id] = MemoryBody()
            if body.size + len(chunk) > self.max_body:
                return False
            body.pieces.append(chunk)
            body.size += len(chunk)
            self.bytes += len(chunk)
            self._make_room()
            # Bodies under way, which nothing can evict, may fill it all by themselves.
            return self.bytes <= self.max_bytes

    def open(self, body_id: str) -> MemoryBody | None:
        """See `Store.open`."""
        return self._bodies.get(body_id)

    def discard(self, body_id: str) -> None:
        """See `Store.discard`."""
        with self._held():
            self._drop_body(body_id)

    def purge(self, scope: Scope) -> int:
        """See `Store.purge`."""
        with self._held():
            self._purges.add(scope)
            hit = self._hit(scope)
            for node in hit:
                if scope.stale_at is None:
                    self._evict(node, "purge")
                elif isinstance(node.item, Entry):
                    self._revision += 1
                    node.item, node.revision = node.item.expired(scope.stale_at), self._revision
            return sum(isinstance(node.item, Entry) for node in hit)

    def items(self) -> Iterator[tuple[bytes, Item]]:
        """See `Store.items`."""
        with self._held():
            nodes = list(self._nodes.values())
        for node in nodes:
            yield node.key, node.item

    def sweep(self, now: float, limit: int = 1000) -> int:
        """See `Store.sweep`.  Others wait for what is removed only, not while it is looked for."""
        with self._held():
            swept = self._sweep_bodies(now)
            nodes = list(self._nodes.values())
        for node in nodes:
            if swept >= limit:
                break
            if is_useless(node.key, node.item, now, self._item):
                with self._held():
                    # Unless somebody was quicker.
                    if self._nodes.get(node.key) is node and is_useless(node.key, node.item, now, self._item):
                        self._evict(node, "sweep")
                        swept += 1
        return swept

    def stats(self) -> Stats:
        """See `Store.stats`."""
        return Stats(len(self._nodes), self.bytes, self.max_entries, self.max_bytes, self.evictions)

    def close(self) -> None:
        """See `Store.close`."""
        with self._held():
            self._closed = True
            self._clear()

    def _held(self) -> threading.Lock:
        """The lock.  A child process gets one of its own, for its parent's may be held by a thread that it lacks."""
        if self._forks != forks.seen:
            interrupted = self._lock.locked()
            self._lock = threading.Lock()
            self._forks = forks.seen
            if interrupted:
                self._clear()
        return self._lock

    # --- everything below runs under the lock

    def _clear(self) -> None:
        self._nodes.clear()
        self._bodies.clear()
        self._by_url.clear()
        self._by_group.clear()
        self._queue.clear()
        self.bytes = 0

    def _hit(self, scope: Scope) -> list[Node]:
        """What a purge applies to: by index where there is one."""
        if scope.everything or scope.prefix is not None:
            return [node for node in self._nodes.values() if scope.hits(node.item)]
        keys: set[bytes] = set()
        for url in scope.urls:
            keys.update(_keys(self._by_url, url))
        for _, group in scope.groups:
            keys.update(_keys(self._by_group, group))
        return [node for key in keys if scope.hits((node := self._nodes[key]).item)]

    def _item(self, key: bytes) -> Item | None:
        node = self._nodes.get(key)
        return None if node is None else node.item

    def _sweep_bodies(self, now: float) -> int:
        """Remove bodies that no item has named for long: by age, seen from the first sweep that met them."""
        entries = [node.item for node in self._nodes.values() if isinstance(node.item, Entry)] if self._bodies else []
        named = {body_id for entry in entries for body_id in entry.body_ids}
        unnamed = [(body_id, body) for body_id, body in self._bodies.items() if body_id not in named]
        for _, body in unnamed:
            body.born = body.born or now
        abandoned = [body_id for body_id, body in unnamed if now - body.born > ABANDONED]
        for body_id in abandoned:
            self._drop_body(body_id)
        return len(abandoned)

    def _update(self, node: Node, item: Item, weight: int) -> None:
        self._unindex(node)
        self._revision += 1
        self.bytes += weight - node.weight
        # In this order: a reader without the lock must not take the new revision for the old item's.
        node.item, node.revision, node.weight = item, self._revision, weight
        node.visited = True
        self._index(node)

    def _remove(self, node: Node) -> None:
        """Take `node` out, but leave its body to whoever asked for it."""
        self._unindex(node)
        del self._nodes[node.key]
        self.bytes -= node.weight
        self._queue.remove(node)

    def _evict(self, node: Node, why: Why) -> None:
        self._remove(node)
        for body_id in node.item.body_ids if isinstance(node.item, Entry) else ():
            self._drop_body(body_id)
        if self._on_evict is not None:
            self._on_evict(node.item, why)

    def _make_room(self, weight: int = 0, entries: int = 0) -> bool:
        """Whether there is room for so much more, now that some had to go for it."""
        while self.bytes + weight > self.max_bytes or len(self._nodes) + entries > self.max_entries:
            node = self._queue.victim()
            if node is None:
                return False
            self.evictions += 1
            self._evict(node, "space")
        return True

    def _drop_body(self, body_id: str) -> None:
        body = self._bodies.pop(body_id, None)
        if body is not None:
            self.bytes -= body.size

    def _index(self, node: Node) -> None:
        _note(self._by_url, node.item.url, node.key)
        for group in node.item.groups if isinstance(node.item, Entry) else ():
            _note(self._by_group, group, node.key)

    def _unindex(self, node: Node) -> None:
        _forget(self._by_url, node.item.url, node.key)
        for group in node.item.groups if isinstance(node.item, Entry) else ():
            _forget(self._by_group, group, node.key)


def _keys(index: Index, name: str) -> set[bytes]:
    there = index.get(name, set())
    return {there} if isinstance(there, bytes) else there


def _note(index: Index, name: str, key: bytes) -> None:
    there = index.setdefault(name, key)
    if isinstance(there, set):
        there.add(key)
    elif there != key:
        index[name] = {there, key}


def _forget(index: Index, name: str, key: bytes) -> None:
    there = index[name]
    if isinstance(there, set):
        there.discard(key)
    if not there or there == key:
        del index[name]


def _weight(item: Item) -> int:
    """Bytes that `item` takes, roughly; a body that lies by itself is counted where it lies."""
    if isinstance(item, Variants):
        return OVERHEAD + len(item.url) + 100 * len(item.tags)
    weight = OVERHEAD + len(item.url)
    # Names are shared by all.
    for _, value in item.headers.lines:
        weight += len(value)
    if item.body is not None:
        return weight + len(item.body)
    return weight + sum([len(part.body) for part in item.parts if part.body is not None])
