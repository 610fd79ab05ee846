"""EmbeddingsClient: cut texts into batches, encode, transport, decode, put together. Sync and async.

`embed`, `embed_array` and `embed_iter` are one loop over `Batches`, which decides; requests run in threads or tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from tikhub_ai.apis import embeddings as codec
from tikhub_ai.apis.embeddings import EmbeddingsOptions, EmbeddingsReply, EncodingFormat
from tikhub_ai.embedding_batches import Batch, Batches, EmbeddingsBatch, Limits
from tikhub_ai.embedding_results import Collected
from tikhub_ai.embedding_session import EmbeddingsSession
from tikhub_ai.errors import ConfigurationError, InvalidRequestError, check_whole
from tikhub_ai.http.transport import Transport
from tikhub_ai.rates import Rates
from tikhub_ai.secret_values import SecretHeaders
from tikhub_ai.settings import Settings
from tikhub_ai.workers import Call, Threads, finished

DEFAULT_MODEL = "text-embedding-3-small"
DEFAULT_BATCH_SIZE = 256
DEFAULT_MAX_CONCURRENCY = 16
ENCODING_FORMATS = ("auto", "float", "base64")


class EmbeddingsClient:
    """Embeds texts with any embedding model of the gateway.

    A 429 (too many requests) halves how many requests each call of the client sends at once, and answers raise the
    number again. When a batch fails for good, nothing further is sent, and requests under way are waited for. The error
    then holds all vectors that had come, in `partial`, by the positions of their texts. The client keeps them too, up
    to 256 MiB, until a later call that needs them has succeeded: nothing is paid for twice.

    Args:
        settings: Key, address, timeouts, retries.
        model: Model name.
        dimensions: Length of the vectors, for models that can shorten them (text-embedding-3-*).
        encoding_format: How numbers travel: `float`; `base64`, answers of a third of the size that are read several
            times as fast; or `auto`: `float`, and `base64` once the server has answered in it, which the first call of
            more than 1,000 texts finds out with one of them. A batch that fails in base64 later on is sent once more,
            in floats. Either form is read whatever was asked for.
        user: Your end user's id, passed on.
        extra_body: Further fields of the request.
        extra_headers: Further headers. Secret.
        batch_size: Most texts of one request; more than 2048 count as 2048, OpenAI's limit. A request holds no more
            than an estimated 300,000 tokens, either.
        max_concurrency: Most requests of one call at once. Sync calls use as many threads, none for a single request.
        requests_per_minute: Most requests in any 60 seconds; None sets no limit. A retry goes out when its wait is
            over, and counts for what comes after it.
        tokens_per_minute: Most tokens in any 60 seconds, estimated at 3 bytes of UTF-8 each; None sets no limit. No
            request holds more, but for a single text that does: it counts for as many minutes as it is worth.
        session: The pace, and the vectors of a call that failed; to be shared with other clients. By default, the
            client has its own.

    Raises:
        ConfigurationError: An argument cannot work.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        model: str = DEFAULT_MODEL,
        dimensions: int | None = None,
        encoding_format: EncodingFormat | Literal["auto"] = "auto",
        user: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | SecretHeaders | None = None,
        batch_size: int = DEFAULT_BATCH_SIZE,
        max_concurrency: int = DEFAULT_MAX_CONCURRENCY,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        session: EmbeddingsSession | None = None,
    ) -> None:
        if not model or not isinstance(model, str):
            raise ConfigurationError("No embedding model was named: give model=, a string.")
        if extra_body is not None and not isinstance(extra_body, Mapping):
            raise ConfigurationError(f"extra_body must be a mapping of fields, not a {type(extra_body).__name__}.")
        if encoding_format not in ENCODING_FORMATS:
            raise ConfigurationError(
                f"encoding_format={encoding_format!r} is not known; use 'auto', 'float' or 'base64'."
            )
        check_whole(1, batch_size=batch_size, max_concurrency=max_concurrency)
        if dimensions is not None:
            check_whole(1, dimensions=dimensions)
        self.settings = settings
        self.options = EmbeddingsOptions(model, dimensions, encoding_format, user, extra_body, extra_headers)
        self.batch_size = min(batch_size, codec.MAX_INPUTS)
        self.max_concurrency = max_concurrency
        self.rates = Rates(requests_per_minute, tokens_per_minute)
        self.session = EmbeddingsSession() if session is None else session
        self.transport = Transport(settings)

    @property
    def _of(self) -> Any:
        """What vectors depend on besides their texts."""
        return str(self.settings.base_url), replace(self.options, encoding_format="float", extra_headers=None)

    def keep(self, vectors: Mapping[str, Sequence[float]]) -> None:
        """Keep vectors that were paid for, by their texts, for later calls, as a call that fails keeps its own.

        Args:
            vectors: All of one length.
        """
        self.session.keep(self._of, vectors.items())

    # --- all at once ------------------------------------------------------------------------------------------------

    def embed(self, texts: Iterable[str], *, on_progress: Callable[[int, int], None] | None = None) -> EmbeddingsReply:
        """Embed texts. An empty list makes no request.

        A batch that the server refuses as too large is sent again in smaller ones.

        Args:
            texts: The texts. Blank ones are sent as they are, since some servers embed them.
            on_progress: Called after each request with the number of texts done, and of all texts.

        Raises:
            InvalidRequestError: A text is no string, or none that UTF-8 can carry. Nothing was sent.
            ContextWindowExceededError: One text is too long; the message names its position and length. A server that
                does not say so plainly leads to a BadRequestError, with the same in its message.
            InvalidResponseError: An answer does not hold exactly one vector for each text, all of one length.
            TikHubAIError: Another member of the tree. `positions` are those of the batch that failed, and `partial` has
                the vectors that had come, by position: requests already under way are waited for, but nothing further
                is sent, no retry either. Where the caller is interrupted, nothing is waited for.
        """
        return self._embed(texts, on_progress, as_array=False)

    async def aembed(
        self, texts: Iterable[str], *, on_progress: Callable[[int, int], None] | None = None
    ) -> EmbeddingsReply:
        """`embed`, async. Where it is cancelled, requests under way are cancelled too."""
        return await self._aembed(texts, on_progress, as_array=False)

    def embed_array(
        self, texts: Iterable[str], *, on_progress: Callable[[int, int], None] | None = None
    ) -> EmbeddingsReply:
        """`embed`, with the vectors as one numpy array of float32, a row for each text; of shape (0, 0) for no texts.

        Needs little more memory than that array.

        Raises:
            ImportError: numpy is not installed. Nothing was sent.
            TikHubAIError: As `embed` does; the vectors of `partial` are rows.
        """
        return self._embed(texts, on_progress, as_array=True)

    async def aembed_array(
        self, texts: Iterable[str], *, on_progress: Callable[[int, int], None] | None = None
    ) -> EmbeddingsReply:
        """`embed_array`, async."""
        return await self._aembed(texts, on_progress, as_array=True)

    def _embed(
        self, texts: Iterable[str], on_progress: Callable[[int, int], None] | None, *, as_array: bool
    ) -> EmbeddingsReply:
        found = self._collected(texts, on_progress, as_array=as_array)
        for _ in self._kept(found):
            pass
        return found.reply()

    async def _aembed(
        self, texts: Iterable[str], on_progress: Callable[[int, int], None] | None, *, as_array: bool
    ) -> EmbeddingsReply:
        found = self._collected(texts, on_progress, as_array=as_array)
        async with aclosing(self._akept(found)) as run:  # closed in time where this call is cancelled
            async for _ in run:
                pass
        return found.reply()

    def _collected(
        self,
        texts: Iterable[str],
        on_progress: Callable[[int, int], None] | None = None,
        only: Collection[int] | None = None,
        *,
        as_array: bool,
    ) -> Collected:
        whole = list(checked(texts)) if only is None else listed(texts)
        places: Collection[int] = range(len(whole)) if only is None else only
        pairs = enumerate(whole) if only is None else list(chosen(whole, only))
        batches = self._batches(pairs, len(places), as_array=as_array)
        return Collected(whole, len(places), batches, self.session, on_progress)

    # --- as they come -----------------------------------------------------------------------------------------------

    def embed_iter(
        self,
        texts: Iterable[str],
        *,
        as_array: bool = False,
        keep: bool = False,
        only: Collection[int] | None = None,
    ) -> Generator[EmbeddingsBatch, None, None]:
        """Embed texts, and yield each batch's vectors as they come, in no order: for those who store as they go.

        Closing the iterator sends nothing further.

        Args:
            texts: The texts. They are taken as they are needed, so there may be any number of them; with `keep` or
                `only`, all are taken first.
            as_array: Whether vectors are rows of a numpy array of float32.
            keep: Whether all vectors are kept for a call that fails, as `embed` does.
            only: Positions of the texts to embed, in the order in which they are sent; None means all of them.

        Yields:
            Vectors, with the positions of their texts.

        Raises:
            ImportError: `as_array` without numpy. Nothing was sent.
            TikHubAIError: As `embed` does, after all vectors that had come were yielded: `partial` is None but for
                `keep`. What the iterable of texts raises is raised at the same point.
        """
        if keep:
            return self._kept(self._collected(texts, only=only, as_array=as_array))
        return self._run(self._some(texts, only, as_array=as_array))

    def aembed_iter(
        self,
        texts: Iterable[str],
        *,
        as_array: bool = False,
        keep: bool = False,
        only: Collection[int] | None = None,
    ) -> AsyncGenerator[EmbeddingsBatch, None]:
        """`embed_iter`, async."""
        if keep:
            return self._akept(self._collected(texts, only=only, as_array=as_array))
        return self._arun(self._some(texts, only, as_array=as_array))

    def _some(self, texts: Iterable[str], only: Collection[int] | None, *, as_array: bool) -> Batches:
        if only is None:
            return self._batches(enumerate(checked(texts)), None, as_array=as_array)
        return self._batches(chosen(listed(texts), only), len(only), as_array=as_array)

    def _kept(self, found: Collected) -> Generator[EmbeddingsBatch, None, None]:
        with found, closing(self._run(found.batches)) as run:
            for batch in run:
                found.add(batch)
                yield batch

    async def _akept(self, found: Collected) -> AsyncGenerator[EmbeddingsBatch, None]:
        with found:
            async with aclosing(self._arun(found.batches)) as run:
                async for batch in run:
                    found.add(batch)
                    yield batch

    # --- how they run -----------------------------------------------------------------------------------------------

    def _batches(self, texts: Iterable[tuple[int, str]], count: int | None, *, as_array: bool) -> Batches:
        if as_array:
            codec.needs_numpy()
        return Batches(
            self.options,
            texts,
            count,
            limits=Limits(self.batch_size, self.max_concurrency, self.rates, self.settings.max_retry_after),
            session=self.session,
            of=self._of,
            as_array=as_array,
        )

    def _run(self, batches: Batches) -> Generator[EmbeddingsBatch, None, None]:
        """Send batches until none is left, at once as many as may be: each in a thread, a single one in this."""
        with Threads(self.max_concurrency) as workers:
            running: dict[Call[EmbeddingsReply], Batch] = {}
            while (turn := batches.turn(running, partial(self._begin, workers, batches))) is not None:
                yield from turn.given
                for one in workers.finished(running, turn.seconds):
                    if (batch := batches.settle(running.pop(one), one.result)) is not None:
                        yield batch
                if batches.failure is not None:
                    workers.stop.set()
        batches.raise_failure()

    async def _arun(self, batches: Batches) -> AsyncGenerator[EmbeddingsBatch, None]:
        stop = asyncio.Event()
        running: dict[asyncio.Task[EmbeddingsReply], Batch] = {}
        try:
            while (turn := batches.turn(running, partial(self._abegin, stop, batches))) is not None:
                for batch in turn.given:
                    yield batch
                for one in await finished(running, turn.seconds):
                    if (found := batches.settle(running.pop(one), one.result)) is not None:
                        yield found
                if batches.failure is not None:
                    stop.set()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        batches.raise_failure()

    def _begin(self, workers: Threads, batches: Batches, batch: Batch) -> Call[EmbeddingsReply]:
        return workers.begin(
            partial(
                self.transport.send,
                batches.request(batch),
                batches.reader(batch),
                stop=workers.stop,
                on_retry=partial(batches.told, batch),
            )
        )

    def _abegin(self, stop: asyncio.Event, batches: Batches, batch: Batch) -> asyncio.Task[EmbeddingsReply]:
        told = partial(batches.told, batch)
        call = self.transport.asend(batches.request(batch), batches.reader(batch), stop=stop, on_retry=told)
        return asyncio.create_task(call)


