"""`TikHub` through the LlamaIndex contract, once for each column, and over the recorded traffic."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.llms import ChatMessage

from llama_index_tikhub import TikHub
from tests.standard.llama_index_columns import ChatCompletionsColumn, DeepSeekColumn
from tests.standard.llama_index_contract import LlamaIndexContract, ReasoningContract
from tests.wire.recordings import Exchange, exchanges, needs_recordings


class TestChatCompletions(LlamaIndexContract):
    column = ChatCompletionsColumn()


class TestDeepSeek(ReasoningContract):
    column = DeepSeekColumn()


def _answers(*, streamed: bool) -> list[Any]:
    return [
        param
        for param in exchanges("chat_completions")
        if param.values[0].status == 200 and param.values[0].is_stream == streamed
    ]


def _llm(exchange: Exchange, counter: TokenCountingHandler) -> TikHub:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=exchange.headers, content=exchange.body))
    return TikHub(
        exchange.request.get("model") or "gpt-4o",
        api_key="sk-test",
        api="chat_completions",
        http_client=httpx.Client(transport=transport),
        http_async_client=httpx.AsyncClient(transport=transport),
        callback_manager=CallbackManager([counter]),
    )


ASKED = [ChatMessage(role="user", content="as recorded")]


@needs_recordings
@pytest.mark.parametrize("exchange", _answers(streamed=True))
async def test_recorded_streams_keep_the_contract(exchange: Exchange) -> None:
    counter = TokenCountingHandler(tokenizer=str.split)
    llm = _llm(exchange, counter)
    items = list(llm.stream_chat(ASKED))
    others = [item async for item in await llm.astream_chat(ASKED)]
    assert [item.model_dump() for item in items] == [item.model_dump() for item in others]
    so_far = ""
    for item in items:
        so_far += item.delta or ""
        assert (item.message.content or "") == so_far
        llm.get_tool_calls_from_response(item, error_on_no_tool_call=False)
    usages = [chunk["usage"] for chunk in exchange.chunks if chunk.get("usage")]
    if usages:
        assert counter.llm_token_counts[0].prompt_token_count == usages[-1]["prompt_tokens"]
        assert counter.llm_token_counts[0].completion_token_count == usages[-1]["completion_tokens"]


@needs_recordings
@pytest.mark.parametrize("exchange", _answers(streamed=False))
async def test_recorded_answers_keep_the_contract(exchange: Exchange) -> None:
    counter = TokenCountingHandler(tokenizer=str.split)
    llm = _llm(exchange, counter)
    plain = llm.chat(ASKED)
    assert plain.model_dump() == (await llm.achat(ASKED)).model_dump()
    assert isinstance(plain.raw, dict)
    usage = json.loads(exchange.body)["usage"]
    assert counter.llm_token_counts[0].prompt_token_count == usage["prompt_tokens"]
    assert counter.llm_token_counts[0].completion_token_count == usage["completion_tokens"]
