"""docs/scale.md is a program, from top to bottom: run as a reader would, it does what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.scale.conftest import KEY, PATIENCE, ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scale.paid_server import PaidServer


@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs a JVM, and there is no java here")
def test_the_page_runs_and_spark_finds_what_ray_has_paid_for(server: PaidServer, tmp_path: Path) -> None:
    from pyarrow import parquet

    page = (ROOT / "docs" / "scale.md").read_text()
    program = tmp_path / "page.py"
    program.write_text("\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)))
    (tmp_path / "talks").mkdir()
    for day in ("monday", "tuesday"):
        (tmp_path / "talks" / f"{day}.mp3").write_bytes(b"RIFFWAVE" + day.encode())
    environment = {
        **os.environ,
        "TIKHUB_AI_API_KEY": KEY,
        "TIKHUB_AI_BASE_URL": server.url,
        "PYTHONPATH": str(ROOT),
        "RAY_raylet_start_wait_time_s": str(int(PATIENCE)),
    }
    done = subprocess.run(
        [sys.executable, program.name],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-6000:]
    assert "2000 rows, 2000 of them without an error" in done.stdout
    of_ray, of_spark = (
        {row["id"]: row["embedding"] for row in parquet.read_table(tmp_path / name).to_pylist()}
        for name in ("vectors", "vectors-of-spark")
    )
    assert len(of_ray) == 2000
    assert of_ray == of_spark
    assert set(server.paid().values()) == {1}
    assert len(server.paid()) == 2000 + 20 + 2