def checked(texts: Iterable[str]) -> Iterator[str]:
    """The texts, one by one.

    Raises:
        InvalidRequestError: They are no texts.
    """
    _refuse_one_text(texts)
    for position, text in enumerate(texts):
        _check(text, position)
        yield text


def chosen(texts: Sequence[str], only: Iterable[int]) -> Iterator[tuple[int, str]]:
    """Some of the texts, each with its position. The others may be anything.

    Raises:
        InvalidRequestError: They are no texts.
    """
    for position in only:
        _check(texts[position], position)
        yield position, texts[position]


def listed(texts: Iterable[str]) -> Sequence[str]:
    """The texts, where each can be asked for by its position."""
    _refuse_one_text(texts)
    return texts if isinstance(texts, (list, tuple)) else list(texts)


def _refuse_one_text(texts: Any) -> None:
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise InvalidRequestError(f"texts must be a list of strings, not a {type(texts).__name__}.")


def _check(text: Any, position: int) -> None:
    if not isinstance(text, str):
        raise InvalidRequestError(
            f"texts[{position}] is a {type(text).__name__}, not a string. Only text can be embedded, no token ids."
        )
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidRequestError(
                f"texts[{position}] holds half a character at {error.start}, which UTF-8 cannot carry. "
                "Repair it with text.encode('utf-8', 'replace').decode()."
            ) from None
