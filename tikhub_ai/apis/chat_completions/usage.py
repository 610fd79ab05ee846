"""The `usage` of chat_completions."""

from __future__ import annotations

from typing import Any

from tikhub_ai.conversation import Usage

_INPUT_NAMES = {"cached_tokens": "cache_read", "audio_tokens": "audio", "cache_write_tokens": "cache_creation"}
_OUTPUT_NAMES = {"reasoning_tokens": "reasoning", "audio_tokens": "audio"}


def usage_of(raw: dict[str, Any]) -> Usage:
    """Token counts; each may be missing, null, a float or a string, and the details may be missing altogether."""
    given_input, given_output = _number(raw.get("prompt_tokens")), _number(raw.get("completion_tokens"))
    total = _number(raw.get("total_tokens"))
    input_details = _details(raw.get("prompt_tokens_details"), _INPUT_NAMES)
    if "cache_read" not in input_details and raw.get("prompt_cache_hit_tokens") is not None:
        input_details["cache_read"] = _number(raw["prompt_cache_hit_tokens"])
    return Usage(
        input_tokens=given_input,
        output_tokens=given_output,
        total_tokens=total or given_input + given_output,
        input_details=input_details,
        output_details=_details(raw.get("completion_tokens_details"), _OUTPUT_NAMES),
        raw=raw,
    )


def _details(raw: Any, names: dict[str, str]) -> dict[str, int]:
    if not isinstance(raw, dict):
        return {}
    return {
        names.get(key, key.removesuffix("_tokens")): _number(value)
        for key, value in raw.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def _number(value: Any) -> int:
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return 0
