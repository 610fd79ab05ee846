"""README, docs/ and docstrings do what they say: each is run against a stand-in for the gateway.

`make snippets` runs them once more, each in a clean environment made by its own install lines, with real local models.
"""

from __future__ import annotations

import io
import logging
import os
from typing import TYPE_CHECKING

import pytest

from tests.scripted_server import ScriptedServer
from tests.snippets import reader, running
from tests.snippets.gateway import KEY, StandIn
from tests.snippets.programs import README, Program, programs, programs_of, sections_of_readme

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


PAGE = """# A page

A reader has a name already.

<!--- invisible-code: python
name = "Ada"
--->

```python
said = f"Hello, {name}"
```

Text in between, and code that is no Python:

```shell
pip install tikhub-ai rich
```

=== "In a tab"

    ```python
    print(nobody, said)
    ```
"""


def test_blocks_of_a_page_share_names_and_a_failure_names_the_line_of_the_page(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [program] = programs_of("page", folder / "page.md", PAGE)
    assert (program.blocks, program.installs) == (3, (("tikhub-ai", "rich"),))
    with pytest.raises(NameError, match="nobody") as caught:
        running.run(program, folder, monkeypatch)
    assert caught.traceback[-1].lineno + 1 == PAGE.splitlines().index("    print(nobody, said)") + 1


def test_a_page_that_awaits_is_run_as_a_notebook_would(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = "```python\nimport asyncio\n\nawait asyncio.sleep(0)\nopen('done', 'w').close()\n```\n"
    [program] = programs_of("page", folder / "page.md", page)
    running.run(program, folder, monkeypatch)
    assert (folder / "done").exists()


def test_nothing_of_a_page_is_left_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from langchain.chat_models import base
    from llama_index.core import Settings

    page = """```python
import logging, os
import langchain_tikhub
from llama_index.core import Settings
from llama_index.core.llms import MockLLM

Settings.llm = MockLLM()
langchain_tikhub.register()
logging.basicConfig(level="DEBUG")
os.environ["LEFT"] = "behind"
```"""
    before = dict(base._BUILTIN_PROVIDERS), list(logging.getLogger().handlers), logging.getLogger().level
    [program] = programs_of("page", folder / "page.md", page)
    running.run(program, folder, monkeypatch)
    assert (base._BUILTIN_PROVIDERS, logging.getLogger().handlers, logging.getLogger().level) == before
    assert Settings._llm is None
    assert "LEFT" not in os.environ
