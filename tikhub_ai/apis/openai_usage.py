"""The `usage` of OpenAI's wire APIs, whose counts differ in their names alone."""

from __future__ import annotations

from typing import Any

from tikhub_ai.apis.fields import number
from tikhub_ai.conversation import Usage

_INPUT_NAMES = {"cached_tokens": "cache_read", "audio_tokens": "audio", "cache_write_tokens": "cache_creation"}
_OUTPUT_NAMES = {"reasoning_tokens": "reasoning", "audio_tokens": "audio"}


def usage_of(raw: dict[str, Any], *, given: str, made: str) -> Usage:
    """Token counts; each may be missing, null, a float or a string, and the details may be missing altogether.

    Args:
        raw: The wire's object.
        given: What the wire calls the input's count, `prompt_tokens` or `input_tokens`.
        made: What it calls the output's.
    """
    input_tokens, output_tokens = number(raw.get(given)), number(raw.get(made))
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=number(raw.get("total_tokens")) or input_tokens + output_tokens,
        input_details=_details(raw.get(f"{given}_details"), _INPUT_NAMES),
        output_details=_details(raw.get(f"{made}_details"), _OUTPUT_NAMES),
        raw=raw,
    )


def _details(raw: Any, names: dict[str, str]) -> dict[str, int]:
    if not isinstance(raw, dict):
        return {}
    return {
        names.get(key, key.removesuffix("_tokens")): number(value)
        for key, value in raw.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
