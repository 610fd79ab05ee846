"""Batches of texts, embedded before LlamaIndex hands them over.

Core's `get_text_embedding_batch` asks for its batches one after another, and counts, caches and reports each of them.
It still does: the requests for all of them are made as one call meanwhile, as many at once as `num_workers` says, and
each batch waits for its own vectors only. So what was paid is kept when a later batch fails. With a `rate_limiter`,
which says when each batch may go out, each is asked for when core hands it over.
"""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import Iterator
from contextlib import aclosing, contextmanager, suppress
from contextvars import ContextVar
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from tikhub_ai import TikHubAIError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tikhub_ai import EmbeddingsBatch, EmbeddingsClient

Owner = TypeVar("Owner")

_COLLECTION = "embeddings"
"""Where core's embeddings look into their cache."""


class _Vectors:
    """The vectors that have come, by their texts.

    Args:
        texts: All texts of the call.
        only: Positions of those that are embedded.
        on_progress: Called with the number of texts that came.
    """

    def __init__(self, texts: list[str], only: Sequence[int], on_progress: Callable[[int], object]) -> None:
        self._texts = texts
        self._only = only
        self._missing = len(only)
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
    """Sync: a batch whose vectors are missing goes on with all requests until they have come."""

    def __init__(
        self, client: EmbeddingsClient, texts: list[str], only: Sequence[int], on_progress: Callable[[int], object]
    ) -> None:
        super().__init__(texts, only, on_progress)
        self._run = client.embed_iter(texts, keep=True, only=only)

    def wait(self, texts: Sequence[str]) -> list[list[float]] | None:
        while self.lacks(texts):
            batch = next(self._run, None)
            if batch is None:  # a cache had a vector when the call began, and has it no more
                return None
            self.add(batch)
        return self.take(texts)

    def end(self, error: BaseException | None) -> None:
        """Core has ended. A run that is closed before its end keeps what had come, for the next call."""
        if error is None and self.is_whole:
            next(self._run, None)
        self._run.close()


class _AsyncAhead(_Vectors):
    """Async: a task goes on with all requests, and tells the batches that wait."""

    def __init__(
        self, client: EmbeddingsClient, texts: list[str], only: Sequence[int], on_progress: Callable[[int], object]
    ) -> None:
        super().__init__(texts, only, on_progress)
        self._run = client.aembed_iter(texts, keep=True, only=only)
        self._came = asyncio.Event()
        self._task = asyncio.create_task(self._go_on())

    async def _go_on(self) -> None:
        try:
            async for batch in self._run:
                self.add(batch)
                self._tell()
                if self.is_whole:  # the run must not end: it would take the call for answered, which core may yet fail
                    break
        finally:
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

    async def end(self, error: BaseException | None) -> None:
        """See `_Ahead.end`."""
        self._task.cancel()
        with suppress(asyncio.CancelledError, Exception):  # the batches that wait were told
            await self._task
        if error is None and self.is_whole:
            await anext(self._run, None)
        await self._run.aclose()


class _Turns(_Vectors):
    """A rate limiter says when each batch may go out: each asks for its own vectors."""

    def __init__(
        self, client: EmbeddingsClient, texts: list[str], only: Sequence[int], on_progress: Callable[[int], object]
    ) -> None:
        super().__init__(texts, only, on_progress)
        self._client = client
        self._places = {texts[place]: place for place in reversed(only)}

    def places(self, texts: Sequence[str]) -> list[int] | None:
        places = [self._places.get(text, -1) for text in texts]
        return None if -1 in places else places  # a cache had one when the call began, and has it no more

    def keep(self, error: BaseException) -> None:
        """Core has failed: what earlier batches had paid for is kept for the next call, and in the error."""
        self._client.keep(self._vectors)
        if isinstance(error, TikHubAIError) and self._vectors:
            come = {place: self._vectors[text] for text, place in self._places.items() if text in self._vectors}
            error.partial = come | (error.partial or {})


