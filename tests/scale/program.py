"""A bulk job as a user would write it, for a test to run and to kill: `python -m tests.scale.program JSON`."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from tests.scale.jobs import work_of
from tikhub_ai.bulk import on_ray, on_spark


def on_local_ray(job: dict[str, Any]) -> None:
    """Parquet in, Parquet out, on a Ray of this machine, with fewer processors than workers."""
    import ray
    from ray.data import DataContext

    ray.init(num_cpus=1, include_dashboard=False, object_store_memory=256 * 2**20, log_to_driver=False)
    DataContext.get_current().enable_progress_bars = False
    rows = ray.data.read_parquet(job["source"])
    on_ray(rows, work_of(job), checkpoints=job["checkpoints"], **job.get("options", {})).write_parquet(job["target"])


def on_local_spark(job: dict[str, Any]) -> None:
    """The same on a Spark of this machine, whose tasks may fail three times."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",  # Arrow reads Spark's own form in nanoseconds
    }
    builder = SparkSession.builder.master("local[2,4]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    rows = spark.read.parquet(job["source"])
    answered = on_spark(rows, work_of(job), checkpoints=job["checkpoints"], **job.get("options", {}))
    answered.write.mode("overwrite").parquet(job["target"])
    spark.stop()


if __name__ == "__main__":
    wanted = json.loads(sys.argv[1])
    {"ray": on_local_ray, "spark": on_local_spark}[wanted["engine"]](wanted)
