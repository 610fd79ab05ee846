"""Guides keep to one form, and every name that they say of ours is one."""

from __future__ import annotations

import builtins
import importlib
import inspect
import re
from typing import TYPE_CHECKING, Any

import pytest

import tikhub_ai
from tests.snippets.programs import PACKAGES, ROOT
from tikhub_ai import TranscriptionOptions
from tikhub_ai.arguments import names_of

if TYPE_CHECKING:
    from pathlib import Path

GUIDES = sorted([*(ROOT / "docs" / "guides").glob("*.md"), *(ROOT / "docs" / "start").glob("*.md")])
OF_OTHERS = {"OutputParserException", "ValidationError", "ModelRefusalError", "ModelError"}
"""Errors of LangChain and pydantic that guides name."""
ARGUMENTS_OF_OTHERS = {
    "cache",
    "callback_manager",
    "callbacks",
    "docstore_strategy",
    "error_on_no_tool_call",
    "include_raw",
    "indent",
    "max_iterations",
    "middleware",
    "num_workers",
    "output_cls",
    "output_version",
    "rate_limiter",
    "requests_per_second",
    "response_format",
    "return_exceptions",
    "show_progress",
    "similarity_top_k",
    "streaming",
    "tool_choice",
    "tools",
    "version",
    "workers",
}
"""Arguments of the frameworks' own functions and classes that guides name."""


def _arguments() -> set[str]:
    """Every keyword that a public class or function of ours takes, fields and aliases included."""
    found: set[str] = set(TranscriptionOptions.__annotations__) | set(tikhub_ai.NATIVE_ARGUMENTS)
    for package in PACKAGES:
        module = importlib.import_module(package)
        for value in (getattr(module, name) for name in module.__all__):
            found |= set(getattr(value, "model_fields", ()))
            members = [getattr(value, name, None) for name in dir(value)] if inspect.isclass(value) else []
            for function in (value, *members):
                if inspect.isroutine(function) or inspect.isclass(function):
                    found |= _parameters(function)
    return found | {alias for name in found for alias in names_of(name)}


def _parameters(function: Any) -> set[str]:
    try:
        return set(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return set()


ARGUMENTS = _arguments() | ARGUMENTS_OF_OTHERS


def _prose(path: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_a_guide_shows_code_early_and_says_what_goes_wrong(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n", 0, text.index("```python")) < 30
    assert re.search(r"^## (What goes wrong|If it fails)$", text, re.MULTILINE)
    assert re.search(r"\]\((\.\./)?(reference|migrating|moves|features|guides)", text)
    if path.parent.name == "guides":
        assert "langchain_tikhub import" in text
        assert "llama_index_tikhub import" in text


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_errors_and_arguments_that_a_guide_names_are_there(path: Path) -> None:
    prose = _prose(path)
    errors = set(re.findall(r"\b([A-Z][a-z]\w*(?:Error|Warning|Exception))\b", prose))
    known = OF_OTHERS | set(dir(tikhub_ai)) | set(tikhub_ai.__all__) | set(dir(builtins))
    assert errors <= known
    spans = re.findall(r"`([^`\n]+)`", prose)
    said = {name for span in spans for name in re.findall(r"(?<![\w.\"/])([a-z]\w+)=(?![=\"&])", span)}
    assert said <= ARGUMENTS | {"x"}
