"""Cache marks on chat_completions: Anthropic's on Claude's messages and tools, OpenAI's on GPT's, on every role."""

from __future__ import annotations

from typing import Any

import pytest

from tests import bodies
from tikhub_ai import ChatRequest, Media, Message, Text, Tool, ToolCall, ToolResult
from tikhub_ai.apis import chat_completions
from tikhub_ai.catalog import facts

MARKS: dict[str, dict[str, Any]] = {
    "claude-sonnet-4-5": {"cache_control": {"type": "ephemeral", "ttl": "1h"}},
    "gpt-5.6": {"prompt_cache_breakpoint": {"mode": "explicit"}},
}
BOTH = {name: value for mark in MARKS.values() for name, value in mark.items()}
"""What a caller writes who moves between models: each takes its own."""
OTHERS = ["deepseek-chat", "gemini-3-pro-preview", "qwen3-max"]
HI = Message("user", [Text("hi")])


def body(model: str, *messages: Message, **asked: Any) -> dict[str, Any]:
    outgoing = chat_completions.encode(ChatRequest(model, list(messages), **asked), facts(model), stream=False)
    if model.startswith("gpt"):
        assert bodies.problems(outgoing.path, outgoing.body) == []
    sent: dict[str, Any] = outgoing.body
    return sent


def text(words: str) -> Text:
    return Text(words, options=dict(BOTH))


PLACES: dict[str, tuple[list[Message], int]] = {
    "system": ([Message("system", [text("x")]), HI], 0),
    "user": ([Message("user", [text("x")])], 0),
    "assistant": ([HI, Message("assistant", [text("x")]), HI], 1),
    "assistant with a call": (
        [HI, Message("assistant", [text("x"), ToolCall("a", "f")]), Message("tool", [ToolResult("a", [Text("r")])])],
        1,
    ),
    "tool": ([HI, Message("assistant", [ToolCall("a", "f")]), Message("tool", [ToolResult("a", [text("x")])])], 2),
    "tool as a whole": (
        [
            HI,
            Message("assistant", [ToolCall("a", "f")]),
            Message("tool", [ToolResult("a", [Text("x")], options=dict(BOTH))]),
        ],
        2,
    ),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("model", MARKS)
def test_a_mark_goes_out_with_its_text_whoever_says_it(model: str, place: str) -> None:
    messages, at = PLACES[place]
    assert body(model, *messages)["messages"][at]["content"] == [{"type": "text", "text": "x", **MARKS[model]}]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("model", OTHERS)
def test_models_that_cache_by_themselves_get_plain_text(model: str, place: str) -> None:
    messages, at = PLACES[place]
    assert body(model, *messages)["messages"][at]["content"] == "x"


@pytest.mark.parametrize("model", MARKS)
def test_a_mark_stands_where_it_was_set_among_other_texts(model: str) -> None:
    result = ToolResult("a", [Text("one"), text("two"), Text("three")])
    turns = [HI, Message("assistant", [ToolCall("a", "f")]), Message("tool", [result])]
    assert [len(block) for block in body(model, *turns)["messages"][-1]["content"]] == [2, 3, 2]
    answer = Message("assistant", [Text("one "), text("two"), Text("")])
    assert [block["text"] for block in body(model, HI, answer, HI)["messages"][1]["content"]] == ["one ", "two"]
    both = ToolResult("a", [Text("one"), Text("two")], options=dict(BOTH))
    content = body(model, *turns[:2], Message("tool", [both]))["messages"][-1]["content"]
    assert content == [{"type": "text", "text": "one\ntwo", **MARKS[model]}]


@pytest.mark.parametrize("model", MARKS)
def test_media_are_marked_too(model: str) -> None:
    image = Media("image", url="https://x.test/a.png", options=dict(BOTH))
    assert MARKS[model].items() <= body(model, Message("user", [image]))["messages"][0]["content"][0].items()
    turns = [HI, Message("assistant", [ToolCall("a", "f")]), Message("tool", [ToolResult("a", [image], options=BOTH)])]
    sent = body(model, *turns)["messages"]
    assert sent[2]["content"][0]["text"] == "The result is in the next user message."
    assert MARKS[model].items() <= sent[2]["content"][0].items()


def test_claudes_tools_keep_their_fields_here() -> None:
    options = {
        "cache_control": {"type": "ephemeral"},
        "eager_input_streaming": True,
        "defer_loading": True,
        "allowed_callers": ["direct"],
        "input_examples": [{"city": "Oslo"}],
    }
    tool = body("claude-sonnet-4-5", HI, tools=[Tool("f", options=options)])["tools"][0]
    assert options.items() <= tool.items()
