"""Which requirements are proved by a test, and which are not.

`python tests/requirements/check.py` reads the tables in docs/requirements.md and docs/requirements/, the reasons in
docs/requirements-not-tested.md, and the marks `@pytest.mark.requirement("id", …)` in tests/.  It fails if

- a MUST, MUST NOT, SHOULD or SHOULD NOT has neither a test nor a reason,
- a reason stands beside a test,
- a mark or a reason has an id that the tables do not have,
- a table, or a mark, cannot be read.

Tests are parsed and not imported, so nothing has to be installed.  A mark on a test that is skipped or expected to fail
proves nothing and does not count.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# Number of the document (or NVS), section, running number: 9111-4.2.3-05
ID = re.compile(r"(?:[0-9]{4,5}|NVS)-(?P<section>[0-9]+(?:\.[0-9]+)*)-[0-9]{2}\Z")
DEMANDS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT")
LEVELS = (*DEMANDS, "MAY", "REC")
APPLIES = ("private", "shared", "both", "origin")

REQUIREMENT_COLUMNS = ["id", "section", "level", "applies", "requirement"]
REASON_COLUMNS = ["id", "reason"]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of the tables."""

    id: str
    level: str
    applies: str
    words: str

    def __str__(self) -> str:
        return f"{self.id:17} {self.level:10} {self.applies:8} {self.words}"


@dataclass(slots=True)
class Findings:
    """What the documents and the tests say, and what is wrong with it."""

    requirements: dict[str, Requirement] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    cited: dict[str, list[str]] = field(default_factory=dict)
    """The places that cite an id: ``{"9111-3-01": ["tests/cachespec/test_storing.py:12"]}``."""
    faults: list[str] = field(default_factory=list)

    def unproved(self, *levels: str) -> list[Requirement]:
        """Requirements of these levels that have neither test nor reason."""
        return [
            requirement
            for requirement in self.requirements.values()
            if requirement.level in levels and requirement.id not in self.cited and requirement.id not in self.reasons
        ]

    @property
    def unknown(self) -> list[str]:
        """Each mark or reason with an id that the tables do not have, and where it stands."""
        marks = [f"{cited}  {place}" for cited, places in self.cited.items() for place in places]
        reasons = [f"{excused}  docs/requirements-not-tested.md" for excused in self.reasons]
        return sorted(line for line in marks + reasons if line.split()[0] not in self.requirements)

    @property
    def needless(self) -> list[str]:
        """Requirements that have a reason although a test cites them."""
        return sorted(self.reasons.keys() & self.cited.keys())

    @property
    def failed(self) -> bool:
        return bool(self.unproved(*DEMANDS) or self.unknown or self.needless or self.faults)


def examine(root: Path) -> Findings:
    """The findings for the tree at `root`, which holds docs/ and tests/."""
    findings = Findings()
    docs = root / "docs"
    for page in [docs / "requirements.md", *sorted((docs / "requirements").glob("*.md"))]:
        for line, row in rows(page, REQUIREMENT_COLUMNS):
            if fault := wrong_with(row, findings.requirements):
                findings.faults.append(f"{page.relative_to(root)}:{line}: {fault}")
            else:
                name, _, level, applies, words = row
                findings.requirements[name] = Requirement(name, level, applies, words)
    page = docs / "requirements-not-tested.md"
    for line, row in rows(page, REASON_COLUMNS):
        if len(row) != 2 or not all(row) or row[0] in findings.reasons:
            findings.faults.append(f"{page.relative_to(root)}:{line}: not one id and one reason, or there twice")
        else:
            findings.reasons[row[0]] = row[1]
    for module in sorted((root / "tests").rglob("*.py")):
        name = str(module.relative_to(root))
        try:
            tree = ast.parse(module.read_bytes())
        except SyntaxError as error:
            findings.faults.append(f"{name}:{error.lineno}: {error.msg}")
        else:
            read_marks(tree, name, findings)
    return findings


