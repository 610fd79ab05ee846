"""Names and tool schemas that a provider would refuse: sent in a form that it takes, and changed back in the answer."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from langchain_tikhub import ChatTikHub
from tests import openapi
from tests.fuzz.gateway import Gateway
from tests.matrix.chat_completions import ChatCompletions
from tests.matrix.generate_content import GenerateContent
from tests.matrix.messages import Messages
from tests.matrix.responses import Responses
from tests.matrix.said import Call, Said
from tests.scripted_server import Answer
from tikhub_ai import (
    ChatClient,
    ChatRequest,
    InvalidRequestError,
    Media,
    Message,
    Text,
    TikHubAIWarning,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
    ToolResult,
)
from tikhub_ai.apis import chat_completions, generate_content, messages, responses
from tikhub_ai.catalog import facts
from tikhub_ai.json_schemas import object_schema

if TYPE_CHECKING:
    from tests.matrix.columns import Column
    from tests.scripted_server import ScriptedServer

T = TypeVar("T")
GATEWAY = Gateway()
COLUMNS = [ChatCompletions(), Messages(), Responses(), GenerateContent()]
CODECS: list[tuple[Any, str]] = [
    (chat_completions, "gpt-4o"),
    (responses, "gpt-4o"),
    (messages, "claude-sonnet-4-5"),
    (generate_content, "gemini-2.5-flash"),
]
HI = [Message("user", [Text("hi")])]
TAKEN = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
"""The narrowest of the providers' patterns."""


def sent(codec: Any, model: str, **asked: Any) -> dict[str, Any]:
    request = ChatRequest(model, asked.pop("messages", HI), **asked)
    body: dict[str, Any] = codec.encode(request, facts(model), stream=False).body
    return body


def schema_in(body: dict[str, Any]) -> dict[str, Any]:
    (tool,) = body["tools"]
    tool = (tool.get("functionDeclarations") or [tool])[0]
    tool = tool.get("function") or tool
    names = ("parameters", "input_schema", "parametersJsonSchema")
    found: dict[str, Any] = next((tool[name] for name in names if name in tool), {})
    return found


# --- names ----------------------------------------------------------------------------------------------------------

ODD = ["Resp[int]", "get weather", "météo", "a/b.c", "x" * 200, "", "[]", "1st", "Page[Resp[str]]"]


def named_in(body: Any) -> list[str]:
    """Every name of a function in a body: of tools, choices, calls and results."""
    if isinstance(body, list):
        return [name for item in body for name in named_in(item)]
    if not isinstance(body, dict):
        return []
    own = [body["name"]] if isinstance(body.get("name"), str) else []
    own += body.get("allowedFunctionNames") or []
    return own + [name for key, value in body.items() if key != "properties" for name in named_in(value)]


@pytest.mark.parametrize(("codec", "model"), CODECS, ids=lambda value: getattr(value, "API", ""))
@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(ODD) | st.text(max_size=80), min_size=1, max_size=4, unique=True))
def test_every_name_of_a_tool_is_one_that_the_provider_takes(codec: Any, model: str, names: list[str]) -> None:
    turns = [
        *HI,
        Message("assistant", [ToolCall(f"call_{at}", name, "{}") for at, name in enumerate(names)]),
        Message("tool", [ToolResult(f"call_{at}", [Text("x")], name=name) for at, name in enumerate(names)]),
    ]
    tools = [Tool(name) for name in names]
    body = sent(codec, model, messages=turns, tools=tools, tool_choice=ToolChoice("tool", names[-1]))
    on_wire = named_in(body)
    longest = 128 if codec.API in {"responses", "messages"} else 64
    allowed = re.compile(r"[a-zA-Z0-9_.:-]+" if codec.API == "generate_content" else r"[a-zA-Z0-9_-]+")
    assert on_wire
    assert all(allowed.fullmatch(name) and len(name) <= longest for name in on_wire)
    assert len(set(on_wire)) == len(names)  # apart, and the same wherever a tool is named


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.api)
@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("streamed", [True, False])
def test_a_call_comes_back_under_the_name_that_the_caller_knows(column: Column, name: str, *, streamed: bool) -> None:
    codec, _ = next(pair for pair in CODECS if column.api == pair[0].API)
    tools = [Tool("other"), Tool(name)]
    *_, on_wire = named_in(sent(codec, column.model, tools=tools)["tools"])
    said = Said((Call({"city": "Paris"}, name=on_wire),))
    client = ChatClient(GATEWAY.settings, api=column.api)  # type: ignore[arg-type]  # one of its names
    request = ChatRequest(column.model, HI, tools=tools)
    if streamed:
        GATEWAY.body, GATEWAY.content_type = column.framed(column.stream(said)), "text/event-stream"
        *deltas, end = client.stream(request)
        assert [delta.name for delta in deltas if isinstance(delta, ToolCallDelta) and delta.id] == [name]
        (call,) = end.reply.tool_calls  # type: ignore[union-attr]  # the End
    else:
        GATEWAY.body, GATEWAY.content_type = json.dumps(column.plain(said)).encode(), "application/json"
        (call,) = client.complete(request).tool_calls
    assert call.name == name


