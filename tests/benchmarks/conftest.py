"""The benchmarks are scripts beside each other, so that their folder is where they find one another."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session", autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """What the stores write goes with the session."""
    from stores import kept_apart

    with kept_apart():
        yield
