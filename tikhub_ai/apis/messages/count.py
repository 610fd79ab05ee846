"""POST /v1/messages/count_tokens: how many tokens a request would have as input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.fields import integer
from tikhub_ai.apis.messages.encode import PATH, encode

if TYPE_CHECKING:
    from tikhub_ai.catalog import ModelFacts
    from tikhub_ai.conversation import ChatRequest
    from tikhub_ai.wire import ApiRequest

_COUNTED = (
    "model",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "mcp_servers",
    "cache_control",
    "context_management",
    "compaction",
    "speed",
    "billing_policy",
)
"""What of a request's body the count takes: see `MessageCountTokensParams` of the SDK."""


def encode_count(request: ChatRequest, facts: ModelFacts) -> ApiRequest:
    """The request that asks for the count.

    Raises:
        InvalidRequestError: The conversation holds something that this wire cannot carry.
    """
    asked = encode(request, facts, stream=False)
    asked.path = f"{PATH}/count_tokens"
    asked.body = {name: asked.body[name] for name in _COUNTED if name in asked.body}
    return asked


def read_count(payload: dict[str, Any]) -> int | None:
    """The tokens that the answer tells, or None where it tells none."""
    return integer(payload.get("input_tokens"))
