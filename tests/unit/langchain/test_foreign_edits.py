"""Answers of the vendors' classes that somebody edited, and what of them is nobody's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_tikhub.history import to_conversation
from tests.unit.langchain.test_foreign_answers import (
    CLAUDE,
    GEMINI,
    GPT,
    ITEM,
    THOUGHT,
    TOOL_USE,
    V1,
    answer,
    body_of,
    goes_on,
)
from tikhub_ai import Issuer, TikHubAIWarning, ToolCall


def test_a_file_that_another_provider_keeps_is_left_out() -> None:
    block = {"type": "file", "file_id": "file-openai-abc", "mime_type": "application/pdf"}
    message = answer([block, {"type": "text", "text": "so"}], GPT | V1)
    with pytest.warns(TikHubAIWarning, match="file of an answer of gpt"):
        body = body_of("gemini-3-pro-preview", [HumanMessage("hi"), message, HumanMessage("And?")])
    assert body["contents"][1]["parts"] == [{"text": "so"}]


def test_a_file_that_google_keeps_goes_back_to_google() -> None:
    block = {"type": "file_data", "file_uri": "files/abc", "mime_type": "application/pdf"}
    wanted = [{"fileData": {"fileUri": "files/abc", "mimeType": "application/pdf"}}]
    assert goes_on(answer([block], GEMINI), "gemini-3-pro-preview") == wanted
    assert goes_on(answer([{"fileData": wanted[0]["fileData"]}], GEMINI | V1), "gemini-3-pro-preview") == wanted


@pytest.mark.parametrize(
    ("said", "model"), [(CLAUDE, "claude-sonnet-4-5"), (GEMINI, "gemini-3-pro-preview"), (GPT, "gpt-5")]
)
@pytest.mark.parametrize("form", [{}, V1])
def test_a_block_that_only_langchain_has_is_no_part_of_any_wire(
    said: dict[str, Any], model: str, form: dict[str, str]
) -> None:
    blocks: list[Any] = [
        {"type": "server_tool_result", "tool_call_id": "x", "status": "success", "output": {}},
        {"type": "server_tool_call_chunk", "id": "x", "args": "{"},
        {"type": "non_standard", "value": None},
        {"type": "text", "text": "so"},
    ]
    with pytest.warns(TikHubAIWarning, match="cannot read is left out: server_tool_result of .* on another class"):
        told = json.dumps(goes_on(answer(blocks, said | form), model))
    assert "so" in told
    assert not [kind for kind in ("server_tool", "non_standard") if kind in told]


def test_what_the_message_holds_now_wins() -> None:
    message = answer([THOUGHT, TOOL_USE], CLAUDE, calls=True)
    message.tool_calls = [{"name": "f", "args": {"a": 2}, "id": "c1", "type": "tool_call"}]
    assert goes_on(message, "claude-sonnet-4-5") == [THOUGHT, {**TOOL_USE, "input": {"a": 2}}]
    message.tool_calls = []
    message.invalid_tool_calls = [{"type": "invalid_tool_call", "name": "f", "args": "{", "id": "c1", "error": None}]
    with pytest.warns(TikHubAIWarning, match="invalid arguments"):
        (back,) = to_conversation([message])
    assert not [part for part in back.parts if isinstance(part, ToolCall)]


def test_a_call_that_was_taken_away_does_not_come_back_from_where_it_is_kept_beside() -> None:
    kwargs = {"function_call": {"name": "f", "arguments": "{}"}}
    (back,) = to_conversation([answer("No.", GEMINI, additional_kwargs=kwargs)])
    assert not [part for part in back.parts if isinstance(part, ToolCall)]


def test_the_family_is_that_of_the_model() -> None:
    """Whatever speaks OpenAI's API through OpenAI's class is not GPT for that."""
    said = {"model_provider": "openai", "model_name": "deepseek-reasoner"}
    (back,) = to_conversation([answer([ITEM], said)])
    assert back.parts[0].issuer == Issuer("responses", "deepseek")
