"""What goes out on POST /v1/messages of tools, thinking and the answer's form, and what a count of tokens asks."""

from __future__ import annotations

import json
import re
import warnings
from importlib.resources import files
from typing import Any

import pytest

from tests import anthropic_types
from tests.unit.messages_requests import (
    ANSWER,
    CACHED,
    HI,
    MODEL,
    NEWER,
    OLDER,
    SCHEMA,
    WEATHER,
    WEATHER_WIRE,
    body_of,
    called,
    result,
    turns_of,
)
from tikhub_ai import (
    ChatRequest,
    Media,
    Message,
    Opaque,
    ResponseFormat,
    Text,
    TikHubAIWarning,
    Tool,
    ToolChoice,
)
from tikhub_ai.apis import messages
from tikhub_ai.catalog import facts

# --- tools -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice("auto"), {"type": "auto"}),
        (ToolChoice("none"), {"type": "none"}),
        (ToolChoice("required"), {"type": "any"}),
        (ToolChoice("tool", "get_weather"), {"type": "tool", "name": "get_weather"}),
        (ToolChoice(raw={"type": "any", "disable_parallel_tool_use": True}), None),
    ],
    ids=["auto", "none", "required", "named", "raw"],
)
def test_the_choice_of_a_tool_is_in_the_wires_words(choice: ToolChoice, sent: dict[str, Any] | None) -> None:
    body = body_of(tools=[WEATHER], tool_choice=choice)
    assert body["tools"] == [WEATHER_WIRE]
    assert body["tool_choice"] == (sent or choice.raw)
    assert "tool_choice" not in body_of(tool_choice=choice)


def test_calls_one_at_a_time_are_asked_for_with_the_choice() -> None:
    asked: dict[str, Any] = {"tools": [WEATHER], "parallel_tool_calls": False}
    alone = {"disable_parallel_tool_use": True}
    assert body_of(**asked)["tool_choice"] == {"type": "auto", **alone}
    assert body_of(**asked, tool_choice=ToolChoice("required"))["tool_choice"] == {"type": "any", **alone}
    assert body_of(**asked, tool_choice=ToolChoice("none"))["tool_choice"] == {"type": "none"}
    assert "tool_choice" not in body_of(tools=[WEATHER], parallel_tool_calls=True)
    assert "tool_choice" not in body_of(parallel_tool_calls=False)


def test_a_tools_schema_is_an_objects_and_its_options_go_along() -> None:
    tool = Tool("f", strict=True, options={"eager_input_streaming": True, "defer_loading": True, **CACHED})
    assert body_of(tools=[tool])["tools"] == [
        {
            "name": "f",
            "input_schema": {"type": "object", "properties": {}, "additionalProperties": False},
            "strict": True,
            "eager_input_streaming": True,
            "defer_loading": True,
            **CACHED,
        }
    ]
    assert body_of(tools=[Tool("f", parameters={"properties": {}})])["tools"][0]["input_schema"]["type"] == "object"


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
        {"type": "web_fetch_20250910", "name": "web_fetch"},
        {"type": "code_execution_20250825", "name": "code_execution"},
        {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
        {"type": "mcp_toolset", "mcp_server_name": "m"},
    ],
    ids=lambda tool: tool["type"],
)
def test_built_in_server_tools_pass_through(tool: dict[str, Any]) -> None:
    native: dict[str, Any] = {}
    if tool["type"] == "mcp_toolset":
        native = {"mcp_servers": [{"type": "url", "url": "https://mcp.example/sse", "name": "m"}]}
    assert body_of(tools=[Tool(raw=tool), WEATHER], native=native)["tools"] == [tool, WEATHER_WIRE]


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        (MODEL, {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ("claude-opus-5-5", {}),
    ],
    ids=["budget", "always"],
)
def test_a_forced_choice_is_softened_with_a_warning_where_thinking_forbids_it(model: str, asked: Any) -> None:
    with pytest.warns(TikHubAIWarning, match="tool_choice is 'auto'"):
        body = body_of(model=model, tools=[WEATHER], tool_choice=ToolChoice("required"), **asked)
    assert body["tool_choice"] == {"type": "auto"}


def test_a_forced_choice_stands_where_thinking_is_switched_off() -> None:
    asked: dict[str, Any] = {"tools": [WEATHER], "tool_choice": ToolChoice("required")}
    assert body_of(thinking={"type": "disabled"}, **asked)["tool_choice"] == {"type": "any"}


