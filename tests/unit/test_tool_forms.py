"""Tools in every provider's form are the same tools, with all their fields, whichever API they go to."""

from __future__ import annotations

import json
from typing import Any, get_type_hints

import pytest
from anthropic.types.beta import BetaToolParam
from google.genai import types
from openai.types.responses import FunctionToolParam
from openai.types.shared_params import FunctionDefinition

from langchain_tikhub.tools import bound_tools, neutral_tools
from tests.streams import CODECS
from tikhub_ai import (
    TOOL_OPTIONS,
    ChatRequest,
    ConfigurationError,
    Message,
    Text,
    TikHubAIWarning,
    Tool,
    tool_dict,
    tools_of,
)
from tikhub_ai.apis import chat_completions
from tikhub_ai.catalog import facts

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Where.", "enum": ["Rome", "Oslo"]},
        "days": {"type": ["integer", "null"], "minimum": 1},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["city"],
}
GOOGLES: dict[str, Any] = {
    "type": "OBJECT",
    "properties": {
        "city": {"type": "STRING", "description": "Where.", "enum": ["Rome", "Oslo"]},
        "days": {"type": "INTEGER", "nullable": True, "minimum": 1},
        "tags": {"type": "ARRAY", "items": {"type": "STRING"}},
    },
    "required": ["city"],
}
SAID: dict[str, Any] = {"name": "plan", "description": "Plans."}
FORMS: dict[str, Any] = {
    "chat_completions": {"type": "function", "function": {**SAID, "parameters": SCHEMA}},
    "chat_completions without type": {"function": {**SAID, "parameters": SCHEMA}},
    "responses": {"type": "function", **SAID, "parameters": SCHEMA},
    "functions of 2023": {**SAID, "parameters": SCHEMA},
    "messages": {**SAID, "input_schema": SCHEMA},
    "messages with type": {"type": "custom", **SAID, "input_schema": SCHEMA},
    "mcp": {**SAID, "title": "A planner", "inputSchema": SCHEMA, "annotations": {"readOnlyHint": True}},
    "google": {"function_declarations": [{**SAID, "parameters": GOOGLES}]},
    "google, camel case": {"functionDeclarations": [{**SAID, "parametersJsonSchema": SCHEMA}]},
    "google, JSON Schema": {"function_declarations": [{**SAID, "parameters_json_schema": SCHEMA}]},
    "a declaration alone": {**SAID, "parameters": GOOGLES},
    "the SDK's object": types.Tool(
        function_declarations=[types.FunctionDeclaration(**SAID, parameters=types.Schema.model_validate(GOOGLES))]
    ),
    "bedrock": {"toolSpec": {**SAID, "inputSchema": {"json": SCHEMA}}},
    "a schema": {"title": "plan", "description": "Plans.", **SCHEMA},
}
MODELS = {
    "chat_completions": "deepseek-chat",
    "responses": "gpt-5",
    "messages": "claude-sonnet-4-5",
    "generate_content": "gemini-2.5-flash",
}
VALUES: dict[str, Any] = {
    "allowed_callers": ["direct"],
    "behavior": "NON_BLOCKING",
    "cache_control": {"type": "ephemeral"},
    "input_examples": [{"city": "Rome"}],
    "output_schema": {"type": "string"},
    "response": {"type": "OBJECT"},
    "response_json_schema": {"type": "string"},
}
"""Values of the fields that are no booleans."""
PLACED = {"type", "name", "description", "strict", "parameters", "input_schema", "parameters_json_schema"}
FIELDS = {
    "messages": set(get_type_hints(BetaToolParam)) - PLACED,
    "responses": set(get_type_hints(FunctionToolParam)) - PLACED,
    "chat_completions": set(get_type_hints(FunctionDefinition)) - PLACED,
    "generate_content": set(types.FunctionDeclaration.model_fields) - PLACED,
}


def body_of(api: str, tools: list[Tool]) -> dict[str, Any]:
    request = ChatRequest(MODELS[api], [Message("user", [Text("hi")])], tools=tools)
    body: dict[str, Any] = CODECS[api].encode(request, facts(MODELS[api]), stream=False).body
    return body


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_function(form: str) -> None:
    wanted = Tool("plan", "Plans.", SCHEMA)
    assert tools_of(FORMS[form]) == [wanted]
    assert neutral_tools([FORMS[form]]) == [wanted]
    assert neutral_tools(bound_tools([FORMS[form]], None, None)["tools"]) == [wanted]


