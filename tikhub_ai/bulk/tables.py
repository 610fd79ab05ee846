"""Rows as the engines have them, Arrow tables, and the columns that a worker adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.errors import ConfigurationError, check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tikhub_ai.bulk.work import BulkWork, ColumnKind
    from tikhub_ai.bulk.worker import Worker


def checked_columns(work: BulkWork, present: Sequence[str]) -> None:
    """Look at the columns before anything is paid.

    Args:
        work: What is asked.
        present: The columns that the rows have.

    Raises:
        ConfigurationError: One that is read is missing, or one that is added is there.
    """
    wanted = [work.column, *([work.distinct_by] if work.distinct_by is not None else [])]
    if missing := [name for name in wanted if name not in present]:
        raise ConfigurationError(f"There is no column {', '.join(map(repr, missing))}, but {', '.join(present)}.")
    if taken := [name for name in (*work.columns, work.error) if name in present]:
        raise ConfigurationError(
            f"The column {', '.join(map(repr, taken))} is there already: name another with into= or error=."
        )


_WAVES = 4
_FEWEST = 256


def rows_at_once(work: BulkWork, said: int | None, workers: int) -> int:
    """Rows that a worker is given at a time.

    Args:
        work: What is asked.
        said: How many the user says. By default as many as keep its places busy: while the last are asked, others stand
            empty.
        workers: How many workers there are.

    Raises:
        ConfigurationError: There are no workers, or no rows.
    """
    rows = max(_FEWEST, work.batch_size * work.max_concurrency * _WAVES) if said is None else said
    check_whole(1, workers=workers, rows_at_once=rows)
    return rows


class Answering:
    """A worker as an engine calls it: rows in, rows with the columns that are added out.

    Once it has failed for good, it asks nothing more: engines deal rows out before they hear of a failure.

    Args:
        worker: Who answers.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._failure: Exception | None = None

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Answer rows. All other columns are what they were."""
        if self._failure is not None:
            raise self._failure
        try:
            return self._answered(rows)
        except Exception as error:
            self._failure = error
            raise

    def _answered(self, rows: pa.Table) -> pa.Table:
        work = self._worker.work
        checked_columns(work, rows.column_names)
        marks = None if work.distinct_by is None else rows.column(work.distinct_by).to_pylist()
        added = self._worker(rows.column(work.column).to_pylist(), marks)
        for name, kind in {**work.columns, work.error: "text"}.items():
            rows = rows.append_column(name, _array(added[name], kind))
        return rows


def _array(values: list[Any], kind: ColumnKind | str) -> pa.Array:
    """A column, whatever of it is null."""
    import numpy as np  # noqa: PLC0415 - pyarrow's own dependency
    import pyarrow as pa  # noqa: PLC0415 - an optional dependency

    kinds = {"text": pa.string(), "number": pa.float64(), "whole number": pa.int64()}
    if kind in kinds:
        return pa.array(values, kinds[kind])
    there = [value for value in values if value is not None]
    numbers = pa.array(np.concatenate(there) if there else np.empty(0, np.float32), pa.float32())
    lengths = [0 if value is None else len(value) for value in values]
    ends = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    mask = pa.array([value is None for value in values], pa.bool_())
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), numbers, mask=mask)
