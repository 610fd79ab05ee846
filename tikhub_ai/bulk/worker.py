"""What one worker of an engine does with the rows that it is given: asks for those that nobody has paid for yet.

The loop is of one thread; requests run in others. An answer is on the disk before its thread ends.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.embeddings import MAX_TOKENS
from tikhub_ai.bulk.budget import Budget, MinuteBudget
from tikhub_ai.bulk.checkpoints import Checkpoints
from tikhub_ai.bulk.work import Ask, BulkWork
from tikhub_ai.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    TikHubAIError,
)
from tikhub_ai.pace import Pace
from tikhub_ai.rates import UNLIMITED, Rates

if TYPE_CHECKING:
    import os

    from tikhub_ai.settings import Retry

_OF_THE_JOB = (ConfigurationError, AuthenticationError, PermissionDeniedError, NotFoundError)
"""What no other row would fare better with: the key, the balance, the model, the address."""
_OF_NO_ROW = (APIConnectionError, APITimeoutError, RateLimitError)
"""What says nothing about the rows that were asked: smaller requests would meet it, too."""


_LOOKS_EVERY = 1.0
"""Seconds after which a request that waits for its place looks whether the job goes on."""


@dataclass(slots=True, eq=False)
class _Request:
    """Rows that are asked together.

    Attributes:
        asks: The rows.
        began: When it went out, by the pace's clock.
        answers_before: How many requests had been answered when it was refused for too many; None where it was not.
    """

    asks: list[Ask]
    began: float = 0.0
    answers_before: int | None = None

    @property
    def tokens(self) -> int:
        """How many it is worth."""
        return sum(ask.tokens for ask in self.asks)


@dataclass(slots=True)
class _Run:
    """What has become of the rows of one call.

    Attributes:
        waiting: What is to be asked.
        answers: By address.
        errors: By address.
        due: When the first that waits may go out, by the pace's clock; None where it has not asked for a place.
    """

    waiting: deque[_Request]
    answers: dict[bytes, bytes] = field(default_factory=dict)
    errors: dict[bytes, str] = field(default_factory=dict)
    due: float | None = None


class Worker:
    """One worker: one client and its connections, one pool of threads, one log of checkpoints.

    Both engines run it, and so may anyone else: `Worker(work, "folder")(texts)`.

    Args:
        work: What is asked.
        checkpoints: The folder of checkpoints, which all workers see.
        budget: Promises each request its place. By default, nothing is limited.

    Raises:
        ConfigurationError: The settings or the folder cannot work.
    """

    def __init__(self, work: BulkWork, checkpoints: str | os.PathLike[str], budget: Budget | None = None) -> None:
        settings = work.settings_here()
        self.work = work
        self.checkpoints = Checkpoints(checkpoints, work.job(settings))
        self._budget = MinuteBudget(UNLIMITED) if budget is None else budget
        self._pace = Pace()
        self._told = settings.on_retry
        self._turn = threading.Lock()
        self._mine = threading.local()
        self._client = work.client(replace(settings, on_retry=self._on_retry), _Places(self))
        self._pool = ThreadPoolExecutor(work.max_concurrency, thread_name_prefix="tikhub-bulk")
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._answered = 0
        self._failed_in_a_row = 0

    def close(self) -> None:
        """End the threads and the log."""
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.checkpoints.close()

    def __call__(self, values: Sequence[Any], marks: Sequence[Any] | None = None) -> dict[str, list[Any]]:
        """Answer rows.

        Args:
            values: Of the column that is asked.
            marks: Of the column that tells equal ones apart, where there is one.

        Returns:
            The columns that are added, with a value for each row: None in all of them but the column of errors where
            a row has no answer.

        Raises:
            TikHubAIError: What no row can be answered with: the key, the balance, the model; or too many failures in a
                row. Whatever came before is in the checkpoints.
            OSError: The checkpoints cannot be read or written.
        """
        faults: list[str | None] = [None] * len(values)
        places: list[bytes] = [b""] * len(values)
        asks: dict[bytes, Ask] = {}
        for row, value in enumerate(values):
            try:
                ask = self.work.ask(value, None if marks is None else marks[row])
            except InvalidRequestError as error:
                faults[row] = _in_words(error)
            else:
                places[row] = ask.address
                asks.setdefault(ask.address, ask)
        run = _Run(deque(), self.checkpoints.find(list(asks)))
        run.waiting.extend(self._requests([ask for address, ask in asks.items() if address not in run.answers]))
        with self._turn:
            self._answer(run)
            self._raise_failure()
        rows = [self.work.read(run.answers[place]) if place in run.answers else None for place in places]
        columns: dict[str, list[Any]] = {
            name: [None if row is None else row[number] for row in rows]
            for number, name in enumerate(self.work.columns)
        }
        columns[self.work.error] = [
            run.errors.get(place) if fault is None else fault for place, fault in zip(places, faults, strict=True)
        ]
        return columns

    def _requests(self, asks: Sequence[Ask]) -> list[_Request]:
        """Rows as they go out together, by number and by tokens."""
        requests: list[_Request] = []
        tokens = 0
        for ask in asks:
            tokens += ask.tokens
            if not requests or len(requests[-1].asks) == self.work.batch_size or tokens > MAX_TOKENS:
                requests.append(_Request([]))
                tokens = ask.tokens
            requests[-1].asks.append(ask)
        return requests

    # --- the loop ---------------------------------------------------------------------------------------------------

    def _answer(self, run: _Run) -> None:
        running: dict[Future[None], _Request] = {}
        self._failure = None
        self._stop.clear()
        try:
            while running or (run.waiting and self._failure is None):
                seconds = self._begin(run, running)
                if not running:
                    self._stop.wait(seconds)
                    continue
                for done in wait(running, seconds, FIRST_COMPLETED).done:
                    self._settle(run, running.pop(done), done)
        finally:
            self._stop.set()  # where the engine interrupts this: nothing further is sent

    def _raise_failure(self) -> None:
        """Raise what ends the job, if anything does."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _begin(self, run: _Run, running: dict[Future[None], _Request]) -> float | None:
        """Begin all that may go out now. Returns the seconds after which to look again, or None."""
        most = self.work.max_concurrency
        while run.waiting and self._failure is None and len(running) < self._pace.limit(most):
            request = run.waiting[0]
            if run.due is None:
                run.due = self._pace.now + self._budget.reserve(request.tokens)
            left = max(run.due - self._pace.now, self._pace.wait(0))
            if left > 0:
                return left
            run.due, request.began = None, self._pace.now
            running[self._pool.submit(self._send, run, run.waiting.popleft())] = request
        return None

    def _send(self, run: _Run, request: _Request) -> None:
        """Make a request. What comes is on the disk before anyone else sees it."""

        def came(positions: Sequence[int], answers: Sequence[bytes]) -> None:
            rows = [(request.asks[at].address, answer) for at, answer in zip(positions, answers, strict=True)]
            self.checkpoints.keep(rows)
            run.answers.update(rows)

        self._mine.request, self._mine.has_place, self._mine.due = request, True, None
        try:
            self._client(request.asks, came)
        finally:
            self._mine.request = None

    def place(self, tokens: int) -> float:
        """Take a place for a request that this thread makes for the rows that it was given.

        The first has the place that the loop has asked for. Others ask for their own: the one that shows whether the
        server answers in base64, and those of a batch that is refused as too large, in halves.

        Args:
            tokens: Of the request, as estimated.

        Returns:
            0 where it may go out now, else the seconds after which to ask again.

        Raises:
            InterruptedError: The job has ended.
        """
        mine = self._mine
        if mine.has_place:
            mine.has_place = False
            return 0.0
        if self._stop.is_set() or self._failure is not None:
            raise InterruptedError
        if mine.due is None:
            mine.due = self._pace.now + self._budget.reserve(tokens)
        left: float = mine.due - self._pace.now
        if left > 0:
            return min(left, _LOOKS_EVERY)
        mine.due = None
        return 0.0

    def _on_retry(self, retry: Retry) -> None:
        """A request is about to be repeated, in this thread."""
        if self._failure is not None or self._stop.is_set():
            raise retry.error  # nothing further is sent
        request: _Request | None = getattr(self._mine, "request", None)
        if request is not None:
            self._budget.spend(request.tokens)
            if isinstance(retry.error, RateLimitError):
                self._pace.refused(self.work.max_concurrency, request.began, retry.error.retry_after)
        if self._told is not None:
            self._told(retry)

    # --- what came --------------------------------------------------------------------------------------------------

    def _settle(self, run: _Run, request: _Request, done: Future[None]) -> None:
        error = _without_positions(done.exception(), self.work.column)
        if error is None:
            self._answered += 1
            self._failed_in_a_row = 0
            self._pace.answered(self.work.max_concurrency)
            return
        request.asks = [ask for ask in request.asks if ask.address not in run.answers]
        if not isinstance(error, TikHubAIError) or isinstance(error, _OF_THE_JOB):
            self._failure = self._failure or error
        elif isinstance(error, RateLimitError) and self._may_go_again(request, error):
            run.waiting.append(request)
        elif len(request.asks) > 1 and not isinstance(error, _OF_NO_ROW):
            middle = len(request.asks) // 2  # which of them is at fault shows when they are asked apart
            run.waiting.extend((_Request(request.asks[:middle]), _Request(request.asks[middle:])))
        else:
            run.errors.update((ask.address, _in_words(error)) for ask in request.asks)
        if not isinstance(error, BadRequestError):
            self._failed_in_a_row += 1
            if self._failed_in_a_row >= self.work.give_up_after:
                self._failure = self._failure or error

    def _may_go_again(self, request: _Request, error: RateLimitError) -> bool:
        """Whether it may pass: fewer go out from now on, or others were answered meanwhile."""
        are_fewer = self._pace.refused(self.work.max_concurrency, request.began, error.retry_after)
        before, request.answers_before = request.answers_before or 0, self._answered
        return are_fewer or before < self._answered


class _Places(Pace):
    """The pace of a worker's client: each request has a place in the budget.

    Args:
        worker: Who asks the budget.
    """

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self._worker = worker

    def wait(self, tokens: int, rates: Rates = UNLIMITED) -> float:
        """See `Pace.wait`."""
        return super().wait(tokens, rates) or self._worker.place(tokens)


_POSITIONS = re.compile(r"^texts\[\d+\](?: to texts\[\d+\])? could not be embedded: ")


def _without_positions(error: BaseException | None, column: str) -> BaseException | None:
    """An error as a whole job knows it. Positions in a request mean nothing in a row."""
    if isinstance(error, TikHubAIError) and error.positions is not None:
        said = _POSITIONS.sub("", error.message).replace("texts[0]", column)
        error.message, error.args, error.positions = said, (said,), None
    return error


def _in_words(error: TikHubAIError) -> str:
    """An error as a column says it."""
    return f"{type(error).__name__}: {error.message}"
