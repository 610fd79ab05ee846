"""Whether a failed request goes out again, and when: the one retry layer's judgement. Pure but for the clock."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from tikhub_ai.errors import TikHubAIError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import tenacity

    from tikhub_ai.wire import ApiRequest

MAX_WAIT = 60.0
"""Seconds: the longest wait between two requests, whatever the server asks."""
FIRST_WAIT = 0.5
BACKOFF_LIMIT = 8.0


class Tries:
    """What one call may still do: at most `retries` further requests, none begun after the deadline.

    Args:
        request: What goes out first.
        retries: How many further requests.
        deadline: Seconds from now.
    """

    __slots__ = ("_began", "_deadline", "_is_amended", "_retries", "request")

    def __init__(self, request: ApiRequest, retries: int, deadline: float) -> None:
        self.request = request
        self._retries = retries
        self._deadline = deadline
        self._began = time.monotonic()
        self._is_amended = False

    def loop(self, *, sync: bool) -> Any:
        """The retry loop, tenacity's."""
        import tenacity  # noqa: PLC0415 - 30 ms that `import langchain_tikhub` need not pay

        kind = tenacity.Retrying if sync else tenacity.AsyncRetrying
        return kind(retry=self._again, stop=self._is_over, wait=self._wait, reraise=True)

    def _again(self, state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, TikHubAIError):
            return False
        amend, self._is_amended = self.request.amend, False
        if amend is not None and not self._is_over(state):
            other = amend(self.request, error)
            if other is not None:
                self.request, self._is_amended = replace(other, amend=None), True
                return True
        return error.is_retryable and (self.request.retry_when_sent or not getattr(error, "may_have_been_sent", True))

    def _is_over(self, state: tenacity.RetryCallState) -> bool:
        spent = time.monotonic() - self._began + state.upcoming_sleep
        return state.attempt_number > self._retries or spent > self._deadline

    def _wait(self, state: tenacity.RetryCallState) -> float:
        if self._is_amended:
            return 0.0
        return wait(state.attempt_number, state.outcome.exception() if state.outcome else None)


def wait(attempt: int, error: BaseException | None) -> float:
    """Seconds until the next request: what the server asked, else doubling with jitter."""
    asked = getattr(error, "retry_after", None)
    if asked is not None:
        return float(min(asked, MAX_WAIT))
    backoff = min(FIRST_WAIT * 2.0 ** (attempt - 1), BACKOFF_LIMIT)
    return backoff * (1.0 - random.random() / 4)  # noqa: S311 - jitter


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that an answer asks to wait, from `retry-after-ms` or `retry-after` (seconds or an HTTP date).

    Args:
        headers: Response headers, lower case.
        now: Seconds since the epoch, for the date form.

    Returns:
        Seconds from 0 up, or None where the answer does not say.
    """
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / scale
        except (KeyError, ValueError):
            continue
        return seconds if 0 <= seconds < float("inf") else None
    try:
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - now)
    except (KeyError, ValueError):
        return None
