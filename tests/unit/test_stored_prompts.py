"""What Responses keeps for the caller, and what stands beside the conversation: stored prompts, and `instructions`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage
from llama_index.core.llms import ChatMessage, MessageRole

from langchain_tikhub import ChatTikHub
from llama_index_tikhub import TikHub
from tests.scripted_server import Answer, sse
from tests.unit.responses_streams import CREATED, completed, message, response
from tikhub_ai import (
    ChatClient,
    ChatRequest,
    InvalidRequestError,
    Issuer,
    Message,
    Reasoning,
    Settings,
    Text,
    TikHubAIWarning,
)

if TYPE_CHECKING:
    from tests.scripted_server import ScriptedServer

PROMPT = {"id": "pmpt_1", "version": "2", "variables": {"city": "Paris"}}
ELSEWHERE: dict[str, Any] = {"prompt": PROMPT, "previous_response_id": "resp_0", "conversation": "conv_1"}
HELLO = Answer(response(message("Hello")))
STREAM = sse(CREATED, completed(message("Hello")), done=False)


def bodies(server: ScriptedServer, told: bool, how: str, **given: Any) -> list[dict[str, Any]]:
    """The bodies that every way of both frameworks sends."""
    made, call = (given, {}) if how == "constructor" else ({}, given)
    reached: dict[str, Any] = {"model": "gpt-5", "api_key": "k", "base_url": server.url, "api": "responses"}
    langchain, llama = ChatTikHub(**reached, **made), TikHub(**reached, **made)
    system: list[Any] = [SystemMessage("Be brief."), HumanMessage("hi")] if told else []
    said = [ChatMessage("Be brief.", role=MessageRole.SYSTEM), ChatMessage("hi")] if told else []

    async def collected() -> None:
        await langchain.ainvoke(system, **call)
        [_ async for _ in langchain.astream(system, **call)]
        await llama.achat(said, **call)
        [_ async for _ in await llama.astream_chat(said, **call)]

    server.answers = [HELLO, STREAM] * 4
    langchain.invoke(system, **call)
    list(langchain.stream(system, **call))
    llama.chat(said, **call)
    list(llama.stream_chat(said, **call))
    asyncio.run(collected())
    return [sent.json() for sent in server.requests]


@pytest.mark.parametrize("how", ["constructor", "call"])
@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_the_provider_keeps_needs_no_message_beside_it(server: ScriptedServer, name: str, how: str) -> None:
    found = bodies(server, False, how, **{name: ELSEWHERE[name]})
    assert len(found) == 8
    assert [(body["input"], body[name]) for body in found] == [([], ELSEWHERE[name])] * 8


def test_without_it_a_call_needs_a_message(server: ScriptedServer) -> None:
    for api in ("responses", "chat_completions"):
        llm = ChatTikHub(model="gpt-5", api_key="k", base_url=server.url, api=api)
        with pytest.raises(InvalidRequestError, match="message list is empty"):
            llm.invoke([])
    with pytest.raises(InvalidRequestError, match="message list is empty"):
        llm.invoke([], prompt=PROMPT)
    assert server.requests == []


@pytest.mark.parametrize("how", ["constructor", "call"])
def test_instructions_and_the_system_message_both_arrive(server: ScriptedServer, how: str) -> None:
    found = bodies(server, True, how, instructions="Speak French.")
    assert [body["instructions"] for body in found] == ["Speak French.\n\nBe brief."] * 8
    assert [body["input"] for body in found] == [[{"role": "user", "content": "hi"}]] * 8


def test_instructions_arrive_in_the_one_resend_too(server: ScriptedServer) -> None:
    item = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
    thought = Reasoning(state={"item": item}, issuer=Issuer("responses", "gpt"))
    history = [
        Message("system", [Text("Be brief.")]),
        Message("user", [Text("hi")]),
        Message("assistant", [thought, Text("Hello")]),
        Message("user", [Text("And?")]),
    ]
    error = {"message": "The encrypted content could not be verified.", "code": "invalid_encrypted_content"}
    server.answers = [Answer({"error": error}, status=400), HELLO]
    client = ChatClient(Settings(api_key="k", base_url=server.url), api="responses")
    native = {"instructions": "Speak French."}
    with pytest.warns(TikHubAIWarning, match="asked again without|is left out"):
        client.complete(ChatRequest("gpt-5", history, native=native, extra_body={"text": {"verbosity": "low"}}))
    first, second = (sent.json() for sent in server.requests)
    assert first["instructions"] == second["instructions"] == "Speak French.\n\nBe brief."
    assert first["text"] == second["text"] == {"verbosity": "low"}
    assert "rs_1" not in str(second)
