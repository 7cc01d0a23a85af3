"""The requirements, the decisions, and the checker that compares them with the tests."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECK = Path(__file__).with_name("check.py")

HEAD = "| id | section | level | applies | requirement |\n|---|---|---|---|---|\n"
ROWS = (
    "| 1000-1-01 | 1 | MUST | both | One thing. |\n"
    "| 1000-1-02 | 1 | MUST NOT | shared | Another thing. |\n"
    "| 1000-2.1-01 | 2.1 | SHOULD | private | A third. |\n"
    "| 1000-2.1-02 | 2.1 | SHOULD NOT | origin | A fourth. |\n"
    "| 1000-3-01 | 3 | MAY | both | A fifth. |\n"
)
# The first three are proved, the fourth has a reason, the fifth needs neither.
TESTS = """
import pytest

@pytest.mark.requirement("1000-1-01")
def test_one_thing(): ...

@pytest.mark.parametrize("case", [pytest.param(1, id="another", marks=pytest.mark.requirement("1000-1-02"))])
async def test_another_thing(case): ...

@pytest.mark.requirement("1000-2.1-01")
def test_a_third(): ...
"""
REASONS = "# Reasons\n\n| id | reason |\n|---|---|\n| 1000-2.1-02 | Others do that. |\n"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("requirements_check", CHECK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


check = load()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree in which nothing is missing."""
    (tmp_path / "docs/requirements").mkdir(parents=True)
    (tmp_path / "docs/requirements.md").write_text(
        "# Requirements\n\n| level | meaning |\n|---|---|\n| MAY | a permission |\n"
    )
    (tmp_path / "docs/requirements/rfc-1000.md").write_text("# RFC 1000\n\n" + HEAD + ROWS)
    (tmp_path / "docs/requirements-not-tested.md").write_text(REASONS)
    (tmp_path / "tests/deep").mkdir(parents=True)
    (tmp_path / "tests/deep/test_things.py").write_text(TESTS)
    return tmp_path


def put(tree: Path, page: str, text: str) -> None:
    with (tree / page).open("a", encoding="utf-8") as file:
        file.write(text)


def drop(tree: Path, page: str, text: str) -> None:
    before = (tree / page).read_text(encoding="utf-8")
    assert text in before
    (tree / page).write_text(before.replace(text, ""), encoding="utf-8")


def test_each_requirement_of_the_project_is_well_formed_and_there_once() -> None:
    findings = check.examine(ROOT)
    assert not [fault for fault in findings.faults if fault.startswith("docs/")]
    assert len(findings.requirements) >= 412  # lines may be added; an id is never taken away
    assert {requirement.level for requirement in findings.requirements.values()} == set(check.LEVELS)
    assert {requirement.applies for requirement in findings.requirements.values()} == set(check.APPLIES)


def test_every_table_row_of_the_project_that_begins_with_an_id_is_read() -> None:
    # A table whose head is misspelled would be passed over in silence.
    pages = [ROOT / "docs/requirements.md", *(ROOT / "docs/requirements").glob("*.md")]
    lines = [line for page in pages for line in page.read_text(encoding="utf-8").splitlines()]
    known = check.examine(ROOT).requirements
    firsts = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    assert {first for first in firsts if check.ID.match(first)} == set(known)


def test_the_tests_of_the_project_cite_known_requirements_only() -> None:
    findings = check.examine(ROOT)
    assert findings.unknown == []
    assert findings.faults == []


def test_a_tree_with_nothing_missing_passes(tree: Path) -> None:
    findings = check.examine(tree)
    assert set(findings.cited) == {"1000-1-01", "1000-1-02", "1000-2.1-01"}
    assert findings.unproved(*check.DEMANDS) == []
    assert not findings.failed


