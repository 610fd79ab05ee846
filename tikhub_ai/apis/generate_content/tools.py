"""The `tools` and `toolConfig` of generateContent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.generate_content.names import GEMINI_2_5, GEMINI_3, camelised, is_from
from tikhub_ai.apis.generate_content.schemas import converted, inlined
from tikhub_ai.apis.tool_options import tool_options
from tikhub_ai.errors import warn
from tikhub_ai.tool_choices import allowed_tools

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tikhub_ai.apis.generate_content.names import Generation
    from tikhub_ai.conversation import Tool, ToolChoice

_SAME_ELSEWHERE = {
    "web_search": "googleSearch",
    "google_search": "googleSearch",
    "code_interpreter": "codeExecution",
    "code_execution": "codeExecution",
    "web_fetch": "urlContext",
    "url_context": "urlContext",
}
"""What other providers' own tools are here, by the beginning of their type."""
_BESIDE_FUNCTIONS = frozenset({"functionDeclarations", "computerUse"})
"""What the caller runs."""
_OF_SOME = {"auto": "VALIDATED", "required": "ANY"}
"""The modes that take names: text or one of these functions, and one of them for certain."""
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY", "tool": "ANY"}


def encode_tools(
    tools: Sequence[Tool], generation: Generation | None, *, json_schema: bool | None
) -> list[dict[str, Any]]:
    """The wire's `tools`: one entry with all functions, one for each of Google's own tools.

    Args:
        tools: What the model may call.
        generation: Of the model.
        json_schema: Whether parameters go out as JSON Schema; None lets the schema and the model decide.
    """
    functions: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for tool in tools:
        if tool.raw is None:
            functions.append(_declaration(tool, generation, json_schema))
        elif (own := _own_tool(tool.raw)) is not None:
            functions += own.pop("functionDeclarations", None) or []
            if own:
                others.append(own)
    return [{"functionDeclarations": functions}, *others] if functions else others


def _declaration(tool: Tool, generation: Generation | None, json_schema: bool | None) -> dict[str, Any]:
    declaration: dict[str, Any] = {"name": tool.name}
    if tool.description:
        declaration["description"] = tool.description
    declaration |= camelised(tool_options(tool, "generate_content", "gemini"))
    if not _has_parameters(tool.parameters):  # the wire refuses an object without properties
        return declaration
    schema, lost = converted(tool.parameters)
    if schema.get("type") != "object":
        lost.append("a root that is no object")
    as_it_is = json_schema if json_schema is not None else bool(lost) and is_from(generation, GEMINI_2_5)
    if as_it_is:
        declaration["parametersJsonSchema"] = inlined(tool.parameters)
        return declaration
    if lost:
        warn(f"generate_content cannot say all of the schema of {tool.name!r}: {', '.join(lost)} is left out.")
    declaration["parameters"] = schema
    return declaration


def _has_parameters(schema: dict[str, Any]) -> bool:
    return (
        bool(schema.get("properties"))
        or bool(schema.keys() & {"$ref", "anyOf", "oneOf", "allOf"})
        or bool(isinstance(schema.get("additionalProperties"), dict) and schema["additionalProperties"])
    )


def _own_tool(raw: dict[str, Any]) -> dict[str, Any] | None:
    """A tool that Google runs, with the wire's names; another provider's as Google's of the same purpose, or None."""
    kind = raw.get("type")
    if isinstance(kind, str):
        same = next((name for start, name in _SAME_ELSEWHERE.items() if kind.startswith(start)), None)
        if same is None:
            warn(f"generate_content has no tool {kind!r}: it is left out.")
            return None
        warn(f"generate_content has no tool {kind!r}: {same!r} is sent for it, without its settings.")
        return {same: {}}
    own: dict[str, Any] = camelised(raw)
    return own


def encode_tool_choice(choice: ToolChoice, tools: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The wire's `toolConfig`; None where there is nothing to choose from."""
    if (allowed := allowed_tools(choice)) is not None:
        mode, names = allowed
        return {"functionCallingConfig": {"mode": _OF_SOME.get(mode, "NONE"), "allowedFunctionNames": names}}
    if choice.raw is not None:
        raw: dict[str, Any] = camelised(choice.raw)
        return {"functionCallingConfig": raw} if "mode" in raw else raw
    if not any("functionDeclarations" in tool for tool in tools):
        if choice.mode in {"required", "tool"}:
            warn("generate_content can force a call of functions only, and there are none: tool_choice is not sent.")
        return None
    config: dict[str, Any] = {"mode": _MODES.get(choice.mode, choice.mode.upper())}
    if choice.mode == "tool" and choice.name:
        config["allowedFunctionNames"] = [choice.name]
    return {"functionCallingConfig": config}


def with_own_tools(
    config: dict[str, Any] | None, tools: Sequence[dict[str, Any]], generation: Generation | None
) -> dict[str, Any] | None:
    """The `toolConfig` of functions beside tools that Google runs by itself.

    From Gemini 3 on, the wire answers 400 to both at once without `includeServerSideToolInvocations`, with which it
    shows its own calls; it knows no mode AUTO then. Models before that refuse both at once whatever is said.

    Args:
        config: What `tool_choice` makes of it.
        tools: As `encode_tools` makes them.
        generation: Of the model.
    """
    has_functions = any("functionDeclarations" in tool for tool in tools)
    if generation is None or not has_functions or not any(tool.keys() - _BESIDE_FUNCTIONS for tool in tools):
        return config
    if generation < GEMINI_3:
        warn("Gemini before 3 answers 400 to Google's own tools beside functions: both are sent.")
        return config
    config = dict(config or {})
    if config.get("functionCallingConfig") == {"mode": "AUTO"}:
        del config["functionCallingConfig"]
    return {"includeServerSideToolInvocations": True, **config}
