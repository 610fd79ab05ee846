"""What a call for embeddings sends, batch by batch, and what each answer and refusal means. No I/O; for one thread."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from tikhub_ai.apis import embeddings as codec
from tikhub_ai.apis.embeddings import EmbeddingsOptions, EmbeddingsReply, EncodingFormat
from tikhub_ai.conversation import Usage
from tikhub_ai.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    InvalidResponseError,
    PermissionDeniedError,
    RateLimitError,
    TikHubAIError,
)
from tikhub_ai.rates import UNLIMITED, Rates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tikhub_ai.embedding_session import EmbeddingsSession
    from tikhub_ai.settings import Retry
    from tikhub_ai.wire import ApiRequest, ApiResponse

R = TypeVar("R")

_OF_THE_FORM = (BadRequestError, InvalidResponseError)
_OF_THE_PROBE = (APIStatusError, InvalidResponseError)
"""A text alone that shows whether the server answers in base64 may be answered in any way by one that cannot."""
_OF_THE_CALLER = (AuthenticationError, PermissionDeniedError, RateLimitError)
PROBED_FROM = 1000
"""Texts: for fewer, finding out whether the server answers in base64 costs as much as it saves."""


@dataclass(slots=True)
class Limits:
    """How much goes out.

    Attributes:
        batch_size: Most texts of one request.
        max_concurrency: Most requests at once.
        rates: How many requests and tokens a minute.
        max_retry_after: Seconds: where a server asks to wait longer, the call fails at once.
    """

    batch_size: int
    max_concurrency: int
    rates: Rates = UNLIMITED
    max_retry_after: float = 60.0


@dataclass(slots=True, eq=False)
class Batch:
    """Texts that go out together.

    Attributes:
        form: How their vectors are asked for.
        positions: Of the texts among all of the call; in order.
        texts: The texts.
        tokens: How many they are, as estimated.
        paid: Vectors that an earlier call had paid for, one for each text: then it does not go out.
        is_probe: Whether it is one text that shows whether the server answers in base64.
        is_in_doubt: Whether it was refused in base64, which `auto` had chosen: it is sent once more, in floats.
        began: When it went out, by the pace's clock.
    """

    form: EncodingFormat
    positions: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    tokens: int = 0
    paid: list[Sequence[float]] = field(default_factory=list)
    is_probe: bool = False
    is_in_doubt: bool = False
    began: float = 0.0

    def halves(self) -> tuple[Batch, Batch]:
        """Two batches of its texts; the first is no smaller than the second."""
        middle, tokens = (len(self.texts) + 1) // 2, self.tokens // 2
        first = replace(self, positions=self.positions[:middle], texts=self.texts[:middle], tokens=tokens)
        return first, replace(self, positions=self.positions[middle:], texts=self.texts[middle:], tokens=tokens)

    def goes_with(self, paid: Sequence[float] | None) -> bool:
        """Whether a text may go into it whose vector had been paid for, or had not."""
        if paid is None or not self.paid:
            return paid is None and not self.paid
        return len(self.paid[0]) == len(paid)

    @property
    def named(self) -> str:
        """Its texts, by their positions, as an error names them."""
        first, last, count = self.positions[0], self.positions[-1], len(self.positions)
        if count == 1:
            return f"texts[{first}]"
        named = f"texts[{first}] to texts[{last}]"
        return named if last - first == count - 1 else f"{count:,} texts, {named},"


@dataclass(slots=True)
class EmbeddingsBatch:
    """The vectors of some texts, as `embed_iter` yields them.

    Attributes:
        positions: Of the texts among all, in order; of the same length as `vectors`.
        vectors: One list of floats for each.
        model: The name in the answer; empty where it has none.
        usage: Of the request; zero where the vectors had been paid for by an earlier call that failed.
        request_ids: The gateway's id of the request, where it has one.
    """

    positions: Sequence[int]
    vectors: Any
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    request_ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Turn:
    """What to do while requests are under way.

    Attributes:
        given: Vectors that an earlier call had paid for.
        seconds: After which to ask again; None where only an answer changes anything.
    """

    given: list[EmbeddingsBatch]
    seconds: float | None = None


class Batches:
    """One call: what is still to be sent, what a refusal means, and which failure is the call's end.

    Args:
        options: What every request has in common.
        texts: The texts and their positions. What they raise ends the call.
        count: How many they are, where that is known.
        limits: How much goes out.
        session: What the client's calls share.
        of: What vectors depend on besides their texts.
        as_array: Whether vectors are rows of a numpy array.
    """

    def __init__(
        self,
        options: EmbeddingsOptions,
        texts: Iterable[tuple[int, str]],
        count: int | None,
        *,
        limits: Limits,
        session: EmbeddingsSession,
        of: Any,
        as_array: bool = False,
    ) -> None:
        self.failure: Exception | None = None
        self.are_mixed = False
        self.of = of
        self.options = options
        self._limits = limits
        self._session = session
        self.as_array = as_array
        self._largest = limits.batch_size
        self._texts = iter(texts)
        self._next: tuple[int, str] | None = None
        self._again: deque[Batch] = deque()
        self._answers = 0
        self._refused: dict[int, int] = {}
        self._probed = 0
        self._count = count
        self._length: int | None = None
        self._most_tokens = min(codec.MAX_TOKENS, limits.rates.tokens_per_minute or codec.MAX_TOKENS)
        is_worth_it = count is None or count > PROBED_FROM
        self._is_probing = options.encoding_format == "auto" and session.answers_base64 is None and is_worth_it

    # --- the call ---------------------------------------------------------------------------------------------------

    def turn(self, running: dict[R, Batch], begin: Callable[[Batch], R]) -> Turn | None:
        """Begin all requests that may go out now.

        Args:
            running: What is under way; what is begun is added.
            begin: Begins one.

        Returns:
            What to do then; None where the call is over.
        """
        turn = Turn([])
        while True:
            ready = self._ready(len(running))
            if not isinstance(ready, Batch):
                turn.seconds = ready
                break
            if ready.paid:
                found = EmbeddingsBatch(ready.positions, self.rows([list(one) for one in ready.paid]))
                turn.given += [found] if self._is_comparable(ready, found) else []
            else:
                running[begin(ready)] = ready
        return turn if running or turn.given or turn.seconds is not None else None

    def raise_failure(self) -> None:
        """Raise what ended the call, if anything did."""
        if self.failure is not None:
            raise self.failure

    # --- what goes out ----------------------------------------------------------------------------------------------

    def _ready(self, running: int) -> Batch | float | None:
        """The next batch, or the seconds after which to ask again; None where only an answer changes anything."""
        batch = None if self.failure is not None else self._take()
        if batch is None or batch.paid:
            return batch
        limits, pace = self._limits, self._session.pace
        wait: float | None = None
        if running < pace.limit(limits.max_concurrency):
            wait = pace.wait(batch.tokens, limits.rates)
        if wait == 0:
            batch.began = pace.now
            return batch
        self._again.appendleft(batch)
        return wait

    def request(self, batch: Batch) -> ApiRequest:
        """The request for a batch."""
        return codec.encode(self.options, batch.texts, batch.form)

    def reader(self, batch: Batch) -> Callable[[ApiResponse], EmbeddingsReply]:
        """What reads its answer."""
        return codec.reader(len(batch.texts), as_array=self.as_array)

    def _take(self) -> Batch | None:
        if not self._again:
            return self._new()
        batch = self._again.popleft()
        while len(batch.texts) > self._largest:
            batch, rest = batch.halves()
            self._again.appendleft(rest)
        if not batch.is_probe:
            batch.form = "float" if batch.is_in_doubt else self._form
        return batch

    def _new(self) -> Batch | None:
        """A batch of texts that were not sent yet, or of such as were paid for; None where the texts end or fail."""
        batch = Batch(self._form)
        room, self._probed = self._largest - self._probed, 0
        while len(batch.texts) < max(1, room) and (found := self._peek()) is not None:
            position, text = found
            paid = self._session.take(self.of, text)
            tokens = codec.estimated_tokens(text)
            if batch.texts and (batch.tokens + tokens > self._most_tokens or not batch.goes_with(paid)):
                break
            batch.positions.append(position)
            batch.texts.append(text)
            batch.tokens += tokens
            self._next = None
            if paid is not None:
                batch.paid.append(paid)
            elif self._is_probing:
                batch.form, batch.is_probe, self._is_probing = "base64", True, False
                self._probed = 1  # the next batch is shorter by it, so that all others stay as they would be
                break
        return batch if batch.texts and self.failure is None else None

    def _peek(self) -> tuple[int, str] | None:
        """The next text that was not sent yet."""
        if self._next is None and self.failure is None:
            try:
                self._next = next(self._texts, None)
            except Exception as error:  # noqa: BLE001 - it is no text, or the iterable itself has failed
                self.failure = error
        return self._next

    @property
    def _form(self) -> EncodingFormat:
        """How vectors are asked for: by `auto` in base64 once the server has answered in it."""
        if self.options.encoding_format != "auto":
            return self.options.encoding_format
        return "base64" if self._session.answers_base64 else "float"

    # --- what came --------------------------------------------------------------------------------------------------

    def rows(self, vectors: list[list[float]]) -> Any:
        """Vectors as the call's own kind."""
        return codec.rows(vectors) if self.as_array else vectors

    def settle(self, batch: Batch, result: Callable[[], EmbeddingsReply]) -> EmbeddingsBatch | None:
        """Take a batch's result.

        One refused as too large waits again, to be sent in halves, as do all after it; one refused since there were too
        many waits again while that can help; one refused in base64 that `auto` chose is sent once more, in floats. Any
        other failure, also one of the caller's own code, ends the call: nothing is sent any more, and what is under way
        is still taken, since it is paid for.
        """
        try:
            reply = result()
        except Exception as error:  # noqa: BLE001 - also the caller's own, of a function that reads the key
            if self.failure is None:  # of two failures, the first one counts
                self._refuse(batch, error)
            return None
        self._answers += 1
        self._session.pace.answered(self._limits.max_concurrency)
        if batch.is_probe:
            self._session.answers_base64 = reply.is_base64
        elif batch.is_in_doubt and self._session.answers_base64:
            self._session.answers_base64 = False
        found = EmbeddingsBatch(batch.positions, reply.vectors, reply.model, reply.usage, reply.request_ids)
        return found if self._is_comparable(batch, found) else None

    def _is_comparable(self, batch: Batch, found: EmbeddingsBatch) -> bool:
        """Whether vectors are as long as those before them. Where they are not, the call ends."""
        length = len(found.vectors[0])
        self._length = self._length or length
        if length == self._length:
            return True
        self.are_mixed = True
        if self.failure is None:
            lengths = " and ".join(map(str, sorted((self._length, length))))
            error = InvalidResponseError(
                f"{found.model or self.options.model} returned vectors of {lengths} numbers for one list of texts. "
                "They cannot be compared: the gateway may have mixed two models."
            )
            self.failure = self._explained(error, batch)
        return False

    def _refuse(self, batch: Batch, error: Exception) -> None:
        """Decide what a failure means: the batch waits again, or the call ends."""
        if not isinstance(error, TikHubAIError):
            self.failure = error
        elif batch.is_probe and isinstance(error, _OF_THE_PROBE) and not isinstance(error, _OF_THE_CALLER):
            self._session.answers_base64 = batch.is_probe = False
            self._again.appendleft(batch)
        elif isinstance(error, APIStatusError) and codec.is_too_large(error) and len(batch.texts) > 1:
            self._largest = min(self._largest, (len(batch.texts) + 1) // 2)
            self._again.appendleft(batch)
        elif self._may_be_the_form(batch, error):
            batch.is_in_doubt = True
            self._again.appendleft(batch)
        elif self._may_go_again(batch, error):
            self._again.appendleft(batch)
        else:
            self.failure = self._explained(error, batch)

    def told(self, batch: Batch, retry: Retry) -> None:
        """A batch's request is about to be repeated: where there were too many, fewer go out from now on."""
        if self._limits.rates.are_limited:
            self._session.pace.spend(batch.tokens, self._limits.rates)
        if isinstance(retry.error, RateLimitError):
            self._refused_pace(batch, retry.error)

    def _refused_pace(self, batch: Batch, error: RateLimitError) -> bool:
        return self._session.pace.refused(self._limits.max_concurrency, batch.began, error.retry_after)

    def _may_be_the_form(self, batch: Batch, error: TikHubAIError) -> bool:
        """Whether a batch may have failed since it asked for base64 of a server that had answered in it."""
        is_ours = self.options.encoding_format == "auto" and batch.form == "base64"
        is_too_long = isinstance(error, APIStatusError) and codec.is_too_large(error)
        return is_ours and isinstance(error, _OF_THE_FORM) and not is_too_long

    def _is_all(self, batch: Batch) -> bool:
        """Whether it is the whole call."""
        return len(batch.positions) == self._count

    def _may_go_again(self, batch: Batch, error: TikHubAIError) -> bool:
        """Whether a refusal for too many requests may pass: fewer go out now, or others were answered meanwhile."""
        if not isinstance(error, RateLimitError) or self._is_all(batch):
            return False
        if error.retry_after is not None and error.retry_after > self._limits.max_retry_after:
            return False
        are_fewer, before = self._refused_pace(batch, error), self._refused.get(batch.positions[0], 0)
        self._refused[batch.positions[0]] = self._answers
        return are_fewer or before < self._answers

    def _explained(self, error: TikHubAIError, batch: Batch) -> TikHubAIError:
        """The error, with the texts that it is about by their positions. Texts are private: none is quoted."""
        said = error.message
        if isinstance(error, APIStatusError) and codec.is_too_large(error):
            text = f"{batch.named}, of {len(batch.texts[0]):,} characters,"
            said = f"{text} is too long for {self.options.model}: split it. {said}"
        elif isinstance(error, BadRequestError) and (
            blank := [at for at, text in zip(batch.positions, batch.texts, strict=True) if not text.strip()]
        ):
            names = ", ".join(f"texts[{i}]" for i in blank[:10]) + (" ..." if len(blank) > 10 else "")
            said = f"{said} Blank texts, which many models refuse, are among the input: {names}."
        elif not self._is_all(batch):
            said = f"{batch.named} could not be embedded: {said}"
        explained = copy.copy(error)
        explained.message, explained.args, explained.positions = said, (said,), batch.positions
        return explained
