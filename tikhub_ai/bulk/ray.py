"""Bulk work on Ray Data: a pool of actors, each a worker, and one named actor that keeps the budget of all of them."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

from tikhub_ai.bulk import tables
from tikhub_ai.bulk.budget import MinuteBudget
from tikhub_ai.bulk.checkpoints import Checkpoints
from tikhub_ai.bulk.travel import travels
from tikhub_ai.bulk.worker import Worker
from tikhub_ai.rates import MINUTE, Rates

if TYPE_CHECKING:
    import pyarrow as pa
    import ray.data

    from tikhub_ai.bulk.work import BulkWork

_RESTARTS = 8
"""Of one worker: each costs what was in flight, so one that dies of itself again and again must end."""


def on_ray(
    dataset: ray.data.Dataset,
    work: BulkWork,
    *,
    checkpoints: str | os.PathLike[str],
    workers: int = 2,
    requests_per_minute: float | None = None,
    tokens_per_minute: float | None = None,
    budget: str | None = None,
    rows_at_once: int | None = None,
    **options: Any,
) -> ray.data.Dataset:
    """Ask something of each row of a dataset, when it is consumed.

    Workers are actors. One that dies is begun again, up to 8 times, and is given the same rows again: those that were
    answered are in the checkpoints. What a worker raises is not tried again by Ray: it ends the job.

    Args:
        dataset: The rows.
        work: What is asked: `BulkEmbeddings`, `BulkChat` or `BulkTranscription`.
        checkpoints: A folder that all nodes see. A job that is run again with the same one pays for nothing twice.
        workers: Number of actors.
        requests_per_minute: Most requests in any 60 seconds, of all workers together; None sets no limit.
        tokens_per_minute: Most tokens in any 60 seconds, of all workers together, as estimated; None sets no limit.
        budget: Name of the actor that keeps the budget, in Ray's namespace: jobs with the same name share it, with the
            limits of the one that began it. It stays until `ray.kill(ray.get_actor(name))`. By default each job has
            its own, which ends with it.
        rows_at_once: Rows that a worker is given at a time. By default enough for 4 requests in each of its concurrent
            places, and at least 256.
        **options: Passed to `map_batches`, such as `num_cpus` (0 by default: workers wait more than they compute),
            `resources` or `runtime_env`.

    Returns:
        The rows with further columns: those of the work, and the one of errors.

    Raises:
        ImportError: Ray is not installed.
        ConfigurationError: A setting cannot work, a column is missing, or the key would travel in a pickle.
        TikHubAIError: When it is consumed, in Ray's own error: what no row can be answered with.
    """
    try:
        import ray  # noqa: PLC0415 - an optional dependency
        from ray.data import ActorPoolStrategy  # noqa: PLC0415
    except ImportError as error:
        raise ImportError('Bulk work on Ray needs Ray: pip install "tikhub-ai[ray]"') from error
    rates = Rates(requests_per_minute, tokens_per_minute)
    rows = tables.rows_at_once(work, rows_at_once, workers)
    if (present := dataset.columns(fetch_if_missing=False)) is not None:  # else finding out would begin the work
        tables.checked_columns(work, present)
    folder = str(Checkpoints(os.path.abspath(checkpoints), b"").folder)  # workers may stand in another one
    travels(work, ray.cloudpickle.dumps)
    keeper = None
    if rates.are_limited:
        kept = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(_Keeper)
        shared = {} if budget is None else {"name": budget, "get_if_exists": True, "lifetime": "detached"}
        keeper = kept.options(**shared).remote(rates)
    with warnings.catch_warnings():
        # Ray deprecates in 2.60 what it has no other word for yet: how often an actor is begun again.
        warnings.filterwarnings("ignore", ".*ray_remote_args.*deprecated")
        return dataset.repartition(target_num_rows_per_block=rows).map_batches(
            _RayWorker,
            fn_constructor_args=(work, folder, keeper),
            compute=ActorPoolStrategy(size=workers),
            batch_size=rows,
            batch_format="pyarrow",
            # A worker waits for the network, and leaves processors to whoever reads and writes.
            **{"num_cpus": 0, "max_restarts": _RESTARTS, "max_task_retries": _RESTARTS, **options},
        )


class _RayWorker:
    """A worker, as Ray Data calls it."""

    def __init__(self, work: BulkWork, checkpoints: str, keeper: Any) -> None:
        worker = Worker(work, checkpoints, None if keeper is None else _Asking(keeper))
        self._answering = tables.Answering(worker)

    def __call__(self, rows: pa.Table) -> pa.Table:
        return self._answering(rows)


class _Keeper:
    """The actor that keeps the budget. One that is begun again knows nothing of the last minute, and lets it pass."""

    def __init__(self, rates: Rates) -> None:
        import ray  # noqa: PLC0415 - an optional dependency

        self._budget = MinuteBudget(rates)
        if ray.get_runtime_context().was_current_actor_reconstructed:
            self._budget.pause(MINUTE)

    def reserve(self, tokens: int) -> float:
        """See `Budget`."""
        return self._budget.reserve(tokens)

    def spend(self, tokens: int) -> None:
        """See `Budget`."""
        self._budget.spend(tokens)


class _Asking:
    """The budget, as a worker sees it."""

    def __init__(self, keeper: Any) -> None:
        self._keeper = keeper

    def reserve(self, tokens: int) -> float:
        """See `Budget`."""
        import ray  # noqa: PLC0415 - an optional dependency

        return float(ray.get(self._keeper.reserve.remote(tokens)))

    def spend(self, tokens: int) -> None:
        """See `Budget`. Nobody waits for it."""
        self._keeper.spend.remote(tokens)
