"""Every recorded exchange of POST /v1/messages, beside what the anthropic SDK makes of the same bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import pytest

from tests import anthropic_types
from tests.wire.reading import all_ways, client_of, continued, request_of
from tests.wire.recordings import Exchange, exchanges, needs_recordings
from tikhub_ai import (
    APIStatusError,
    ChatRequest,
    Issuer,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    TikHubAIWarning,
    ToolCall,
)
from tikhub_ai.apis import messages
from tikhub_ai.catalog import facts

if TYPE_CHECKING:
    from tikhub_ai import ChatReply

pytestmark = needs_recordings
EXCHANGES = [param for param in exchanges("messages") if "count-tokens" not in str(param.id)]
ANSWERS = [param for param in EXCHANGES if param.values[0].status == 200]
ERRORS = [param for param in EXCHANGES if param.values[0].status >= 400]
REASONS = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool_calls"}


def sdk_reading(exchange: Exchange) -> Any:
    """What the SDK makes of the same bytes: a Message, plain or accumulated from the stream."""
    transport = httpx2.MockTransport(
        lambda _: httpx2.Response(exchange.status, headers=exchange.headers, content=exchange.body)
    )
    sdk = anthropic.Anthropic(
        api_key="sk-test", base_url="http://gateway.test", max_retries=0, http_client=httpx2.Client(transport=transport)
    )
    asked: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "as recorded"}]}
    if not exchange.is_stream:
        return sdk.beta.messages.create(**asked)
    with sdk.beta.messages.stream(**asked) as stream:
        return stream.get_final_message()


@pytest.mark.parametrize("exchange", ANSWERS)
async def test_every_part_the_stop_reason_and_usage_agree_with_the_anthropic_sdk(exchange: Exchange) -> None:
    theirs = sdk_reading(exchange)
    for ours in await all_ways("messages", exchange, "claude-sonnet-4-5"):
        assert parts_of(ours) == blocks_of(theirs)
        assert ours.choices[0].extras["stop_reason"] == theirs.stop_reason
        assert ours.finish_reason == REASONS.get(theirs.stop_reason, theirs.stop_reason)
        assert ours.choices[0].extras.get("stop_sequence") == theirs.stop_sequence
        assert (ours.id, ours.model) == (theirs.id, theirs.model)
        assert ours.usage is not None
        read, written = theirs.usage.cache_read_input_tokens or 0, theirs.usage.cache_creation_input_tokens or 0
        assert ours.usage.input_tokens == theirs.usage.input_tokens + read + written
        assert ours.usage.output_tokens == theirs.usage.output_tokens
        assert ours.usage.input_details.get("cache_read", 0) == read
        assert ours.usage.input_details.get("cache_creation", 0) == written


def blocks_of(message: Any) -> list[Any]:
    """The SDK's content, as plain values; texts without words, which say nothing, left out."""
    out: list[Any] = []
    for block in message.content:
        match block.type:
            case "text":
                cited = [citation.model_dump(exclude_unset=True) for citation in block.citations or []]
                out += [("text", block.text, cited)] if block.text else []
            case "thinking":
                out.append(("thinking", block.thinking, block.signature))
            case "tool_use":
                out.append(("tool_use", block.id, block.name, block.input))
            case "server_tool_use":
                out.append(("server_tool_use", block.id, block.name, block.input))
            case _:
                out.append((block.type, block.tool_use_id, block.model_dump(exclude_unset=True)["content"]))
    return out


def parts_of(reply: ChatReply) -> list[Any]:
    out: list[Any] = []
    for part in reply.parts:
        match part:
            case Text():
                out.append(("text", part.text, [citation.raw for citation in part.citations]))
            case Reasoning():
                out.append(("thinking", part.text, (part.state or {})["signature"]))
            case ToolCall():
                out.append(("tool_use", part.id, part.name, json.loads(part.arguments)))
            case ServerToolCall():
                out.append(("server_tool_use", part.id, part.name, part.arguments))
            case ServerToolResult():
                assert part.state is not None
                out.append((part.state["block"]["type"], part.tool_call_id, part.output))
            case Refusal():
                pass  # the SDK says it in stop_reason alone
            case _:
                raise AssertionError(f"{part} is in no recording")
    return out


@pytest.mark.parametrize("exchange", ANSWERS)
async def test_an_answer_replayed_to_claude_says_every_block_again(exchange: Exchange) -> None:
    theirs = [block for block in blocks_of(sdk_reading(exchange)) if block[0] != "text" or block[1].strip()]
    reply = (await all_ways("messages", exchange, "claude-sonnet-4-5"))[0]
    body = body_of(reply, "claude-sonnet-4-5")
    content = body["messages"][1]["content"] if len(body["messages"]) > 2 else []
    said = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if theirs:
        assert [block["type"] for block in said][: len(theirs)] == [block[0] for block in theirs]
    thoughts = [(block["thinking"], block["signature"]) for block in said if block["type"] == "thinking"]
    assert thoughts == [block[1:] for block in theirs if block[0] == "thinking"]
    refusals = [[] for part in reply.parts if isinstance(part, Refusal)]  # a refusal's words are text again
    cited = [block.get("citations", []) for block in said if block["type"] == "text"]
    assert cited == [block[2] for block in theirs if block[0] == "text"] + refusals


@pytest.mark.parametrize("exchange", ANSWERS)
async def test_replayed_to_another_family_only_words_and_calls_are_left(exchange: Exchange) -> None:
    reply = (await all_ways("messages", exchange, "claude-sonnet-4-5"))[0]
    issued = [part for part in reply.parts if isinstance(part, (Reasoning, ServerToolCall, ServerToolResult))]
    if issued:
        with pytest.warns(TikHubAIWarning, match="left out") as caught:
            body = body_of(reply, "another-model")
        assert len(caught) == 1
    else:
        body = body_of(reply, "another-model")
    kinds = {
        block["type"]
        for message in body["messages"]
        if isinstance(message["content"], list)
        for block in message["content"]
    }
    assert kinds <= {"text", "tool_use", "tool_result"}
    assert "citations" not in str(body)


def body_of(reply: ChatReply, model: str) -> dict[str, Any]:
    encoded = messages.encode(ChatRequest(model, continued(reply)), facts(model), stream=False)
    assert anthropic_types.problems(encoded.path, encoded.body) == []
    body: dict[str, Any] = encoded.body
    return body


def test_state_names_its_issuer() -> None:
    reply = client_of("messages", ANSWERS[2].values[0]).complete(request_of(ANSWERS[2].values[0]))
    assert all(part.issuer in {None, Issuer("messages", "claude")} for part in reply.parts)


@pytest.mark.parametrize("exchange", ERRORS)
async def test_an_error_is_the_same_member_with_the_same_facts_as_the_sdk_gives(exchange: Exchange) -> None:
    with pytest.raises(APIStatusError) as ours:
        client_of("messages", exchange).complete(request_of(exchange))
    with pytest.raises(anthropic.APIStatusError) as theirs:
        sdk_reading(Exchange(exchange.name, {}, exchange.status, exchange.headers, exchange.body))
    assert ours.value.status_code == theirs.value.status_code
    assert ours.value.type == theirs.value.type
    assert type(theirs.value).__name__ in {kind.__name__ for kind in type(ours.value).__mro__}
    assert ours.value.request_id == theirs.value.request_id
    with pytest.raises(type(ours.value)):
        list(client_of("messages", exchange).stream(request_of(exchange)))
