"""What LlamaIndex's own classes keep for their provider goes back to it, and to nobody else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock, ThinkingBlock, ToolCallBlock

from llama_index_tikhub.history import to_conversation
from tikhub_ai import ChatRequest, TikHubAIWarning
from tikhub_ai.apis import generate_content, messages, responses
from tikhub_ai.catalog import facts

SIGNED = "c2lnbmVk"
CODECS: dict[str, Any] = {
    "claude-sonnet-4-5": messages,
    "gemini-3-pro-preview": generate_content,
    "gpt-5": responses,
}
CALL = ToolCallBlock(tool_call_id="c1", tool_name="f", tool_kwargs={"a": 1})
FUNCTION_CALL = {"functionCall": {"name": "f", "args": {"a": 1}, "id": "c1"}, "thoughtSignature": SIGNED}


def thought(words: str | None, **information: Any) -> ThinkingBlock:
    return ThinkingBlock(content=words, additional_information=information)


def answer(*blocks: Any, signatures: list[Any] | None = None) -> ChatMessage:
    kwargs = {} if signatures is None else {"thought_signatures": signatures}
    return ChatMessage(role="assistant", blocks=list(blocks), additional_kwargs=kwargs)


CASES: list[tuple[str, ChatMessage, list[Any]]] = [
    (
        "claude-sonnet-4-5",
        answer(thought("Hm.", signature=SIGNED, type="thinking"), CALL),
        [
            {"type": "thinking", "thinking": "Hm.", "signature": SIGNED},
            {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
        ],
    ),
    (
        "claude-sonnet-4-5",
        answer(thought("", signature=SIGNED), CALL),
        [
            {"type": "thinking", "thinking": "", "signature": SIGNED},
            {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
        ],
    ),
    (
        "claude-sonnet-4-5",
        answer(thought(None, type="redacted_thinking", data="R"), CALL),
        [
            {"type": "redacted_thinking", "data": "R"},
            {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
        ],
    ),
    (
        "gemini-3-pro-preview",
        answer(thought("Hm.", thought=True, thought_signature=None), CALL, signatures=[None, SIGNED]),
        [{"text": "Hm.", "thought": True}, FUNCTION_CALL],
    ),
    (
        "gemini-3-pro-preview",
        answer(thought("Hm.", thought=True, thought_signature=b"signed"), CALL, signatures=[b"signed", b"signed"]),
        [{"text": "Hm.", "thought": True, "thoughtSignature": SIGNED}, FUNCTION_CALL],
    ),
    (
        "gemini-3-pro-preview",
        answer(TextBlock(text="I look."), CALL, signatures=[SIGNED, SIGNED]),
        [{"text": "I look.", "thoughtSignature": SIGNED}, FUNCTION_CALL],
    ),
    (
        "gemini-3-pro-preview",
        answer(
            ImageBlock(image=b"iVBORw0KGgo=", image_mimetype="image/png"),
            ToolCallBlock(tool_call_id="f", tool_name="f", tool_kwargs={}),
            signatures=[SIGNED, SIGNED],
        ),
        [
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}, "thoughtSignature": SIGNED},
            {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": SIGNED},
        ],
    ),
    (
        "gpt-5",
        answer(thought("Hm.", id="rs_1", type="reasoning", encrypted_content="E", status=None), CALL),
        [
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "Hm."}],
                "encrypted_content": "E",
            },
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
        ],
    ),
    (
        "gpt-5",
        answer(thought(None, id="rs_1", type="reasoning", encrypted_content="E"), CALL),
        [
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "E"},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
        ],
    ),
]
IDS = [f"{case[0]}-{number}" for number, case in enumerate(CASES)]


def goes_on(message: ChatMessage, model: str) -> list[Any]:
    call = next(block for block in message.blocks if isinstance(block, ToolCallBlock))
    result = ChatMessage(role="tool", content="done", additional_kwargs={"tool_call_id": call.tool_call_id})
    conversation = to_conversation([ChatMessage(role="user", content="hi"), message, result])
    body = CODECS[model].encode(ChatRequest(model, conversation), facts(model), stream=False).body
    match model:
        case "claude-sonnet-4-5":
            said: list[Any] = body["messages"][1]["content"]
        case "gemini-3-pro-preview":
            said = body["contents"][1]["parts"]
        case _:
            said = [item for item in body["input"] if item.get("role") != "user" and "output" not in item]
    return said


@pytest.mark.parametrize(("model", "message", "wanted"), CASES, ids=IDS)
def test_the_same_provider_gets_back_what_it_issued(
    model: str, message: ChatMessage, wanted: list[Any], recwarn: pytest.WarningsRecorder
) -> None:
    before = message.model_copy(deep=True)
    assert goes_on(message, model) == wanted
    assert [str(one.message) for one in recwarn if issubclass(one.category, TikHubAIWarning)] == []
    assert message == before


@pytest.mark.parametrize(("model", "message", "wanted"), CASES, ids=IDS)
@pytest.mark.filterwarnings("ignore::tikhub_ai.TikHubAIWarning")
def test_no_other_provider_gets_any_of_it(model: str, message: ChatMessage, wanted: list[Any]) -> None:
    for other in CODECS.keys() - {model}:
        told = json.dumps(goes_on(message, other))
        for secret in (SIGNED, "encrypted_content", "rs_1", "redacted", "Hm."):
            assert secret not in told


def test_thoughts_of_nobody_known_go_to_nobody() -> None:
    (message,) = to_conversation([answer(thought("Hm."), TextBlock(text="so"))])
    assert (message.parts[0].state, message.parts[0].issuer) == (None, None)