class _InTurn(_Turns):
    """Sync."""

    def wait(self, texts: Sequence[str]) -> list[list[float]] | None:
        if (places := self.places(texts)) is None:
            return None
        for batch in self._client.embed_iter(self._texts, keep=True, only=places):
            self.add(batch)
        return self.take(texts)

    def end(self, error: BaseException | None) -> None:
        """See `_Ahead.end`."""
        if error is not None:
            self.keep(error)


class _AsyncInTurn(_Turns):
    """Async: as many at once as the client may."""

    def __init__(
        self, client: EmbeddingsClient, texts: list[str], only: Sequence[int], on_progress: Callable[[int], object]
    ) -> None:
        super().__init__(client, texts, only, on_progress)
        self._room = asyncio.Semaphore(client.max_concurrency)
        self._is_over = False

    async def wait(self, texts: Sequence[str]) -> list[list[float]] | None:
        if (places := self.places(texts)) is None:
            return None
        async with self._room, aclosing(self._client.aembed_iter(self._texts, keep=True, only=places)) as run:
            if self._is_over:  # core leaves its other batches to go on
                raise asyncio.CancelledError
            async for batch in run:
                self.add(batch)
        return self.take(texts)

    async def end(self, error: BaseException | None) -> None:
        """See `_InTurn.end`; once what is under way has come, since it is paid."""
        self._is_over = True
        if isinstance(error, Exception):
            for _ in range(self._client.max_concurrency):
                await self._room.acquire()
            for _ in range(self._client.max_concurrency):
                self._room.release()  # for batches that still wait for the rate limiter, and must see that it is over
        if error is not None:
            self.keep(error)


_ahead: ContextVar[_Ahead | _InTurn | None] = ContextVar("ahead", default=None)
_async_ahead: ContextVar[_AsyncAhead | _AsyncInTurn | None] = ContextVar("async_ahead", default=None)


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


def _is_free(self: Any) -> bool:
    """Whether nobody else says when each batch may go out."""
    return getattr(self, "rate_limiter", None) is None  # unknown to older llama-index-core


def _ahead_of(method: Any) -> Any:
    @functools.wraps(method)
    def get_text_embedding_batch(self: Any, texts: list[str], show_progress: bool = False, **kwargs: Any) -> Any:
        if len(texts) < 2:
            return method(self, texts, show_progress, **kwargs)
        cache = self.embeddings_cache
        only = [at for at, text in enumerate(texts) if cache is None or cache.get(text, _COLLECTION) is None]
        with _bar(len(only), show_progress) as on_progress:
            found = (_Ahead if _is_free(self) else _InTurn)(self._client(), texts, only, on_progress)
            token = _ahead.set(found)
            try:
                vectors = method(self, texts, **kwargs)
            except BaseException as error:
                found.end(error)
                for text, vector in found.left() if cache is not None else ():
                    cache.put(text, vector, _COLLECTION)
                raise
            finally:
                _ahead.reset(token)
            found.end(None)
            return vectors

    return get_text_embedding_batch


def _aahead_of(method: Any) -> Any:
    @functools.wraps(method)
    async def aget_text_embedding_batch(self: Any, texts: list[str], show_progress: bool = False, **kwargs: Any) -> Any:
        if len(texts) < 2:
            return await method(self, texts, show_progress, **kwargs)
        cache = self.embeddings_cache
        only = [at for at, text in enumerate(texts) if cache is None or await cache.aget(text, _COLLECTION) is None]
        with _bar(len(only), show_progress) as on_progress:
            found = (_AsyncAhead if _is_free(self) else _AsyncInTurn)(self._client(), texts, only, on_progress)
            token = _async_ahead.set(found)
            try:
                vectors = await method(self, texts, **kwargs)
            except BaseException as error:
                await found.end(error)
                for text, vector in found.left() if cache is not None else ():
                    await cache.aput(text, vector, _COLLECTION)
                raise
            finally:
                _async_ahead.reset(token)
            await found.end(None)
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
