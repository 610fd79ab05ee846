"""Gateways for the doctor to look at: one that is as this library thinks, and others that are not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.scripted_server import Answer, Request, ScriptedServer, sse

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "sk-right-4a7f91c0e2d8b653"
MODELS = {
    "gpt-4.1-nano": ["openai", "openai-response"],
    "deepseek-chat": ["openai"],
    "claude-haiku-4-5": ["anthropic", "openai"],
    "gemini-2.5-flash-lite": ["gemini", "openai"],
    "text-embedding-3-small": ["openai"],
    "whisper-1": ["openai"],
}
REQUEST_ID = "20261126051200123456789abcdefgh"
UNKNOWN_TASK = Answer({"code": "task_not_exist", "message": "task_not_exist", "data": None}, 400)
_USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
_RESPONSES_USAGE = {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11}


def refusal(status: int, message: str, code: str = "", **more: Any) -> Answer:
    """An error in new-api's form."""
    whole = f"{message} (request id: {REQUEST_ID})"
    error = {"message": whole, "type": "new_api_error", "param": "", "code": code}
    return Answer({"error": error}, status, {"x-oneapi-request-id": REQUEST_ID}, **more)


def as_thought(request: Request) -> Answer:
    """What the gateway is thought to answer."""
    answer = _answer(request)
    answer.headers = {"x-oneapi-request-id": REQUEST_ID, **answer.headers}
    return answer


def _key_of(request: Request) -> str:
    """The key, in any of the three headers, as new-api's middleware finds it."""
    path, headers = request.path, request.headers
    key = headers.get("authorization", "").removeprefix("Bearer ")
    if "/v1/messages" in path:
        key = headers.get("x-api-key", key)
    if path.startswith("/v1beta/models"):
        key = headers.get("x-goog-api-key", key)
    return key


def _answer(request: Request) -> Answer:
    path = request.path.partition("?")[0]
    route = next((one for one in ROUTES if path.startswith(one)), None)
    if route is None:
        return refusal(404, f"Invalid URL ({request.method} {path})")
    return refusal(401, "Invalid token") if _key_of(request) != KEY else ROUTES[route](request)


def _models(request: Request) -> Answer:
    if request.path != "/v1/models":
        return Answer({"error": {"message": "The model does not exist", "type": "x", "code": "model_not_found"}})
    data = [
        {"id": name, "object": "model", "created": 1626777600, "owned_by": "x", "supported_endpoint_types": kinds}
        for name, kinds in MODELS.items()
    ]
    return Answer({"success": True, "object": "list", "data": data})


def _of_a_body(serve: Callable[[dict[str, Any]], Answer]) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        body = request.json()
        model = body.get("model", "") or request.path.rpartition("/")[2].partition(":")[0]
        if not body:
            return refusal(400, "Model name not specified")
        if model not in MODELS:
            return refusal(503, f"No available channel for model {model}", "model_not_found")
        return serve({**body, "stream": body.get("stream") or "stream" in request.path})

    return answer


def _chat_completions(body: dict[str, Any]) -> Answer:
    head = {"id": "chatcmpl-1", "created": 1, "model": body["model"]}
    if not body["stream"]:
        message = {"role": "assistant", "content": "Hello!"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return Answer({**head, "object": "chat.completion", "choices": [choice], "usage": _USAGE})
    deltas: list[tuple[Any, Any]] = [
        ({"role": "assistant", "content": "Hel"}, None),
        ({"content": "lo!"}, None),
        ({}, "stop"),
    ]
    chunks: list[Any] = [
        {**head, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        for delta, finish in deltas
    ]
    return sse(b": PING\n\n", *chunks, {**head, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE})


def _responses(body: dict[str, Any]) -> Answer:
    part = {"type": "output_text", "text": "Hello!", "annotations": []}
    item = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}
    whole = {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": body["model"],
             "output": [item], "usage": _RESPONSES_USAGE}  # fmt: skip
    if not body["stream"]:
        return Answer(whole)
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**whole, "status": "in_progress", "output": [], "usage": None}},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**item, "status": "in_progress", "content": []},
        },
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        {"type": "response.output_text.delta", **place, "delta": "Hel"},
        {"type": "response.output_text.delta", **place, "delta": "lo!"},
        {"type": "response.output_text.done", **place, "text": "Hello!"},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    return _named([{**event, "sequence_number": number} for number, event in enumerate(events)])


