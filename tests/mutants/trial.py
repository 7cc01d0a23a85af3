"""One mutant after the other on trial, before the tests that run through its lines.

pytest collects the tests once, in this process; its loop is ours.  A first child runs all of them and tells which
lines of the rule modules each one runs through.  Then a child is forked off for every mutant: it puts the mutant in
the module's place and runs, until one fails, the tests that come through the changed statement, for the others cannot
tell the difference; those in the module's own file go first, and the fast before the slow.
"""

from __future__ import annotations

import gc
import os
import pickle
import resource
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import hypothesis
import pytest
from mutate import Mutant

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests" / "cachespec"

SECONDS = 1.0
"""Of processor time that a test has with a mutant, beyond ten times what it takes without."""
PATIENCE = 60.0
"""Seconds after which a child is ended that sleeps where it should not, beyond thirty times what its tests take."""
SURVIVED, KILLED, BROKEN = 0, 1, 70
"""What a child says with its exit code; broken is what is tried, not what is tested."""
MEMORY = 4 << 30
"""Octets of address space that a child may have."""


@dataclass(slots=True)
class Trial:
    """A mutant of the module ``cachespec.<module>``."""

    module: str
    mutant: Mutant
    deadline: float = 0.0


@dataclass(slots=True)
class Usual:
    """What one test does without a mutant: its seconds of processor time, and the lines it runs by file."""

    seconds: float = 0.0
    lines: dict[str, set[int]] = field(default_factory=dict)


class Court:
    """A plugin of pytest that runs the trials in place of the tests."""

    def __init__(self, trials: Iterable[Trial], workers: int, tell: Callable[[Trial], None]) -> None:
        self.waiting = list(reversed(list(trials)))
        self.workers = workers
        self.tell = tell
        """Called with each that survives."""
        self.trying = False
        """Whether this process is a child with a mutant."""
        self.survivors: list[Trial] = []
        self.late: list[Trial] = []
        """Those that were ended because they took too long; they count as killed."""
        self.usual: dict[str, Usual] = {}
        self.fault = "no tests were collected"

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        # Whatever went wrong while collecting, pytest has said it.
        if session.testsfailed or not session.items:
            return True
        self.usual = usual(session, {origin(trial.module) for trial in self.waiting})
        failed = [name for name, one in self.usual.items() if one.seconds < 0]
        self.fault = f"without any mutant {', '.join(failed)} fails" if failed else ""
        if not failed:
            self.hold(session)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        # One test that fails is enough, and nobody reads what it has to say.
        if self.trying and call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
            os._exit(KILLED)

    def hold(self, session: pytest.Session) -> None:
        """All trials, so many at a time."""
        gc.freeze()
        under_way: dict[int, Trial] = {}
        while self.waiting or under_way:
            while self.waiting and len(under_way) < self.workers:
                trial = self.waiting.pop()
                items = self.witnesses(trial, session.items)
                seconds = sum(self.usual[item.nodeid].seconds for item in items)
                trial.deadline = time.monotonic() + PATIENCE + 30 * seconds
                under_way[self.child(trial, items)] = trial
            pid, status = os.waitpid(-1, os.WNOHANG) if under_way else (0, 0)
            if pid:
                trial, code = under_way.pop(pid), os.waitstatus_to_exitcode(status)
                if code == SURVIVED:
                    self.survivors.append(trial)
                    self.tell(trial)
                elif code == BROKEN:
                    self.fault = f"{trial.module}.py:{trial.mutant.line}: {trial.mutant.name} could not be tried"
                elif code in (-signal.SIGPROF, -signal.SIGKILL):
                    self.late.append(trial)
                continue
            time.sleep(0.001)
            for pid in [pid for pid, trial in under_way.items() if time.monotonic() > trial.deadline]:
                os.kill(pid, signal.SIGKILL)

    def witnesses(self, trial: Trial, items: Sequence[pytest.Item]) -> list[pytest.Item]:
        """The tests that may see the difference, in the order in which they are asked."""
        mutant = trial.mutant
        if mutant.deferred:
            file, lines = origin(trial.module), set(mutant.lines)
            items = [item for item in items if not lines.isdisjoint(self.usual[item.nodeid].lines.get(file, ()))]
        own = f"test_{trial.module}.py"
        return sorted(items, key=lambda item: (item.path.name != own, self.usual[item.nodeid].seconds))

    def child(self, trial: Trial, items: Sequence[pytest.Item]) -> int:
        """Fork; the child says with its exit code whether the mutant survived.  The child's process id."""
        pid = os.fork()
        if pid:
            return pid
        code = BROKEN
        try:
            quiet()
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            module, compiled = sys.modules[f"cachespec.{trial.module}"], trial.mutant.code
            code = KILLED  # Whoever imports it would see it fail.
            made = executed(module, compiled)
            code = BROKEN
            put_in_place(module, made)
            code = KILLED
            self.trying = True
            for item in items:
                # Its signal ends the process.
                signal.setitimer(signal.ITIMER_PROF, SECONDS + 10 * self.usual[item.nodeid].seconds)
                item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
            code = SURVIVED
        finally:
            # Not by way of exceptions: whatever a mutant has broken, this process ends here.
            os._exit(code)


