"""Bulk work on Spark: a worker in each task, and a share of the budget for each of them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

from tikhub_ai.bulk import tables
from tikhub_ai.bulk.budget import MinuteBudget
from tikhub_ai.bulk.checkpoints import Checkpoints
from tikhub_ai.bulk.travel import travels
from tikhub_ai.bulk.worker import Worker
from tikhub_ai.errors import ConfigurationError
from tikhub_ai.rates import Rates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa
    from pyspark.sql import DataFrame

    from tikhub_ai.bulk.work import BulkWork


def on_spark(
    frame: DataFrame,
    work: BulkWork,
    *,
    checkpoints: str | os.PathLike[str],
    workers: int = 2,
    requests_per_minute: float | None = None,
    tokens_per_minute: float | None = None,
    rows_at_once: int | None = None,
) -> DataFrame:
    """Ask something of each row of a frame, when it is evaluated.

    The rows are dealt to so many tasks. One that dies is tried again by Spark, as often as `spark.task.maxFailures`
    says, and is given the same rows again: those that were answered are in the checkpoints. So are they where the frame
    is evaluated twice. The rows go through Arrow, since pandas would not take all that may stand in the other columns,
    such as a year before 1678.

    Args:
        frame: The rows.
        work: What is asked: `BulkEmbeddings`, `BulkChat` or `BulkTranscription`.
        checkpoints: A folder that all nodes see. A job that is run again with the same one pays for nothing twice.
        workers: Number of tasks, which are as many workers where the cluster has a core for each.
        requests_per_minute: Most requests in any 60 seconds, of all workers together: each task has an equal share.
            None sets no limit.
        tokens_per_minute: Most tokens in any 60 seconds, of all workers together, as estimated; shared likewise.
        rows_at_once: Rows that a worker is given at a time. By default enough for 4 requests in each of its concurrent
            places, and at least 256.

    Returns:
        The rows with further columns: those of the work, and the one of errors.

    Raises:
        ImportError: PySpark or pyarrow is not installed.
        ConfigurationError: A setting cannot work, a column is missing, the key would travel in a pickle, or Spark is
            set to speculate, which would pay for the same rows twice at the same time.
        TikHubAIError: When it is evaluated, in Spark's own error: what no row can be answered with.
    """
    try:
        import pyarrow as pa  # noqa: F401, PLC0415 - an optional dependency
        from pyspark import cloudpickle  # noqa: PLC0415
        from pyspark.sql import types  # noqa: PLC0415
    except ImportError as error:
        raise ImportError('Bulk work on Spark needs PySpark: pip install "tikhub-ai[spark]"') from error
    rows = tables.rows_at_once(work, rows_at_once, workers)
    share = Rates(requests_per_minute, tokens_per_minute).share(workers)
    tables.checked_columns(work, frame.columns)
    folder = str(Checkpoints(os.path.abspath(checkpoints), b"").folder)  # workers may stand in another one
    travels(work, cloudpickle.dumps)
    if (frame.sparkSession.conf.get("spark.speculation", "false") or "").lower() == "true":
        raise ConfigurationError("spark.speculation runs tasks twice at the same time, and pays for both: unset it.")
    kinds = {
        "text": types.StringType(),
        "number": types.DoubleType(),
        "whole number": types.LongType(),
        "vector": types.ArrayType(types.FloatType()),
    }
    schema = types.StructType(list(frame.schema.fields))
    for name, kind in {**work.columns, work.error: "text"}.items():
        schema = schema.add(name, kinds[kind])
    return frame.repartition(workers).mapInArrow(_task(work, folder, share, rows), schema)


def _task(
    work: BulkWork, checkpoints: str, share: Rates, rows: int
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What a task does with its rows. While Spark writes some, the next are asked."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        worker, before = Worker(work, checkpoints, MinuteBudget(share)), None
        answering = tables.Answering(worker)
        with ThreadPoolExecutor(1) as ahead, closing(worker):
            for table in _cut(batches, rows):
                this = ahead.submit(answering, table)
                if before is not None:
                    yield from before.result().to_batches()
                before = this
            if before is not None:
                yield from before.result().to_batches()

    return run


def _cut(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Rows in tables of a size, whatever the batches of Spark."""
    import pyarrow as pa  # noqa: PLC0415 - an optional dependency

    waiting: pa.Table | None = None
    for batch in batches:
        table = pa.Table.from_batches([batch])
        waiting = table if waiting is None else pa.concat_tables([waiting, table])
        while len(waiting) >= rows:
            yield waiting.slice(0, rows)
            waiting = waiting.slice(rows)
    if waiting is not None and len(waiting):
        yield waiting
