"""The `anthropic` SDK's types of POST /v1/messages, for checking request bodies."""

from __future__ import annotations

from typing import Any

from anthropic.types import message_count_tokens_params, message_create_params
from anthropic.types.beta import message_create_params as beta_message_create_params

from tests import typed_dicts

_OLDER = {"temperature", "top_p", "top_k"}
"""Fields that the recorded traffic has, and that the SDK types no longer, since the newest models refuse them."""


def problems(path: str, body: Any) -> list[str]:
    """What is wrong with a request body by the SDK; nothing for other paths.

    Fields that only its beta types know are checked by these.
    """
    if path == "/v1/messages/count_tokens":
        return typed_dicts.problems(body, message_count_tokens_params.MessageCountTokensParams)
    if path != "/v1/messages":
        return []
    body = {key: value for key, value in body.items() if key not in _OLDER}
    kinds = (message_create_params, beta_message_create_params)
    found: list[str] = []
    for kind in kinds:
        streams = kind.MessageCreateParamsStreaming if body.get("stream") else kind.MessageCreateParamsNonStreaming
        found = typed_dicts.problems(body, streams)
        if not found:
            break
    return found
