"""The words that providers and gateways have for a job's state (`media_api.md` §4.2, 5, 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tikhub_ai.video_job import JobStatus

_WORDS: dict[JobStatus, str] = {
    "queued": "queued submitted pending not_start unknown created waiting in_queue accepted scheduled preparing",
    "running": "in_progress processing running generating rendering started active",
    "succeeded": "completed complete succeeded succeed success successful done finished",
    "failed": "failed failure fail error errored",
    "cancelled": "cancelled canceled",
    "expired": "expired",
}
STATES: dict[str, JobStatus] = {word: state for state, words in _WORDS.items() for word in words.split()}


def state_of(word: str) -> JobStatus | None:
    """The state that a word of the wire means; None where it is not known.

    An empty word is a job that the gateway has not yet seen anything of.
    """
    return STATES.get(word.strip().lower().replace("-", "_").replace(" ", "_")) if word.strip() else "queued"