class Resp(BaseModel, Generic[T]):
    """An answer."""

    value: T


def test_a_generic_class_is_asked_for_and_found(server: ScriptedServer) -> None:
    function = {"name": "Resp_int", "arguments": '{"value": 27}'}
    call = {"id": "call_1", "type": "function", "function": function}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    server.answers = [Answer({"id": "1", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})]
    llm = ChatTikHub(model="gpt-4o", api="chat_completions", api_key="sk-test", base_url=server.url)
    assert llm.with_structured_output(Resp[int], method="function_calling").invoke("hi") == Resp[int](value=27)
    assert openapi.problems("/v1/chat/completions", server.requests[0].json()) == []


@pytest.mark.parametrize("speaker", ["User Onboarding Agent", "a<b|c\\d/e>", " ", "x" * 100])
def test_every_speakers_name_is_one_that_openai_takes(speaker: str) -> None:
    turns = [Message("user", [Text("hi")], name=speaker), Message("assistant", [Text("hi")], name=speaker)]
    for message in sent(chat_completions, "gpt-4o", messages=[*turns, *HI])["messages"]:
        assert re.fullmatch(r"[^\s<|\\/>]{1,64}", message.get("name", "none"))


# --- schemas --------------------------------------------------------------------------------------------------------

A = {"type": "object", "properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}, "required": ["kind", "n"]}
B = {"type": "object", "properties": {"kind": {"const": "b"}, "s": {"type": "string"}}, "required": ["kind"]}
ROOTS: list[dict[str, Any]] = [
    {"anyOf": [A, B]},
    {"oneOf": [A, B]},
    {"allOf": [A, {"properties": {"more": {"type": "array", "items": {}}}}]},
    {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"], "anyOf": [A, B]},
    {"type": "object", "properties": {"x": {}, "y": {}}, "anyOf": [{"required": ["x"]}, {"required": ["y"]}]},
    {"$ref": "#/$defs/U", "$defs": {"U": {"oneOf": [{"$ref": "#/$defs/A"}, B]}, "A": A}},
    {"allOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": A}},
    {"type": "object"},
    {"type": "object", "properties": None},
    {"properties": {"x": {"type": "string"}}},
    {"type": ["object", "null"], "properties": {"x": {}}},
    {"anyOf": [A, {"type": "null"}]},
    {"oneOf": [{"allOf": [A, B]}, B]},
    {},
]
VALUES: list[Any] = [
    {},
    {"kind": "a", "n": 1},
    {"kind": "b", "s": "x"},
    {"kind": "a", "n": 1, "x": "y"},
    {"kind": "b", "x": "y"},
    {"x": "y"},
    {"y": 1},
    {"kind": "a", "n": 1, "more": [1]},
]


@pytest.mark.parametrize("root", ROOTS, ids=lambda root: json.dumps(root)[:40])
@pytest.mark.parametrize(("codec", "model"), CODECS, ids=lambda value: getattr(value, "API", ""))
def test_a_tools_schema_is_one_object_that_takes_all_that_its_author_meant(
    codec: Any, model: str, root: dict[str, Any], recwarn: pytest.WarningsRecorder
) -> None:
    schema = schema_in(sent(codec, model, tools=[Tool("f", "d", root)]))
    if codec.API != "generate_content":  # which takes a function without parameters
        assert schema["type"] == "object"
        assert isinstance(schema["properties"], dict)
    assert not schema.keys() & {"anyOf", "oneOf", "allOf", "$ref", "enum", "not"}
    assert not recwarn.list
    meant = {**root, "properties": root.get("properties") or {}} if "properties" in root else root
    merged, lost = object_schema(root)
    assert lost == []
    for value in VALUES:
        if jsonschema.Draft202012Validator(meant).is_valid(value):
            jsonschema.validate(value, merged)


@pytest.mark.parametrize(
    ("root", "told"),
    [
        ({"anyOf": [A, {"type": "string"}]}, "a branch of anyOf that is no object"),
        ({"type": "string"}, "a root of type 'string'"),
        ({"type": "object", "properties": {}, "not": {"required": ["x"]}}, "not"),
        ({"$ref": "#/$defs/Gone"}, "$ref #/$defs/Gone"),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}, "$ref #/$defs/A"),
    ],
)
@pytest.mark.parametrize(("codec", "model"), CODECS, ids=lambda value: getattr(value, "API", ""))
def test_what_no_object_can_say_is_left_out_with_a_warning(codec: Any, model: str, root: Any, told: str) -> None:
    with pytest.warns(TikHubAIWarning, match=re.escape(told)):
        body = sent(codec, model, tools=[Tool("f", "d", root)])
    assert schema_in(body).get("type", "object") == "object"


