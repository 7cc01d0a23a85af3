"""What goes wrong in the world: processes are killed, disks are full, bodies are huge, and everybody comes at once.

Stores are named by URL.  The short form runs by default; CACHESPEC_FAULTS=full runs the long one.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

FULL = os.environ.get("CACHESPEC_FAULTS") == "full"
KINDS = ["file", "sqlite"]


@pytest.fixture
def full() -> bool:
    """Whether this is the long form."""
    return FULL


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """A kind of store that has its place on a disk."""
    if request.param == "sqlite" and importlib.util.find_spec("cachespec_sql") is None:
        pytest.skip("cachespec-sql is not installed")
    return str(request.param)


@pytest.fixture
def address_in(kind: str) -> Callable[[Path], str]:
    """Names a new store in a folder by its URL."""
    return lambda folder: (folder / "cache").as_uri() if kind == "file" else f"sqlite:///{folder / 'cache.db'}"


@pytest.fixture
def address(tmp_path: Path, address_in: Callable[[Path], str]) -> str:
    """The URL of a new store."""
    return address_in(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with four MiB."""
    command = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(tmp_path)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this user may not mount a file system: {error}")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)
