"""What each package may import: the standard library, the core's public names, itself, and its one declared target."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGETS = {"httpx": "httpx", "requests": "requests", "asgi": "starlette", "fastapi": "fastapi", "sql": "sqlalchemy"}
# A module of the core is public if the reference documents it, a name if the module exports it.
PUBLIC = re.findall(
    r"^::: (cachespec[a-z._]*)$", (ROOT / "docs/reference.md").read_text(encoding="utf-8"), re.MULTILINE
)


def imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Each (module, name) imported when the code runs, but for relative ones, which stay inside by their nature."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not node.orelse):
            yield from imports(node)


@pytest.mark.parametrize("package", ["cachespec", *(f"cachespec_{name}" for name in TARGETS)])
def test_a_package_imports_the_standard_library_itself_and_what_it_declares(package: str) -> None:
    allowed = {package, TARGETS.get(package.removeprefix("cachespec_"), package)} | sys.stdlib_module_names
    for path in (ROOT / "packages" / package.replace("_", "-") / "src").rglob("*.py"):
        for module, name in imports(ast.parse(path.read_text(encoding="utf-8"))):
            exported = module in PUBLIC and name in importlib.import_module(module).__all__
            assert module.partition(".")[0] in allowed or exported, f"{path.name} imports {module} {name}"
