"""Every recorded Responses exchange (OpenAI, DeepSeek, xAI), beside what the openai SDK makes of the same bytes."""

from __future__ import annotations

import json
import warnings
from typing import Any

import openai
import orjson
import pytest

from tests import openapi
from tests.streams import end_of, items_of, pieces_of
from tests.wire.reading import all_ways, client_of, openai_sdk, request_of
from tests.wire.recordings import Exchange, exchanges, named, needs_recordings
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
from tikhub_ai.chat import ChatReader
from tikhub_ai.errors import TikHubAIWarning

pytestmark = needs_recordings
API = "responses"
MODEL = "gpt-5-nano"  # where a recording kept no request


ANSWERS = exchanges(API, "answer")
STREAMS = [param for param in ANSWERS if param.values[0].is_stream]
ERRORS = exchanges(API, "refused")
FAILED = exchanges(API, "failed")
_ENDS = {"response.completed", "response.incomplete"}
_FINISHED = {"max_output_tokens": "length", "max_tokens": "length"}


def sdk_events(exchange: Exchange) -> Any:
    """What the openai SDK makes of the same bytes: a Response, or the events of a stream."""
    sdk = openai_sdk(exchange.status, exchange.headers, exchange.body)
    if exchange.is_stream:
        return list(sdk.responses.create(model="as-recorded", input="as recorded", stream=True))
    return sdk.responses.create(model="as-recorded", input="as recorded")


def sdk_reading(exchange: Exchange) -> Any:
    """The SDK's Response, plain or that of the stream's end."""
    read = sdk_events(exchange)
    if not exchange.is_stream:
        return read
    return next(event.response for event in reversed(read) if event.type in _ENDS)


def response_of(exchange: Exchange) -> dict[str, Any]:
    """The response, as the wire gave it in the end."""
    response: dict[str, Any] = next(
        payload.get("response", payload) for payload in reversed(exchange.payloads) if "output" in str(payload)
    )
    return response


def reasoning_in(item: Any) -> str:
    return "\n\n".join(piece.text for piece in [*item.summary, *(item.content or [])])


def call_in(item: Any) -> tuple[str, str, str]:
    """Name, arguments and id; the text of a custom tool as the `input` of an object."""
    said = item.arguments if item.type == "function_call" else orjson.dumps({"input": item.input}).decode()
    return item.name, said or "{}", item.call_id


def finish_reason_of(response: Any, calls: list[Any]) -> str:
    match response.status:
        case "completed" | None:
            return "tool_calls" if calls else "stop"
        case "incomplete":
            reason = response.incomplete_details and response.incomplete_details.reason
            return _FINISHED.get(reason, reason) or "incomplete"
        case status:
            return str(status)


@pytest.mark.parametrize("exchange", ANSWERS)
async def test_everything_that_is_said_agrees_with_the_openai_sdk(exchange: Exchange) -> None:
    theirs = sdk_reading(exchange)
    messages = [item for item in theirs.output if item.type == "message" and item.role == "assistant"]
    contents = [content for item in messages for content in item.content or []]
    calls = [call_in(item) for item in theirs.output if item.type in _CALLS]
    for ours in await all_ways(API, exchange, MODEL):
        assert (ours.id, ours.model) == (theirs.id, getattr(theirs, "model", None))
        assert ours.extras["status"] == (theirs.status or "completed")
        assert ours.text == theirs.output_text
        assert (ours.refusal or "") == "".join(content.refusal for content in contents if content.type == "refusal")
        assert [(call.name, call.arguments, call.id) for call in ours.tool_calls] == calls
        assert ours.finish_reason == finish_reason_of(theirs, calls)
        assert [part.text for part in ours.parts if isinstance(part, Reasoning)] == [
            reasoning_in(item) for item in theirs.output if item.type == "reasoning"
        ]
        assert [len(part.citations) for part in ours.parts if isinstance(part, Text)] == [
            len(content.annotations or []) for content in contents if content.type == "output_text"
        ]
        assert (ours.usage is None) is (theirs.usage is None)
        if ours.usage is None:
            continue
        assert (ours.usage.input_tokens, ours.usage.output_tokens, ours.usage.total_tokens) == (
            theirs.usage.input_tokens,
            theirs.usage.output_tokens,
            theirs.usage.total_tokens,
        )
        read, thought = theirs.usage.input_tokens_details, theirs.usage.output_tokens_details
        assert ours.usage.input_details.get("cache_read") == (read.cached_tokens if read else None)
        assert ours.usage.output_details.get("reasoning") == (thought.reasoning_tokens if thought else None)


@pytest.mark.parametrize("exchange", STREAMS)
def test_the_text_deltas_are_the_sdks(exchange: Exchange) -> None:
    ours = client_of(API, exchange).stream(request_of(exchange, MODEL))
    theirs = [event.delta for event in sdk_events(exchange) if event.type == "response.output_text.delta"]
    said = [delta.text for delta in ours if isinstance(delta, TextDelta)]
    if "".join(theirs) == sdk_reading(exchange).output_text:
        assert said == [delta for delta in theirs if delta]
    else:  # a relay that leaves deltas out
        assert "".join(said) == sdk_reading(exchange).output_text


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
        case "deltas and their done" if kind.count(".") >= 2 and not kind.startswith("response.output_item"):
            return None
        case "all but the end" if kind not in _ENDS:
            return None
        case "the final output" if kind in _ENDS:
            return chunk | {"response": chunk["response"] | {"output": []}}
        case "names":
            gone = {"output_index", "content_index", "sequence_number", "item_id", "summary_index"}
            return {key: value for key, value in chunk.items() if key not in gone}
        case _:
            return chunk


