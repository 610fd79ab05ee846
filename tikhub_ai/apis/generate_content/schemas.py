"""JSON Schema as Gemini takes it.

There are two forms. `parameters` and `responseSchema` hold Google's `Schema`, a subset of OpenAPI 3.0 without `$ref`,
`const`, `additionalProperties` or tuples: every model and every gateway takes it. `parametersJsonSchema` and
`responseJsonSchema` hold JSON Schema itself: models from Gemini 2.5 on take it.

Function parameters use the first form where it says all that the schema says, and the second for a model that takes it
where the first would lose something (a recursion, a map, a tuple, a number enum). One declaration that is refused
costs the whole request, and what is lost in translation makes calls that the caller's function refuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.errors import warn
from tikhub_ai.json_schemas import resolved

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEPT = (
    "description",
    "pattern",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
)
_FORMATS = {
    "string": {"date-time", "enum"},
    "number": {"float", "double"},
    "integer": {"int32", "int64"},
}
"""The wire answers 400 to any other; a format it does not know says nothing to it anyway."""
_LOSSES = (
    "not",
    "if",
    "patternProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "contains",
    "multipleOf",
    "uniqueItems",
)
"""What constrains and has no place. All else without a place (titles, defaults, examples) only explains."""
_EXCLUSIVE = (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1))
_LARGEST = 20_000
"""Nodes: references to schemas that hold references multiply, and so large a schema is better sent with them."""
_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object"})


def converted(schema: dict[str, Any], *, ordered: bool = False) -> tuple[dict[str, Any], list[str]]:
    """A JSON Schema as Google's `Schema`.

    Args:
        schema: JSON Schema with local references only; not changed.
        ordered: Say the order of properties, which Gemini 2.0 does not keep by itself.

    Returns:
        The schema, and what it does not say any more, in words.
    """
    converter = _Converter(schema, ordered=ordered)
    return converter.node(schema), list(converter.lost)


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON Schema whose references are replaced by what they refer to, save those that would never end.

    The wire takes references with nothing beside them, and those that lead back in properties that are not required:
    https://ai.google.dev/api/generate-content#GenerationConfig, `responseJsonSchema`. The others are required no more,
    with a warning.
    """
    plain = {key: value for key, value in schema.items() if key not in {"$schema", "$id"}}
    if _size(schema, schema, (), _LARGEST) < 0:
        return plain
    rest: set[str] = set()
    body = {key: value for key, value in plain.items() if key not in {"$defs", "definitions"}}
    out: dict[str, Any] = _inlined(body, schema, (), rest)
    definitions: dict[str, Any] = {}
    while rest - definitions.keys():
        for name in sorted(rest - definitions.keys()):
            found = resolved(schema, name)
            definitions[name] = _inlined(found, schema, (name,), rest) if isinstance(found, dict) else {}
    if definitions:
        out["$defs"] = {_last(name): definition for name, definition in definitions.items()}
        if loosened := list(dict.fromkeys(_loosened(out, ""))):
            warn(f"Gemini follows a schema that leads back to itself where it may end: {', '.join(loosened)} may.")
    return out


def _loosened(node: Any, place: str) -> Iterator[str]:
    """Take from `required` the properties that hold a reference; yield their paths."""
    if isinstance(node, list):
        for item in node:
            yield from _loosened(item, place)
    if not isinstance(node, dict):
        return
    properties = node.get("properties")
    if isinstance(properties, dict) and isinstance(required := node.get("required"), list):
        cyclic = [name for name in required if _refers(properties.get(name))]
        if cyclic:
            node["required"] = [name for name in required if name not in cyclic]
            yield from (f"{place}{name}" for name in cyclic)
    for key, value in node.items():
        if key in {"properties", "$defs"} and isinstance(value, dict):
            for name, part in value.items():
                yield from _loosened(part, f"{name}." if key == "$defs" else f"{place}{name}.")
        elif key not in {"required", "enum", "const", "default"}:
            yield from _loosened(value, place)


def _refers(node: Any) -> bool:
    if isinstance(node, list):
        return any(map(_refers, node))
    return isinstance(node, dict) and (isinstance(node.get("$ref"), str) or any(map(_refers, node.values())))


def _size(node: Any, root: dict[str, Any], above: tuple[str, ...], left: int) -> int:
    """What is left of a number of nodes after those of a schema with its references followed; below 0, too little."""
    if left < 0 or not isinstance(node, list | dict):
        return left
    left -= 1
    if isinstance(node, dict) and isinstance(reference := node.get("$ref"), str) and reference not in above:
        left = _size(resolved(root, reference), root, (*above, reference), left)
    for value in node if isinstance(node, list) else node.values():
        left = _size(value, root, above, left)
    return left


