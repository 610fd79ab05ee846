"""Answers of generateContent as Google sends them, and what our decoder makes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.streams import items_of
from tikhub_ai import (
    ChatReply,
    ChatRequest,
    End,
    Issuer,
    Message,
    Text,
)
from tikhub_ai.apis import generate_content
from tikhub_ai.catalog import facts
from tikhub_ai.chat import ChatReader

MODEL = "gemini-3-flash-preview"
GEMINI = Issuer("generate_content", "gemini")
SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json; charset=UTF-8"}
STOP = {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP", "index": 0}


def request_of(**asked: Any) -> ChatRequest:
    return ChatRequest(model=MODEL, messages=[Message("user", [Text("hi")])], **asked)


def reader_of(headers: dict[str, str] | None = None) -> ChatReader:
    return ChatReader(generate_content.decoder(request_of(), facts(MODEL)), headers or SSE)


def chunk(*parts: Any, finish: Any = None, index: int = 0, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": index, **more}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini-3-flash", "responseId": "r1"}


def data(*payloads: Any) -> bytes:
    return "".join(f"data: {p if isinstance(p, str) else json.dumps(p)}\r\n\r\n" for p in payloads).encode()


def deltas_of(*payloads: Any) -> list[Any]:
    reader = reader_of()
    return list(items_of(reader, data(*payloads)))


def streamed(*payloads: Any) -> ChatReply:
    deltas = deltas_of(*payloads)
    assert [type(delta) for delta in deltas].count(End) == 1
    reply: ChatReply = deltas[-1].reply
    return reply


def plain(payload: dict[str, Any]) -> ChatReply:
    decoder = generate_content.decoder(request_of(), facts(MODEL))
    decoder.body(payload)
    return decoder.accumulator.reply()


def both_ways(*parts: Any, finish: Any = "STOP", **more: Any) -> ChatReply:
    """The reply to one chunk, which is the same as a stream and as a plain answer."""
    payload = chunk(*parts, finish=finish, **more)
    assert replace(streamed(payload), headers={}) == plain(payload)
    return plain(payload)
