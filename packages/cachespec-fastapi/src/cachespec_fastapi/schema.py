"""What is declared, in the OpenAPI schema: response headers, and 304 where there are validators.  OpenAPI 3.1

Nothing that a generated client would have to handle: no parameter is added and no type, and only a client that makes a
request conditional by itself gets the 304, which has no content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI

from .control import Control
from .declared import SAFE
from .operations import Operation, operations
from .validators import BodyTag, Validator
from .vary import Vary


class DescribedSchema:
    """`app.openapi` with what is declared added to what it returns."""

    def __init__(self, app: FastAPI, openapi: Callable[[], dict[str, Any]]) -> None:
        self._app = app
        self._openapi = openapi
        self._described: dict[str, Any] | None = None

    def __call__(self) -> dict[str, Any]:
        """The schema."""
        schema = self._openapi()
        # FastAPI keeps what it made, and makes it anew when routes were added.
        if schema is not self._described:
            self._described = schema
            for operation in operations(self._app):
                if operation.in_schema:
                    describe(operation, schema["paths"].get(operation.path, {}))
        return schema


def describe(operation: Operation, path: dict[str, Any]) -> None:
    """Add what `operation` declares to its path item, where that says nothing of it already."""
    for method in operation.methods:
        described = path.get(method.lower())
        if described is None:
            continue
        responses: dict[str, Any] = described.setdefault("responses", {})
        if method in SAFE and any(isinstance(found, Validator | BodyTag) for found in operation.findings.declarations):
            responses.setdefault("304", {"description": "Not Modified"})
        headers = list(_headers(operation, method))
        for status, response in responses.items():
            for name, header, counts_for in headers:
                # "default" and "4XX" may stand there, too.
                if status.isdecimal() and counts_for(int(status)):
                    response.setdefault("headers", {}).setdefault(name, header)


def _headers(operation: Operation, method: str) -> Iterator[tuple[str, dict[str, Any], Callable[[int], bool]]]:
    """The response headers of `operation`: name, description, and for which statuses."""
    declarations = operation.findings.declarations
    controls = [found for found in declarations if isinstance(found, Control)]
    if controls and controls[-1].line is not None:
        policy = str(controls[-1].policy)
        yield (
            "Cache-Control",
            _header(f"What caches may do with the response: {policy}", policy),
            controls[-1].counts_for,
        )
    names = dict.fromkeys([name for found in declarations if isinstance(found, Vary) for name in found.names])
    if names:
        varying = "*" if "*" in names else ", ".join(names)
        yield "Vary", _header(f"What the response depends on in the request: {varying}", varying), _any
    for found in declarations:
        if method in SAFE and isinstance(found, Validator | BodyTag):
            yield found.name, _header(found.words), _successful


def _header(words: str, example: str | None = None) -> dict[str, Any]:
    header: dict[str, Any] = {"description": words, "schema": {"type": "string"}}
    if example is not None:
        header["example"] = example
    return header


def _any(status: int) -> bool:
    return status >= 200


def _successful(status: int) -> bool:
    return 200 <= status <= 299 or status == 304