def hold(trials: Sequence[Trial], files: Sequence[str], workers: int, tell: Callable[[Trial], None]) -> Court:
    """The court after all `trials` before the tests in `files`; `tell` is called with each survivor."""
    hypothesis.settings.register_profile(
        "mutants",
        derandomize=True,
        database=None,
        max_examples=30,
        deadline=None,
        # An example that fails need not be a small one.
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("mutants")
    court = Court(trials, workers, tell)
    # Without the rewriting of assertions it starts sooner; nobody reads what a child has to say.
    options = ["-q", "--no-header", "--no-summary", "--assert=plain", "--capture=no", "-p", "no:cacheprovider"]
    places = ["-c", str(ROOT / ".pytest.toml"), "--rootdir", str(ROOT)]
    pytest.main([*options, *places, *(str(TESTS / file) for file in files)], plugins=[court])
    if court.fault:
        sys.exit(court.fault)
    return court


def origin(module: str) -> str:
    """The file of the module ``cachespec.<module>``."""
    return sys.modules[f"cachespec.{module}"].__file__ or ""


def usual(session: pytest.Session, files: set[str]) -> dict[str, Usual]:
    """What the tests do without a mutant; one that fails takes less than no time."""
    with tempfile.TemporaryFile() as report:
        pid = os.fork()
        if not pid:
            try:
                quiet()
                pickle.dump(dict(trace(session, files)), report)
                report.flush()
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        report.seek(0)
        found: dict[str, Usual] = pickle.load(report)
        return found


def trace(session: pytest.Session, files: set[str]) -> Iterator[tuple[str, Usual]]:
    """Run every test; yields its name and what it did."""
    now = Usual()

    def line(frame: Any, event: str, arg: object) -> Any:
        now.lines.setdefault(frame.f_code.co_filename, set()).add(frame.f_lineno)
        return line

    def call(frame: Any, event: str, arg: object) -> Any:
        return line(frame, event, arg) if frame.f_code.co_filename in files else None

    threading.settrace(call)
    for item in session.items:
        now, begun, failed = Usual(), time.process_time(), session.testsfailed
        sys.settrace(call)
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        sys.settrace(None)
        now.seconds = time.process_time() - begun if session.testsfailed == failed else -1.0
        yield item.nodeid, now


def quiet() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def executed(module: ModuleType, code: CodeType) -> dict[str, Any]:
    """What `module` would hold if it was made from `code`."""
    made: dict[str, Any] = {name: value for name, value in vars(module).items() if name.startswith("__")}
    exec(code, made)
    return made


def put_in_place(module: ModuleType, made: dict[str, Any]) -> None:
    """Have `module` hold what has been `made`.

    Functions keep their identity and get other code, and values are exchanged wherever they have been imported to.
    What another module has worked out from a value stays, so that a test may miss the mutant, but never sees one that
    is not there.
    """
    values: dict[str, tuple[object, object]] = {}
    for name, new in made.items():
        old = vars(module).get(name)
        if new is old or name.startswith("__"):
            continue
        if isinstance(old, type) and isinstance(new, type):
            for attribute, of_new in vars(new).items():
                exchange(vars(old).get(attribute), of_new)
        elif not exchange(old, new):
            values[name] = old, new
    ours = [other for name, other in sys.modules.items() if "cachespec" in name and isinstance(other, ModuleType)]
    for other in ours:
        for name, (old, new) in values.items():
            if vars(other).get(name) is old:
                setattr(other, name, new)


def exchange(old: object, new: object) -> bool:
    """Give the function `old` the code of `new`; False where they are none."""
    if isinstance(old, property) and isinstance(new, property):
        return exchange(old.fget, new.fget)
    if isinstance(old, (classmethod, staticmethod)) and isinstance(new, (classmethod, staticmethod)):
        return exchange(old.__func__, new.__func__)
    if hasattr(old, "cache_clear"):
        old.cache_clear()
        return exchange(getattr(old, "__wrapped__", None), getattr(new, "__wrapped__", None))
    if not isinstance(old, FunctionType) or not isinstance(new, FunctionType):
        return False
    if len(old.__closure__ or ()) == len(new.__closure__ or ()):
        old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__
        # What a dataclass writes finds its defaults in there.
        for ours, theirs in zip(old.__closure__ or (), new.__closure__ or (), strict=True):
            if not isinstance(theirs.cell_contents, type):
                ours.cell_contents = theirs.cell_contents
    return True
