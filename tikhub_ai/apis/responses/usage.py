"""The `usage` of POST /v1/responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.apis import openai_usage

if TYPE_CHECKING:
    from tikhub_ai.conversation import Usage


def usage_of(raw: dict[str, Any]) -> Usage:
    """Token counts; TikHub's own example has no details."""
    return openai_usage.usage_of(raw, given="input_tokens", made="output_tokens")
