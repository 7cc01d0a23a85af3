"""The steps of an exchange: what the flow asks of whoever drives it.

The flow is a generator that yields these and is sent their results; it touches neither socket nor store nor clock of
its own.  A step for the store carries its `otherwise`: what its result is when the store fails, so that a failing
store is a miss and never a failed request.  Nothing else in the library catches a store's exceptions.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from .entries import Entry, Item
from .info import CacheInfo
from .messages import Request, Response
from .partial import Piece, Span
from .stores.contract import NOTHING, Reading, Scope, Store
from .verdicts import Verdict

L = TypeVar("L")
R = TypeVar("R")

Joined: TypeAlias = Literal["lead", "again", "alone"]


@dataclass(slots=True)
class Read:
    """Look under `key`; the result is a `Reading`."""

    key: bytes
    otherwise: ClassVar[Reading] = NOTHING

    def on(self, store: Store) -> Any:
        return store.read(self.key)


@dataclass(slots=True)
class Swap:
    """Put `item` in the place of what has `revision`; the result says whether that came about."""

    key: bytes
    item: Item | None
    revision: int
    mark: int
    otherwise: ClassVar[bool] = False

    def on(self, store: Store) -> Any:
        return store.swap(self.key, self.item, self.revision, self.mark)


@dataclass(slots=True)
class Append:
    """Add to a body; the result says whether there was room."""

    body_id: str
    chunk: bytes
    otherwise: ClassVar[bool] = False

    def on(self, store: Store) -> Any:
        return store.append(self.body_id, self.chunk)


@dataclass(slots=True)
class Open:
    """Open a body; the result is a `Body` or None."""

    body_id: str
    otherwise: ClassVar[None] = None

    def on(self, store: Store) -> Any:
        return store.open(self.body_id)


@dataclass(slots=True)
class Discard:
    """Remove a body."""

    body_id: str
    otherwise: ClassVar[None] = None

    def on(self, store: Store) -> Any:
        return store.discard(self.body_id)


@dataclass(slots=True)
class Secret:
    """The store's secret; None where it cannot be had, so that nothing is keyed with a guess."""

    otherwise: ClassVar[None] = None

    def on(self, store: Store) -> Any:
        return store.secret()


@dataclass(slots=True)
class Drop:
    """Purge.  One that fails is remembered by the driver, and until it succeeds what it hits counts as gone."""

    scope: Scope
    otherwise: ClassVar[int] = 0

    def on(self, store: Store) -> Any:
        return store.purge(self.scope)


@dataclass(slots=True)
class Lease:
    """Settle with other processes who fetches what `slot` stands for; whether it is `owner`, for so many seconds."""

    slot: bytes
    owner: bytes
    seconds: float
    otherwise: ClassVar[bool] = True

    def on(self, store: Any) -> Any:
        return store.lease(self.slot, self.owner, self.seconds)


@dataclass(slots=True)
class Release:
    """Give a lease back.  One that is not given back ends with its time."""

    slot: bytes
    owner: bytes
    otherwise: ClassVar[None] = None

    def on(self, store: Any) -> Any:
        return store.release(self.slot, self.owner)


StoreStep: TypeAlias = Read | Swap | Append | Open | Discard | Secret | Drop | Lease | Release


@dataclass(slots=True)
class Join:
    """Wait for whoever is fetching the same already.

    The result is ``lead`` (nobody is: go, and others will wait), ``again`` (look again) or ``alone`` (go, nobody
    waits).  The leader's exception is thrown in.
    """

    slot: bytes
    wait: bool = True
    """False takes ``alone`` for an answer rather than wait."""


@dataclass(slots=True)
class Send:
    """Send `request` on its way; the result is the response's head with a live handle.  A failure is thrown in.

    Where `request` is the very object the exchange began with, the original message goes out untouched.
    """

    request: Request


@dataclass(slots=True)
class Close(Generic[L]):
    """Let go of a live response whose content nobody wants."""

    live: L


@dataclass(slots=True)
class Drain(Generic[L]):
    """Read a live response to its end, into the store; the result is what is stored then, or None.

    A failure while reading is thrown in.
    """

    live: L
    plan: Plan
    info: CacheInfo


Step: TypeAlias = StoreStep | Join | Send | Close[Any] | Drain[Any]
Flow: TypeAlias = Generator[Step, Any, R]
StoreFlow: TypeAlias = Generator[StoreStep, Any, R]


@dataclass(slots=True)
class Addition:
    """A part of a response's content, which is stored with what there is of it already.  RFC 9111 §3.4"""

    span: Span
    """Which part it is."""
    base: Callable[[Item | None], Entry | Verdict]
    """What it is to be added to where this lies in the store by now, or why it is not stored."""


@dataclass(slots=True)
class Plan:
    """What is to be stored once the body is complete, and where."""

    entry: Entry
    primary: bytes
    root: Reading
    """What lay at the primary key when the exchange began; its mark is the exchange's."""
    names: tuple[str, ...]
    """The names of Vary."""
    declared: int | None
    """Content-Length, in bytes."""
    wanted: Callable[[bytes], bool] | None = None
    """Asked, with the whole content, whether it is to be stored after all."""
    addition: Addition | None = None
    """What is to be done with a part of the content."""
    lease: Release | None = None
    """What is to be given back when it is stored, or is not going to be."""


class ServerError(Exception):
    """The server answered with this status, and a stored response stood in: so it may for those who waited."""


@dataclass(slots=True)
class Stored:
    """The outcome: answer from the store."""

    head: Response
    entry: Entry
    body: Any
    """An opened `Body`, or None where the entry holds the octets itself or none are sent."""
    pieces: tuple[Piece, ...]
    """What to send, in order; nothing for a 304 or the answer to a HEAD."""
    info: CacheInfo
    refresh: bool = False
    """Whether to run the same exchange again in the background."""
    failure: Exception | None = None
    """What it stands in for, so that those who wait need not try for themselves."""


@dataclass(slots=True)
class Live(Generic[L]):
    """The outcome: pass the server's response on, and record it where there is a plan."""

    head: Response
    live: L
    plan: Plan | None
    info: CacheInfo
    share: Literal["commit", "alone", "never"] = "alone"
    """What those who wait for it do: look again once it is stored, go on their own, or stop waiting for such."""


@dataclass(slots=True)
class Made:
    """The outcome: a response of the cache's own making, without content."""

    head: Response
    info: CacheInfo


Outcome: TypeAlias = Stored | Live[L] | Made