@pytest.mark.parametrize(
    "choice",
    [ToolChoice("required"), ToolChoice("tool", "get_weather"), ToolChoice(raw={"type": "any", "brand_new": 1})],
    ids=["any", "named", "raw"],
)
@pytest.mark.parametrize(
    ("model", "asked"),
    [
        (NEWER, {"thinking": {"type": "adaptive"}}),
        (NEWER, {"reasoning_effort": "high"}),
        (NEWER, {"native": {"effort": "high"}}),
        ("claude-opus-4-6", {"reasoning_effort": "max"}),
        ("claude-sonnet-5", {}),
        ("never-heard-of", {"thinking": {"type": "adaptive"}}),
    ],
    ids=["adaptive", "by effort", "by the wire's effort", "opus 4.6", "by default", "unknown"],
)
def test_a_forced_choice_stands_under_thinking_that_adapts(model: str, asked: Any, choice: ToolChoice) -> None:
    """The API refuses it under `enabled` alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        request = ChatRequest(model=model, messages=[HI], tools=[WEATHER], tool_choice=choice, **asked)
        sent = messages.encode(request, facts(model), stream=False).body["tool_choice"]
    assert sent["type"] == ("tool" if choice.mode == "tool" else "any")


# --- thinking --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "asked", "thinking", "effort"),
    [
        (MODEL, {"thinking": {"type": "enabled", "budget_tokens": 2048}}, ("enabled", 2048), None),
        (MODEL, {"thinking_budget": 2048}, ("enabled", 2048), None),
        (MODEL, {"thinking_budget": 2048, "thinking": {"type": "enabled"}}, ("enabled", 2048), None),
        (MODEL, {"thinking_budget": 0}, ("disabled", None), None),
        (MODEL, {"reasoning_effort": "none"}, ("disabled", None), None),
        (MODEL, {"reasoning_effort": "low"}, ("enabled", 2048), None),
        (MODEL, {"reasoning": {"effort": "high"}}, ("enabled", 16384), None),
        (MODEL, {"reasoning_effort": "high", "max_tokens": 4000}, ("enabled", 3999), None),
        (MODEL, {"native": {"effort": "low"}}, (None, None), "low"),
        ("claude-opus-4-5", {"reasoning_effort": "low"}, (None, None), "low"),
        (NEWER, {"reasoning_effort": "low"}, ("adaptive", None), "low"),
        (NEWER, {"reasoning_effort": "minimal"}, ("adaptive", None), "low"),
        (NEWER, {"reasoning_effort": "max", "thinking": {"type": "disabled"}}, ("disabled", None), "max"),
        (NEWER, {"thinking_budget": -1}, ("adaptive", None), None),
        (NEWER, {"native": {"effort": "low"}}, ("adaptive", None), "low"),
        ("claude-opus-4-6", {"native": {"effort": "low"}}, (None, None), "low"),
        ("claude-sonnet-5-5", {"reasoning_effort": "none"}, ("between_tools", None), None),
        ("never-heard-of", {"reasoning_effort": "low"}, (None, None), "low"),
        ("never-heard-of", {"thinking_budget": 2048}, ("enabled", 2048), None),
    ],
)
def test_thinking_is_asked_for_in_the_words_that_each_model_has(
    model: str, asked: dict[str, Any], thinking: tuple[Any, Any], effort: str | None
) -> None:
    body = body_of(model=model, **asked)
    sent = body.get("thinking", {})
    assert (sent.get("type"), sent.get("budget_tokens")) == thinking
    assert body.get("output_config", {}).get("effort") == effort


@pytest.mark.parametrize(
    ("model", "asked", "named"),
    [
        ("claude-3-5-haiku", {"reasoning_effort": "high"}, "reasoning_effort='high'"),
        (MODEL, {"reasoning_effort": "high", "max_tokens": 500}, "max_tokens=500"),
        ("claude-opus-5-5", {"reasoning_effort": "none"}, "always thinks"),
        ("claude-opus-5-5", {"thinking_budget": 0}, "always thinks"),
        ("claude-3-5-haiku", {"thinking_budget": 2048}, "thinking_budget=2048"),
    ],
)
def test_thinking_that_a_model_cannot_be_asked_for_is_a_warning(model: str, asked: Any, named: str) -> None:
    with pytest.warns(TikHubAIWarning, match=named):
        assert "thinking" not in body_of(model=model, **asked)


def test_a_budget_for_a_model_that_takes_none_is_thinking_that_adapts_with_a_warning() -> None:
    with pytest.warns(TikHubAIWarning, match="thinking_budget=2048"):
        assert body_of(model=NEWER, thinking_budget=2048)["thinking"]["type"] == "adaptive"


def test_a_summary_of_the_thoughts_is_asked_for() -> None:
    body = body_of(model="claude-opus-4-6", reasoning={"effort": "high", "summary": "auto"})
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}


CATALOG = json.loads(files("tikhub_ai").joinpath("catalog.json").read_text())
ADAPTIVE_ONLY = [name for name in CATALOG["models"] if {"adaptive", "budget"} & {*facts(name).thinking} == {"adaptive"}]


@pytest.mark.parametrize("model", [*ADAPTIVE_ONLY, "claude-opus-9"])
@pytest.mark.parametrize(
    "asked",
    [
        {"reasoning_effort": "low"},
        {"reasoning": {"effort": "low"}},
        {"native": {"effort": "low"}},
        {"thinking_budget": -1},
        {"reasoning_effort": "low", "native": {"output_config": {"task_budget": {"type": "tokens", "total": 20000}}}},
    ],
    ids=["effort", "reasoning", "the wire's effort", "budget", "with a task budget"],
)
def test_thoughts_that_come_empty_unless_they_are_asked_for_are_asked_for(model: str, asked: dict[str, Any]) -> None:
    body = body_of(model=model, **asked)
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}
    if "thinking_budget" not in asked:
        assert body["output_config"]["effort"] == "low"


def test_who_says_how_thinking_is_shown_is_heeded() -> None:
    for thinking in ({"type": "adaptive"}, {"type": "adaptive", "display": "omitted"}, {"type": "disabled"}):
        assert body_of(model=NEWER, reasoning_effort="low", thinking=thinking)["thinking"] == thinking
    assert "display" not in body_of(model="claude-opus-4-6", reasoning_effort="low")["thinking"]


def test_sampling_is_left_out_with_a_warning_while_the_model_thinks() -> None:
    for name, value in (("temperature", 0.2), ("top_k", 3), ("top_p", 0.5)):
        with pytest.warns(TikHubAIWarning, match=f"{name}.* while it thinks"):
            assert name not in body_of(model=OLDER, thinking_budget=1024, **{name: value})
    assert body_of(model=OLDER, thinking_budget=1024, top_p=0.97, temperature=1)["top_p"] == 0.97


# --- the form of the answer ------------------------------------------------------------------------------------------


def test_a_schema_goes_out_natively_where_the_model_has_it() -> None:
    body = body_of(response_format=ANSWER, tools=[WEATHER])
    assert body["output_config"] == {
        "format": {"type": "json_schema", "schema": {**SCHEMA, "additionalProperties": False}}
    }
    assert body["tools"] == [WEATHER_WIRE]
    assert "tool_choice" not in body


def test_where_it_has_not_a_tool_stands_for_it() -> None:
    body = body_of(model=OLDER, response_format=ANSWER)
    assert [(tool["name"], tool["input_schema"]) for tool in body["tools"]] == [("place", SCHEMA)]
    assert body["tool_choice"] == {"type": "tool", "name": "place"}
    assert "output_config" not in body


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (None, {"type": "any"}),
        (ToolChoice("auto"), {"type": "any"}),
        (ToolChoice("none"), {"type": "tool", "name": "place"}),
        (ToolChoice("tool", "get_weather"), {"type": "tool", "name": "get_weather"}),
    ],
    ids=["not said", "auto", "none", "named"],
)
def test_beside_other_tools_one_of_them_or_the_answers_tool_must_be_called(choice: Any, sent: Any) -> None:
    body = body_of(model=OLDER, response_format=ANSWER, tools=[WEATHER], tool_choice=choice)
    assert [tool["name"] for tool in body["tools"]] == ["get_weather", "place"]
    assert body["tool_choice"] == sent


@pytest.mark.parametrize(
    ("name", "sent"), [("My Place!", "My_Place_"), ("get_weather", "get_weather_"), ("", "response")]
)
def test_the_answers_tool_has_a_name_that_the_wire_takes_and_no_other_tool_has(name: str, sent: str) -> None:
    body = body_of(model=OLDER, response_format=ResponseFormat("json_schema", SCHEMA, name=name), tools=[WEATHER])
    assert body["tools"][-1]["name"] == sent


def test_any_json_is_asked_for_in_words() -> None:
    body = body_of(Message("system", [Text("Be brief.")]), HI, response_format=ResponseFormat("json_object"))
    assert [block["text"] for block in body["system"]] == ["Be brief.", body["system"][1]["text"]]
    assert "JSON" in body["system"][1]["text"]
    assert body_of(response_format=ResponseFormat("text")) == body_of()


def test_a_schema_is_closed_and_tells_in_words_what_the_wire_does_not_hold() -> None:
    """As the anthropic SDK's `transform_schema` does."""
    schema = {
        "type": "object",
        "properties": {
            "minimum": {"type": "integer", "minimum": 1, "description": "How many"},
            "at": {"type": "string", "format": "date"},
            "code": {"type": "string", "pattern": "^[a-z]+$"},
            "shape": {"type": "string", "format": "regex"},
            "some": {"type": "array", "minItems": 1, "items": {"type": "object", "properties": {}}},
            "more": {"type": "array", "minItems": 2, "items": {"type": "string", "enum": ["pattern"]}},
            "either": {
                "oneOf": [{"$ref": "#/$defs/pattern"}, {"type": "null"}],
                "discriminator": {"propertyName": "k"},
            },
        },
        "$defs": {"pattern": {"type": "object", "properties": {"k": {"const": "a"}}}},
    }
    sent = body_of(response_format=ResponseFormat("json_schema", schema))["output_config"]["format"]["schema"]
    assert sent == {
        "type": "object",
        "properties": {
            "minimum": {"type": "integer", "description": "How many (minimum: 1)"},
            "at": {"type": "string", "format": "date"},
            "code": {"type": "string", "description": "(pattern: ^[a-z]+$)"},
            "shape": {"type": "string", "description": "(format: regex)"},
            "some": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "object", "properties": {}, "additionalProperties": False},
            },
            "more": {
                "type": "array",
                "items": {"type": "string", "enum": ["pattern"]},
                "description": "(minItems: 2)",
            },
            "either": {"anyOf": [{"$ref": "#/$defs/pattern"}, {"type": "null"}]},
        },
        "$defs": {"pattern": {"type": "object", "properties": {"k": {"const": "a"}}, "additionalProperties": False}},
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "x"),
        ({"type": "object", "properties": {}, "patternProperties": {"^x": {"type": "integer"}}}, "x"),
        ({"type": "array", "items": {"type": "object"}}, "x[]"),
        ({"type": "array", "prefixItems": [{"type": "integer"}]}, "x"),
        ({"anyOf": [{"type": "null"}, {"type": "array"}]}, "x"),
        ({"type": "object", "properties": {"y": {}}}, "x.y"),
        ({"enum": [1, [2]]}, "x"),
        ({"$ref": "#"}, "x"),
    ],
)
def test_what_the_grammar_cannot_hold_is_asked_for_by_a_tool_and_by_no_strict_one(
    field: dict[str, Any], place: str
) -> None:
    schema = {"type": "object", "properties": {"x": field}}
    body = body_of(response_format=ResponseFormat("json_schema", schema))
    assert "output_config" not in body
    assert body["tools"][0]["input_schema"] == schema
    assert body["tool_choice"] == {"type": "tool", "name": "response"}
    with pytest.warns(TikHubAIWarning, match=re.escape(f"'f' is not strict: {place} has")):
        (tool,) = body_of(tools=[Tool("f", parameters=schema, strict=True)])["tools"]
    assert tool == {"name": "f", "input_schema": schema}


# --- counting --------------------------------------------------------------------------------------------------------


def test_a_count_asks_with_what_counts_and_nothing_else() -> None:
    request = ChatRequest(
        MODEL,
        [Message("system", [Text("s")]), HI],
        tools=[WEATHER],
        tool_choice=ToolChoice("auto"),
        response_format=ANSWER,
        temperature=0.5,
        stop=["x"],
        max_tokens=5,
        user="u",
    )
    asked = messages.encode_count(request, facts(MODEL))
    assert asked.path == "/v1/messages/count_tokens"
    assert asked.auth_header == "x-api-key"
    assert asked.headers["anthropic-version"] == "2023-06-01"
    assert anthropic_types.problems(asked.path, asked.body) == []
    assert asked.body.keys() == {"model", "messages", "system", "tools", "tool_choice", "output_config"}
    assert messages.read_count({"input_tokens": 12}) == 12
    assert messages.read_count({"input_tokens": None}) is None


def test_a_conversation_of_every_kind_of_part_is_encoded_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        turns_of(
            Message("system", [Text("s")]),
            Message("user", [Text("u"), Media("image", url="https://x"), Opaque({"type": "text", "text": "o"})]),
            called("a"),
            result("a", Text("r"), name="get_weather"),
        )
