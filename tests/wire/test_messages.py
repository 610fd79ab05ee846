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
    Opaque,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    TikHubAIWarning,
    ToolCall,
)
from tikhub_ai.apis import messages
from tikhub_ai.apis.messages.history import NOT_EXPLAINED
from tikhub_ai.catalog import facts

if TYPE_CHECKING:
    from tikhub_ai import ChatReply

pytestmark = needs_recordings
ANSWERS = exchanges("messages", "answer")
ERRORS = exchanges("messages", "refused")
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
        assert ours.choices[0].extras.get("stop_reason") == theirs.stop_reason
        assert ours.finish_reason == REASONS.get(theirs.stop_reason, theirs.stop_reason)
        assert ours.choices[0].extras.get("stop_sequence") == theirs.stop_sequence
        assert (ours.id, ours.model) == (theirs.id, theirs.model)
        assert (ours.usage is None) is (theirs.usage is None)
        if ours.usage is None:
            continue
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
            case "redacted_thinking":
                out.append(("redacted_thinking", block.data))
            case "tool_use" | "server_tool_use" | "mcp_tool_use":
                out.append((block.type, block.id, block.name, block.input))
            case kind if kind.endswith("_tool_result"):
                out.append((kind, block.tool_use_id, block.model_dump(exclude_unset=True, by_alias=True)["content"]))
            case kind:
                out.append((kind, without_null(block.model_dump(by_alias=True))))
    return out


def parts_of(reply: ChatReply) -> list[Any]:
    out: list[Any] = []
    for part in reply.parts:
        match part:
            case Text():
                out.append(("text", part.text, [citation.raw for citation in part.citations]))
            case Reasoning():
                state = part.state or {}
                redacted = "redacted" in state
                said = (state["redacted"],) if redacted else (part.text, state.get("signature", ""))
                out.append(("redacted_thinking" if redacted else "thinking", *said))
            case ToolCall():
                out.append(("tool_use", part.id, part.name, json.loads(part.arguments)))
            case ServerToolCall():
                assert part.state is not None
                out.append((part.state["block"]["type"], part.id, part.name, part.arguments))
            case ServerToolResult():
                assert part.state is not None
                out.append((part.state["block"]["type"], part.tool_call_id, part.output))
            case Refusal():
                pass  # the SDK says it in stop_reason alone
            case Opaque():
                out.append((part.value["type"], without_null(part.value)))
            case _:
                raise AssertionError(f"{part} is no part of this wire")
    return out


@pytest.mark.parametrize("exchange", ANSWERS)
async def test_an_answer_replayed_to_claude_says_every_block_again(exchange: Exchange) -> None:
    theirs = [block for block in blocks_of(sdk_reading(exchange)) if block[0] != "text" or block[1].strip()]
    reply = (await all_ways("messages", exchange, "claude-sonnet-4-5"))[0]
    body = body_of(reply, "claude-sonnet-4-5")
    content = body["messages"][1]["content"] if len(body["messages"]) > 2 else []
    said: list[dict[str, Any]] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if theirs:
        assert [block["type"] for block in said][: len(theirs)] == [block[0] for block in theirs]
    signed = {"thinking": ("thinking", "signature"), "redacted_thinking": ("data",)}
    thoughts = [tuple(block[key] for key in signed[block["type"]]) for block in said if block["type"] in signed]
    assert thoughts == [block[1:] for block in theirs if block[0] in signed]
    refusals: list[list[Any]] = [
        [] for part in reply.parts if isinstance(part, Refusal) and part.text != NOT_EXPLAINED
    ]  # a refusal's words are text again
    cited = [block.get("citations", []) for block in said if block["type"] == "text"]
    assert [[sent_back(citation) for citation in citations] for citations in cited] == [
        [sent_back(citation) for citation in block[2]] for block in theirs if block[0] == "text"
    ] + refusals


@pytest.mark.parametrize("exchange", ANSWERS)
async def test_replayed_to_another_family_only_words_and_calls_are_left(exchange: Exchange) -> None:
    reply = (await all_ways("messages", exchange, "claude-sonnet-4-5"))[0]
    issued = [part for part in reply.parts if isinstance(part, (Reasoning, ServerToolCall, ServerToolResult, Opaque))]
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


def without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_null(item) for key, item in value.items() if item is not None}
    return [without_null(item) for item in value] if isinstance(value, list) else value


def sent_back(citation: dict[str, Any]) -> dict[str, Any]:
    """A citation as a request may hold it: `file_id` is in answers alone, and what is null says nothing."""
    return {key: value for key, value in citation.items() if value is not None and key != "file_id"}


def body_of(reply: ChatReply, model: str) -> dict[str, Any]:
    encoded = messages.encode(ChatRequest(model, continued(reply)), facts(model), stream=False)
    body: dict[str, Any] = encoded.body
    assert (
        anthropic_types.problems(encoded.path, {**body, "messages": [_ours(said) for said in body["messages"]]}) == []
    )
    return body


_OF_US = {"text", "thinking", "redacted_thinking", "tool_use", "tool_result"}
"""Blocks that we write. All others go back as they came, with fields that the SDK knows in answers alone."""


def _ours(message: dict[str, Any]) -> dict[str, Any]:
    if message["role"] != "assistant" or isinstance(message["content"], str):
        return message
    blocks = [block for block in message["content"] if block["type"] in _OF_US]
    cited = [
        {**block, "citations": [sent_back(one) for one in block["citations"]]}
        for block in blocks
        if "citations" in block
    ]
    return {**message, "content": [block for block in blocks if "citations" not in block] + cited}


@pytest.mark.parametrize("exchange", ANSWERS)
async def test_state_names_its_issuer(exchange: Exchange) -> None:
    for reply in await all_ways("messages", exchange, "claude-sonnet-4-5"):
        assert all(part.issuer in {None, Issuer("messages", "claude")} for part in reply.parts)
        assert all(part.issuer for part in reply.parts if part.state)


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
