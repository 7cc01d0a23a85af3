"""Whether this is another process by now: a child has neither its parent's threads nor what they were about to do."""

from __future__ import annotations

import mmap
import os
import sys
from typing import Final

WIPE_ON_FORK: Final = 18
"""MADV_WIPEONFORK of madvise(2), for which Python has no name."""

seen: int = 0
"""How many times this process has been made by `os.fork`, it and its parents counted: a number to be remembered, and
compared with.  Asking the system who one is takes longer than all else that a hit does with it."""
_process = os.getpid()


def _wiped_page() -> mmap.mmap | None:
    """A page of memory that a child process finds empty, so that a look tells; None where there is no such thing."""
    if sys.platform != "linux":
        return None
    try:
        page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        page.madvise(WIPE_ON_FORK)
    except OSError:
        return None
    page[0] = 1
    return page


_page = _wiped_page()


def count() -> int:
    """`seen`, after a look at the process itself: some servers fork, as uWSGI does, without telling Python.

    For whoever is about to use a connection or a lock, which takes longer than to look.
    """
    if _process != os.getpid() if _page is None else _page[0] == 0:
        _forked()
    return seen


def _forked() -> None:
    global seen, _process  # noqa: PLW0603 - it tells of the process, of which there is one
    # In this order: a thread that comes in between counts once more, which does no harm.
    seen += 1
    _process = os.getpid()
    if _page is not None:
        _page[0] = 1


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_forked)