def test_a_schema_that_needs_nothing_is_sent_as_it_is() -> None:
    assert object_schema(A)[0] is A


# --- media ----------------------------------------------------------------------------------------------------------

PNG = "iVBORw0KGgo="
UNREADABLE = [
    (Media("image", data="not base64!!", mime_type="image/png"), "is no base64"),
    (Media("file", data=PNG * 50_000 + "é", mime_type="application/pdf"), "is no base64"),
    (Media("image", url="./secrets/local.png"), "'./secrets/local.png' is no address"),
    (Media("image", url="/home/me/local.png"), "is no address"),
    (Media("image", url="C:\\\\pictures\\\\local.png"), "is no address"),
    (Media("file", url="file:///home/me/a.pdf"), "is no address"),
    (Media("image", url="example.com/a.png"), "is no address"),
]
READABLE = [
    Media("image", data=PNG, mime_type="image/png"),
    Media("image", data=PNG.replace("+", "-") + "\n", mime_type="image/png"),
    Media("image", url="https://example.com/a.png"),
    Media("image", url=f"data:image/png;base64,{PNG}"),
]


@pytest.mark.parametrize(("codec", "model"), CODECS, ids=lambda value: getattr(value, "API", ""))
@pytest.mark.parametrize(
    ("media", "why"), UNREADABLE, ids=lambda value: value if isinstance(value, str) else value.kind
)
def test_media_that_nobody_can_read_is_refused_by_name_and_left_out_of_the_models_turns(
    codec: Any, model: str, media: Media, why: str
) -> None:
    in_result = [
        *HI,
        Message("assistant", [ToolCall("call_1", "f", "{}")]),
        Message("tool", [ToolResult("call_1", [Text("x"), media])]),
    ]
    for turns in ([Message("user", [Text("hi"), media])], in_result):
        with pytest.raises(InvalidRequestError, match=why):
            sent(codec, model, messages=turns)
    with pytest.warns(TikHubAIWarning, match=why):
        body = sent(codec, model, messages=[*HI, Message("assistant", [Text("ok"), media]), *HI])
    assert (media.url or (media.data or "")[:20]) not in json.dumps(body)


@pytest.mark.parametrize(("codec", "model"), CODECS, ids=lambda value: getattr(value, "API", ""))
@pytest.mark.parametrize("media", READABLE)
def test_other_media_are_sent(codec: Any, model: str, media: Media) -> None:
    assert sent(codec, model, messages=[Message("user", [Text("hi"), media])])
