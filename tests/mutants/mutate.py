"""Small errors, one at a time, in the syntax tree of a module.

`mutants` makes them: a comparison that is off by one or turned round, a condition negated, a clause or a statement
left out, a constant changed.  What is only read by people (docstrings, annotations, the words of verdicts) stays.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from types import CodeType
from typing import NamedTuple

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "floor": "int", "update": "difference_update"}

Change = Callable[[], None]
Path = tuple[tuple[str, int | None], ...]


class Source(NamedTuple):
    """What a mutant is made from."""

    tree: ast.Module
    path: Path
    index: int
    """Of the change, among all that the node at the end of `path` may have."""
    filename: str


@dataclass(slots=True)
class Mutant:
    """A module with one small error in it."""

    where: str
    """The function, or ``<module>``."""
    line: int
    lines: range
    """Those of the statement that is changed or left out."""
    deferred: bool
    """Whether it lies in a function, so that nothing else has been worked out from it."""
    before: str
    after: str
    source: Source = field(repr=False)
    number: int = 0
    """Of several in one function with the same words: which one, from 1."""

    @property
    def code(self) -> CodeType:
        """The whole module, with the error."""
        tree, path, index, filename = self.source
        node = at(tree, path)
        other = ast.fix_missing_locations(ast.copy_location(changed(node, index), node))
        replace(tree, path, other)
        try:
            return compile(tree, filename, "exec", dont_inherit=True)
        finally:
            replace(tree, path, node)

    @property
    def name(self) -> str:
        """What it is known by, whatever its line."""
        number = f" #{self.number}" if self.number > 1 else ""
        return (
            f"{self.where}: {self.before} -> {self.after}{number}"
            if self.before
            else f"{self.where}: {self.after}{number}"
        )


def mutants(source: str, filename: str) -> Iterator[Mutant]:
    """All mutants of a module, in the order of its tree."""
    tree = ast.parse(source)
    seen: dict[str, int] = {}
    for where, path in sites(tree):
        around = [at(tree, path[:length]) for length in range(len(path) + 1)]
        node = around[-1]
        deferred = any(isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)) for one in around)
        for index, (label, _, statement) in enumerate(changes(node)):
            if label.startswith("without "):
                before, after = (words(node, 40) if isinstance(node, ast.expr) else ""), label
            else:
                before, after = words(node), words(changed(node, index))
            if statement is None:
                statement = next(one for one in reversed(around) if isinstance(one, (ast.stmt, ast.Module)))
            lines = range(getattr(statement, "lineno", 1), (getattr(statement, "end_lineno", None) or 1) + 1)
            line = getattr(node, "lineno", lines.start)
            mutant = Mutant(where, line, lines, deferred, before, after, Source(tree, path, index, filename))
            seen[mutant.name] = mutant.number = seen.get(mutant.name, 0) + 1
            yield mutant


def changed(node: ast.AST, index: int) -> ast.AST:
    """A copy of `node` with its change number `index`."""
    copy = deepcopy(node)
    _, change, _ = changes(copy)[index]
    change()
    return copy


def sites(tree: ast.Module) -> Iterator[tuple[str, Path]]:
    """Every node that may be mutated: the function it is in, and the way to it from the root."""

    def walk(node: ast.AST, where: str, path: Path) -> Iterator[tuple[str, Path]]:
        yield where, path
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "type_params") or is_for_people(node, name):
                continue
            for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if (
                    not isinstance(child, ast.AST)
                    or is_docstring(child)
                    or is_alias(child)
                    or is_said(node, name, index)
                ):
                    continue
                inside = where
                if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    inside = child.name if where == "<module>" else f"{where}.{child.name}"
                yield from walk(child, inside, (*path, (name, index)))

    return walk(tree, "<module>", ())


def at(tree: ast.AST, path: Path) -> ast.AST:
    """The node at the end of `path`."""
    for name, index in path:
        value = getattr(tree, name)
        tree = value if index is None else value[index]
    return tree


def replace(tree: ast.Module, path: Path, node: ast.AST) -> None:
    """Put `node` at the end of `path`, which is not the root itself."""
    owner = at(tree, path[:-1])
    name, index = path[-1]
    if index is None:
        setattr(owner, name, node)
    else:
        getattr(owner, name)[index] = node


def is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_alias(node: ast.AST) -> bool:
    """Whether it is an import, or the definition of a type."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return True
    return isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias"


def is_for_people(node: ast.AST, name: str) -> bool:
    """Whether the field `name` of `node` is the decoration of a function, or the words of an error."""
    return name == "decorator_list" or isinstance(node, ast.Raise)


def is_said(node: ast.AST, name: str, index: int | None) -> bool:
    """Whether it is the clause or the sentence of a verdict."""
    verdict = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Verdict"
    return verdict and name == "args" and index is not None and index >= 2


