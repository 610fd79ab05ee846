"""Bulk embeddings, chats and transcripts on Ray Data and on Spark. See `docs/scale.md`.

```python
import ray
from tikhub_ai.bulk import BulkEmbeddings, on_ray

texts = ray.data.read_parquet("texts/")
on_ray(texts, BulkEmbeddings(), checkpoints="/shared/job-1", workers=4).write_parquet("vectors/")
```

The names below load on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tikhub_ai.bulk.budget import MinuteBudget
    from tikhub_ai.bulk.checkpoints import Checkpoints
    from tikhub_ai.bulk.kinds import BulkChat, BulkEmbeddings, BulkTranscription
    from tikhub_ai.bulk.ray import on_ray
    from tikhub_ai.bulk.spark import on_spark
    from tikhub_ai.bulk.work import BulkWork
    from tikhub_ai.bulk.worker import Worker
    from tikhub_ai.rates import Rates

_HOME_OF = {
    "BulkChat": "bulk.kinds",
    "BulkEmbeddings": "bulk.kinds",
    "BulkTranscription": "bulk.kinds",
    "BulkWork": "bulk.work",
    "Checkpoints": "bulk.checkpoints",
    "MinuteBudget": "bulk.budget",
    "Rates": "rates",
    "Worker": "bulk.worker",
    "on_ray": "bulk.ray",
    "on_spark": "bulk.spark",
}

__all__ = [
    "BulkChat",
    "BulkEmbeddings",
    "BulkTranscription",
    "BulkWork",
    "Checkpoints",
    "MinuteBudget",
    "Rates",
    "Worker",
    "on_ray",
    "on_spark",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"tikhub_ai.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
