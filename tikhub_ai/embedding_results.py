"""What has come of one call for embeddings: put together, handed out, or kept where the call failed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from tikhub_ai.apis.embeddings import EmbeddingsReply
from tikhub_ai.conversation import Usage
from tikhub_ai.errors import TikHubAIError, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tikhub_ai.embedding_batches import Batches, EmbeddingsBatch
    from tikhub_ai.embedding_session import EmbeddingsSession


class Collected:
    """What has come of one call whose texts are all known. Where its context is left by an error, nothing is lost.

    Args:
        texts: The texts.
        count: How many of them are embedded.
        batches: The call.
        session: Keeps what had come when the call fails.
        on_progress: Called with the number of texts done, and of all.
    """

    def __init__(
        self,
        texts: Sequence[str],
        count: int,
        batches: Batches,
        session: EmbeddingsSession,
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        self._texts = texts
        self._count = count
        self.batches = batches
        self._session = session
        self._on_progress = on_progress
        self._parts: list[EmbeddingsBatch] = []
        self._length = 0
        self._array: Any = None
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if self.batches.are_mixed:  # which of two models is right, the next call cannot know either
            self._session.forget(self.batches.of)
        elif error is None:
            self._session.forget(self.batches.of, (self._texts[at] for part in self._parts for at in part.positions))
        else:
            self._session.keep(self.batches.of, ((self._texts[at], vector) for at, vector in self._vectors()))
        if isinstance(error, TikHubAIError) and self._done:
            error.partial = dict(self._vectors())
            come = f"{self._done:,} of {self._count:,} texts were embedded: error.partial has them."
            error.message = f"{error.message.rstrip('. ')}. {come}"
            error.args = (error.message,)

    def add(self, batch: EmbeddingsBatch) -> None:
        """Take the vectors of a batch. Rows go straight into their places, and stand nowhere else."""
        self._length = len(batch.vectors[0])
        if self.batches.as_array:
            if self._array is None:
                import numpy as np  # noqa: PLC0415 - an optional dependency

                self._array = np.empty((len(self._texts), self._length), np.float32)
            self._array[batch.positions] = batch.vectors
            batch = replace(batch, vectors=None)
        self._parts.append(batch)
        self._done += len(batch.positions)
        if self._on_progress is not None:
            self._on_progress(self._done, self._count)

    def _vectors(self) -> Iterator[tuple[int, Sequence[float]]]:
        for part in self._parts:
            vectors = [self._array[at] for at in part.positions] if part.vectors is None else part.vectors
            yield from zip(part.positions, vectors, strict=True)

    def reply(self) -> EmbeddingsReply:
        """All of it."""
        parts = sorted(self._parts, key=lambda part: part.positions[0])
        options = self.batches.options
        model = next((part.model for part in parts if part.model), options.model)
        if options.dimensions not in {None, self._length} and parts:
            warn(f"{model} ignored dimensions={options.dimensions}: its vectors have {self._length} numbers.")
        vectors: list[list[float]]
        if self.batches.as_array:
            vectors = self._array if parts else self.batches.rows([])
        else:
            vectors = [vector for part in parts for vector in part.vectors]
        usage = _sum([part.usage for part in parts])
        return EmbeddingsReply(vectors, model, usage, [found for part in parts for found in part.request_ids])


def _sum(usages: list[Usage]) -> Usage:
    """Usage of several requests; the wire's own object is kept where there was one request."""
    if len(usages) == 1:
        return usages[0]
    return Usage(
        input_tokens=sum(usage.input_tokens for usage in usages),
        total_tokens=sum(usage.total_tokens for usage in usages),
    )
