"""The tables.  Their names carry the version of their form, so that two versions work side by side during a deploy.

A namespace is a row of `SPACES`; everything else belongs to one by its number.  Keys, names and texts are octets, so
that every database compares them alike.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects.mysql import VARBINARY
from sqlalchemy.types import TypeEngine

VERSION: Final = 1
"""Of the form of these tables."""
HEAD: Final = 191
"""Octets of a URL that are indexed."""

METADATA: Final = MetaData()

# SQLite counts rows in its own INTEGER only; MySQL indexes octets of a known length only, and takes BLOB for 64 KiB.
_NUMBER: Final = BigInteger().with_variant(Integer(), "sqlite")
_BLOB: Final = LargeBinary(2**24 - 1)


def _octets(length: int) -> TypeEngine[bytes]:
    return LargeBinary().with_variant(VARBINARY(length), "mysql", "mariadb")


SPACES: Final = Table(
    f"cachespec{VERSION}_spaces",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("name", _octets(64), nullable=False, unique=True),
    Column("version", Integer, nullable=False),
    Column("secret", _octets(32), nullable=False),
    Column("mark", BigInteger, nullable=False),
)
"""One row a namespace; `mark` is the number of its latest purge."""

TOTALS: Final = Table(
    f"cachespec{VERSION}_totals",
    METADATA,
    Column("space", BigInteger, primary_key=True, autoincrement=False),
    Column("part", SmallInteger, primary_key=True, autoincrement=False),
    Column("entries", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)
"""How much there is, in parts that are to be added up: writers on several machines do not queue for one row."""

ITEMS: Final = Table(
    f"cachespec{VERSION}_items",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("space", BigInteger, nullable=False),
    Column("key", _octets(64), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("blob", _BLOB, nullable=False),
    Column("generation", _octets(16)),
    Column("url", _octets(16), nullable=False),
    Column("head", _octets(HEAD), nullable=False),
    Column("weight", BigInteger, nullable=False),
    Column("until", Double, nullable=False),
    Column("turn", BigInteger, nullable=False),
    Column("visited", SmallInteger, nullable=False),
    UniqueConstraint("space", "key"),
    Index(f"cachespec{VERSION}_items_url", "space", "url"),
    Index(f"cachespec{VERSION}_items_head", "space", "head"),
    Index(f"cachespec{VERSION}_items_until", "space", "until"),
    Index(f"cachespec{VERSION}_items_turn", "space", "turn"),
)
"""`url` is a digest of the URL and `head` how it begins, `until` when nothing can use the item any more, `turn` its
place in the queue for eviction, `generation` that of a record of variants."""

GROUPS: Final = Table(
    f"cachespec{VERSION}_groups",
    METADATA,
    Column("space", BigInteger, primary_key=True, autoincrement=False),
    Column("name", _octets(16), primary_key=True),
    Column("item", BigInteger, primary_key=True, autoincrement=False),
    Index(f"cachespec{VERSION}_groups_item", "item"),
)
"""Which items belong to a group, by a digest of its name."""

BODIES: Final = Table(
    f"cachespec{VERSION}_bodies",
    METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("space", BigInteger, nullable=False),
    Column("name", _octets(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("owner", _octets(64)),
    Column("since", Double, nullable=False),
    Column("gone", SmallInteger, nullable=False),
    UniqueConstraint("space", "name"),
    Index(f"cachespec{VERSION}_bodies_owner", "space", "owner"),
    Index(f"cachespec{VERSION}_bodies_gone", "space", "gone", "since"),
)
"""`owner` is the key of the item that names the body; `since` is when one without an owner was added to last, or when
it was gone: it lies on for those who are reading it."""

CHUNKS: Final = Table(
    f"cachespec{VERSION}_chunks",
    METADATA,
    Column("body", BigInteger, primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("octets", _BLOB, nullable=False),
)

PURGES: Final = Table(
    f"cachespec{VERSION}_purges",
    METADATA,
    Column("space", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("scope", _BLOB, nullable=False),
)

LEASES: Final = Table(
    f"cachespec{VERSION}_leases",
    METADATA,
    Column("space", BigInteger, primary_key=True, autoincrement=False),
    Column("slot", _octets(64), primary_key=True),
    Column("owner", _octets(32), nullable=False),
    Column("until", Double, nullable=False),
)