def read(body: bytes) -> ChatReply:
    reader = ChatReader(responses.decoder(ChatRequest("gpt-5", []), facts("gpt-5")), {})
    return end_of(items_of(reader, body)).reply


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
    assert not exchange.payloads or ours.value.response.json() == theirs.value.response.json()
    with pytest.raises(type(ours.value)):
        list(client_of(API, exchange).stream(request_of(exchange, MODEL)))


@pytest.mark.parametrize("exchange", FAILED)
def test_a_failure_after_the_status_has_the_sdks_facts_and_the_members_name(exchange: Exchange) -> None:
    with pytest.raises(APIStatusError) as ours:
        list(client_of(API, exchange).stream(request_of(exchange, MODEL)))
    said = next(payload for payload in reversed(exchange.payloads) if "error" in str(payload))
    error = said.get("error") or (said.get("response") or {}).get("error") or said
    assert (ours.value.code, error["message"] in str(ours.value)) == (error["code"], True)
    known = {"insufficient_quota": "InsufficientBalanceError", "rate_limit_exceeded": "RateLimitError"}
    if error["code"] in known:
        assert type(ours.value).__name__ == known[error["code"]]


# --- replay ---------------------------------------------------------------------------------------------------------


def replayed(exchange: Exchange, reply: ChatReply, model: str) -> list[dict[str, Any]]:
    """The items of the request that carries an answer on, under the storage that the answer was made with."""
    messages = [Message("user", [Text("as recorded")]), Message("assistant", reply.parts)]
    request = ChatRequest(model, messages, native={"store": bool(response_of(exchange).get("store"))})
    encoded = responses.encode(request, facts(model), stream=False)
    items: list[dict[str, Any]] = encoded.body["input"][1:]
    theirs = [item for item in response_of(exchange)["output"] if item["type"] not in _OF_US]
    ours = {**encoded.body, "input": [item for item in encoded.body["input"] if item not in theirs]}
    assert openapi.problems(encoded.path, ours) == []  # what is sent as it came is the provider's affair
    return items


_CALLS = {"function_call", "custom_tool_call"}
_OF_US = {"message", "reasoning", *_CALLS}
"""Items that we write; all others go back as they came."""


def expected_back(exchange: Exchange, model: str) -> list[dict[str, Any]]:
    """The items, without reasoning that nobody could find or read, and with the fields that OpenAI requires."""
    response = json.loads(json.dumps(response_of(exchange)))
    items: list[dict[str, Any]] = response["output"]
    for item in items:
        for content in item["content"] or [] if item["type"] == "message" else []:
            if content["type"] == "output_text":
                content["annotations"] = content.get("annotations") or []
                content["logprobs"] = content.get("logprobs") or []
    items = [
        {key: value for key, value in item.items() if value is not None} if item["type"] in _CALLS else item
        for item in items
    ]
    known = facts(model)
    reads = known.reasoning or not known.is_known or known.family != "gpt"
    return [
        item
        for item in items
        if item["type"] != "reasoning"
        or (reads and (response.get("store") or item.get("encrypted_content") or item.get("content")))
    ]


@pytest.mark.filterwarnings("ignore:.*cannot read is left out")
@pytest.mark.parametrize("exchange", ANSWERS)
async def test_an_answer_goes_back_to_its_issuer_as_the_items_that_came(exchange: Exchange) -> None:
    model = exchange.request.get("model") or MODEL
    for reply in await all_ways(API, exchange, MODEL):
        assert replayed(exchange, reply, model) == expected_back(exchange, model)


@pytest.mark.parametrize("exchange", ANSWERS)
async def test_another_issuer_gets_a_clean_body_and_one_warning(exchange: Exchange) -> None:
    reply = (await all_ways(API, exchange, MODEL))[0]
    only_theirs = [part for part in reply.parts if not isinstance(part, (Text, ToolCall, Refusal))]
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        sent = replayed(exchange, reply, "qwen-max")
    assert [warning.category for warning in warned] == [TikHubAIWarning] * bool(only_theirs)
    assert {item["type"] for item in sent} <= {"message", "function_call"}
    assert not any("id" in item for item in sent)
    words = "".join(part.text for part in reply.parts if isinstance(part, (Text, Refusal)))
    assert "".join(item["content"] for item in sent if "content" in item) == words
    assert [item["call_id"] for item in sent if "call_id" in item] == [call.id for call in reply.tool_calls]


@pytest.mark.parametrize("exchange", STREAMS)
def test_state_is_json_and_knows_its_issuer(exchange: Exchange) -> None:
    parts = read(exchange.body).parts
    assert {part.issuer for part in parts if part.state} <= {Issuer(API, "gpt")}
    json.dumps([part.state for part in parts])


# --- cut ------------------------------------------------------------------------------------------------------------

CUT = {"xai-chat-streaming": 100_000, "function-tool-stream[0]": 997}
"""Recordings, and the size of the pieces in which they are fed."""


@pytest.mark.long
@pytest.mark.parametrize(
    ("exchange", "size"),
    [pytest.param(*param.values, CUT[name], id=param.id) for name in CUT for param in named(API, name)],
)
def test_at_every_byte_the_answer_is_whole_or_incomplete_with_what_had_come(exchange: Exchange, size: int) -> None:
    stream = exchange.body
    end = stream.index(b"\n", stream.rindex(b"data: "))
    whole = read(stream)
    text = 0
    for offset in range(len(stream) + 1):
        reader = ChatReader(responses.decoder(request_of(exchange), facts("m")), {})
        deltas: list[Any] = []
        partial, is_whole = None, True
        try:
            deltas.extend(items_of(reader, *pieces_of(stream[:offset], size)))
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
