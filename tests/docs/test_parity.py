"""The tables of the migration pages: what others offer, what stands here in its place, and the test that proves it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS = ("hishel", "requests-cache", "cachecontrol", "asgi", "fastapi")
PAGES = [*(ROOT / "docs" / f"migration-{name}.md" for name in MIGRATIONS), ROOT / "docs/packages/asgi-security.md"]
LAST = "proved by"
ID = re.compile(r"`([a-z_/]+\.py)::(\w+)`")


def rows(text: str) -> Iterator[list[str]]:
    """The rows, as cells, of the tables in `text` whose last column says what proves them."""
    proving = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if not line.startswith("|"):
            proving = False
        elif cells[-1] == LAST:
            proving = True
        elif proving and set(line) - set("|-: "):
            yield cells


@cache
def names(path: Path) -> set[str]:
    """The tests, and the classes of tests, in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds) and node.name.lower().startswith("test")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_row_names_a_test_that_exists(page: Path) -> None:
    found = list(rows(page.read_text(encoding="utf-8")))
    assert found
    for row in found:
        ids = ID.findall(row[-1])
        assert ids, f"nothing proves {row[0]}"
        for path, name in ids:
            assert name in names(ROOT / "tests" / path), f"there is no {path}::{name}"


def test_rows_are_found() -> None:
    page = "| a | proved by |\n|---|---|\n| `x\\|y` | `b.py::test_c` |\n\n| a | b |\n|---|---|\n| d | e |\n"
    assert list(rows(page)) == [["`x\\|y`", "`b.py::test_c`"]]
