"""Thinking with tools: what a model thought goes back as it came, or the wire refuses the turn."""

from __future__ import annotations

import json
from base64 import b64decode
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OSLO = "What is the weather in Oslo?"
THINKING: dict[str, dict[str, Any]] = {
    "messages": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    "responses": {"reasoning_effort": "low"},
    "generate_content": {"thinking_budget": 1024},
}
"""By API: what asks for reasoning, in the words of its users."""
_THOUGHT = "I cannot know the weather; the tool can."
_SAID = "Let me look that up."


@contextmanager
def sent_by() -> Iterator[tuple[httpx.Client, list[Any]]]:
    """A client, and the JSON bodies that it sends."""
    bodies: list[Any] = []
    with httpx.Client(event_hooks={"request": [lambda request: bodies.append(json.loads(request.content))]}) as client:
        yield client, bodies


def check_turn(api: str, body: dict[str, Any]) -> None:
    """Whether a second request holds what `aimock.json` says of Oslo, whole and in order."""
    _CHECKS[api](body)


def _of_messages(body: dict[str, Any]) -> None:
    """With its signature."""
    [said] = [message for message in body["messages"] if message["role"] == "assistant"]
    signature = "c2lnbmF0dXJlIG9mIHRoZSB0b29sIGNhbGw="
    assert said["content"] == [
        {"type": "redacted_thinking", "data": "cmVkYWN0ZWQgdGhpbmtpbmc="},
        {"type": "thinking", "thinking": _THOUGHT, "signature": signature},
        {"type": "text", "text": _SAID},
        {"type": "tool_use", "id": "call_oslo", "name": "get_weather", "input": {"city": "Oslo"}},
    ]
    assert [block["type"] for block in body["messages"][-1]["content"]] == ["tool_result"]


def _of_responses(body: dict[str, Any]) -> None:
    """Encrypted, under the id that it was encrypted with: aimock derives the one from the other."""
    _, thought, said, call, result = body["input"]
    assert thought["type"] == "reasoning"
    assert thought["summary"] == [{"type": "summary_text", "text": _THOUGHT}]
    assert b64decode(thought["encrypted_content"]).decode() == f"aimock-encrypted-reasoning:{thought['id']}"
    assert (said["role"], said["content"][0]["text"]) == ("assistant", _SAID)
    assert (call["type"], call["call_id"], call["name"]) == ("function_call", "call_oslo", "get_weather")
    assert json.loads(call["arguments"]) == {"city": "Oslo"}
    assert (result["type"], result["call_id"]) == ("function_call_output", "call_oslo")


def _of_generate_content(body: dict[str, Any]) -> None:
    """As a thought: aimock signs none here."""
    _, said, answered = body["contents"]
    call = {"name": "get_weather", "args": {"city": "Oslo"}, "id": "call_oslo"}
    assert said == {
        "role": "model",
        "parts": [{"text": _THOUGHT, "thought": True}, {"text": _SAID}, {"functionCall": call}],
    }
    [result] = answered["parts"]
    assert (result["functionResponse"]["name"], result["functionResponse"]["id"]) == ("get_weather", "call_oslo")


_CHECKS: dict[str, Callable[[dict[str, Any]], None]] = {
    "messages": _of_messages,
    "responses": _of_responses,
    "generate_content": _of_generate_content,
}
