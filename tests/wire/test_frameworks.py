"""Every recorded chat exchange through both frameworks, sync and async: what the core reads, the framework's user gets.

The core's reading is held against the vendors' SDKs beside this file. Here the framework's message must say the same,
and, given back as history, become the very parts that the core read, with all that their issuer wants back.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from langchain_core.messages import HumanMessage, message_chunk_to_message
from llama_index.core.base.llms.types import ChatMessage

from langchain_tikhub import ChatTikHub
from langchain_tikhub.history import to_conversation as of_langchain
from llama_index_tikhub import TikHub
from llama_index_tikhub.history import to_conversation as of_llama_index
from tests.wire.reading import client_of, request_of
from tests.wire.recordings import exchanges, needs_recordings
from tikhub_ai import ChatReply, End, Refusal, Text, TikHubAIError, ToolCall

if TYPE_CHECKING:
    from tests.wire.recordings import Exchange
    from tikhub_ai import AnyPart

pytestmark = needs_recordings

MODELS = {
    "chat_completions": "gpt-4o",
    "responses": "gpt-5",
    "messages": "claude-sonnet-4-5",
    "generate_content": "gemini-2.5-flash",
}
CASES = [pytest.param(api, param.values[0], id=f"{api}-{param.id}") for api in MODELS for param in exchanges(api)]


def read(api: str, exchange: Exchange) -> ChatReply | TikHubAIError:
    """What the core makes of it: the reply, or the error."""
    client, request = client_of(api, exchange), request_of(exchange, MODELS[api])
    try:
        if not exchange.is_stream:
            return client.complete(request)
        return next(delta.reply for delta in client.stream(request) if isinstance(delta, End))
    except TikHubAIError as error:
        return error


def settings(api: str, exchange: Exchange) -> dict[str, Any]:
    answer = httpx.MockTransport(
        lambda _: httpx.Response(exchange.status, headers=exchange.headers, content=exchange.body)
    )
    return {
        "model": request_of(exchange, MODELS[api]).model,
        "api": api,
        "api_key": "sk-test",
        "base_url": "http://gateway.test",
        "max_retries": 0,
        "http_client": httpx.Client(transport=answer),
        "http_async_client": httpx.AsyncClient(transport=answer),
    }


async def langchain(api: str, exchange: Exchange) -> list[Any]:
    llm = ChatTikHub(**settings(api, exchange))
    if not exchange.is_stream:
        return [llm.invoke("hi"), await llm.ainvoke("hi")]
    sync, other = list(llm.stream("hi")), [chunk async for chunk in llm.astream("hi")]
    return [message_chunk_to_message(chunks[0] + chunks[1:] if chunks[1:] else chunks[0]) for chunks in (sync, other)]


async def llama_index(api: str, exchange: Exchange) -> list[Any]:
    llm, asked = TikHub(**settings(api, exchange)), [ChatMessage(role="user", content="hi")]
    if not exchange.is_stream:
        return [llm.chat(asked), await llm.achat(asked)]
    sync = list(llm.stream_chat(asked))
    other = [item async for item in await llm.astream_chat(asked)]
    assert "".join(item.delta or "" for item in sync) == (sync[-1].message.content or "")
    return [sync[-1], other[-1]]


def comparable(parts: list[AnyPart]) -> list[AnyPart]:
    """Parts with calls' arguments by value: a framework keeps these as an object."""
    return [
        replace(part, arguments=json.dumps(json.loads(part.arguments or "{}"), sort_keys=True))
        if isinstance(part, ToolCall) and _is_json(part.arguments)
        else part
        for part in parts
        if part != Text("")  # LlamaIndex's `content` is text, never None
    ]


def _is_json(text: str) -> bool:
    try:
        json.loads(text or "{}")
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(("api", "exchange"), CASES)
async def test_langchain(api: str, exchange: Exchange) -> None:
    reply = read(api, exchange)
    if isinstance(reply, TikHubAIError):
        with pytest.raises(TikHubAIError) as caught:
            await langchain(api, exchange)
        assert type(reply).__name__ in {kind.__name__ for kind in type(caught.value).__mro__}
        return
    for message in await langchain(api, exchange):
        assert message.text == reply.text
        assert message.additional_kwargs.get("reasoning_content", "") == reply.reasoning
        assert message.additional_kwargs.get("refusal") == reply.refusal
        assert message.response_metadata.get("finish_reason") == reply.finish_reason
        assert message.response_metadata["api"] == api
        counted = message.usage_metadata
        assert (counted["total_tokens"] if counted else None) == (reply.usage.total_tokens if reply.usage else None)
        assert len(message.content_blocks) >= bool(reply.parts)
        if not message.invalid_tool_calls:
            _, said = of_langchain([HumanMessage("hi"), message])
            assert comparable(said.parts) == comparable(reply.parts)


@pytest.mark.parametrize(("api", "exchange"), CASES)
async def test_llama_index(api: str, exchange: Exchange) -> None:
    reply = read(api, exchange)
    if isinstance(reply, TikHubAIError):
        with pytest.raises(type(reply)):
            await llama_index(api, exchange)
        return
    for response in await llama_index(api, exchange):
        words = [part.text for part in reply.parts if isinstance(part, (Text, Refusal)) and part.text]
        assert (response.message.content or "") == "".join(words)
        assert response.raw["choices"][0]["finish_reason"] == reply.finish_reason
        assert response.raw["api"] == api
        counted = response.raw["usage"]
        assert (counted["total_tokens"] if counted else None) == (reply.usage.total_tokens if reply.usage else None)
        _, said = of_llama_index([ChatMessage(role="user", content="hi"), response.message])
        assert comparable(said.parts) == comparable(reply.parts)
