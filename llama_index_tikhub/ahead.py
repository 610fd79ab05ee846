"""Batches of texts, embedded before LlamaIndex hands them over.

Core's `get_text_embedding_batch` asks for its batches one after another, and counts, caches and reports each of them.
It still does: the requests for all of them are made as one call meanwhile, as many at once as `num_workers` says, and
each batch waits for its own vectors only. So what was paid is kept when a later batch fails.
"""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Sequence

    from tikhub_ai import EmbeddingsBatch

Owner = TypeVar("Owner")

_COLLECTION = "embeddings"
"""Where core's embeddings look into their cache."""


class _Vectors:
    """The vectors that have come, by their texts.

    Args:
        texts: All texts of the call.
        count: How many of them are embedded.
        on_progress: Called with the number of texts that came.
    """

    def __init__(self, texts: list[str], count: int, on_progress: Callable[[int], object]) -> None:
        self._texts = texts
        self._missing = count
        self._on_progress = on_progress
        self._vectors: dict[str, list[float]] = {}
        self._taken: set[str] = set()

    def add(self, batch: EmbeddingsBatch) -> None:
        for position, vector in zip(batch.positions, batch.vectors, strict=True):
            self._vectors[self._texts[position]] = vector
        self._missing -= len(batch.positions)
        self._on_progress(len(batch.positions))

    @property
    def is_whole(self) -> bool:
        return self._missing == 0

    def lacks(self, texts: Sequence[str]) -> bool:
        return any(text not in self._vectors for text in texts)

    def take(self, texts: Sequence[str]) -> list[list[float]]:
        self._taken.update(texts)
        return [self._vectors[text] for text in texts]

    def left(self) -> Iterator[tuple[str, dict[str, list[float]]]]:
        """What core did not take, as its cache has it."""
        for text, vector in self._vectors.items():
            if text not in self._taken:
                yield text, {str(uuid.uuid4()): vector}


class _Ahead(_Vectors):
    """Sync: whoever lacks a vector goes on with all requests until it has come."""

    def __init__(
        self,
        run: Generator[EmbeddingsBatch, None, None],
        texts: list[str],
        count: int,
        on_progress: Callable[[int], object],
    ) -> None:
        super().__init__(texts, count, on_progress)
        self._run = run

    def wait(self, texts: Sequence[str]) -> list[list[float]] | None:
        while self.lacks(texts):
            batch = next(self._run, None)
            if batch is None:  # a cache had a vector when the call began, and has it no more
                return None
            self.add(batch)
        return self.take(texts)

    def close(self, *, is_answered: bool = False) -> None:
        """End the run: to its own end if core has answered with all of it, so that nothing is kept for a next call."""
        if is_answered and self.is_whole:
            next(self._run, None)
        self._run.close()


class _AsyncAhead(_Vectors):
    """Async: a task goes on with all requests, and tells whoever waits."""

    def __init__(
        self,
        run: AsyncGenerator[EmbeddingsBatch, None],
        texts: list[str],
        count: int,
        on_progress: Callable[[int], object],
    ) -> None:
        super().__init__(texts, count, on_progress)
        self._came = asyncio.Event()
        self._answered = asyncio.Event()
        self._task = asyncio.create_task(self._go_on(run))

    async def _go_on(self, run: AsyncGenerator[EmbeddingsBatch, None]) -> None:
        try:
            async for batch in run:
                self.add(batch)
                self._tell()
                if self.is_whole:  # a run that ends takes the call for answered, which core may yet fail
                    await self._answered.wait()
        finally:
            await run.aclose()
            self._tell()

    def _tell(self) -> None:
        self._came.set()
        self._came = asyncio.Event()

    async def wait(self, texts: Sequence[str]) -> list[list[float]] | None:
        while self.lacks(texts):
            if self._task.done():
                self._task.result()
                return None  # as above
            await self._came.wait()
        return self.take(texts)

    async def close(self, *, is_answered: bool = False) -> None:
        """See `_Ahead.close`."""
        if is_answered and self.is_whole:
            self._answered.set()
        else:
            self._task.cancel()
        with suppress(asyncio.CancelledError, Exception):  # whoever lacked a vector was told
            await self._task


