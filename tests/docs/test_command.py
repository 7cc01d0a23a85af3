"""The page about the command: every command on it is run, and prints what the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cachespec.__main__ import main

PAGE = (Path(__file__).parents[2] / "docs" / "command.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(?:console|python)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
CLIENT, *CONSOLES = BLOCKS


def commands() -> list[tuple[str, str]]:
    """The commands on the page with what they print, in order."""
    lines = "".join(CONSOLES)
    found = re.findall(r"^\$ cachespec (.*)\n((?:(?!\$ ).*\n)*)", lines, re.MULTILINE)
    assert len(found) == lines.count("$ ")
    return found


@pytest.mark.usefixtures("origin")
def test_commands_print_what_the_page_says(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CACHESPEC_STORE", raising=False)
    exec(compile(CLIENT, "docs/command.md", "exec", dont_inherit=True), {})
    capsys.readouterr()
    for command, expected in commands():
        main(shlex.split(command))
        printed = "".join(capsys.readouterr())
        pattern = ".*".join(map(re.escape, expected.split("...")))
        assert re.fullmatch(pattern, printed, re.DOTALL), f"{command}\n{printed}"


def test_all_that_the_command_can_do_is_on_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    names = re.findall(r"^    (\w+) ", capsys.readouterr().out, re.MULTILINE)
    assert len(names) == 7
    assert all(f"`{name}" in PAGE or f"cachespec {name}" in PAGE for name in names)
