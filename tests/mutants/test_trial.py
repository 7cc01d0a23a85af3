from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import pytest

pytest.importorskip("resource")
import trial

SOURCE = """
from dataclasses import dataclass
from functools import cache

TABLE = frozenset({"a"})

def f(x, y=1, *, z=2):
    return x + y + z

@cache
def g(x):
    return x

@dataclass(frozen=True, slots=True)
class C:
    x: int = 1

    @property
    def y(self):
        return self.x + 1

    @staticmethod
    def z():
        return 1
"""


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], ModuleType]:
    """Makes a module of the core from a source."""

    def module(name: str, source: str) -> ModuleType:
        made = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, made)
        exec(compile(source, name, "exec"), vars(made))
        return made

    return module


def test_a_mutant_takes_the_place_of_its_module_wherever_that_was_imported(
    make: Callable[[str, str], ModuleType],
) -> None:
    module = make("cachespec.some", SOURCE)
    other = make("tests.cachespec.other", "from cachespec.some import TABLE, C, f, g\nC0, TABLES = C, [TABLE]")
    assert (other.f(0), other.g(5), other.C().x, other.C().y, other.C.z()) == (3, 5, 1, 2, 1)
    mutated = SOURCE.replace('"a"', '"b"').replace("y=1, *, z=2", "y=2, *, z=3").replace("return x\n", "return -x\n")
    mutated = mutated.replace("x: int = 1", "x: int = 5").replace("x + 1", "x - 1").replace("return 1", "return 2")
    trial.put_in_place(module, trial.executed(module, compile(mutated, "cachespec.some", "exec")))
    assert (other.f(0), other.g(5), other.C().x, other.C().y, other.C.z()) == (5, -5, 5, 4, 2)
    assert other.TABLE == module.TABLE == {"b"}
    assert module.C is other.C is other.C0
    # What was made from it stays.
    assert next(iter(other.TABLES)) == {"a"}


def test_the_same_source_changes_nothing(make: Callable[[str, str], ModuleType]) -> None:
    module = make("cachespec.some", SOURCE)
    before = dict(vars(module))
    trial.put_in_place(module, trial.executed(module, compile(SOURCE, "cachespec.some", "exec")))
    assert (module.f(0), module.g(5), module.C().x, module.C().y) == (3, 5, 1, 2)
    assert {name for name in before if vars(module)[name] is not before[name]} == {"TABLE"}
