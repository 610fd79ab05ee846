"""How a job is waited for: how long until the next poll, which errors end it, what the deadline means. No I/O.

One clock serves polls, pauses and the deadline. It is read where `now` is asked for, and given as a function, so that
tests need not wait.
"""

from __future__ import annotations

import logging
import math
import random
import time
from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.jobs.errors import ends_polling
from tikhub_ai.errors import JobTimeoutError, TikHubAIError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tikhub_ai.video_job import VideoJobData

_log = logging.getLogger("tikhub_ai")

FIRST_PAUSE = 5.0
"""Seconds between the first polls, where neither the caller nor the server says how many."""
LONGEST_PAUSE = 15.0
"""Seconds, jitter included."""
GROWTH = 1.2
JITTER = 0.2
"""Part of a pause by which it may be longer, so that jobs begun together are not polled together."""
MOST_FAILURES = 20
"""Polls in a row that may fail."""
LONGEST_POLL = 60.0
"""Seconds that one poll may take."""
LAST_POLL = 1.0
"""Seconds that are kept for the last poll, so that it is over when the time is; of short waits a tenth."""
LONE_POLL = 2.0
"""Seconds that a poll may take at least: with `timeout=0` it is the only one."""
LONGEST_HINT = 600.0
"""Seconds: the longest pause, whatever the server asks."""


def seconds_of(name: str, value: Any, *, zero: bool) -> float:
    """A number of seconds that a caller gave.

    Args:
        name: The argument's name.
        value: What was given.
        zero: Whether 0 has a meaning.

    Raises:
        ValueError: It is negative, not finite, or no number.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise ValueError(
            f"{name} must be a number of seconds, {'from 0 up' if zero else 'more than 0'}, not {value!r}."
        )
    return float(value)


class Waiting:
    """One wait for a job.

    Args:
        job: The job. Its state and id are told in errors.
        timeout: Seconds after which the wait is over; 0 polls once, None waits for ever.
        poll_interval: Seconds between polls; None leaves it to the server, else 5 growing to 15, with jitter.
        age: Seconds since the job was made; infinite where nobody knows.
        clock: Seconds, of any origin.

    Raises:
        ValueError: `timeout` or `poll_interval` cannot work.
    """

    def __init__(
        self,
        job: VideoJobData,
        timeout: float | None,
        poll_interval: float | None,
        *,
        age: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._job = job
        self._clock = clock
        self._interval = None if poll_interval is None else seconds_of("poll_interval", poll_interval, zero=False)
        self._timeout = math.inf if timeout is None else seconds_of("timeout", timeout, zero=True)
        self._began = clock()
        self._deadline = self._began + self._timeout
        self._age = age
        self._pause = FIRST_PAUSE
        self._hint: float | None = None
        self._failures = 0
        self._is_last = False
        self._last_failure: TikHubAIError | None = None

    @property
    def poll_seconds(self) -> float:
        """Seconds that the next poll may be silent."""
        least = LONE_POLL if self._timeout == 0 else self._last_seconds
        return min(LONGEST_POLL, max(least, self._deadline - self._clock()))

    @property
    def poll_deadline(self) -> float:
        """When the next poll must be over, by the clock."""
        return self._clock() + max(self.poll_seconds, self._deadline - self._clock())

    @property
    def _last_seconds(self) -> float:
        return min(LAST_POLL, self._timeout / 10)

    def answered(self, hint: float | None) -> None:
        """A poll was answered.

        Args:
            hint: Seconds after which the server wants to be asked again; None where it does not say.
        """
        self._failures, self._hint, self._last_failure = 0, hint, None

    def failed(self, error: TikHubAIError) -> TikHubAIError | None:
        """A poll failed.

        Returns:
            The error that ends the wait; None where a further poll may be answered.
        """
        self._failures += 1
        self._last_failure = error
        self._hint = getattr(error, "retry_after", None)
        error.job = self._job
        if ends_polling(error, self._age + self._clock() - self._began):
            return error
        if self._failures < MOST_FAILURES:
            return None
        error.message = f"{MOST_FAILURES} polls of {self._named} failed in a row, the last one so: {error.message}"
        error.args = (error.message,)
        return error

    def pause(self) -> float | None:
        """Seconds until the next poll; None where no further one fits into the time."""
        left = self._deadline - self._clock()
        if self._is_last or left <= self._last_seconds:
            return None
        if self._interval is not None:
            seconds = self._interval
        elif self._hint is not None and self._hint > 0:
            seconds = min(self._hint, LONGEST_HINT)
        else:
            seconds = self._pause * (1 + JITTER * random.random())  # noqa: S311 - jitter
            self._pause = min(LONGEST_PAUSE / (1 + JITTER), self._pause * GROWTH)
        self._is_last = seconds + self._last_seconds > left
        if self._is_last:
            seconds = left - self._last_seconds
        _log.debug("%s is %s: next poll in %.2f s", self._named, self._job.status, seconds)
        return seconds

    def timed_out(self) -> JobTimeoutError:
        """The error at the deadline; its cause is the failure of the last poll, if that failed."""
        why = f" The last poll failed: {self._last_failure.message}" if self._last_failure else ""
        error = JobTimeoutError(
            f"{self._named} is {self._job.status} after {self._timeout:g} s of waiting. It still runs, and may be "
            f"billed: do not create it again, but wait again with job.result(), or job.save() it for later.{why}",
            job=self._job,
        )
        error.__cause__ = self._last_failure
        return error

    @property
    def _named(self) -> str:
        return f"{self._job.family} job {self._job.id}"
