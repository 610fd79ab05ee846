"""Token counts of a history: Claude's own where the gateway gives them, else an estimate."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from langchain_tikhub import ChatTikHub, tokens
from tests.scripted_server import Answer, ScriptedServer
from tikhub_ai import TikHubAIWarning

HISTORY = [SystemMessage("Be brief."), HumanMessage("How long is the Seine?")]
TOOL = {"name": "length", "description": "of a river", "parameters": {"type": "object", "properties": {}}}


def claude(server: ScriptedServer, **settings: Any) -> ChatTikHub:
    return ChatTikHub(model="claude-sonnet-4-5", api_key="sk-x", base_url=server.url, max_retries=0, **settings)


def test_claude_counts_what_would_be_sent(server: ScriptedServer) -> None:
    server.answers = [Answer({"input_tokens": 641})]
    assert claude(server).get_num_tokens_from_messages(HISTORY, [TOOL]) == 641
    (asked,) = server.requests
    assert asked.path == "/v1/messages/count_tokens"
    body = asked.json()
    assert (body["system"], body["messages"]) == ("Be brief.", [{"role": "user", "content": "How long is the Seine?"}])
    assert [tool["name"] for tool in body["tools"]] == ["length"]
    assert "max_tokens" not in body


async def test_a_gateway_that_counts_nothing_is_asked_once_by_each_model(server: ScriptedServer) -> None:
    refusal = {"error": {"message": "Invalid URL (POST /v1/messages/count_tokens)", "type": "invalid_request_error"}}
    server.answers = [Answer(refusal, status=404)]
    llm = claude(server)
    estimates = {llm.get_num_tokens_from_messages(HISTORY), llm.get_num_tokens_from_messages(HISTORY)}
    estimates.add(await llm.aget_num_tokens_from_messages(HISTORY))
    assert len(server.requests) == 1
    assert 10 < estimates.pop() < 30
    assert not estimates
    assert claude(server).get_num_tokens_from_messages(HISTORY) > 10
    assert len(server.requests) == 2  # another model asks for itself


async def test_claude_counts_async_too(server: ScriptedServer) -> None:
    server.answers = [Answer({"input_tokens": 641})]
    assert await claude(server).aget_num_tokens_from_messages(HISTORY, [TOOL]) == 641


def test_models_that_are_gone_leave_nothing_behind(server: ScriptedServer) -> None:
    server.answers = [Answer({"input_tokens": 641})]
    before = len(tokens._REFUSALS)
    for _ in range(3):
        claude(server).get_num_tokens_from_messages(HISTORY)
    gc.collect()
    assert len(tokens._REFUSALS) <= before


def test_a_fault_makes_an_estimate_and_says_so(server: ScriptedServer) -> None:
    server.answers = [Answer({"error": {"message": "broken"}}, status=500)]
    with pytest.warns(TikHubAIWarning, match="estimated"):
        assert 10 < claude(server).get_num_tokens_from_messages(HISTORY) < 30


def test_without_a_key_or_on_other_apis_nobody_is_asked(server: ScriptedServer) -> None:
    assert ChatTikHub(model="claude-sonnet-4-5", base_url=server.url).get_num_tokens_from_messages(HISTORY) > 10
    assert claude(server, api="chat_completions").get_num_tokens_from_messages(HISTORY) > 10
    assert claude(server, custom_get_token_ids=lambda text: [0] * len(text)).get_num_tokens_from_messages(HISTORY) > 30
    assert server.requests == []
