"""Requests of generateContent, each held against google-genai's types."""

from __future__ import annotations

import copy
from typing import Any

from tests import gemini_types
from tikhub_ai import (
    ChatRequest,
    Issuer,
    Message,
    Text,
    Tool,
)
from tikhub_ai.apis import generate_content
from tikhub_ai.catalog import facts

WEATHER = Tool("get_weather", "Weather of a city", {"type": "object", "properties": {"city": {"type": "string"}}})
GEMINI = Issuer("generate_content", "gemini")
GPT = Issuer("chat_completions", "gpt")
NEW, OLD, OLDER = "gemini-3-flash-preview", "gemini-2.5-flash", "gemini-2.0-flash"
HI = Message("user", [Text("hi")])
SKIP = "skip_thought_signature_validator"


def encoded(model: str = NEW, *messages: Message, stream: bool = False, **asked: Any) -> Any:
    request = ChatRequest(model=model, messages=list(messages) or [HI], **asked)
    before = copy.deepcopy(request)
    found = generate_content.encode(request, facts(model), stream=stream)
    assert request == before
    assert gemini_types.problems(found.body) == []
    return found


def body_of(model: str = NEW, *messages: Message, **asked: Any) -> dict[str, Any]:
    body: dict[str, Any] = encoded(model, *messages, **asked).body
    return body


def contents_of(*messages: Message, model: str = NEW) -> list[dict[str, Any]]:
    contents: list[dict[str, Any]] = body_of(model, *messages)["contents"]
    return contents


def config_of(model: str = NEW, **asked: Any) -> dict[str, Any]:
    config: dict[str, Any] = body_of(model, **asked).get("generationConfig", {})
    return config
