"""JSON schemas in the form that providers accept, for structured answers and strict tools. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from tikhub_ai import ConfigurationError, ResponseFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def schema_name(name: str) -> str:
    """A name that the wire accepts: letters, digits, `_` and `-`, 64 of them at most."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:64] or "response"


def response_format_of(given: Any) -> ResponseFormat | None:
    """The form of an answer: a pydantic class, OpenAI's dict, flat as in Responses or not, or a `ResponseFormat`.

    Raises:
        ConfigurationError: It is none of these.
    """
    match given:
        case None | ResponseFormat():
            return given
        case {"type": "text" | "json_object" as kind}:
            return ResponseFormat(kind)
        case {"type": "json_schema"}:
            said: dict[str, Any] = given.get("json_schema") or given
            return ResponseFormat(
                "json_schema",
                schema=said.get("schema") or {},
                name=said.get("name") or "response",
                description=said.get("description"),
                strict=said.get("strict"),
            )
        case type() if issubclass(given, BaseModel):
            return model_format(given)
    raise ConfigurationError(
        "response_format must be a pydantic class or a dict with type text, json_object or json_schema."
    )


def model_format(output_cls: type[BaseModel]) -> ResponseFormat:
    """The form that a pydantic class describes: strict wherever its schema can be."""
    schema = output_cls.model_json_schema()
    strict = strict_schema(schema)
    return ResponseFormat(
        "json_schema",
        schema=strict or schema,
        name=schema_name(str(schema.get("title") or output_cls.__name__)),
        description=schema.get("description"),
        strict=strict is not None,
    )


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
