"""Structure as OpenAI's class asks for it, and token counts by OpenAI's names, on every API."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from pydantic import BaseModel, Field

from langchain_tikhub import ChatTikHub
from langchain_tikhub.reply import token_usage, usage_metadata
from tikhub_ai import Usage
from tikhub_ai.apis.messages.usage import usage_of


class Place(BaseModel):
    name: str
    area: float | None = Field(default=None, ge=0)


class City(BaseModel):
    """A city."""

    name: str
    places: list[Place] = []


class Node(BaseModel):
    name: str
    children: list[Node] = []


class Free(BaseModel):
    scores: dict[str, int]


def bound_format(model: str, schema: Any, **said: Any) -> dict[str, Any]:
    chain: Any = ChatTikHub(model=model, api_key="k").with_structured_output(schema, method="json_schema", **said)
    form: dict[str, Any] = chain.steps[0].kwargs["response_format"]["json_schema"]
    return form


def objects_of(schema: Any) -> list[dict[str, Any]]:
    """All object schemas in a schema."""
    if isinstance(schema, list):
        return [found for item in schema for found in objects_of(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if schema.get("type") == "object" else []
    return own + [found for item in schema.values() for found in objects_of(item)]


@pytest.mark.parametrize("schema", [City, Node])
def test_gpt_is_held_to_pydantic_classes_exactly(schema: type[BaseModel]) -> None:
    llm = ChatTikHub(model="gpt-5", api_key="k")
    request = llm._get_request_payload([HumanMessage("hi")], response_format=schema)
    assert request.response_format is not None
    form = bound_format("gpt-5", schema)
    assert form["strict"] is True is request.response_format.strict
    assert form["schema"] == request.response_format.schema
    assert len(objects_of(form["schema"])) == 2
    for found in objects_of(form["schema"]):
        assert found["additionalProperties"] is False
        assert found["required"] == list(found["properties"])


def test_what_strict_mode_cannot_hold_is_not_strict_and_nobody_elses_default_is() -> None:
    assert bound_format("gpt-5", Free)["strict"] is False
    assert bound_format("gpt-5", Free)["schema"]["properties"]["scores"]["additionalProperties"] == {"type": "integer"}
    for model in ("claude-sonnet-4-5", "gemini-2.5-pro"):
        assert "strict" not in bound_format(model, City)
    assert "strict" not in bound_format("gpt-5", City.model_json_schema())
    assert bound_format("gpt-5", City, strict=False)["strict"] is False


@pytest.mark.parametrize("schema", [
    {"type": "object", "properties": {"a": {"type": "string"}}},
    {"anyOf": [{"type": "object", "properties": {"a": {"type": "string"}}}]},
    {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {"a": {"type": "string"}}}}},
])  # fmt: skip
def test_a_json_schema_needs_no_title(schema: dict[str, Any]) -> None:
    form = bound_format("gpt-5", schema)
    assert form == {"name": "response", "schema": schema}
    if "properties" in schema:
        chain: Any = ChatTikHub(model="gpt-5", api_key="k").with_structured_output(schema, method="function_calling")
        assert chain.steps[0].kwargs["tools"][0]["function"]["name"] == "response"


@pytest.mark.parametrize(("model", "said"), [("gpt-5", False), ("deepseek-chat", False), ("claude-sonnet-4-5", None)])
def test_the_one_tool_is_called_once(model: str, said: bool | None) -> None:
    chain: Any = ChatTikHub(model=model, api_key="k").with_structured_output(City, method="function_calling")
    assert chain.steps[0].kwargs.get("parallel_tool_calls") is said


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return city


def free_function(city: str) -> str:
    """A function."""
    return city


@pytest.mark.parametrize("given", [weather, free_function, City], ids=["tool", "function", "class"])
def test_tools_of_a_call_are_taken_in_every_form(given: Any) -> None:
    llm = ChatTikHub(model="gpt-5", api_key="k")
    request = llm._get_request_payload([HumanMessage("hi")], tools=[given], tool_choice="auto")
    assert [tool.name for tool in request.tools] == [getattr(given, "name", None) or given.__name__]
    chain: Any = llm.with_structured_output(City, tools=[given], include_raw=True, strict=True)
    bound = chain.steps[0].steps__["raw"]
    request = llm._get_request_payload([HumanMessage("hi")], **bound.kwargs)
    assert len(request.tools) == 1
    assert request.response_format is not None


# --- tokens ---------------------------------------------------------------------------------------------------------


def test_token_usage_has_openais_names_whatever_the_wire_calls_them() -> None:
    usage = Usage(10, 4, 14, {"cache_read": 3, "cache_creation": 2}, {"reasoning": 1}, {"promptTokenCount": 10})
    assert token_usage(usage) == {
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    own = {"prompt_tokens": 10, "cost": 0.1}
    assert token_usage(Usage(10, 4, 14, raw=own)) is own


def test_what_a_cache_was_written_for_is_counted_once() -> None:
    raw = {"input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": 7,
           "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}}  # fmt: skip
    counted: Any = usage_metadata(usage_of(raw))
    assert counted["input_tokens"] == 8
    assert counted["input_token_details"] == {
        "cache_creation": 0,
        "ephemeral_5m_input_tokens": 3,
        "ephemeral_1h_input_tokens": 4,
    }


def test_openais_name_for_content_of_blocks_is_v1() -> None:
    assert ChatTikHub(model="gpt-5", output_version="responses/v1").output_version == "v1"
    assert ChatTikHub(model="gpt-5", output_version="v0").output_version == "v0"
