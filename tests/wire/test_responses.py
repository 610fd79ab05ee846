"""Every recorded Responses exchange (OpenAI, DeepSeek, xAI), beside what the openai SDK makes of the same bytes."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from typing import Any

import httpx
import openai
import pytest

from tests import openapi
from tests.wire.reading import all_ways, client_of, request_of
from tests.wire.recordings import Exchange, exchanges, needs_recordings
from tikhub_ai import (
    APIStatusError,
    ChatReply,
    ChatRequest,
    IncompleteStreamError,
    Issuer,
    Message,
    Reasoning,
    Refusal,
    Text,
    TextDelta,
    ToolCall,
)
from tikhub_ai.apis import responses
from tikhub_ai.catalog import facts
from tikhub_ai.chat import ChatStreamReader
from tikhub_ai.errors import TikHubAIWarning

pytestmark = needs_recordings
API = "responses"
MODEL = "gpt-5-nano"  # where a recording kept no request


def _split(exchange: Exchange) -> list[Exchange]:
    """An exchange's streams: one recording keeps four answers, one after another."""
    events = exchange.body.split(b"\n\n")
    starts = [at for at, event in enumerate(events) if event.startswith(b"event: response.created")]
    if len(starts) < 2:
        return [exchange]
    ends = [*starts[1:], len(events)]
    return [
        replace(exchange, name=f"{exchange.name}.{number}", body=b"\n\n".join(events[start:end]) + b"\n\n")
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


EXCHANGES = [pytest.param(one, id=one.name) for param in exchanges(API) for one in _split(param.values[0])]
ERRORS = [param for param in EXCHANGES if param.values[0].status >= 400]
FAILED = [param for param in EXCHANGES if b'"type":"error"' in param.values[0].body]
ANSWERS = [param for param in EXCHANGES if param not in ERRORS and param not in FAILED]
REPLAYED = [param for param in ANSWERS if b"response.compaction" not in param.values[0].body]
"""Without the answer of another endpoint, /v1/responses/compact, which repeats the user's messages."""


def sdk_events(exchange: Exchange) -> Any:
    """What the openai SDK makes of the same bytes: a Response, or the events of a stream."""
    transport = httpx.MockTransport(
        lambda _: httpx.Response(exchange.status, headers=exchange.headers, content=exchange.body)
    )
    sdk = openai.OpenAI(
        api_key="sk-test",
        base_url="http://gateway.test/v1",
        max_retries=0,
        http_client=httpx.Client(transport=transport),
    )
    if exchange.is_stream:
        return list(sdk.responses.create(model="as-recorded", input="as recorded", stream=True))
    return sdk.responses.create(model="as-recorded", input="as recorded")


def sdk_reading(exchange: Exchange) -> Any:
    """The SDK's Response, plain or that of the stream's end."""
    read = sdk_events(exchange)
    return read[-1].response if exchange.is_stream else read


def items_of(exchange: Exchange) -> list[dict[str, Any]]:
    """The answer's items, as the wire gave them."""
    payload = exchange.chunks[-1]["response"] if exchange.is_stream else json.loads(exchange.body)
    items: list[dict[str, Any]] = payload["output"]
    return items


def reasoning_in(item: Any) -> str:
    return "\n\n".join(piece.text for piece in [*item.summary, *(item.content or [])])


@pytest.mark.parametrize("exchange", ANSWERS)
async def test_everything_that_is_said_agrees_with_the_openai_sdk(exchange: Exchange) -> None:
    theirs = sdk_reading(exchange)
    messages = [item for item in theirs.output if item.type == "message" and item.role == "assistant"]
    contents = [content for item in messages for content in item.content]
    for ours in await all_ways(API, exchange, MODEL):
        assert (ours.id, ours.model) == (theirs.id, getattr(theirs, "model", None))
        assert ours.extras["status"] == (theirs.status or "completed")
        assert ours.text == theirs.output_text
        assert (ours.refusal or "") == "".join(content.refusal for content in contents if content.type == "refusal")
        assert [(call.name, call.arguments, call.id) for call in ours.tool_calls] == [
            (item.name, item.arguments, item.call_id) for item in theirs.output if item.type == "function_call"
        ]
        assert ours.finish_reason == ("tool_calls" if ours.tool_calls else "stop")
        assert [part.text for part in ours.parts if isinstance(part, Reasoning)] == [
            reasoning_in(item) for item in theirs.output if item.type == "reasoning"
        ]
        assert [len(part.citations) for part in ours.parts if isinstance(part, Text)] == [
            len(content.annotations) for content in contents
        ]
        assert ours.usage is not None
        assert (ours.usage.input_tokens, ours.usage.output_tokens, ours.usage.total_tokens) == (
            theirs.usage.input_tokens,
            theirs.usage.output_tokens,
            theirs.usage.total_tokens,
        )
        assert ours.usage.input_details["cache_read"] == theirs.usage.input_tokens_details.cached_tokens
        assert ours.usage.output_details["reasoning"] == theirs.usage.output_tokens_details.reasoning_tokens


STREAMS = [param for param in ANSWERS if param.values[0].is_stream]


@pytest.mark.parametrize("exchange", STREAMS)
def test_the_text_deltas_are_the_sdks(exchange: Exchange) -> None:
    ours = client_of(API, exchange).stream(request_of(exchange, MODEL))
    theirs = [event.delta for event in sdk_events(exchange) if event.type == "response.output_text.delta"]
    assert [delta.text for delta in ours if isinstance(delta, TextDelta)] == theirs


@pytest.mark.parametrize("exchange", STREAMS)
@pytest.mark.parametrize(
    "left_out", ["deltas", "deltas and their done", "all but the end", "the final output", "names"]
)
def test_a_stream_that_leaves_something_out_gives_the_same_answer(exchange: Exchange, left_out: str) -> None:
    whole = read(exchange.body)
    kept = [data for chunk in exchange.chunks if (data := without(left_out, chunk)) is not None]
    body = b"".join(b"data: " + json.dumps(data).encode() + b"\n\n" for data in kept)
    assert without_encryption(read(body)) == without_encryption(whole)


def without(left_out: str, chunk: dict[str, Any]) -> dict[str, Any] | None:
    kind = chunk["type"]
    match left_out:
        case "deltas" if kind.endswith(".delta") or "annotation" in kind:
            return None
        case "deltas and their done" if kind.count(".") == 2 and not kind.startswith("response.output_item"):
            return None
        case "all but the end" if kind != "response.completed":
            return None
        case "the final output" if kind == "response.completed":
            return chunk | {"response": chunk["response"] | {"output": []}}
        case "names":
            gone = {"output_index", "content_index", "sequence_number", "item_id", "summary_index"}
            return {key: value for key, value in chunk.items() if key not in gone}
        case _:
            return chunk


def read(body: bytes) -> ChatReply:
    reader = ChatStreamReader(responses.decoder(ChatRequest("gpt-5", []), facts("gpt-5")), {})
    reply: ChatReply = [*reader.feed(body), *reader.finish()][-1].reply
    return reply


def without_encryption(reply: ChatReply) -> ChatReply:
    """OpenAI encrypts reasoning anew for the final response."""
    for part in reply.parts:
        if isinstance(part, Reasoning) and part.state:
            part.state["item"] = part.state["item"] | {"encrypted_content": None}
    return reply


@pytest.mark.parametrize("exchange", ERRORS)
def test_an_error_is_the_same_member_with_the_same_facts_as_the_sdk_gives(exchange: Exchange) -> None:
    with pytest.raises(APIStatusError) as ours:
        client_of(API, exchange).complete(request_of(exchange, MODEL))
    with pytest.raises(openai.APIStatusError) as theirs:
        sdk_events(exchange)
    assert ours.value.status_code == theirs.value.status_code
    assert (ours.value.code, ours.value.type) == (theirs.value.code, theirs.value.type)
    assert type(theirs.value).__name__ in {kind.__name__ for kind in type(ours.value).__mro__}
    assert ours.value.response is not None
    assert ours.value.response.json() == theirs.value.response.json()
    with pytest.raises(type(ours.value)):
        list(client_of(API, exchange).stream(request_of(exchange, MODEL)))


@pytest.mark.parametrize("exchange", FAILED)
def test_an_error_inside_a_stream_has_the_sdks_facts_and_the_members_name(exchange: Exchange) -> None:
    with pytest.raises(APIStatusError) as ours:
        list(client_of(API, exchange).stream(request_of(exchange, MODEL)))
    with pytest.raises(openai.APIError) as theirs:
        sdk_events(exchange)
    assert ours.value.code == theirs.value.code
    assert theirs.value.message in str(ours.value)
    assert type(ours.value).__name__ == "InsufficientBalanceError"


# --- replay ---------------------------------------------------------------------------------------------------------


def replayed(exchange: Exchange, reply: ChatReply, model: str) -> list[dict[str, Any]]:
    """The items of the request that carries an answer on, under the storage that the answer was made with."""
    messages = [Message("user", [Text("as recorded")]), Message("assistant", reply.parts)]
    payload = exchange.chunks[-1]["response"] if exchange.is_stream else json.loads(exchange.body)
    request = ChatRequest(model, messages, native={"store": bool(payload.get("store"))})
    encoded = responses.encode(request, facts(model), stream=False)
    assert openapi.problems(encoded.path, encoded.body) == []
    items: list[dict[str, Any]] = encoded.body["input"][1:]
    return items


@pytest.mark.parametrize("exchange", REPLAYED)
async def test_an_answer_goes_back_to_its_issuer_as_the_items_that_came(exchange: Exchange) -> None:
    for reply in await all_ways(API, exchange, MODEL):
        assert replayed(exchange, reply, exchange.request.get("model") or MODEL) == items_of(exchange)


@pytest.mark.parametrize("exchange", REPLAYED)
async def test_another_issuer_gets_a_clean_body_and_one_warning(exchange: Exchange) -> None:
    reply = (await all_ways(API, exchange, MODEL))[0]
    only_theirs = [part for part in reply.parts if not isinstance(part, (Text, ToolCall, Refusal))]
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        sent = replayed(exchange, reply, "qwen-max")
    assert [warning.category for warning in warned] == [TikHubAIWarning] * bool(only_theirs)
    assert {item["type"] for item in sent} <= {"message", "function_call"}
    assert not any("id" in item for item in sent)
    assert "".join(item["content"] for item in sent if "content" in item) == reply.text
    assert [item["call_id"] for item in sent if "call_id" in item] == [call.id for call in reply.tool_calls]


def test_state_is_json_and_knows_its_issuer() -> None:
    for param in REPLAYED:
        exchange = param.values[0]
        if exchange.is_stream:
            parts = read(exchange.body).parts
            assert {part.issuer for part in parts} == {Issuer(API, "gpt")}
            json.dumps([part.state for part in parts])


# --- cut ------------------------------------------------------------------------------------------------------------

CUT = {"xai-chat-streaming": 100_000, "function-tool-stream[0]": 997}
"""Recordings, and the size of the pieces in which they are fed."""


@pytest.mark.parametrize(
    ("exchange", "size"),
    [pytest.param(*param.values, CUT[name], id=param.id) for param in STREAMS for name in CUT if name in str(param.id)],
)
def test_at_every_byte_the_answer_is_whole_or_incomplete_with_what_had_come(exchange: Exchange, size: int) -> None:
    stream = exchange.body
    end = stream.index(b"\n", stream.rindex(b"data: "))
    whole = read(stream)
    text = 0
    for offset in range(len(stream) + 1):
        reader = ChatStreamReader(responses.decoder(request_of(exchange), facts("m")), {})
        deltas: list[Any] = []
        partial, is_whole = None, True
        try:
            for start in range(0, offset, size):
                deltas += reader.feed(stream[start : min(start + size, offset)])
            deltas += reader.flush()
            deltas += reader.finish()
        except IncompleteStreamError as error:
            partial, is_whole = error.partial, False
        assert is_whole is (offset >= end), offset
        said = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
        if is_whole:
            assert deltas[-1].reply.text == said == whole.text
        else:
            assert (partial.text if partial else "") == said
            assert whole.text.startswith(said)
            assert len(said) >= text
            text = len(said)
