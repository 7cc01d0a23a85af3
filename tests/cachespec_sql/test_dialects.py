"""What databases differ in."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.schema import CreateTable

from cachespec_sql.dialects import DIALECTS, codes_of, dialect_of
from cachespec_sql.items import READ
from cachespec_sql.tables import ITEMS, METADATA, SPACES


def test_a_database_that_nobody_tried_is_refused_by_name() -> None:
    assert dialect_of("mariadb") is dialect_of("mysql") is DIALECTS["mysql"]
    with pytest.raises(ValueError, match=r"^store: oracle is not among mariadb, mysql, postgresql, sqlite$"):
        dialect_of("oracle")


def test_a_code_is_found_wherever_the_driver_has_it() -> None:
    with pytest.raises(sqlite3.Error) as raised:
        sqlite3.connect("file:/nowhere/at/all?mode=ro", uri=True)
    assert 14 in codes_of(raised.value)
    extended = sqlite3.OperationalError("attempt to write a readonly database")
    extended.sqlite_errorcode = 8 | (1 << 8)
    assert 8 in codes_of(extended)
    assert 1213 in codes_of(Exception(Exception(1213, "Deadlock found")))
    assert codes_of(None) == codes_of(Exception()) == codes_of(Exception("words")) == {None}


def test_keys_and_names_are_octets_everywhere() -> None:
    on_mysql = str(CreateTable(ITEMS).compile(dialect=mysql.dialect()))
    assert "`key` VARBINARY(64) NOT NULL" in on_mysql
    assert "`blob` BLOB(16777215) NOT NULL" in on_mysql
    assert "name VARBINARY(64) NOT NULL" in str(CreateTable(SPACES).compile(dialect=mysql.dialect()))
    on_postgresql = str(CreateTable(ITEMS).compile(dialect=postgresql.dialect()))
    assert "key BYTEA NOT NULL" in on_postgresql
    assert "id BIGSERIAL NOT NULL" in on_postgresql


@pytest.mark.parametrize("dialect", [postgresql.dialect(), mysql.dialect()], ids=["postgresql", "mysql"])
def test_rows_are_locked_where_there_are_many_writers(dialect: Any) -> None:
    assert "FOR UPDATE SKIP LOCKED" in str(
        select(ITEMS.c.id).with_for_update(skip_locked=True).compile(dialect=dialect)
    )
    assert str(READ.compile(dialect=dialect)).startswith("SELECT")
    assert {table.name.partition("_")[0] for table in METADATA.sorted_tables} == {"cachespec1"}
