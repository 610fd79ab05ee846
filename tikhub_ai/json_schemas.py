"""JSON Schemas, as every wire API takes those of tools: one object, whatever their author wrote at the root. Pure."""

from __future__ import annotations

from typing import Any

_UNIONS = ("anyOf", "oneOf")
_NOT_AT_ROOT = frozenset({"enum", "const", "not", "if", "then", "else"})
"""What OpenAI refuses at the root of a function's parameters, beside `anyOf`, `oneOf` and `allOf`."""
_FOLDED = frozenset({"$ref", "allOf", *_UNIONS, *_NOT_AT_ROOT})


def resolved(root: Any, reference: str) -> Any:
    """What a local reference such as `#/$defs/City` means; None where it means nothing."""
    if not reference.startswith("#"):
        return None
    found = root
    for step in reference[1:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if not name:
            continue
        if isinstance(found, list) and name.isdigit() and int(name) < len(found):
            found = found[int(name)]
        elif isinstance(found, dict) and name in found:
            found = found[name]
        else:
            return None
    return found


def object_schema(schema: Any) -> tuple[dict[str, Any], list[str]]:
    """A schema as one of an object with properties and no union at its root, which no provider takes there.

    The properties of all branches of a union may be given, and those that each of them requires must. Servers of MCP
    have such schemas: https://platform.openai.com/docs/guides/function-calling and Anthropic's `input_schema` want
    `type: "object"`.

    Args:
        schema: A JSON Schema of any form; not changed.

    Returns:
        The schema, and what of it is left out, in words.
    """
    if not isinstance(schema, dict):
        return {"type": "object", "properties": {}}, []
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict) and not schema.keys() & _FOLDED:
        return schema, []
    lost: list[str] = []
    flat = _flat(schema, schema, (), lost)
    kind = flat.pop("type", "object")
    if "object" not in (kind if isinstance(kind, list) else [kind]):
        lost.append(f"a root of type {kind!r}")
    if not isinstance(flat.get("properties"), dict):
        flat["properties"] = {}
    return {"type": "object", **flat}, lost


def _flat(node: dict[str, Any], root: dict[str, Any], above: tuple[str, ...], lost: list[str]) -> dict[str, Any]:
    """A node without references and unions of its own. Those of its properties stay."""
    if isinstance(reference := node.get("$ref"), str):
        found = resolved(root, reference)
        beside = {key: value for key, value in node.items() if key != "$ref"}
        if reference in above or not isinstance(found, dict):
            lost.append(f"$ref {reference}")
            found = {}
        if found is not root or above:
            return _flat({**found, **beside}, root, (*above, reference), lost)
    if dropped := sorted(node.keys() & _NOT_AT_ROOT):
        lost += dropped
    flat = {key: value for key, value in node.items() if key not in _FOLDED}
    for part in _nodes(node.get("allOf")):
        flat = _joined(_flat(part, root, above, lost), flat)
    for word in _UNIONS:
        branches = []
        for branch in _nodes(node.get(word)):
            found = _flat(branch, root, above, lost)
            kind = found.get("type") or ("object" if found.keys() & {"properties", "required"} else None)
            if kind == "object":
                branches.append(found)
            elif kind != "null":
                lost.append(f"a branch of {word} that is no object")
        if branches:
            flat = _joined(_united(branches), flat)
    return flat


def _nodes(value: Any) -> list[dict[str, Any]]:
    return [node for node in value if isinstance(node, dict)] if isinstance(value, list) else []


def _joined(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Two schemas that hold both: of all but properties and required names, the second's word."""
    out = {**first, **second}
    if isinstance(first.get("properties"), dict) and isinstance(second.get("properties"), dict):
        out["properties"] = {**first["properties"], **second["properties"]}
    if required := list(dict.fromkeys([*_names(first), *_names(second)])):
        out["required"] = required
    return out


def _united(branches: list[dict[str, Any]]) -> dict[str, Any]:
    """One object for several of which one holds."""
    properties: dict[str, list[Any]] = {}
    for branch in branches:
        for name, value in (branch.get("properties") or {}).items():
            if value not in properties.setdefault(name, []):
                properties[name].append(value)
    required = [name for name in _names(branches[0]) if all(name in _names(branch) for branch in branches)]
    out: dict[str, Any] = {
        "type": "object",
        "properties": {name: values[0] if len(values) == 1 else _either(values) for name, values in properties.items()},
    }
    if required:
        out["required"] = required
    if all(branch.get("additionalProperties") is False for branch in branches):
        out["additionalProperties"] = False
    return out


def _either(values: list[Any]) -> dict[str, Any]:
    """One schema for a property that differs from branch to branch: the constants that tell them apart are an enum."""
    if all(isinstance(value, dict) and "const" in value for value in values):
        kinds = {value.get("type") for value in values}
        kind = {"type": kinds.pop()} if len(kinds) == 1 and None not in kinds else {}
        return {**kind, "enum": [value["const"] for value in values]}
    return {"anyOf": values}


def _names(schema: dict[str, Any]) -> list[str]:
    required = schema.get("required")
    return required if isinstance(required, list) else []
