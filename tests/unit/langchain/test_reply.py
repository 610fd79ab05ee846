"""Replies as messages, streams as chunks: both say the same, whatever the answer holds."""

from __future__ import annotations

import json
import warnings
from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, message_chunk_to_message
from langchain_core.outputs import ChatGeneration
from langchain_tests.utils.stream_lifecycle import assert_valid_event_stream

from langchain_tikhub.history import to_conversation
from langchain_tikhub.merging import AnswerChunk
from langchain_tikhub.reply import AnswerStream
from tests.unit.langchain.support import (
    CLAUDE,
    INTERLEAVED,
    REASONING,
    SCRIPTS,
    SEVERAL,
    SPEECH,
    TEXT,
    TOOLS,
    ScriptedChat,
    reply_of,
    summed,
)
from tikhub_ai import Delta, Media, PartDelta, Reasoning, ReasoningDelta, Text, TextDelta, ToolCallDelta

pytestmark = pytest.mark.filterwarnings("ignore:.*is in beta:langchain_core._api.LangChainBetaWarning")
scripts = pytest.mark.parametrize("deltas", SCRIPTS.values(), ids=SCRIPTS)


def without_id(message: BaseMessage) -> dict[str, Any]:
    fields = message.model_dump(exclude={"id", "type", "tool_call_chunks", "chunk_position", "example"})
    fields["invalid_tool_calls"] = [{**call, "error": None} for call in fields["invalid_tool_calls"]]
    return fields


@scripts
def test_the_sum_of_the_chunks_is_the_plain_answer(deltas: list[Any]) -> None:
    llm = ScriptedChat(deltas)
    plain = llm.invoke("hi")
    streamed = summed(llm.stream("hi"))
    assert without_id(streamed) == without_id(plain)
    errors = [{**block, "error": None} for block in plain.content_blocks]
    assert [{**block, "error": None} for block in streamed.content_blocks] == errors
    assert without_id(message_chunk_to_message(streamed)) == without_id(plain)


@scripts
async def test_async_says_what_sync_says(deltas: list[Any]) -> None:
    llm = ScriptedChat(deltas)
    assert without_id(await llm.ainvoke("hi")) == without_id(llm.invoke("hi"))
    assert without_id(summed([chunk async for chunk in llm.astream("hi")])) == without_id(summed(llm.stream("hi")))


@scripts
def test_chunks_added_one_by_one_are_the_chunks_added_at_once(deltas: list[Any]) -> None:
    chunks = list(ScriptedChat(deltas).stream("hi"))
    total = chunks[0]
    for chunk in chunks[1:]:
        total = total + chunk
    assert without_id(total) == without_id(summed(chunks))


@scripts
def test_content_is_the_text_and_nothing_else(deltas: list[Any]) -> None:
    message = ScriptedChat(deltas).invoke("hi")
    assert message.content == "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    for chunk in ScriptedChat(deltas).stream("hi"):
        assert isinstance(chunk.content, str)


@scripts
def test_the_skeleton_survives_json_and_holds_no_float_and_no_bool_outside_citations(deltas: list[Any]) -> None:
    parts = ScriptedChat(deltas).invoke("hi").additional_kwargs.get("tikhub_parts", [])
    assert json.loads(json.dumps(parts)) == parts

    def scalars(value: Any) -> Any:
        if isinstance(value, dict):
            for key, item in value.items():
                if key != "citations":
                    yield from scalars(item)
        elif isinstance(value, list):
            for item in value:
                yield from scalars(item)
        else:
            yield value

    assert not [value for value in scalars(parts) if isinstance(value, (float, bool))]


@scripts
def test_every_block_has_an_index_of_its_own(deltas: list[Any]) -> None:
    indexes = [block["index"] for block in ScriptedChat(deltas).invoke("hi").content_blocks]
    assert indexes == sorted(set(indexes))


@scripts
def test_usage_and_what_is_said_once_come_with_the_last_chunk_only(deltas: list[Any]) -> None:
    *chunks, last = ScriptedChat(deltas).stream("hi")
    assert [chunk.usage_metadata for chunk in chunks] == [None] * len(chunks)
    assert all(chunk.response_metadata == {"model_provider": "tikhub"} for chunk in chunks)
    assert last.chunk_position == "last"
    assert last.usage_metadata == {
        "input_tokens": 7,
        "output_tokens": 5,
        "total_tokens": 12,
        "input_token_details": {"cache_read": 3},
        "output_token_details": {"reasoning": 2},
    }
    assert last.response_metadata["api"] == "messages"
    assert last.response_metadata["model_name"] == "claude-sonnet-4-5-20250929"
    assert last.response_metadata["finish_reason"] == "stop"
    assert last.response_metadata["id"] == "resp_1"
    assert last.response_metadata["token_usage"]["cost"] == 0.1
    assert "headers" not in last.response_metadata


