"""What the author of a store builds with: the contract's values, the codec of items, the log of purges."""

from __future__ import annotations

from .. import forks
from ..codec import Seal, decode, encode
from ..entries import Entry, Item, Variants
from .bodies import DamagedBodyError
from .contract import ABANDONED, NOTHING, AsyncBody, Blocking, Body, OnEvict, Reading, Scope, Stats, Why, is_useless
from .known import Known
from .purges import REMEMBERED, PurgeLog, decode_scope, encode_scope, refuses

__all__ = [
    "ABANDONED",
    "NOTHING",
    "REMEMBERED",
    "AsyncBody",
    "Blocking",
    "Body",
    "DamagedBodyError",
    "Entry",
    "Item",
    "Known",
    "OnEvict",
    "PurgeLog",
    "Reading",
    "Scope",
    "Seal",
    "Stats",
    "Variants",
    "Why",
    "decode",
    "decode_scope",
    "encode",
    "encode_scope",
    "forks",
    "is_useless",
    "refuses",
]