def words(node: ast.AST, most: int = 160) -> str:
    """The node in one line, of so many characters at most."""
    if isinstance(node, (ast.If, ast.While)):
        text = f"if {ast.unparse(node.test)}"
    elif isinstance(node, (ast.FunctionDef, ast.Module, ast.For, ast.With, ast.Try, ast.ClassDef)):
        text = "; ".join([words(child) for child in getattr(node, "body", [])])
    else:
        text = ast.unparse(node)
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[:most]}…"


def changes(node: ast.AST) -> list[tuple[str, Change, ast.stmt | None]]:
    """What may be changed in this very node, not in those below: a name for each, what does it, and the statement.

    The statement is None where it is the one that the node is part of.
    """
    found = [(label, change, None) for label, change in expression_changes(node)]
    left_out: list[tuple[str, Change, ast.stmt | None]] = []
    for block in ("body", "orelse", "finalbody"):
        statements = getattr(node, block, None)
        if isinstance(statements, list) and not isinstance(node, ast.Module):
            for index, statement in enumerate(statements):
                if may_go(node, statements, index):
                    left_out.append((f"without {words(statement)}", put(statements, index, ast.Pass()), statement))
    return found + left_out


def expression_changes(node: ast.AST) -> list[tuple[str, Change]]:
    found: list[tuple[str, Change]] = []
    match node:
        case ast.Compare():
            for index, op in enumerate(node.ops):
                found += [(other.__name__, put(node.ops, index, other())) for other in COMPARISONS[type(op)]]
        case ast.BoolOp():
            found.append(
                ("operator", lambda: setattr(node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And()))
            )
            # A clause is left out by saying another one twice.
            count = len(node.values)
            for index, value in enumerate(node.values):
                found.append((f"without {words(value)}", put(node.values, index, node.values[(index + 1) % count])))
        case ast.UnaryOp(op=ast.Not()):
            found.append(("without not", lambda: setattr(node, "operand", ast.UnaryOp(ast.Not(), node.operand))))
        case ast.BinOp() | ast.AugAssign():
            if other := OPERATORS.get(type(node.op)):
                found.append((other.__name__, lambda: setattr(node, "op", other())))
        case ast.If() | ast.IfExp() | ast.While():
            found.append(("negate", lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))))
        case ast.comprehension():
            found += [(f"without if {words(node.ifs[index])}", drop(node.ifs, index)) for index in range(len(node.ifs))]
        case ast.Constant():
            found += [("constant", lambda value=value: setattr(node, "value", value)) for value in others(node.value)]
        case ast.Set() | ast.Tuple() | ast.List():
            if len(node.elts) > 1 and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                found += [(f"without {words(elt)}", drop(node.elts, index)) for index, elt in enumerate(node.elts)]
        case ast.Dict():
            for index, key in enumerate(node.keys):
                if key is not None:
                    found.append((f"without {words(key)}", drop_both(node, index)))
        case ast.Return():
            # What is no constant, for those are changed themselves.
            if node.value is not None and not isinstance(node.value, ast.Constant):
                found.append(("return", lambda: setattr(node, "value", ast.Constant(None))))
        case ast.Call():
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if other := CALLS.get(name):
                found.append((other, lambda: rename(node.func, other)))
            found += [
                (f"without {words(given)}", drop(node.keywords, index)) for index, given in enumerate(node.keywords)
            ]
    return found


def may_go(node: ast.AST, statements: list[ast.stmt], index: int) -> bool:
    """Whether the statement may be left out: no definition, and not the last thing that a function does."""
    statement = statements[index]
    if isinstance(node, ast.ClassDef) or is_docstring(statement):
        return False
    if isinstance(statement, (ast.Pass, ast.FunctionDef)):
        return False
    return not (
        isinstance(statement, ast.Return) and isinstance(node, ast.FunctionDef) and index == len(statements) - 1
    )


def others(value: object) -> list[object]:
    """What a constant may be changed to."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, float):
        return [value + 1.0]
    if isinstance(value, str) and value:
        return ["mutated"]
    if isinstance(value, bytes) and value:
        return [b"mutated"]
    return []


def put(items: list, index: int, item: object) -> Change:
    return lambda: items.__setitem__(index, item)


def drop(items: list, index: int) -> Change:
    return lambda: items.__delitem__(index)


def drop_both(node: ast.Dict, index: int) -> Change:
    def change() -> None:
        del node.keys[index], node.values[index]

    return change


def rename(function: ast.expr, name: str) -> None:
    if isinstance(function, ast.Name):
        function.id = name
    elif isinstance(function, ast.Attribute):
        function.attr = name
