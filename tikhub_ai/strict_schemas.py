"""JSON schemas as OpenAI's strict mode takes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KEPT = frozenset(
    {
        "$ref",
        "anyOf",
        "const",
        "description",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "items",
        "maxItems",
        "maximum",
        "minItems",
        "minimum",
        "multipleOf",
        "pattern",
        "title",
        "type",
    }
)
"""What strict mode knows. Other constraints are left out, as pydantic checks them when the answer is here."""
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})


class _NotStrictError(Exception):
    """The schema allows what strict mode cannot hold a model to."""


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema as OpenAI's strict mode requires it: every object closed, every property required.

    Args:
        schema: An object schema, as pydantic writes it. Not changed.

    Returns:
        None where strict mode cannot express it: dicts with free keys, tuples, values of any type.
    """
    try:
        strict = _strict(schema, schema)
        for word in ("$defs", "definitions"):
            if word in schema:
                strict[word] = {name: _strict(value, schema) for name, value in schema[word].items()}
    except _NotStrictError:
        return None
    return strict if strict.get("type") == "object" else None


def _strict(node: Any, root: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(node, dict) or not node.keys() & {"$ref", "anyOf", "oneOf", "allOf", "const", "enum", "type"}:
        raise _NotStrictError
    if "$ref" in node and len(node) > 1:  # strict mode takes a reference alone
        node = {**_resolved(node["$ref"], root), **{key: value for key, value in node.items() if key != "$ref"}}
    if "allOf" in node:
        if len(node["allOf"]) != 1:
            raise _NotStrictError
        node = {**node["allOf"][0], **{key: value for key, value in node.items() if key != "allOf"}}
        return _strict(node, root)
    strict = {key: value for key, value in node.items() if key in _KEPT}
    if node.get("format") in _FORMATS:
        strict["format"] = node["format"]
    if alternatives := node.get("anyOf") or node.get("oneOf"):
        strict["anyOf"] = [_strict(alternative, root) for alternative in alternatives]
    if "items" in node:
        strict["items"] = _strict(node["items"], root)
    elif node.get("type") == "array":
        raise _NotStrictError
    if node.get("type") == "object":
        if node.get("additionalProperties") not in (None, False) or "properties" not in node:
            raise _NotStrictError
        strict["properties"] = {name: _strict(value, root) for name, value in node["properties"].items()}
        strict["required"] = list(node["properties"])
        strict["additionalProperties"] = False
    return strict


def _resolved(reference: str, root: Mapping[str, Any]) -> dict[str, Any]:
    found: Any = root
    for step in reference.removeprefix("#/").split("/"):
        found = found.get(step) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        raise _NotStrictError
    return found
