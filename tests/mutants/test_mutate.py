from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def load(name: str) -> ModuleType:
    """The script `name` beside this file."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


mutate = load("mutate")


def names(source: str) -> list[str]:
    return [mutant.name for mutant in mutate.mutants(source, "<test>")]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b", ["a < b -> a <= b", "a < b -> a >= b"]),
        ("x = a in b", ["a in b -> a not in b"]),
        ("x = a and b", ["a and b -> a or b", "a and b -> without a", "a and b -> without b"]),
        ("x = not a", ["not a -> without not"]),
        ("x = a + b", ["a + b -> a - b"]),
        ("x = 5", ["5 -> 6", "5 -> 4"]),
        ("x = True", ["True -> False"]),
        ("x = 'y'", ["'y' -> 'mutated'"]),
        ("x = {a, b}", ["{a, b} -> without a", "{a, b} -> without b"]),
        ("x = min(a)", ["min(a) -> max(a)"]),
        ("x = f(a=b)", ["f(a=b) -> without a=b"]),
        ("x = [a for a in b if c]", ["without if c"]),
        ("if a:\n    b()", ["if a -> if not a", "without b()"]),
        ("x: int = a", []),
        ("'''Words.'''", []),
        ("import a", []),
        ("X: TypeAlias = 'a'", []),
        ("raise a('b' + c)", []),
        ("V = Verdict(yes, code, 'clause', 'sentence')", []),
    ],
)
def test_small_errors_are_made(source: str, expected: list[str]) -> None:
    assert names(source) == [f"<module>: {name}" for name in expected]


def test_a_function_s_last_return_and_its_documentation_stay() -> None:
    source = 'def f(x):\n    """One."""\n    if x:\n        return 1\n    y()\n    return 0'
    assert names(source) == [
        "f: without if x",
        "f: without y()",
        "f: if x -> if not x",
        "f: without return 1",
        "f: 1 -> 2",
        "f: 1 -> 0",
        "f: 0 -> 1",
        "f: 0 -> -1",
    ]


def test_the_same_error_twice_is_told_apart() -> None:
    assert names("def f(): a(5); b(5)")[2:] == ["f: 5 -> 6", "f: 5 -> 4", "f: 5 -> 6 #2", "f: 5 -> 4 #2"]


def test_each_mutant_has_one_error_and_runs() -> None:
    results = []
    for mutant in mutate.mutants("x = 1 < 2", "<test>"):
        scope: dict[str, object] = {}
        exec(mutant.code, scope)
        results.append(scope["x"])
    # 1 <= 2, 1 >= 2, 2 < 2, 0 < 2, 1 < 3, 1 < 1
    assert results == [True, False, False, True, True, False]
