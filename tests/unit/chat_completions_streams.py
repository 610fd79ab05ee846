"""Streams of chat_completions as a gateway would send them, and what our decoder makes of them."""

from __future__ import annotations

import json
from typing import Any

from tests.streams import items_of
from tikhub_ai import ChatReply, ChatRequest, End, Message, Text
from tikhub_ai.apis import chat_completions
from tikhub_ai.catalog import facts
from tikhub_ai.chat import ChatReader

SSE = {"content-type": "text/event-stream"}


def reader_of(model: str = "gpt-4o", headers: dict[str, str] | None = None, **asked: Any) -> ChatReader:
    request = ChatRequest(model=model, messages=[Message("user", [Text("hi")])], **asked)
    return ChatReader(chat_completions.decoder(request, facts(model)), headers or SSE)


def data(*payloads: Any, done: bool = True) -> bytes:
    lines = [f"data: {payload if isinstance(payload, str) else json.dumps(payload)}\n\n" for payload in payloads]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


def chunk(delta: Any = None, finish: Any = None, index: int = 0, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {"id": "chatcmpl-1", "model": "gpt-4o-2024", "choices": [choice], **more}


def deltas_of(stream: bytes, **asked: Any) -> list[Any]:
    reader = reader_of(**asked)
    return list(items_of(reader, stream))


def reply_of(stream: bytes, **asked: Any) -> ChatReply:
    deltas = deltas_of(stream, **asked)
    assert [type(delta) for delta in deltas].count(End) == 1
    reply: ChatReply = deltas[-1].reply
    return reply


def plain(message: dict[str, Any], model: str = "gpt-4o", **more: Any) -> ChatReply:
    request = ChatRequest(model=model, messages=[Message("user", [Text("hi")])])
    decoder = chat_completions.decoder(request, facts(model))
    decoder.body({"id": "chatcmpl-1", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], **more})
    return decoder.accumulator.reply()


def piece(arguments: Any = "", *, index: Any = None, id: str | None = None, name: str | None = None) -> dict[str, Any]:  # noqa: A002
    call: dict[str, Any] = {"type": "function", "function": {"arguments": arguments}}
    if index is not None:
        call["index"] = index
    if id is not None:
        call["id"] = id
    if name is not None:
        call["function"]["name"] = name
    return call
