"""Messages of POST /v1/messages, the streams that a provider or a relay would make of them, and what we read there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.streams import items_of
from tikhub_ai import ChatReply, ChatRequest, Citation, End, Message, Text, ToolCall
from tikhub_ai.apis import messages
from tikhub_ai.catalog import facts
from tikhub_ai.chat import ChatReader

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = "claude-sonnet-4-5"
SSE = {"content-type": "text/event-stream"}
USAGE = {"input_tokens": 10, "output_tokens": 5}


def message(*content: dict[str, Any], stop: Any = "end_turn", **more: Any) -> dict[str, Any]:
    """A whole message, as a plain answer holds it."""
    body = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": list(content)}
    return {**body, "stop_reason": stop, "stop_sequence": None, "usage": dict(USAGE), **more}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def tool_use(identifier: str = "toolu_1", name: str = "f", **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": identifier, "name": name, "input": given}


def start(index: Any, block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: Any, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def stop(index: Any) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


BEGIN = {"type": "message_start", "message": message(stop=None, usage={"input_tokens": 10, "output_tokens": 1})}
FINISH = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn", "stop_sequence": None},
    "usage": {"output_tokens": 5},
}
OVER = {"type": "message_stop"}


def pieces_of(words: str, size: int = 3) -> list[str]:
    return [words[at : at + size] for at in range(0, len(words), size)]


def events_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The events that Anthropic would stream a message as."""
    first = {**body, "content": [], "stop_reason": None, "stop_sequence": None}
    first["usage"] = {**body["usage"], "output_tokens": 1}
    events = [{"type": "message_start", "message": first}]
    for index, block in enumerate(body["content"]):
        events += _block_events(index, block)
    said = {key: body[key] for key in ("stop_reason", "stop_sequence", "stop_details") if key in body}
    return [*events, {"type": "message_delta", "delta": said, "usage": {"output_tokens": 5}}, OVER]


def _block_events(index: int, block: dict[str, Any]) -> list[dict[str, Any]]:
    match block["type"]:
        case "text":
            deltas = [delta(index, "text_delta", text=piece) for piece in pieces_of(block["text"])]
            deltas += [delta(index, "citations_delta", citation=cited) for cited in block.get("citations") or ()]
            begun = {**block, "text": ""} | ({"citations": []} if "citations" in block else {})
        case "thinking":
            deltas = [delta(index, "thinking_delta", thinking=piece) for piece in pieces_of(block["thinking"])]
            deltas.append(delta(index, "signature_delta", signature=block["signature"]))
            begun = {**block, "thinking": "", "signature": ""}
        case "tool_use" | "server_tool_use" | "mcp_tool_use":
            written = json.dumps(block["input"], separators=(",", ":")) if block["input"] else ""
            deltas = [delta(index, "input_json_delta", partial_json=piece) for piece in ["", *pieces_of(written)]]
            begun = {**block, "input": {}}
        case _:
            deltas, begun = [], block
    return [start(index, begun), *deltas, stop(index)]


def without(*kinds: str) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    return lambda events: [event for event in events if event["type"] not in kinds]


def _with_pings(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for event in events for one in ({"type": "ping"}, event, {"type": "never_heard_of", "x": 1})]


def _without_index(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in event.items() if key != "index"} for event in events]


def _one_index(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**event, "index": 0} if "index" in event else event for event in events]


