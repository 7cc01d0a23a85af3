"""`install(app)`: the writer, the schema and the start-up check, in one line."""

from __future__ import annotations

from functools import partial
from typing import Final
from weakref import WeakSet

from fastapi import FastAPI, Request, Response

from .advice import advice
from .declared import log
from .operations import learn, operations
from .schema import DescribedSchema
from .validators import NotModified
from .writer import Writer

_installed: Final[WeakSet[FastAPI]] = WeakSet()


def install(app: FastAPI, *, openapi: bool = True, check: bool = True) -> None:
    """Let what dependencies declare reach every response of `app`, whatever its endpoints return.

    Call it before a cache is added with `app.add_middleware`, so that the cache stands around it.  Once is enough;
    calling it again does nothing.

    Args:
        openapi: whether the OpenAPI schema shows what is declared.
        check: whether declarations that cannot do what they say are told in the log when the application starts.

    Raises:
        RuntimeError: the application has started already.
    """
    if app in _installed:
        return
    app.add_middleware(Writer, look=partial(_look, app, check=check))
    # Whoever has a handler of their own for HTTPException need not know of 304, which has no content.
    app.add_exception_handler(NotModified, _not_modified)
    if openapi:
        # The way that FastAPI's documentation shows: a function of one's own in the place of the method.
        app.openapi = DescribedSchema(app, app.openapi)  # type: ignore[method-assign]
    _installed.add(app)


def _look(app: FastAPI, *, check: bool) -> None:
    """What is done once, when all routes are there."""
    declared = list(operations(app))
    learn(declared)
    for words in advice(app, declared) if check else ():
        log.warning("%s", words)


async def _not_modified(_: Request, error: Exception) -> Response:
    return Response(status_code=304, headers=getattr(error, "headers", None))
