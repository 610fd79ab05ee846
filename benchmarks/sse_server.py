"""A server in a process of its own that streams the same answer to everybody: its CPU is not the client's."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any


def event(payload: dict[str, Any], *, named: bool = False) -> bytes:
    name = f"event: {payload['type']}\n" if named else ""
    return f"{name}data: {json.dumps(payload)}\n\n".encode()


def chat_completions(words: list[str]) -> list[bytes]:
    head = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1782955818}
    head |= {"model": "gpt-4o-mini-2024-07-18", "service_tier": "default", "system_fingerprint": "fp_d0469e1700"}

    def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
        choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
        return event(head | {"choices": choices, "usage": None})

    usage = {"prompt_tokens": 9, "completion_tokens": len(words), "total_tokens": len(words) + 9}
    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": word}) for word in words),
        chunk({}, "stop"),
        event(head | {"choices": [], "usage": usage}),
        b"data: [DONE]\n\n",
    ]


def responses(words: list[str]) -> list[bytes]:
    text = {"type": "output_text", "text": "".join(words), "annotations": [], "logprobs": []}
    item = {"id": "msg_bench", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
    counted = {"input_tokens": 9, "output_tokens": len(words), "total_tokens": len(words) + 9}
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    begun = {"id": "resp_bench", "object": "response", "created_at": 1782955818, "model": "gpt-4o-mini-2024-07-18"}
    begun |= {"status": "in_progress", "output": [], "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    ended = begun | {"status": "completed", "output": [item], "usage": counted | details}
    at = {"item_id": "msg_bench", "output_index": 0, "content_index": 0}
    payloads: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": item | {"content": []}},
        {"type": "response.content_part.added", **at, "part": text | {"text": ""}},
        *({"type": "response.output_text.delta", **at, "delta": word, "logprobs": []} for word in words),
        {"type": "response.output_text.done", **at, "text": text["text"], "logprobs": []},
        {"type": "response.content_part.done", **at, "part": text},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": ended},
    ]
    return [event({**payload, "sequence_number": number}, named=True) for number, payload in enumerate(payloads)]


def messages(words: list[str]) -> list[bytes]:
    begun: dict[str, Any] = {
        "id": "msg_bench",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [],
    }
    begun |= {"stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 1}}
    delta = {"type": "content_block_delta", "index": 0}
    payloads: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({**delta, "delta": {"type": "text_delta", "text": word}} for word in words),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": len(words)}},
        {"type": "message_stop"},
    ]
    return [event(payload, named=True) for payload in payloads]


def generate_content(words: list[str]) -> list[bytes]:
    usage = {"promptTokenCount": 9, "candidatesTokenCount": len(words), "totalTokenCount": len(words) + 9}
    head = {"usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "bench"}
    contents = [{"content": {"parts": [{"text": word}], "role": "model"}, "index": 0} for word in words]
    contents[-1]["finishReason"] = "STOP"
    return [event({"candidates": [content], **head}) for content in contents]


STREAMS = {
    b"/chat/completions": chat_completions,
    b"/responses": responses,
    b"/messages": messages,
    b":streamGenerateContent": generate_content,
}
"""By what is in the request's first line."""


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, streams: dict[bytes, list[bytes]]) -> None:
    while head := await _head(reader):
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        await reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        first = head.partition(b"\r\n")[0]
        for piece in next(pieces for path, pieces in streams.items() if path in first):
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
    writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def main(chunks: int) -> None:
    words = [f" word{number}" for number in range(chunks)]
    streams = {path: stream_of(words) for path, stream_of in STREAMS.items()}
    server = await asyncio.start_server(lambda r, w: serve(r, w, streams), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
