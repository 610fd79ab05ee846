"""JSON Schema as Gemini takes it: Google's `Schema`, or JSON Schema itself without what the wire stumbles over."""

from __future__ import annotations

import copy
from enum import Enum
from typing import Any, Literal

import pytest
from google.genai import types
from pydantic import BaseModel, Field, TypeAdapter

from tikhub_ai.apis.generate_content.schemas import converted, inlined

SCHEMA = TypeAdapter(types.Schema)


def lossless(schema: dict[str, Any]) -> dict[str, Any]:
    found, lost = converted(schema)
    assert lost == []
    assert_of_google(found)
    return found


def lossy(schema: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    found, lost = converted(schema)
    assert lost
    assert_of_google(found)
    return found, lost


def assert_of_google(schema: dict[str, Any]) -> None:
    SCHEMA.validate_python(schema)
    assert_plain(schema)


def assert_plain(schema: dict[str, Any]) -> None:
    """What Google's types let pass and its servers do not."""
    assert not schema.keys() & {"$ref", "ref", "$defs", "additionalProperties", "oneOf", "allOf", "const", "title"}
    if "anyOf" in schema:
        assert schema.keys() <= {"anyOf"} | {"description", "nullable"}
    else:
        assert "type" in schema
    if schema.get("type") == "array":
        assert "items" in schema
    assert set(schema.get("required", ())) <= schema.get("properties", {}).keys()
    for node in [
        *schema.get("properties", {}).values(),
        *schema.get("anyOf", ()),
        *filter(None, [schema.get("items")]),
    ]:
        assert_plain(node)


def of_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def property_of(schema: Any) -> dict[str, Any]:
    found: dict[str, Any] = lossless(of_object(x=schema))["properties"]["x"]
    return found


def test_a_plain_schema_stays_what_it_is() -> None:
    schema = of_object(city={"type": "string", "description": "Where"}, days={"type": "integer", "minimum": 1})
    schema["required"] = ["city"]
    assert lossless(schema) == schema


def test_the_callers_schema_is_not_changed() -> None:
    schema = of_object(a={"$ref": "#/$defs/A"}, b={"anyOf": [{"type": "string"}, {"type": "null"}]})
    schema["$defs"] = {"A": {"type": "object", "properties": {"c": {"const": "x"}}}}
    before = copy.deepcopy(schema)
    converted(schema)
    inlined(schema)
    assert schema == before


def test_references_are_replaced_by_what_they_refer_to_and_what_stands_beside_them_wins() -> None:
    schema = of_object(home={"$ref": "#/$defs/City", "description": "Where you live"}, work={"$ref": "#/$defs/City"})
    schema["$defs"] = {"City": {"type": "object", "description": "A city", "properties": {"name": {"type": "string"}}}}
    found = lossless(schema)["properties"]
    assert found["home"]["description"] == "Where you live"
    assert found["work"] == {
        "type": "object",
        "description": "A city",
        "properties": {"name": {"type": "string"}},
    }


def test_references_into_properties_are_followed_too() -> None:
    """As zod-to-json-schema writes them (DEEIX-Chat#546)."""
    schema = of_object(
        one={"type": "object", "properties": {"a": {"type": "string"}}},
        many={"type": "array", "items": {"$ref": "#/properties/one"}},
    )
    assert lossless(schema)["properties"]["many"]["items"] == schema["properties"]["one"]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string", "nullable": True}),
        ({"type": ["integer", "null"]}, {"type": "integer", "nullable": True}),
        ({"type": "string", "nullable": True}, {"type": "string", "nullable": True}),
        ({"const": "fixed"}, {"type": "string", "enum": ["fixed"]}),
        ({"enum": ["a", "b"]}, {"type": "string", "enum": ["a", "b"]}),
        ({"enum": ["a", None]}, {"type": "string", "enum": ["a"], "nullable": True}),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        ({"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 1}),
        ({"type": "integer", "exclusiveMaximum": 10}, {"type": "integer", "maximum": 9}),
        ({"type": "string", "format": "date-time"}, {"type": "string", "format": "date-time"}),
        ({"type": "string", "format": "uuid"}, {"type": "string"}),
        ({"type": "string", "title": "X", "default": "y", "examples": ["z"]}, {"type": "string"}),
        ({"properties": {"a": {"type": "string"}}}, of_object(a={"type": "string"})),
        ({"type": "object", "properties": {}, "additionalProperties": False}, {"type": "object"}),
        (
            {"allOf": [of_object(a={"type": "string"}), {**of_object(b={"type": "integer"}), "required": ["b"]}]},
            {**of_object(a={"type": "string"}, b={"type": "integer"}), "required": ["b"]},
        ),
        (
            {**of_object(a={"type": "string"}), "required": ["a", "gone"], "additionalProperties": False},
            {**of_object(a={"type": "string"}), "required": ["a"]},
        ),
    ],
)
def test_what_google_says_in_other_words_is_said_in_them(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert property_of(schema) == expected


def test_nothing_but_its_branches_stands_with_a_union() -> None:
    """Vertex: "When using any_of, it must be the only field set" (vercel/ai#19000)."""
    union = {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}], "description": "Which", "title": "T"}
    assert property_of(union) == {
        "anyOf": [
            {"type": "string", "description": "Which", "nullable": True},
            {"type": "integer", "description": "Which", "nullable": True},
        ]
    }


