"""Runs the public HTTP cache test suite over every adapter and judges what it finds.

`python tests/conformance/judge.py FOLDER [NAME …]` starts, for each named adapter (all, if none is named), the proxy
beside this file, and lets FOLDER/run_cases.py send it the cases in FOLDER: once as a shared cache and, for clients,
once as a private one.  It fails if a required case does not pass, unless impossible.toml says why the server library
makes it impossible; and if a case that stands there passes, because its reason no longer holds.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
CLIENTS = ("httpx", "httpx-async", "requests")
ADAPTERS = (*CLIENTS, "asgi")


def impossible() -> dict[tuple[str, str], str]:
    """What a server library makes impossible: ``{(adapter, case): reason}``."""
    table = tomllib.loads((HERE / "impossible.toml").read_text(encoding="utf-8"))
    return {(adapter, case["id"]): case["reason"] for case in table.get("case", []) for adapter in case["adapters"]}


def cases(folder: Path) -> Path:
    """The cases: all of them if they are there, else the part that is."""
    whole = folder / "cases.json"
    return whole if whole.is_file() else folder / "cases-open.json"


def required(path: Path) -> set[str]:
    """The ids of the cases that a cache must pass."""
    groups = json.loads(path.read_text(encoding="utf-8"))
    return {case["id"] for group in groups for case in group["tests"] if case.get("kind", "required") == "required"}


def outcomes(folder: Path, adapters: tuple[str, ...], private: bool) -> dict[str, dict[str, str]]:
    """Run the cases; the outcome of each, by adapter."""
    mode = ["--private"] if private else []
    command = [sys.executable, str(folder / "run_cases.py"), "--cases", str(cases(folder)), "--brief", *mode]
    for adapter in adapters:
        proxy = [sys.executable, str(HERE / "proxy.py"), adapter, *mode]
        command += [
            "--spawn",
            f"{adapter}={shlex.join(proxy)} --origin http://127.0.0.1:{{origin_port}} --port {{port}}",
        ]
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        subprocess.run([*command, "--json", str(report)], check=True)
        return {adapter: found["outcomes"] for adapter, found in json.loads(report.read_text(encoding="utf-8")).items()}


def complaints(mode: str, found: dict[str, dict[str, str]], musts: set[str]) -> Iterator[str]:
    """What must not be: required cases that fail without a reason, and reasons without a failure."""
    reasons = impossible()
    for adapter, results in found.items():
        for case, outcome in sorted(results.items()):
            reason = reasons.get((adapter, case))
            if outcome == "pass" and reason is not None:
                yield f"{adapter} ({mode}): {case} passes, so its line in impossible.toml is out of date"
            # A case whose dependency fails is not judged: the dependency's own line says why.
            elif outcome not in ("pass", "dependency_fail") and case in musts and reason is None:
                yield f"{adapter} ({mode}): {case} is required and ended with {outcome}"
            elif outcome != "pass" and reason is not None:
                print(f"{adapter} ({mode}): {case} is impossible: {reason}")


def main() -> int:
    folder, *names = sys.argv[1:]
    adapters = tuple(names) or ADAPTERS
    musts = required(cases(Path(folder)))
    found = list(complaints("shared", outcomes(Path(folder), adapters, private=False), musts))
    if clients := tuple(adapter for adapter in adapters if adapter in CLIENTS):
        found += complaints("private", outcomes(Path(folder), clients, private=True), musts)
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
