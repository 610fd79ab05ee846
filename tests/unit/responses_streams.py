"""Streams of the Responses API as a gateway would send them, and what our decoder makes of them."""

from __future__ import annotations

import json
from typing import Any

from tests.streams import items_of
from tikhub_ai import (
    ChatReply,
    ChatRequest,
    End,
    Issuer,
    Message,
    Opaque,
    ServerToolCall,
    ServerToolResult,
    Text,
    TextDelta,
)
from tikhub_ai.apis import responses
from tikhub_ai.catalog import facts
from tikhub_ai.chat import ChatReader

SSE = {"content-type": "text/event-stream", "x-request-id": "req-1"}


def request_of(model: str = "gpt-4o", **asked: Any) -> ChatRequest:
    return ChatRequest(model=model, messages=[Message("user", [Text("hi")])], **asked)


def reader_of(model: str = "gpt-4o", **asked: Any) -> ChatReader:
    return ChatReader(responses.decoder(request_of(model, **asked), facts(model)), SSE)


def data(*events: dict[str, Any], named: bool = True, done: bool = False) -> bytes:
    """Events as bytes, with or without `event:` lines and a `[DONE]` at the end."""
    lines = [
        (f"event: {event['type']}\n" if named and "type" in event else "") + f"data: {json.dumps(event)}\n\n"
        for event in events
    ]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


def deltas_of(*events: dict[str, Any], model: str = "gpt-4o", named: bool = True, **asked: Any) -> list[Any]:
    reader = reader_of(model, **asked)
    return list(items_of(reader, data(*events, named=named)))


def reply_of(*events: dict[str, Any], **asked: Any) -> ChatReply:
    """The folded stream, whose deltas must say the same text as the reply."""
    deltas = deltas_of(*events, **asked)
    assert [type(delta) for delta in deltas].count(End) == 1
    reply: ChatReply = deltas[-1].reply
    assert text_in(deltas) == reply.text
    return reply


def text_in(deltas: list[Any]) -> str:
    texts = [delta for delta in deltas if isinstance(delta, TextDelta)]
    return "".join(delta.text for delta in [delta for delta in texts if delta.phase is None] or texts)


def plain(
    *output: dict[str, Any], model: str = "gpt-4o", asked: dict[str, Any] | None = None, **more: Any
) -> ChatReply:
    decoder = responses.decoder(request_of(model, **(asked or {})), facts(model))
    decoder.body(response(*output, **more))
    assert decoder.is_complete
    return decoder.accumulator.reply()


# --- the wire's objects ---------------------------------------------------------------------------------------------


def response(*output: dict[str, Any], status: str = "completed", **more: Any) -> dict[str, Any]:
    usage = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
    said = {"id": "resp_1", "object": "response", "status": status, "model": "gpt-4o-2024", "usage": usage}
    return said | {"output": list(output)} | more


def message(*texts: str, id: str = "msg_1", **more: Any) -> dict[str, Any]:  # noqa: A002 - the wire's word
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []} for text in texts]
    item = {"id": id, "type": "message", "status": "completed", "role": "assistant", "content": content}
    return item | more


def function_call(arguments: Any = '{"city":"Paris"}', number: int = 1, **more: Any) -> dict[str, Any]:
    item = {"id": f"fc_{number}", "type": "function_call", "status": "completed", "call_id": f"call_{number}"}
    return item | {"name": "get_weather", "arguments": arguments} | more


def reasoning(*summary: str, id: str = "rs_1", **more: Any) -> dict[str, Any]:  # noqa: A002 - the wire's word
    pieces = [{"type": "summary_text", "text": text} for text in summary]
    return {"id": id, "type": "reasoning", "summary": pieces, "encrypted_content": "gAAA"} | more


# --- the wire's events ----------------------------------------------------------------------------------------------

CREATED = {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}}


def added(item: dict[str, Any], index: int = 0) -> dict[str, Any]:
    empty = {"content": [], "arguments": "", "input": "", "status": "in_progress", "summary": []}
    begun = {name: empty.get(name, value) for name, value in item.items() if name != "encrypted_content"}
    return {"type": "response.output_item.added", "output_index": index, "item": begun}


def done(item: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def text(piece: str, item_id: str = "msg_1", index: int = 0, content_index: int = 0, **more: Any) -> dict[str, Any]:
    at = {"item_id": item_id, "output_index": index, "content_index": content_index}
    return {"type": "response.output_text.delta", "delta": piece} | at | more


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", **fields}


def completed(*output: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": response(*output, **more)}


GPT = Issuer("responses", "gpt")
HELLO = [CREATED, added(message("Hello")), text("Hel"), text("lo"), done(message("Hello")), completed(message("Hello"))]


def streamed(*items: dict[str, Any]) -> list[dict[str, Any]]:
    """The shortest stream of an answer: its items, each whole."""
    return [CREATED, *[done(item, index) for index, item in enumerate(items)], completed(*items)]


def shown(reply: Any) -> Any:
    return reply.choices, reply.usage, reply.id, reply.model, reply.extras


def thought(piece: str, number: int = 0, kind: str = "reasoning_summary_text") -> dict[str, Any]:
    return event(f"{kind}.delta", delta=piece, item_id="rs_1", output_index=0, summary_index=number)


def piece_of(arguments: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return event("function_call_arguments.delta", delta=arguments, item_id=f"fc_{number}", **more)


SERVER_ITEMS: list[tuple[dict[str, Any], list[Any]]] = [
    (
        {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}},
        [ServerToolCall("ws_1", "web_search", {"type": "search", "query": "q"}), ServerToolResult("ws_1")],
    ),
    (
        {"id": "fs_1", "type": "file_search_call", "status": "completed", "queries": ["q"], "results": [{"text": "t"}]},
        [ServerToolCall("fs_1", "file_search", {"queries": ["q"]}), ServerToolResult("fs_1", [{"text": "t"}])],
    ),
    (
        {"id": "ci_1", "type": "code_interpreter_call", "code": "1+1", "container_id": "c", "outputs": [{"logs": "2"}]},
        [
            ServerToolCall("ci_1", "code_interpreter", {"code": "1+1", "container_id": "c"}),
            ServerToolResult("ci_1", [{"logs": "2"}]),
        ],
    ),
    (
        {"id": "mcp_1", "type": "mcp_call", "name": "roll", "server_label": "d", "arguments": '{"n":2}', "output": "7"},
        [ServerToolCall("mcp_1", "roll", {"n": 2}), ServerToolResult("mcp_1", "7")],
    ),
    (
        {"id": "mcp_1", "type": "mcp_call", "name": "roll", "server_label": "d", "arguments": "{}", "error": "no"},
        [ServerToolCall("mcp_1", "roll", {}), ServerToolResult("mcp_1", "no", is_error=True)],
    ),
    (
        {"id": "mcpl_1", "type": "mcp_list_tools", "server_label": "d", "tools": [{"name": "roll"}]},
        [
            ServerToolCall("mcpl_1", "mcp_list_tools", {"server_label": "d"}),
            ServerToolResult("mcpl_1", [{"name": "roll"}]),
        ],
    ),
    (
        {"id": "tso_1", "type": "tool_search_output", "call_id": None, "tools": [{"name": "roll"}]},
        [ServerToolResult("tso_1", [{"name": "roll"}])],
    ),
    ({"id": "x", "type": "hologram_call", "data": 1}, [Opaque({"id": "x", "type": "hologram_call", "data": 1})]),
]
