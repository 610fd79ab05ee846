"""Tools, tool choices and answer formats, in any form that LangChain's users write, as neutral values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel

from langchain_tikhub.tool_schemas import undereferenced
from tikhub_ai import (
    TOOL_OPTIONS,
    ConfigurationError,
    ResponseFormat,
    Tool,
    ToolChoice,
    read_tool_choice,
    strict_schema,
    tool_dict,
    tools_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from langchain_core.tools import BaseTool

_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]+")


def wire_tools(
    tool: Mapping[str, Any] | type | Callable[..., Any] | BaseTool, strict: bool | None = None
) -> list[dict[str, Any]]:
    """A tool in any of LangChain's or a provider's forms as OpenAI's dict, which is what `bind_tools` binds.

    A provider's own tool (`{"type": "web_search_20250305", ...}`, `{"google_search": {}}`, ...) stays as it is.

    Args:
        tool: A function, class, `BaseTool`, JSON Schema, dict in the form of OpenAI, Responses, Anthropic, Google or
            Bedrock, or an object of Google's SDK.
        strict: Ask the provider to hold the arguments to the schema.

    Returns:
        One dict; several where Google's form declares several functions.
    """
    if isinstance(tool, dict) or (isinstance(tool, BaseModel) and not isinstance(tool, Runnable)):
        return [_held_to(tool_dict(found), strict) for found in tools_of(tool)]
    converted = convert_to_openai_tool(tool)
    if "function" not in converted:  # a custom tool, whose input is no JSON
        return [converted]
    if (schema := undereferenced(tool)) is not None:
        converted["function"]["parameters"] = schema
    converted = _held_to(converted, strict)
    extras = getattr(tool, "extras", None)
    known = {name: value for name, value in extras.items() if name in TOOL_OPTIONS} if isinstance(extras, dict) else {}
    return [{**known, **converted}]


def _held_to(tool: dict[str, Any], strict: bool | None) -> dict[str, Any]:
    """The tool with `strict`. The API closes its schema where it can; langchain-core's own `strict` empties maps.

    Raises:
        ConfigurationError: The tool says otherwise itself.
    """
    if strict is None or tool.get("type") != "function":
        return tool
    function = tool["function"]
    if function.get("strict") not in {None, strict}:
        raise ConfigurationError(
            f"The tool {function.get('name')!r} says strict={function['strict']}, and bind_tools says strict={strict}."
        )
    return {**tool, "function": {**function, "strict": strict}}


def bound_tools(tools: Sequence[Any], tool_choice: Any, strict: bool | None) -> dict[str, Any]:
    """What `bind_tools` binds: OpenAI's wire form, which tracers know how to show. An empty list binds nothing.

    Raises:
        ConfigurationError: `tool_choice` names a tool that is not there.
    """
    wire = [bound for tool in tools for bound in wire_tools(tool, strict)]
    if not wire:
        return {}
    choice = tool_choice_of(tool_choice, [read for tool in wire for read in tools_of(tool)])
    if choice is None:
        return {"tools": wire}
    if choice.raw is not None:
        return {"tools": wire, "tool_choice": choice.raw}
    named = {"type": "function", "function": {"name": choice.name}}
    bound = {"tools": wire, "tool_choice": named if choice.mode == "tool" else choice.mode}
    return bound if choice.parallel is None else {**bound, "parallel_tool_calls": choice.parallel}


def neutral_tools(tools: Sequence[Any], strict: bool | None = None) -> list[Tool]:
    """Tools in neutral terms, bound or not: in any form that `wire_tools` takes."""
    found: list[Tool] = []
    for given in tools:
        is_bound = isinstance(given, dict) and given.get("type") == "function" and "function" in given
        for wire in [given] if is_bound and strict is None else wire_tools(given, strict):
            found += tools_of(wire)
    return found


def tool_choice_of(choice: Any, tools: Sequence[Tool]) -> ToolChoice | None:
    """`tool_choice` in any form: a mode, a tool's name, True for any, or a dict of OpenAI, Anthropic or the wire.

    Args:
        choice: What the user passed; None and False mean no choice.
        tools: What the model may call.

    Raises:
        ConfigurationError: It names a tool that is not there.
    """
    read = read_tool_choice(choice, [tool.name for tool in tools])
    if read is not None and read.mode == "tool" and read.raw is None and not isinstance(choice, ToolChoice):
        _check(read.name, tools)
    return read


def _check(name: str | None, tools: Sequence[Tool]) -> None:
    known = [tool.name for tool in tools if tool.raw is None]
    if tools and name not in known and not any(tool.raw is not None for tool in tools):
        raise ConfigurationError(f"tool_choice names {name!r}, but the tools are {', '.join(known)}.")


def response_format_of(given: Any, *, strict: bool = False) -> ResponseFormat | None:
    """`response_format` in any form: OpenAI's dict (as `create_agent` gives it), a JSON Schema, or a class.

    Args:
        given: As the user wrote it.
        strict: Hold the answer to a pydantic class exactly, where its schema can be held to.

    Raises:
        ConfigurationError: It is none of these.
    """
    if given is None or isinstance(given, ResponseFormat):
        return given
    if isinstance(given, dict):
        match given:
            case {"type": "json_schema", "json_schema": dict(said)}:
                return _from_json_schema(said)
            case {"type": "json_schema", "schema": dict()}:  # OpenAI Responses' flat form
                return _from_json_schema(given)
            case {"type": "json_object" | "text" as kind}:
                return ResponseFormat(kind)
    try:
        form = _from_json_schema(json_schema_form(given, strict=True if strict else None, by_default=True))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"response_format {given!r} is neither OpenAI's dict, a JSON Schema nor a class."
        ) from error
    form.source = given if isinstance(given, type) and is_basemodel_subclass(given) else None
    return form


def json_schema_form(given: Any, *, strict: bool | None, by_default: bool = False) -> dict[str, Any]:
    """The `json_schema` of OpenAI's `response_format`: name, schema, and whether it is strict.

    Args:
        given: A class, a JSON Schema with or without a title, or a function of OpenAI's.
        strict: Whether to hold the answer to it exactly; None says nothing.
        by_default: Nobody asked for `strict`: only pydantic classes are strict then, where they can be.
    """
    is_class = isinstance(given, type) and is_basemodel_subclass(given)
    if is_class and strict and by_default and issubclass(given, BaseModel):
        schema = given.model_json_schema()
        closed = strict_schema(schema)
        return _form(given, schema, closed, strict=closed is not None)
    if isinstance(given, dict) and given.keys() & _OF_A_SCHEMA and not given.keys() & _OF_A_FUNCTION:
        converted = given
    else:
        described = tool_dict(tools_of(given)[0])["function"] if isinstance(given, dict) else given
        converted = convert_to_json_schema(described)
        if (schema := undereferenced(given)) is not None:
            said = {key: value for key, value in converted.items() if key in {"title", "description"}}
            converted = {**said, **schema}
    return _form(given, converted, None, strict=None if by_default else strict)


_OF_A_SCHEMA = frozenset({"properties", "anyOf", "oneOf", "allOf", "$ref", "type", "enum", "const"})
_OF_A_FUNCTION = frozenset(
    {"name", "function", "function_declarations", "functionDeclarations", "input_schema", "inputSchema", "parameters",
     "toolSpec"}
)  # fmt: skip


def _form(given: Any, schema: dict[str, Any], closed: dict[str, Any] | None, *, strict: bool | None) -> dict[str, Any]:
    name = str(schema.get("title") or getattr(given, "__name__", "response"))
    form: dict[str, Any] = {"name": _NO_NAME.sub("_", name)[:64], "schema": closed or schema}
    if closed is not None and schema.get("description"):
        form["description"] = schema["description"]
    return form if strict is None else {**form, "strict": strict}


def named_schema(given: Any) -> Any:
    """A JSON Schema with a title, which LangChain names the tool by; anything else as it is."""
    if isinstance(given, dict) and not given.keys() & {*_OF_A_FUNCTION, "title"} and given.keys() & _OF_A_SCHEMA:
        return {"title": "response", **given}
    return given


def _from_json_schema(said: Mapping[str, Any]) -> ResponseFormat:
    return ResponseFormat(
        "json_schema",
        said.get("schema"),
        name=str(said.get("name") or "response"),
        description=said.get("description"),
        strict=said.get("strict"),
    )
