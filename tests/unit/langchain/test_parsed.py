"""`response_format` with a plain call: the object stands in `additional_kwargs["parsed"]`, checked, however it came."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pydantic.v1
import pytest
from pydantic import BaseModel, field_validator
from typing_extensions import TypedDict

from langchain_tikhub import ChatTikHub
from tests.unit.langchain.support import ScriptedChat, summed
from tikhub_ai import (
    ChatRequest,
    InvalidResponseError,
    Message,
    ResponseFormat,
    Text,
    TextDelta,
    TikHubAIWarning,
    Tool,
    ToolCallDelta,
)
from tikhub_ai.apis import chat_completions
from tikhub_ai.catalog import facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.messages import AIMessage, AIMessageChunk

pytestmark = pytest.mark.filterwarnings("ignore:.*is in beta:langchain_core._api.LangChainBetaWarning")


class City(BaseModel):
    """A city."""

    name: str
    people: int
    big: bool = False
    height: float | None = None

    @field_validator("people")
    @classmethod
    def _some(cls, people: int) -> int:
        if people < 0:
            raise ValueError("nobody lives there")
        return people


class OldCity(pydantic.v1.BaseModel):
    """A city."""

    name: str
    people: int


class CityDict(TypedDict):
    """A city."""

    name: str
    people: int


PARIS: dict[str, Any] = {"name": "Paris", "people": 2_100_000, "big": True, "height": 35.5}
FORMS: dict[str, tuple[Any, Any]] = {
    "class": (City, City(**PARIS)),
    "class of pydantic 1": (OldCity, OldCity(name="Paris", people=2_100_000)),
    "TypedDict": (CityDict, PARIS),
    "JSON Schema": (City.model_json_schema(), PARIS),
    "OpenAI's dict": (
        {"type": "json_schema", "json_schema": {"name": "City", "schema": City.model_json_schema()}},
        PARIS,
    ),
}


def saying(text: str) -> ScriptedChat:
    half = len(text) // 2
    return ScriptedChat([TextDelta(text[:half], 0), TextDelta(text[half:], 0)])


def ways(llm: ScriptedChat, form: Any) -> dict[str, AIMessage]:
    async def streamed() -> AIMessageChunk:
        return summed([chunk async for chunk in llm.astream("hi", response_format=form)])

    return {
        "invoke": llm.invoke("hi", response_format=form),
        "bound": llm.bind(response_format=form).invoke("hi"),
        "ainvoke": asyncio.run(llm.ainvoke("hi", response_format=form)),
        "stream": summed(llm.stream("hi", response_format=form)),
        "astream": asyncio.run(streamed()),
        "v3": llm.stream_events("hi", version="v3", response_format=form).output,
    }


@pytest.mark.parametrize("form", FORMS)
def test_the_object_is_there_by_every_way(form: str) -> None:
    given, wanted = FORMS[form]
    for way, message in ways(saying(json.dumps(PARIS)), given).items():
        assert message.additional_kwargs["parsed"] == wanted, way
        assert type(message.additional_kwargs["parsed"]) is type(wanted)
        assert message.text == json.dumps(PARIS)


def test_what_is_none_of_the_class_is_an_error_that_holds_the_answer() -> None:
    llm = saying(json.dumps(PARIS | {"people": -1}))
    calls: list[Callable[[], Any]] = [
        lambda: llm.invoke("hi", response_format=City),
        lambda: list(llm.stream("hi", response_format=City)),
        lambda: llm.stream_events("hi", version="v3", response_format=City).output,
    ]
    for call in calls:
        with pytest.raises(InvalidResponseError, match="no City: 1 validation error") as raised:
            call()
        assert '"people": -1' in raised.value.partial.text


@pytest.mark.parametrize("text", ["", "Paris.", '{"name": "Par'])
def test_what_is_no_json_is_not_parsed(text: str) -> None:
    for message in ways(saying(text), City).values():
        assert "parsed" not in message.additional_kwargs
    assert "parsed" not in saying(json.dumps(PARIS)).invoke("hi").additional_kwargs


def test_a_call_is_no_object() -> None:
    call = ToolCallDelta("{}", 1, id="c1", name="f")
    message = ScriptedChat([TextDelta("{}", 0), call]).invoke("hi", response_format=City)
    assert "parsed" not in message.additional_kwargs


def test_a_message_with_an_object_is_sent_back_as_its_text() -> None:
    llm = saying(json.dumps(PARIS))
    answer = llm.invoke("hi", response_format=City)
    llm.invoke([("user", "hi"), answer, ("user", "And?")])
    assert [part.text for part in llm.request.messages[1].parts if isinstance(part, Text)] == [json.dumps(PARIS)]


def test_a_class_of_pydantic_1_is_asked_for_by_a_tool() -> None:
    llm = ScriptedChat([ToolCallDelta('{"name": "Paris", "people": 1}', 0, id="c1", name="OldCity")], model="gpt-5")
    assert llm.with_structured_output(OldCity).invoke("hi") == OldCity(name="Paris", people=1)
    assert llm.request.response_format is None
    assert [tool.name for tool in llm.request.tools] == ["OldCity"]
    assert llm.request.parallel_tool_calls is False


# --- tools beside an exact answer -----------------------------------------------------------------------------------

CLOSED = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FREE = {"type": "object", "properties": {"tags": {"type": "object", "additionalProperties": {"type": "string"}}}}


def tools_of(*tools: Tool, strict: bool | None = True, model: str = "gpt-4o") -> list[Any]:
    form = ResponseFormat("json_schema", City.model_json_schema(), "City", strict=strict)
    request = ChatRequest(model, [Message("user", [Text("hi")])], [*tools], response_format=form)
    body = chat_completions.encode(request, facts(model), stream=False).body
    return [tool["function"].get("strict") for tool in body["tools"]]


def test_functions_beside_an_exact_answer_of_gpt_are_strict_where_they_can_be() -> None:
    tools = (
        Tool("f", parameters=CLOSED),
        Tool("g", parameters=FREE),
        Tool("h"),
        Tool("i", parameters=CLOSED, strict=False),
    )
    assert tools_of(*tools) == [True, None, True, False]
    assert tools_of(*tools, strict=False) == [None, None, None, False]
    assert tools_of(*tools, model="grok-4") == [None, None, None, False]


def test_bind_tools_takes_both() -> None:
    def weather(city: str) -> str:
        """Weather of a city."""
        return city

    llm = ChatTikHub(model="gpt-4o", api="chat_completions", api_key="k")
    bound = llm.bind_tools([weather], response_format=City)
    request = llm._get_request_payload([("user", "hi")], **bound.kwargs)  # type: ignore[attr-defined]  # a binding's
    body = chat_completions.encode(request, facts("gpt-4o"), stream=False).body
    assert body["tools"][0]["function"]["strict"] is True
    assert body["tools"][0]["function"]["parameters"]["additionalProperties"] is False
    assert body["response_format"]["json_schema"]["strict"] is True


def test_a_class_of_pydantic_1_is_asked_for_by_a_tool_whatever_the_method() -> None:
    llm = ScriptedChat([ToolCallDelta('{"name": "Paris", "people": 1}', 0, id="c1", name="OldCity")], model="gpt-5")
    with pytest.warns(TikHubAIWarning, match="OldCity is of pydantic.v1"):
        bound = llm.with_structured_output(OldCity, method="json_schema")
    assert bound.invoke("hi") == OldCity(name="Paris", people=1)