@pytest.mark.parametrize("api", MODELS)
def test_every_form_goes_out_alike_on_every_api(api: str) -> None:
    bodies = {form: json.dumps(body_of(api, tools_of(given))["tools"], sort_keys=True) for form, given in FORMS.items()}
    assert len(set(bodies.values())) == 1
    assert "Where." in next(iter(bodies.values()))


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("form", [form for form in FORMS if form not in {"a schema", "the SDK's object"}])
def test_strict_is_read_wherever_it_stands(form: str, strict: bool) -> None:
    (tool,) = tools_of(_with(FORMS[form], {"strict": strict}))
    assert tool == Tool("plan", "Plans.", SCHEMA, strict=strict)
    assert neutral_tools([_with(FORMS[form], {"strict": strict})]) == [tool]


@pytest.mark.parametrize("field", sorted(set.union(*FIELDS.values())))
@pytest.mark.parametrize("form", [form for form in FORMS if form not in {"a schema", "the SDK's object"}])
def test_every_field_of_every_form_is_kept(form: str, field: str) -> None:
    assert field in TOOL_OPTIONS
    said = {field: VALUES.get(field, True)}
    (tool,) = tools_of(_with(FORMS[form], said))
    assert tool.options == said
    assert neutral_tools(bound_tools([_with(FORMS[form], said)], None, None)["tools"]) == [tool]


def _with(form: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """A tool of a form with more fields, where that form has its others."""
    for key, value in form.items():
        if isinstance(value, list):
            return {key: [{**value[0], **more}]}
        if key == "toolSpec":
            return {key: {**value, **more}}
    return {**form, **more}


@pytest.mark.parametrize("api", MODELS)
@pytest.mark.parametrize("field", sorted(set.union(*FIELDS.values())))
def test_a_field_is_sent_where_the_api_has_it_and_warned_of_where_not(
    api: str, field: str, recwarn: pytest.WarningsRecorder
) -> None:
    value = VALUES.get(field, True)
    body = json.dumps(body_of(api, [Tool("f", options={field: value})])["tools"])
    told = [str(one.message) for one in recwarn if issubclass(one.category, TikHubAIWarning)]
    camel = "responseJsonSchema" if field == "response_json_schema" else field
    if field in FIELDS[api]:
        assert f'"{camel}": {json.dumps(value)}' in body
        assert not told
    else:
        assert camel not in body
        missed = [f"{api} has no {field!r} of a function: not sent with 'f'."]
        assert told == ([] if field == "cache_control" else missed)  # the others cache by themselves


def test_claude_takes_its_own_fields_behind_chat_completions() -> None:
    tool = Tool("f", options={"cache_control": {"type": "ephemeral"}, "defer_loading": True})
    request = ChatRequest("claude-sonnet-4-5", [Message("user", [Text("hi")])], tools=[tool])
    (sent,) = chat_completions.encode(request, facts("claude-sonnet-4-5"), stream=False).body["tools"]
    assert {key: sent[key] for key in tool.options or {}} == tool.options


@pytest.mark.parametrize(("api", "foreign"), [("responses", "code_execution_20250825"), ("messages", "programmatic")])
def test_callers_of_another_provider_are_not_sent(api: str, foreign: str) -> None:
    with pytest.warns(TikHubAIWarning, match="allowed_callers"):
        (sent,) = body_of(api, [Tool("f", options={"allowed_callers": [foreign]})])["tools"]
    assert "allowed_callers" not in sent


def test_googles_form_holds_several_functions_and_its_own_tools() -> None:
    given = {
        "function_declarations": [{"name": "a"}, {"name": "b", "parameters": GOOGLES}],
        "google_search": {},
    }
    wanted = [Tool("a"), Tool("b", parameters=SCHEMA), Tool(raw={"google_search": {}})]
    assert tools_of(given) == wanted
    assert neutral_tools(bound_tools([given], None, None)["tools"]) == wanted
    assert [read for tool in wanted for read in tools_of(tool_dict(tool))] == wanted


def test_the_order_of_properties_is_kept_for_google() -> None:
    given = {"function_declarations": [{"name": "f", "parameters": {**GOOGLES, "property_ordering": ["tags", "city"]}}]}
    ((tool,),) = (body_of("generate_content", tools_of(given))["tools"],)
    assert tool["functionDeclarations"][0]["parameters"]["propertyOrdering"] == ["tags", "city"]


@pytest.mark.parametrize(
    "raw",
    [
        {"type": "web_search_20250305", "name": "web_search"},
        {"type": "custom", "name": "sql", "format": {"type": "text"}},
        {"type": "custom", "custom": {"name": "sql"}},
        {"type": "namespace", "name": "n", "tools": []},
        {"type": "mcp", "server_label": "s"},
        {"google_search": {}},
        {"type": "function"},
    ],
)
def test_a_providers_own_tool_is_no_function(raw: dict[str, Any]) -> None:
    assert tools_of(raw) == [Tool(raw=raw)]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("web_search", "must be a dict"),
        ({"type": "object", "properties": {}}, "must have a 'title'"),
        ({"function_declarations": [{"description": "d"}]}, "with a 'name'"),
    ],
)
def test_what_is_no_tool_is_refused(given: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        tools_of(given)
