"""No way to ask for a class, in either framework, on any API, forbids what the class allows or lets go what it says.

Where a provider's grammar holds the schema, it is sent so; where it cannot, the class is a tool; where neither can say
all of it, a warning names the field.
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

import httpx
import jsonschema
import pytest
from langchain_core.tools import StructuredTool
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, Field

from langchain_tikhub import ChatTikHub
from llama_index_tikhub import TikHub
from tikhub_ai import TikHubAIWarning
from tikhub_ai.apis.messages.schemas import unheld
from tikhub_ai.strict_schemas import strict_schema

T = TypeVar("T")


class Plain(BaseModel):
    """Where and how often."""

    city: str
    days: int = Field(default=1, ge=1, le=14)


class Scores(BaseModel):
    scores: dict[str, int]


class Free(BaseModel):
    inner: dict[str, Any]
    anything: Any = None


class Deep(BaseModel):
    rows: list[dict[str, list[Plain]]]


class Pair(BaseModel):
    place: tuple[float, int]


class Tree(BaseModel):
    """A tree."""

    name: str
    children: list[Tree] = Field(default=[], description="Its branches")


class Forest(BaseModel):
    first: Tree = Field(description="The tree to begin with")
    rest: list[Tree] = []


class Left(BaseModel):
    right: Right | None = None
    number: int


class Right(BaseModel):
    left: Left | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str] = []


class Owner(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


class Page(BaseModel, Generic[T]):
    items: list[T]


class Case(NamedTuple):
    """A class, what it allows, and what it does not: of the latter, a provider that forbids it holds the schema."""

    of: type[BaseModel]
    good: dict[str, Any]
    bad: dict[str, Any] | None


CASES = [
    Case(Plain, {"city": "Paris", "days": 2}, {"city": 1, "days": 2}),
    Case(Scores, {"scores": {"a": 1, "b": 2}}, {"scores": {"a": "x"}}),
    Case(Free, {"inner": {"a": [1]}, "anything": {"b": 1}}, {"inner": 3, "anything": 1}),
    Case(Deep, {"rows": [{"a": [{"city": "Paris", "days": 1}]}]}, {"rows": [{"a": [{"city": 1, "days": 1}]}]}),
    Case(Pair, {"place": [1.5, 2]}, {"place": [1.5, "x"]}),
    Case(
        Tree,
        {"name": "a", "children": [{"name": "b", "children": [{"name": "c", "children": []}]}]},
        {"name": "a", "children": [{"name": "b", "children": [{"name": 1, "children": []}]}]},
    ),
    Case(
        Forest,
        {"first": {"name": "a", "children": [{"name": "b", "children": []}]}, "rest": []},
        {"first": {"name": "a", "children": [{"name": 1, "children": []}]}, "rest": []},
    ),
    Case(
        Left,
        {"right": {"left": {"right": None, "number": 1}}, "number": 2},
        {"right": {"left": {"right": None, "number": "x"}}, "number": 2},
    ),
    Case(Owner, {"pet": {"kind": "dog", "tricks": ["sit"]}}, {"pet": {"kind": "cow", "tricks": []}}),
    Case(Page[Scores], {"items": [{"scores": {"a": 1}}]}, {"items": [{"scores": 1}]}),
]

# --- the ways -------------------------------------------------------------------------------------------------------


def lc(model: str, **kwargs: Any) -> Any:
    return ChatTikHub(model=model, **kwargs)


def function_of(cls: Any) -> Any:
    def keep(value: Any) -> str:
        """Keep it."""
        return str(value)

    keep.__annotations__["value"] = cls
    return keep


def agents_form(cls: type[BaseModel], *, strict: bool | None = None) -> dict[str, Any]:
    """As `create_agent(response_format=)` binds it."""
    said = {} if strict is None else {"strict": strict}
    return {"type": "json_schema", "json_schema": {"name": "It", "schema": cls.model_json_schema(), **said}}


WAYS: dict[str, Any] = {
    "langchain structured": lambda llm, cls: lc(**llm).with_structured_output(cls).invoke("hi"),
    "langchain json_schema strict": lambda llm, cls: (
        lc(**llm).with_structured_output(cls, method="json_schema", strict=True).invoke("hi")
    ),
    "langchain tool": lambda llm, cls: lc(**llm).with_structured_output(cls, method="function_calling").invoke("hi"),
    "langchain tool strict": lambda llm, cls: (
        lc(**llm).with_structured_output(cls, method="function_calling", strict=True).invoke("hi")
    ),
    "langchain response_format": lambda llm, cls: lc(**llm).invoke("hi", response_format=cls),
    "langchain agent": lambda llm, cls: lc(**llm).bind(response_format=agents_form(cls)).invoke("hi"),
    "langchain agent strict": lambda llm, cls: (
        lc(**llm).bind(response_format=agents_form(cls, strict=True)).invoke("hi")
    ),
    "langchain class": lambda llm, cls: lc(**llm).bind_tools([cls]).invoke("hi"),
    "langchain class strict": lambda llm, cls: lc(**llm).bind_tools([cls], strict=True).invoke("hi"),
    "langchain function": lambda llm, cls: lc(**llm).bind_tools([function_of(cls)]).invoke("hi"),
    "langchain tool object": lambda llm, cls: (
        lc(**llm).bind_tools([StructuredTool.from_function(function_of(cls), name="keep")], strict=True).invoke("hi")
    ),
    "langchain tool of a schema": lambda llm, cls: (
        lc(**llm)
        .bind_tools(
            [StructuredTool(name="keep", description="d", func=print, args_schema=cls.model_json_schema())]  # as of MCP
        )
        .invoke("hi")
    ),
    "llamaindex structured": lambda llm, cls: TikHub(**llm).structured_predict(cls, PromptTemplate("hi")),
    "llamaindex tool": lambda llm, cls: TikHub(**llm).chat_with_tools(
        [FunctionTool.from_defaults(print, name="keep", description="d", fn_schema=cls)], "hi"
    ),
    "llamaindex tool strict": lambda llm, cls: TikHub(**llm, strict=True).chat_with_tools(
        [FunctionTool.from_defaults(print, name="keep", description="d", fn_schema=cls)], "hi"
    ),
}
MODELS = [
    ("chat_completions", "gpt-4o"),
    ("responses", "gpt-5"),
    ("messages", "claude-sonnet-4-5"),
    ("messages", "claude-3-5-haiku-20241022"),
    ("generate_content", "gemini-2.5-flash"),
    ("generate_content", "gemini-2.0-flash"),
]


class Asked(NamedTuple):
    """What was sent of a schema."""

    schema: dict[str, Any]
    strict: bool
    is_format: bool
    warned: list[str]


def ask(way: str, api: str, model: str, cls: type[BaseModel]) -> Asked:
    import json

    bodies: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(400, json={"error": {"message": "seen", "type": "invalid_request_error"}})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    llm = {"model": model, "api": api, "api_key": "sk", "base_url": "http://gateway.test", "max_retries": 0}
    with warnings.catch_warnings(record=True) as caught, suppress(Exception):
        warnings.simplefilter("always")
        WAYS[way](llm | {"http_client": client}, cls)
    (body,) = bodies
    warned = [str(one.message) for one in caught if issubclass(one.category, TikHubAIWarning)]
    return Asked(*found_in(body), warned)


def found_in(body: dict[str, Any]) -> tuple[dict[str, Any], bool, bool]:
    """The schema in a body, whether it is strict, and whether it is the form of the answer's text."""
    config = body.get("generationConfig", {})
    formats = [
        body.get("response_format", {}).get("json_schema"),
        body.get("text", {}).get("format"),
        body.get("output_config", {}).get("format"),
        {"schema": config["responseJsonSchema"]} if "responseJsonSchema" in config else None,
        {"schema": of_google(config["responseSchema"])} if "responseSchema" in config else None,
    ]
    for found in filter(None, formats):
        return found["schema"], bool(found.get("strict")), True
    (tool,) = body["tools"]
    tool = (tool.get("functionDeclarations") or [tool])[0]
    tool = tool.get("function") or tool
    if tool.get("parametersJsonSchema") is None and "functionDeclarations" in body["tools"][0]:
        return of_google(tool.get("parameters", {"type": "object"})), False, False
    schema = tool.get("parameters") or tool.get("input_schema") or tool.get("parametersJsonSchema")
    return schema, bool(tool.get("strict")), False


