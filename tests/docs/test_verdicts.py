"""Every verdict stands on docs/verdicts.md, as the code has it."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import verdicts
from verdicts import PAGE, linked, page, rooms, sources

from cachespec import Verdict

# A section of an RFC or of a draft, or else what can be configured.
CLAUSE = r"(RFC [0-9]{4,5}|[A-Z][A-Za-z-]+) §[0-9.]+(-[0-9.]+)?|RFC [0-9]{4,5}|[A-Za-z_]+(\.[a-z_]+)*"


def test_the_page_is_as_the_code_has_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "run python tests/docs/verdicts.py"


def test_every_verdict_is_a_constant_at_the_head_of_its_room() -> None:
    elsewhere = []
    for name, tree in sources():
        if name == "cachespec.verdicts":  # There it is defined, and given its figures.
            continue
        constants = len(list(verdicts.constants(tree)))
        calls = [
            node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Verdict"
        ]
        if len(calls) != constants:
            elsewhere.append(name)
    assert elsewhere == []


def test_a_code_has_one_answer() -> None:
    answers: dict[str, set[bool]] = {}
    for room in rooms():
        for verdict in room.verdicts:
            answers.setdefault(verdict.code, set()).add(verdict.yes)
    assert {code for code, found in answers.items() if len(found) > 1} == set()


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.name)
def test_a_verdict_reads_well(room: verdicts.Room) -> None:
    for verdict in room.verdicts:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", verdict.code), verdict
        assert re.fullmatch(CLAUSE, verdict.clause), verdict
        assert re.fullmatch(r"[A-Z{].*\.", verdict.template), verdict


def test_the_codes_in_the_usual_reasons_are_codes() -> None:
    usual = PAGE.read_text(encoding="utf-8").partition("## The usual reasons")[2].partition("## All of them")[0]
    named = {code for line in usual.splitlines() if line.startswith("| `") for code in _codes(line)}
    known = {verdict.code for room in rooms() for verdict in room.verdicts}
    assert named
    assert named <= known


def _codes(line: str) -> list[str]:
    return re.findall(r"`([^`]+)`", line.split("|")[1])


@pytest.mark.parametrize(
    ("clause", "markdown"),
    [
        ("RFC 9111 §5.2.2.5", "[RFC 9111 §5.2.2.5](https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.5)"),
        ("RFC 6585 §3-6", "[RFC 6585 §3-6](https://www.rfc-editor.org/rfc/rfc6585#section-3)"),
        ("RFC 9112", "[RFC 9112](https://www.rfc-editor.org/rfc/rfc9112)"),
        ("No-Vary-Search §6", "No-Vary-Search §6"),
        ("Policy.enabled", "`Policy.enabled`"),
    ],
)
def test_a_clause_leads_to_its_section(clause: str, markdown: str) -> None:
    assert linked(clause) == markdown


def test_figures_have_a_place_in_the_sentence() -> None:
    verdict = Verdict(False, "stale", "RFC 9111 §4.2", "It is {:.0f} s old.")
    assert verdicts.PLACE.sub("…", verdict.template) == "It is … s old."
