"""The programs that a reader can paste: sections of README, pages of docs/, examples in docstrings.

A page is one program, from top to bottom; a section of README is one, and so is a docstring. Lines keep their numbers,
so that a traceback names the line of the page. Sybil finds the blocks, those in HTML comments included:

    <!--- invisible-code: python
    what a reader has already
    --->
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shlex
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sybil import Document
from sybil.parsers.markdown import CodeBlockParser

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PACKAGES = ("tikhub_ai", "langchain_tikhub", "llama_index_tikhub")
_PYTHON = CodeBlockParser(language="python", evaluator=lambda _: None)
_INSTALL = re.compile(r"^(?:\$ |%)?pip install +(.+?)(?: +#.*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Program:
    """What a reader pastes into one file.

    Attributes:
        name: Of its page, section or object.
        path: Of the file that it stands in.
        source: Its code, blank lines where other text stands.
        blocks: How many blocks of code it is made of.
        installs: What its page says to install, one tuple of requirements for each line; README's first line where it
            says nothing.
    """

    name: str
    path: Path
    source: str
    blocks: int
    installs: tuple[tuple[str, ...], ...]

    @property
    def imports(self) -> set[str]:
        """The top-level modules that it imports."""
        nodes = list(ast.walk(ast.parse(self.source)))
        found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        found |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
        return found


def programs() -> list[Program]:
    """All of them."""
    return [*sections_of_readme(), *pages(), *docstrings()]


def sections_of_readme() -> Iterator[Program]:
    """A program for each section that has code."""
    text = README.read_text()
    starts = [0, *(found.start() for found in re.finditer(r"^## ", text, re.MULTILINE)), len(text)]
    for start, end in pairwise(starts):
        section = text[start:end]
        heading = section.partition("\n")[0].strip("# ")
        yield from programs_of(f"README: {heading}", README, section, first_line=text.count("\n", 0, start))


def pages() -> Iterator[Program]:
    """A program for each page that has code."""
    for path in sorted((ROOT / "docs").rglob("*.md")):
        yield from programs_of(path.relative_to(ROOT).as_posix(), path, path.read_text())


def docstrings() -> Iterator[Program]:
    """A program for each docstring with an example, of public names and of their public methods."""
    seen: set[int] = set()
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            yield from _docstrings_of(f"{package}.{name}", getattr(module, name), seen)


def _docstrings_of(name: str, value: Any, seen: set[int]) -> Iterator[Program]:
    value = inspect.unwrap(value)
    if id(value) in seen or not (inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value)):
        return
    if not str(getattr(value, "__module__", value.__name__)).startswith(PACKAGES):
        return
    seen.add(id(value))
    if value.__doc__:
        path = Path(inspect.getsourcefile(value) or "")
        lines = inspect.getsource(value).splitlines()
        opening = next((number for number, line in enumerate(lines) if '"""' in line), 0)
        begun = 0 if inspect.ismodule(value) else inspect.getsourcelines(value)[1] - 1
        yield from programs_of(f"docstring of {name}", path, inspect.cleandoc(value.__doc__), begun + opening)
    if inspect.isclass(value):
        for key, member in vars(value).items():
            if not key.startswith("_"):
                plain = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
                yield from _docstrings_of(f"{name}.{key}", plain, seen)


def programs_of(name: str, path: Path, text: str, first_line: int = 0) -> Iterator[Program]:
    """The program of a Markdown text; nothing if it has no code.

    Args:
        name: What to call it.
        path: The file that it stands in.
        text: The text.
        first_line: Lines of the file before it.
    """
    regions = sorted(_PYTHON(Document(text, str(path))), key=lambda region: region.start)
    blocks = [(text.count("\n", 0, region.start) + 1, str(region.parsed)) for region in regions]
    if not blocks:
        return
    lines: list[str] = [""] * first_line
    for start, source in blocks:
        lines += [""] * (first_line + start - len(lines))
        lines += source.rstrip("\n").split("\n")
    yield Program(
        name, path, "\n".join(lines) + "\n", len(blocks), _installs(text) or _installs(README.read_text())[:1]
    )


def _installs(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(shlex.split(found[1])) for found in _INSTALL.finditer(text))
