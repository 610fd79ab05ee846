"""Recorded traffic through the whole adapter: plain and streamed, sync and async, v1 and v3."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from langchain_core.exceptions import ModelError
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_tests.utils.stream_lifecycle import assert_valid_event_stream

from langchain_tikhub import APIStatusError, ChatTikHub
from tests.unit.langchain.support import summed
from tests.wire.recordings import exchanges, needs_recordings

if TYPE_CHECKING:
    from tests.wire.recordings import Exchange

pytestmark = [needs_recordings, pytest.mark.filterwarnings("ignore:.*is in beta")]
EXCHANGES = exchanges("chat_completions")
STREAMS = [param for param in EXCHANGES if param.values[0].status == 200 and param.values[0].is_stream]
PLAIN = [param for param in EXCHANGES if param.values[0].status == 200 and not param.values[0].is_stream]
ERRORS = [param for param in EXCHANGES if param.values[0].status >= 400]


def model(exchange: Exchange, sent: list[Any] | None = None, **kwargs: Any) -> ChatTikHub:
    def handler(request: httpx.Request) -> httpx.Response:
        if sent is not None:
            sent.append(json.loads(request.content))
        return httpx.Response(exchange.status, headers=exchange.headers, content=exchange.body)

    transport = httpx.MockTransport(handler)
    return ChatTikHub(
        model=exchange.request.get("model") or "deepseek-chat",
        api_key="sk-test",
        base_url="http://gateway.test",
        api="chat_completions",
        max_retries=0,
        http_client=httpx.Client(transport=transport),
        http_async_client=httpx.AsyncClient(transport=transport),
        **kwargs,
    )


@pytest.mark.parametrize("exchange", STREAMS)
async def test_a_recorded_stream_says_the_same_each_way(exchange: Exchange) -> None:
    llm = model(exchange)
    streamed = summed(llm.stream("as recorded"))
    other = summed([chunk async for chunk in llm.astream("as recorded")])
    assert streamed.model_dump(exclude={"id"}) == other.model_dump(exclude={"id"})
    stream = llm.stream_events("as recorded", version="v3")
    assert_valid_event_stream(list(stream))
    assert stream.output_message is not None
    assert stream.output_message.tool_calls == streamed.tool_calls
    assert stream.output_message.text == streamed.text
    v1 = summed(model(exchange, output_version="v1").stream("as recorded"))
    assert v1.text == streamed.text
    assert (streamed.usage_metadata is not None) == any(chunk.get("usage") for chunk in exchange.chunks)
    assert streamed.response_metadata["model_name"]


@pytest.mark.parametrize("exchange", PLAIN)
async def test_a_recorded_answer_says_the_same_in_async(exchange: Exchange) -> None:
    llm = model(exchange)
    message = llm.invoke("as recorded")
    assert (await llm.ainvoke("as recorded")).model_dump(exclude={"id"}) == message.model_dump(exclude={"id"})
    said = json.loads(exchange.body)["choices"][0]["message"]
    assert message.content == (said.get("content") or "")
    assert len(message.tool_calls) == len(said.get("tool_calls") or [])
    assert message.usage_metadata is not None


@pytest.mark.parametrize("exchange", ERRORS)
def test_a_recorded_error_is_a_model_error(exchange: Exchange) -> None:
    with pytest.raises(ModelError) as caught:
        model(exchange).invoke("as recorded")
    assert isinstance(caught.value, APIStatusError)
    assert caught.value.status_code == exchange.status


def test_deepseeks_reasoning_goes_back_to_deepseek_and_to_nobody_else() -> None:
    (exchange,) = [param.values[0] for param in STREAMS if param.id and "deepseek-tool-call-chunks" in param.id]
    sent: list[Any] = []
    llm = model(exchange, sent)
    answer = summed(llm.stream("What is the weather?"))
    assert answer.additional_kwargs["reasoning_content"]
    assert answer.tool_calls
    results = [ToolMessage("sunny", tool_call_id=call["id"] or "") for call in answer.tool_calls]
    history = [HumanMessage("What is the weather?"), answer, *results]
    list(llm.stream(history))
    assert sent[-1]["messages"][1]["reasoning_content"] == answer.additional_kwargs["reasoning_content"]
    assert sent[-1]["messages"][1]["tool_calls"][0]["id"] == answer.tool_calls[0]["id"]
    with pytest.warns(UserWarning, match="Reasoning of deepseek"):
        list(llm.stream(history, model="gpt-4o"))
    assert "reasoning_content" not in sent[-1]["messages"][1]
