"""Recorded streams in which one event comes twice, as from a relay that tries again: what can be told apart is.

A piece of a text that comes again is a text that says it twice, on wires that number no events: no reader can know.
All else, whole as it is, says nothing new.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.lanes import REQUEST
from tests.streams import CODECS, end_of, items_of
from tests.wire.reading import request_of
from tests.wire.recordings import ENDPOINTS, exchanges, needs_recordings
from tikhub_ai import ToolCall
from tikhub_ai.catalog import facts
from tikhub_ai.chat import ChatReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.wire.recordings import Exchange
    from tikhub_ai import ChatReply, ChatRequest

MOST = 3
"""Of a kind of event, so many of a recording are repeated, one at a time."""
PIECES = {"text_delta", "thinking_delta", "input_json_delta"}


def read(api: str, request: ChatRequest, *events: bytes) -> ChatReply:
    decoder = CODECS[api].decoder(request, facts(request.model))
    return end_of(items_of(ChatReader(decoder, {"content-type": "text/event-stream"}), *events)).reply


def events_of(exchange: Exchange) -> list[bytes]:
    events = exchange.body.replace(b"\r\n", b"\n").split(b"\n\n")
    return [event + b"\n\n" for event in events if event.strip()]


def payload_of(event: bytes) -> dict[str, Any]:
    data = event.partition(b"data:")[2].strip()
    return json.loads(data) if data.startswith(b"{") else {}


def kind_of(api: str, payload: dict[str, Any]) -> str:
    """What an event is, in a word or two."""
    if api in {"messages", "responses"}:
        held = payload.get("delta") or payload.get("content_block") or payload.get("item")
        return f"{payload.get('type')} {held.get('type') if isinstance(held, dict) else ''}"
    [choice, *_] = payload.get("choices") or payload.get("candidates") or [{}]
    delta = choice.get("delta") or {}
    parts = (choice.get("content") or {}).get("parts") or []
    return str(sorted([*(key for key in delta if delta[key]), *(key for part in parts for key in part)]))


def is_a_piece(api: str, payload: dict[str, Any]) -> bool:
    """Whether it is a piece of a text or of arguments, of which another one may be just like it."""
    match api:
        case "messages":
            return payload.get("type") == "content_block_delta" and payload["delta"]["type"] in PIECES
        case "chat_completions":
            deltas = [choice.get("delta") or {} for choice in payload.get("choices") or ()]
            return any(delta.get(field) for delta in deltas for field in ("content", "reasoning_content", "tool_calls"))
        case "generate_content":
            contents = [candidate.get("content") or {} for candidate in payload.get("candidates") or ()]
            parts = [part for content in contents for part in content.get("parts") or ()]
            calls = [part.get("functionCall") or {} for part in parts]
            return any(part.get("text") for part in parts) or any(
                call.get("willContinue") or call.get("partialArgs") for call in calls
            )
        case _:
            return False  # OpenAI numbers its events


def repeated(api: str, exchange: Exchange) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
    """The stream, with one of its events twice."""
    events, met = events_of(exchange), dict[str, int]()
    for at, event in enumerate(events):
        payload = payload_of(event)
        kind = kind_of(api, payload)
        met[kind] = met.get(kind, 0) + 1
        if met[kind] <= MOST:
            yield payload, [*events[: at + 1], event, *events[at + 1 :]]


STREAMS = [
    pytest.param(api, param.values[0], id=f"{api}-{param.id}")
    for api in ENDPOINTS
    if api != "embeddings"
    for param in exchanges(api, "answer")
    if param.values[0].is_stream
]


@needs_recordings
@pytest.mark.parametrize(("api", "exchange"), STREAMS)
def test_an_event_that_comes_twice_says_nothing_new_unless_it_is_a_piece_of_a_text(
    api: str, exchange: Exchange
) -> None:
    request = request_of(exchange)
    whole = read(api, request, *events_of(exchange))
    for payload, events in repeated(api, exchange):
        reply = read(api, request, *events)
        if not is_a_piece(api, payload):
            assert reply == whole, payload
            continue
        assert reply.finish_reason == whole.finish_reason, payload
        assert reply.usage == whole.usage, payload
        if "thoughtSignature" not in json.dumps(payload):  # a signed text is a part of its own
            assert [type(part) for part in reply.parts] == [type(part) for part in whole.parts], payload


def event(payload: dict[str, Any]) -> bytes:
    named = f"event: {payload['type']}\n" if "type" in payload else ""
    return f"{named}data: {json.dumps(payload)}\n\n".encode()


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return event({"id": "1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def of_a_call(**more: Any) -> bytes:
    return chunk({"tool_calls": [{"index": 0, "type": "function", **more}]})


ARGUMENTS = '{"a": 1}'
CALL: dict[str, Any] = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f"}
PLACE = {"item_id": "fc_1", "output_index": 0}
CALLS: dict[str, tuple[str, list[bytes]]] = {
    "a chunk with a whole call": (
        "chat_completions",
        [of_a_call(id="c1", function={"name": "f", "arguments": ARGUMENTS}), chunk({}, "tool_calls")],
    ),
    "arguments in one piece": (
        "chat_completions",
        [
            of_a_call(id="c1", function={"name": "f", "arguments": ""}),
            of_a_call(function={"arguments": ARGUMENTS}),
            chunk({}, "tool_calls"),
        ],
    ),
    "Messages": (
        "messages",
        [
            event({"type": "message_start", "message": {"id": "1", "content": []}}),
            event(
                {
                    "type": "content_block_start",
                    "index": 0,
                    "content_block": {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
                }
            ),
            event(
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "input_json_delta", "partial_json": ARGUMENTS},
                }
            ),
            event({"type": "content_block_stop", "index": 0}),
            event({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}),
            event({"type": "message_stop"}),
        ],
    ),
    "Responses without numbers": (
        "responses",
        [
            event({"type": "response.created", "response": {"id": "1", "status": "in_progress"}}),
            event({"type": "response.output_item.added", "output_index": 0, "item": {**CALL, "arguments": ""}}),
            event({"type": "response.function_call_arguments.delta", **PLACE, "delta": ARGUMENTS}),
            event({"type": "response.function_call_arguments.done", **PLACE, "arguments": ARGUMENTS}),
            event({"type": "response.output_item.done", "output_index": 0, "item": {**CALL, "arguments": ARGUMENTS}}),
            event({"type": "response.completed", "response": {"id": "1", "status": "completed", "output": []}}),
        ],
    ),
    "GenerateContent": (
        "generate_content",
        [
            event(
                {
                    "candidates": [
                        {"content": {"parts": [{"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}}]}}
                    ]
                }
            ),
            event({"candidates": [{"finishReason": "STOP"}]}),
        ],
    ),
}


@pytest.mark.parametrize(("api", "events"), CALLS.values(), ids=CALLS)
def test_a_call_whose_events_all_come_twice_is_called_once(api: str, events: list[bytes]) -> None:
    reply = read(api, REQUEST, *(one for event in events for one in (event, event)))
    [call] = reply.parts
    assert isinstance(call, ToolCall)
    assert (call.id, call.name, json.loads(call.arguments)) == ("c1", "f", {"a": 1})
    assert reply.finish_reason == read(api, REQUEST, *events).finish_reason


@pytest.mark.parametrize("number", [None, 0])
def test_pieces_that_are_alike_are_no_repetition_where_events_are_not_numbered(number: int | None) -> None:
    numbered = {} if number is None else {"sequence_number": number}
    piece = event({"type": "response.output_text.delta", "item_id": "m", "delta": "ha", **numbered})
    end = event({"type": "response.completed", "response": {"id": "1", "status": "completed"}, **numbered})
    assert read("responses", REQUEST, piece, piece, end).text == "haha"


def test_blocks_of_one_number_that_begin_alike_are_two_once_something_came_between() -> None:
    start = event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    said = event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ha"}})
    end = event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
    assert len(read("messages", REQUEST, start, start, said, start, said, end).parts) == 2
