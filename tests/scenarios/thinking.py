"""Thinking with tools: what a model thought goes back as it came, or the wire refuses the turn."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

OSLO = "What is the weather in Oslo?"
THINKING = {"type": "enabled", "budget_tokens": 1024}


@contextmanager
def sent_by() -> Iterator[tuple[httpx.Client, list[Any]]]:
    """A client, and the JSON bodies that it sends."""
    bodies: list[Any] = []
    with httpx.Client(event_hooks={"request": [lambda request: bodies.append(json.loads(request.content))]}) as client:
        yield client, bodies


def check_signed_turn(body: dict[str, Any]) -> None:
    """Whether a second request of /v1/messages holds what `aimock.json` says of Oslo, whole and in order."""
    [said] = [message for message in body["messages"] if message["role"] == "assistant"]
    signature = "c2lnbmF0dXJlIG9mIHRoZSB0b29sIGNhbGw="
    assert said["content"] == [
        {"type": "redacted_thinking", "data": "cmVkYWN0ZWQgdGhpbmtpbmc="},
        {"type": "thinking", "thinking": "I cannot know the weather; the tool can.", "signature": signature},
        {"type": "text", "text": "Let me look that up."},
        {"type": "tool_use", "id": "call_oslo", "name": "get_weather", "input": {"city": "Oslo"}},
    ]
    assert [block["type"] for block in body["messages"][-1]["content"]] == ["tool_result"]
