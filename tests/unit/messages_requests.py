"""Requests of POST /v1/messages: encoded, held against the anthropic SDK's types, and left as they were."""

from __future__ import annotations

import base64
import copy
from typing import Any

from tests import anthropic_types
from tikhub_ai import (
    ChatRequest,
    Issuer,
    Message,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from tikhub_ai.apis import messages
from tikhub_ai.catalog import facts

MODEL = "claude-sonnet-4-5"
OLDER = "claude-sonnet-4-0"
"""Holds no answer to a schema by itself."""
NEWER = "claude-opus-4-7"
"""Thinks as much as it wants, and takes no sampling."""
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool("get_weather", "Weather of a city", SCHEMA)
WEATHER_WIRE = {"name": "get_weather", "description": "Weather of a city", "input_schema": SCHEMA}
CLAUDE = Issuer("messages", "claude")
CACHED = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
HI = Message("user", [Text("hi")])
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(20)).decode()
PDF = base64.b64encode(b"%PDF-1.7").decode()
ANSWER = ResponseFormat("json_schema", SCHEMA, name="place")


def encoded(*said: Message, model: str = MODEL, stream: bool = False, **asked: Any) -> Any:
    request = ChatRequest(model=model, messages=list(said) or [HI], **asked)
    before = copy.deepcopy(request)
    outgoing = messages.encode(request, facts(model), stream=stream)
    assert outgoing.path == "/v1/messages"
    assert anthropic_types.problems(outgoing.path, outgoing.body) == []
    assert request == before, "the caller's request was changed"
    return outgoing


def body_of(*said: Message, **asked: Any) -> dict[str, Any]:
    body: dict[str, Any] = encoded(*said, **asked).body
    return body


def turns_of(*said: Message, **asked: Any) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = body_of(*said, **asked)["messages"]
    return turns


def user_content(*parts: Any, **asked: Any) -> Any:
    return turns_of(Message("user", list(parts)), **asked)[0]["content"]


def said_by_claude(*parts: Any, **asked: Any) -> Any:
    """What becomes of an assistant's parts in the middle of a conversation."""
    answers = [ToolResult(part.id) for part in parts if isinstance(part, ToolCall)]
    return turns_of(HI, Message("assistant", list(parts)), Message("tool", [*answers]), HI, **asked)[1]["content"]


def called(*ids: str) -> Message:
    return Message("assistant", [ToolCall(identifier, "get_weather", '{"city": "Oslo"}') for identifier in ids])


def result(identifier: str, *content: Any, **more: Any) -> Message:
    return Message("tool", [ToolResult(identifier, list(content), **more)])
