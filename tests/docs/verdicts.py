"""The tables of docs/verdicts.md, from the constants in the code: ``python tests/docs/verdicts.py`` writes them anew.

A verdict is a constant, ``NAME = Verdict(…)`` at the head of a room.  The rooms are found by reading the sources; what
stands there is taken from the module, so that the page shows what programs get to see.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from cachespec import Verdict

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "verdicts.md"
BEGIN, END = "<!-- begin: tests/docs/verdicts.py -->\n", "<!-- end -->\n"
PACKAGES = (
    "cachespec",
    "cachespec-requests",
    "cachespec-httpx",
    "cachespec-asgi",
    "cachespec-fastapi",
    "cachespec-sql",
)
# The rooms in the order in which a request meets them; others come after these.
FLOW = (
    *("exchange", "reuse", "forwarding", "validation", "preconditions", "ranges"),
    *("storing", "record", "combining", "invalidation", "no_vary_search"),
)
CLAUSE = re.compile(r"RFC (?P<number>[0-9]+)(?: §(?P<section>[0-9.]+))?")
PLACE = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Room:
    """A module, and the verdicts that stand at its head, in order."""

    name: str
    title: str
    verdicts: tuple[Verdict, ...]


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Every module of every package: its name and its syntax tree."""
    for package in PACKAGES:
        folder = ROOT / "packages" / package / "src"
        for path in sorted(folder.rglob("*.py")):
            name = ".".join(path.relative_to(folder).with_suffix("").parts)
            yield name.removesuffix(".__init__"), ast.parse(path.read_text(encoding="utf-8"))


def constants(tree: ast.Module) -> Iterator[str]:
    """The names of a module's verdicts."""
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="Verdict"))):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Call(func=ast.Name(id="Verdict"))):
                yield name
            case _:
                pass


def rooms() -> list[Room]:
    """The rooms that decide something, in the order of the flow."""
    found = []
    for name, tree in sources():
        names = list(constants(tree))
        if names:
            module = import_module(name)
            title = (module.__doc__ or "").splitlines()[0]
            found.append(Room(name, title, tuple([getattr(module, each) for each in names])))
    order = {f"cachespec.{room}": at for at, room in enumerate(FLOW)}
    return sorted(found, key=lambda room: order.get(room.name, len(order)))


def linked(clause: str) -> str:
    """A clause as Markdown: a link into the RFC, a draft's own words, or the name of what can be configured."""
    found = CLAUSE.match(clause)
    if found is None:
        return clause if "§" in clause else f"`{clause}`"
    section = f"#section-{found['section'].rstrip('.')}" if found["section"] else ""
    return f"[{clause}](https://www.rfc-editor.org/rfc/rfc{found['number']}{section})"


def tables() -> str:
    """The generated part of the page."""
    parts = []
    for room in rooms():
        parts.append(f"### {room.title}\n\n`{room.name}`\n\n| code | | clause | sentence |\n|---|---|---|---|\n")
        for verdict in room.verdicts:
            sentence = PLACE.sub("…", verdict.template)
            answer = "yes" if verdict else "no"
            parts.append(f"| `{verdict.code}` | {answer} | {linked(verdict.clause)} | {sentence} |\n")
        parts.append("\n")
    return "".join(parts)


def page(text: str) -> str:
    """The page `text` with its tables made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
