"""Are the tests any good?  Break each clause of a rule module once, and see a test fail.

    python tests/mutants/run.py                    the same 40 mutants of every rule module
    python tests/mutants/run.py --seed 7           40 others
    python tests/mutants/run.py --full             all of them
    python tests/mutants/run.py --full keys        all of one module's

Survivors that no test can kill stand, with the reason, in survivors.toml; that does not count for the figures.  In full
it fails if one survives that does not stand there, or if fewer than 95 in 100 of a module's are killed.  A sample fails
if fewer than 95 in 100 of all are killed or stand there.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import sys
import time
import tomllib
from pathlib import Path

from mutate import Mutant, mutants

FLOW = ("test_exchange.py", "test_selection.py", "test_answers.py", "partial/test_flow.py")

# Beside the flow's, the tests that concern a module; those in test_<module>.py are asked first.
MODULES: dict[str, tuple[str, ...]] = {
    "storing": ("test_storing.py",),
    "freshness": ("test_freshness.py", "test_storing.py"),
    "validation": ("test_validation.py",),
    "keys": ("test_keys.py",),
    "invalidation": ("test_invalidation.py",),
    "reuse": ("test_reuse.py",),
    "ranges": ("test_ranges.py", "test_partial.py"),
    "preconditions": ("test_preconditions.py",),
    "directives": ("test_directives.py",),
}
# Only if asked for: not all of their survivors have been looked at.
OTHERS: dict[str, tuple[str, ...]] = {
    "combining": ("test_combining.py",),
    "partial": ("test_partial.py", "test_ranges.py"),
    "completion": ("partial/test_completion.py",),
    "selection": (),
}
WANTED = 0.95


def package() -> Path:
    """Where the core lies."""
    spec = importlib.util.find_spec("cachespec")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the core is not installed")
    return Path(spec.submodule_search_locations[0])


def reasons() -> dict[str, dict[str, str]]:
    """Why mutants survive: by module and name."""
    tables = tomllib.loads((Path(__file__).parent / "survivors.toml").read_text(encoding="utf-8"))
    return {
        module: {mutant: entry["reason"] for entry in entries for mutant in entry["mutants"]}
        for module, entries in tables.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "modules", nargs="*", metavar="module", help=f"of {', '.join(MODULES)} (all of these), {', '.join(OTHERS)}"
    )
    parser.add_argument("--full", action="store_true", help="every mutant, not a sample")
    parser.add_argument("--sample", type=int, default=40, metavar="N", help="mutants of each module in a sample; 40")
    parser.add_argument("--seed", type=int, default=0, help="which sample; 0")
    parser.add_argument("--workers", type=int, default=1, help="children at a time; 1")
    parser.add_argument("--verbose", action="store_true", help="show the accepted survivors, too")
    given = parser.parse_args()
    files_of = MODULES | OTHERS
    if unknown := set(given.modules) - files_of.keys():
        parser.error(f"no such module: {', '.join(sorted(unknown))}")
    if not hasattr(os, "fork"):
        print("mutants were skipped: there is no fork() on this system")
        return 0
    # It needs what not every system has.
    from trial import Trial, hold

    begun = time.monotonic()
    names = given.modules or list(MODULES)
    made: dict[str, list[Mutant]] = {}
    for name in names:
        origin = package() / f"{name}.py"
        made[name] = list(mutants(origin.read_text(encoding="utf-8"), str(origin)))
    dice = random.Random(given.seed)
    chosen = {
        name: every if given.full else dice.sample(every, min(given.sample, len(every))) for name, every in made.items()
    }
    files = dict.fromkeys([file for name in names for file in files_of[name]] + list(FLOW))
    accepted = reasons()

    def tell(trial: Trial) -> None:
        reason = accepted.get(trial.module, {}).get(trial.mutant.name)
        if reason is None or given.verbose:
            print(f"{trial.module}.py:{trial.mutant.line}: {trial.mutant.name}" + (f"\n    {reason}" if reason else ""))

    trials = [Trial(name, mutant) for name in names for mutant in chosen[name]]
    court = hold(trials, list(files), given.workers, tell)
    lived = {name: [trial.mutant for trial in court.survivors if trial.module == name] for name in names}
    failed, missed = False, 0
    print(f"\n{'module':14} {'mutants':>8} {'run':>6} {'killed':>7} {'in 100':>7} {'accepted':>9} {'unknown':>8}")
    for name in names:
        ran, alive = len(chosen[name]), lived[name]
        known = accepted.get(name, {})
        unknown_ones = [mutant for mutant in alive if mutant.name not in known]
        killed = (ran - len(alive)) / ran
        failed |= given.full and (bool(unknown_ones) or killed < WANTED)
        missed += len(unknown_ones)
        print(
            f"{name:14} {len(made[name]):8} {ran:6} {ran - len(alive):7} {100 * killed:7.1f}"
            f" {len(alive) - len(unknown_ones):9} {len(unknown_ones):8}"
        )
        dead = {mutant.name for mutant in chosen[name]} - {mutant.name for mutant in alive}
        gone = known.keys() - {mutant.name for mutant in made[name]}
        for one in sorted(gone | (known.keys() & dead)):
            failed |= given.full
            print(f"    survivors.toml names what {'there is not' if one in gone else 'is killed'}: {one}")
    failed |= missed > (1 - WANTED) * len(trials)
    print(f"{time.monotonic() - begun:.0f} seconds, {len(court.late)} killed for taking too long")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
