"""mypy sees all that there is to see: every folder, strictly, and each exception says why it is one."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MYPY: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
IGNORED = re.compile(r"# type: " + r"ignore(?P<code>\[[\w, -]+\])?(?P<reason> +# +\w.*)?")
ABOUT_OTHERS = {"ignore_missing_imports", "implicit_reexport"}
"""What an override may say: of other people's packages, and nothing of how our code is checked."""


def test_every_folder_of_ours_is_checked() -> None:
    folders = {path.parent.name for path in ROOT.glob("[!.]*/*.py") if path.parent.name not in {"build", "dist"}}
    assert folders == {*MYPY["files"], "benchmarks"}
    assert "-m mypy benchmarks" in (ROOT / "Makefile").read_text()
    assert "exclude" not in MYPY


def test_all_of_it_is_checked_strictly() -> None:
    assert MYPY["strict"]
    assert "disable_error_code" not in MYPY
    for override in MYPY["overrides"]:
        assert override.keys() - {"module"} <= ABOUT_OTHERS, override["module"]


@pytest.mark.parametrize("folder", [*MYPY["files"], "benchmarks"])
def test_each_ignored_error_is_named_and_has_its_reason(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if (found := IGNORED.search(line)) is not None:
                assert found["code"], f"{path.relative_to(ROOT)}:{number} ignores every error"
                assert found["reason"], f"{path.relative_to(ROOT)}:{number} does not say why"
