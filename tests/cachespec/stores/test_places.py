"""Where files lie, and how they are read and written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cachespec.stores.places import default_folder, make_folder, read_file, write_all


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "file")


HOME = "/somewhere/somebody"


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        pytest.param("linux", {}, f"{HOME}/.cache/cachespec", id="Linux"),
        pytest.param("linux", {"XDG_CACHE_HOME": "/var/x"}, "/var/x/cachespec", id="XDG"),
        pytest.param("linux", {"XDG_CACHE_HOME": "relative"}, f"{HOME}/.cache/cachespec", id="XDG, but relative"),
        pytest.param("darwin", {"XDG_CACHE_HOME": "/var/x"}, f"{HOME}/Library/Caches/cachespec", id="macOS"),
        pytest.param(
            "win32", {"LOCALAPPDATA": "/somewhere/AppData/Local"}, "/somewhere/AppData/Local/cachespec", id="Windows"
        ),
        pytest.param("win32", {}, f"{HOME}/AppData/Local/cachespec", id="Windows without LOCALAPPDATA"),
    ],
)
def test_the_default_place_is_the_systems(
    platform: str, environment: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", HOME)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert default_folder(platform) == Path(folder)


def test_without_a_home_a_folder_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "nowhere")
    with pytest.raises(ValueError, match=r"^folder: "):
        default_folder("linux")


def test_folders_are_made_on_the_way(tmp_path: Path) -> None:
    make_folder(str(tmp_path / "a" / "b"))
    make_folder(str(tmp_path / "a" / "b"))
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_that_somebody_else_makes_first_is_as_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "isdir", lambda path: path != str(tmp_path))
    make_folder(str(tmp_path))
    assert tmp_path.is_dir()


def test_a_file_of_any_length_is_read(path: str) -> None:
    assert read_file(path) is None
    for size in (0, 9, 10, 11, 3_000_000):
        Path(path).write_bytes(b"x" * size)
        assert read_file(path, 10) == b"x" * size


def test_what_the_system_takes_bit_by_bit_is_written_whole(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    with open(path, "wb") as file:
        monkeypatch.setattr(os, "write", lambda fd, octets: write(fd, octets[:3]))
        write_all(file.fileno(), b"0123456789")
        monkeypatch.undo()
    assert Path(path).read_bytes() == b"0123456789"
