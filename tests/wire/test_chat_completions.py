"""Every recorded chat_completions exchange, beside what the openai SDK makes of the same bytes."""

from __future__ import annotations

from typing import Any

import openai
import orjson
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState

from tests.wire.reading import all_ways, client_of, openai_sdk, request_of
from tests.wire.recordings import Exchange, exchanges, needs_recordings
from tikhub_ai import APIStatusError

pytestmark = needs_recordings
API = "chat_completions"
ANSWERS = exchanges(API, "answer")
ERRORS = exchanges(API, "refused")


def sdk_reading(exchange: Exchange) -> Any:
    """What the openai SDK makes of the same bytes: a ChatCompletion, plain or folded."""
    sdk = openai_sdk(exchange.status, exchange.headers, exchange.body)
    asked: dict[str, Any] = {"model": "as-recorded", "messages": [{"role": "user", "content": "as recorded"}]}
    if not exchange.is_stream:
        return sdk.chat.completions.create(**asked)
    state = ChatCompletionStreamState()
    for chunk in sdk.chat.completions.create(**asked, stream=True):
        state.handle_chunk(chunk)
    return state.current_completion_snapshot


def calls_of(message: Any) -> list[tuple[str, str]]:
    """Names and arguments; the text of a custom tool as the `input` of an object."""
    functions = [getattr(call, "function", None) for call in message.tool_calls or []]
    functions += [message.function_call] if message.function_call else []
    custom = [getattr(call, "custom", None) for call in message.tool_calls or []]
    return [(function.name, function.arguments or "{}") for function in functions if function] + [
        (tool.name, orjson.dumps({"input": tool.input}).decode()) for tool in custom if tool
    ]


@pytest.mark.parametrize("exchange", ANSWERS)
async def test_text_calls_finish_reason_and_usage_agree_with_the_openai_sdk(exchange: Exchange) -> None:
    theirs = sdk_reading(exchange)
    for ours in await all_ways(API, exchange):
        assert len(ours.choices) == len(theirs.choices)
        for mine, other in zip(ours.choices, theirs.choices, strict=True):
            assert mine.text == (other.message.content or "")
            assert mine.refusal == other.message.refusal
            assert mine.finish_reason == other.finish_reason
            assert [(call.name, call.arguments) for call in mine.tool_calls] == calls_of(other.message)
            ids = [call.id for call in other.message.tool_calls or []]
            assert [call.id for call in mine.tool_calls] == ids or not any(ids)
            assert all(call.id for call in mine.tool_calls)
        assert ours.id == theirs.id
        assert ours.model == theirs.model
        if theirs.usage is None:
            assert ours.usage is None or exchange.is_stream
        else:
            assert ours.usage is not None
            assert (ours.usage.input_tokens, ours.usage.output_tokens, ours.usage.total_tokens) == (
                theirs.usage.prompt_tokens,
                theirs.usage.completion_tokens,
                theirs.usage.total_tokens,
            )


@pytest.mark.parametrize("exchange", ANSWERS)
async def test_reasoning_that_the_sdk_drops_is_kept(exchange: Exchange) -> None:
    said: dict[int, str] = {}
    for payload in exchange.payloads:
        for choice in payload.get("choices") or ():
            message = choice.get("message") or choice.get("delta") or {}
            thought = message.get("reasoning_content") or message.get("reasoning") or ""
            said[choice["index"]] = said.get(choice["index"], "") + thought
    for reply in await all_ways(API, exchange):
        assert [choice.reasoning for choice in reply.choices] == [said[index] for index in sorted(said)]


@pytest.mark.parametrize("exchange", ERRORS)
async def test_an_error_is_the_same_member_with_the_same_facts_as_the_sdk_gives(exchange: Exchange) -> None:
    with pytest.raises(APIStatusError) as ours:
        client_of(API, exchange).complete(request_of(exchange))
    with pytest.raises(openai.APIStatusError) as theirs:
        sdk_reading(Exchange(exchange.name, {}, exchange.status, exchange.headers, exchange.body))
    assert ours.value.status_code == theirs.value.status_code
    assert ours.value.code == theirs.value.code
    assert ours.value.type == theirs.value.type
    mro = {kind.__name__ for kind in type(ours.value).__mro__}
    assert type(theirs.value).__name__ in mro
    assert ours.value.response is not None
    assert not exchange.payloads or ours.value.response.json() == theirs.value.response.json()
    with pytest.raises(type(ours.value)):
        list(client_of(API, exchange).stream(request_of(exchange)))
