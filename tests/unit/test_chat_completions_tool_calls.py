"""Tool calls that come back on POST /v1/chat/completions, told apart however a relay sends them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import openapi
from tests.unit.chat_completions_streams import chunk, data, piece, plain, reply_of
from tikhub_ai import ChatRequest, Message, Text, ToolCall, ToolResult
from tikhub_ai.apis import chat_completions
from tikhub_ai.catalog import facts


def calls_of(*chunks: list[dict[str, Any]]) -> list[ToolCall]:
    stream = data(*[chunk({"tool_calls": pieces}) for pieces in chunks], chunk({}, "tool_calls"))
    return reply_of(stream).tool_calls


def sent(model: str, messages: list[Message]) -> dict[str, Any]:
    encoded = chat_completions.encode(ChatRequest(model, messages), facts(model), stream=False)
    assert openapi.problems(encoded.path, encoded.body) == []
    body: dict[str, Any] = encoded.body
    return body


F, G = ToolCall("1", "f", '{"x":1}'), ToolCall("2", "g", '{"y":2}')
WHOLE_F, WHOLE_G = piece('{"x":1}', index=0, id="1", name="f"), piece('{"y":2}', index=1, id="2", name="g")
BEGUN_F, BEGUN_G = piece(index=0, id="1", name="f"), piece(index=1, id="2", name="g")


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([[BEGUN_F], [piece('{"x":', index=0)], [piece("1}", index=0)], [WHOLE_G]], id="as OpenAI does"),
        pytest.param([[WHOLE_F, WHOLE_G]], id="whole calls in one chunk"),
        pytest.param([[WHOLE_F], [WHOLE_G | {"index": 0}]], id="index 0 for all (ollama#15457)"),
        pytest.param(
            [[piece('{"x":1}', id="1", name="f")], [piece('{"y":', id="2", name="g")], [piece("2}")]],
            id="no index (any-llm#1148)",
        ),
        pytest.param(
            [[piece('{"x":', index=0, id="1", name="f")], [piece("1}", index=0, id="1", name="f")], [WHOLE_G]],
            id="id and name with every piece",
        ),
        pytest.param(
            [[piece('{"x":', index=0, id="1", name="f")], [piece("1}", index=0, name="f")], [WHOLE_G]],
            id="name with every piece, id with the first",
        ),
        pytest.param(
            [[piece({"x": 1}, index=0, id="1", name="f"), piece({"y": 2}, index=1, id="2", name="g")]],
            id="arguments as an object",
        ),
        pytest.param(
            [[BEGUN_F, BEGUN_G], [piece('{"x":1}', index=0), piece('{"y":2}', index=1)]], id="calls side by side"
        ),
        pytest.param(
            [[BEGUN_F], [piece('{"x":1}', index=0, id="", name="")], [WHOLE_G]], id="empty id and name in later pieces"
        ),
    ],
)
def test_tool_calls_are_told_apart_however_a_relay_sends_them(chunks: Any) -> None:
    assert calls_of(*chunks) == [F, G]


def test_calls_without_ids_get_ids_that_differ_and_repeat_for_the_same_answer() -> None:
    """Gemini's compatible endpoint (../shared/wire: tool-calls-without-id)."""
    pieces = [piece("{}", index=0, name="f"), piece("{}", index=1, name="f")]
    first, again = calls_of(pieces), calls_of(pieces)
    assert first == again
    assert len({call.id for call in first}) == 2
    assert all(0 < len(call.id) <= 40 for call in first)


def test_two_calls_without_id_and_index_are_two() -> None:
    assert [call.name for call in calls_of([piece("{}", name="f")], [piece("{}", name="g")])] == ["f", "g"]
    assert [call.name for call in calls_of([piece("{}", name="f")], [piece("{}", name="f")])] == ["f", "f"]


def test_another_name_at_the_index_of_a_whole_call_is_another_call() -> None:
    """Whether its id came or was made here: a name cannot change."""
    for first in (WHOLE_F, piece('{"x":1}', index=0, name="f")):
        calls = calls_of([first], [piece('{"y":2}', index=0, name="g")])
        assert [(call.name, call.arguments) for call in calls] == [("f", '{"x":1}'), ("g", '{"y":2}')]
        assert calls[0].id != calls[1].id


def test_the_same_name_without_ids_is_the_same_call_until_it_has_arguments() -> None:
    begun, more = piece(index=0, name="f"), piece('{"x":1}', index=0, name="f")
    assert [call.arguments for call in calls_of([begun], [more])] == ['{"x":1}']
    assert [call.arguments for call in calls_of([begun], [more], [more])] == ['{"x":1}', '{"x":1}']


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert calls_of([piece(index=0, id="1", name="now")]) == [ToolCall("1", "now", "{}")]


def test_arguments_cut_by_the_length_limit_are_kept_as_they_are() -> None:
    stream = data(chunk({"tool_calls": [piece('{"x": "unfin', index=0, id="1", name="f")]}), chunk({}, "length"))
    assert reply_of(stream).tool_calls[0].arguments == '{"x": "unfin'


def test_text_and_a_call_in_one_turn_both_survive() -> None:
    stream = data(
        chunk({"content": "Let me see."}),
        chunk({"tool_calls": [piece("{}", index=0, id="1", name="f")]}),
        chunk({}, "tool_calls"),
    )
    assert reply_of(stream).parts == [Text("Let me see."), ToolCall("1", "f", "{}")]


def test_the_old_function_call_is_a_tool_call() -> None:
    stream = data(
        chunk({"function_call": {"name": "f", "arguments": '{"x"'}}),
        chunk({"function_call": {"arguments": ":1}"}}),
        chunk({}, "function_call"),
    )
    call = reply_of(stream).tool_calls[0]
    assert (call.name, call.arguments) == ("f", '{"x":1}')


def test_a_custom_tools_text_is_the_input_of_a_json_object_and_goes_back_as_text() -> None:
    """OpenAI's custom tools: https://platform.openai.com/docs/api-reference/chat/create, `tools`."""
    said = 'print("é")\n'
    begun = {"index": 0, "id": "call_1", "type": "custom", "custom": {"name": "python", "input": ""}}
    pieces = [{"index": 0, "custom": {"input": text}} for text in (said[:7], said[7:])]
    streamed = reply_of(data(*[chunk({"tool_calls": [one]}) for one in (begun, *pieces)], chunk({}, "tool_calls")))
    call = streamed.tool_calls[0]
    assert (call.id, call.name, json.loads(call.arguments)) == ("call_1", "python", {"input": said})
    whole = {"id": "call_1", "type": "custom", "custom": {"name": "python", "input": said}}
    assert plain({"role": "assistant", "content": None, "tool_calls": [whole]}).tool_calls == [call]
    history = [
        Message("user", [Text("hi")]),
        Message("assistant", [call]),
        Message("tool", [ToolResult("call_1", [Text("é")])]),
    ]
    assert sent("gpt-5", history)["messages"][1]["tool_calls"] == [whole]
    (as_function,) = sent("deepseek-chat", history)["messages"][1]["tool_calls"]
    assert as_function["function"] == {"name": "python", "arguments": call.arguments}
