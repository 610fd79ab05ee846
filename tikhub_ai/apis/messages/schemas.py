"""JSON Schemas as this wire takes them."""

from __future__ import annotations

from typing import Any

_UNHELD = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
     "maxItems", "uniqueItems", "minProperties", "maxProperties", "prefixItems", "contains", "propertyNames",
     "patternProperties", "not", "if", "then", "else", "dependentRequired", "dependentSchemas"}
)  # fmt: skip
"""Keywords that `output_config.format` refuses (Anthropic's guide to structured outputs, JSON Schema limitations)."""


_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
"""Forms of a string that it holds an answer to."""


def tool_schema_of(schema: dict[str, Any]) -> dict[str, Any]:
    """A tool's `input_schema`, which must be that of an object."""
    if schema.get("type") == "object":
        return schema
    return {"type": "object", **schema} if schema else {"type": "object", "properties": {}}


def json_schema_of(schema: Any) -> Any:
    """A schema for `output_config.format`: objects are closed, and constraints that it refuses are told in words.

    The model still reads them in the description; who parses the answer still checks them.

    Args:
        schema: A JSON Schema, or a part of one; not changed.
    """
    if isinstance(schema, list):
        return [json_schema_of(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out: dict[str, Any] = {}
    told: list[str] = []
    for key, value in schema.items():
        if _is_unheld(key, value):
            told.append(f"{key}: {value}")
        elif key == "discriminator":
            pass  # of OpenAPI: it names what `oneOf` tells apart by itself
        elif key == "oneOf":
            out["anyOf"] = json_schema_of(value)
        elif key in {"properties", "$defs", "definitions"} and isinstance(value, dict):
            out[key] = {name: json_schema_of(part) for name, part in value.items()}
        elif key in {"enum", "const", "default", "examples", "required"}:
            out[key] = value
        else:
            out[key] = json_schema_of(value)
    if out.get("type") == "object" or "properties" in out:
        out["additionalProperties"] = False
    if told:
        out["description"] = " ".join(word for word in (out.get("description"), f"({', '.join(told)})") if word)
    return out


def _is_unheld(key: str, value: Any) -> bool:
    match key:
        case "minItems":
            return value not in (0, 1)
        case "format":
            return value not in _FORMATS
        case "additionalProperties":
            return isinstance(value, dict)
        case _:
            return key in _UNHELD
