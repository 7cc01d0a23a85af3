"""What goes wrong in the world: processes are killed, disks are full, bodies are huge, and everybody comes at once.

Stores are named by URL.  The short form runs by default; CACHESPEC_FAULTS=full runs the long one.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

FULL = os.environ.get("CACHESPEC_FAULTS") == "full"
KINDS = ["file", "sqlite"]
SERVERS = ["postgresql", "mariadb"]
"""Only where they are asked for by name: `nox -s sql-postgres` and `nox -s sql-mariadb`."""


@pytest.fixture
def full() -> bool:
    """Whether this is the long form."""
    return FULL


def place(kind: str, folder: Path) -> str:
    """The URL of a new store in a folder."""
    if kind == "sqlite" and importlib.util.find_spec("cachespec_sql") is None:
        pytest.skip("cachespec-sql is not installed")
    return (folder / "cache").as_uri() if kind == "file" else f"sqlite:///{folder / 'cache.db'}"


@pytest.fixture(params=KINDS)
def address_in(request: pytest.FixtureRequest) -> Callable[[Path], str]:
    """Names a new store in a folder by its URL."""
    return partial(place, request.param)


@pytest.fixture(params=[*KINDS, *SERVERS])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new store."""
    if request.param in SERVERS:
        server = request.getfixturevalue(request.param)
        return f"{server.url(server.drivers[0])}#{secrets.token_hex(8)}"
    return place(request.param, tmp_path)


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
