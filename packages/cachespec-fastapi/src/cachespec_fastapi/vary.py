"""`vary(...)`: the request fields on which a response depends.  RFC 9110 §12.5.5"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Response
from fastapi.requests import HTTPConnection

from cachespec import field_names

from .declaration import Declaration, dependency
from .declared import declared_for, write_at_once


@dataclass(frozen=True, slots=True, eq=False)
class Vary(Declaration):
    """What one `vary(...)` declares."""

    names: tuple[str, ...]

    async def __call__(self, connection: HTTPConnection, response: Response) -> None:
        """Each level adds to the others."""
        declared = declared_for(connection)
        if declared is None:
            return
        if not declared.vary:
            declared.vary = self.names
        else:
            known = field_names(", ".join(declared.vary))
            declared.vary += tuple([name for name in self.names if name.lower() not in known])
        if not declared.installed:
            write_at_once(declared, response)


def vary(*names: str) -> Any:
    """A dependency that adds `names` to the Vary of every response; ``*`` stands for everything.

    What other levels declare and what the endpoint sets stays beside it.

    Raises:
        ValueError, TypeError: a name cannot be that of a field, or there is none.
    """
    if not names:
        raise TypeError("names: vary() needs the name of at least one request field")
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"names: {name!r} is not the name of a field")
        if field_names(name) != (name.lower(),):
            raise ValueError(f"names: {name!r} is not the name of a field")
    return dependency(Vary(tuple({name.lower(): name for name in names}.values())))
