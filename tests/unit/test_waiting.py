"""How a job is waited for, by a clock of the test's own."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from tikhub_ai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InvalidResponseError,
    JobTimeoutError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    TikHubAIError,
)
from tikhub_ai.video_job import VideoJobData
from tikhub_ai.waiting import MOST_FAILURES, Waiting


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def waiting(timeout: float | None = 1800, poll_interval: float | None = None, **more: Any) -> tuple[Waiting, Clock]:
    clock = Clock()
    job = VideoJobData("j1", "kling", "text2video", "kling-v2-6")
    return Waiting(job, timeout, poll_interval, clock=clock, **more), clock


def pauses(one: Waiting, clock: Clock, hint: float | None = None, poll_takes: float = 0.0) -> list[float]:
    """The pauses between polls that are all answered, until the time is over."""
    found: list[float] = []
    for _ in range(10_000):
        clock.now += poll_takes
        one.answered(hint)
        if (seconds := one.pause()) is None:
            return found
        found.append(seconds)
        clock.now += seconds
    raise AssertionError("it never ends")


def status_error(status: int, kind: type[APIStatusError] = APIStatusError) -> APIStatusError:
    return kind("no", status_code=status)


def test_pauses_grow_from_five_seconds_to_fifteen_with_jitter() -> None:
    one, clock = waiting()
    found = pauses(one, clock)
    assert 5 <= found[0] <= 6
    assert all(5 <= seconds <= 15 for seconds in found[:-1])
    assert all(seconds >= 12.5 for seconds in found[10:-1])
    assert len({round(seconds, 6) for seconds in found}) > len(found) / 2, "no two jobs keep step"


def test_a_given_interval_is_kept_whatever_the_server_says_and_however_polls_fail() -> None:
    one, clock = waiting(100, 7.0)
    assert pauses(one, clock, hint=1.0)[:-1] == [7.0] * 14
    one, _ = waiting(100, 7.0)
    error = RateLimitError("slow down", status_code=429)
    error.retry_after = 50.0
    assert one.failed(error) is None
    assert one.pause() == 7.0


def test_the_servers_hint_is_followed_but_not_for_ever() -> None:
    one, clock = waiting(100)
    assert pauses(one, clock, hint=2.5)[:-1] == [2.5] * 39
    one, _ = waiting(None)
    one.answered(86_400)
    assert one.pause() == 600
    error = ServerError("later", status_code=503)
    error.retry_after = 20.0
    assert one.failed(error) is None
    assert one.pause() == 20
    one.answered(None)
    assert 5 <= (one.pause() or 0) <= 6, "a hint counts once"


@pytest.mark.parametrize("timeout", [0.3, 1, 2, 10, 60, 1800])
@pytest.mark.parametrize("poll_takes", [0.0, 0.01, 0.7])
@pytest.mark.parametrize("poll_interval", [None, 0.01, 5])
def test_one_clock_serves_polls_pauses_and_deadline(
    timeout: float, poll_takes: float, poll_interval: float | None
) -> None:
    one, clock = waiting(timeout, poll_interval)
    began = clock.now
    longest = one.poll_seconds
    assert longest <= max(timeout, 60)
    polls = 0
    while True:
        polls += 1
        clock.now += min(poll_takes, one.poll_seconds)
        one.answered(None)
        if (seconds := one.pause()) is None:
            break
        assert seconds > 0
        clock.now += seconds
        assert clock.now + one.poll_seconds <= began + timeout + 1e-6, "the last poll is over when the time is"
    assert clock.now <= began + timeout + 1e-6
    assert polls == 1 or clock.now >= began + timeout * 0.85 - 1


def test_zero_polls_once() -> None:
    one, _ = waiting(0)
    assert 1 <= one.poll_seconds <= 5, "which may take a moment"
    one.answered(None)
    assert one.pause() is None


def test_none_waits_for_ever() -> None:
    one, clock = waiting(None)
    for _ in range(1000):
        clock.now += 100_000
        one.answered(None)
        assert one.pause() is not None
        assert one.poll_seconds == 60


@pytest.mark.parametrize(
    "error",
    [
        APIConnectionError("cut"),
        APITimeoutError("late"),
        *(
            status_error(status, RateLimitError if status == 429 else ServerError)
            for status in (408, 425, 429, 500, 502)
        ),
        *(status_error(status, ServerError) for status in (503, 504, 520)),
        InvalidResponseError("HTML", status_code=200),
    ],
    ids=str,
)
def test_twenty_failures_in_a_row_that_may_pass_end_it_and_an_answer_begins_the_count_anew(
    error: TikHubAIError,
) -> None:
    one, _ = waiting()
    for _ in range(3):
        assert [one.failed(error) for _ in range(MOST_FAILURES - 1)] == [None] * 19
        one.answered(None)
    found = [one.failed(error) for _ in range(MOST_FAILURES)]
    assert found == [None] * 19 + [error]
    assert "20 polls of kling job j1 failed in a row" in str(error)
    assert error.job.id == "j1"


@pytest.mark.parametrize(
    "error",
    [
        *(status_error(status, BadRequestError) for status in (400, 405, 409, 410, 413, 422)),
        status_error(401, AuthenticationError),
        status_error(403, PermissionDeniedError),
        status_error(404, NotFoundError),
        status_error(501, ServerError),
        ConfigurationError("no key"),
    ],
    ids=lambda error: f"{error.__class__.__name__} {getattr(error, 'status_code', '')}",
)
def test_what_will_not_pass_ends_it_at_once(error: TikHubAIError) -> None:
    one, _ = waiting()
    assert one.failed(error) is error
    assert error.job.id == "j1"


@pytest.mark.parametrize("age", [0, 10, 29])
def test_a_job_that_is_not_found_is_waited_for_in_its_first_thirty_seconds(age: float) -> None:
    one, clock = waiting(age=age)
    error = status_error(404, NotFoundError)
    assert one.failed(error) is None
    clock.now += 29.5 - age
    assert one.failed(error) is None
    clock.now += 1
    assert one.failed(error) is error
    one, _ = waiting()
    assert one.failed(error) is error, "of a job that nobody knows the age of"
    one, _ = waiting(age=0)
    gone = status_error(410, NotFoundError)
    assert one.failed(gone) is gone


def test_the_error_at_the_deadline_says_that_the_job_goes_on_and_holds_it() -> None:
    one, _ = waiting(10)
    assert one.failed(APITimeoutError("No answer.")) is None
    error = one.timed_out()
    assert isinstance(error, JobTimeoutError)
    assert isinstance(error, TimeoutError)
    assert not error.is_retryable
    assert error.job.id == "j1"
    for words in ("still runs", "may be billed", "do not create it again", "j1", "10 s", "No answer."):
        assert words in str(error)
    assert "try again" not in str(error).lower()


@pytest.mark.parametrize("wrong", [-1, -0.001, math.nan, math.inf, "5", True, [1]])
def test_seconds_that_cannot_work_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="timeout"):
        waiting(wrong)
    with pytest.raises(ValueError, match="poll_interval"):
        waiting(10, wrong)
    with pytest.raises(ValueError, match="poll_interval"):
        waiting(10, 0)


def test_polls_that_take_as_long_as_they_may_never_go_beyond_the_deadline() -> None:
    for timeout, interval in itertools.product((1.0, 7.0, 90.0), (None, 0.5)):
        one, clock = waiting(timeout, interval)
        end = clock.now + timeout
        while True:
            clock.now += one.poll_seconds
            assert one.failed(APITimeoutError("late")) is None
            if (seconds := one.pause()) is None:
                break
            clock.now += seconds
        assert clock.now <= end + 1e-6
