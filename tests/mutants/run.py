"""Are the tests any good?  Break each clause of a rule module once, and see a test fail.

    python tests/mutants/run.py                    40 mutants of every rule module, others every time
    python tests/mutants/run.py --full             all of them
    python tests/mutants/run.py --full keys        all of one module's

Each mutant runs in a child process that has forked off from this one, with the tests that mirror its module and, if it
survives those, with the tests of the flow; both stop at the first failure.  A child that takes far longer than usual
counts as killed.  Survivors that are equivalent to the original stand, with the reason, in survivors.toml.

It fails if one survives that does not stand there, and in full if fewer than 95 in 100 of a module's are killed.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import signal
import sys
import time
import tomllib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

# What every child needs is imported once; the core is not, for one of its modules is going to be another one.
import hypothesis
import pytest
from mutate import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests" / "cachespec"
FLOW = ("test_exchange.py", "test_selection.py", "test_answers.py")

# The tests that mirror a module, and then those that see it at work.
MODULES: dict[str, tuple[tuple[str, ...], ...]] = {
    "storing": (("test_storing.py",), FLOW),
    "freshness": (("test_freshness.py",), ("test_storing.py",), FLOW),
    "validation": (("test_validation.py",), FLOW),
    "keys": (("test_keys.py",), FLOW),
    "invalidation": (("test_invalidation.py",), FLOW),
    "reuse": (("test_reuse.py",), FLOW),
    "ranges": (("test_ranges.py", "test_partial.py"), FLOW),
    "preconditions": (("test_preconditions.py",), FLOW),
}
WANTED = 0.95
PATIENCE = 20.0
"""A child may take so many times as long as the tests do without a mutant."""


@dataclass(slots=True)
class Run:
    """A mutant on its way through the tests."""

    module: str
    mutant: Mutant
    stage: int = 0
    deadline: float = 0.0


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Has one module of the core made from other code than lies in its file."""

    def __init__(self, name: str, origin: Path, code: CodeType) -> None:
        self.name, self.origin, self.code = name, origin, code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.origin, loader=self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(self.code, module.__dict__)


def package() -> Path:
    """Where the core lies, without importing it."""
    spec = importlib.util.find_spec("cachespec")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the core is not installed")
    return Path(spec.submodule_search_locations[0])


def run_tests(files: Sequence[str]) -> int:
    """The exit code of pytest."""
    hypothesis.settings.register_profile(
        "mutants",
        derandomize=True,
        database=None,
        max_examples=30,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("mutants")
    options = [
        "-x",
        "-q",
        "--no-header",
        "--no-summary",
        "--tb=no",
        "--assert=plain",
        "-p",
        "no:cacheprovider",
        "-c",
        str(ROOT / ".pytest.toml"),
    ]
    return int(pytest.main([*options, "--rootdir", str(ROOT), *(str(TESTS / file) for file in files)]))


def child(files: Sequence[str], finder: Finder | None) -> int:
    """Fork; the child runs the tests and says with its exit code how they went.  The child's process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        if finder is not None:
            sys.meta_path.insert(0, finder)
        code = run_tests(files)
    finally:
        # Not by way of exceptions: whatever a mutant has broken, this process ends here.
        os._exit(code)


def usual(files: Sequence[str]) -> float:
    """How long the tests take without a mutant; they have to pass."""
    begun = time.monotonic()
    _, status = os.waitpid(child(files, None), 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"without any mutant the tests in {', '.join(files)} fail")
    return time.monotonic() - begun


def survivors(runs: deque[Run], origins: dict[str, Path], workers: int) -> Iterator[Run]:
    """Run all of them, so many at a time; yields those that survive every stage."""
    limits = {
        files: max(10.0, PATIENCE * usual(files))
        for files in {stage for module in origins for stage in MODULES[module]}
    }
    under_way: dict[int, Run] = {}
    while runs or under_way:
        while runs and len(under_way) < workers:
            run = runs.popleft()
            files = MODULES[run.module][run.stage]
            run.deadline = time.monotonic() + limits[files]
            finder = Finder(f"cachespec.{run.module}", origins[run.module], run.mutant.code)
            under_way[child(files, finder)] = run
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            time.sleep(0.002)
            for late in [pid for pid, run in under_way.items() if time.monotonic() > run.deadline]:
                os.kill(late, signal.SIGKILL)
                os.waitpid(late, 0)
                del under_way[late]
            continue
        run = under_way.pop(pid)
        if os.waitstatus_to_exitcode(status) == 0:
            run.stage += 1
            if run.stage == len(MODULES[run.module]):
                yield run
            else:
                runs.appendleft(run)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="module", help=f"of {', '.join(MODULES)}; all of them")
    parser.add_argument("--full", action="store_true", help="every mutant, not a sample")
    parser.add_argument("--sample", type=int, default=40, metavar="N", help="mutants of each module in a sample; 40")
    parser.add_argument("--seed", type=int, default=None, help="which sample; another one every time")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="children at a time; one per core")
    parser.add_argument("--verbose", action="store_true", help="show the accepted survivors, too")
    given = parser.parse_args()
    if unknown := set(given.modules) - MODULES.keys():
        parser.error(f"no such module: {', '.join(sorted(unknown))}")
    if not hasattr(os, "fork"):
        print("mutants were skipped: there is no fork() on this system")
        return 0
    seed = random.randrange(10**6) if given.seed is None else given.seed
    names = given.modules or list(MODULES)
    accepted = tomllib.loads((Path(__file__).parent / "survivors.toml").read_text(encoding="utf-8"))
    origins = {name: package() / f"{name}.py" for name in names}
    made = {name: list(mutants(origin.read_text(encoding="utf-8"), str(origin))) for name, origin in origins.items()}
    dice = random.Random(seed)
    chosen = {
        name: all_ if given.full else dice.sample(all_, min(given.sample, len(all_))) for name, all_ in made.items()
    }
    begun = time.monotonic()
    lived: dict[str, list[Mutant]] = {name: [] for name in names}
    for run in survivors(deque(Run(name, mutant) for name in names for mutant in chosen[name]), origins, given.workers):
        lived[run.module].append(run.mutant)
    for name, alive in lived.items():
        for mutant in sorted(alive, key=lambda one: one.line):
            reason = accepted.get(name, {}).get(mutant.name)
            if reason is None or given.verbose:
                print(f"{name}.py:{mutant.line}: {mutant.name}" + (f"\n    {reason}" if reason else ""))
    failed = False
    print(f"\n{'module':14} {'mutants':>8} {'run':>6} {'killed':>7} {'in 100':>7} {'accepted':>9} {'unknown':>8}")
    for name in names:
        ran, alive = len(chosen[name]), lived[name]
        unknown_ones = [mutant for mutant in alive if mutant.name not in accepted.get(name, {})]
        killed = (ran - len(alive)) / ran
        failed |= bool(unknown_ones) or (given.full and killed < WANTED)
        print(
            f"{name:14} {len(made[name]):8} {ran:6} {ran - len(alive):7} {100 * killed:7.1f}"
            f" {len(alive) - len(unknown_ones):9} {len(unknown_ones):8}"
        )
        gone = set(accepted.get(name, {})) - {mutant.name for mutant in made[name]}
        for one in sorted(gone):
            failed = True
            print(f"    survivors.toml names what there is not: {one}")
    print(f"{time.monotonic() - begun:.0f} seconds" + ("" if given.full else f", seed {seed}"))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
