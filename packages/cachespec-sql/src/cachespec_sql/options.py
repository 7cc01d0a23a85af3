"""The options of a store, of either colour."""

from __future__ import annotations

from dataclasses import dataclass

from cachespec.stores.building import OnEvict, Seal

from .dialects import Dialect
from .opening import Space
from .shelf import Shelf


@dataclass(frozen=True, slots=True)
class Options:
    """What a store was made with.  ValueError, naming the option, for what makes no sense."""

    namespace: str
    max_bytes: int
    max_entries: int
    max_body: int | None
    signing_key: bytes | None
    on_evict: OnEvict | None
    timeout: float | None = None

    def __post_init__(self) -> None:
        if len(self.namespace.encode()) > 64:
            raise ValueError("namespace: at most 64 octets")
        bounds = ("max_bytes", self.max_bytes), ("max_entries", self.max_entries), ("max_body", self.max_body)
        for name, value in bounds:
            if value is not None and (type(value) is not int or value <= 0):
                raise ValueError(f"{name}: {value!r} is not a positive number")
        if self.timeout is not None and not 0 < self.timeout < 3600:
            raise ValueError(f"timeout: {self.timeout!r} is no number of seconds")
        Seal(self.signing_key)

    def check_engine(self, *, owned: bool) -> None:
        """ValueError for what can only be said to an engine that is made here."""
        if self.timeout is not None and not owned:
            raise ValueError("timeout: the engine given has its own")

    def shelf(self, space: Space, dialect: Dialect) -> Shelf:
        """The namespace, with these options."""
        return Shelf(
            space,
            dialect,
            seal=Seal(self.signing_key),
            max_bytes=self.max_bytes,
            max_entries=self.max_entries,
            max_body=self.max_bytes // 8 if self.max_body is None else self.max_body,
            on_evict=self.on_evict,
        )
