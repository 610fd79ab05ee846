"""LangChain users' work."""

from __future__ import annotations

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from pydantic import BaseModel

from langchain_tikhub import ChatTikHub, TikHubEmbeddings
from tests.scenarios import Connection, get_weather, scenario
from tests.scenarios.thinking import OSLO, THINKING, check_turn, sent_by

QUESTION = "What is the weather in Paris?"


def model_of(at: Connection, **more: object) -> ChatTikHub:
    return ChatTikHub(**at.chat_settings(**{"max_tokens": 48} | more))


def check_answer(at: Connection, message: AIMessage) -> None:
    assert isinstance(message.content, str)
    assert message.content
    if at.counts_streams or not isinstance(message, AIMessageChunk):
        assert message.usage_metadata is not None
        assert message.usage_metadata["output_tokens"] > 0
    assert message.response_metadata["model_provider"] == "tikhub"
    assert message.response_metadata["api"] == at.api
    assert message.response_metadata["model_name"]
    assert message.response_metadata["finish_reason"] in {"stop", "length"}


def check_call(message: AIMessage) -> None:
    assert [(call["name"], call["args"]) for call in message.tool_calls] == [("get_weather", {"city": "Paris"})]
    assert message.tool_calls[0]["id"]


def sum_of(at: Connection, streamed: list[AIMessage], least: int = 3) -> AIMessageChunk:
    chunks = [chunk for chunk in streamed if isinstance(chunk, AIMessageChunk)]
    assert len(chunks) == len(streamed) >= least
    assert chunks[-1].chunk_position == "last"
    assert sum(chunk.usage_metadata is not None for chunk in chunks) == at.counts_streams
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    return whole


@scenario()
def invoke(at: Connection) -> None:
    check_answer(at, model_of(at).invoke("Say hello."))


@scenario()
async def ainvoke(at: Connection) -> None:
    check_answer(at, await model_of(at).ainvoke("Say hello."))


@scenario()
def stream(at: Connection) -> None:
    check_answer(at, sum_of(at, list(model_of(at).stream("Say hello."))))


@scenario()
async def astream(at: Connection) -> None:
    check_answer(at, sum_of(at, [chunk async for chunk in model_of(at).astream("Say hello.")]))


@scenario()
def tool_call(at: Connection) -> None:
    model = model_of(at).bind_tools([get_weather])
    called = model.invoke(QUESTION)
    check_call(called)
    result = ToolMessage(get_weather("Paris"), tool_call_id=called.tool_calls[0]["id"])
    assert isinstance(model.invoke([HumanMessage(QUESTION), called, result]), AIMessage)


@scenario()
def tool_call_streamed(at: Connection) -> None:
    # Gemini's calls come whole.
    check_call(sum_of(at, list(model_of(at).bind_tools([get_weather]).stream(QUESTION)), least=2))


@scenario()
def structured_output(at: Connection) -> None:
    class Colour(BaseModel):
        """A colour."""

        name: str

    found = model_of(at).with_structured_output(Colour, method="json_schema").invoke("Name a colour, as JSON.")
    assert isinstance(found, Colour)


@scenario(scripted=True)
def structured_output_by_a_tool(at: Connection) -> None:
    class Colour(BaseModel):
        """A colour."""

        name: str

    model = model_of(at).with_structured_output(Colour, method="function_calling")
    assert model.invoke("Name a colour.") == list(model.stream("Name a colour."))[-1] == Colour(name="red")


@scenario()
def agent(at: Connection) -> None:
    agent = create_agent(model_of(at), tools=[get_weather])
    messages = agent.invoke({"messages": [HumanMessage(QUESTION)]}, {"recursion_limit": 6})["messages"]
    check_call(messages[1])
    assert isinstance(messages[2], ToolMessage)
    assert messages[2].content == get_weather("Paris")
    assert isinstance(messages[-1], AIMessage)
    assert not messages[-1].tool_calls


@scenario(scripted=True)
def parallel_tool_calls(at: Connection) -> None:
    model = model_of(at).bind_tools([get_weather])
    for message in (
        model.invoke("weather in Paris and Tokyo"),
        sum_of(at, list(model.stream("weather in Paris and Tokyo"))),
    ):
        assert [call["args"] for call in message.tool_calls] == [{"city": "Paris"}, {"city": "Tokyo"}]
        assert len({call["id"] for call in message.tool_calls}) == 2


@scenario(scripted=True, thinks=True)
def reasoning(at: Connection) -> None:
    for message in (model_of(at).invoke("hello"), sum_of(at, list(model_of(at).stream("hello")))):
        assert [block["type"] for block in message.content_blocks] == ["reasoning", "text"]


@scenario(scripted=True, thinks=True, on=THINKING)
def thoughts_go_back_as_they_came(at: Connection) -> None:
    with sent_by() as (client, bodies):
        model = model_of(at, temperature=None, max_tokens=2048, http_client=client, **THINKING[at.api])
        model_with_tools = model.bind_tools([get_weather])
        for called in (
            model_with_tools.invoke(OSLO),
            sum_of(at, list(model_with_tools.stream(OSLO))),
        ):
            kinds = [block["type"] for block in called.content_blocks]
            assert kinds[-3:] == ["reasoning", "text", "tool_call"]
            result = ToolMessage(get_weather("Oslo"), tool_call_id=called.tool_calls[0]["id"])
            assert model_with_tools.invoke([HumanMessage(OSLO), called, result]).content
            check_turn(at.api, bodies[-1])


@scenario(on=["embeddings"])
def embeddings(at: Connection) -> None:
    model = TikHubEmbeddings(**at.settings())
    cat, kitten, invoice = model.embed_documents(["a cat", "a kitten", "an unpaid invoice"])
    assert len(cat) == at.dimensions
    query = model.embed_query("a small cat")
    assert similarity(query, kitten) > similarity(query, invoice)


@scenario(on=["embeddings"])
async def embeddings_async(at: Connection) -> None:
    model = TikHubEmbeddings(**at.settings(batch_size=1))
    one, two = await model.aembed_documents(["a cat", "a dog"])
    assert await model.aembed_query("a cat") == pytest.approx(one, abs=1e-4)
    assert one != two


def similarity(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
