"""What LlamaIndex's Anthropic, GoogleGenAI and OpenAIResponses keep for their provider, as the state of parts. Pure.

A thread that one of them began goes on with the same model here. Anthropic keeps a thought's signature in the block's
`additional_information`, OpenAIResponses the reasoning's item there; GoogleGenAI has the signature of each block in the
message's `additional_kwargs["thought_signatures"]`, by the blocks' places.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ToolCallBlock

from tikhub_ai import Issuer, Media, Reasoning, Text, ToolCall, parts_of_wire

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage, ThinkingBlock

    from tikhub_ai import AnyPart

_CLAUDE = Issuer("messages", "claude")
_GEMINI = Issuer("generate_content", "gemini")
_GPT = Issuer("responses", "gpt")


def thought_of(block: ThinkingBlock) -> AnyPart:
    """A thought of another class than ours, with the state that it was issued with, where that class keeps it."""
    said, words = block.additional_information, block.content or ""
    wire: dict[str, Any] = {}
    issuer = _CLAUDE
    if said.get("type") == "redacted_thinking" and isinstance(said.get("data"), str):
        wire = {"type": "redacted_thinking", "data": said["data"]}
    elif isinstance(said.get("signature"), str) and said["signature"]:
        wire = {"type": "thinking", "thinking": words, "signature": said["signature"]}
    elif said.get("type") == "reasoning" or isinstance(said.get("encrypted_content"), str):
        issuer = _GPT
        kept = {name: value for name, value in said.items() if value is not None}
        wire = {**kept, "type": "reasoning", "summary": [{"type": "summary_text", "text": words}] if words else []}
    elif "thought_signature" in said or said.get("thought") is True:
        signature = _text(said.get("thought_signature"))
        return Reasoning(text=words, issuer=_GEMINI, state={"thoughtSignature": signature} if signature else None)
    found = parts_of_wire(issuer, wire) if wire else []
    return found[0] if found else Reasoning(text=words)


class Signatures:
    """The thought signatures of an answer of GoogleGenAI's; none for any other class's.

    Args:
        message: The answer.
    """

    def __init__(self, message: ChatMessage) -> None:
        given = message.additional_kwargs.get("thought_signatures")
        self._is_google = isinstance(given, list)
        listed = [_text(one) for one in given] if isinstance(given, list) else []
        self._of_block = {id(block): signature for block, signature in zip(message.blocks, listed, strict=False)}

    def put(self, part: AnyPart, block: Any) -> None:
        """Give a part what its block was issued with."""
        if not self._is_google or not isinstance(part, Text | Reasoning | Media | ToolCall):
            return
        state: dict[str, Any] = {}
        if signature := self._of_block.get(id(block)):
            state["thoughtSignature"] = signature
        if isinstance(block, ToolCallBlock) and block.tool_call_id and block.tool_call_id != block.tool_name:
            state["id"] = block.tool_call_id  # the class puts the name where the wire gave no id
        if state:
            part.state, part.issuer = {**(part.state or {}), **state}, _GEMINI


def _text(signature: Any) -> str | None:
    if isinstance(signature, bytes):
        return b64encode(signature).decode()
    return signature if isinstance(signature, str) and signature else None
