from __future__ import annotations

import mutate
import pytest


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
        ("x = b'y'", ["b'y' -> b'mutated'"]),
        ("x = {a: b, **c}", ["{a: b, **c} -> without a"]),
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


def test_a_value_is_not_returned() -> None:
    assert names("def f(x):\n    return x") == ["f: return x -> return None"]


def test_an_error_is_not_raised() -> None:
    assert names("def f(x):\n    raise x\n    return 0")[0] == "f: without raise x"


def test_the_lines_of_a_mutant_are_those_of_the_statement_that_changes() -> None:
    source = "def f(x):\n    if x:\n        y(\n            5,\n        )\n    return x"
    lines = {mutant.name: (mutant.lines.start, mutant.lines.stop) for mutant in mutate.mutants(source, "<test>")}
    assert lines == {
        "f: without if x": (2, 6),
        "f: if x -> if not x": (2, 6),
        "f: without y(5)": (3, 6),
        "f: 5 -> 6": (3, 6),
        "f: 5 -> 4": (3, 6),
        "f: return x -> return None": (6, 7),
    }


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
