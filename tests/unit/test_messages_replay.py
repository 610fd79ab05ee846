"""Thoughts go back exactly as they came: a server of ours checks them as Anthropic does, byte for byte and in order."""

from __future__ import annotations

import copy
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests import anthropic_types
from tests.scripted_server import Answer, Request
from tests.unit.messages_streams import MODEL, events_of, framed, message, text, tool_use
from tikhub_ai import (
    BadRequestError,
    ChatClient,
    ChatReply,
    ChatRequest,
    End,
    Issuer,
    Message,
    Reasoning,
    Settings,
    Text,
    TikHubAIWarning,
    Tool,
    ToolResult,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scripted_server import ScriptedServer

    Ask = Callable[[ChatClient, ChatRequest], ChatReply]

WEATHER = Tool("get_weather", "Weather of a city", {"type": "object", "properties": {"city": {"type": "string"}}})


def thinking(words: str, signature: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": words, "signature": signature}


ANSWERS = [
    message(
        thinking("Two cities.\n  I ask — for both. ", "RXFzQnM+/0=="),
        {"type": "redacted_thinking", "data": "cmVkYWN0ZWQ+/w=="},
        text("I look."),
        tool_use("toolu_1", "get_weather", city="Oslo"),
        tool_use("toolu_2", "get_weather", city="Zürich"),
        stop="tool_use",
    ),
    message(
        thinking("", "b25seSBzaWduZWQ="),
        tool_use("toolu_3", "get_weather", city="Bergen"),
        stop="tool_use",
    ),
    message(
        {"type": "redacted_thinking", "data": "bW9yZQ=="},
        thinking("Now I know.", "bGFzdA=="),
        text("Oslo 3, Zürich 5, Bergen 1 degrees."),
    ),
    message(thinking("Again.", "YWdhaW4="), text("You are welcome.")),
]


class Claude:
    """Says `ANSWERS` one after the other, and refuses a history that is not, block for block, what it has said."""

    def __init__(self) -> None:
        self.said: list[list[dict[str, Any]]] = []

    def __call__(self, request: Request) -> Answer:
        body = request.json()
        assert request.path == "/v1/messages"
        assert request.headers["anthropic-version"] == "2023-06-01"
        assert request.headers["x-api-key"] == "sk-test"
        assert anthropic_types.problems(request.path, body) == []
        if wrong := self._wrong(body["messages"]):
            error = {"type": "error", "error": {"type": "invalid_request_error", "message": wrong}}
            return Answer(error, status=400)
        answer = ANSWERS[len(self.said)]
        self.said.append(answer["content"])
        if body.get("stream"):
            return Answer([framed(events_of(answer))], headers={"content-type": "text/event-stream"})
        return Answer(answer)

    def _wrong(self, turns: list[dict[str, Any]]) -> str | None:
        given = [blocks_of(turn) for turn in turns if turn["role"] == "assistant"]
        if json.dumps(given) != json.dumps(self.said):  # the order of fields too: text alone counts
            return f"`thinking` blocks cannot be modified: {given} instead of {self.said}"
        for turn, next_turn in pairwise(turns):
            calls = [block["id"] for block in blocks_of(turn) if block["type"] == "tool_use"]
            results = [block["tool_use_id"] for block in blocks_of(next_turn)[: len(calls)] if "tool_use_id" in block]
            if turn["role"] == "assistant" and calls != results:
                return f"`tool_use` ids were found without `tool_result` blocks immediately after: {calls}"
        return None


def blocks_of(turn: dict[str, Any]) -> list[dict[str, Any]]:
    content = turn["content"]
    return [text(content)] if isinstance(content, str) else content


def ask_plain(client: ChatClient, request: ChatRequest) -> ChatReply:
    return client.complete(request)


def ask_streamed(client: ChatClient, request: ChatRequest) -> ChatReply:
    end = list(client.stream(request))[-1]
    assert isinstance(end, End)
    return end.reply


WAYS = pytest.mark.parametrize("ask", [ask_plain, ask_streamed], ids=["plain", "streamed"])


def begun(model: str = MODEL) -> ChatRequest:
    question = Message("user", [Text("How warm is it in Oslo and Zürich?")])
    return ChatRequest(model, [question], tools=[WEATHER], thinking={"type": "enabled", "budget_tokens": 2048})


def answered(request: ChatRequest, reply: ChatReply) -> None:
    """Put the reply into the history, and the results of its calls."""
    request.messages.append(Message("assistant", reply.parts))
    request.messages += [Message("tool", [ToolResult(call.id, [Text("3")])]) for call in reply.tool_calls]


def client_of(server: ScriptedServer) -> ChatClient:
    server.answer = Claude()
    return ChatClient(Settings(api_key="sk-test", base_url=server.url, max_retries=0))


@WAYS
def test_a_conversation_that_thinks_between_its_calls_is_replayed_exactly(server: ScriptedServer, ask: Ask) -> None:
    client, request = client_of(server), begun()
    for number, answer in enumerate(ANSWERS):
        reply = ask(client, request)
        assert len(reply.parts) == len(answer["content"])
        answered(request, reply)
        if number == 2:
            assert not reply.tool_calls
            request.messages.append(Message("user", [Text("Thank you.")]))
    assert len(server.requests) == len(ANSWERS)


def test_plain_and_streamed_turns_may_be_mixed(server: ScriptedServer) -> None:
    client, request = client_of(server), begun()
    for ask in (ask_streamed, ask_plain, ask_streamed):
        reply = ask(client, request)
        answered(request, reply)
    assert reply.text == "Oslo 3, Zürich 5, Bergen 1 degrees."


@WAYS
def test_the_history_may_cross_a_process_as_a_copy(server: ScriptedServer, ask: Ask) -> None:
    client, request = client_of(server), begun()
    for _ in range(3):
        reply = ask(client, request)
        answered(request, copy.deepcopy(reply))
    assert reply.finish_reason == "stop"


def changed_signature(parts: list[Any]) -> None:
    parts[0].state = {"signature": "Zm9yZ2Vk"}


def changed_order(parts: list[Any]) -> None:
    parts[0], parts[1] = parts[1], parts[0]


def changed_words(parts: list[Any]) -> None:
    parts[0].text = parts[0].text.strip()


def left_out(parts: list[Any]) -> None:
    del parts[1]


@pytest.mark.parametrize("change", [changed_signature, changed_order, changed_words, left_out])
def test_the_server_of_this_test_refuses_what_anthropic_refuses(
    server: ScriptedServer, change: Callable[[list[Any]], None]
) -> None:
    client, request = client_of(server), begun()
    reply = client.complete(request)
    change(reply.parts)
    answered(request, reply)
    with pytest.raises(BadRequestError, match="cannot be modified"):
        client.complete(request)


def test_thoughts_of_another_family_are_left_out_of_the_history_with_one_warning(server: ScriptedServer) -> None:
    foreign = Reasoning(text="Hm.", state={"field": "reasoning_content"}, issuer=Issuer("chat_completions", "deepseek"))
    client, request = client_of(server), begun()
    reply = client.complete(request)
    request.messages[0:0] = [Message("user", [Text("hi")]), Message("assistant", [foreign, foreign])]
    answered(request, reply)
    with pytest.warns(TikHubAIWarning, match=r"Reasoning of deepseek on chat_completions \(2 times\)") as caught:
        client.complete(request)
    assert len(caught) == 1
    assert "Hm." not in server.requests[-1].body.decode()
