"""Tools, tool choices and answer formats, in any form that LangChain's users write, as neutral values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel

from tikhub_ai import ConfigurationError, ResponseFormat, Tool, ToolChoice, sdk_json, strict_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from langchain_core.tools import BaseTool

_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]+")
_CHOICES = {"auto": "auto", "none": "none", "any": "required", "required": "required"}
_TOOL_OPTIONS = ("cache_control", "defer_loading", "allowed_callers", "input_examples", "eager_input_streaming")
"""Anthropic's fields of a tool, which other APIs do not have."""


def wire_tool(
    tool: Mapping[str, Any] | type | Callable[..., Any] | BaseTool, strict: bool | None = None
) -> dict[str, Any]:
    """A tool in any of LangChain's forms as OpenAI's dict, which is what `bind_tools` binds.

    A provider's own tool (`{"type": "web_search_20250305", ...}`, `{"google_search": {}}`, ...) stays as it is.

    Args:
        tool: A function, class, `BaseTool`, JSON Schema, dict in the form of OpenAI, Anthropic or Bedrock, or an object
            of Google's SDK.
        strict: Ask the provider to hold the arguments to the schema.
    """
    if isinstance(tool, dict) or (isinstance(tool, BaseModel) and not isinstance(tool, Runnable)):
        tool = sdk_json(tool)  # of Google's SDK, which is no tool of LangChain's
    if isinstance(tool, dict) and is_provider_tool(tool):
        return tool
    if isinstance(tool, dict) and tool.get("type") == "function" and isinstance(tool.get("function"), dict):
        function = convert_to_openai_tool(tool["function"], strict=strict)["function"]
    elif isinstance(tool, dict) and tool.get("type") == "function":  # OpenAI Responses' flat form
        function = convert_to_openai_tool({**tool, "type": None}, strict=strict)["function"]
    else:
        converted = convert_to_openai_tool(tool, strict=strict)
        function = converted.get("function")
        if function is None:  # a custom tool, whose input is no JSON
            return converted
    extras = getattr(tool, "extras", None)
    given = tool if isinstance(tool, dict) else extras if isinstance(extras, dict) else {}
    options = {key: given[key] for key in _TOOL_OPTIONS if key in given}
    return {"type": "function", "function": function, **options}


def bound_tools(tools: Sequence[Any], tool_choice: Any, strict: bool | None) -> dict[str, Any]:
    """What `bind_tools` binds: OpenAI's wire form, which tracers know how to show. An empty list binds nothing.

    Raises:
        ConfigurationError: `tool_choice` names a tool that is not there.
    """
    wire = [wire_tool(tool, strict) for tool in tools]
    if not wire:
        return {}
    choice = tool_choice_of(tool_choice, [tool_of(tool) for tool in wire])
    if choice is None:
        return {"tools": wire}
    if choice.raw is not None:
        return {"tools": wire, "tool_choice": choice.raw}
    named = {"type": "function", "function": {"name": choice.name}}
    return {"tools": wire, "tool_choice": named if choice.mode == "tool" else choice.mode}


def is_provider_tool(tool: Mapping[str, Any]) -> bool:
    """Whether a dict is a tool that only its provider knows, and no function of the caller's."""
    kind = tool.get("type")
    if kind == "function" or ("name" in tool and "input_schema" in tool):
        return False
    if kind in {None, "object"}:
        return not tool.keys() & {"name", "title", "toolSpec", "properties"}
    return True


def tool_of(given: Any, strict: bool | None = None) -> Tool:
    """A tool in neutral terms, bound or not: in any form that `wire_tool` takes."""
    function = given.get("function") if isinstance(given, dict) else None
    is_bound = isinstance(function, dict) and given.get("type") == "function"
    wire = given if is_bound and strict is None else wire_tool(given, strict)
    function = wire.get("function")
    if wire.get("type") != "function" or not isinstance(function, dict):
        return Tool(raw=dict(wire))
    options = {key: value for key, value in wire.items() if key not in {"type", "function"}}
    return Tool(
        name=str(function.get("name") or ""),
        description=str(function.get("description") or ""),
        parameters=function.get("parameters") or {},
        strict=function.get("strict"),
        options=options or None,
    )


def tool_choice_of(choice: Any, tools: Sequence[Tool]) -> ToolChoice | None:
    """`tool_choice` in any form: a mode, a tool's name, True for any, or a dict of OpenAI, Anthropic or the wire.

    Args:
        choice: What the user passed; None and False mean no choice.
        tools: What the model may call.

    Raises:
        ConfigurationError: It names a tool that is not there.
    """
    if choice is None or choice is False:
        return None
    if choice is True:
        return ToolChoice("required")
    if isinstance(choice, ToolChoice):
        return choice
    if isinstance(choice, str):
        named = any(tool.name == choice for tool in tools)
        if choice in _CHOICES and not named:
            return ToolChoice(_CHOICES[choice])  # type: ignore[arg-type]  # the values are modes
        return _named(choice, tools)
    if isinstance(choice, dict):
        return _choice_of_dict(choice, tools)
    raise ConfigurationError(f"tool_choice must be a string, a bool or a dict, not {type(choice).__name__}.")


def _choice_of_dict(choice: dict[str, Any], tools: Sequence[Tool]) -> ToolChoice:
    match choice:
        case {"type": "function", "function": {"name": str(name)}} | {"type": "function" | "tool", "name": str(name)}:
            return _named(name, tools)
        case {"type": "auto" | "any" | "none" | "required" as mode}:
            return ToolChoice(_CHOICES[mode])  # type: ignore[arg-type]  # the values are modes
        case _:
            return ToolChoice(raw=choice)


def _named(name: str, tools: Sequence[Tool]) -> ToolChoice:
    known = [tool.name for tool in tools if tool.raw is None]
    if tools and name not in known and not any(tool.raw is not None for tool in tools):
        raise ConfigurationError(f"tool_choice names {name!r}, but the tools are {', '.join(known)}.")
    return ToolChoice("tool", name)


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
        return _from_json_schema(json_schema_form(given, strict=True if strict else None, by_default=True))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"response_format {given!r} is neither OpenAI's dict, a JSON Schema nor a class."
        ) from error


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
        converted = given if by_default or not strict else strict_schema(given) or given
    else:
        converted = convert_to_json_schema(given, strict=None if by_default else strict)
    return _form(given, converted, None, strict=None if by_default else strict)


_OF_A_SCHEMA = frozenset({"properties", "anyOf", "oneOf", "allOf", "$ref", "type", "enum", "const"})
_OF_A_FUNCTION = frozenset({"name", "function", "input_schema", "toolSpec", "parameters"})


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
