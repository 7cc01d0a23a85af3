"""What is told at start-up: declarations that cannot do what they say.

The question is put to the core's own rules, for a response as the operation would send it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from fastapi import FastAPI

from cachespec import Policy, Request, Response, may_store

from .control import Control
from .operations import Operation
from .vary import Vary

# Whatever else keeps a response from being stored, such as the lack of a validator, may be mended by the endpoint.
_FINAL: Final = frozenset({"method", "vary", "vary-many", "vary-refused"})

_GATEWAY: Final = Policy.gateway()
_PRIVATE: Final = Policy()


def advice(app: FastAPI, declared: Iterable[Operation]) -> Iterator[str]:
    """In words, what is wrong with what the operations of `app` have `declared`."""
    found = [(operation, control) for operation in declared if (control := _wanted(operation)) is not None]
    refusals = {id(operation): _refusal(operation, control) for operation, control in found}
    # What is declared for a whole router or application is meant for those of its operations that it fits.
    fitting = {id(control) for operation, control in found if refusals[id(operation)] is None}
    for operation, control in found:
        refusal = refusals[id(operation)]
        if refusal is not None:
            if id(control) not in fitting:
                yield f"{operation} can never be cached, although it says {control.words!r}: {refusal}"
        elif control.shared:
            yield from _shared(app, operation, control)


def _wanted(operation: Operation) -> Control | None:
    """The nearest `cache(...)`, if it asks for responses to be stored."""
    controls = [declaration for declaration in operation.findings.declarations if isinstance(declaration, Control)]
    return controls[-1] if controls and controls[-1].wants_storing else None


def _refusal(operation: Operation, control: Control) -> str | None:
    """Why no response of `operation` can be stored; None if one can."""
    names = ", ".join(
        [name for found in operation.findings.declarations if isinstance(found, Vary) for name in found.names]
    )
    lines = [("Cache-Control", control.words), ("ETag", '"it"'), *([("Vary", names)] if names else [])]
    policy = _GATEWAY if control.shared else _PRIVATE
    reason = None
    for method in operation.methods:
        verdict = may_store(
            Request(method, "http://localhost/"), Response(200, lines), policy, request_time=0, response_time=0
        )
        if verdict or verdict.code not in _FINAL:
            return None
        reason = f"{verdict.sentence} ({verdict.clause})"
    return reason


def _shared(app: FastAPI, operation: Operation, control: Control) -> Iterator[str]:
    """What an operation looks at that tells users apart, although its responses are for all of them."""
    findings = operation.findings
    said = f"{operation} says {control.words!r}, and so one response is for every user, but it"
    for name in dict.fromkeys(findings.cookies):
        yield f"{said} reads the cookie {name!r}"
    for name in dict.fromkeys(findings.credentials):
        yield f"{said} checks credentials ({name}), which nobody does when a cache answers"
    if findings.sees_request and any(_is_session(middleware) for middleware in app.user_middleware):
        yield f"{said} takes the request, and with its session the response would vary by cookie and never be cached"


def _is_session(middleware: object) -> bool:
    """Whether it is Starlette's SessionMiddleware; told by its name, for importing it needs itsdangerous."""
    return getattr(getattr(middleware, "cls", None), "__name__", "") == "SessionMiddleware"
