"""with_structured_output by its three methods, and what it does when the model does not comply."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from langchain_core import exceptions
from langchain_core.exceptions import OutputParserException
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from langchain_tikhub import ConfigurationError
from tests.unit.langchain.support import REFUSAL, ScriptedChat
from tikhub_ai import TextDelta, ToolCallDelta, ToolChoice


class Person(BaseModel):
    """A person."""

    name: str = Field(description="What they are called")
    age: int | None = None


class PersonDict(TypedDict):
    """A person."""

    name: str


SCHEMA = {
    "title": "Person",
    "description": "A person.",
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
}
SCHEMAS: list[Any] = [Person, PersonDict, SCHEMA]
SAID = '{"name": "Ann"}'


def by_text(**kwargs: Any) -> ScriptedChat:
    return ScriptedChat([TextDelta(SAID[:5], 0), TextDelta(SAID[5:], 0)], model="gpt-4o", **kwargs)


def by_tool(schema: Any = Person, **kwargs: Any) -> ScriptedChat:
    name = convert_to_json_schema(schema)["title"]
    return ScriptedChat([ToolCallDelta(SAID, 0, id="c", name=name)], **kwargs)


def name_of(person: Any) -> str:
    return str(person["name"] if isinstance(person, dict) else person.name)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_json_schema_asks_the_provider_to_hold_the_form(schema: Any) -> None:
    llm = by_text()
    assert name_of(llm.with_structured_output(schema, method="json_schema", strict=True).invoke("hi")) == "Ann"
    form = llm.request.response_format
    assert form is not None
    assert form.type == "json_schema"
    assert form.strict is True
    assert form.schema is not None
    assert form.schema["properties"]["name"]["type"] == "string"
    assert not llm.request.extra_body


@pytest.mark.parametrize("schema", SCHEMAS)
def test_function_calling_forces_the_one_tool(schema: Any) -> None:
    llm = by_tool(schema)
    assert name_of(llm.with_structured_output(schema, method="function_calling").invoke("hi")) == "Ann"
    (tool,) = llm.request.tools
    assert llm.request.tool_choice == ToolChoice("tool", tool.name)
    assert not llm.request.extra_body


def test_json_mode_asks_for_any_object() -> None:
    llm = by_text()
    assert llm.with_structured_output(Person, method="json_mode").invoke("hi") == Person(name="Ann")
    assert llm.with_structured_output(method="json_mode").invoke("hi") == {"name": "Ann"}
    assert llm.request.response_format is not None
    assert llm.request.response_format.type == "json_object"


def test_the_default_is_what_the_model_is_known_to_do() -> None:
    knows = by_text()
    knows.with_structured_output(Person).invoke("hi")
    assert knows.request.response_format is not None
    other = by_tool(model="nobody-knows-it")
    other.with_structured_output(Person).invoke("hi")
    assert other.request.response_format is None
    assert other.request.tools


def test_a_model_that_cannot_be_forced_is_asked_and_told_what_to_do_where_it_does_not() -> None:
    llm = ScriptedChat([TextDelta("I would say Ann.", 0)], model="deepseek-reasoner")
    structured = llm.with_structured_output(Person, method="function_calling")
    with pytest.raises(OutputParserException, match="json_mode") as caught:
        structured.invoke("hi")
    assert "I would say Ann." in str(caught.value)
    assert llm.request.tool_choice == ToolChoice("auto")


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_raw_answers_come_with_what_was_made_of_them(method: Any) -> None:
    good = (by_text() if method == "json_schema" else by_tool()).with_structured_output(
        Person, method=method, include_raw=True
    )
    answer = good.invoke("hi")
    assert answer["parsed"] == Person(name="Ann")
    assert answer["parsing_error"] is None
    bad = ScriptedChat().with_structured_output(Person, method=method, include_raw=True).invoke("hi")
    assert bad["parsed"] is None
    assert bad["raw"].text == "Hello, world"
    assert isinstance(bad["parsing_error"], OutputParserException)


REFUSED = [
    (schema, method)
    for schema in SCHEMAS
    for method in ("json_schema", "function_calling", "json_mode")
    if not (method == "json_mode" and schema is not Person)
]


@pytest.mark.parametrize(("schema", "method"), [*REFUSED, (None, "json_mode")])
def test_a_refusal_is_said_to_be_one(schema: Any, method: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In our words, so that it is ours: LangChain's own parsers look for refusals only from langchain-core 1.7.5 on."""
    structured = ScriptedChat(REFUSAL).with_structured_output(schema, method=method)
    refusal_error = getattr(exceptions, "ModelRefusalError", OutputParserException)
    # The parsers' own error says where to read of it, too.
    with pytest.raises(refusal_error, match=r"^The model refused: I cannot\.(\nFor troubleshooting.*)?$") as caught:
        structured.invoke("hi")
    if refusal_error is not OutputParserException:
        assert caught.value.raw_message.additional_kwargs["refusal"] == "I cannot."
        monkeypatch.delattr(exceptions, "ModelRefusalError")
    with pytest.raises(OutputParserException, match=r"^The model refused: I cannot\.") as caught:
        structured.invoke("hi")
    assert caught.value.llm_output == "I cannot."


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'magic' is not known"):
        ScriptedChat().with_structured_output(Person, method="magic")  # type: ignore[arg-type]  # the point
    with pytest.raises(ConfigurationError, match="needs a schema"):
        ScriptedChat().with_structured_output(method="json_schema")


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
async def test_structured_answers_stream(method: Any) -> None:
    llm = by_text() if method == "json_schema" else by_tool(SCHEMA)
    structured = llm.with_structured_output(SCHEMA, method=method)
    assert list(structured.stream("hi"))[-1] == {"name": "Ann"}
    assert [part async for part in structured.astream("hi")][-1] == {"name": "Ann"}


def test_tracers_are_told_the_schema_and_the_wire_is_not() -> None:
    from langchain_core.callbacks import BaseCallbackHandler

    options: list[Any] = []

    class Options(BaseCallbackHandler):
        def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
            options.append(kwargs["options"])

    for method in ("json_schema", "function_calling", "json_mode"):
        llm = by_tool() if method == "function_calling" else by_text()
        structured = llm.with_structured_output(Person, method=method)
        structured.invoke("hi", config={"callbacks": [Options()]})
        assert options[-1]["ls_structured_output_format"]["schema"] == convert_to_json_schema(Person)
        assert options[-1]["ls_structured_output_format"]["kwargs"]["method"] == method


def test_no_warning_is_given_for_ordinary_use() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_tool().with_structured_output(Person, method="function_calling").invoke("hi")
