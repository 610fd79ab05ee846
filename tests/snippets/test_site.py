"""The site holds every page of docs/ and every public name, and README's links work where PyPI shows them."""

from __future__ import annotations

import importlib
import re
from typing import Any

import pytest
import yaml

from tests.snippets.programs import PACKAGES, README, ROOT

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
    assert sorted(entries) == sorted(importlib.import_module(package).__all__)


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
