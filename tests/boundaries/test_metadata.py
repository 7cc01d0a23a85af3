"""What each package says of itself, and whether it is so."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGETS = {
    "cachespec": None,
    "cachespec-httpx": "httpx",
    "cachespec-requests": "requests",
    "cachespec-asgi": "starlette",
    "cachespec-fastapi": "fastapi",
    "cachespec-sql": "sqlalchemy",
}
ADAPTERS = [name for name in TARGETS if name != "cachespec"]


def project(package: str) -> dict[str, object]:
    text = (ROOT / "packages" / package / "pyproject.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text)["project"]
    assert isinstance(found, dict)
    return found


def version(package: str) -> str:
    """The version that stands in the tree."""
    text = (ROOT / "packages" / package / "src" / package.replace("-", "_") / "__init__.py").read_text(encoding="utf-8")
    (found,) = re.findall(r'^__version__ = "([0-9]+\.[0-9]+\.[0-9]+)"$', text, re.MULTILINE)
    return str(found)


def test_the_packages_are_those_of_the_tree() -> None:
    assert {path.parent.name for path in ROOT.glob("packages/*/pyproject.toml")} == set(TARGETS)


def test_the_core_depends_on_nothing() -> None:
    assert project("cachespec")["dependencies"] == []
    assert "optional-dependencies" not in project("cachespec")


@pytest.mark.parametrize("package", ADAPTERS)
def test_an_adapter_depends_on_the_core_and_one_target(package: str) -> None:
    dependencies = project(package)["dependencies"]
    assert isinstance(dependencies, list)
    core, target = dependencies
    major, minor, _ = version("cachespec").split(".")
    assert core == f"cachespec~={major}.{minor}.0"
    # From below only: a cap without a proven break sets two frameworks' pins against each other.
    assert re.fullmatch(rf"{TARGETS[package]}>=[0-9.]+", target)


@pytest.mark.parametrize("package", TARGETS)
def test_a_package_says_what_it_is_and_brings_its_papers(package: str) -> None:
    metadata = project(package)
    folder = ROOT / "packages" / package
    assert metadata["name"] == package
    assert metadata["requires-python"] == ">=3.11"
    assert (folder / "LICENSE").read_text(encoding="utf-8") == (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert (folder / "README.md").read_text(encoding="utf-8").startswith(f"# {package}\n")
    assert (folder / "CHANGELOG.md").read_text(encoding="utf-8").startswith(f"# Changelog of {package}\n")


# Tests run where the core and one package are installed, or all: what is not installed is judged in its own session.
@pytest.mark.parametrize(
    "package", [name for name in TARGETS if importlib.util.find_spec(name.replace("-", "_")) is not None]
)
def test_an_installed_package_has_its_version_its_types_and_its_names(package: str) -> None:
    module = importlib.import_module(package.replace("-", "_"))
    assert module.__version__ == importlib.metadata.version(package) == version(package)
    assert importlib.resources.files(module).joinpath("py.typed").is_file()
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    assert len(set(module.__all__)) == len(module.__all__)


def test_the_top_level_is_the_one_agreed_on() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    seen = {line.partition("/")[0] for line in tracked.stdout.splitlines()}
    agreed = {"packages", "tests", "docs", "hatch.toml", "noxfile.py", "README.md", "LICENSE"}
    assert {name for name in seen if not name.startswith(".")} == agreed


def test_no_file_names_a_path_of_some_machine() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    machine = re.compile(rb"(?<![\w.:/-])/(?:home|Users|root|work|mnt)/[a-z]")
    texts = {name: (ROOT / name) for name in tracked.stdout.split("\0") if name}
    assert [name for name, path in texts.items() if path.is_file() and machine.search(path.read_bytes())] == []
