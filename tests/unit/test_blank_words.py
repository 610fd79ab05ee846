"""Words that are there and empty: an empty refusal is not sent, an empty thought beside a call goes back as it came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from langchain_tikhub.history import to_conversation
from langchain_tikhub.reply import AnswerStream, from_reply
from llama_index_tikhub.history import to_conversation as of_llama_index
from llama_index_tikhub.reply import chat_response
from tests.streams import end_of
from tests.unit import chat_completions_streams as wire
from tikhub_ai import ChatReply, ChatRequest, Delta, Message, Refusal, Text, ToolCall, ToolResult
from tikhub_ai.apis import chat_completions, responses
from tikhub_ai.catalog import facts

MODEL = "deepseek-v4-pro"
CALL = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def streamed(field: str, *, model: str = MODEL, with_call: bool = True) -> list[Delta]:
    call: dict[str, Any] = {"tool_calls": [CALL]} if with_call else {"content": "Hi"}
    chunks = [
        wire.chunk({"role": "assistant", field: ""}),
        wire.chunk({field: "", **call}),
        wire.chunk({}, "tool_calls"),
    ]
    return wire.deltas_of(wire.data(*chunks), model=model)


def plain(field: str) -> ChatReply:
    return wire.plain({"role": "assistant", "content": "", field: "", "tool_calls": [CALL]}, model=MODEL)


def assistant_of(history: list[Message], model: str = MODEL) -> dict[str, Any]:
    body = chat_completions.encode(ChatRequest(model, history), facts(model), stream=False).body
    said: dict[str, Any] = next(one for one in body["messages"] if one["role"] == "assistant")
    return said


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_an_empty_thought_beside_a_call_goes_back_as_it_came(field: str) -> None:
    deltas = streamed(field)
    stream = AnswerStream(MODEL)
    first, *rest = [chunk for delta in deltas if (chunk := stream.chunk(delta)) is not None]
    for reply in (plain(field), end_of(deltas).reply):
        hi, result = Message("user", [Text("hi")]), Message("tool", [ToolResult("c1", [Text("1")])])
        messages: list[Any] = [from_reply(reply, MODEL).generations[0].message, first.__add__([*rest]).message]
        histories = [
            [hi, Message("assistant", reply.parts), result],
            *(to_conversation([HumanMessage("hi"), one, ToolMessage("1", tool_call_id="c1")]) for one in messages),
            [hi, *of_llama_index([chat_response(reply).message]), result],
        ]
        for history in histories:
            assert assistant_of(history)[field] == ""


def test_an_empty_thought_alone_says_nothing() -> None:
    assert [type(part) for part in end_of(streamed("reasoning_content", with_call=False)).reply.parts] == [Text]
    assert [type(part) for part in end_of(streamed("reasoning_content", model="gpt-4o")).reply.parts] == [ToolCall]


@pytest.mark.parametrize("model", ["gpt-5", "deepseek-chat"])
def test_an_empty_refusal_is_not_sent(model: str) -> None:
    foreign = [AIMessage([{"type": "text", "text": "Here is"}, {"type": "refusal", "refusal": ""}]),
               AIMessage("Here is", additional_kwargs={"refusal": ""})]  # fmt: skip
    own = Message("assistant", [Text("Here is"), Refusal("")])
    for message in [*(to_conversation([one])[0] for one in foreign), own]:
        history = [Message("user", [Text("hi")]), message, Message("user", [Text("And?")])]
        assert assistant_of(history, model) == {"role": "assistant", "content": "Here is"}
        body = responses.encode(ChatRequest(model, history), facts(model), stream=False).body
        assert "refusal" not in json.dumps(body)
