"""Bulk work without its engines: it can be imported, and says which extra is missing where it is called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tikhub_ai import bulk

ROOT = Path(__file__).parents[2]
ABSENT = """
import sys, importlib.abc
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {"ray", "pyspark", "pyarrow", "pandas"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
from tikhub_ai import bulk
for name in bulk.__all__:
    getattr(bulk, name)
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.parametrize(("engine", "extra"), [("on_ray", "ray"), ("on_spark", "spark")])
def test_a_missing_engine_is_told_of_by_its_extra_when_it_is_called(engine: str, extra: str) -> None:
    done = run(f"{ABSENT}\nbulk.{engine}(None, bulk.BulkEmbeddings(), checkpoints='never-made')")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert f'pip install "tikhub-ai[{extra}]"' in last
    assert not (ROOT / "never-made").exists()


def test_importing_bulk_work_loads_no_engine_no_http_library_and_no_numpy() -> None:
    done = run(f"{ABSENT}\nprint(*sys.modules)")
    assert not done.stderr
    assert not {"httpx", "aiohttp", "tenacity", "numpy"} & set(done.stdout.split())


def test_every_public_name_has_an_entry_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "bulk.md").read_text()
    assert {f"::: tikhub_ai.bulk.{name}" for name in bulk.__all__} <= set(page.splitlines())
    assert all(getattr(bulk, name).__doc__ for name in bulk.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'other'"):
        _ = bulk.other