@pytest.mark.parametrize(
    ("gone", "missing"),
    [
        pytest.param('@pytest.mark.requirement("1000-1-01")', "1000-1-01", id="MUST"),
        pytest.param(', marks=pytest.mark.requirement("1000-1-02")', "1000-1-02", id="MUST NOT"),
        pytest.param('@pytest.mark.requirement("1000-2.1-01")', "1000-2.1-01", id="SHOULD"),
    ],
)
def test_a_demand_without_a_test_fails(tree: Path, gone: str, missing: str) -> None:
    drop(tree, "tests/deep/test_things.py", gone)
    findings = check.examine(tree)
    assert [requirement.id for requirement in findings.unproved(*check.DEMANDS)] == [missing]
    assert findings.failed
    assert missing in check.report(findings)


def test_a_demand_on_an_origin_needs_a_test_or_a_reason_too(tree: Path) -> None:
    drop(tree, "docs/requirements-not-tested.md", "| 1000-2.1-02 | Others do that. |\n")
    findings = check.examine(tree)
    assert [requirement.id for requirement in findings.unproved(*check.DEMANDS)] == ["1000-2.1-02"]
    assert findings.failed


def test_a_reason_stands_in_for_a_test(tree: Path) -> None:
    drop(tree, "tests/deep/test_things.py", '@pytest.mark.requirement("1000-1-01")')
    put(tree, "docs/requirements-not-tested.md", "| 1000-1-01 | There is no such thing here. |\n")
    assert not check.examine(tree).failed


def test_a_reason_beside_a_test_fails(tree: Path) -> None:
    put(tree, "docs/requirements-not-tested.md", "| 1000-1-01 | There is no such thing here. |\n")
    findings = check.examine(tree)
    assert findings.needless == ["1000-1-01"]
    assert findings.failed


@pytest.mark.parametrize(
    ("page", "text", "place"),
    [
        pytest.param(
            "tests/deep/test_things.py",
            '\n@pytest.mark.requirement("1000-1-01", "1000-9-01")\ndef test_more(): ...\n',
            "tests/deep/test_things.py:13",
            id="in a mark",
        ),
        pytest.param(
            "docs/requirements-not-tested.md",
            "| 1000-9-01 | Never heard of it. |\n",
            "docs/requirements-not-tested.md",
            id="in a reason",
        ),
    ],
)
def test_an_unknown_id_fails(tree: Path, page: str, text: str, place: str) -> None:
    put(tree, page, text)
    findings = check.examine(tree)
    assert findings.unknown == [f"1000-9-01  {place}"]
    assert findings.failed


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('pytestmark = pytest.mark.requirement("1000-3-01")\n', id="a module's mark"),
        pytest.param('pytestmark = [pytest.mark.requirement("1000-1-01", "1000-3-01")]\n', id="a list of marks"),
        pytest.param('@pytest.mark.requirement("1000-3-01")\nclass TestMore: ...\n', id="a class"),
        pytest.param(
            'CASES = [pytest.param(1, marks=[pytest.mark.requirement("1000-3-01")])]\n',
            id="parameters apart from the test",
        ),
        pytest.param(
            'from pytest import mark\n@mark.requirement("1000-3-01")\ndef test_more(): ...\n', id="mark by itself"
        ),
    ],
)
def test_marks_are_found_wherever_pytest_finds_them(tree: Path, text: str) -> None:
    put(tree, "tests/deep/test_things.py", text)
    findings = check.examine(tree)
    assert "1000-3-01" in findings.cited
    assert not findings.failed


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('@pytest.mark.skip\n@pytest.mark.requirement("1000-3-01")\ndef test_more(): ...\n', id="skipped"),
        pytest.param(
            '@pytest.mark.requirement("1000-3-01")\n@pytest.mark.xfail(reason="not yet")\ndef test_more(): ...\n',
            id="expected to fail",
        ),
        pytest.param(
            '@pytest.mark.skip(reason="not yet")\nclass TestMore:\n'
            '    @pytest.mark.requirement("1000-3-01")\n    def test_more(self): ...\n',
            id="in a skipped class",
        ),
        pytest.param(
            'CASES = [pytest.param(1, marks=(pytest.mark.xfail, pytest.mark.requirement("1000-3-01")))]\n',
            id="a parameter expected to fail",
        ),
        pytest.param('# @pytest.mark.requirement("1000-3-01")\n', id="a comment"),
        pytest.param("TEXT = '@pytest.mark.requirement(\"1000-3-01\")'\n", id="a string"),
    ],
)
def test_what_does_not_run_proves_nothing(tree: Path, text: str) -> None:
    put(tree, "tests/deep/test_things.py", text)
    findings = check.examine(tree)
    assert "1000-3-01" not in findings.cited
    assert findings.faults == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("@pytest.mark.requirement\ndef test_more(): ...\n", id="without a call"),
        pytest.param("@pytest.mark.requirement(\n", id="a module that does not parse"),
        pytest.param("@pytest.mark.requirement()\ndef test_more(): ...\n", id="without ids"),
        pytest.param("@pytest.mark.requirement(ID)\ndef test_more(): ...\n", id="a name"),
        pytest.param('@pytest.mark.requirement("1000-1-01", 5)\ndef test_more(): ...\n', id="a number"),
        pytest.param('@pytest.mark.requirement(id="1000-1-01")\ndef test_more(): ...\n', id="a keyword"),
        pytest.param('@pytest.mark.requirement("1000-1-01")\ndef more(): ...\n', id="on something that is no test"),
    ],
)
def test_a_mark_that_cannot_be_read_fails(tree: Path, text: str) -> None:
    put(tree, "tests/deep/test_things.py", "\n" + text)
    findings = check.examine(tree)
    assert len(findings.faults) == 1
    assert findings.faults[0].startswith("tests/deep/test_things.py:")
    assert findings.failed


