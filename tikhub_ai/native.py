"""The arguments that only some wire APIs have, by the names of their documents.

They are arguments of both chat classes like any other, and each codec puts its own where they belong. An API that does
not have one warns and leaves it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.errors import warn

if TYPE_CHECKING:
    from tikhub_ai.conversation import ChatRequest

NATIVE: dict[str, frozenset[str]] = {
    "chat_completions": frozenset(
        {"service_tier", "store", "prompt_cache_key", "safety_identifier", "verbosity", "prediction",
         "web_search_options"}
    ),
    "responses": frozenset(
        {"service_tier", "store", "prompt_cache_key", "safety_identifier", "verbosity", "include", "truncation",
         "previous_response_id", "conversation", "background", "max_tool_calls", "prompt", "context_management"}
    ),
    "messages": frozenset(
        {"service_tier", "cache_control", "betas", "mcp_servers", "container", "context_management", "inference_geo",
         "effort"}
    ),
    "generate_content": frozenset(
        {"safety_settings", "cached_content", "response_modalities", "media_resolution", "speech_config",
         "image_config", "thinking_level", "include_thoughts", "labels", "api_version", "parameters_json_schema"}
    ),
}  # fmt: skip
"""By wire API."""

NATIVE_ARGUMENTS = frozenset().union(*NATIVE.values())
"""All of them."""


def native_of(request: ChatRequest, api: str) -> dict[str, Any]:
    """What of a request's native arguments an API has; a warning names the others."""
    known = {name: value for name, value in request.native.items() if value is not None}
    if strange := sorted(known.keys() - NATIVE[api]):
        warn(f"{api} has no {', '.join(map(repr, strange))}: not sent.")
    return {name: value for name, value in known.items() if name in NATIVE[api]}