_ahead: ContextVar[_Ahead | None] = ContextVar("ahead", default=None)
_async_ahead: ContextVar[_AsyncAhead | None] = ContextVar("async_ahead", default=None)


def ahead(texts: Sequence[str]) -> list[list[float]] | None:
    """The vectors of texts that are embedded ahead, once they have come; None where these are to be asked for."""
    found = _ahead.get()
    return None if found is None else found.wait(texts)


async def aahead(texts: Sequence[str]) -> list[list[float]] | None:
    """`ahead`, async."""
    found = _async_ahead.get()
    return None if found is None else await found.wait(texts)


def embeds_ahead(owner: Owner) -> Owner:
    """A class decorator for embeddings that have a `_client()`: their batches are embedded ahead.

    The methods are not overridden, since LlamaIndex would report each call of an override twice, as two spans.
    """
    owner.get_text_embedding_batch = _ahead_of(owner.get_text_embedding_batch)  # type: ignore[attr-defined]  # BaseEmbedding's
    owner.aget_text_embedding_batch = _aahead_of(owner.aget_text_embedding_batch)  # type: ignore[attr-defined]  # likewise
    return owner


def _is_worth_it(self: Any, texts: list[str]) -> bool:
    """Whether there is more than one batch, and nobody else says when each may go out."""
    is_free = getattr(self, "rate_limiter", None) is None  # unknown to older llama-index-core
    return is_free and len(texts) > self.embed_batch_size


def _ahead_of(method: Any) -> Any:
    @functools.wraps(method)
    def get_text_embedding_batch(self: Any, texts: list[str], show_progress: bool = False, **kwargs: Any) -> Any:
        if not _is_worth_it(self, texts):
            return method(self, texts, show_progress, **kwargs)
        cache = self.embeddings_cache
        only = [at for at, text in enumerate(texts) if cache is None or cache.get(text, _COLLECTION) is None]
        with _bar(len(only), show_progress) as on_progress:
            client = self._client()
            run = client.embed_iter(texts, keep=True, only=only)
            found = _Ahead(run, texts, len(only), on_progress)
            token = _ahead.set(found)
            try:
                vectors = method(self, texts, **kwargs)
            except BaseException:
                found.close()
                for text, vector in found.left() if cache is not None else ():
                    cache.put(text, vector, _COLLECTION)
                raise
            finally:
                _ahead.reset(token)
            found.close(is_answered=True)
            client.session.forget()  # what a run had that core did not need in the end
            return vectors

    return get_text_embedding_batch


def _aahead_of(method: Any) -> Any:
    @functools.wraps(method)
    async def aget_text_embedding_batch(self: Any, texts: list[str], show_progress: bool = False, **kwargs: Any) -> Any:
        if not _is_worth_it(self, texts):
            return await method(self, texts, show_progress, **kwargs)
        cache = self.embeddings_cache
        only = [at for at, text in enumerate(texts) if cache is None or await cache.aget(text, _COLLECTION) is None]
        with _bar(len(only), show_progress) as on_progress:
            client = self._client()
            run = client.aembed_iter(texts, keep=True, only=only)
            found = _AsyncAhead(run, texts, len(only), on_progress)
            token = _async_ahead.set(found)
            try:
                vectors = await method(self, texts, **kwargs)
            except BaseException:
                await found.close()
                for text, vector in found.left() if cache is not None else ():
                    await cache.aput(text, vector, _COLLECTION)
                raise
            finally:
                _async_ahead.reset(token)
            await found.close(is_answered=True)
            client.session.forget()  # as above
            return vectors

    return aget_text_embedding_batch


@contextmanager
def _bar(total: int, show_progress: bool) -> Iterator[Callable[[int], object]]:
    """A progress bar over texts. tqdm is one of core's own requirements."""
    if not show_progress:
        yield lambda _: None
        return
    with import_module("tqdm.auto").tqdm(total=total, desc="Generating embeddings", unit="text") as bar:
        yield bar.update
