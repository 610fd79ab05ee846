"""No request, whatever stands in its fields, leaves the core as anything but a reply or an error of the tree."""

from __future__ import annotations

import warnings
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.answers import CHAT_APIS, MODELS, answers
from tests.fuzz.gateway import Gateway
from tests.fuzz.mutations import ODD, mutants
from tests.fuzz.profiles import budget
from tikhub_ai import (
    ChatClient,
    ChatRequest,
    Citation,
    Document,
    EmbeddingsClient,
    InvalidRequestError,
    Issuer,
    Media,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    ResponseFormat,
    ServerToolCall,
    ServerToolResult,
    Text,
    TikHubAIError,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

GATEWAY = Gateway()
NESTED: list[Any] = []
for _ in range(300):
    NESTED = [NESTED]
LOOP: list[Any] = []
LOOP.append(LOOP)
ODD_HERE = [
    *ODD,
    object(),
    b"bytes",
    {1, "a"},
    (1, 2),
    {("a", 1): 2},
    Decimal("0.1"),
    np.float32(0.5),
    np.array([1.0, float("nan")]),
    Text("a part"),
    Message("user", [Text("a message")]),
    Issuer("messages", "claude"),
    {"type": "object", "properties": {"a": 5}, "required": 3, "anyOf": {}, "enum": 1, "$ref": 7, "items": "x"},
    NESTED,
    LOOP,
]


def request_of(api: str) -> ChatRequest:
    """A request with everything in it."""
    reader = Issuer(api, "gpt" if api in {"chat_completions", "responses"} else MODELS[api].partition("-")[0])
    schema = {
        "type": "object",
        "properties": {"a": {"type": ["string", "null"], "enum": ["x", None]}, "b": {"$ref": "#/$defs/B"}},
        "required": ["a"],
        "$defs": {"B": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "array", "items": {"type": "number"}}]}},
    }
    state = {"id": "rs_1", "field": "reasoning", "signature": "c2ln", "item": {"type": "reasoning", "id": "rs_1"}}
    block = {"block": {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, "field": "toolCall"}
    return ChatRequest(
        MODELS[api],
        [
            Message("system", [Text("Be brief.", options={"cache_control": {"type": "ephemeral"}})]),
            Message(
                "user",
                [
                    Text("Look:"),
                    Media("image", url="https://example.com/a.png", options={"detail": "low"}),
                    Media("image", data="iVBORw0KGgo=", mime_type="image/png"),
                    Document([Text("A source.")], title="T", source="https://example.com"),
                ],
                name="ann",
            ),
            Message(
                "assistant",
                [
                    Reasoning(text="Hm.", state=state, issuer=reader),
                    Text("I call.", citations=[Citation("url", raw={"type": "url_citation"})], issuer=reader),
                    ServerToolCall("s", "web_search", {"q": "x"}, state=block, issuer=reader),
                    ServerToolResult("s", {"a": 1}, state=block, issuer=reader),
                    Refusal("No."),
                    Opaque({"type": "new"}, issuer=reader),
                    Media("audio", data="AAAA", transcript="Hi.", state={"id": "audio_1"}, issuer=reader),
                    ToolCall("call_1", "f", '{"a": "x"}', state={"type": "custom", "id": "fc_1"}, issuer=reader),
                    ToolCall("call_2", "f", "{}"),
                ],
            ),
            Message("tool", [ToolResult("call_1", [Text("one"), Media("image", url="https://example.com/b.png")])]),
            Message("tool", [ToolResult("call_2", [Text('{"a": 1}')], name="f", is_error=True)]),
            Message("user", [Text("And?")]),
        ],
        tools=[Tool("f", "Does it.", schema, strict=True, options={"defer_loading": True}), Tool("g", parameters={})],
        tool_choice=ToolChoice("tool", "f"),
        parallel_tool_calls=False,
        response_format=ResponseFormat("json_schema", schema, "answer", "It.", strict=True),
        max_tokens=100,
        temperature=0.5,
        top_p=0.9,
        top_k=4,
        stop=["END"],
        reasoning_effort="low",
        thinking={"type": "enabled", "budget_tokens": 2048},
        thinking_budget=2048,
        reasoning={"effort": "low", "summary": "auto"},
        seed=7,
        n=1,
        logprobs=True,
        top_logprobs=2,
        presence_penalty=0.1,
        frequency_penalty=0.1,
        logit_bias={"5": 1.0},
        user="u",
        metadata={"user_id": "u", "a": "b"},
        modalities=["text"],
        audio={"voice": "alloy", "format": "wav"},
        native={"verbosity": "low", "store": False, "betas": ["x-2025-01-01"], "thinking_level": "low"},
        extra_body={"output_config": {"a": 1}, "text": {"b": 2}, "generationConfig": {"c": 3}},
    )


@pytest.fixture(autouse=True)
def _warnings_pass() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.outside_openapi("odd values that JSON can carry are the vendor's to refuse")
@pytest.mark.parametrize("api", CHAT_APIS)
def test_a_mutated_request_is_answered_or_an_error_of_the_tree(api: str) -> None:
    client = ChatClient(GATEWAY.settings, api=api)  # type: ignore[arg-type]  # one of its names
    whole = next(answer for answer in answers(api) if not answer.is_stream)
    streamed = next(answer for answer in answers(api) if answer.is_stream)
    asked = request_of(api)

    @budget
    @given(mutants(asked, ODD_HERE), st.booleans())
    def hold(request: ChatRequest, is_stream: Any) -> None:
        answer = streamed if is_stream else whole
        GATEWAY.body, GATEWAY.content_type = answer.body(answer.payloads), answer.content_type
        before = GATEWAY.requests
        try:
            replied: Any = list(client.stream(request)) if is_stream else client.complete(request)
        except InvalidRequestError as error:
            message = error.message
            assert GATEWAY.requests == before
        except TikHubAIError as error:
            message = error.message
        else:
            message = "answered"
            assert replied
        assert message

    hold()
    assert asked == request_of(api)


@pytest.mark.outside_openapi("odd values that JSON can carry are the vendor's to refuse")
@budget
@given(mutants({"texts": ["a", "b"], "dimensions": 2, "user": "u", "extra_body": {"a": [1, {"b": 2}]}}, ODD_HERE))
def test_mutated_arguments_of_embeddings_are_answered_or_an_error_of_the_tree(asked: dict[str, Any]) -> None:
    data = [{"index": number, "embedding": [0.5, 0.25]} for number in range(2)]
    GATEWAY.body, GATEWAY.content_type = orjson.dumps({"data": data}), "application/json"
    texts = asked.pop("texts", [])
    try:
        EmbeddingsClient(GATEWAY.settings, **asked).embed(texts)
    except TikHubAIError as error:
        assert error.message  # noqa: PT017 - any error of the tree will do
