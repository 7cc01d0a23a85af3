"""The decisions: each is there once, complete, and whatever is cited exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = ROOT / "docs/decisions"
PAGES = sorted(page for page in DECISIONS.glob("*.md") if page.name != "index.md")

# The heading is also the anchor: "## D07" is reached as parsing.md#d07.
HEADING = re.compile(r"^## (D[0-9]{2})$", re.MULTILINE)
CITED = re.compile(r"(?<![A-Za-z0-9_%])D[0-9]{2}(?![A-Za-z0-9_])")
REQUIREMENT = re.compile(r"(?<![\w.-])(?:[0-9]{4,5}|NVS)-[0-9]+(?:\.[0-9]+)*-[0-9]{2}(?![\w-])")


def rulings() -> dict[str, tuple[str, str]]:
    """Page and text of each ruling, by number."""
    found: dict[str, tuple[str, str]] = {}
    for page in PAGES:
        _, *parts = HEADING.split(page.read_text(encoding="utf-8"))
        for number, text in zip(parts[::2], parts[1::2], strict=True):
            assert number not in found, f"{number} is there twice"
            found[number] = page.name, text
    return found


def sources() -> list[Path]:
    """Whatever may cite a ruling."""
    code = [path for folder in ("packages", "tests") for path in (ROOT / folder).rglob("*.py")]
    pages = [path for path in (ROOT / "docs").rglob("*.md") if (ROOT / "docs/site") not in path.parents]
    return sorted(code + pages)


def strangers(text: str, known: set[str]) -> set[str]:
    """The rulings that `text` cites and that are not known."""
    return set(CITED.findall(text)) - known


def test_the_numbers_run_without_a_gap() -> None:
    numbers = sorted(rulings())
    assert numbers == [f"D{number:02}" for number in range(1, len(numbers) + 1)]
    assert len(numbers) >= 60


@pytest.mark.parametrize("number", sorted(rulings()))
def test_a_ruling_has_a_question_a_ruling_and_a_reason(number: str) -> None:
    _, text = rulings()[number]
    assert re.fullmatch(r"\s*\*\*[^*].*\?\*\*\s+\*Ruling\.\* .+\s+\*Reason\.\* .+", text, re.DOTALL)


def test_the_index_links_to_each_ruling() -> None:
    index = (DECISIONS / "index.md").read_text(encoding="utf-8")
    links = dict(re.findall(r"^\| \[(D[0-9]{2})\]\(([^)]+)\) \|", index, re.MULTILINE))
    assert links == {number: f"{page}#{number.lower()}" for number, (page, _) in rulings().items()}


def test_each_ruling_that_code_tests_or_pages_cite_exists() -> None:
    known = set(rulings())
    cited = {path: strangers(path.read_text(encoding="utf-8"), known) for path in sources()}
    assert {path: missing for path, missing in cited.items() if missing} == {}


def test_a_ruling_that_does_not_exist_is_noticed() -> None:
    stranger = "D" + "99"
    assert strangers(f"# As the text asks (D07, {stranger}).", {"D07"}) == {stranger}
    assert strangers("U+D800, %D07, ID10, D1, D100, xD55", {"D07"}) == set()


def test_each_requirement_that_a_page_cites_exists() -> None:
    tables = [ROOT / "docs/requirements.md", *(ROOT / "docs/requirements").glob("*.md")]
    rows = [
        line.split("|")[1].strip()
        for page in tables
        for line in page.read_text(encoding="utf-8").splitlines()
        if line[:1] == "|"
    ]
    known = {row for row in rows if REQUIREMENT.fullmatch(row)}
    for page in [*PAGES, DECISIONS / "index.md", ROOT / "docs/requirements.md"]:
        cited = set(REQUIREMENT.findall(page.read_text(encoding="utf-8")))
        assert cited <= known, page.name
