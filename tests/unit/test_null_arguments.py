"""A call of a function without parameters: however a wire says "no arguments", they are `{}`, whole and streamed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from llama_index.core.base.llms.types import ChatMessage, MessageRole, ToolCallBlock

import llama_index_tikhub.history
import llama_index_tikhub.reply
from langchain_tikhub.history import to_conversation
from langchain_tikhub.reply import AnswerStream, from_reply
from llama_index_tikhub.tool_calls import tool_selections
from tests.streams import items_of
from tikhub_ai import ChatReply, ChatRequest, Delta, End, Message, Text, ToolCall, ToolCallDelta
from tikhub_ai.apis import chat_completions, generate_content, messages, responses
from tikhub_ai.catalog import facts
from tikhub_ai.chat import ChatReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CODECS: dict[str, tuple[Any, str]] = {
    "chat_completions": (chat_completions, "gpt-4o"),
    "responses": (responses, "gpt-5"),
    "messages": (messages, "claude-sonnet-4-5"),
    "generate_content": (generate_content, "gemini-3-flash-preview"),
}
NOTHING = ["null", " null\n", "", " ", None]
SOME = ['{"a": null}', "{}", "nullable", '"null"']


def _chat_completions(*pieces: Any) -> list[dict[str, Any]]:
    head = {"index": 0, "id": "c1", "type": "function", "function": {"name": "now", "arguments": pieces[0]}}
    calls = [head, *({"index": 0, "function": {"arguments": piece}} for piece in pieces[1:])]
    said = [{"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]} for call in calls]
    return [*said, {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}]


def _responses(*pieces: Any) -> list[dict[str, Any]]:
    item = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "now", "arguments": ""}
    delta = {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 0}
    whole = None if pieces == (None,) else "".join(pieces)
    done = item | {"arguments": whole, "status": "completed"}
    return [
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        *(delta | {"delta": piece} for piece in pieces),
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {"type": "response.completed", "response": {"id": "r1", "status": "completed", "output": [done]}},
    ]


def _messages(*pieces: Any) -> list[dict[str, Any]]:
    block = {"type": "tool_use", "id": "c1", "name": "now", "input": {}}
    delta = {"type": "content_block_delta", "index": 0}
    return [
        {"type": "message_start", "message": {"id": "m1", "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *(delta | {"delta": {"type": "input_json_delta", "partial_json": piece}} for piece in pieces),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]


def _generate_content(*pieces: Any) -> list[dict[str, Any]]:
    arguments = None if pieces == (None,) else "".join(pieces)
    call = {"functionCall": {"id": "c1", "name": "now", "args": arguments}}
    return [{"candidates": [{"content": {"role": "model", "parts": [call]}, "finishReason": "STOP"}]}]


STREAMS: dict[str, Callable[..., list[dict[str, Any]]]] = {
    "chat_completions": _chat_completions,
    "responses": _responses,
    "messages": _messages,
    "generate_content": _generate_content,
}


def bodies(api: str, given: Any) -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": given}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    item = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "now", "arguments": given}
    every: dict[str, dict[str, Any]] = {
        "chat_completions": {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]},
        "responses": {"id": "r1", "status": "completed", "output": [item]},
        "messages": {
            "type": "message",
            "content": [{"type": "tool_use", "id": "c1", "name": "now", "input": given}],
            "stop_reason": "tool_use",
        },
        "generate_content": _generate_content(given)[0],
    }
    return every[api]


def asked(api: str) -> ChatRequest:
    return ChatRequest(model=CODECS[api][1], messages=[Message("user", [Text("hi")])])


def plain(api: str, given: Any) -> ChatReply:
    codec, model = CODECS[api]
    decoder = codec.decoder(asked(api), facts(model))
    decoder.body(bodies(api, given))
    reply: ChatReply = decoder.accumulator.reply()
    return reply


def streamed(api: str, *pieces: Any) -> list[Delta]:
    codec, model = CODECS[api]
    reader = ChatReader(codec.decoder(asked(api), facts(model)), {"content-type": "text/event-stream"})
    events = "".join(f"data: {json.dumps(event)}\n\n" for event in STREAMS[api](*pieces))
    return list(items_of(reader, events.encode()))


def cuts(given: Any) -> Iterator[tuple[Any, ...]]:
    """A text whole, in two pieces of every length, and letter by letter."""
    if given is None:
        yield (None,)
        return
    yield (given,)
    for at in range(1, len(given)):
        yield (given[:at], given[at:])
    yield tuple(given) or ("",)


def langchain_calls(deltas: list[Delta]) -> AIMessage:
    stream = AnswerStream("m")
    first, *rest = [chunk for delta in deltas if (chunk := stream.chunk(delta)) is not None]
    message = first.__add__([*rest]).message
    assert isinstance(message, AIMessage)
    return message


@pytest.mark.parametrize("given", NOTHING, ids=repr)
@pytest.mark.parametrize("api", CODECS)
def test_no_arguments_are_an_empty_object_in_every_codec_and_framework(api: str, given: Any) -> None:
    replies = [plain(api, given)]
    for pieces in cuts(given):
        deltas = streamed(api, *pieces)
        end = deltas[-1]
        assert isinstance(end, End)
        words = "".join(delta.arguments for delta in deltas if isinstance(delta, ToolCallDelta))
        assert words.strip() in {"", "{}"}
        message = langchain_calls(deltas)
        assert [call["args"] for call in message.tool_calls] == [{}]
        assert not message.invalid_tool_calls
        builder = llama_index_tikhub.reply.StreamBuilder()
        *_, last = [item for delta in deltas if (item := builder.item(delta)) is not None]
        assert [call.tool_kwargs for call in tool_selections(last)] == [{}]
        replies.append(end.reply)
    for reply in replies:
        assert [call.arguments for call in reply.tool_calls] == ["{}"]
        answer = from_reply(reply, "m").generations[0].message
        assert isinstance(answer, AIMessage)
        assert [call["args"] for call in answer.tool_calls] == [{}]


@pytest.mark.parametrize("given", SOME)
@pytest.mark.parametrize("api", sorted(CODECS.keys() - {"generate_content"}))
def test_other_arguments_come_to_the_letter(api: str, given: str) -> None:
    for pieces in cuts(given):
        deltas = streamed(api, *pieces)
        words = "".join(delta.arguments for delta in deltas if isinstance(delta, ToolCallDelta))
        end = deltas[-1]
        assert isinstance(end, End)
        assert words == given == end.reply.tool_calls[0].arguments


@pytest.mark.parametrize("given", [None, "null", "", " "], ids=repr)
def test_a_call_of_a_history_without_arguments_is_sent_with_an_empty_object(given: Any) -> None:
    function = {"name": "now", "arguments": given}
    histories = [
        to_conversation(
            [AIMessage("", additional_kwargs={"function_call": function}), HumanMessage("hi")],
        ),
        to_conversation([AIMessage([{"type": "function_call", "call_id": "c1", **function}])]),
        to_conversation([AIMessage([{"type": "tool_use", "id": "c1", "name": "now", "input": given}])]),
        llama_index_tikhub.history.to_conversation(
            [
                ChatMessage(
                    role=MessageRole.ASSISTANT, additional_kwargs={"tool_calls": [{"id": "c1", "function": function}]}
                )
            ]
        ),
    ]
    if given is not None:
        block = ToolCallBlock(tool_call_id="c1", tool_name="now", tool_kwargs=given)
        histories.append(
            llama_index_tikhub.history.to_conversation([ChatMessage(role=MessageRole.ASSISTANT, blocks=[block])])
        )
    for history in histories:
        calls = [part for message in history for part in message.parts if isinstance(part, ToolCall)]
        assert [call.arguments for call in calls] == ["{}"]
