"""The arguments that only some wire APIs have, by the names of their documents.

They are arguments of both chat classes like any other, and each codec puts its own where they belong. An API that does
not have one warns and leaves it out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tikhub_ai.errors import warn

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Mapping

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


_KEY_ALIAS = re.compile(r"\w+_api_key")


def split_arguments(
    given: Mapping[str, Any], fields: Collection[str], aliases: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keyword arguments by the names of a class's fields.

    Args:
        given: As the user wrote them.
        fields: The names that the class has.
        aliases: Other names that users know, and the field that each means. Where both are given, the field's own wins.

    Returns:
        The arguments that the class knows, and the rest. Any vendor's `xxx_api_key` is the key: were it unknown, it
        would travel in the request's body.
    """
    renamed = {
        "api_key" if _KEY_ALIAS.fullmatch(name) else aliases.get(name, name): value for name, value in given.items()
    }
    renamed |= {name: value for name, value in given.items() if name in fields}
    known = {name: value for name, value in renamed.items() if name in fields}
    return known, {name: value for name, value in renamed.items() if name not in fields}


_NEUTRAL = {
    "temperature": 1,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "logit_bias": {},
    "modalities": ["text"],
    "parallel_tool_calls": False,  # what LlamaIndex always asks, and what models without the field do anyway
}
"""Values that ask for nothing: dropping them where a model refuses the field changes nothing, so nobody is warned."""


def put_unless_refused(body: dict[str, Any], name: str, value: Any, refused: Container[str], model: str) -> None:
    """Put a field into a body where it was said and the model takes it; warn where it does not."""
    if value is None:
        return
    if name not in refused:
        body[name] = value
    elif value != _NEUTRAL.get(name):
        warn(f"{model} refuses {name!r}: {name}={value!r} is not sent.")


def warn_of_missing(api: str, request: ChatRequest, names: Iterable[str]) -> None:
    """Warn of the arguments that an API has no field for, where they were said and ask for something."""
    for name in names:
        value = getattr(request, name)
        if value is not None and value != _NEUTRAL.get(name):
            warn(f"{api} has no {name!r}: {name}={value!r} is not sent.")