def test_headers_are_told_where_they_are_asked_for() -> None:
    llm = ScriptedChat(include_response_headers=True)
    assert llm.invoke("hi").response_metadata["headers"] == {"x-request-id": "r1"}
    assert summed(llm.stream("hi")).response_metadata["headers"] == {"x-request-id": "r1"}


def test_reasoning_is_where_others_look_for_it_and_not_twice_in_the_blocks() -> None:
    message = ScriptedChat(REASONING).invoke("hi")
    assert message.additional_kwargs["reasoning_content"] == "Let me think."
    assert message.content_blocks == [
        {"type": "reasoning", "reasoning": "Let me think.", "extras": {"signature": "signature"}, "index": 0},
        {"type": "text", "text": "It is four.", "index": 1},
    ]


def test_parts_stay_in_the_order_in_which_they_came() -> None:
    blocks: list[Any] = [*ScriptedChat(INTERLEAVED).invoke("hi").content_blocks]
    assert [block["type"] for block in blocks] == [
        "reasoning",
        "text",
        "server_tool_call",
        "server_tool_result",
        "reasoning",
        "text",
        "non_standard",
        "image",
        "tool_call",
    ]
    assert blocks[2]["args"] == {"query": "x", "deep": True}
    assert blocks[3]["output"] == [{"url": "https://a.example", "score": 0.5}]
    assert blocks[5]["annotations"] == [
        {"type": "citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 6},
        {"type": "citation", "title": "B", "cited_text": "b", "extras": {"citation_type": "char_location"}},
    ]
    assert blocks[6]["value"] == {"type": "new", "rate": 0.25, "on": True}
    assert blocks[7] == {"type": "image", "base64": "aGk=", "mime_type": "image/png", "index": 7}


def test_speech_in_fragments_with_padding_joins_to_the_whole_speech() -> None:
    message = summed(ScriptedChat(SPEECH).stream("hi"))
    audio = {"data": "aGVsbG8=", "transcript": "hello", "id": "audio_1", "expires_at": 99}
    assert message.additional_kwargs["audio"] == audio
    assert message.content_blocks == [
        {"type": "audio", "base64": "aGVsbG8=", "mime_type": "audio/wav", "extras": {"transcript": "hello"}, "index": 0}
    ]


def test_a_second_version_of_a_part_replaces_the_first() -> None:
    deltas = [
        PartDelta(Media("image", data="ZHJhZnQ=", mime_type="image/png"), 0),
        PartDelta(Media("image", data="ZG9uZQ==", mime_type="image/png"), 0),
    ]
    for message in (ScriptedChat(deltas).invoke("hi"), summed(ScriptedChat(deltas).stream("hi"))):
        assert message.content_blocks == [{"type": "image", "base64": "ZG9uZQ==", "mime_type": "image/png", "index": 0}]


def test_invalid_arguments_are_an_invalid_tool_call() -> None:
    for message in (
        ScriptedChat(SCRIPTS["invalid"]).invoke("hi"),
        summed(ScriptedChat(SCRIPTS["invalid"]).stream("hi")),
    ):
        assert message.tool_calls == []
        assert message.invalid_tool_calls[0]["args"] == "not json"
        assert message.content_blocks[0]["type"] == "invalid_tool_call"


@pytest.mark.parametrize(
    "cut",
    [
        '{"city": "Par',
        '{"city": ["Paris", "Ro',
        '{"city": "a\\',
        '{"city": ',
        '{"city": "Paris"',
        '{"city": "Paris"}xyz',
        "{",
    ],
)
def test_a_cut_call_is_invalid_however_it_came_and_never_mended(cut: str) -> None:
    call = [ToolCallDelta(cut[:4], 1, id="c", name="weather"), ToolCallDelta(cut[4:], 1)]
    deltas: list[Delta] = [TextDelta("I look.", 0), *call]
    stream = ScriptedChat(deltas).stream_events("hi", version="v3")
    list(stream)
    ways = {
        "invoke": ScriptedChat(deltas).invoke("hi"),
        "invoke, streaming": ScriptedChat(deltas, streaming=True).invoke("hi"),
        "stream": summed(ScriptedChat(deltas).stream("hi")),
        "v1": ScriptedChat(deltas, output_version="v1").invoke("hi"),
        "v1 streamed": summed(ScriptedChat(deltas, output_version="v1").stream("hi")),
        "v3": stream.output_message,
    }
    for way, message in ways.items():
        assert message is not None
        assert message.tool_calls == [], way
        (invalid,) = message.invalid_tool_calls
        assert (invalid["name"], invalid["id"]) == ("weather", "c")
        assert (invalid["args"] or "").startswith(cut)
        assert message.text == "I look."


def test_pieces_of_parallel_calls_do_not_mix() -> None:
    chunks = list(ScriptedChat(TOOLS).stream("hi"))
    pieces = [(piece["index"], piece["id"], piece["name"]) for chunk in chunks for piece in chunk.tool_call_chunks]
    assert pieces == [
        (1, "call_a", "weather"),
        (1, None, None),
        (1, None, None),
        (2, "call_b", "weather"),
        (3, "call_c", "now"),
    ]
    assert [(call["id"], call["args"]) for call in summed(chunks).tool_calls] == [
        ("call_a", {"city": "Paris"}),
        ("call_b", {"city": "Rome"}),
        ("call_c", {}),
    ]


def test_a_quickly_built_text_chunk_is_a_validated_one() -> None:
    quick = AnswerStream("m").chunk(TextDelta("tok", 2))
    assert quick is not None
    entry = {"index": 2, "type": "text"}
    message = AIMessageChunk(
        content="tok", additional_kwargs={"tikhub_parts": [entry]}, response_metadata={"model_provider": "tikhub"}
    )
    whole = AnswerChunk(message=message)
    assert quick == whole
    assert quick.message.__dict__ == message.__dict__
    assert quick.__dict__.keys() == whole.__dict__.keys()
    assert quick.message.model_fields_set == message.model_fields_set
    other = AnswerStream("m").chunk(TextDelta("tok", 2))
    assert other is not None
    for name, value in quick.message.__dict__.items():
        assert not isinstance(value, (list, dict)) or value is not other.message.__dict__[name], f"{name} is shared"


# --- several answers ------------------------------------------------------------------------------------------------


def test_generate_gives_every_answer_and_the_usage_once() -> None:
    for llm in (ScriptedChat(SEVERAL, n=2), ScriptedChat(SEVERAL, n=2, streaming=True)):
        generations = llm.generate([[HumanMessage("hi")]]).generations[0]
        assert [generation.text for generation in generations] == ["one uno", "two dos"]
        messages = [generation.message for generation in generations if isinstance(generation, ChatGeneration)]
        assert [isinstance(message, AIMessage) and bool(message.usage_metadata) for message in messages] == [
            True,
            False,
        ]


def test_a_stream_gives_the_first_answer_and_the_others_whole_at_its_end() -> None:
    *chunks, last = ScriptedChat(SEVERAL, n=2).stream("hi")
    assert [chunk.content for chunk in chunks] == ["one", " uno"]
    (other,) = last.response_metadata["other_choices"]
    assert other["content"] == "two dos"
    assert other["tool_calls"][0]["name"] == "now"
    assert other["finish_reason"] == "stop"


# --- v1, v3, callbacks ----------------------------------------------------------------------------------------------


@scripts
def test_v1_content_is_the_blocks_plain_and_streamed(deltas: list[Any]) -> None:
    llm = ScriptedChat(deltas, output_version="v1")
    wanted = ScriptedChat(deltas).invoke("hi").content_blocks
    plain = llm.invoke("hi")
    assert plain.content == wanted
    streamed = summed(llm.stream("hi"))
    content: list[Any] = [*streamed.content]
    if deltas is not SCRIPTS["invalid"]:  # LangChain leaves such calls as chunks in the sum
        without = [{key: value for key, value in block.items() if key != "index"} for block in wanted]
        assert [{key: value for key, value in block.items() if key != "index"} for block in content] == without
    assert all("index" in block for block in content if block["type"] != "tool_call")


@scripts
def test_v3_events_are_valid_and_end_in_the_same_answer(deltas: list[Any]) -> None:
    llm = ScriptedChat(deltas)
    stream = llm.stream_events("hi", version="v3")
    events = list(stream)
    assert_valid_event_stream(events)
    wanted = llm.invoke("hi")
    assert stream.output_message is not None
    got = without_id(stream.output_message)
    assert stream.output_message.response_metadata.pop("output_version") == "v1"
    assert got["tool_calls"] == wanted.tool_calls
    assert got["usage_metadata"] == wanted.usage_metadata
    assert got["additional_kwargs"] == wanted.additional_kwargs
    without = [{key: value for key, value in block.items() if key != "index"} for block in wanted.content_blocks]
    without = [{"type": "non_standard", "value": block} if block["type"] == "refusal" else block for block in without]
    if wanted.content_blocks:
        assert [{key: value for key, value in block.items() if key != "index"} for block in got["content"]] == without


@scripts
async def test_async_v3_events_are_those_of_sync(deltas: list[Any]) -> None:
    llm = ScriptedChat(deltas)

    def comparable(events: list[Any]) -> list[Any]:
        return [{**event, "id": ""} for event in events]

    stream = await llm.astream_events("hi", version="v3")
    events = [event async for event in stream]
    assert comparable(events) == comparable(list(llm.stream_events("hi", version="v3")))


@scripts
def test_the_answer_can_be_sent_back_whichever_way_it_came(deltas: list[Any]) -> None:
    llm = ScriptedChat(deltas)
    stream = llm.stream_events("hi", version="v3")
    list(stream)
    ways = {
        "invoke": llm.invoke("hi"),
        "stream": summed(llm.stream("hi")),
        "v1": ScriptedChat(deltas, output_version="v1").invoke("hi"),
        "v1 streamed": summed(ScriptedChat(deltas, output_version="v1").stream("hi")),
        "v3": stream.output_message,
    }
    wanted = reply_of(deltas).parts
    for part in wanted:
        if hasattr(part, "arguments") and isinstance(part.arguments, str) and part.state is None:
            part.arguments = (
                json.dumps(json.loads(part.arguments)) if part.arguments.startswith("{") else part.arguments
            )
    for way, message in ways.items():
        assert message is not None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore" if deltas is SCRIPTS["invalid"] else "error")
            (back,) = to_conversation([message])
        if deltas is not SCRIPTS["invalid"]:
            assert back.parts == wanted, way


class Tokens(BaseCallbackHandler):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        self.seen.append(token)


def test_callbacks_see_every_token() -> None:
    for call in ("stream", "invoke", "v3"):
        tokens = Tokens()
        llm = ScriptedChat(TEXT, streaming=True, callbacks=[tokens])
        if call == "invoke":
            llm.invoke("hi")
        else:
            list(llm.stream("hi") if call == "stream" else llm.stream_events("hi", version="v3"))
        assert [token for token in tokens.seen if token] == ["Hello", ", ", "world"], call


async def test_callbacks_see_every_token_of_async_calls() -> None:
    tokens = Tokens()
    llm = ScriptedChat(TEXT, streaming=True, callbacks=[tokens])
    await llm.ainvoke("hi")
    [chunk async for chunk in llm.astream("hi")]
    assert [token for token in tokens.seen if token] == ["Hello", ", ", "world"] * 2


def test_early_close_closes_the_wire() -> None:
    llm = ScriptedChat(TEXT)
    stream = llm.stream("hi")
    assert isinstance(stream, Generator)
    next(stream)
    assert llm._script.closed == 0
    stream.close()
    assert llm._script.closed == 1


async def test_early_close_of_an_async_stream_closes_the_wire() -> None:
    llm = ScriptedChat(TEXT)
    stream = llm._astream([])
    assert isinstance(stream, AsyncGenerator)
    await anext(stream)
    await stream.aclose()
    assert llm._script.closed == 1


@pytest.mark.parametrize("sizes", [(3, 3, 3), (1, 1), (4, 4, 8, 16), (2, 0, 2)])
def test_pieces_of_equal_length_add_up_too(sizes: tuple[int, ...]) -> None:
    """LangChain drops an int that equals the one it is to be added to, so lengths may not be summed chunk by chunk."""
    state = {"signature": "s"}
    deltas: list[Any] = [ReasoningDelta("t" * size, 0) for size in sizes]
    deltas.append(ReasoningDelta("", 0, state=state, issuer=CLAUDE))
    deltas += [TextDelta("a" * size, 1) for size in sizes] + [TextDelta("b" * size, 2) for size in sizes]
    message = None
    for chunk in ScriptedChat(deltas).stream("hi"):
        message = chunk if message is None else message + chunk
    assert message is not None
    _, reply = to_conversation([HumanMessage("hi"), message])
    texts = [part.text for part in reply.parts if isinstance(part, (Reasoning, Text))]
    assert texts == ["t" * sum(sizes), "a" * sum(sizes), "b" * sum(sizes)]
    assert reply.parts[0].state == state
