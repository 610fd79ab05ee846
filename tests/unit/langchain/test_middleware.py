"""The prompt-caching middleware: what an agent repeats is marked, for Claude alone, on both of its APIs."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool

from langchain_tikhub import ChatTikHub, PromptCachingMiddleware
from tests import anthropic_types
from tests.scripted_server import Answer, ScriptedServer
from tikhub_ai import ChatRequest, Issuer, Message, Text, TikHubAIWarning, ToolCall, ToolResult
from tikhub_ai.apis import messages
from tikhub_ai.catalog import facts

MARK = {"type": "ephemeral"}
MARKED = {"cache_control": MARK}


@tool
def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"sunny in {city}"


def claude_says(*content: dict[str, Any]) -> Answer:
    reason = "tool_use" if content[-1]["type"] == "tool_use" else "end_turn"
    usage = {"input_tokens": 5, "output_tokens": 2, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 5}
    return Answer({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
                   "content": list(content), "stop_reason": reason, "usage": usage})  # fmt: skip


CALL = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Paris"}}
WORDS = {"type": "text", "text": "Sunny."}


def agent(server: ScriptedServer, model: str = "claude-sonnet-4-5", api: Any = "auto", **settings: Any) -> Any:
    llm = ChatTikHub(model=model, api=api, api_key="sk-x", base_url=server.url)
    caching = PromptCachingMiddleware(**settings)
    return create_agent(llm, [weather], system_prompt="Be brief.", middleware=[caching])


def test_system_prompt_and_last_message_are_marked_at_every_step(server: ScriptedServer) -> None:
    server.answers = [claude_says(CALL), claude_says(WORDS)]
    result = agent(server).invoke({"messages": [HumanMessage("weather?")]})
    first, second = (request.json() for request in server.requests)
    assert first["system"] == [{"type": "text", "text": "Be brief.", "cache_control": MARK}]
    assert first["messages"][-1]["content"] == [{"type": "text", "text": "weather?", "cache_control": MARK}]
    assert second["messages"][0]["content"] == "weather?"
    (answered,) = second["messages"][-1]["content"]
    assert (answered["type"], answered["cache_control"]) == ("tool_result", MARK)
    assert [anthropic_types.problems("/v1/messages", body) for body in (first, second)] == [[], []]
    usage = result["messages"][-1].usage_metadata
    assert usage["input_tokens"] == 100
    assert usage["input_token_details"] == {"cache_read": 90, "cache_creation": 5}


async def test_async_and_an_hour(server: ScriptedServer) -> None:
    server.answers = [claude_says(WORDS)]
    await agent(server, ttl="1h").ainvoke({"messages": [HumanMessage("hi")]})
    assert server.requests[0].json()["system"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


@pytest.mark.parametrize("settings", [{"model": "deepseek-chat"}, {"min_messages_to_cache": 9}])
def test_models_that_cache_by_themselves_and_short_calls_stay_as_they_are(
    server: ScriptedServer, settings: dict[str, Any]
) -> None:
    server.answers = [
        Answer({"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]})
        if "model" in settings
        else claude_says(WORDS)
    ]
    agent(server, **settings).invoke({"messages": [HumanMessage("hi")]})
    assert b"cache_control" not in server.requests[0].body


def test_other_classes_models_stay_as_they_are() -> None:
    model = FakeListChatModel(responses=["hi"])
    built = create_agent(model, [], system_prompt="Be brief.", middleware=[PromptCachingMiddleware()])
    assert built.invoke({"messages": [HumanMessage("hi")]})["messages"][-1].content == "hi"


def test_claude_on_chat_completions_is_marked_too(server: ScriptedServer) -> None:
    server.answers = [Answer({"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]})]
    agent(server, api="chat_completions").invoke({"messages": [HumanMessage("hi")]})
    assert server.requests[0].body.count(b"cache_control") == 2


def test_marks_of_the_caller_stay_and_messages_are_not_changed(server: ScriptedServer) -> None:
    server.answers = [claude_says(WORDS)]
    marked = HumanMessage([{"type": "text", "text": "long", "cache_control": MARK}, {"type": "text", "text": "short"}])
    plain = HumanMessage("hi")
    agent(server).invoke({"messages": [plain, marked]})
    (turn,) = server.requests[0].json()["messages"]
    assert [("cache_control" in block) for block in turn["content"]] == [False, True, False]
    assert plain.content == "hi"


# --- calls that the model's code makes --------------------------------------------------------------------------------

RUN = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "code_execution", "input": {"code": "weather('Paris')"}}
BY_CODE = {**CALL, "caller": {"type": "code_execution_20250825", "tool_id": "srvtoolu_1"}}


def test_results_of_calls_that_code_makes_are_left_alone_and_what_is_before_is_marked(server: ScriptedServer) -> None:
    """Anthropic answers 400 to a mark on them."""
    server.answers = [claude_says(RUN, BY_CODE), claude_says(WORDS)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        agent(server).invoke({"messages": [HumanMessage("weather?")]})
    second = server.requests[1].json()
    assert second["messages"][0]["content"] == [{"type": "text", "text": "weather?", "cache_control": MARK}]
    assert "cache_control" not in str(second["messages"][1:])
    assert second["messages"][1]["content"][-1] == BY_CODE
    assert second["messages"][2]["content"][0]["type"] == "tool_result"


def test_a_mark_that_somebody_sets_on_one_is_left_out_with_a_warning() -> None:
    state = {"caller": BY_CODE["caller"]}
    call = ToolCall("toolu_1", "weather", "{}", state=state, issuer=Issuer("messages", "claude"), options=MARKED)
    result = ToolResult("toolu_1", [Text("sunny", options=MARKED)], options=MARKED)
    request = ChatRequest(
        "claude-sonnet-4-5",
        [Message("user", [Text("weather?", options=MARKED)]), Message("assistant", [call]), Message("tool", [result])],
    )
    with pytest.warns(TikHubAIWarning, match="take no cache mark"):
        body = messages.encode(request, facts(request.model), stream=False).body
    assert str(body).count("cache_control") == 1
