"""What bulk work costs: `PYTHONPATH=. .venv-scale/bin/python benchmarks/bulk.py worker|ray|spark [WORKERS [TEXTS]]`.

A stand-in of the gateway answers with vectors of 1,536 numbers in base64: after 300 ms, which shows what a text costs
in CPU, and to the engines after 2 s, so that they wait for answers and not for the processors of this machine. Their
rate is counted from the first answer to the last, since an engine's start takes long and says nothing of a long job.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.embeddings_server import serving
from tikhub_ai import Settings
from tikhub_ai.bulk import BulkEmbeddings, Worker

LENGTH, BATCH, AT_ONCE = 1536, 256, 16
ROOT = Path(__file__).parents[1]


def texts(count: int) -> list[str]:
    return [
        f"The {number}th of many texts, each about as long as a sentence that someone might write."
        for number in range(count)
    ]


def worker(count: int = 65_536) -> None:
    """One worker by itself: CPU, and what a job costs that finds everything answered."""
    with serving(LENGTH, 0.3) as url, tempfile.TemporaryDirectory() as folder:
        settings = Settings(base_url=url, api_key=partial(str, "sk-benchmark"), http_backend="httpx")
        work = BulkEmbeddings(settings=settings, batch_size=BATCH, max_concurrency=AT_ONCE)
        rows = texts(count)
        for name in ("asked", "found"):
            one = Worker(work, folder)
            began, before = time.perf_counter(), _cpu()
            for start in range(0, count, 16_384):
                one(rows[start : start + 16_384])
            wall, cpu = time.perf_counter() - began, _cpu() - before
            one.close()
            print(f"{name}: {count / wall:,.0f} texts/s, {1e6 * cpu / count:.0f} us of CPU a text, wall {wall:.1f} s")
        size = sum(log.stat().st_size for log in Path(folder).rglob("*.log"))
        print(f"checkpoints: {size / count:,.0f} bytes a text; {len(one.checkpoints)} rows")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def engine(name: str, workers: int, count: int = 98_304) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    with serving(LENGTH, 2.0) as url, tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "in").mkdir()
        for number in range(8):
            part = pa.table({"text": texts(count)[number * count // 8 : (number + 1) * count // 8]})
            parquet.write_table(part, folder / "in" / f"{number}.parquet")
        job = {
            "engine": name,
            "kind": "embeddings",
            "url": url,
            "source": str(folder / "in"),
            "target": str(folder / "out"),
            "checkpoints": str(folder / "checkpoints"),
            "work": {"batch_size": BATCH, "max_concurrency": AT_ONCE},
            "options": {"workers": workers, "rows_at_once": 8_192},
        }
        environment = {**os.environ, "TIKHUB_AI_API_KEY": "sk-benchmark", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tests.scale.program", json.dumps(job)]
        began = time.time()
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(command, env=environment, stdout=log, stderr=log) as run,
        ):
            while not (logs := list((folder / "checkpoints").rglob("*.log"))) and run.poll() is None:
                time.sleep(0.01)
            first = time.time()
            if run.wait():
                sys.exit((folder / "log").read_text()[-4000:])
        ended = time.time()
        logs = list((folder / "checkpoints").rglob("*.log"))
        last = max(log.stat().st_mtime for log in logs)
        print(
            f"{name}, {workers} workers: {count / (last - first):,.0f} texts/s from the first answer to the last; "
            f"start {first - began:.0f} s, answers {last - first:.0f} s, rest {ended - last:.0f} s"
        )


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        worker()
    else:
        engine(sys.argv[1], *map(int, sys.argv[2:]))
