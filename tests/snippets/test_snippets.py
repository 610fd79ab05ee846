"""README, docs/ and docstrings do what they say: each is run against a stand-in for the gateway.

`make snippets` runs them once more, each in a clean environment made by its own install lines, with real local models.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from tests.scripted_server import ScriptedServer
from tests.snippets import reader, running
from tests.snippets.gateway import KEY, StandIn
from tests.snippets.programs import README, Program, programs, sections_of_readme

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAMS = programs()
RUN_HERE = [program for program in PROGRAMS if not running.missing(program)]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ScriptedServer() as server:
        server.answer = StandIn(server.url)
        yield server.url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    reader.fill(tmp_path)
    return tmp_path


@pytest.mark.parametrize("program", RUN_HERE, ids=lambda program: program.name)
def test_what_a_page_shows_runs_from_top_to_bottom(
    program: Program, address: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIKHUB_AI_BASE_URL", address)
    monkeypatch.setenv("TIKHUB_AI_API_KEY", KEY)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n" * 20))
    running.run(program, folder, monkeypatch)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_what_a_page_needs_beyond_the_tests_it_says_how_to_install(program: Program) -> None:
    compile(program.source, str(program.path), "exec", 0x2000)  # top-level await
    if running.missing(program):
        default = next(iter(sections_of_readme())).installs[0]
        assert any(line != default for line in program.installs), running.missing(program)


def test_readme_says_what_to_install_before_it_shows_code() -> None:
    assert README.read_text().index("pip install") < README.read_text().index("```python")
    for section in sections_of_readme():
        assert any(one.startswith("tikhub-ai") for line in section.installs for one in line), section.name