def rows(page: Path, columns: list[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows, with their line numbers, of every table in `page` that has just these columns."""
    inside = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("|"):
            inside = False
            continue
        cells = [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]
        if cells == columns:
            inside = True
        elif inside and set(line) - set("|-: "):
            yield number, cells


def wrong_with(row: list[str], known: Iterable[str]) -> str:
    """What is wrong with a row of the tables; empty if nothing is."""
    if len(row) != len(REQUIREMENT_COLUMNS) or not all(row):
        return f"{row[0]} does not have {len(REQUIREMENT_COLUMNS)} cells with something in them"
    name, section, level, applies, _ = row
    form = ID.match(name)
    if form is None:
        return f"{name} is no well-formed id"
    if name in known:
        return f"{name} is there twice"
    if form["section"] != section:
        return f"{name} stands beside section {section}"
    if level not in LEVELS:
        return f"{name} has the level {level!r}"
    if applies not in APPLIES:
        return f"{name} applies to {applies!r}"
    return ""


def read_marks(tree: ast.Module, name: str, findings: Findings) -> None:
    """Put the marks of one module into `findings`."""
    idle = set(idle_nodes(tree))
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_mark(node, "requirement") and id(node) not in called:
            findings.faults.append(f"{name}:{node.lineno}: a requirement mark without ids")
        elif isinstance(node, ast.Call) and is_mark(node.func, "requirement"):
            place = f"{name}:{node.lineno}"
            ids = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            if not ids or len(ids) != len(node.args) + len(node.keywords):
                findings.faults.append(f"{place}: a requirement mark takes ids, written out as strings")
            elif id(node) not in idle:
                for cited in ids:
                    findings.cited.setdefault(cited, []).append(place)
        elif (
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and not node.name.startswith("test")
            and any(isinstance(mark, ast.Call) and is_mark(mark.func, "requirement") for mark in node.decorator_list)
        ):
            findings.faults.append(f"{name}:{node.lineno}: {node.name} has a requirement mark but is no test")


def idle_nodes(tree: ast.Module) -> Iterator[int]:
    """The identities of all nodes inside tests and parameters that are skipped or expected to fail."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            marks: list[ast.expr] = node.decorator_list
        elif isinstance(node, ast.Call):
            given = [keyword.value for keyword in node.keywords if keyword.arg == "marks"]
            marks = [
                mark
                for value in given
                for mark in (value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value])
            ]
        else:
            continue
        bare = [mark.func if isinstance(mark, ast.Call) else mark for mark in marks]
        if any(is_mark(mark, "skip") or is_mark(mark, "xfail") for mark in bare):
            yield from (id(inner) for inner in ast.walk(node))


def is_mark(node: ast.AST, name: str) -> bool:
    """Whether `node` is ``pytest.mark.<name>`` or ``mark.<name>``."""
    if not isinstance(node, ast.Attribute) or node.attr != name:
        return False
    owner = node.value
    return (isinstance(owner, ast.Attribute) and owner.attr == "mark") or (
        isinstance(owner, ast.Name) and owner.id == "mark"
    )


def report(findings: Findings) -> str:
    """The findings for people."""
    sections: list[tuple[str, Sequence[object]]] = [
        ("Faults", findings.faults),
        ("Unknown ids", findings.unknown),
        ("MUST and MUST NOT without a test and without a reason", findings.unproved("MUST", "MUST NOT")),
        ("SHOULD and SHOULD NOT without a test and without a reason", findings.unproved("SHOULD", "SHOULD NOT")),
        ("A reason although there is a test", findings.needless),
    ]
    proved = len(findings.cited.keys() & findings.requirements.keys())
    lines = [
        f"{len(findings.requirements)} requirements, {proved} cited by tests, {len(findings.reasons)} with a reason."
    ]
    for title, entries in sections:
        if entries:
            lines += ["", f"{title} ({len(entries)}):", *(f"  {entry}" for entry in entries)]
    return "\n".join(lines)


def main(root: Path) -> int:
    """Print the report for the tree at `root`; 1 if something is missing, else 0."""
    findings = examine(root)
    print(report(findings))
    return 1 if findings.failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]))
