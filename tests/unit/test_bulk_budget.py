"""The budget that workers share: in no 60 seconds more than may, and no place promised later than it must be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tikhub_ai import ConfigurationError
from tikhub_ai.bulk import MinuteBudget, Rates


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


steps = st.lists(st.tuples(st.floats(0, 90), st.integers(0, 120)), max_size=40)


@given(steps, st.integers(1, 8), st.integers(100, 200))
def test_in_no_minute_do_more_requests_or_tokens_go_out_than_may(
    taken: list[tuple[float, int]], requests: int, most: int
) -> None:
    clock, sent = Clock(), list[Any]()
    budget = MinuteBudget(Rates(requests, most), clock)
    for pause, tokens in taken:
        clock.now += pause
        sent.append((clock.now + budget.reserve(tokens), tokens))
    assert sent == sorted(sent, key=lambda one: one[0])
    for start, _ in sent:
        minute = [tokens for at, tokens in sent if start <= at < start + 59.999]
        assert len(minute) <= requests
        assert sum(minute) <= most or len(minute) == 1


@given(steps, st.integers(1, 8))
def test_no_request_waits_while_there_is_room(taken: list[tuple[float, int]], requests: int) -> None:
    clock, sent = Clock(), list[Any]()
    budget = MinuteBudget(Rates(requests), clock)
    for pause, tokens in taken:
        clock.now += pause
        at = clock.now + budget.reserve(tokens)
        before = [one for one in sent if at - 60.001 <= one]
        assert at == clock.now or at == sent[-1] or len(before) >= requests
        sent.append(at)


def test_a_request_of_more_tokens_than_a_minute_has_holds_for_as_many_minutes_as_it_is_worth() -> None:
    budget = MinuteBudget(Rates(tokens_per_minute=100), Clock())
    assert [budget.reserve(tokens) for tokens in (50, 250, 10)] == [0, 60, 60 + 150]


def test_a_share_below_one_request_a_minute_is_kept_over_several() -> None:
    share = Rates(requests_per_minute=10, tokens_per_minute=800).share(40)
    assert share == Rates(0.25, 20)
    budget = MinuteBudget(share, Clock())
    assert [budget.reserve(1) for _ in range(3)] == [0, 240, 480]


def test_retries_count_for_what_comes_after_them() -> None:
    budget = MinuteBudget(Rates(requests_per_minute=3), Clock())
    budget.spend(1)
    budget.spend(1)
    assert [budget.reserve(1) for _ in range(2)] == [0, 60]


def test_a_budget_that_pauses_promises_nothing_before() -> None:
    limited, free = MinuteBudget(Rates(100), Clock()), MinuteBudget(Rates(), Clock())
    for budget in (limited, free):
        assert budget.reserve(1) == 0
        budget.pause(60)
        assert budget.reserve(1) == 60


@pytest.mark.parametrize("rate", [0, -1, True, "10", float("nan")])
def test_a_rate_that_cannot_work_says_so(rate: float) -> None:
    with pytest.raises(ConfigurationError, match="requests_per_minute must be a number greater than 0"):
        Rates(requests_per_minute=rate)
