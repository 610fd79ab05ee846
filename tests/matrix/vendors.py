"""The vendors' own types of answers, which those made here must fit."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter


def check(api: str, plain: dict[str, Any], stream: list[dict[str, Any]]) -> None:
    """Validate a plain answer and the payloads of a stream.

    Raises:
        ValidationError: One of them does not fit.
    """
    whole, payload = _types(api)
    whole.validate_python(plain)
    for one in stream:
        if not _is_narrower(one):
            payload.validate_python(one)


def _is_narrower(payload: dict[str, Any]) -> bool:
    """What the recordings have and the types have not: a ping, and a search that does not say yet what it searches."""
    return payload.get("type") == "ping" or (
        payload.get("type") == "response.output_item.added" and payload["item"]["type"] == "web_search_call"
    )


@cache
def _types(api: str) -> tuple[TypeAdapter[Any], TypeAdapter[Any]]:
    match api:
        case "chat_completions":
            from openai.types.chat import ChatCompletion, ChatCompletionChunk

            return TypeAdapter(ChatCompletion), TypeAdapter(ChatCompletionChunk)
        case "responses":
            from openai.types.responses import Response, ResponseStreamEvent

            return TypeAdapter(Response), TypeAdapter(ResponseStreamEvent)
        case "messages":
            from anthropic.types import Message, RawMessageStreamEvent

            return TypeAdapter(Message), TypeAdapter(RawMessageStreamEvent)
        case _:
            from google.genai.types import GenerateContentResponse

            return TypeAdapter(GenerateContentResponse), TypeAdapter(GenerateContentResponse)
