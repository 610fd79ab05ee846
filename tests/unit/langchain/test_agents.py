"""LangChain's agents and middlewares over our answers: what they edit is what the model is told next."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware, ModelRetryMiddleware, PIIMiddleware
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import BaseModel

from tests.unit.langchain.support import CLAUDE, ScriptedChat
from tikhub_ai import ReasoningDelta, ServerError, Text, TextDelta, ToolCall, ToolCallDelta, ToolResult

pytestmark = pytest.mark.filterwarnings("ignore:.*is in beta")

ASKS: list[Any] = [
    ReasoningDelta("Which city?", 0, state={"signature": "sig"}, issuer=CLAUDE),
    TextDelta("I look it up for bob@mail.example.", 1),
    ToolCallDelta('{"city": "Paris"}', 2, id="call_1", name="weather"),
]
SAYS: list[Any] = [TextDelta("Sunny in ", 0), TextDelta("town.", 0)]


@tool
def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"sunny in {city}"


def scripted(*turns: list[Any], **kwargs: Any) -> ScriptedChat:
    llm = ScriptedChat(turns[0], **kwargs)
    llm._script.further = list(turns[1:])
    return llm


@pytest.mark.parametrize("version", [None, "v1"])
def test_an_agent_calls_the_tool_and_sends_everything_back(version: str | None) -> None:
    llm = scripted(ASKS, SAYS, output_version=version)
    result = create_agent(llm, [weather]).invoke({"messages": [HumanMessage("weather?")]})
    assert result["messages"][-1].text == "Sunny in town."
    _, asked, answered = llm.request.messages
    assert [type(part).__name__ for part in asked.parts] == ["Reasoning", "Text", "ToolCall"]
    assert asked.parts[0].state == {"signature": "sig"}
    assert answered.parts == [ToolResult("call_1", [Text("sunny in Paris")], "weather")]
    assert [offered.name for offered in llm.request.tools] == ["weather"]


def test_an_agent_streams_tokens() -> None:
    agent = create_agent(scripted(ASKS, SAYS), [weather])
    tokens = [
        chunk.text
        for chunk, _ in agent.stream({"messages": [HumanMessage("weather?")]}, stream_mode="messages")
        if isinstance(chunk, AIMessage) and chunk.text
    ]
    assert tokens == ["I look it up for bob@mail.example.", "Sunny in ", "town."]


async def test_an_agent_streams_tokens_in_async() -> None:
    agent = create_agent(scripted(ASKS, SAYS), [weather])
    stream = agent.astream({"messages": [HumanMessage("weather?")]}, stream_mode="messages")
    tokens = [chunk.text async for chunk, _ in stream if isinstance(chunk, AIMessage) and chunk.text]
    assert tokens == ["I look it up for bob@mail.example.", "Sunny in ", "town."]


def test_what_a_human_edited_is_what_is_run_and_what_the_history_holds_is_what_is_sent() -> None:
    llm = scripted(ASKS, SAYS)
    agent = create_agent(
        llm,
        [weather],
        middleware=[HumanInTheLoopMiddleware(interrupt_on={"weather": True})],
        checkpointer=InMemorySaver(),
    )
    config: Any = {"configurable": {"thread_id": "1"}}
    agent.invoke({"messages": [HumanMessage("weather?")]}, config)
    edited = {"type": "edit", "edited_action": {"name": "weather", "args": {"city": "Lyon"}}}
    held = agent.invoke(Command(resume={"decisions": [edited]}), config)["messages"]
    _, asked, answered = llm.request.messages
    (call,) = [part for part in asked.parts if isinstance(part, ToolCall)]
    assert json.loads(call.arguments) == held[1].tool_calls[0]["args"]
    assert asked.parts[0].state == {"signature": "sig"}
    assert isinstance(answered.parts[0], ToolResult)
    assert "sunny in Lyon" in str(answered.parts[0].content)


def test_what_a_middleware_redacted_is_not_sent() -> None:
    llm = scripted(ASKS, SAYS)
    middleware = PIIMiddleware("email", strategy="redact", apply_to_input=True, apply_to_output=True)
    agent = create_agent(llm, [weather], middleware=[middleware])
    agent.invoke({"messages": [HumanMessage("weather for ann@mail.example?")]})
    assert "mail.example" not in str(llm.request.messages)
    assert "[REDACTED_EMAIL]" in str(llm.request.messages)
    assert [part.id for part in llm.request.messages[1].parts if isinstance(part, ToolCall)] == ["call_1"]


class Report(BaseModel):
    """What was found."""

    city: str


def test_an_agent_asks_the_provider_for_the_form_where_the_model_is_known_to_hold_it() -> None:
    llm = scripted([TextDelta('{"city": "Paris"}', 0)], model="gpt-4o")
    result = create_agent(llm, [weather], response_format=Report).invoke({"messages": [HumanMessage("?")]})
    assert result["structured_response"] == Report(city="Paris")
    assert llm.request.response_format is not None
    assert llm.request.response_format.type == "json_schema"
    assert llm.request.extra_body is None


def test_an_agent_asks_by_a_tool_where_it_is_not() -> None:
    llm = scripted([ToolCallDelta('{"city": "Paris"}', 0, id="c", name="Report")], model="nobody-knows-it")
    result = create_agent(llm, [weather], response_format=Report).invoke({"messages": [HumanMessage("?")]})
    assert result["structured_response"] == Report(city="Paris")
    assert {offered.name for offered in llm.request.tools} == {"weather", "Report"}
    assert llm.request.tool_choice is not None


@pytest.mark.parametrize(("is_retryable", "calls"), [(True, 2), (False, 1)])
def test_retry_middlewares_see_what_deserves_another_try(is_retryable: bool, calls: int) -> None:
    error = ServerError("broken")
    error.is_retryable = is_retryable
    llm = ScriptedChat(error=error)
    middleware = ModelRetryMiddleware(max_retries=1, initial_delay=0, on_failure="error")
    with pytest.raises(ServerError):
        create_agent(llm, [], middleware=[middleware]).invoke({"messages": [HumanMessage("?")]})
    assert len(llm._script.requests) == calls
