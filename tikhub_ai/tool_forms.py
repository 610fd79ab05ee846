"""A tool in any form that a provider's API takes it in, as the neutral `Tool`. Pure.

Read are OpenAI's form (`{"type": "function", "function": {...}}`), that of Responses, which is flat, Anthropic's
(`input_schema`), Google's (`function_declarations`, or one declaration alone), Bedrock's (`toolSpec`), that of an MCP
server's list (`inputSchema`), and a JSON Schema with a title. All else is a provider's own tool, and stays as it is.

Whatever else stands in such a dict (`cache_control`, `defer_loading`, `async`, ...) is kept in `Tool.options`; each API
sends what it knows, see `apis.tool_options`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.conversation import Tool
from tikhub_ai.errors import ConfigurationError
from tikhub_ai.google_schema import json_schema_of
from tikhub_ai.vendor_words import sdk_json

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARAMETERS = ("parameters", "input_schema", "inputSchema", "parameters_json_schema", "parametersJsonSchema")
"""What the schema of the arguments is called: by OpenAI and Google, Anthropic, MCP and Bedrock, Google again."""
_DECLARATIONS = ("function_declarations", "functionDeclarations")
_OTHERWISE = {"outputSchema": "output_schema", "responseJsonSchema": "response_json_schema"}
"""Fields that two APIs spell otherwise, under the name that they have in `Tool.options`."""
_OF_A_SERVER = frozenset({"title", "annotations", "icons", "execution", "_meta", "meta"})
"""Fields by which an MCP server describes a tool to programs and people; no model reads them."""
_PLACED = frozenset({"type", "name", "description", "strict", "function", *_PARAMETERS})


def tools_of(given: Any) -> list[Tool]:
    """The tools that a dict, or an object of a vendor's SDK, stands for.

    Args:
        given: A tool in a form named above, or a provider's own.

    Returns:
        One tool; several where Google's form declares several.

    Raises:
        ConfigurationError: It is no dict, or the schema of a function without a name.
    """
    if isinstance(given, dict) and given.get("type") == "function" and isinstance(given.get("function"), dict):
        return [_function({**given, **given["function"]})]  # every call of an agent brings these: no second look
    said = sdk_json(given)
    if not isinstance(said, dict):
        raise ConfigurationError(f"A tool must be a dict or an object of a vendor's SDK, not {type(given).__name__}.")
    for key in _DECLARATIONS:
        if isinstance(declarations := said.get(key), list):
            rest = {name: value for name, value in said.items() if name != key and value is not None}
            return [*(_declared(one) for one in declarations), *([Tool(raw=rest)] if rest else [])]
    if "type" not in said:  # the fields of Google's object that say nothing
        said = {name: value for name, value in said.items() if value is not None}
    fields = _function_fields(said)
    return [Tool(raw=said) if fields is None else _function(fields)]


def tool_dict(tool: Tool) -> dict[str, Any]:
    """A tool in OpenAI's form, options beside the function: what `tools_of` reads back as the same tool."""
    if tool.raw is not None:
        return tool.raw
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters:
        function["parameters"] = tool.parameters
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {**(tool.options or {}), "type": "function", "function": function}


def _function_fields(said: dict[str, Any]) -> dict[str, Any] | None:
    """The fields of the caller's function, all at one level; None for a provider's own tool."""
    kind = said.get("type")
    if isinstance(function := said.get("function"), dict) and kind in {None, "function"}:
        return {**{name: value for name, value in said.items() if name != "function"}, **function}
    if kind is None and isinstance(spec := said.get("toolSpec"), dict):
        schema = spec.get("inputSchema")
        return {**spec, "inputSchema": schema.get("json", schema) if isinstance(schema, dict) else None}
    if kind in {None, "function"} or (kind == "custom" and any(name in said for name in _PARAMETERS)):
        if isinstance(said.get("name"), str):
            return said
        if kind == "function":
            return None
    return _schema_fields(said) if kind in {None, "object"} else None


def _schema_fields(said: dict[str, Any]) -> dict[str, Any] | None:
    """A JSON Schema as the function that it describes."""
    if "properties" not in said and "title" not in said and "type" not in said:
        return None
    name = said.get("name" if "title" not in said else "title")
    if not isinstance(name, str) or not name:
        raise ConfigurationError(
            "A JSON Schema that stands for a tool must have a 'title', which is the name that the model calls it by."
        )
    rest = {key: value for key, value in said.items() if key not in {"title", "name", "description"}}
    parameters = {"parameters": rest} if "properties" in rest else {}
    return {"name": name, "description": said.get("description"), **parameters}


def _declared(one: Any) -> Tool:
    said = sdk_json(one)
    if not isinstance(said, dict) or not isinstance(said.get("name"), str):
        raise ConfigurationError("Each of function_declarations must be a dict with a 'name'.")
    return _function(said)


def _function(fields: Mapping[str, Any]) -> Tool:
    schema: dict[str, Any] = next((fields[key] for key in _PARAMETERS if isinstance(fields.get(key), dict)), {})
    options = {
        _OTHERWISE.get(name, name): value
        for name, value in fields.items()
        if name not in _PLACED and name not in _OF_A_SERVER and value is not None
    }
    return Tool(
        name=str(fields.get("name") or ""),
        description=str(fields.get("description") or ""),
        parameters=json_schema_of(schema, ordering=True) if _is_google(schema) else schema,
        strict=fields.get("strict"),
        options=options or None,
    )


def _is_google(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    return isinstance(kind, str) and kind.isupper()
