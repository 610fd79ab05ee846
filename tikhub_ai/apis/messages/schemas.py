"""JSON Schemas as this wire takes them, for answers and for strict tools.

From Anthropic's guide to structured outputs, "JSON Schema limitations":
https://platform.claude.com/docs/en/build-with-claude/structured-outputs.
"""

from __future__ import annotations

from typing import Any

from tikhub_ai.json_schemas import resolved

_UNHELD = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
     "maxItems", "uniqueItems", "minProperties", "maxProperties", "contains", "propertyNames", "not", "if", "then",
     "else", "dependentRequired", "dependentSchemas"}
)  # fmt: skip
"""Keywords that the wire refuses, and that only narrow what else the schema says."""
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
"""Forms of a string that it holds an answer to."""
_SAYS_WHAT = frozenset({"type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"})


def unheld(schema: Any) -> str | None:
    """Where a schema has a form that the wire's grammar cannot express; None where it can.

    Objects are closed there, so a map with free keys would be one that forbids every key. Nor are there values of any
    type, tuples, enums of lists and objects, and classes that hold themselves.

    Args:
        schema: A JSON Schema.

    Returns:
        The path of the first such field, such as `people[].scores`; "the root" where it is that.
    """
    found = _unheld(schema, schema, ("#",), "")
    return found if found is None else found or "the root"


def _unheld(node: Any, root: Any, above: tuple[str, ...], place: str) -> str | None:
    """The place; None where all of a node can be said."""
    if not isinstance(node, dict) or not node.keys() & _SAYS_WHAT:
        return place
    if isinstance(reference := node.get("$ref"), str):
        if reference in above:
            return place
        return _unheld(resolved(root, reference), root, (*above, reference), place)
    if any(isinstance(value, list | dict) for value in node.get("enum") or ()):
        return place
    kinds = node["type"] if isinstance(node.get("type"), list) else [node.get("type")]
    properties = node.get("properties")
    more = node.get("additionalProperties")
    is_free = not properties and more is not False and (more or "properties" not in node)
    if "object" in kinds and ("patternProperties" in node or isinstance(more, dict) or is_free):
        return place
    if "array" in kinds and ("prefixItems" in node or not isinstance(node.get("items"), dict)):
        return place
    parts = [(f"{place}[]", node["items"])] if "array" in kinds else []
    parts += [(place, branch) for word in ("anyOf", "oneOf", "allOf") for branch in node.get(word) or ()]
    parts += [(f"{place}.{name}".lstrip("."), value) for name, value in (properties or {}).items()]
    for where, part in parts:
        if (found := _unheld(part, root, above, where)) is not None:
            return found
    return None


def json_schema_of(schema: Any) -> Any:
    """A schema for `output_config.format` and for strict tools: objects are closed, and constraints told in words.

    The model still reads them in the description; who parses the answer still checks them.

    Args:
        schema: A JSON Schema, or a part of one, of which nothing is `unheld`; not changed.
    """
    if isinstance(schema, list):
        return [json_schema_of(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(parts := schema.get("allOf"), list) and len(parts) == 1 and isinstance(parts[0], dict):
        schema = {**parts[0], **{key: value for key, value in schema.items() if key != "allOf"}}
    out: dict[str, Any] = {}
    told: list[str] = []
    for key, value in schema.items():
        if _is_told(key, value):
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


def _is_told(key: str, value: Any) -> bool:
    match key:
        case "minItems":
            return value not in (0, 1)
        case "format":
            return value not in _FORMATS
        case _:
            return key in _UNHELD
