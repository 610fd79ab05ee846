"""The `usage` of chat_completions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.apis import openai_usage
from tikhub_ai.apis.fields import number

if TYPE_CHECKING:
    from tikhub_ai.conversation import Usage


def usage_of(raw: dict[str, Any]) -> Usage:
    """Token counts, OpenAI's, and DeepSeek's name for what came from the cache."""
    found = openai_usage.usage_of(raw, given="prompt_tokens", made="completion_tokens")
    if "cache_read" not in found.input_details and raw.get("prompt_cache_hit_tokens") is not None:
        found.input_details["cache_read"] = number(raw["prompt_cache_hit_tokens"])
    return found
