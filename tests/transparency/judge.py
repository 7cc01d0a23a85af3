"""Runs the test suite that another library ships, as it is and with the cache in it, and tells the difference.

`python tests/transparency/judge.py [LIBRARY …]` fetches the source distribution of the version that is installed from
PyPI, and runs its tests against what is installed, kept from reaching anything but loopback (loopback.py).  It fails
if a test fails with the cache, twice, that passes without, unless reasons.toml says why; and if a reason stands there
that no failure needs any more.

What the suites themselves need has to be installed; `--needs` prints it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one library: where they lie, the plugins that put the cache in, and what they need."""

    package: str
    """The folder of the library's own code, which must not hide what is installed."""
    tests: str
    plugins: tuple[str, ...]
    """Each of them is judged by itself."""
    needs: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    """Tests that are not run."""


SUITES = {
    "httpx": Suite(
        package="httpx",
        tests="tests",
        plugins=("httpx_with_cache",),
        needs=("httpx[brotli,cli,http2,socks,zstd]", "chardet==5.2.0", "cryptography", "trio", "trustme", "uvicorn"),
    ),
    "requests": Suite(
        package="src/requests",
        tests="tests",
        plugins=("requests_with_cache",),
        needs=("requests[socks]", "httpbin~=0.10.0", "pytest-httpbin==2.1.0", "pytest-mock", "trustme"),
        # They reach for an address outside this machine.
        left_out=(
            "tests/test_requests.py::TestTimeout::test_connect_timeout",
            "tests/test_requests.py::TestTimeout::test_total_timeout_connect",
        ),
    ),
    "starlette": Suite(
        package="starlette",
        tests="tests",
        plugins=("starlette_with_cache", "starlette_kept"),
        needs=("starlette[full]", "httpx2[zstd]", "blockbuster", "opentelemetry-sdk", "trio"),
    ),
}


def unpacked(library: str, folder: Path) -> Path:
    """The source distribution of the version of `library` that is installed, without the library itself."""
    wanted = f"{library}=={version(library)}"
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", wanted]
    subprocess.run([*fetch, "--dest", str(folder)], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    (root,) = (path for path in folder.iterdir() if path.is_dir())
    shutil.rmtree(root / SUITES[library].package)
    return root


def failures(suite: Suite, root: Path, *plugins: str, only: Collection[str] = ()) -> set[str]:
    """Run the suite, or `only` some of its tests, with `plugins`; the ids of those that fail.

    SystemExit if none passes of the whole suite: something that it needs is missing then.
    """
    report = root / "outcomes.json"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider"]
    for plugin in ("loopback", "outcomes", *plugins):
        command += ["-p", plugin]
    for test in suite.left_out:
        command += ["--deselect", test]
    environment = {**os.environ, "PYTHONPATH": str(HERE), "OUTCOMES": str(report)}
    command += only or [suite.tests]
    subprocess.run(command, cwd=root, env=environment, check=False, stdout=subprocess.DEVNULL)
    found = json.loads(report.read_text(encoding="utf-8"))
    if not only and not found["passed"]:
        raise SystemExit(f"none of the tests in {root.name} passes: {', '.join(suite.needs)} are needed")
    print(f"{root.name}: {len(found['passed'])} pass, {len(found['failed'])} fail {' '.join(plugins) or 'as it is'}")
    return set(found["failed"])


def complaints(library: str, plugin: str, fresh: set[str]) -> Iterator[str]:
    """What must not be: failures of the cache's own without a reason, and reasons without a failure."""
    reasons = tomllib.loads((HERE / "reasons.toml").read_text(encoding="utf-8")).get(library, [])
    explained: set[str] = set()
    for reason in reasons:
        if reason.get("plugin", plugin) != plugin:
            continue
        hit = {test for test in fresh if any(fnmatchcase(test, pattern) for pattern in reason["tests"])}
        explained |= hit
        print(f"{library}: {len(hit)} fail with the cache: {reason['reason']}")
        for pattern in reason["tests"]:
            if not any(fnmatchcase(test, pattern) for test in hit):
                yield f"{library}: {pattern} in reasons.toml is out of date"
    yield from (f"{library}: {test} fails with the cache only" for test in sorted(fresh - explained))


def main() -> int:
    if sys.argv[1:] == ["--needs"]:
        print(*[need for suite in SUITES.values() for need in suite.needs])
        return 0
    found: list[str] = []
    for library in sys.argv[1:] or SUITES:
        suite = SUITES[library]
        with tempfile.TemporaryDirectory() as folder:
            root = unpacked(library, Path(folder))
            before = failures(suite, root)
            for plugin in suite.plugins:
                fresh = failures(suite, root, plugin) - before
                if fresh:
                    # Some tests of some suites fail now and then.
                    fresh &= failures(suite, root, plugin, only=fresh)
                found += complaints(library, plugin, fresh)
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
