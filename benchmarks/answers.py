"""What the benchmarks' server answers, on each wire API: the same text to everybody, whole or in chunks."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


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


# --- plain ----------------------------------------------------------------------------------------------------------

_COUNTS = {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12}
_TEXT = {"type": "output_text", "text": "Hello!", "annotations": [], "logprobs": []}
_ITEM = {"id": "msg_bench", "type": "message", "role": "assistant", "status": "completed", "content": [_TEXT]}
PLAIN: dict[str, dict[str, Any]] = {
    "chat_completions": {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1782955818,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello!", "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
        "service_tier": "default",
        "system_fingerprint": "fp_d0469e1700",
    },
    "responses": {
        "id": "resp_bench",
        "object": "response",
        "created_at": 1782955818,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "gpt-4o-mini-2024-07-18",
        "output": [_ITEM],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": _COUNTS
        | {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}},
    },
    "messages": {
        "id": "msg_bench",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": "Hello!"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 3},
    },
    "generate_content": {
        "candidates": [
            {"content": {"parts": [{"text": "Hello!"}], "role": "model"}, "finishReason": "STOP", "index": 0}
        ],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 3, "totalTokenCount": 12},
        "modelVersion": "gemini-2.5-flash",
        "responseId": "bench",
    },
}


# --- large ----------------------------------------------------------------------------------------------------------

_CHUNK = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1782955818, "model": "gpt-4o-mini"}
_PIECE = 64


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return event(_CHUNK | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def chunks_of_text(count: int) -> list[bytes]:
    """An answer in so many chunks."""
    return chat_completions([" word"] * count)


def one_argument(size: int) -> list[bytes]:
    """A tool call with so many bytes of arguments, in pieces of 64."""
    head = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "write", "arguments": '{"text": "'}}
    piece = _chunk({"tool_calls": [{"index": 0, "function": {"arguments": "a" * _PIECE}}]})
    last = {"index": 0, "function": {"arguments": '"}'}}
    return [
        _chunk({"role": "assistant", "tool_calls": [head]}),
        *[piece] * (size // _PIECE),
        _chunk({"tool_calls": [last]}),
        _chunk({}, "tool_calls"),
        b"data: [DONE]\n\n",
    ]


def calls(count: int) -> list[bytes]:
    """So many tool calls in one answer."""
    made = (
        {"index": number, "id": f"call_{number}", "type": "function", "function": {"name": "add", "arguments": "{}"}}
        for number in range(count)
    )
    return [
        _chunk({"role": "assistant", "content": None}),
        *(_chunk({"tool_calls": [call]}) for call in made),
        _chunk({}, "tool_calls"),
        b"data: [DONE]\n\n",
    ]


def image(size: int) -> bytes:
    """A plain answer with an image of so many bytes."""
    address = "data:image/png;base64," + base64.b64encode(bytes(size)).decode()
    message = {"role": "assistant", "content": "", "images": [{"type": "image_url", "image_url": {"url": address}}]}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps(_CHUNK | {"object": "chat.completion", "choices": [choice]}).encode()


STREAMS: dict[str, Callable[[list[str]], list[bytes]]] = {
    "chat_completions": chat_completions,
    "responses": responses,
    "messages": messages,
    "generate_content": generate_content,
}
LARGE: dict[str, Callable[[int], list[bytes]]] = {"chunks": chunks_of_text, "argument": one_argument, "calls": calls}
