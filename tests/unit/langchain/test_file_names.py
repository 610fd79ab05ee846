"""The name of a file, wherever a block has it, is sent by every API that has a place for it."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.messages.content import create_file_block

from langchain_tikhub.history import to_conversation
from tests import bodies
from tikhub_ai import ChatRequest
from tikhub_ai.apis import chat_completions, messages, responses
from tikhub_ai.catalog import facts

PDF = "JVBERi0xLjc="
NAME = "invoice-2024.pdf"
DATA: dict[str, Any] = {"type": "file", "base64": PDF, "mime_type": "application/pdf"}
BLOCKS: dict[str, Any] = {
    "v1": {**DATA, "filename": NAME},
    "v1 with extras": {**DATA, "extras": {"filename": NAME}},
    "made by langchain-core": create_file_block(base64=PDF, mime_type="application/pdf", filename=NAME),
    "v0": {"type": "file", "source_type": "base64", "data": PDF, "mime_type": "application/pdf", "filename": NAME},
    "v0 with metadata": {
        "type": "file", "source_type": "base64", "data": PDF, "mime_type": "application/pdf",
        "metadata": {"filename": NAME},
    },
    "Chat Completions": {
        "type": "file", "file": {"filename": NAME, "file_data": f"data:application/pdf;base64,{PDF}"},
    },
    "Responses": {"type": "input_file", "filename": NAME, "file_data": f"data:application/pdf;base64,{PDF}"},
    "Anthropic": {
        "type": "document", "title": NAME,
        "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
    },
}  # fmt: skip


def content(codec: Any, model: str, block: Any) -> dict[str, Any]:
    request = ChatRequest(model, to_conversation([HumanMessage([block])]))
    outgoing = codec.encode(request, facts(model), stream=False)
    assert bodies.problems(outgoing.path, outgoing.body) == []
    turns = outgoing.body.get("messages") or outgoing.body["input"]
    found: dict[str, Any] = turns[0]["content"][0]
    return found


@pytest.mark.parametrize("form", BLOCKS)
def test_the_name_of_a_file_is_sent(form: str) -> None:
    block = BLOCKS[form]
    assert content(messages, "claude-sonnet-4-5", block)["title"] == NAME
    assert content(responses, "gpt-5", block)["filename"] == NAME
    assert content(chat_completions, "gpt-4o", block)["file"]["filename"] == NAME


def test_langchain_core_keeps_the_name_in_extras() -> None:
    message = HumanMessage([BLOCKS["Chat Completions"]])
    assert "extras" in message.content_blocks[0]
    assert content(messages, "claude-sonnet-4-5", message.content_blocks[0])["title"] == NAME


ADDRESS = "https://files.example/invoice-2024.pdf"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "file", "file": {"filename": NAME, "file_data": ADDRESS}},
        {"type": "input_file", "filename": NAME, "file_data": ADDRESS},
        {"type": "file", "base64": ADDRESS, "mime_type": "application/pdf", "extras": {"filename": NAME}},
        {"type": "file", "source_type": "base64", "data": ADDRESS, "mime_type": "application/pdf", "filename": NAME},
    ],
    ids=["Chat Completions", "Responses", "v1", "v0"],
)
def test_an_address_in_the_place_of_data_is_an_address(block: dict[str, Any]) -> None:
    sent = content(messages, "claude-sonnet-4-5", block)
    assert (sent["source"], sent["title"]) == ({"type": "url", "url": ADDRESS}, NAME)
    assert content(responses, "gpt-5", block)["file_url"] == ADDRESS


def test_an_address_in_the_place_of_an_images_data_is_an_address() -> None:
    block = {"type": "image", "base64": "https://files.example/cat.png"}
    assert content(responses, "gpt-5", block)["image_url"] == "https://files.example/cat.png"
