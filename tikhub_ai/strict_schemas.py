"""JSON schemas as OpenAI's strict mode takes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tikhub_ai.errors import warn
from tikhub_ai.json_schemas import object_schema, resolved

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
    """The schema allows what strict mode cannot hold a model to, at the place that it names."""


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema as OpenAI's strict mode requires it: every object closed, every property required.

    References stay, recursive ones too, which OpenAI takes:
    https://platform.openai.com/docs/guides/structured-outputs#supported-schemas.

    Args:
        schema: An object schema, as pydantic writes it. Not changed.

    Returns:
        None where strict mode cannot express it: dicts with free keys, tuples, values of any type.
    """
    try:
        return _closed(schema)
    except _NotStrictError:
        return None


def held(schema: dict[str, Any], strict: bool | None, what: str) -> tuple[dict[str, Any], bool | None]:
    """A schema, and whether a provider is to hold a model to it exactly.

    Args:
        schema: As its author wrote it; not changed.
        strict: Whether to; None says nothing.
        what: Whose schema it is, for the warning where strict mode cannot express it: then it is sent as it is.
    """
    if not strict:
        return schema, strict
    try:
        return _closed(schema), True
    except _NotStrictError as error:
        place = str(error)
    warn(f"{what} is not strict: {place} has a form that strict mode cannot hold a model to.")
    return schema, False


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    root = dict(schema)
    if isinstance(root.get("$ref"), str):  # pydantic's form for a class that holds itself
        root, _ = object_schema(root)
    strict = _strict(root, schema, (), "the root")
    for word in ("$defs", "definitions"):
        if isinstance(schema.get(word), dict):
            strict[word] = {name: _strict(value, schema, (), name) for name, value in schema[word].items()}
    if strict.get("type") != "object":
        raise _NotStrictError("the root")
    return strict


def _strict(node: Any, root: Mapping[str, Any], above: tuple[str, ...], place: str) -> dict[str, Any]:
    if not isinstance(node, dict) or not node.keys() & {"$ref", "anyOf", "oneOf", "allOf", "const", "enum", "type"}:
        raise _NotStrictError(place)
    if isinstance(reference := node.get("$ref"), str):
        if len(node) == 1 or reference in above:
            if not isinstance(resolved(root, reference), dict):
                raise _NotStrictError(place)
            return {"$ref": reference}
        # Strict mode takes a reference alone.
        found = resolved(root, reference)
        if not isinstance(found, dict):
            raise _NotStrictError(place)
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return _strict({**found, **beside}, root, (*above, reference), place)
    if "allOf" in node:
        if len(node["allOf"]) != 1:
            raise _NotStrictError(place)
        node = {**node["allOf"][0], **{key: value for key, value in node.items() if key != "allOf"}}
        return _strict(node, root, above, place)
    strict = {key: value for key, value in node.items() if key in _KEPT}
    if node.get("format") in _FORMATS:
        strict["format"] = node["format"]
    if alternatives := node.get("anyOf") or node.get("oneOf"):
        strict["anyOf"] = [_strict(alternative, root, above, place) for alternative in alternatives]
    kind = node.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    if "items" in node:
        strict["items"] = _strict(node["items"], root, above, f"{place}[]")
    elif "array" in kinds:
        raise _NotStrictError(place)
    if "object" in kinds:
        if node.get("additionalProperties") not in (None, False) or not isinstance(node.get("properties"), dict):
            raise _NotStrictError(place)
        within = "" if place == "the root" else f"{place}."
        strict["properties"] = {
            name: _strict(value, root, above, f"{within}{name}") for name, value in node["properties"].items()
        }
        strict["required"] = list(node["properties"])
        strict["additionalProperties"] = False
    return strict
