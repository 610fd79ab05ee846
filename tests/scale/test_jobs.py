"""Whole jobs on each engine: bad rows beside good ones, one budget for all workers, and what ends a job."""

from __future__ import annotations

import datetime as dt
import importlib
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.scale.conftest import FIGURES, KEY, PATIENCE, Job
from tests.scale.paid_server import transcript_of, vector_of
from tikhub_ai import ConfigurationError, Settings
from tikhub_ai.bulk import BulkEmbeddings, on_spark
from tikhub_ai.bulk.spark import _cut
from tikhub_ai.bulk.travel import travels

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scale.paid_server import PaidServer


def test_bad_rows_have_their_errors_and_other_columns_are_what_they_were(
    engine: str, server: PaidServer, tmp_path: Path
) -> None:
    bad = {3: "x REFUSED", 250: "x LEAKING", 251: None, 399: "x BROKEN"}
    given = {
        "id": [2**53 + 1, None, *range(398)],
        "text": [bad.get(number, f"text {number % 390}") for number in range(400)],
        "when": [dt.datetime(1500, 1, 1, tzinfo=dt.UTC), *[None] * 399],
        "turns": [[{"role": "user", "content": "Hi"}], *[None] * 399],
    }
    job = Job(engine, "embeddings", server, tmp_path, {"batch_size": 16})
    job.given(given)
    found = {given["id"].index(row["id"]): row for row in job.run()}
    assert len(found) == 400
    for number, row in found.items():
        assert row["when"] == given["when"][number]
        assert row["turns"] == given["turns"][number]
        assert (row["embedding"] is None) == (row["error"] is not None) == (number in bad)
        assert number in bad or row["embedding"] == vector_of(row["text"])
    assert found[3]["error"] == "BadRequestError: 400 This input is refused. (type invalid_request_error)"
    assert found[250]["error"].startswith("BadRequestError: 400 This input is refused. Bearer ***")
    assert found[251]["error"] == "InvalidRequestError: text is missing."
    assert found[399]["error"].startswith("ServerError: 500")
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY.encode() not in everything
    FIGURES.append(f"{engine}: 400 rows, 4 of them bad, {sum(server.paid().values())} paid, {server.refused()} refused")


def test_recordings_are_transcribed_from_their_paths(engine: str, server: PaidServer, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.wav" for number in range(6)]
    for number, path in enumerate(paths):
        path.write_bytes(b"RIFF%dWAVEfmt " % (number % 5))
    job = Job(engine, "transcription", server, tmp_path)
    job.given({"path": [*map(str, paths), str(tmp_path / "missing.wav")]})
    found = {row["path"]: row for row in job.run()}
    for path in paths:
        assert found[str(path)]["transcript"] == transcript_of(path.read_bytes())
    assert "is not there" in found[str(tmp_path / "missing.wav")]["error"]


def test_all_workers_together_send_no_more_in_a_minute_than_may(
    engine: str, server: PaidServer, tmp_path: Path
) -> None:
    job = Job(engine, "embeddings", server, tmp_path, {"batch_size": 10, "encoding_format": "float"})
    job.options |= {"requests_per_minute": 10, "rows_at_once": 70}
    job.given({"text": [f"text {number}" for number in range(140)]})
    assert len(job.run()) == 140
    came = [entry.came for entry in server.journal()]
    assert len(came) == 14
    assert len({entry.worker for entry in server.journal()}) == 2
    assert came[10] - came[0] > 30  # it is 60 but for what the first was under way; nothing at all without a budget
    FIGURES.append(f"{engine}: at 10 requests a minute, the 11th came {came[10] - came[0]:.0f} s after the first")


def test_a_key_that_is_refused_ends_the_job_with_its_own_words_and_is_not_tried_for_each_row(
    engine: str, server: PaidServer, tmp_path: Path
) -> None:
    job = Job(engine, "embeddings", server, tmp_path, {"batch_size": 10, "max_concurrency": 2})
    job.given({"text": [f"FORBIDDEN {number}" for number in range(4000)]})
    process = job.start()
    assert process.wait(PATIENCE) != 0
    assert "AuthenticationError" in job.log()
    assert KEY not in job.log()
    attempts = 4 if engine == "spark" else 1
    assert server.refused() <= 2 * 2 * attempts  # workers, requests at once, and Spark's own attempts at a task


def test_a_key_in_a_function_that_an_engine_pickles_by_value_is_found(engine: str) -> None:
    cloudpickle: Any = importlib.import_module({"ray": "ray.cloudpickle", "spark": "pyspark.cloudpickle"}[engine])
    key = KEY
    work = BulkEmbeddings(settings=partial(Settings, api_key=lambda: key))
    with pytest.raises(ConfigurationError, match="would travel") as caught:
        travels(work, cloudpickle.dumps)
    assert KEY not in str(caught.value)


def test_spark_that_speculates_is_refused(tmp_path: Path) -> None:
    conf = SimpleNamespace(get=lambda name, default: "true")
    frame: Any = SimpleNamespace(columns=["text"], sparkSession=SimpleNamespace(conf=conf))
    with pytest.raises(ConfigurationError, match="speculation"):
        on_spark(frame, BulkEmbeddings(), checkpoints=tmp_path)


@pytest.mark.parametrize("sizes", [[], [0], [5], [3, 3, 3], [25], [1] * 11, [9, 0, 30, 2]])
def test_rows_are_cut_to_a_workers_size_whatever_the_batches_of_spark(sizes: list[int]) -> None:
    import pyarrow as pa

    numbers = iter(range(100))
    batches = [pa.record_batch({"id": pa.array([next(numbers) for _ in range(size)], pa.int64())}) for size in sizes]
    tables = list(_cut(iter(batches), 5))
    assert [row for table in tables for row in table["id"].to_pylist()] == list(range(sum(sizes)))
    assert all(len(table) == 5 for table in tables[:-1])
    assert all(0 < len(table) <= 5 for table in tables)
