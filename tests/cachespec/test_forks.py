"""Whether this is another process by now."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable

import pytest

from cachespec import forks

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def unannounced() -> int:
    """Fork as a server does that is written in C, without a word to Python."""
    return ctypes.PyDLL(None).fork()  # type: ignore[no-any-return]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("fork", [os.fork, unannounced])
def test_a_child_counts_one_fork_more_than_its_parent(fork: Callable[[], int]) -> None:
    before = forks.count()
    child = fork()
    if child == 0:  # pragma: no cover - in another process, which coverage does not follow
        os._exit(0 if (forks.count(), forks.count(), forks.seen) == (before + 1,) * 3 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert forks.count() == forks.seen == before


@pytest.mark.parametrize("page", [None, bytearray(1)], ids=["asks the system", "looks at a page"])
def test_a_process_that_python_does_not_know_of_is_counted_once(
    page: bytearray | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forks, "_process", -1)
    monkeypatch.setattr(forks, "_page", page)
    monkeypatch.setattr(forks, "seen", 3)
    assert (forks.count(), forks.count(), forks.seen) == (4, 4, 4)


def test_where_no_page_is_wiped_the_system_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "WIPE_ON_FORK", -1)
    assert forks._wiped_page() is None
    monkeypatch.setattr(sys, "platform", "darwin")
    assert forks._wiped_page() is None
