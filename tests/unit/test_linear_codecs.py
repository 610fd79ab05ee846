"""What the codecs of all APIs do takes time that grows with an answer's or a history's size. See `tests.linear`."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from tests.fuzz.answers import CHAT_APIS, MODELS
from tests.linear import assert_linear
from tikhub_ai import ChatRequest, Message, Text, ToolCall, ToolResult
from tikhub_ai.apis.chat_completions import Decoder
from tikhub_ai.catalog import facts
from tikhub_ai.chat import ChatReader
from tikhub_ai.wire import ServerSentEvent

if TYPE_CHECKING:
    from collections.abc import Callable

Payloads = list[dict[str, Any]]
SIZE = 1000
"""Where the comparisons begin."""


def chunk(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "delta": delta, **more}]}


def chat_calls(count: int, *, numbered: bool = True, named: bool = True) -> Payloads:
    """Calls, each in two pieces."""
    found: Payloads = []
    for n in range(count):
        place = {"index": n} if numbered else {}
        identity = {"id": f"call_{n}"} if named else {}
        found.append(chunk({"tool_calls": [place | identity | {"function": {"name": f"f{n}", "arguments": ""}}]}))
        found.append(chunk({"tool_calls": [place | {"function": {"arguments": "{}"}}]}))
    return [*found, chunk({}, finish_reason="tool_calls")]


def chat_unnumbered_calls(count: int) -> Payloads:
    return chat_calls(count, numbered=False)


def chat_unnamed_calls(count: int) -> Payloads:
    return chat_calls(count, numbered=False, named=False)


def chat_reasoning_details(count: int) -> Payloads:
    details = [{"type": "reasoning.text", "text": "a word "}]
    return [chunk({"reasoning": "a word ", "reasoning_details": details}) for _ in range(count)] + [
        chunk({}, finish_reason="stop")
    ]


def chat_annotations(count: int) -> Payloads:
    source = {"type": "url_citation", "url_citation": {"url": "https://example.com", "title": "T"}}
    return [chunk({"content": "a", "annotations": [source]}) for _ in range(count)] + [chunk({}, finish_reason="stop")]


def chat_choices(count: int) -> Payloads:
    ended = [{"index": n, "delta": {"content": "a"}, "finish_reason": "stop"} for n in range(count)]
    return [{"id": "c", "choices": ended}]


def chat_logprobs(count: int) -> Payloads:
    tokens = {"content": [{"token": "a", "logprob": -0.1}]}
    return [chunk({"content": "a"}, logprobs=tokens) for _ in range(count)] + [chunk({}, finish_reason="stop")]


def blocks(count: int, block: dict[str, Any], deltas: list[dict[str, Any]], *, closed: bool) -> Payloads:
    found: Payloads = [{"type": "message_start", "message": {"id": "m", "content": [], "usage": {}}}]
    for n in range(count):
        found.append({"type": "content_block_start", "index": n, "content_block": {**block, "id": f"toolu_{n}"}})
        found += [{"type": "content_block_delta", "index": n, "delta": delta} for delta in deltas]
        if closed:
            found.append({"type": "content_block_stop", "index": n})
    return [*found, {"type": "message_delta", "delta": {"stop_reason": "tool_use"}}, {"type": "message_stop"}]


def message_calls(count: int) -> Payloads:
    piece = {"type": "input_json_delta", "partial_json": "{}"}
    return blocks(count, {"type": "tool_use", "name": "f", "input": {}}, [piece], closed=True)


def message_unclosed_calls(count: int) -> Payloads:
    return blocks(count, {"type": "tool_use", "name": "f", "input": {}}, [], closed=False)


def message_unclosed_server_calls(count: int) -> Payloads:
    return blocks(count, {"type": "server_tool_use", "name": "f", "input": {}}, [], closed=False)


def message_one_growing_block(count: int) -> Payloads:
    return blocks(1, {"type": "new", "words": ""}, [{"type": "new_delta", "words": "word " * 20}] * count, closed=True)


def message_one_signature(count: int) -> Payloads:
    piece = {"type": "signature_delta", "signature": "c2ln" * 20}
    return blocks(1, {"type": "thinking", "thinking": ""}, [piece] * count, closed=True)


def message_citations(count: int) -> Payloads:
    piece = {"type": "citations_delta", "citation": {"type": "page_location", "cited_text": "a"}}
    return blocks(1, {"type": "text", "text": ""}, [piece] * count, closed=True)


def items(count: int, *, wire: Callable[[int], dict[str, Any]], named: bool, announced: bool) -> Payloads:
    """Items of a response: announced, in a delta, whole, and again in the final output."""
    found: Payloads = [{"type": "response.created", "response": {"id": "r"}}]
    output = [wire(n) | ({"id": f"item_{n}"} if named else {}) for n in range(count)]
    for n, item in enumerate(output):
        place = {"output_index": n, "item_id": f"item_{n}"} if named else {}
        if announced:
            found.append({"type": "response.output_item.added", "item": {**item, "arguments": ""}, **place})
            found.append({"type": "response.function_call_arguments.delta", "delta": "{}", **place})
        found.append({"type": "response.output_item.done", "item": item, **place})
    return [*found, {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": output}}]


def _call(n: int) -> dict[str, Any]:
    return {"type": "function_call", "call_id": f"call_{n}", "name": "f", "arguments": "{}"}


def response_calls(count: int) -> Payloads:
    return items(count, wire=_call, named=True, announced=True)


def response_unnamed_calls(count: int) -> Payloads:
    return items(count, wire=_call, named=False, announced=True)


def response_unannounced_items(count: int) -> Payloads:
    return items(count, wire=lambda n: {"type": "web_search_call", "action": {"n": n}}, named=False, announced=False)


def response_messages(count: int) -> Payloads:
    said = [{"type": "output_text", "text": "a"}]
    return items(count, wire=lambda _: {"type": "message", "content": said}, named=False, announced=False)


def response_refusal(count: int) -> Payloads:
    found: Payloads = [{"type": "response.refusal.delta", "delta": "word " * 20, "item_id": "i"} for _ in range(count)]
    return [*found, {"type": "response.completed", "response": {"id": "r", "status": "completed"}}]


def response_contents(count: int) -> Payloads:
    part = {"type": "output_text", "text": ""}
    found: Payloads = []
    for _ in range(count):
        found.append({"type": "response.content_part.added", "part": part, "item_id": "i"})
        found.append({"type": "response.output_text.delta", "delta": "a", "item_id": "i"})
    return [*found, {"type": "response.completed", "response": {"id": "r", "status": "completed"}}]


def candidate(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"responseId": "r", "candidates": [{"content": {"parts": list(parts)}, "index": 0, **more}]}


def gemini_calls(count: int) -> Payloads:
    return [candidate({"functionCall": {"name": "f", "args": {"n": n}}}) for n in range(count)] + [
        candidate(finishReason="STOP")
    ]


def gemini_streamed_arguments(count: int) -> Payloads:
    piece = {"jsonPath": "$.a", "stringValue": "word ", "willContinue": True}
    found = [candidate({"functionCall": {"name": "f", "willContinue": True}})]
    found += [candidate({"functionCall": {"partialArgs": [piece], "willContinue": True}}) for _ in range(count)]
    return [*found, candidate({"functionCall": {}}), candidate(finishReason="STOP")]


def grounding(count: int, word: str) -> dict[str, Any]:
    size = len(word.encode())
    supports = [
        {
            "segment": {"startIndex": n * size, "endIndex": (n + 1) * size, "text": word},
            "groundingChunkIndices": [n],
        }
        for n in range(count)
    ]
    chunks = [{"web": {"uri": f"https://example.com/{n}", "title": "T"}} for n in range(count)]
    return {"groundingChunks": chunks, "groundingSupports": supports}


def gemini_grounding(count: int) -> Payloads:
    texts = [candidate({"text": "wörd "}) for _ in range(count)]
    return [*texts, candidate(finishReason="STOP", groundingMetadata=grounding(count, "wörd "))]


def gemini_grounding_said_again(count: int) -> Payloads:
    """The same few sources with every chunk."""
    found = grounding(3, "word ")
    return [candidate({"text": "word "}, groundingMetadata=found) for _ in range(count)] + [
        candidate(finishReason="STOP")
    ]


STREAMS: list[tuple[str, Callable[[int], Payloads]]] = [
    ("chat_completions", chat_calls),
    ("chat_completions", chat_unnumbered_calls),
    ("chat_completions", chat_unnamed_calls),
    ("chat_completions", chat_reasoning_details),
    ("chat_completions", chat_annotations),
    ("chat_completions", chat_choices),
    ("chat_completions", chat_logprobs),
    ("messages", message_calls),
    ("messages", message_unclosed_calls),
    ("messages", message_unclosed_server_calls),
    ("messages", message_one_growing_block),
    ("messages", message_one_signature),
    ("messages", message_citations),
    ("responses", response_calls),
    ("responses", response_unnamed_calls),
    ("responses", response_unannounced_items),
    ("responses", response_messages),
    ("responses", response_refusal),
    ("responses", response_contents),
    ("generate_content", gemini_calls),
    ("generate_content", gemini_streamed_arguments),
    ("generate_content", gemini_grounding),
    ("generate_content", gemini_grounding_said_again),
]


@pytest.mark.parametrize(("api", "payloads"), STREAMS, ids=[payloads.__name__ for _, payloads in STREAMS])
def test_a_stream_is_decoded_in_time_that_grows_with_it(api: str, payloads: Callable[[int], Payloads]) -> None:
    codec = import_module(f"tikhub_ai.apis.{api}")
    request = ChatRequest(MODELS[api], [Message("user", [Text("hi")])])

    def events(count: int) -> list[bytes]:
        return [b"data: " + json.dumps(payload).encode() + b"\n\n" for payload in payloads(count)]

    def decode(given: list[bytes]) -> None:
        reader = ChatReader(codec.decoder(request, facts(request.model)), {"content-type": "text/event-stream"})
        for event in given:
            reader.feed(event)
        reader.end()
        assert reader.error is None
        partial = reader.partial()
        assert partial is not None
        assert partial.choices

    assert_linear(events, decode, size=SIZE)


def test_an_array_of_chunks_is_decoded_in_time_that_grows_with_it() -> None:
    codec = import_module("tikhub_ai.apis.generate_content")
    request = ChatRequest(MODELS["generate_content"], [Message("user", [Text("hi")])])

    def body(count: int) -> bytes:
        return json.dumps([candidate({"text": "word " * 20}) for _ in range(count)]).encode()

    assert_linear(body, lambda given: codec.decoder(request, facts(request.model)).array(given), size=SIZE)


def history(count: int, name: Callable[[int], str]) -> list[Message]:
    calls = [ToolCall(name(n), "f", "{}") for n in range(count)]
    results = [Message("tool", [ToolResult(name(n), [Text("ok")])]) for n in range(count)]
    return [Message("user", [Text("hi")]), Message("assistant", [*calls]), *results, Message("user", [Text("And?")])]


def turns(count: int, _: Any) -> list[Message]:
    """Turns whose calls all have one id, as those of Gemini's own counting have."""
    found: list[Message] = [Message("user", [Text("hi")])]
    for _n in range(count):
        found.append(Message("assistant", [ToolCall("call_0", "f", "{}")]))
        found.append(Message("tool", [ToolResult("call_0", [Text("ok")])]))
    return found


@pytest.mark.parametrize(
    ("messages", "name"),
    [(history, lambda n: f"call_{n}"), (history, lambda _: "call"), (history, lambda _: ""), (turns, lambda _: "")],
    ids=["parallel", "parallel of one id", "parallel of no id", "turns of one id"],
)
@pytest.mark.parametrize("api", CHAT_APIS)
def test_a_history_is_encoded_in_time_that_grows_with_it(api: str, messages: Any, name: Any) -> None:
    codec = import_module(f"tikhub_ai.apis.{api}")

    def asked(count: int) -> ChatRequest:
        return ChatRequest(MODELS[api], messages(count, name))

    assert_linear(asked, lambda request: codec.encode(request, facts(request.model), stream=False), size=SIZE)


def test_the_same_error_object_in_every_chunk_costs_no_more_than_reading_it() -> None:
    request = ChatRequest("m", [Message("user", [Text("hi")])])

    def event(count: int) -> ServerSentEvent:
        return ServerSentEvent("", json.dumps({**chunk({"content": "a"}), "error": {"a": [{}] * count}}).encode())

    assert_linear(event, lambda given: Decoder(request, facts("m")).event(given), size=SIZE)