@pytest.mark.parametrize(
    "row",
    [
        pytest.param("| 1000-1-01 | 1 | MUST | both | Twice. |", id="an id twice"),
        pytest.param("| 1000-9 | 9 | MUST | both | Short. |", id="an id without its number"),
        pytest.param("| 1000-9-01 (new) | 9 | MUST | both | Long. |", id="text after the id"),
        pytest.param("| 1000-9-01 | 8 | MUST | both | Elsewhere. |", id="another section"),
        pytest.param("| 1000-9-01 | 9 | OUGHT | both | No keyword. |", id="an unknown level"),
        pytest.param("| 1000-9-01 | 9 | MUST | all | To whom. |", id="an unknown party"),
        pytest.param("| 1000-9-01 | 9 | MUST | both |", id="a cell short"),
        pytest.param("| 1000-9-01 | 9 | MUST | both | |", id="an empty cell"),
    ],
)
def test_a_row_that_cannot_be_read_fails(tree: Path, row: str) -> None:
    put(tree, "docs/requirements/rfc-1000.md", row + "\n")
    findings = check.examine(tree)
    assert len(findings.faults) == 1
    assert findings.faults[0].startswith("docs/requirements/rfc-1000.md:10: ")
    assert findings.failed


@pytest.mark.parametrize(
    "row",
    [
        pytest.param("| 1000-1-01 | |", id="empty"),
        pytest.param("| 1000-1-01 |", id="missing"),
        pytest.param("| 1000-1-01 | So. |\n| 1000-1-01 | And so. |", id="twice"),
    ],
)
def test_a_reason_that_cannot_be_read_fails(tree: Path, row: str) -> None:
    put(tree, "docs/requirements-not-tested.md", row + "\n")
    findings = check.examine(tree)
    assert len(findings.faults) == 1
    assert findings.failed


@pytest.mark.parametrize(("mark", "status"), [("1000-1-01", 0), ("1000-9-01", 1)], ids=["complete", "unknown id"])
def test_the_exit_status_tells(tree: Path, mark: str, status: int) -> None:
    put(tree, "tests/deep/test_things.py", f'\n@pytest.mark.requirement("{mark}")\ndef test_more(): ...\n')
    done = subprocess.run([sys.executable, CHECK, tree], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert done.stdout.startswith("5 requirements, 3 cited by tests, 1 with a reason.")
    assert ("Unknown ids (1)" in done.stdout) == bool(status)
