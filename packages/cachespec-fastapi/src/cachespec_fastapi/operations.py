"""The operations of an application, and what is declared for each, read from its routes before any request.

Only what FastAPI documents is read: a route's dependencies and its endpoint, and from there signatures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from inspect import Parameter, isclass, signature
from typing import Annotated, Any, Final, get_args, get_origin
from weakref import ref

from fastapi import FastAPI, params, routing
from fastapi.requests import HTTPConnection
from fastapi.security import APIKeyCookie
from fastapi.security.base import SecurityBase

from .declaration import Declaration


@dataclass(slots=True)
class Findings:
    """What running an operation's dependencies and its endpoint involves."""

    declarations: list[Declaration] = field(default_factory=list[Declaration])
    """In the order in which they run: the nearest is the last."""
    cookies: list[str] = field(default_factory=list[str])
    """Names of cookies that are read."""
    credentials: list[str] = field(default_factory=list[str])
    """Names of security schemes that are checked."""
    sees_request: bool = False
    """Whether anything takes the request itself, and so may look at its session."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One path with one or more methods."""

    route: Any
    """What ``scope["route"]`` is."""
    path: str
    methods: tuple[str, ...]
    name: str
    in_schema: bool
    findings: Findings

    def __str__(self) -> str:
        return f"{', '.join(self.methods)} {self.path} ({self.name})"


def operations(app: FastAPI) -> Iterator[Operation]:
    """The operations of `app`, without those of applications that are mounted in it."""
    # FastAPI resolves included routers there as of late; before, it copied their routes.
    contexts: Callable[[Any], Iterable[Any]] = getattr(routing, "iter_route_contexts", iter)
    for route in contexts(app.routes):
        methods, dependencies = getattr(route, "methods", None), getattr(route, "dependencies", None)
        if methods and dependencies is not None:
            findings = Findings()
            _look_at(findings, dependencies, route.endpoint)
            yield Operation(
                getattr(route, "original_route", route),
                route.path_format,
                tuple(sorted(methods)),
                route.name,
                bool(route.include_in_schema),
                findings,
            )


# By identity, for routes have no hash; the reference takes its line away when the route goes.
_found: Final[dict[int, tuple[ref[Any], tuple[Declaration, ...], Declaration | None]]] = {}
_NOTHING: Final = (None, (), None)


def declarations_of(route: Any) -> tuple[Declaration, ...]:
    """What is declared for `route`, in the order in which it runs; nothing where it is no path operation.

    Unless `learn` was told of its application, that is what stands at the route and its own router.
    """
    return _known(route)[1]


def nearest_control(route: Any) -> Declaration | None:
    """The last of `declarations_of` that is about Cache-Control."""
    return _known(route)[2]


def _known(route: Any) -> tuple[Any, tuple[Declaration, ...], Declaration | None]:
    found = _found.get(id(route))
    if found is not None:
        return found
    dependencies, endpoint = getattr(route, "dependencies", None), getattr(route, "endpoint", None)
    if dependencies is None or endpoint is None:
        return _NOTHING
    findings = Findings()
    _look_at(findings, dependencies, endpoint)
    return _remember(route, findings.declarations)


def learn(found: Iterable[Operation]) -> None:
    """Have `declarations_of` know what the operations of an application declare where routers are included, too."""
    lists: dict[int, list[list[Declaration]]] = {}
    for operation in (found := list(found)):
        lists.setdefault(id(operation.route), []).append(operation.findings.declarations)
    for operation in found:
        # A router that is included twice, with other declarations each time, does not tell which one is meant.
        first, *others = lists[id(operation.route)]
        if all(other == first for other in others):
            _remember(operation.route, first)


def _remember(route: Any, declarations: list[Declaration]) -> tuple[Any, tuple[Declaration, ...], Declaration | None]:
    key = id(route)
    nearest = next((declaration for declaration in reversed(declarations) if declaration.controls), None)
    _found[key] = ref(route, lambda _: _found.pop(key, None)), tuple(declarations), nearest
    return _found[key]


def _look_at(findings: Findings, dependencies: Iterable[params.Depends], endpoint: Any) -> None:
    for depends in dependencies:
        _visit(findings, depends.dependency)
    _visit(findings, endpoint)


def _visit(findings: Findings, call: Any) -> None:
    """Look at what `call` depends on, then at itself, as FastAPI runs them."""
    if isinstance(call, Declaration):
        for source in call.sources:
            _visit(findings, source)
        findings.declarations.append(call)
        return
    if isinstance(call, APIKeyCookie):
        findings.cookies.append(call.model.name)
    elif isinstance(call, SecurityBase):
        findings.credentials.append(call.scheme_name)
    for parameter in _parameters(call):
        kind, *marks = get_args(parameter.annotation) if _annotated(parameter) else [parameter.annotation]
        for mark in (parameter.default, *marks):
            if isinstance(mark, params.Depends):
                _visit(findings, mark.dependency or kind)
            elif isinstance(mark, params.Cookie):
                findings.cookies.append(mark.alias or parameter.name)
        # Security schemes take it, too, and look at no session.
        if isclass(kind) and issubclass(kind, HTTPConnection) and not isinstance(call, SecurityBase):
            findings.sees_request = True


def _annotated(parameter: Parameter) -> bool:
    return get_origin(parameter.annotation) is Annotated


def _parameters(call: Callable[..., Any]) -> Iterable[Parameter]:
    """The parameters of `call`, with their annotations evaluated where that works."""
    # An annotation may be any expression, of names that only a type checker sees.
    with suppress(Exception):
        return signature(call, eval_str=True).parameters.values()
    return signature(call).parameters.values()
