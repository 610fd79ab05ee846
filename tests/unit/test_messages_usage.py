"""Tokens of POST /v1/messages where an answer took several steps, or its stream states its input anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.messages_streams import FINISH, OVER, message, plain, streamed, text

if TYPE_CHECKING:
    from tikhub_ai import Usage

START = {"input_tokens": 12, "cache_read_input_tokens": 55_096, "cache_creation_input_tokens": 0, "output_tokens": 1}
LAST: dict[str, Any] = {
    "input_tokens": 181,
    "cache_read_input_tokens": 0,
    "cache_creation_input_tokens": 0,
    "output_tokens": 40,
}
STEPS: list[dict[str, Any]] = [
    {"type": "compaction", "input_tokens": 12, "cache_read_input_tokens": 55_096, "cache_creation_input_tokens": 0,
     "output_tokens": 1_700},
    {"type": "message", "input_tokens": 181, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0,
     "output_tokens": 40},
]  # fmt: skip


def both(first: dict[str, Any], last: dict[str, Any]) -> list[Usage]:
    """The usage of a stream that began and ended so, and of the plain answer that says the same."""
    begin = {"type": "message_start", "message": message(stop=None, usage=first)}
    found = [streamed(begin, {**FINISH, "usage": last}, OVER).usage, plain(message(text("x"), usage=last)).usage]
    assert None not in found
    return [usage for usage in found if usage is not None]


def test_the_last_full_statement_of_the_input_counts() -> None:
    for usage in both(START, LAST):
        assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (181, 40, 221)
        assert usage.input_details == {"cache_read": 0, "cache_creation": 0}


@pytest.mark.parametrize("kind", ["compaction", "message", "advisor_message", "fallback_message", "brand_new"])
def test_the_sum_of_all_steps_is_what_was_used(kind: str) -> None:
    raw = {**LAST, "iterations": [{**STEPS[0], "type": kind}, STEPS[1]]}
    for usage in both(START, raw):
        assert (usage.input_tokens, usage.output_tokens) == (12 + 55_096 + 181, 1_740)
        assert usage.total_tokens == 55_289 + 1_740
        assert usage.input_details == {"cache_read": 55_096, "cache_creation": 0}
        assert {name: usage.raw[name] for name in raw} == raw


def test_what_was_written_to_the_cache_is_told_by_how_long_it_lives() -> None:
    kept = {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 4}
    steps = [{**STEPS[0], "cache_creation_input_tokens": 34, "cache_creation": kept}, STEPS[1]]
    for usage in both(START, {**LAST, "iterations": steps}):
        assert usage.input_details == {"cache_read": 55_096, "cache_creation": 34, **kept}
        assert usage.input_tokens == 55_289 + 34


def test_how_long_it_lives_is_not_told_of_an_input_that_is_not_counted_any_more() -> None:
    kept = {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 0}
    first = {**START, "cache_creation_input_tokens": 30, "cache_creation": kept}
    assert "ephemeral_5m_input_tokens" not in both(first, LAST)[0].input_details
    same = {**LAST, "cache_creation_input_tokens": 30}
    assert both(first, same)[0].input_details["ephemeral_5m_input_tokens"] == 30


@pytest.mark.parametrize(
    "last",
    [
        {"output_tokens": 40},
        {**LAST, "input_tokens": 0},
        {**LAST, "input_tokens": 12, "cache_read_input_tokens": None},
        {"output_tokens": 40, "input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": "?"},
    ],
    ids=["output alone", "zeros of a relay", "in part", "nonsense"],
)
def test_a_statement_in_part_takes_nothing_back(last: dict[str, Any]) -> None:
    usage = both(START, last)[0]
    assert (usage.input_tokens, usage.input_details["cache_read"], usage.output_tokens) == (55_108, 55_096, 40)


@pytest.mark.parametrize("steps", [[], None, "x", [None, 3], [{}]], ids=str)
def test_steps_that_say_nothing_leave_the_counts_beside_them(steps: Any) -> None:
    for usage in both(START, {**LAST, "iterations": steps}):
        assert (usage.input_tokens, usage.output_tokens) == (181, 40)