def test_a_node_of_several_types_gives_each_branch_what_concerns_it() -> None:
    """The shape of Dropbox's `move` (vercel/ai#19000)."""
    node = {"type": ["null", "object", "string"], "required": ["path"], "properties": {"path": {"type": "string"}}}
    assert property_of(node) == {
        "anyOf": [
            {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"], "nullable": True},
            {"type": "string", "nullable": True},
        ]
    }


def test_properties_that_are_called_like_keywords_are_properties() -> None:
    names = ("title", "default", "$ref", "const", "additionalProperties", "format", "anyOf", "type")
    schema = of_object(**{name: {"type": "string"} for name in names})
    assert lossless(schema) == schema
    assert inlined(schema) == schema


@pytest.mark.parametrize(
    ("schema", "lost"),
    [
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "additionalProperties"),
        ({"type": "object"}, "an object of any properties"),
        ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]}, "a tuple"),
        ({"type": "array", "items": [{"type": "string"}]}, "a tuple"),
        ({"enum": [1, 2]}, "an enum of numbers or booleans"),
        ({"enum": ["a", 1]}, "an enum of several types"),
        ({}, "values of any type"),
        (True, "values of any type"),
        ({"type": "array"}, "values of any type"),
        ({"type": "string", "not": {"const": "x"}}, "not"),
        ({"$ref": "https://example.com/schema.json"}, "$ref https://example.com/schema.json"),
        ({"$ref": "#/$defs/Gone"}, "$ref #/$defs/Gone"),
    ],
)
def test_what_google_cannot_say_is_named(schema: Any, lost: str) -> None:
    assert lost in lossy(of_object(x=schema))[1]


def test_numbers_of_an_enum_keep_their_type_and_are_told_in_words() -> None:
    """Google has enums of texts only, and a function that wants 1 refuses "1"."""
    found, _ = lossy(of_object(x={"enum": [1, 2], "description": "How many."}))
    assert found["properties"]["x"] == {"type": "integer", "description": "How many. One of: 1, 2."}


def test_a_recursion_ends() -> None:
    tree = of_object(root={"$ref": "#/$defs/Node"})
    tree["$defs"] = {
        "Node": of_object(name={"type": "string"}, children={"type": "array", "items": {"$ref": "#/$defs/Node"}})
    }
    found, lost = lossy(tree)
    assert lost == ["recursion"]
    assert found["properties"]["root"]["properties"]["children"]["items"] == {"type": "object"}


def test_a_recursion_through_all_of_ends() -> None:
    loop = {"$defs": {"A": {"allOf": [{"$ref": "#/$defs/A"}]}}, **of_object(a={"$ref": "#/$defs/A"})}
    assert "recursion" in lossy(loop)[1]


def test_as_json_schema_only_recursions_stay_references() -> None:
    tree = of_object(root={"$ref": "#/$defs/Node"}, where={"$ref": "#/$defs/City", "title": "Where", "default": None})
    tree["$defs"] = {
        "City": {"type": "string", "const": "Paris"},
        "Node": of_object(children={"type": "array", "items": {"$ref": "#/$defs/Node", "title": "Child"}}),
    }
    found = inlined(tree)
    assert found["properties"]["where"] == {"type": "string", "const": "Paris", "title": "Where", "default": None}
    assert found["properties"]["root"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}
    assert found["$defs"].keys() == {"Node"}


def test_references_that_multiply_are_sent_as_references() -> None:
    def pair(name: str) -> dict[str, Any]:
        return of_object(a={"$ref": f"#/$defs/{name}"}, b={"$ref": f"#/$defs/{name}"})

    schema = of_object(x={"$ref": "#/$defs/N0"})
    schema["$defs"] = {f"N{level}": pair(f"N{level + 1}") for level in range(40)} | {"N40": {"type": "string"}}
    assert inlined({"$schema": "https://json-schema.org", **schema}) == schema
    assert converted(schema)[1] == ["what is too large without references"]


def test_a_schema_that_is_its_own_root_stays_one() -> None:
    node = of_object(next={"$ref": "#"})
    found = inlined(node)
    assert found["properties"]["next"]["properties"]["next"] == {"$ref": "#/$defs/root"}
    assert found["$defs"]["root"]["type"] == "object"


def test_the_order_of_properties_is_said_where_asked() -> None:
    found, _ = converted({**of_object(b={"type": "string"}, a={"type": "string"})}, ordered=True)
    assert found["propertyOrdering"] == ["b", "a"]


class _Colour(Enum):
    RED = "red"
    BLUE = "blue"


class _Inner(BaseModel):
    kind: Literal["inner"] = "inner"
    colour: _Colour
    size: float | None = Field(default=None, gt=0)


class _Outer(BaseModel):
    """What a model of a typical tool holds."""

    name: str = Field(min_length=1, max_length=10, pattern="^[a-z]+$")
    inner: _Inner
    more: list[_Inner] = []
    either: _Inner | str = "x"
    maybe: list[int | None] | None = None


def test_a_pydantic_model_is_said_without_loss() -> None:
    found = lossless(_Outer.model_json_schema())
    assert found["required"] == ["name", "inner"]
    assert found["properties"]["inner"]["properties"]["colour"] == {"type": "string", "enum": ["red", "blue"]}
    assert found["properties"]["maybe"] == {
        "type": "array",
        "items": {"type": "integer", "nullable": True},
        "nullable": True,
    }
    assert [branch["type"] for branch in found["properties"]["either"]["anyOf"]] == ["object", "string"]
    assert "$ref" not in str(inlined(_Outer.model_json_schema()))


def test_what_is_said_of_a_union_and_of_its_branches_is_both_said() -> None:
    branches = [{"type": "string", "description": "A name"}, {"type": "integer"}]
    assert property_of({"anyOf": branches, "description": "Who"}) == {
        "anyOf": [{"type": "string", "description": "Who\nA name"}, {"type": "integer", "description": "Who"}]
    }