def of_google(schema: Any) -> Any:
    """Google's `Schema` as JSON Schema."""
    if isinstance(schema, list):
        return [of_google(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: of_google(value) for key, value in schema.items() if key != "nullable"}
    return {"anyOf": [out, {"type": "null"}]} if schema.get("nullable") is True else out


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("api", "model"), MODELS, ids=[model for _, model in MODELS])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.of.__name__)
def test_what_is_sent_allows_and_forbids_what_the_class_does(case: Case, api: str, model: str, way: str) -> None:
    asked = ask(way, api, model, case.of)
    takes_one = way in {"langchain function", "langchain tool object"}
    good, bad = ({"value": value} if takes_one else value for value in (case.good, case.bad))
    validator = jsonschema.Draft202012Validator(asked.schema)
    if loosened := [told for told in asked.warned if "cannot say all" in told or "follow a schema without" in told]:
        assert api == "generate_content"
        assert model == "gemini-2.0-flash"  # whose functions have a form without maps, tuples and references
        assert not asked.is_format
        assert any(field in " ".join(loosened) for field in ("recursion", "additionalProperties", "tuple", "values"))
        return
    assert validator.is_valid(good), [error.message for error in validator.iter_errors(good)]
    assert not validator.is_valid(bad)
    if asked.strict and api in {"chat_completions", "responses"}:
        assert strict_schema(asked.schema) == asked.schema
    elif "strict" in way and api in {"chat_completions", "responses"}:
        assert any("is not strict" in told for told in asked.warned) or "llamaindex" in way
    if api == "messages" and (asked.is_format or asked.strict):
        assert unheld(asked.schema) is None
        assert "minimum" not in str(asked.schema).replace("minimum: ", "")
