"""EmbeddingsClient: cut texts into batches, encode, transport, decode, put together. Sync and async."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from tikhub_ai.apis import embeddings as codec
from tikhub_ai.apis.embeddings import EmbeddingsOptions, EmbeddingsReply, EncodingFormat
from tikhub_ai.conversation import Usage
from tikhub_ai.errors import (
    APIStatusError,
    BadRequestError,
    ConfigurationError,
    InvalidRequestError,
    InvalidResponseError,
    warn,
)
from tikhub_ai.http.transport import Transport
from tikhub_ai.secret_values import SecretHeaders
from tikhub_ai.settings import Settings

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from tikhub_ai.wire import ApiRequest

Running = TypeVar("Running")

DEFAULT_MODEL = "text-embedding-3-small"
DEFAULT_BATCH_SIZE = 256
DEFAULT_MAX_CONCURRENCY = 8


class EmbeddingsClient:
    """Embeds texts with any embedding model of the gateway.

    Args:
        settings: Key, address, timeouts, retries.
        model: Model name.
        dimensions: Length of the vectors, for models that can shorten them (text-embedding-3-*).
        encoding_format: `float`, or `base64` for answers of a third of the size. Either form is read.
        user: Your end user's id, passed on.
        extra_body: Further fields of the request.
        extra_headers: Further headers. Secret.
        batch_size: Most texts of one request; more than 2048 count as 2048, OpenAI's limit.
        max_concurrency: Most requests at once. Sync calls use as many threads, and none for a single request.

    Raises:
        ConfigurationError: An argument cannot work.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        model: str = DEFAULT_MODEL,
        dimensions: int | None = None,
        encoding_format: EncodingFormat = "float",
        user: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | SecretHeaders | None = None,
        batch_size: int = DEFAULT_BATCH_SIZE,
        max_concurrency: int = DEFAULT_MAX_CONCURRENCY,
    ) -> None:
        if not model or not isinstance(model, str):
            raise ConfigurationError("No embedding model was named: give model=, a string.")
        if extra_body is not None and not isinstance(extra_body, Mapping):
            raise ConfigurationError(f"extra_body must be a mapping of fields, not a {type(extra_body).__name__}.")
        if encoding_format not in ("float", "base64"):
            raise ConfigurationError(f"encoding_format={encoding_format!r} is not known; use 'float' or 'base64'.")
        for name, value in (
            ("batch_size", batch_size),
            ("max_concurrency", max_concurrency),
            ("dimensions", dimensions),
        ):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ConfigurationError(f"{name} must be a whole number from 1 up, not {value!r}.")
        self.settings = settings
        self.options = EmbeddingsOptions(model, dimensions, encoding_format, user, extra_body, extra_headers)
        self.batch_size = min(batch_size, codec.MAX_INPUTS)
        self.max_concurrency = max_concurrency
        self.transport = Transport(settings)

    def embed(self, texts: Iterable[str], *, on_progress: Callable[[int, int], None] | None = None) -> EmbeddingsReply:
        """Embed texts. None of them gives no vectors and makes no request.

        A batch that the server refuses as too large is sent again in smaller ones.

        Args:
            texts: The texts. Blank ones are sent as they are, since some servers embed them.
            on_progress: Called after each request with the number of texts done, and of all texts.

        Raises:
            InvalidRequestError: A text is no string, or none that UTF-8 can carry. Nothing was sent.
            ContextWindowExceededError: One text is too long; the message names its position and length. A server that
                does not say so plainly gives a BadRequestError, with the same in its message.
            InvalidResponseError: An answer does not hold exactly one vector of one length for each text.
            TikHubAIError: Another member of the tree. Requests already under way are left to end by themselves, but
                nothing further is sent, no retry either; so too where the caller is interrupted.
        """
        job = _Job(self.options, texts, self.batch_size, on_progress)
        if len(job.texts) <= self.batch_size or self.max_concurrency == 1:
            while batch := job.take():
                job.settle(batch, partial(self._send, job, batch))
            return job.reply()
        from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait  # noqa: PLC0415 - rarely needed

        pool = ThreadPoolExecutor(self.max_concurrency, thread_name_prefix="tikhub-embeddings")
        stop = threading.Event()
        running: dict[Future[EmbeddingsReply], range] = {}
        try:
            while job.start(running, self.max_concurrency, partial(self._submit, pool, job, stop)):
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    job.settle(running.pop(future), future.result)
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
        return job.reply()

    async def aembed(
        self, texts: Iterable[str], *, on_progress: Callable[[int, int], None] | None = None
    ) -> EmbeddingsReply:
        """`embed`, async. Where it fails or is cancelled, requests under way are cancelled too."""
        job = _Job(self.options, texts, self.batch_size, on_progress)
        running: dict[asyncio.Task[EmbeddingsReply], range] = {}
        try:
            while job.start(running, self.max_concurrency, partial(self._create_task, job)):
                finished, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in finished:
                    job.settle(running.pop(task), task.result)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        return job.reply()

    def _send(self, job: _Job, batch: range, stop: threading.Event | None = None) -> EmbeddingsReply:
        return self.transport.send(job.request(batch), codec.reader(len(batch)), stop=stop)

    def _submit(
        self, pool: ThreadPoolExecutor, job: _Job, stop: threading.Event, batch: range
    ) -> Future[EmbeddingsReply]:
        # Each thread gets a copy of the caller's context, where an api_key function may look for its tenant.
        return pool.submit(copy_context().run, self._send, job, batch, stop)

    def _create_task(self, job: _Job, batch: range) -> asyncio.Task[EmbeddingsReply]:
        request, read = job.request(batch), codec.reader(len(batch))
        return asyncio.create_task(self.transport.asend(request, read))


