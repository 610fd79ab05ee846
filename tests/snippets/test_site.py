"""The site holds every page of docs/ and every public name, and README's links work where PyPI shows them."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from typing import Any

import pytest
import yaml

import tikhub_ai
from tests.snippets.programs import PACKAGES, README, ROOT
from tikhub_ai import TikHubAIError, TikHubAIWarning

DOCS = ROOT / "docs"
HOME = "https://github.com/tikhub/tikhub-ai/"


class _Loader(yaml.SafeLoader):
    """Takes the site's own tags, such as `!ENV`, for nothing."""


_Loader.add_multi_constructor("", lambda *_: None)
SITE = yaml.load((ROOT / "mkdocs.yml").read_text(), _Loader)  # a subclass of the safe one


def _pages(entry: Any) -> set[str]:
    if isinstance(entry, str):
        return {entry}
    return set().union(*map(_pages, entry.values() if isinstance(entry, dict) else entry))


def test_every_page_is_in_the_navigation() -> None:
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert _pages(SITE["nav"]) == pages


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_has_an_entry_in_the_reference(package: str) -> None:
    text = "\n".join(path.read_text() for path in (DOCS / "reference").glob("*.md"))
    entries = re.findall(rf"^::: {package}\.(\w+)$", text, re.MULTILINE)
    public = importlib.import_module(package).__all__
    assert set(public) - set(entries) == set(), "add `::: package.name` to a page of docs/reference/"
    assert set(entries) - set(public) == set(), "these are public no more"
    assert len(entries) == len(set(entries)), "each once"


def test_the_site_fetches_nothing() -> None:
    assert SITE["theme"]["font"] is False
    assert "repo_url" not in SITE  # each page would ask GitHub for its stars
    assert not re.search(r"https?://", str(SITE["extra"].get("polyfills")))


def test_links_of_readme_are_absolute_and_lead_to_what_is_there() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README.read_text())
    assert all(link.startswith("https://") for link in links)
    ours = [link for link in links if link.startswith(HOME)]
    assert ours
    for link in ours:
        path = re.sub(r"^(?:blob|tree)/main/", "", link.removeprefix(HOME)).partition("#")[0]
        assert (ROOT / path).exists(), link


def test_troubleshooting_has_each_error_and_warning() -> None:
    public = {name: getattr(tikhub_ai, name) for name in tikhub_ai.__all__}
    tree = (TikHubAIError, TikHubAIWarning)
    kinds = {name for name, value in public.items() if inspect.isclass(value) and issubclass(value, tree)}
    page = (DOCS / "troubleshooting.md").read_text()
    assert kinds - {"TikHubAIError"} == set(re.findall(r"^### (\w+)$", page, re.MULTILINE))


def test_the_messages_that_troubleshooting_quotes_are_those_of_the_source() -> None:
    """So that whoever searches for the words of an error finds them; `…` stands for what differs."""
    said = "\n".join(words for path in (ROOT / "tikhub_ai").rglob("*.py") for words in _texts(path.read_text()))
    quoted = re.findall(r"^> (.+)$", (DOCS / "troubleshooting.md").read_text(), re.MULTILINE)
    assert quoted
    missing = [one for one in quoted for piece in one.split("…") if piece.strip(" .,") not in said]
    assert missing == []


def _texts(source: str) -> list[str]:
    """The texts of a module; of an f-string, what stands between its values."""
    tree = ast.parse(source)
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "\n" for part in node.values]
            texts.append("".join(map(str, parts)))
    return texts
