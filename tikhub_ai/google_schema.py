"""Google's `Schema`, the subset of OpenAPI 3.0 that its SDK and its API write, as JSON Schema. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_SCHEMAS = frozenset({"items", "additionalProperties", "additional_properties"})
_LISTS = frozenset({"anyOf", "any_of", "oneOf", "one_of", "allOf", "all_of", "prefixItems", "prefix_items"})
_OTHERWISE = {"ref": "$ref", "defs": "$defs", "example": "examples"}
_AS_THEY_ARE = frozenset({"enum", "const", "default", "required", "examples"})
_MAY_BE_NULL = frozenset({"default", "const"})
_COUNTS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_UNDERSCORE = re.compile(r"_([a-z0-9])")


def json_schema_of(schema: Any, *, ordering: bool = False) -> Any:
    """Google's `Schema` as a JSON Schema: types in small letters, `nullable` as a type, names in camel case.

    A JSON Schema comes back as it is, so that either may be given.

    Args:
        schema: A schema, or what stands in the place of one; not changed.
        ordering: Keep `propertyOrdering`, which JSON Schema does not know and most providers overlook.
    """
    if not isinstance(schema, Mapping):
        return schema
    out: dict[str, Any] = {}
    kind = schema.get("type")
    is_google = isinstance(kind, str) and kind.isupper()
    for key, value in schema.items():
        if value is None and (is_google or key not in _MAY_BE_NULL):  # as the SDK's objects say nothing
            continue
        name = str(_OTHERWISE.get(key, key))
        if name in {"properties", "$defs"} and isinstance(value, Mapping):
            out[name] = {of: json_schema_of(item, ordering=ordering) for of, item in value.items()}
        elif name in _LISTS and isinstance(value, list):
            out[_camel(name)] = [json_schema_of(item, ordering=ordering) for item in value]
        elif name in _SCHEMAS:
            out[_camel(name)] = json_schema_of(value, ordering=ordering)
        elif name == "type" and isinstance(value, str) and value.isupper():
            out[name] = value.lower()
        elif name == "examples" and name != key:
            out[name] = [value]
        elif name == "$ref" and isinstance(value, str):
            out[name] = value.replace("#/defs/", "#/$defs/")
        else:
            out[name if name in _AS_THEY_ARE else _camel(name)] = value
    for name in out.keys() & (_COUNTS | {"minimum", "maximum"}):
        out[name] = _number(out[name])
    if out.get("type") == "type_unspecified":
        del out["type"]
    if out.pop("nullable", False):
        _allow_null(out)
    if not ordering:
        out.pop("propertyOrdering", None)
    return out


def _number(value: Any) -> Any:
    """A bound as JSON Schema has it: Google's SDK makes floats of them, and its API writes counts as text."""
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _allow_null(schema: dict[str, Any]) -> None:
    if isinstance(kind := schema.get("type"), str) and kind != "null":
        schema["type"] = [kind, "null"]
    if isinstance(values := schema.get("enum"), list) and None not in values:
        schema["enum"] = [*values, None]
    if isinstance(branches := schema.get("anyOf"), list) and {"type": "null"} not in branches:
        schema["anyOf"] = [*branches, {"type": "null"}]


def _camel(name: str) -> str:
    return _UNDERSCORE.sub(lambda found: found.group(1).upper(), name)