class _Job:
    """One call: what is still to be sent, what has come, and what a refusal means. No I/O; for one thread."""

    def __init__(
        self,
        options: EmbeddingsOptions,
        texts: Iterable[str],
        batch_size: int,
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        self.texts = _checked(texts)
        self._options = options
        self._on_progress = on_progress
        self._batch_size = batch_size
        self._waiting = deque([range(len(self.texts))] if self.texts else [])
        self._replies: dict[int, EmbeddingsReply] = {}
        self._done = 0

    def take(self) -> range | None:
        """The positions of the next batch, or None where none waits."""
        if not self._waiting:
            return None
        batch = self._waiting.popleft()
        if len(batch) > self._batch_size:
            self._waiting.appendleft(batch[self._batch_size :])
        return batch[: self._batch_size]

    def start(self, running: dict[Running, range], limit: int, begin: Callable[[range], Running]) -> bool:
        """Begin as many batches as may run at once. False where all is done."""
        while len(running) < limit and (batch := self.take()):
            running[begin(batch)] = batch
        return bool(running)

    def request(self, batch: range) -> ApiRequest:
        """The request for a batch."""
        return codec.encode(self._options, self.texts[batch.start : batch.stop])

    def settle(self, batch: range, result: Callable[[], EmbeddingsReply]) -> None:
        """Take a batch's result. One refused as too large waits again, to be sent in halves, as do all after it."""
        try:
            self._replies[batch.start] = result()
        except APIStatusError as error:
            if not codec.is_too_large(error) or len(batch) == 1:
                raise self._explained(error, batch) from None
            self._batch_size = min(self._batch_size, (len(batch) + 1) // 2)
            self._waiting.appendleft(batch)
            return
        self._done += len(batch)
        if self._on_progress is not None:
            self._on_progress(self._done, len(self.texts))

    def _explained(self, error: APIStatusError, batch: range) -> APIStatusError:
        """The error, with the texts that caused it named where they can be told. Texts are private: none is quoted."""
        if codec.is_too_large(error):
            text = f"texts[{batch.start}], of {len(self.texts[batch.start]):,} characters,"
            said = f"{text} is too long for {self._options.model}: split it. {error.message}"
        elif isinstance(error, BadRequestError) and (blank := [i for i in batch if not self.texts[i].strip()]):
            names = ", ".join(f"texts[{i}]" for i in blank[:10]) + (" ..." if len(blank) > 10 else "")
            said = f"{error.message} Blank texts, which many models refuse, are among the input: {names}."
        else:
            return error
        explained = copy.copy(error)
        explained.message = said
        explained.args = (said,)
        return explained

    def reply(self) -> EmbeddingsReply:
        """All batches together.

        Raises:
            InvalidResponseError: Their vectors are not of one length.
        """
        replies = [self._replies[start] for start in sorted(self._replies)]
        whole = EmbeddingsReply(
            vectors=[vector for reply in replies for vector in reply.vectors],
            model=next((reply.model for reply in replies if reply.model), self._options.model),
            usage=_sum([reply.usage for reply in replies]),
            request_ids=[request_id for reply in replies for request_id in reply.request_ids],
        )
        lengths = sorted({len(reply.vectors[0]) for reply in replies})
        if len(lengths) > 1:
            raise InvalidResponseError(
                f"{whole.model} gave vectors of {' and '.join(map(str, lengths))} numbers for one list of texts. "
                "They cannot be compared: the gateway may have mixed two models."
            )
        if self._options.dimensions not in {None, *lengths} and lengths:
            warn(f"{whole.model} ignored dimensions={self._options.dimensions}: its vectors have {lengths[0]} numbers.")
        return whole


def _checked(texts: Iterable[str]) -> list[str]:
    """The texts as a list.

    Raises:
        InvalidRequestError: They are no texts.
    """
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise InvalidRequestError(f"texts must be a list of strings, not a {type(texts).__name__}.")
    texts = list(texts)
    for position, text in enumerate(texts):
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
    return texts


def _sum(usages: list[Usage]) -> Usage:
    """Usage of several requests; the wire's own object is kept where there was one request."""
    if len(usages) == 1:
        return usages[0]
    return Usage(
        input_tokens=sum(usage.input_tokens for usage in usages),
        total_tokens=sum(usage.total_tokens for usage in usages),
    )
