"""How a figure is made: interleaved rounds, and ratios to a floor within each round.

Machines are shared and their speed drifts, so microseconds of two runs cannot be compared.  Ratios can: in every round
each contender runs once, one after the other, in an order that moves on by one from round to round; its ratio is taken
to the floor's time *in the same round*, and what is reported is the median over the rounds.

Two times are taken: by the clock on the wall, and that of the processor, in which other processes have hardly a part,
and waiting has none.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

Clock = Callable[[], float]


class AbsentError(Exception):
    """A contender cannot take part; the message says what is missing."""


@dataclass(slots=True)
class Contender:
    """One way of doing what a scenario measures.  `run(n)` does it n times."""

    name: str
    run: Callable[[int], object]
    prepare: Callable[[int], object] | None = None
    """Called with n before each timed run, outside the time: for an empty store, say."""
    calls: Callable[[], int] | None = None
    """How often the origin has been asked so far, which proves what was measured."""
    at_once: int = 1
    """How many operations one of the n is."""
    clock: Clock | None = None
    """A clock of its own, in the place of that on the wall: for a part of what is done."""
    cpu: Clock | None = None
    """Processor seconds of the process that does the work, where that is another one."""


@dataclass(slots=True)
class Row:
    """What was measured of one contender.  Times are microseconds per operation, medians over the rounds."""

    name: str
    time: float
    least: float
    most: float
    ratio: float
    """Time in relation to the floor's, median over the rounds of the ratio within a round."""
    cpu: float
    """Processor time, of all threads."""
    cpu_ratio: float
    """Processor time in relation to the floor's; the same median."""
    extra: float
    """Processor time beyond the floor's, in microseconds; the same median."""
    calls: float | None
    """Calls of the origin per operation."""


@dataclass(slots=True)
class Table:
    """One scenario's rows.  The floor is the row whose ratio is 1."""

    key: str
    title: str
    floor: str
    rounds: int
    rows: list[Row] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    """Who did not take part, and why."""

    def row(self, name: str) -> Row:
        """The row of the contender `name`; KeyError where it did not take part."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    def markdown(self) -> str:
        """The table, for people."""
        lines = [
            f"### {self.title}",
            "",
            "| | µs | least to most | × floor | processor, µs | × floor | origin calls |",
            "|---|--:|--:|--:|--:|--:|--:|",
        ]
        for row in self.rows:
            calls = "" if row.calls is None else f"{row.calls:g}"
            floor = " (floor)" if row.name == self.floor else ""
            times = f"{figure(row.time)} | {figure(row.least)} to {figure(row.most)}"
            ratios = f"{row.ratio:.2f} | {figure(row.cpu)} | {row.cpu_ratio:.2f}"
            lines.append(f"| {row.name}{floor} | {times} | {ratios} | {calls} |")
        lines += [f"\nNot measured: {name}: {reason}." for name, reason in self.missing.items()]
        return "\n".join(lines)

    def json(self) -> dict[str, Any]:
        """The table, for programs."""
        return asdict(self)


@dataclass(slots=True)
class Scenario:
    """What is to be measured: `build` makes the contenders, and leaves on the stack what has to be closed."""

    key: str
    title: str
    floor: str
    build: Callable[[ExitStack, Offer], None]
    fixed: int | None = None
    """How many operations a run has; None finds the number that takes long enough."""


class Offer:
    """The contenders of a scenario, as far as they can take part."""

    def __init__(self, only: Sequence[str] | None = None) -> None:
        self.contenders: list[Contender] = []
        self.missing: dict[str, str] = {}
        self._only = only

    def add(self, name: str, make: Callable[[], Contender]) -> None:
        """Take `make()` in as `name`, unless that raises `AbsentError` or ImportError."""
        if self._only is not None and name not in self._only:
            return
        try:
            contender = make()
        except (AbsentError, ImportError) as missing:
            self.missing[name] = str(missing)
            return
        contender.name = name
        self.contenders.append(contender)


def repeated(operation: Callable[[], object]) -> Callable[[int], None]:
    """A `run` that calls `operation` n times."""

    def run(n: int) -> None:
        for _ in range(n):
            operation()

    return run


def calibrate(contender: Contender, wanted: float, clock: Clock) -> int:
    """How many operations of a contender take about `wanted` seconds."""
    n = 1
    while True:
        spent, _ = timed(contender, n, clock, clock)
        if spent >= wanted / 4:
            return max(1, round(n * wanted / spent))
        n *= 4


def timed(contender: Contender, n: int, clock: Clock, cpu: Clock) -> tuple[float, float]:
    """The seconds that n operations take, by both clocks."""
    clock, cpu = contender.clock or clock, contender.cpu or cpu
    if contender.prepare is not None:
        contender.prepare(n)
    start, begun = clock(), cpu()
    contender.run(n)
    return clock() - start, cpu() - begun


def measure(
    scenario: Scenario,
    *,
    rounds: int,
    seconds: float,
    only: Sequence[str] | None = None,
    clock: Clock = time.perf_counter,
    cpu: Clock = time.process_time,
) -> Table:
    """Measure a scenario; every run of a contender takes about `seconds`.  `only` names who takes part."""
    with ExitStack() as stack:
        offer = Offer(only)
        scenario.build(stack, offer)
        contenders = offer.contenders
        # What the contenders have built up by now is none of the others' garbage.
        gc.collect()
        gc.freeze()
        stack.callback(gc.unfreeze)
        numbers = [scenario.fixed or calibrate(contender, seconds, clock) for contender in contenders]
        if scenario.fixed is not None:
            for contender in contenders:
                timed(contender, max(1, scenario.fixed // 10), clock, cpu)
        times: list[list[float]] = [[] for _ in contenders]
        cpus: list[list[float]] = [[] for _ in contenders]
        calls: list[list[float]] = [[] for _ in contenders]
        for turn in range(rounds):
            for at in in_turn(len(contenders), turn):
                contender, n = contenders[at], numbers[at]
                before = contender.calls() if contender.calls else 0
                wall, own = timed(contender, n, clock, cpu)
                done = n * contender.at_once
                times[at].append(wall / done * 1e6)
                cpus[at].append(own / done * 1e6)
                calls[at].append(((contender.calls() - before) if contender.calls else 0) / done)
    table = Table(scenario.key, scenario.title, scenario.floor, rounds, missing=offer.missing)
    at = [contender.name for contender in contenders].index(scenario.floor)
    for contender, wall, own, asked in zip(contenders, times, cpus, calls, strict=True):
        table.rows.append(
            Row(
                contender.name,
                median(wall),
                min(wall),
                max(wall),
                ratio=relation(wall, times[at]),
                cpu=median(own),
                cpu_ratio=relation(own, cpus[at]),
                extra=median([mine - base for mine, base in zip(own, cpus[at], strict=True)]),
                calls=median(asked) if contender.calls else None,
            )
        )
    return table


def relation(own: Sequence[float], floor: Sequence[float]) -> float:
    """The median over the rounds of the ratio within a round."""
    return median([mine / base for mine, base in zip(own, floor, strict=True)])


def in_turn(count: int, turn: int) -> Iterable[int]:
    """The order of `count` contenders in round `turn`: everybody is first, and next to everybody else, in time."""
    return [(at + turn) % count for at in range(count)]


def figure(microseconds: float) -> str:
    """Microseconds with about three digits."""
    if abs(microseconds) >= 100:
        return f"{microseconds:,.0f}"
    return f"{microseconds:.1f}" if abs(microseconds) >= 10 else f"{microseconds:.2f}"
