"""Results of tools as OpenAI and Anthropic write them, inside a `ToolMessage`: the model reads what they say."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from langchain_tikhub import ChatTikHub
from langchain_tikhub.history import to_conversation
from tests import bodies
from tikhub_ai import Issuer, Message, Text, ToolCall, ToolResult
from tikhub_ai.apis import responses
from tikhub_ai.catalog import facts
from tikhub_ai.conversation import ChatRequest

MODELS = {
    "chat_completions": "gpt-5",
    "responses": "gpt-5",
    "messages": "claude-sonnet-4-5",
    "generate_content": "gemini-3-pro-preview",
}
KINDS = {"tool_result": "content", "function_call_output": "output", "custom_tool_call_output": "output"}
"""Each kind of block, and where it holds what was returned."""
WORDS: list[Any] = ["27", [{"type": "text", "text": "27"}], [{"type": "input_text", "text": "27"}]]
CALL = AIMessage("", tool_calls=[{"id": "call_1", "name": "count", "args": {}}])
GPT = Issuer("responses", "gpt")


def body_of(api: str, *messages: BaseMessage) -> dict[str, Any]:
    llm = ChatTikHub(model=MODELS[api], api=api, api_key="k")
    request = llm._get_request_payload([HumanMessage("Count."), *messages])
    asked = import_module(f"tikhub_ai.apis.{api}").encode(request, facts(request.model), stream=False)
    assert bodies.problems(asked.path, asked.body) == []
    body: dict[str, Any] = asked.body
    return body


@pytest.mark.parametrize("said", WORDS, ids=["text", "text block", "input_text block"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("api", MODELS)
def test_a_result_in_a_vendors_own_words_is_the_same_as_in_langchains(api: str, kind: str, said: Any) -> None:
    block = {"type": kind, KINDS[kind]: said}
    packed = {"type": "non_standard", "value": block}
    named = block | {"call_id" if kind != "tool_result" else "tool_use_id": "call_1"}
    wanted = body_of(api, CALL, ToolMessage("27", tool_call_id="call_1"))
    for content in ([block], [packed], [named]):
        body = body_of(api, CALL, ToolMessage(content, tool_call_id="call_1"))  # type: ignore[arg-type]  # blocks
        assert json.loads(json.dumps(body).replace("custom_tool_call_output", "function_call_output")) == wanted


@pytest.mark.parametrize("kind", KINDS)
def test_several_results_in_one_message_are_read_one_after_the_other(kind: str) -> None:
    blocks: list[Any] = [
        {"type": kind, KINDS[kind]: "27"},
        {"type": "text", "text": "and"},
        {"type": kind, KINDS[kind]: "28"},
    ]
    (message,) = to_conversation([ToolMessage(blocks, tool_call_id="call_1")])
    (result,) = message.parts
    assert isinstance(result, ToolResult)
    assert (result.tool_call_id, result.content) == ("call_1", [Text("27"), Text("and"), Text("28")])


def test_what_a_result_says_of_itself_reaches_responses() -> None:
    caller = {"type": "program", "caller_id": "prog_1"}
    block = {"type": "custom_tool_call_output", "output": "27", "caller": caller, "status": "completed"}
    item = body_of("responses", CALL, ToolMessage([block], tool_call_id="call_1"))["input"][-1]
    assert item == block | {"call_id": "call_1"}
    failed: Any = [{"type": "tool_result", "content": "no", "is_error": True}]
    sent = body_of("messages", CALL, ToolMessage(failed, tool_call_id="call_1"))["messages"][-1]["content"]
    assert sent == [{"type": "tool_result", "tool_use_id": "call_1", "content": "no", "is_error": True}]


def test_an_output_names_the_program_that_called() -> None:
    caller = {"type": "program", "caller_id": "prog_1"}
    call = ToolCall("call_1", "count", "{}", state={"id": "fc_1", "caller": caller}, issuer=GPT)
    history = [Message("user", [Text("hi")]), Message("assistant", [call]),
               Message("tool", [ToolResult("call_1", [Text("27")])])]  # fmt: skip
    items = responses.encode(ChatRequest("gpt-5", history), facts("gpt-5"), stream=False).body["input"]
    assert [item.get("caller") for item in items] == [None, caller, caller]
