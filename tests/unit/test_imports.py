"""What importing costs and what it drags in: asked of fresh interpreters, since this one has everything loaded."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tikhub_ai

ROOT = Path(__file__).parents[2]
FRAMEWORKS = ("langchain_core", "langchain", "llama_index.core")
TOP_LEVEL = ("langchain_core", "langchain", "llama_index")
SDKS = ("openai", "anthropic", "google", "tiktoken")


def loaded_by(statement: str) -> set[str]:
    """The modules in a fresh interpreter after a statement."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def test_the_core_loads_no_framework_no_sdk_and_no_http_library() -> None:
    statement = "import tikhub_ai\n[getattr(tikhub_ai, name) for name in tikhub_ai.__all__]"
    assert not loaded_by(statement) & {*FRAMEWORKS, *SDKS, "aiohttp", "httpx", "tenacity"}


@pytest.mark.parametrize("package", ["tikhub_ai", "llama_index_tikhub"])
def test_importing_a_package_loads_no_http_library_and_no_framework(package: str) -> None:
    assert not loaded_by(f"import {package}") & {*FRAMEWORKS, *SDKS, "httpx", "aiohttp", "tenacity"}


def test_the_langchain_classes_load_no_http_library_and_not_the_other_framework() -> None:
    statement = "from langchain_tikhub import ChatTikHub, TikHubEmbeddings"
    before = loaded_by("from langchain_core.language_models.chat_models import BaseChatModel")
    assert not (loaded_by(statement) - before) & {"httpx", "aiohttp", "tenacity", "llama_index.core", *SDKS}


def test_the_llama_index_classes_load_no_http_library_and_not_the_other_framework() -> None:
    statement = "from llama_index_tikhub import TikHub, TikHubEmbedding"
    before = loaded_by("import llama_index.core")
    assert not (loaded_by(statement) - before) & {"httpx", "langchain_core", "langchain", *SDKS}


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def names_taken_from_the_core(path: Path) -> set[str]:
    """What a file imports from `tikhub_ai`, or reads from it as an attribute: a module of it would be a name too."""
    tree = ast.parse(path.read_text())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "tikhub_ai"
        for alias in node.names
    }
    return imported | {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "tikhub_ai"
    }


@pytest.mark.parametrize("path", sorted((ROOT / "tikhub_ai").rglob("*.py")), ids=lambda path: path.name)
def test_no_file_of_the_core_imports_a_framework_or_an_sdk(path: Path) -> None:
    assert not {name.partition(".")[0] for name in imports_of(path)} & {*TOP_LEVEL, *SDKS}


@pytest.mark.parametrize("path", sorted((ROOT / "tikhub_ai" / "apis").rglob("*.py")), ids=lambda path: path.name)
def test_codecs_do_no_io_and_look_at_no_clock(path: Path) -> None:
    assert not {name.partition(".")[0] for name in imports_of(path)} & {
        "httpx",
        "asyncio",
        "socket",
        "threading",
        "time",
        "os",
    }


@pytest.mark.parametrize(
    ("package", "other"), [("langchain_tikhub", "llama_index"), ("llama_index_tikhub", "langchain")]
)
def test_adapters_import_only_the_cores_public_names_and_never_each_other(package: str, other: str) -> None:
    for path in sorted((ROOT / package).rglob("*.py")):
        names = imports_of(path)
        assert not {name for name in names if name.startswith((other, *SDKS, "httpx"))}, path.name
        assert not {name for name in names if name.startswith("tikhub_ai.")}, path.name
        assert names_taken_from_the_core(path) <= set(tikhub_ai.__all__), path.name


@pytest.mark.parametrize(
    ("package", "missing", "extra"),
    [("langchain_tikhub", "langchain_core", "langchain"), ("llama_index_tikhub", "llama_index", "llama-index")],
)
def test_a_missing_extra_is_named(package: str, missing: str, extra: str) -> None:
    code = (
        "import sys, importlib.abc\n"
        "class Absent(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        f"        if name.partition('.')[0] == '{missing}': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        f"import {package}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode != 0
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert f'pip install "tikhub-ai[{extra}]"' in last
