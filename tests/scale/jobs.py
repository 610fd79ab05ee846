"""What the tests' programs ask, made of JSON: in a module, so that workers find its functions by name."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from tikhub_ai import Settings
from tikhub_ai.bulk import BulkChat, BulkEmbeddings, BulkTranscription

if TYPE_CHECKING:
    from tikhub_ai.bulk import BulkWork


def settings_here(base_url: str) -> Settings:
    """Settings of a worker, which tells the server's journal who it is. The key is in its environment."""
    return Settings(
        base_url=base_url,
        max_retries=1,
        retry_wait=0.01,
        http_backend="httpx",
        default_headers={"x-worker": str(os.getpid())},
    )


def work_of(job: dict[str, Any]) -> BulkWork:
    """The work of a job."""
    kinds: dict[str, Any] = {"embeddings": BulkEmbeddings, "chat": BulkChat, "transcription": BulkTranscription}
    work: BulkWork = kinds[job["kind"]](settings=partial(settings_here, job["url"]), **job.get("work", {}))
    return work
