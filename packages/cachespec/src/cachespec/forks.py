"""Whether this is another process by now: a child has neither its parent's threads nor what they were about to do."""

from __future__ import annotations

import os

seen: int = 0
"""How many times this process has been made by `os.fork`, it and its parents counted: a number to be remembered, and
compared with.  Asking the system who one is takes longer than all else that a hit does with it."""


def _forked() -> None:
    global seen  # noqa: PLW0603 - it tells of the process, of which there is one
    seen += 1  # pragma: no cover - in a child, where nobody counts lines


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_forked)
