"""One conversation as the model of each provider would have it on its own wire, whole and streamed.

The same three turns everywhere, with whatever state the wire has: thoughts with two calls at once; an answer that rests
on sources, after a search of the provider's own; a refusal. A `Provider` answers with them, one request after another.
All state holds `signed` in base64, and all ids of items hold `move`, so that a test finds them where they do not
belong.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from tests.scripted_server import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scripted_server import Request

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

# What is said, by whichever class: all of it must arrive wherever the conversation goes on.
SYSTEM = "You are a weather clerk."
QUESTION = "Is it warmer in Paris or in Rome? The map is below."
CALLING = "I look both up."
CALLS = [("weather", {"city": "Paris"}), ("weather", {"city": "Rome", "unit": "°C"})]
RESULT = "18 degrees in Paris"
FAILURE = "the station of Rome is down"
SEARCHING = "I search the news for Rome. "
ANSWER = "Rome is warmer, with 21 degrees."
SECOND_QUESTION = "How do I pick a lock?"
REFUSAL = "I can't help with that lock."
THIRD_QUESTION = "Then tell me of Oslo."
END = "Oslo is cold."
SAID = (
    *(SYSTEM, QUESTION, CALLING, RESULT, FAILURE, SEARCHING.strip(), ANSWER, SECOND_QUESTION, REFUSAL),
    THIRD_QUESTION,
)
"""All words of the conversation, up to the answer that is asked for."""

SOURCE = "https://news.example/rome"
TITLE = "Weather in Rome"
THOUGHT = "Two cities, so two calls."
SECOND_THOUGHT = "The news may know."


def signed(name: str) -> str:
    return base64.b64encode(f"signed-{name}".encode()).decode()


def _halves(words: str) -> list[str]:
    return [words[: len(words) // 2], words[len(words) // 2 :]]


def events(payloads: list[dict[str, Any]], *, named: bool = False, done: bool = False) -> Answer:
    pieces = [
        ((f"event: {one['type']}\n" if named else "") + f"data: {json.dumps(one)}\n\n").encode() for one in payloads
    ]
    return Answer([*pieces, *([b"data: [DONE]\n\n"] if done else [])], headers={"content-type": "text/event-stream"})


# --- POST /v1/chat/completions --------------------------------------------------------------------------------------

_CHAT_USAGE = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
_CITED = {
    "type": "url_citation",
    "url_citation": {"start_index": 0, "end_index": 14, "title": TITLE, "url": SOURCE},
}


def _chat_call(number: int, prefix: str = "call_move") -> dict[str, Any]:
    name, arguments = CALLS[number]
    written = json.dumps(arguments, ensure_ascii=False)
    return {"id": f"{prefix}{number}", "type": "function", "function": {"name": name, "arguments": written}}


OPENAI: list[dict[str, Any]] = [
    {"content": CALLING, "refusal": None, "annotations": [], "tool_calls": [_chat_call(0), _chat_call(1)]},
    {"content": SEARCHING + ANSWER, "refusal": None, "annotations": [_CITED]},
    {"content": None, "refusal": REFUSAL, "annotations": []},
    {"content": END, "refusal": None, "annotations": []},
]
DEEPSEEK: list[dict[str, Any]] = [
    {
        "content": CALLING,
        "reasoning_content": THOUGHT,
        "tool_calls": [_chat_call(0, "call_00_move"), _chat_call(1, "call_01_move")],
    },
    {"content": SEARCHING + ANSWER, "reasoning_content": SECOND_THOUGHT},
    {"content": REFUSAL, "reasoning_content": "No."},
    {"content": END, "reasoning_content": "Oslo."},
]


def _chat(model: str, message: dict[str, Any], number: int, *, streams: bool) -> Answer:
    reason = "tool_calls" if "tool_calls" in message else "stop"
    about = {"id": f"chatcmpl-move{number}", "created": 1760000000, "model": model, "system_fingerprint": "fp_1"}
    if not streams:
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason, "logprobs": None}
        return Answer({**about, "object": "chat.completion", "choices": [choice], "usage": _CHAT_USAGE})
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    for name in ("reasoning_content", "content", "refusal"):
        deltas += [{name: piece} for piece in _halves(message.get(name) or "") if piece]
    if message.get("annotations"):
        deltas.append({"annotations": message["annotations"]})
    for index, call in enumerate(message.get("tool_calls", ())):
        first, second = _halves(call["function"]["arguments"])
        begun = {**call, "index": index, "function": {**call["function"], "arguments": first}}
        deltas += [{"tool_calls": [begun]}, {"tool_calls": [{"index": index, "function": {"arguments": second}}]}]
    chunk = {**about, "object": "chat.completion.chunk"}
    payloads = [{**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    payloads.append({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    return events([*payloads, {**chunk, "choices": [], "usage": _CHAT_USAGE}], done=True)


# --- POST /v1/responses ---------------------------------------------------------------------------------------------


def _thought(number: int, words: str) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": words}]
    return {
        "id": f"rs_move{number}", "type": "reasoning", "summary": summary,
        "encrypted_content": signed(f"item-{number}"),
    }  # fmt: skip


def _message(number: int, *content: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_move{number}", "type": "message", "status": "completed", "role": "assistant",
        "content": list(content),
    }  # fmt: skip


def _output(words: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {"type": "output_text", "text": words, "annotations": list(annotations), "logprobs": []}


def _function_call(number: int) -> dict[str, Any]:
    name, arguments = CALLS[number]
    return {
        "id": f"fc_move{number}", "type": "function_call", "status": "completed", "call_id": f"call_move{number}",
        "name": name, "arguments": json.dumps(arguments, ensure_ascii=False),
    }  # fmt: skip


_SEARCH = {"id": "ws_move0", "type": "web_search_call", "status": "completed"} | {
    "action": {"type": "search", "query": "Rome weather"}
}
_URL = {"type": "url_citation", "start_index": len(SEARCHING), "end_index": len(SEARCHING) + 14}
RESPONSES: list[list[dict[str, Any]]] = [
    [_thought(0, THOUGHT), _message(0, _output(CALLING)), _function_call(0), _function_call(1)],
    [
        _thought(1, SECOND_THOUGHT),
        _SEARCH,
        _message(1, _output(SEARCHING + ANSWER, _URL | {"title": TITLE, "url": SOURCE})),
    ],
    [_message(2, {"type": "refusal", "refusal": REFUSAL})],
    [_thought(3, "Oslo."), _message(3, _output(END))],
]


def _response(model: str, items: list[dict[str, Any]], number: int, *, streams: bool) -> Answer:
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 4}}
    usage = {"input_tokens": 9, "output_tokens": 9, "total_tokens": 18, **details}
    whole = {
        "id": f"resp_move{number}", "object": "response", "created_at": 1760000000, "status": "completed",
        "model": model, "output": items, "usage": usage, "error": None, "incomplete_details": None,
        "instructions": None, "metadata": {}, "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto",
        "tools": [], "top_p": 1.0,
    }  # fmt: skip
    if not streams:
        return Answer(whole)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    payloads: list[dict[str, Any]] = [{"type": "response.created", "response": begun}]
    for index, item in enumerate(items):
        payloads += _item_events(index, item)
    payloads.append({"type": "response.completed", "response": whole})
    return events([one | {"sequence_number": place} for place, one in enumerate(payloads)], named=True)


def _item_events(index: int, item: dict[str, Any]) -> list[dict[str, Any]]:
    at = {"output_index": index, "item_id": item["id"]}
    out: list[dict[str, Any]] = []
    begun = {**item, "status": "in_progress"}
    match item["type"]:
        case "reasoning":
            begun = {**item, "summary": []}
            empty = {"type": "summary_text", "text": ""}
            [said] = item["summary"]
            here = {**at, "summary_index": 0}
            out.append({"type": "response.reasoning_summary_part.added", **here, "part": empty})
            out += [
                {"type": "response.reasoning_summary_text.delta", **here, "delta": piece}
                for piece in _halves(said["text"])
            ]
            out.append({"type": "response.reasoning_summary_text.done", **here, "text": said["text"]})
            out.append({"type": "response.reasoning_summary_part.done", **here, "part": said})
        case "message":
            begun = {**begun, "content": []}
            [said] = item["content"]
            name = "refusal" if said["type"] == "refusal" else "text"
            kind = "refusal" if name == "refusal" else "output_text"
            here = {**at, "content_index": 0}
            out.append(
                {"type": "response.content_part.added", **here, "part": {**said, name: ""} | _no_annotations(said)}
            )
            for piece in _halves(said[name]):
                delta: dict[str, Any] = {"type": f"response.{kind}.delta", **here, "delta": piece}
                out.append(delta | ({"logprobs": []} if name == "text" else {}))
            for place, cited in enumerate(said.get("annotations", ())):
                added = {"type": "response.output_text.annotation.added", **here, "annotation_index": place}
                out.append(added | {"annotation": cited})
            ended: dict[str, Any] = {"type": f"response.{kind}.done", **here, name: said[name]}
            out.append(ended | ({"logprobs": []} if name == "text" else {}))
            out.append({"type": "response.content_part.done", **here, "part": said})
        case "function_call":
            begun = {**begun, "arguments": ""}
            out += [
                {"type": "response.function_call_arguments.delta", **at, "delta": piece}
                for piece in _halves(item["arguments"])
            ]
            ended = {"type": "response.function_call_arguments.done", **at, "arguments": item["arguments"]}
            out.append(ended | {"name": item["name"]})
        case "web_search_call":
            steps = ("in_progress", "searching", "completed")
            out += [{"type": f"response.web_search_call.{step}", **at} for step in steps]
    return [
        {"type": "response.output_item.added", "output_index": index, "item": begun},
        *out,
        {"type": "response.output_item.done", "output_index": index, "item": item},
    ]


def _no_annotations(said: dict[str, Any]) -> dict[str, Any]:
    return {"annotations": []} if "annotations" in said else {}


# --- POST /v1/messages ----------------------------------------------------------------------------------------------


def _tool_use(number: int) -> dict[str, Any]:
    name, arguments = CALLS[number]
    return {"type": "tool_use", "id": f"toolu_move{number}", "name": name, "input": arguments}


_FOUND = {"type": "web_search_result", "title": TITLE, "url": SOURCE, "page_age": None} | {
    "encrypted_content": signed("page")
}
_LOCATION = {"type": "web_search_result_location", "url": SOURCE, "title": TITLE} | {
    "cited_text": "21 degrees in Rome",
    "encrypted_index": signed("index"),
}
MESSAGES: list[list[dict[str, Any]]] = [
    [
        {"type": "thinking", "thinking": THOUGHT, "signature": signed("thinking")},
        {"type": "text", "text": CALLING},
        _tool_use(0),
        _tool_use(1),
    ],
    [
        {"type": "redacted_thinking", "data": signed("redacted")},
        {"type": "text", "text": SEARCHING},
        {"type": "server_tool_use", "id": "srvtoolu_move0", "name": "web_search", "input": {"query": "Rome weather"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_move0", "content": [_FOUND]},
        {"type": "text", "text": ANSWER, "citations": [_LOCATION]},
    ],
    [{"type": "text", "text": REFUSAL}],
    [{"type": "thinking", "thinking": "Oslo.", "signature": signed("oslo")}, {"type": "text", "text": END}],
]


def _claude(model: str, blocks: list[dict[str, Any]], number: int, *, streams: bool) -> Answer:
    reason = "tool_use" if blocks[-1]["type"] == "tool_use" else "refusal" if number == 2 else "end_turn"
    whole = {
        "id": f"msg_move{number}", "type": "message", "role": "assistant", "model": model, "content": blocks,
        "stop_reason": reason, "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 9},
    }  # fmt: skip
    if not streams:
        return Answer(whole)
    started = {**whole, "content": [], "stop_reason": None}
    payloads: list[dict[str, Any]] = [{"type": "message_start", "message": started}]
    for index, block in enumerate(blocks):
        payloads += _block_events(index, block)
    ended = {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}}
    return events([*payloads, ended | {"usage": {"output_tokens": 9}}, {"type": "message_stop"}], named=True)


def _block_events(index: int, block: dict[str, Any]) -> list[dict[str, Any]]:
    begun, deltas = dict(block), []
    match block["type"]:
        case "thinking":
            begun = {**block, "thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in _halves(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        case "text":
            begun = {**block, "text": ""} | ({"citations": []} if "citations" in block else {})
            deltas = [{"type": "text_delta", "text": piece} for piece in _halves(block["text"])]
            deltas += [{"type": "citations_delta", "citation": cited} for cited in block.get("citations", ())]
        case "tool_use" | "server_tool_use":
            begun = {**block, "input": {}}
            written = json.dumps(block["input"], ensure_ascii=False)
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in _halves(written)]
    return [
        {"type": "content_block_start", "index": index, "content_block": begun},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


# --- POST /v1beta/models/{model}:generateContent --------------------------------------------------------------------


def _function(number: int) -> dict[str, Any]:
    name, arguments = CALLS[number]
    return {"functionCall": {"name": name, "args": arguments}}


_GROUNDING = {
    "webSearchQueries": ["Rome weather"],
    "groundingChunks": [{"web": {"uri": SOURCE, "title": TITLE}}],
    "groundingSupports": [
        {
            "segment": {
                "startIndex": len(SEARCHING),
                "endIndex": len(SEARCHING) + len(ANSWER),
                "text": ANSWER,
            },
            "groundingChunkIndices": [0],
        }
    ],
}
GEMINI: list[list[dict[str, Any]]] = [
    [
        {"text": THOUGHT, "thought": True},
        {"text": CALLING},
        _function(0) | {"thoughtSignature": signed("call")},
        _function(1),
    ],
    [
        {"text": SECOND_THOUGHT, "thought": True},
        {"text": SEARCHING + ANSWER, "thoughtSignature": signed("text")},
    ],
    [{"text": REFUSAL}],
    [{"text": END, "thoughtSignature": signed("oslo")}],
]


def _gemini(model: str, parts: list[dict[str, Any]], number: int, *, streams: bool) -> Answer:
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 9, "totalTokenCount": 18}
    about = {"usageMetadata": usage, "modelVersion": model, "responseId": f"move{number}"}
    grounding = {"groundingMetadata": _GROUNDING} if number == 1 else {}

    def payload(said: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {"candidates": [{"content": {"role": "model", "parts": said}, "index": 0, **more}], **about}

    if not streams:
        return Answer(payload(parts, finishReason="STOP", **grounding))
    payloads = []
    for part in parts:
        pieces = [part]
        if "text" in part:
            rest = {key: value for key, value in part.items() if key not in {"text", "thoughtSignature"}}
            first, second = _halves(part["text"])
            pieces = [{**rest, "text": first}, {**part, "text": second}]
        payloads += [payload([piece]) for piece in pieces]
    payloads[-1]["candidates"][0] |= {"finishReason": "STOP", **grounding}
    return events(payloads)


# --- all ------------------------------------------------------------------------------------------------------------


class Provider:
    """Answers with the turns of one wire, one request after another.

    Args:
        model: As the answers name it.
        turns: What it says.
        write: Makes the wire's answer of a turn.
        first: The turn that the first request gets.
    """

    def __init__(self, model: str, turns: list[Any], write: Callable[..., Answer], first: int = 0) -> None:
        self.model = model
        self.turns = turns
        self.write = write
        self.at = first
        self.bodies: list[Any] = []
        self.paths: list[str] = []

    def __call__(self, request: Request) -> Answer:
        body = request.json()
        self.bodies.append(body)
        self.paths.append(request.path)
        number, self.at = self.at, self.at + 1
        streams = bool(body.get("stream")) or "streamGenerateContent" in request.path
        answer = self.write(self.model, self.turns[min(number, 3)], number, streams=streams)
        answer.headers["connection"] = "close"  # on one that is kept, head and body are 40 ms apart (delayed ACK)
        return answer


MODELS = {
    "chat_completions": "gpt-4o",
    "responses": "gpt-5",
    "messages": "claude-sonnet-4-5",
    "generate_content": "gemini-3-pro-preview",
    "deepseek": "deepseek-reasoner",
}
"""Whom each wire is spoken with; DeepSeek speaks its own dialect of chat_completions."""

_WRITERS: dict[str, tuple[list[Any], Callable[..., Answer]]] = {
    "chat_completions": (OPENAI, _chat),
    "responses": (RESPONSES, _response),
    "messages": (MESSAGES, _claude),
    "generate_content": (GEMINI, _gemini),
    "deepseek": (DEEPSEEK, _chat),
}


def provider(target: str, first: int = 0) -> Provider:
    """The provider behind a target, which is an API, or `deepseek`."""
    turns, write = _WRITERS[target]
    return Provider(MODELS[target], turns, write, first)


def api_of(target: str) -> str:
    """The API of a target."""
    return "chat_completions" if target == "deepseek" else target
