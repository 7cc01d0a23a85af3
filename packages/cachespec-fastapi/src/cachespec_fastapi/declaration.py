"""What all declarations have in common: they are dependencies that declare something for the response."""

from __future__ import annotations

from abc import ABC, abstractmethod
from inspect import Parameter, Signature
from typing import Any, ClassVar, Final

from fastapi import Depends, Response
from fastapi.requests import HTTPConnection

_CONNECTION: Final = Parameter("connection", Parameter.KEYWORD_ONLY, annotation=HTTPConnection)
_RESPONSE: Final = Parameter("response", Parameter.KEYWORD_ONLY, annotation=Response)


def signature(*more: Parameter) -> Signature:
    """What FastAPI is to call a declaration with.

    Said outright, because it cannot evaluate the annotations of a callable instance by itself.
    """
    return Signature([_CONNECTION, _RESPONSE, *more])


class Declaration(ABC):
    """A dependency that declares something for the response.

    Its `connection` is an HTTPConnection, since dependencies of the application or a router run for WebSockets, too.
    """

    __slots__ = ()
    __signature__: Signature = signature()

    controls: ClassVar[bool] = False
    """Whether it is about Cache-Control, so that the nearest one counts alone."""

    @property
    def sources(self) -> tuple[Any, ...]:
        """What it depends on itself."""
        return ()

    @abstractmethod
    async def __call__(self, connection: HTTPConnection, response: Response) -> Any:
        """Declare, for one request."""
        ...


def dependency(declaration: Any) -> Any:
    """`declaration` for `dependencies=[…]` or as the default of a parameter."""
    return Depends(declaration, use_cache=False)
