"""Whether a failed request goes out again, and when: the one retry layer's judgement. Pure but for the clock."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import re
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from tikhub_ai.errors import TikHubAIError
from tikhub_ai.http.multipart import is_repeatable
from tikhub_ai.settings import Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import tenacity

    from tikhub_ai.settings import OnRetry, Settings
    from tikhub_ai.wire import ApiRequest

MOST_ATTEMPTS = 200
"""Of one download, however far each of them gets."""
BACKOFF_LIMIT = 8.0
"""Seconds: the longest wait that doubling leads to."""

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")

log = logging.getLogger("tikhub_ai")


class Tries:
    """What one call may still do: a number of further requests, none begun after the deadline.

    Args:
        request: What goes out first.
        settings: How often, how long, and who is told.
        stop: Set where nobody waits for the answer any more: nothing further is sent, and waiting ends. A thread's in
            sync calls, asyncio's in async ones.
        progress: How far a download has come. One that got further may be tried again as often as at first, since a
            long one may be cut many times.
        on_retry: Is told of each retry, before the settings' hook.
    """

    __slots__ = (
        "_began",
        "_forgiven",
        "_furthest",
        "_is_amended",
        "_on_retry",
        "_progress",
        "_settings",
        "_stop",
        "error",
        "request",
    )

    def __init__(
        self,
        request: ApiRequest,
        settings: Settings,
        stop: threading.Event | asyncio.Event | None = None,
        progress: Callable[[], int] | None = None,
        on_retry: OnRetry | None = None,
    ) -> None:
        self.request = request
        self.error: TikHubAIError | None = None
        self._settings = settings
        self._stop = stop
        self._on_retry = on_retry
        self._progress = progress
        self._furthest = 0
        self._forgiven = 0
        self._began = time.monotonic()
        self._is_amended = False

    @property
    def is_stopped(self) -> bool:
        """Whether nothing further is to be sent."""
        return self._stop is not None and self._stop.is_set()

    def loop(self, *, sync: bool) -> Any:
        """The retry loop, tenacity's."""
        import tenacity  # noqa: PLC0415 - 30 ms that `import langchain_tikhub` need not pay

        how: dict[str, Any] = {
            "retry": self._again,
            "stop": self._is_over,
            "wait": self._wait,
            "before_sleep": self._announce,
            "reraise": True,
        }
        if sync:
            return tenacity.Retrying(sleep=self._sleep, **how)
        return tenacity.AsyncRetrying(sleep=self._asleep, **how)

    def _sleep(self, seconds: float) -> None:
        if isinstance(self._stop, threading.Event):
            self._stop.wait(seconds)
        else:
            time.sleep(seconds)

    async def _asleep(self, seconds: float) -> None:
        if isinstance(self._stop, asyncio.Event):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), seconds)
        else:
            await asyncio.sleep(seconds)

    def _again(self, state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, TikHubAIError) or self.is_stopped:
            return False
        self.error = error
        if self._progress is not None and self._progress() > self._furthest and state.attempt_number < MOST_ATTEMPTS:
            self._furthest, self._forgiven, self._began = self._progress(), state.attempt_number - 1, time.monotonic()
        amend, self._is_amended = self.request.amend, False
        if amend is not None and is_repeatable(self.request.form) and not self._is_over(state):
            other = amend(self.request, error)
            if other is not None:
                self.request, self._is_amended = replace(other, amend=None), True
                return True
        if not error.is_retryable or not self._may_go_again(error):
            return False
        is_last = state.attempt_number - self._forgiven > self._settings.max_retries
        return is_last or self._is_allowed_in_time(error)

    def _may_go_again(self, error: TikHubAIError) -> bool:
        """Whether a second request does no harm, and can be made at all."""
        request = self.request
        if not getattr(error, "may_have_been_sent", True):
            return True
        if not is_repeatable(request.form):
            return False
        return request.retry_when_sent or (request.made_nothing is not None and request.made_nothing(error))

    def _is_allowed_in_time(self, error: TikHubAIError) -> bool:
        """Whether the server lets a call be made again before the limit; what it asks is said in the error if not."""
        asked, limit = getattr(error, "retry_after", None), self._settings.max_retry_after
        if asked is None or asked <= limit:
            return True
        why = f"The server asks to wait {asked:g} s, longer than max_retry_after={limit:g}: ask again then."
        error.message = f"{error.message.rstrip('. ')}. {why}"
        error.args = (error.message,)
        return False

    def _is_over(self, state: tenacity.RetryCallState) -> bool:
        spent = time.monotonic() - self._began + state.upcoming_sleep
        return (
            state.attempt_number - self._forgiven > self._settings.max_retries or spent > self._settings.retry_deadline
        )

    def _wait(self, state: tenacity.RetryCallState) -> float:
        if self._is_amended:
            return 0.0
        return wait(state.attempt_number - self._forgiven, self.error, self._settings.retry_wait)

    def _announce(self, state: tenacity.RetryCallState) -> None:
        """Tell of a further request before the wait for it."""
        if self.error is None:
            return
        retry = Retry(self.request.path, state.attempt_number, state.upcoming_sleep, self.error, self._is_amended)
        log.info(
            "%s %s: attempt %d failed (%s), %s in %.2f s",
            self.request.method,
            retry.path,
            retry.attempt,
            _reason(self.error),
            "sent again, amended," if retry.is_amended else "sent again",
            retry.wait,
        )
        for told in (self._on_retry, self._settings.on_retry):
            if told is not None:
                told(retry)


def _reason(error: TikHubAIError) -> str:
    """An error in a word or two: its text may hold what was sent."""
    status = getattr(error, "status_code", None)
    return type(error).__name__ if status is None else f"{type(error).__name__}, {status}"


def wait(attempt: int, error: BaseException | None, first: float) -> float:
    """Seconds until the next request.

    What the server asked, or a little longer, so that not all who were refused come back at once; else doubling.

    Args:
        attempt: The number of the one that failed, from 1.
        error: Why.
        first: Seconds after the first, where the server did not say.
    """
    jitter = random.random() / 4  # noqa: S311 - no secret
    asked = getattr(error, "retry_after", None)
    if asked is not None:
        return float(asked * (1.0 + jitter))
    return min(first * 2.0 ** (attempt - 1), BACKOFF_LIMIT) * (1.0 - jitter)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that an answer asks to wait, from `retry-after-ms` or `retry-after` (RFC 9110, 10.2.3).

    Args:
        headers: Response headers, lower case.
        now: Seconds since the epoch, for the date form.

    Returns:
        Seconds from 0 up; of several the longest. None where the answer does not say, or not in a form of the RFC: a
        number of seconds, a fraction of which is taken too, or a date in one of its three forms.
    """
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        said = headers.get(name, "").strip()
        numbers = [number.strip() for number in said.split(",")]  # a header that is there twice
        if all(_NUMBER.fullmatch(number) for number in numbers) and (seconds := max(map(float, numbers))) < math.inf:
            return seconds / scale
    try:
        at = parsedate_to_datetime(said)
        return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now)  # C's form names no zone
    except (ValueError, OverflowError):
        return None
