"""`TikHub` through the LlamaIndex contract, once for each column, and over the recorded traffic."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.llms import ChatMessage

from llama_index_tikhub import TikHub
from tests.standard.llama_index_columns import ChatCompletionsColumn, DeepSeekColumn
from tests.standard.llama_index_contract import LlamaIndexContract, ReasoningContract
from tests.standard.llama_index_native_columns import GenerateContentColumn, MessagesColumn, ResponsesColumn
from tests.wire import test_generate_content, test_responses
from tests.wire.recordings import Exchange, exchanges, needs_recordings

if TYPE_CHECKING:
    from collections.abc import Callable


class TestChatCompletions(LlamaIndexContract):
    column = ChatCompletionsColumn()


class TestDeepSeek(ReasoningContract):
    column = DeepSeekColumn()


class TestMessages(ReasoningContract):
    column = MessagesColumn()


class TestResponses(ReasoningContract):
    column = ResponsesColumn()


class TestGenerateContent(ReasoningContract):
    column = GenerateContentColumn()


def _openai(usage: dict[str, Any]) -> tuple[int, int]:
    return usage["prompt_tokens"], usage["completion_tokens"]


def _anthropic(usage: dict[str, Any]) -> tuple[int, int]:
    """Anthropic counts what its cache has to do with by itself."""
    cached = (usage.get("cache_creation_input_tokens") or 0) + (usage.get("cache_read_input_tokens") or 0)
    return usage["input_tokens"] + cached, usage["output_tokens"]


def _of_responses(usage: dict[str, Any]) -> tuple[int, int]:
    return usage["input_tokens"], usage["output_tokens"]


def _google(usage: dict[str, Any]) -> tuple[int, int]:
    """Google counts thoughts, and what its own tools read, by themselves."""
    given = usage.get("promptTokenCount", 0) + usage.get("toolUsePromptTokenCount", 0)
    return given, usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)


USAGE: dict[str, Callable[[dict[str, Any]], tuple[int, int]]] = {
    "chat_completions": _openai,
    "messages": _anthropic,
    "responses": _of_responses,
    "generate_content": _google,
}
"""By API: the tokens of a prompt and of its answer, out of the wire's `usage`."""


RECORDED = {
    "chat_completions": exchanges("chat_completions"),
    "messages": exchanges("messages"),
    # Without uploads and errors, and where one recording keeps four answers, with each by itself.
    "responses": test_responses.ANSWERS,
    "generate_content": test_generate_content.ANSWERS,
}


def _answers(*, streamed: bool) -> list[Any]:
    """Every recorded answer."""
    return [
        pytest.param(api, exchange, id=f"{api}-{exchange.name}")
        for api, params in RECORDED.items()
        for (exchange,) in (param.values for param in params)
        if exchange.status == 200 and _is_stream(exchange) == streamed
    ]


def _is_stream(exchange: Exchange) -> bool:
    """Gemini also streams the items of a JSON array."""
    return exchange.is_stream or exchange.body.startswith(b"[")


def _usage_of(exchange: Exchange) -> dict[str, Any]:
    """The last of each count that an answer says."""
    said = exchange.chunks if exchange.is_stream else json.loads(exchange.body)
    usage: dict[str, Any] = {}
    for payload in said if isinstance(said, list) else [said]:
        holder = payload.get("message") or payload.get("response") or payload
        usage |= holder.get("usage") or payload.get("usage") or payload.get("usageMetadata") or {}
    return usage


def _llm(api: str, exchange: Exchange, counter: TokenCountingHandler) -> TikHub:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=exchange.headers, content=exchange.body))
    return TikHub(
        exchange.request.get("model") or ("gemini-2.5-flash" if api == "generate_content" else "gpt-4o"),
        api_key="sk-test",
        api=api,
        http_client=httpx.Client(transport=transport),
        http_async_client=httpx.AsyncClient(transport=transport),
        callback_manager=CallbackManager([counter]),
    )


def _check_counts(api: str, exchange: Exchange, counter: TokenCountingHandler) -> None:
    if usage := _usage_of(exchange):
        prompt, completion = USAGE[api](usage)
        counts = counter.llm_token_counts[0]
        assert counts.completion_token_count == completion
        # One recording of Gemini's counts no prompt, and LlamaIndex counts words then.
        assert counts.prompt_token_count == prompt or not prompt


ASKED = [ChatMessage(role="user", content="as recorded")]


@needs_recordings
@pytest.mark.parametrize(("api", "exchange"), _answers(streamed=True))
async def test_recorded_streams_keep_the_contract(api: str, exchange: Exchange) -> None:
    counter = TokenCountingHandler(tokenizer=str.split)
    llm = _llm(api, exchange, counter)
    items = list(llm.stream_chat(ASKED))
    others = [item async for item in await llm.astream_chat(ASKED)]
    assert [item.model_dump() for item in items] == [item.model_dump() for item in others]
    so_far = ""
    for item in items:
        so_far += item.delta or ""
        assert (item.message.content or "") == so_far
        llm.get_tool_calls_from_response(item, error_on_no_tool_call=False)
    _check_counts(api, exchange, counter)


@needs_recordings
@pytest.mark.parametrize(("api", "exchange"), _answers(streamed=False))
async def test_recorded_answers_keep_the_contract(api: str, exchange: Exchange) -> None:
    counter = TokenCountingHandler(tokenizer=str.split)
    llm = _llm(api, exchange, counter)
    plain = llm.chat(ASKED)
    assert plain.model_dump() == (await llm.achat(ASKED)).model_dump()
    assert isinstance(plain.raw, dict)
    _check_counts(api, exchange, counter)