def _inlined(node: Any, root: dict[str, Any], above: tuple[str, ...], rest: set[str]) -> Any:
    if isinstance(node, list):
        return [_inlined(item, root, above, rest) for item in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str):
        beside = {key: _inlined(value, root, above, rest) for key, value in node.items() if key != "$ref"}
        if reference in above or not isinstance(found := resolved(root, reference), dict):
            if reference.startswith("#"):
                rest.add(reference)
                return {"$ref": f"#/$defs/{_last(reference)}"}
            return node
        return _inlined(found, root, (*above, reference), rest) | beside
    # `properties` may hold a property that is itself called "$ref": its value is no text, so it passes.
    return {
        key: _inlined(value, root, above, rest)
        for key, value in node.items()
        if key != "discriminator" or not isinstance(value, dict) or "propertyName" not in value
    }


def _only(values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def _last(reference: str) -> str:
    return reference.rsplit("/", 1)[-1] if reference != "#" else "root"


class _Converter:
    """Converts the nodes of one schema."""

    def __init__(self, root: dict[str, Any], *, ordered: bool) -> None:
        self._root = root
        self._ordered = ordered
        self._above: list[str] = []
        self._left = _LARGEST
        self.lost: dict[str, None] = {}

    def node(self, schema: Any) -> dict[str, Any]:
        self._left -= 1
        if self._left < 0:
            self._lose("what is too large without references")
            return {"type": "object"}
        if not isinstance(schema, dict):  # true: anything
            return self._anything({})
        if isinstance(reference := schema.get("$ref"), str):
            return self._reference(reference, schema)
        if isinstance(schema.get("allOf"), list):
            schema = self._all_of(schema)
        for name in _LOSSES:
            if name in schema:
                self._lose(name)
        if "const" in schema:
            schema = {**schema, "enum": [schema["const"]]}
        for name in ("anyOf", "oneOf"):
            if isinstance(branches := schema.get(name), list) and branches:
                return self._any_of(schema, name, branches)
        if isinstance(kinds := schema.get("type"), list):
            return self._type_list(schema, kinds)
        out = _only(schema, _KEPT)
        if schema.get("nullable") is True:
            out["nullable"] = True
        if isinstance(values := schema.get("enum"), list):
            return self._enum(schema, values, out)
        kind = schema.get("type") or _guessed(schema)
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            return {"type": "null"} if kind == "null" else self._anything(out)
        return self._typed(schema, kind.lower(), out)

    def _lose(self, what: str) -> None:
        self.lost[what] = None

    def _anything(self, out: dict[str, Any]) -> dict[str, Any]:
        """A value of any type: this form must name one."""
        self._lose("values of any type")
        return {"type": "string", **out}

    def _reference(self, reference: str, schema: dict[str, Any]) -> dict[str, Any]:
        found = resolved(self._root, reference)
        if reference in self._above or not isinstance(found, dict):
            self._lose("recursion" if reference in self._above else f"$ref {reference}")
            return {"type": "object", **_only(schema, ("description",))}
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        self._above.append(reference)
        try:
            return self.node(found | beside)
        finally:
            self._above.pop()

    def _all_of(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The parts of `allOf` as one: properties and required names joined, of all else the last one said."""
        merged: dict[str, Any] = {}
        rest = {key: value for key, value in schema.items() if key != "allOf"}
        for part in [*schema["allOf"], rest]:
            seen: list[str] = []
            while isinstance(part, dict) and isinstance(part.get("$ref"), str):
                if part["$ref"] in self._above or part["$ref"] in seen:
                    self._lose("recursion")
                    part = {}  # noqa: PLW2901 - the part that it stands for
                    break
                seen.append(part["$ref"])
                beside = {key: value for key, value in part.items() if key != "$ref"}
                part = {**(resolved(self._root, part["$ref"]) or {}), **beside}  # noqa: PLW2901
            if not isinstance(part, dict):
                continue
            if isinstance(part.get("allOf"), list):
                part = self._all_of(part)  # noqa: PLW2901
            for key, value in part.items():
                if key == "properties" and isinstance(value, dict):
                    merged[key] = {**merged.get(key, {}), **value}
                elif key == "required" and isinstance(value, list):
                    merged[key] = list(dict.fromkeys([*merged.get(key, []), *value]))
                else:
                    merged[key] = value
        return merged

    def _any_of(self, schema: dict[str, Any], name: str, branches: list[Any]) -> dict[str, Any]:
        """A union. The wire wants nothing beside `anyOf`, so what stands there goes into its branches."""
        rest = {key: value for key, value in schema.items() if key != name}
        nullable = rest.pop("nullable", False) is True or any(_is_null(branch) for branch in branches)
        branches = [branch for branch in branches if not _is_null(branch)]
        said = _only(rest, ("description",))
        if rest.keys() & {"properties", "items", "enum", "$ref", "anyOf", "oneOf", "const"}:
            self._lose(f"{name} beside other keywords")
            out = self.node(rest)
            return out | {"nullable": True} if nullable else out
        if len(branches) == 1:
            out = self.node({**branches[0], **said} if isinstance(branches[0], dict) else branches[0])
            return out | {"nullable": True} if nullable else out
        if not branches:
            return {"type": "null", **said}
        typed = _only(rest, ("type",)) if isinstance(rest.get("type"), str) else {}
        nodes = [self.node({**typed, **branch} if isinstance(branch, dict) else branch) for branch in branches]
        if len(kept := _distinct(nodes)) == 1:
            return kept[0] | said | ({"nullable": True} if nullable else {})
        return {"anyOf": [_told(node, said) | ({"nullable": True} if nullable else {}) for node in kept]}

    def _type_list(self, schema: dict[str, Any], kinds: list[Any]) -> dict[str, Any]:
        rest = {key: value for key, value in schema.items() if key != "type"}
        named = [kind for kind in kinds if kind != "null"]
        if "null" in kinds:
            rest["nullable"] = True
        if len(named) == 1:
            return self.node({**rest, "type": named[0]})
        if not named:
            return {"type": "null"}
        said = _only(rest, ("description", "nullable"))
        return self.node({"anyOf": [{**_of_type(rest, kind), "type": kind} for kind in named], **said})

    def _enum(self, schema: dict[str, Any], values: list[Any], out: dict[str, Any]) -> dict[str, Any]:
        """The wire has enums of texts. Numbers keep their type, since a function that wants 1 refuses "1"."""
        if None in values:
            out["nullable"] = True
            values = [value for value in values if value is not None]
        if not values:
            return {"type": "null"}
        if all(isinstance(value, str) for value in values):
            return {"type": "string", **out, "enum": values}
        if all(isinstance(value, int | float) for value in values):
            words = ", ".join(f"{value}".lower() for value in values)
            self._lose("an enum of numbers or booleans")
            if all(isinstance(value, bool) for value in values):
                kind = "boolean"
            else:
                kind = "integer" if all(isinstance(value, int) for value in values) else "number"
            said = f"{schema.get('description') or ''} One of: {words}.".strip()
            return {"type": kind, **out, "description": said}
        self._lose("an enum of several types")
        return {"type": "string", **out, "enum": [value if isinstance(value, str) else f"{value}" for value in values]}

    def _typed(self, schema: dict[str, Any], kind: str, out: dict[str, Any]) -> dict[str, Any]:
        out = {"type": kind, **out}
        if schema.get("format") in _FORMATS.get(kind, ()):
            out["format"] = schema["format"]
        match kind:
            case "object":
                self._object(schema, out)
            case "array":
                self._array(schema, out)
            case "number" | "integer":
                for exclusive, inclusive, step in _EXCLUSIVE:
                    bound = schema.get(exclusive)
                    if isinstance(bound, int | float) and not isinstance(bound, bool):
                        out.setdefault(inclusive, bound + step if kind == "integer" else bound)
        return out

    def _object(self, schema: dict[str, Any], out: dict[str, Any]) -> None:
        properties = schema.get("properties")
        more = schema.get("additionalProperties")
        if isinstance(more, dict) and more:
            self._lose("additionalProperties")
        if not isinstance(properties, dict) or not properties:
            if more is not False and schema is not self._root and "additionalProperties" not in self.lost:
                self._lose("an object of any properties")
            return
        out["properties"] = {str(name): self.node(value) for name, value in properties.items()}
        listed = schema.get("required")
        required = [name for name in (listed if isinstance(listed, list) else ()) if name in properties]
        if required:
            out["required"] = required
        if isinstance(order := schema.get("propertyOrdering"), list):
            out["propertyOrdering"] = order
        elif self._ordered:
            out["propertyOrdering"] = list(out["properties"])

    def _array(self, schema: dict[str, Any], out: dict[str, Any]) -> None:
        """`items` must be there, and one schema for all of them."""
        items = schema.get("items")
        places = schema.get("prefixItems") or (items if isinstance(items, list) else None)
        if places:
            self._lose("a tuple")
            nodes = _distinct([self.node(place) for place in places])
            out["items"] = nodes[0] if len(nodes) == 1 else {"anyOf": nodes}
            if not isinstance(items, dict):
                out.setdefault("minItems", len(places))
                out.setdefault("maxItems", len(places))
            return
        out["items"] = self.node(items if isinstance(items, dict) and items else True)


def _told(node: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """A branch with what is said of its union, before what is said of itself."""
    words = [word for word in (said.get("description"), node.get("description")) if word]
    return {**node, "description": "\n".join(dict.fromkeys(words))} if words else node


def _guessed(schema: dict[str, Any]) -> str | None:
    """The type that a schema does not name but means."""
    if "properties" in schema or "additionalProperties" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else None


def _of_type(schema: dict[str, Any], kind: str) -> dict[str, Any]:
    """What of a node with several types concerns one of them."""
    others = {
        "object": ("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
        "array": ("items", "prefixItems", "minItems", "maxItems"),
        "string": ("pattern", "minLength", "maxLength", "format"),
    }
    foreign = {"description", "nullable"} | {name for other, names in others.items() if other != kind for name in names}
    return {key: value for key, value in schema.items() if key not in foreign}


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and (
        schema.get("type") in ("null", ["null"]) or ("const" in schema and schema["const"] is None)
    )


def _distinct(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [node for number, node in enumerate(nodes) if node not in nodes[:number]]
