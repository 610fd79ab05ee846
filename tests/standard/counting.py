"""Answers that count every kind of token, as their vendors' documents have them.

No server at hand tells these apart: llama.cpp counts what it read from its cache and no other kind, and aimock does so
on /v1/chat/completions alone.
"""

from __future__ import annotations

import json
from typing import Any

import httpx

THOUGHT, TEXT = "One, two.", "Counted."


def _streamed(events: list[dict[str, Any]], *, named: bool = True) -> httpx.Response:
    lines = [(f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n" for event in events]
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content="".join(lines))


def counting_claude(request: httpx.Request) -> httpx.Response:
    """As the SDK's `Usage` has them: 4444 in, 55 out."""
    cached = {"cache_read_input_tokens": 1111, "cache_creation_input_tokens": 2222}
    before = {"input_tokens": 1111, **cached, "output_tokens": 1}
    after = {"output_tokens": 55, "output_tokens_details": {"thinking_tokens": 33}}
    blocks = [{"type": "thinking", "thinking": THOUGHT, "signature": "c2ln"}, {"type": "text", "text": TEXT}]
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
    }
    message |= {"content": [], "stop_reason": None, "stop_sequence": None, "usage": before}
    stopped = {"stop_reason": "end_turn", "stop_sequence": None}
    if not json.loads(request.content).get("stream"):
        return httpx.Response(200, json=message | stopped | {"content": blocks, "usage": before | after})
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {**blocks[0], "thinking": "", "signature": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": THOUGHT}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {**blocks[1], "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": TEXT}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": stopped, "usage": after},
        {"type": "message_stop"},
    ]
    return _streamed(events)


def counting_gpt(request: httpx.Request) -> httpx.Response:
    """As OpenAI's `ResponseUsage` has them: 4444 in, 55 out."""
    usage = {"input_tokens": 4444, "input_tokens_details": {"cached_tokens": 1111, "cache_write_tokens": 2222}}
    usage |= {"output_tokens": 55, "output_tokens_details": {"reasoning_tokens": 33}, "total_tokens": 4499}
    thought: dict[str, Any] = {"id": "rs_1", "type": "reasoning", "encrypted_content": "c2ln"}
    thought["summary"] = [{"type": "summary_text", "text": THOUGHT}]
    said: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
    said["content"] = [{"type": "output_text", "text": TEXT, "annotations": [], "logprobs": []}]
    response = {"id": "resp_1", "object": "response", "created_at": 1782955817, "model": "gpt-5-mini-2025-08-07"}
    began = response | {"status": "in_progress", "output": [], "usage": None}
    done = response | {"status": "completed", "output": [thought, said], "usage": usage}
    if not json.loads(request.content).get("stream"):
        return httpx.Response(200, json=done)
    of_thought, of_text = ({"item_id": "rs_1", "output_index": 0}, {"item_id": "msg_1", "output_index": 1})
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": began},
        {"type": "response.output_item.added", "output_index": 0, "item": thought | {"summary": []}},
        {"type": "response.reasoning_summary_text.delta", **of_thought, "summary_index": 0, "delta": THOUGHT},
        {"type": "response.output_item.done", "output_index": 0, "item": thought},
        {"type": "response.output_item.added", "output_index": 1, "item": said | {"content": []}},
        {"type": "response.output_text.delta", **of_text, "content_index": 0, "delta": TEXT},
        {"type": "response.output_item.done", "output_index": 1, "item": said},
        {"type": "response.completed", "response": done},
    ]
    return _streamed([event | {"sequence_number": number} for number, event in enumerate(events)])


def counting_gemini(request: httpx.Request) -> httpx.Response:
    """As Google's `UsageMetadata` has them: 4444 in, 22 out, and 33 thought."""
    heard = [{"modality": "TEXT", "tokenCount": 2222}, {"modality": "AUDIO", "tokenCount": 2222}]
    usage = {"promptTokenCount": 4444, "cachedContentTokenCount": 1111, "promptTokensDetails": heard}
    spoken = [{"modality": "AUDIO", "tokenCount": 11}]
    usage |= {"candidatesTokenCount": 22, "candidatesTokensDetails": spoken, "thoughtsTokenCount": 33}
    usage |= {"totalTokenCount": 4499}

    def said(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
        candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **more}
        return {
            "candidates": [candidate],
            "modelVersion": "gemini-2.5-flash",
            "responseId": "r1",
            "usageMetadata": usage,
        }

    thought, text = {"text": THOUGHT, "thought": True}, {"text": TEXT}
    if "streamGenerateContent" not in request.url.path:
        return httpx.Response(200, json=said(thought, text, finishReason="STOP"))
    return _streamed([said(thought), said(text), said({"text": ""}, finishReason="STOP")], named=False)