def _messages(body: dict[str, Any]) -> Answer:
    usage = {"input_tokens": 9, "output_tokens": 2}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"]}
    if not body["stream"]:
        block = {"type": "text", "text": "Hello!"}
        return Answer({**head, "content": [block], "stop_reason": "end_turn", "stop_sequence": None, "usage": usage})
    empty: dict[str, Any] = {
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 1},
    }
    return _named(
        [
            {"type": "message_start", "message": {**head, **empty}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo!"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
            {"type": "message_stop"},
        ]
    )


def _generate_content(body: dict[str, Any]) -> Answer:
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 11}

    def part(text: str, **more: Any) -> dict[str, Any]:
        content = {"role": "model", "parts": [{"text": text}]}
        head = {"modelVersion": "gemini-2.5-flash-lite", "responseId": "r1"}
        return {"candidates": [{"content": content, "index": 0, **more}], "usageMetadata": usage, **head}

    if not body["stream"]:
        return Answer(part("Hello!", finishReason="STOP"))
    return sse(part("Hel"), part("lo!", finishReason="STOP"), done=False)


def _named(events: list[dict[str, Any]]) -> Answer:
    pieces = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]
    return sse(*pieces, done=False)


def _embeddings(body: dict[str, Any]) -> Answer:
    length = body.get("dimensions", 1536)
    data = [
        {"object": "embedding", "index": place, "embedding": [place + 0.5, *[0.25] * (length - 1)]}
        for place, _ in enumerate(body["input"])
    ]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    return Answer({"object": "list", "data": data, "model": body["model"], "usage": usage})


def _transcriptions(request: Request) -> Answer:
    if b'name="file"' not in request.body:
        return refusal(400, "file is required")
    words = [{"word": "Ruby", "start": 0, "end": 0.4}, {"word": "is", "start": 0.4, "end": 0.6}]
    segment = {"id": 0, "seek": 0, "start": 0, "end": 0.9, "text": "Ruby is", "tokens": [1], "temperature": 0,
               "avg_logprob": -0.2, "compression_ratio": 1.1, "no_speech_prob": 0.01, "words": words}  # fmt: skip
    head = {"task": "transcribe", "language": "en", "duration": 1.0, "text": "Ruby is"}
    return Answer({**head, "segments": [segment]})


def _videos(request: Request) -> Answer:
    if request.path.startswith("/v1/videos?"):
        return Answer({"object": "list", "data": [], "has_more": False})
    return UNKNOWN_TASK


def _gemini(request: Request) -> Answer:
    if request.path.endswith(":fetchPredictOperation"):
        return Answer({"error": {"code": 404, "message": "Operation not found", "status": "NOT_FOUND"}}, 404)
    if request.path.endswith(":countTokens") and not request.json():
        return refusal(400, "contents is required")
    return _of_a_body(_generate_content)(request)


ROUTES: dict[str, Callable[[Request], Answer]] = {
    "/v1/models": _models,
    "/v1/chat/completions": _of_a_body(_chat_completions),
    "/v1/responses": _of_a_body(_responses),
    "/v1/messages": _of_a_body(_messages),
    "/v1beta/models/": _gemini,
    "/v1/embeddings": _of_a_body(_embeddings),
    "/v1/audio/transcriptions": _transcriptions,
    "/v1/videos": _videos,
    "/seedance/v3/contents/generations/tasks/": lambda _: UNKNOWN_TASK,
    "/kling/v1/videos/": lambda _: Answer({"code": 1203, "message": "Task not found", "request_id": "x"}, 404),
}


def only(*routes: str) -> Callable[[Request], Answer]:
    """The same gateway with no more than some of its routes."""

    def answer(request: Request) -> Answer:
        path = request.path.partition("?")[0]
        if not path.startswith(routes):
            return refusal(404, f"Invalid URL ({request.method} {path})")
        return as_thought(request)

    return answer


def secured(server: ScriptedServer, context: Any) -> None:
    """Let a server speak TLS. To be called before it serves."""
    server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
