"""Every Python block of README.md, the packages' READMEs and the documentation is run as it stands.

    ```python                      runs, from a clean start

    <!-- continues -->
    ```python                      runs after the block before it on the page, with its names

    <!-- prints -->
    ```text                        is what the Python block before it prints; "..." stands for anything

The world they run in, https://api.example.com included, is described in conftest.py.
"""

from __future__ import annotations

import gc
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    path
    for pattern in ("README.md", "packages/*/README.md", "docs/**/*.md")
    for path in sorted(ROOT.glob(pattern))
    if "site" not in path.relative_to(ROOT).parts
]
# A fenced block, however far indented, with the comment that marks it, if any.
BLOCK = re.compile(
    r"^(?:[ ]*<!-- (?P<mark>[a-z]+) -->\n\n?)?"
    r"(?P<indent>[ ]*)```(?P<language>[^\n`]*)\n(?P<text>(?:.*\n)*?)(?P=indent)```[ ]*$",
    re.MULTILINE,
)
MARKS = {"python": ("", "continues"), "text": ("", "prints")}
# Other names for Python, which would escape us.
ESCAPES = {"py", "python3", "pycon", "py3", "Python"}


@dataclass(slots=True)
class Block:
    """One Python block: the line its first line stands on, its text, and what it prints (None: that is not said)."""

    line: int
    text: str
    prints: str | None = None


@dataclass(slots=True)
class Chain:
    """A block and those that continue it."""

    page: str
    blocks: list[Block] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.page}:{self.blocks[0].line}"


def chains(page: str, text: str) -> Iterator[Chain]:
    """The chains of one page, in order.  ValueError for a block that is marked in a way that we do not know."""
    chain: Chain | None = None
    for found in BLOCK.finditer(text):
        mark, language = found["mark"] or "", found["language"].split(" ")[0]
        line = text.count("\n", 0, found.start("text")) + 1
        if language in ESCAPES or mark not in MARKS.get(language, ("",)):
            raise ValueError(f"{page}:{line}: a {language} block marked {mark!r}")
        if mark and chain is None:
            raise ValueError(f"{page}:{line}: nothing stands before it")
        content = textwrap.dedent(found["text"])
        if mark == "prints" and chain is not None:
            chain.blocks[-1].prints = content
        elif mark == "continues" and chain is not None:
            chain.blocks.append(Block(line, content))
        elif language == "python":
            if chain is not None:
                yield chain
            chain = Chain(page, [Block(line, content)])
    if chain is not None:
        yield chain


def matches(expected: str, printed: str) -> bool:
    """Whether a block printed what the page says, "..." in the page standing for anything."""
    return re.fullmatch(".*".join(map(re.escape, expected.split("..."))), printed, re.DOTALL) is not None


ALL = [chain for path in PAGES for chain in chains(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))]


@pytest.mark.usefixtures("origin")
@pytest.mark.parametrize("chain", ALL, ids=str)
def test_a_block_runs(
    chain: Chain, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if any("DATABASE_URL" in block.text for block in chain.blocks):
        request.getfixturevalue("database")
    module = ModuleType("block")
    # Pydantic and dataclasses look up the names of a module there.
    monkeypatch.setitem(sys.modules, "block", module)
    for block in chain.blocks:
        # The empty lines make a traceback name the line of the page.
        code = compile("\n" * (block.line - 1) + block.text, str(ROOT / chain.page), "exec", dont_inherit=True)
        exec(code, module.__dict__)
        printed = capsys.readouterr().out
        assert block.prints is None or matches(block.prints, printed), f"line {block.line} prints:\n{printed}"
    # What a block leaves open is its own fault, not that of a later test.
    module.__dict__.clear()
    gc.collect()


PAGE = """
# A page

```python
a = 1
```

<!-- continues -->
```python
print(a)
```

<!-- prints -->

```text
1
```

    ```python
    b = 2
    ```

```console
$ ls
```
"""


def test_blocks_are_found_with_their_lines_and_what_they_print() -> None:
    first, second = chains("page.md", PAGE)
    assert first.blocks == [Block(5, "a = 1\n"), Block(10, "print(a)\n", "1\n")]
    assert second.blocks == [Block(20, "b = 2\n")]


@pytest.mark.parametrize(
    "page",
    [
        pytest.param("```py\na = 1\n```\n", id="another name for Python"),
        pytest.param("<!-- skipped -->\n```python\na = 1\n```\n", id="an unknown mark"),
        pytest.param("<!-- continues -->\n```python\na = 1\n```\n", id="nothing to continue"),
        pytest.param("<!-- prints -->\n```text\n1\n```\n", id="nothing that prints"),
        pytest.param("```python\na = 1\n```\n<!-- prints -->\n```console\n1\n```\n", id="a mark on the wrong language"),
    ],
)
def test_a_block_does_not_escape(page: str) -> None:
    with pytest.raises(ValueError, match=r"^page\.md:"):
        list(chains("page.md", page))


def test_dots_stand_for_anything() -> None:
    assert matches("age ... s, ok\n", "age 12.5 s, ok\n")
    assert not matches("age 12 s, ok\n", "age 13 s, ok\n")


def test_every_python_fence_is_a_block() -> None:
    for path in PAGES:
        fences = re.findall(r"^[ ]*`{3,}[ ]*\{?[ .]*python", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(fences) == sum(len(chain.blocks) for chain in ALL if ROOT / chain.page == path), path


def test_the_readme_has_examples() -> None:
    assert any(chain.page == "README.md" for chain in ALL)
