"""What people write first works at once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from servers import serving


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("raw", {"/": True}),
        ("fastapi", {"/": False}),
        ("litestar", {"/": True}),
        ("blacksheep", {"/": True}),
        ("quart", {"/": True}),
        ("starlette", {"/": True}),
        ("declared", {"/articles": True, "/profile": False, "/secrets": False}),
    ],
)
def test_what_people_write_first_works_at_once(name: str, kept: dict[str, bool], tmp_path: Path) -> None:
    with serving("uvicorn", "none", tmp_path, app=f"examples:{name}") as server:
        for path, hit in kept.items():
            first, second = server.ask(path), server.ask(path)
            assert first.status == second.status == 200
            assert first.body == second.body
            assert ("; hit" in second.cache) == hit, second
