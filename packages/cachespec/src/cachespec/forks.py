"""Whether this is another process by now: a child has neither its parent's threads nor what they were about to do."""

from __future__ import annotations

import os

seen: int = 0
"""How many times this process has been made by `os.fork`, it and its parents counted: a number to be remembered, and
compared with.  Asking the system who one is takes longer than all else that a hit does with it."""
_process = os.getpid()


def count() -> int:
    """`seen`, after the system was asked: some servers fork, as uWSGI does, without telling Python.

    For whoever is about to use a connection or a lock, which takes longer than to ask.
    """
    if _process != os.getpid():
        _forked()
    return seen


def _forked() -> None:
    global seen, _process  # noqa: PLW0603 - it tells of the process, of which there is one
    # In this order: a thread that comes in between counts once more, which does no harm.
    seen += 1
    _process = os.getpid()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_forked)
