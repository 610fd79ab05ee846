"""Every recorded embeddings exchange, beside what the openai SDK makes of the same bytes."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import replace
from typing import Any

import httpx
import openai
import pytest

from tests.wire.reading import openai_sdk
from tests.wire.recordings import Exchange, exchanges, needs_recordings
from tikhub_ai import APIStatusError, EmbeddingsClient, EmbeddingsReply, Settings

pytestmark = needs_recordings
EXCHANGES = exchanges("embeddings")
ANSWERS = [param for param in EXCHANGES if param.values[0].status == 200]
ERRORS = [param for param in EXCHANGES if param.values[0].status >= 400]


def transport_of(exchange: Exchange, sent: list[Any] | None = None) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        if sent is not None:
            sent.append(json.loads(request.content))
        return httpx.Response(exchange.status, headers=exchange.headers, content=exchange.body)

    return httpx.MockTransport(answer)


async def both_ways(exchange: Exchange, sent: list[Any] | None = None) -> list[EmbeddingsReply]:
    """The reply to the recorded texts, read sync and async, with whatever else the recorded request asked for."""
    transport = transport_of(exchange, sent)
    asked = {name: exchange.request.get(name) for name in ("model", "dimensions", "encoding_format", "user")}
    client = EmbeddingsClient(
        Settings(
            api_key="sk-test",
            base_url="http://gateway.test",
            max_retries=0,
            http_client=httpx.Client(transport=transport),
            http_async_client=httpx.AsyncClient(transport=transport),
        ),
        **{name: value for name, value in asked.items() if value is not None},
    )
    texts = exchange.request["input"]
    texts = [texts] if isinstance(texts, str) else texts
    return [client.embed(texts), await client.aembed(texts)]


def sdk_reading(exchange: Exchange, **asked: Any) -> Any:
    """What the openai SDK makes of the same bytes. Without encoding_format it asks for base64 and unpacks it."""
    sdk = openai_sdk(exchange.status, exchange.headers, exchange.body)
    return sdk.embeddings.create(model="m", input=exchange.request["input"], **asked)


def as_floats(exchange: Exchange) -> Exchange:
    """The same answer, as a server that writes JSON numbers would give it."""
    payload = json.loads(exchange.body)
    for item in payload["data"]:
        if isinstance(item["embedding"], str):
            packed = base64.b64decode(item["embedding"])
            item["embedding"] = list(struct.unpack(f"<{len(packed) // 4}f", packed))
    return replace(exchange, body=json.dumps(payload).encode())


@pytest.mark.parametrize("exchange", ANSWERS)
async def test_vectors_model_and_usage_agree_with_the_sdk(exchange: Exchange) -> None:
    sdk = sdk_reading(exchange)
    for reply in await both_ways(exchange):
        assert reply.vectors == [item.embedding for item in sorted(sdk.data, key=lambda item: item.index)]
        assert reply.model == sdk.model
        assert reply.usage.input_tokens == sdk.usage.prompt_tokens
        assert reply.usage.total_tokens == sdk.usage.total_tokens


@pytest.mark.parametrize("exchange", ANSWERS)
async def test_numbers_and_base64_give_the_same_vectors(exchange: Exchange) -> None:
    other = as_floats(exchange)
    assert [reply.vectors for reply in await both_ways(exchange)] == [reply.vectors for reply in await both_ways(other)]
    sdk = sdk_reading(other, encoding_format="float")
    assert (await both_ways(other))[0].vectors == [item.embedding for item in sdk.data]


@pytest.mark.parametrize("exchange", ANSWERS)
async def test_the_request_is_the_recorded_one(exchange: Exchange) -> None:
    sent: list[Any] = []
    await both_ways(exchange, sent)
    assert sent == [exchange.request, exchange.request]


@pytest.mark.parametrize("exchange", ERRORS)
async def test_errors_agree_with_the_sdk(exchange: Exchange) -> None:
    with pytest.raises(openai.APIStatusError) as theirs:
        sdk_reading(exchange)
    with pytest.raises(APIStatusError) as ours:
        await both_ways(exchange)
    assert ours.value.status_code == theirs.value.status_code
    assert ours.value.code == theirs.value.code
    assert ours.value.type == theirs.value.type
    assert isinstance(theirs.value.body, dict)
    assert theirs.value.body["message"] in ours.value.message