def _whole_input_at_start(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    inputs: dict[Any, str] = {}
    for event in events:
        if event["type"] == "content_block_delta" and event["delta"]["type"] == "input_json_delta":
            inputs[event["index"]] = inputs.get(event["index"], "") + event["delta"]["partial_json"]
    out = []
    for event in events:
        if event["type"] == "content_block_start" and inputs.get(event["index"]):
            whole = {**event["content_block"], "input": json.loads(inputs[event["index"]])}
            out.append({**event, "content_block": whole})
        elif event.get("delta", {}).get("type") != "input_json_delta":
            out.append(event)
    return out


def _no_input_at_start(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {**event, "content_block": {key: value for key, value in event["content_block"].items() if key != "input"}}
        if event["type"] == "content_block_start"
        else event
        for event in events
    ]


def _signature_in_pieces(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for event in events:
        signature = event.get("delta", {}).get("signature")
        out += (
            [delta(event["index"], "signature_delta", signature=p) for p in pieces_of(signature)]
            if signature
            else [event]
        )
    return out


def _two_message_starts(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [events[0], *events]


def _finish_said_twice(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*events[:-1], *events[-2:]]


CHANGES: dict[str, Callable[[list[dict[str, Any]]], list[dict[str, Any]]]] = {
    "as Anthropic": lambda events: events,
    "pings and unknown events": _with_pings,
    "no content_block_stop": without("content_block_stop"),
    "no message_stop": without("message_stop"),
    "no stops at all": without("content_block_stop", "message_stop"),
    "no index": _without_index,
    "no index and no stops": lambda events: _without_index(without("content_block_stop", "message_stop")(events)),
    "the same index for all": _one_index,
    "whole input with the start": _whole_input_at_start,
    "start without input": _no_input_at_start,
    "signature in pieces": _signature_in_pieces,
    "two message_start": _two_message_starts,
    "finish said twice": _finish_said_twice,
}
"""How relays change the events."""


def framed(events: list[Any], how: str = "named") -> bytes:
    """Events as bytes.

    Args:
        events: JSON values; bytes go out as they are.
        how: `named` (with `event:`), `bare` (without), `done` (with `[DONE]` at the end), `joined` (several payloads in
            one event), `crlf`, or `one` (a blank line only at the end).
    """
    lines = []
    for event in events:
        if isinstance(event, bytes):
            lines.append(event.decode())
            continue
        name = f"event: {event.get('type')}\n" if how in {"named", "crlf"} else ""
        gap = "\n" if how in {"joined", "one"} else "\n\n"
        lines.append(f"{name}data: {json.dumps(event)}{gap}")
    if how == "joined":
        lines = [line + "\n" if number % 3 == 2 else line for number, line in enumerate(lines)]
    if how == "done":
        lines.append("data: [DONE]\n\n")
    stream = "".join(lines)
    return (stream.replace("\n", "\r\n") if how == "crlf" else stream).encode()


FRAMES = ("named", "bare", "done", "joined", "crlf", "one")


def request_of(**asked: Any) -> ChatRequest:
    return ChatRequest(asked.pop("model", MODEL), [Message("user", [Text("hi")])], **asked)


def reader_of(headers: dict[str, str] | None = None, **asked: Any) -> ChatReader:
    request = request_of(**asked)
    return ChatReader(messages.decoder(request, facts(request.model)), headers or SSE)


def deltas_of(stream: bytes, **asked: Any) -> list[Any]:
    reader = reader_of(**asked)
    return list(items_of(reader, stream))


def streamed(*events: Any, **asked: Any) -> ChatReply:
    """The reply that a stream of events folds to."""
    deltas = deltas_of(framed(list(events)), **asked)
    assert [type(one) for one in deltas].count(End) == 1
    reply: ChatReply = deltas[-1].reply
    return reply


def plain(body: dict[str, Any], **asked: Any) -> ChatReply:
    request = request_of(**asked)
    decoder = messages.decoder(request, facts(request.model))
    decoder.body(body)
    return decoder.accumulator.reply()


def same(reply: ChatReply) -> Any:
    """A reply to be compared. White space in a call's JSON is the wire's own: stream and plain answer differ in it."""
    for part in reply.parts:
        if isinstance(part, ToolCall):
            part.arguments = json.dumps(json.loads(part.arguments))
        if isinstance(part, Text):
            part.citations = [Citation(one.type, raw=one.raw) for one in part.citations]
    return reply
