"""Runs the public HTTP cache test suite over every adapter and judges what it finds.

`python tests/conformance/judge.py FOLDER [NAME …]` starts, for each named adapter (all, if none is named), the proxy
beside this file, and lets FOLDER/run_cases.py send it the cases in FOLDER: once as a shared cache and, but for the
gateway, once as a private one.  It fails if a required or an optimal case does not pass, unless impossible.toml says
why it cannot; if the library alone does not fail in the same way where it is to blame; and if a case that stands there
passes, because its reason no longer holds.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ADAPTERS = ("core", "httpx", "httpx-async", "requests", "asgi")
KINDS = ("required", "optimal")
"""The kinds of cases that are to pass; of the third, checks, behaviour is only noted."""


@dataclass(frozen=True)
class Reason:
    """Why a case cannot be passed."""

    adapters: tuple[str, ...]
    because: str
    text: str


class Impossible:
    """What stands in impossible.toml."""

    def __init__(self) -> None:
        table = tomllib.loads((HERE / "impossible.toml").read_text(encoding="utf-8"))
        self._reasons = [
            (case["id"], Reason(tuple(case["adapters"]), case["because"], case["reason"])) for case in table["case"]
        ]

    def reason(self, adapter: str, case: str) -> Reason | None:
        """Why `case` cannot be passed through `adapter`, if it cannot."""
        for pattern, reason in self._reasons:
            if adapter in reason.adapters and fnmatchcase(case, pattern):
                return reason
        return None


class Suite:
    """The cases in a folder, and their runner."""

    def __init__(self, folder: Path) -> None:
        self._runner = folder / "run_cases.py"
        # All of them if they are there, else the part that is.
        whole = folder / "cases.json"
        self._cases = whole if whole.is_file() else folder / "cases-open.json"
        groups = json.loads(self._cases.read_text(encoding="utf-8"))
        self.kinds: dict[str, str] = {
            case["id"]: case.get("kind", "required") for group in groups for case in group["tests"]
        }

    def run(self, adapters: Sequence[str], *modes: str, only: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
        """What the runner finds, by adapter: the outcome of each case, and what was wrong with it."""
        private = [mode for mode in modes if mode == "--private"]
        command = [
            sys.executable,
            str(self._runner),
            "--cases",
            str(self._cases),
            "--brief",
            "--parallel",
            "150",
            *private,
        ]
        command += [f"--only={case}" for case in only]
        for adapter in adapters:
            proxy = shlex.join([sys.executable, str(HERE / "proxy.py"), adapter, *modes])
            command += ["--spawn", f"{adapter}={proxy} --origin http://127.0.0.1:{{origin_port}} --port {{port}}"]
        with tempfile.TemporaryDirectory() as scratch:
            report = Path(scratch) / "report.json"
            subprocess.run([*command, "--json", str(report)], check=True)
            found: dict[str, dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))
            return found


def judged(mode: str, suite: Suite, found: dict[str, dict[str, Any]], impossible: Impossible) -> Iterator[str]:
    """What must not be: cases that fail without a reason, and reasons without a failure."""
    for adapter, results in found.items():
        blamed: list[str] = []
        for case, outcome in sorted(results["outcomes"].items()):
            if suite.kinds[case] not in KINDS:
                continue
            reason = impossible.reason(adapter, case)
            if outcome == "pass" and reason is not None:
                yield f"{adapter} ({mode}): {case} passes, so its line in impossible.toml is out of date"
            # A case whose dependency fails is not judged: the dependency's own line says why.
            elif outcome not in ("pass", "dependency_fail") and reason is None:
                yield f"{adapter} ({mode}): {case} is {suite.kinds[case]} and ended with {outcome}"
            elif outcome != "pass" and reason is not None:
                print(f"{adapter} ({mode}): {case} is impossible: {reason.text}")
                if reason.because == "library":
                    blamed.append(case)
        if blamed:
            yield from unproved(adapter, suite, blamed, results["results"])


def unproved(adapter: str, suite: Suite, cases: Sequence[str], cached: dict[str, Any]) -> Iterator[str]:
    """The `cases` that do not fail in the same way where there is no cache, so that the library is not to blame."""
    alone = suite.run([adapter], "--uncached", only=cases)[adapter]["results"]
    for case in cases:
        if alone[case] != cached[case]:
            yield f"{adapter}: {case} fails with {cached[case]}, but without a cache with {alone[case]}"


def main() -> int:
    folder, *names = sys.argv[1:]
    adapters = tuple(names) or ADAPTERS
    suite, impossible = Suite(Path(folder)), Impossible()
    found = list(judged("shared", suite, suite.run(adapters), impossible))
    if clients := tuple(adapter for adapter in adapters if adapter != "asgi"):
        found += judged("private", suite, suite.run(clients, "--private"), impossible)
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
