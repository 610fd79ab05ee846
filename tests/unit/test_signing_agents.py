"""Agents of both frameworks against servers that check their signatures: nothing issued is lost, changed or moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware, PIIMiddleware
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool

from langchain_tikhub import ChatTikHub
from llama_index_tikhub import TikHub
from tests.signing import SERVERS, Call, Say, Signing, Step, Think

if TYPE_CHECKING:
    from tests.scripted_server import ScriptedServer

pytestmark = [
    pytest.mark.parametrize("signing", SERVERS, ids=lambda kind: kind.api),
    pytest.mark.filterwarnings("ignore:.*is in beta"),
]

THINKING = {"type": "enabled", "budget_tokens": 1024}


def script() -> list[Step]:
    """Two turns with tools: thoughts before, between and after calls, one of them hidden, and calls in parallel."""
    return [
        [Think("Two cities."), Say("I look it up."), Call("Paris"), Call("Lyon")],
        [Think("And one more."), Think("", hidden=True), Call("Nice")],
        [Think("Enough."), Say("Sunny in all of them.")],
        [Think("Again?"), Call("Brest")],
        [Say("Sunny there too.")],
    ]


def weather_of(city: str) -> str:
    """Tell the weather of a city."""
    return f"sunny in {city}"


weather = tool("weather")(weather_of)


def langchain_model(signing: type[Signing], server: ScriptedServer, **settings: Any) -> ChatTikHub:
    thinking = {"thinking": THINKING} if signing.api == "messages" else {}
    return ChatTikHub(model=signing.model, api=signing.api, api_key="sk-x", base_url=server.url, **thinking, **settings)


@pytest.mark.parametrize("output_version", [None, "v1"])
@pytest.mark.parametrize("streaming", [False, True])
def test_a_langchain_agent(
    signing: type[Signing], server: ScriptedServer, output_version: str | None, *, streaming: bool
) -> None:
    server.answer = provider = signing(*script())
    llm = langchain_model(signing, server, streaming=streaming, output_version=output_version)
    agent = create_agent(llm, [weather], checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    first = agent.invoke({"messages": [HumanMessage("weather?")]}, config)
    assert first["messages"][-1].text == "Sunny in all of them."
    second = agent.invoke({"messages": [HumanMessage("and Brest?")]}, config)
    assert second["messages"][-1].text == "Sunny there too."
    assert provider.refused == []
    assert len(provider.issued) == 5


async def test_a_langchain_agent_async_and_streamed(signing: type[Signing], server: ScriptedServer) -> None:
    server.answer = provider = signing(*script())
    agent = create_agent(langchain_model(signing, server), [weather], checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    for question in ("weather?", "and Brest?"):
        async for _ in agent.astream({"messages": [HumanMessage(question)]}, config, stream_mode="messages"):
            pass
    assert provider.refused == []
    assert len(provider.issued) == 5


def test_calls_that_a_human_edited(signing: type[Signing], server: ScriptedServer) -> None:
    server.answer = provider = signing(
        [Think("One city."), Say("I look it up."), Call("Paris")],
        [Think("Enough."), Say("Sunny.")],
        [Say("Again.")],
        edited=True,
    )
    agent = create_agent(
        langchain_model(signing, server),
        [weather],
        middleware=[HumanInTheLoopMiddleware(interrupt_on={"weather": True})],
        checkpointer=InMemorySaver(),
    )
    config: Any = {"configurable": {"thread_id": "1"}}
    agent.invoke({"messages": [HumanMessage("weather?")]}, config)
    edited = {"type": "edit", "edited_action": {"name": "weather", "args": {"city": "Lyon"}}}
    agent.invoke(Command(resume={"decisions": [edited]}), config)
    agent.invoke({"messages": [HumanMessage("and now?")]}, config)
    assert provider.refused == []
    assert "sunny in Lyon" in str(provider.bodies[-1])
    assert len(provider.issued) == 3


@pytest.mark.filterwarnings("ignore:The text of an answer was edited")
@pytest.mark.parametrize("strategy", ["redact", "mask"])
def test_words_that_a_middleware_redacted(
    signing: type[Signing], server: ScriptedServer, strategy: Literal["redact", "mask"]
) -> None:
    server.answer = provider = signing(
        [Think("A mail."), Say("I write to bob@mail.example."), Call("Paris")],
        [Think("Done."), Say("It went to bob@mail.example.")],
        [Say("Again.")],
        edited=True,
    )
    middleware = PIIMiddleware("email", strategy=strategy, apply_to_input=True, apply_to_output=True)
    agent = create_agent(
        langchain_model(signing, server), [weather], middleware=[middleware], checkpointer=InMemorySaver()
    )
    config: Any = {"configurable": {"thread_id": "1"}}
    agent.invoke({"messages": [HumanMessage("write to ann@mail.example")]}, config)
    agent.invoke({"messages": [HumanMessage("and now?")]}, config)
    assert provider.refused == []
    assert "bob@mail.example" not in str(provider.bodies)
    assert len(provider.issued) == 3


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_llama_index_agent(signing: type[Signing], server: ScriptedServer, *, streaming: bool) -> None:
    server.answer = provider = signing(*script())
    thinking = {"thinking": THINKING} if signing.api == "messages" else {}
    llm = TikHub(signing.model, api=signing.api, api_key="sk-x", base_url=server.url, **thinking)
    agent = FunctionAgent(llm=llm, tools=[FunctionTool.from_defaults(weather_of, name="weather")], streaming=streaming)
    memory = ChatMemoryBuffer.from_defaults(token_limit=100_000)
    first = await agent.run("weather?", memory=memory)
    assert str(first) == "Sunny in all of them."
    second = await agent.run("and Brest?", memory=memory)
    assert str(second) == "Sunny there too."
    assert provider.refused == []
    assert len(provider.issued) == 5


def test_the_servers_do_refuse(signing: type[Signing]) -> None:
    """A check of the check: a changed signature, another order and a lost thought are each refused."""
    provider = signing(*script())
    provider.issued = [[provider.item(part) for part in script()[0]]]
    items = provider._expected()
    assert provider._fault(list(items)) is None
    assert provider._fault(items[1:]) is not None
    assert provider._fault([items[1], items[0], *items[2:]]) is not None
    assert provider._fault([provider.item(Say("I look it up.")), *items[1:]]) is not None
