"""The conditions of a request, before and after the work.  RFC 9110 §13"""

from __future__ import annotations

import time
from typing import Final, Literal

from cachespec import EntityTag, Headers, Verdict, evaluate_conditions

from .asgi import Scope

_CONDITIONS: Final = frozenset({b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"})


def conditional(scope: Scope) -> bool:
    """Whether the request has a condition at all.  Most have none, and then nothing has to be parsed."""
    return not _CONDITIONS.isdisjoint([name for name, _ in scope["headers"]])


def answer_to(
    scope: Scope, etag: EntityTag | None, modified: float | None, *, tagged: bool
) -> tuple[Literal[304, 412], Verdict] | None:
    """The status that the request's conditions get in place of the endpoint's response, and why; None for none.

    `etag` and `modified`, in seconds since the epoch, are those of what is there; with `tagged` False nobody knows
    the entity-tag.
    """
    fields = Headers(scope["headers"]).fields
    return evaluate_conditions(scope["method"], fields, etag, modified, time.time(), tagged=tagged)
