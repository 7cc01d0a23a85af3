"""The benchmarks: ``nox -s benchmarks``, ``nox -s benchmarks -- requests httpx --rounds 15``, or with ``--gates``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))

from gates import GATES, Gate
from harness import Scenario, Table, measure
from stores import kept_apart

ROOMS = (
    *("rules", "with_requests", "with_httpx", "with_asgi", "with_fastapi", "dependencies", "crowd"),
    *("with_uvicorn", "scale"),
)
"""The modules with the scenarios, in the order of the report."""
NAMED = (
    *("cachespec", "requests", "httpx", "starlette", "fastapi", "sqlalchemy"),
    *("hishel", "CacheControl", "requests-cache", "starlette-caches", "fastapi-cache2"),
)
BEGIN, END = "<!-- begin: tests/benchmarks/run.py -->\n", "<!-- end -->\n"
"""Between these lines of a page stand the tables."""
RUNS = 3
"""A gate's figure is the median of so many complete runs."""


def scenarios(names: Sequence[str] = (), *, full: bool = False) -> list[Scenario]:
    """The scenarios whose keys are, or begin with, one of `names`; all of them without, `full` with the longest."""
    rooms = [import_module(room) for room in ROOMS]
    found = [scenario for room in rooms for scenario in (*room.SCENARIOS, *(getattr(room, "FULL", ()) if full else ()))]
    unknown = [name for name in names if not any(scenario.key.startswith(name) for scenario in found)]
    if unknown:
        raise SystemExit(f"no such scenario: {', '.join(unknown)}; there are {', '.join(s.key for s in found)}")
    return [s for s in found if not names or any(s.key.startswith(name) for name in names)]


def versions() -> dict[str, str]:
    """Python's version, and those of the packages at hand that have a part in this."""
    found = {"Python": platform.python_version()}
    for name in NAMED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def report(chosen: Sequence[Scenario], rounds: int, seconds: float) -> list[Table]:
    """Measure, and print each table as soon as it is there."""
    print(described(versions()))
    tables = []
    for scenario in chosen:
        tables.append(measure(scenario, rounds=rounds, seconds=seconds))
        print(f"\n{tables[-1].markdown()}", flush=True)
    return tables


def described(found: dict[str, str]) -> str:
    """The versions in one line."""
    return ", ".join(f"{name} {number}" for name, number in found.items())


def page(text: str, tables: Sequence[Table], rounds: int) -> str:
    """The page `text` with these tables in the place of the old ones."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit("the page does not say where the tables stand")
    measured = f"{described(versions())}; {platform.system()}, {os.cpu_count()} cores; {rounds} rounds."
    return "\n\n".join([f"{before}{begin}\n{measured}", *(table.markdown() for table in tables), f"{end}{after}"])


def judge(chosen: Sequence[Scenario], rounds: int, seconds: float, runs: int = RUNS) -> bool:
    """Measure what the gates ask for, `runs` times over; print each gate's figure; tell whether all of them hold."""
    gates = [gate for gate in GATES if gate.scenario in {scenario.key for scenario in chosen}]
    figures: dict[Gate, list[float]] = {gate: [] for gate in gates}
    absent: dict[Gate, str] = {}
    for run in range(runs):
        for scenario in chosen:
            own = [gate for gate in gates if gate.scenario == scenario.key]
            if not own:
                continue
            only = [scenario.floor, *(gate.contender for gate in own)]
            table = measure(scenario, rounds=rounds, seconds=seconds, only=only)
            print(f"run {run + 1} of {runs}: {scenario.key}", file=sys.stderr, flush=True)
            for gate in own:
                if gate.contender in table.missing:
                    absent[gate] = table.missing[gate.contender]
                else:
                    figures[gate].append(gate.figure(table))
    print("| gate | runs | median | limit | |\n|---|---|--:|--:|---|")
    holds = True
    for gate in gates:
        if gate in absent:
            print(f"| {gate} | not measured: {absent[gate]} | | {gate.bound} | missing |")
            holds = False
            continue
        found = median(figures[gate])
        kept = found <= gate.limit
        holds &= kept
        each = ", ".join(f"{one:.2f}" for one in figures[gate])
        print(f"| {gate} | {each} | {found:.2f} | {gate.bound} | {'ok' if kept else 'missed'} |")
    return holds


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; the exit status is 1 where a gate is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", help="keys, or beginnings of keys; all without")
    parser.add_argument("--full", action="store_true", help="with what takes minutes: stores of a million entries")
    parser.add_argument("--list", action="store_true", help="print the keys and stop")
    parser.add_argument("--rounds", type=int, help="rounds a scenario; 15 otherwise")
    parser.add_argument("--seconds", type=float, help="how long one run of a contender takes; 0.05 otherwise")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 0.01 s: does everything work?")
    parser.add_argument("--json", type=Path, help="also write everything to this file")
    parser.add_argument("--page", type=Path, help="also put the tables into this page")
    parser.add_argument("--gates", action="store_true", help=f"{RUNS} runs; fail where a gate's median is missed")
    options = parser.parse_args(arguments)
    chosen = scenarios(options.scenarios, full=options.full)
    rounds = options.rounds or (3 if options.quick else 15)
    seconds = options.seconds or (0.01 if options.quick else 0.05)
    if options.list:
        print("\n".join(f"{scenario.key:24} {scenario.title}" for scenario in chosen))
        return 0
    with kept_apart():
        if options.gates:
            return 0 if judge(chosen, rounds, seconds) else 1
        tables = report(chosen, rounds, seconds)
    if options.json:
        found = {"versions": versions(), "machine": platform.platform(), "tables": [table.json() for table in tables]}
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
    if options.page:
        options.page.write_text(page(options.page.read_text(encoding="utf-8"), tables, rounds), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
