"""A conversation as the `system` and `messages` of POST /v1/messages."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import TYPE_CHECKING, Any, assert_never

from tikhub_ai.apis.common_history import (
    Dropped,
    cannot_carry,
    fitting_id,
    in_words,
    object_in_words,
    paired,
    parsed_arguments,
)
from tikhub_ai.apis.messages.turns import Turns
from tikhub_ai.conversation import (
    AnyPart,
    Document,
    Issuer,
    Media,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
    ToolResult,
)
from tikhub_ai.errors import InvalidRequestError, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

_TOOL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What the wire takes as the id of a call; other providers' ids may hold more."""
_IMAGE_SIGNATURES = {"iVBOR": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp"}
"""How the base64 of an image begins, and what it is: the wire refuses a wrong `media_type`."""
NOT_EXPLAINED = "The model refused to answer."
"""Our words for a refusal that Claude gives none for."""
_OF_RESULTS = frozenset({"tool_reference", "browser_state"})
"""Blocks that a result may hold, and that have no form of ours: see `ToolResultBlockParam` of the SDK."""
_OPTIONS = {
    "text": ("citations",),
    "image": ("transformations",),
    "document": ("citations", "context"),
    "search_result": ("citations",),
}
"""What the caller may ask of a block beside `cache_control`: the fields of these blocks in the SDK's types."""
_TAKES = "images and PDFs by URL, base64 or file id, and documents in text"


def encode_conversation(
    messages: Sequence[Message], reader: Issuer, instruction: str | None, *, later_system: bool = False
) -> dict[str, Any]:
    """The wire's `system`, if any, and `messages`.

    Turns of one role that follow each other are joined, as the wire itself would join them: results of parallel calls
    must stand in one turn. Texts without words are left out, which the wire refuses.

    Args:
        messages: The conversation; not changed.
        reader: Who will read it: only state that it issued is sent.
        instruction: Added to the system prompt.
        later_system: Whether the model takes system messages within the conversation.

    Raises:
        InvalidRequestError: A part that this wire cannot carry, a tool result without its call, or no turn at all.
    """
    messages = paired(messages)
    encoder = _Encoder(reader, later_system=later_system)
    for message in messages:
        encoder.add(message)
    return encoder.finish(instruction)


class _Encoder:
    def __init__(self, reader: Issuer, *, later_system: bool) -> None:
        self._reader = reader
        self._dropped = Dropped(reader)
        self._system: list[dict[str, Any]] = []
        self._turns = Turns(later_system=later_system)
        self._toolsets: dict[str, str] = {}
        self._by_code: set[str] = set()
        self._unmarked = 0

    def add(self, message: Message) -> None:
        match message.role:
            case "system" | "developer":
                self._instructions(message)
            case "assistant":
                self._turns.add("assistant", [block for part in message.parts for block in self._said(part)])
            case _:
                self._turns.add("user", [block for part in message.parts for block in self._given(part)])

    def finish(self, instruction: str | None) -> dict[str, Any]:
        self._dropped.warn()
        if self._unmarked:
            warn("Calls that Claude's code makes, and their results, take no cache mark: it is left out.")
        turns = self._turns.finished()
        if not turns:
            raise InvalidRequestError("The messages hold nothing to answer: give at least one user message with words.")
        for turn in turns:
            if turn["role"] == "user":  # the wire wants results first
                turn["content"].sort(key=lambda block: block.get("type") != "tool_result")
        said = [turn for turn in turns if turn["role"] != "system"] or turns
        if said[-1]["role"] == "assistant" and (prefill := said[-1]["content"][-1]).get("type") == "text":
            said[-1]["content"][-1] = prefill | {"text": prefill["text"].rstrip()}  # white space is refused at its end
        for turn in turns:
            turn["content"] = _simplest(turn["content"])
        if instruction:
            self._system.append({"type": "text", "text": instruction})
        system = {"system": _simplest(self._system)} if self._system else {}
        return {**system, "messages": turns}

    def _instructions(self, message: Message) -> None:
        """The system prompt; where the conversation has begun, a turn of its own."""
        parts = [said for part in message.parts for said in _as_instruction(part)]
        blocks = [block for part in parts for block in self._given(part)]
        if self._turns:
            self._turns.add("system", blocks)
        else:
            self._system += blocks

    # --- what users, tools and systems say --------------------------------------------------------------------------

    def _given(self, part: AnyPart) -> list[dict[str, Any]]:
        match part:
            case Text() | Refusal():
                block = _text(part.text)
                if block and isinstance(cited := (part.options or {}).get("citations"), list):
                    block["citations"] = cited
            case Media():
                block = _media(part)
            case Document():
                block = self._document(part)
            case ToolResult():
                block = self._tool_result(part)
            case Opaque() if part.issuer in {None, self._reader}:
                block = dict(part.value)
            case Opaque() | Reasoning() | ToolCall() | ServerToolCall() | ServerToolResult():
                self._dropped.add(part)
                return []
            case _:
                assert_never(part)
        if block is None:
            return []
        options = part.options or {}
        if "cache_control" in options:
            block["cache_control"] = options["cache_control"]
        if options and not isinstance(part, ToolResult):  # whose fields are those of a wire's whole block
            self._dropped.options(part, _OPTIONS.get(str(block.get("type")), ()))
        return [self._markable(block, part.tool_call_id if isinstance(part, ToolResult) else None)]

    def _tool_result(self, result: ToolResult) -> dict[str, Any]:
        block: dict[str, Any] = {
            "type": "tool_result",
            "tool_use_id": fitting_id(result.tool_call_id, _TOOL_ID, "toolu_"),
        }
        content = [inner for part in result.content for inner in self._given(_as_result(part))]
        marks = [inner.pop("cache_control") for inner in content if "cache_control" in inner]
        if marks:  # the result is the block that is cached, not what it holds
            block["cache_control"] = marks[-1]
        if content:
            block["content"] = _simplest(content)
        if result.is_error:
            block["is_error"] = True
        toolset = (result.options or {}).get("toolset_name") or self._toolsets.get(result.tool_call_id)
        return block if toolset is None else {**block, "toolset_name": toolset}

    def _document(self, document: Document) -> dict[str, Any] | None:
        options = document.options or {}
        content = [block for part in document.content for block in self._given(part)]
        if not content:
            return None
        citations = options.get("citations")
        if document.source is not None and all(block["type"] == "text" for block in content):
            title = document.title or document.source
            block: dict[str, Any] = {
                "type": "search_result", "source": document.source, "title": title, "content": content,
            }  # fmt: skip
        else:
            simple = _simplest(content)
            if isinstance(simple, str):
                source: dict[str, Any] = {"type": "text", "media_type": "text/plain", "data": simple}
            else:
                source = {"type": "content", "content": simple}
            block = {"type": "document", "source": source}
            if heading := document.title or document.source:
                block["title"] = heading
            if options.get("context"):
                block["context"] = options["context"]
        if citations is not None:
            block["citations"] = citations
        return block

    # --- what the assistant said ------------------------------------------------------------------------------------

    def _said(self, part: AnyPart) -> list[dict[str, Any]]:
        is_own = part.issuer == self._reader
        match part:
            case Text():
                block = _text(part.text)
                if block and is_own and part.citations:
                    block["citations"] = [_cited(citation.raw) for citation in part.citations if citation.raw]
            case Refusal(text=words):
                block = None if words == NOT_EXPLAINED else _text(words)
            case Reasoning() if is_own and _can_return(part):
                return [_thinking(part)]
            case ToolCall():
                block = self._tool_use(part)
            case ServerToolCall() | ServerToolResult() if is_own and isinstance((part.state or {}).get("block"), dict):
                block = dict((part.state or {})["block"])
            case Opaque() if is_own:
                block = dict(part.value)
            case Media() if part.transcript:
                block = _text(part.transcript)
            case Document():
                return [block for inner in in_words(part) for block in self._said(inner)]
            case Reasoning() | Media() | Opaque() | ToolResult() | ServerToolCall() | ServerToolResult():
                self._dropped.add(part)
                return []
            case _:
                assert_never(part)
        if block is None:
            return []
        if part.options and "cache_control" in part.options:
            block["cache_control"] = part.options["cache_control"]
        return [self._markable(block, part.id if isinstance(part, ToolCall) else None)]

    def _markable(self, block: dict[str, Any], call_id: str | None) -> dict[str, Any]:
        """The block, without a cache mark where it is of a call that the model's code makes: the wire refuses one."""
        if call_id in self._by_code and block.pop("cache_control", None) is not None:
            self._unmarked += 1
        return block

    def _tool_use(self, call: ToolCall) -> dict[str, Any]:
        block = {
            "type": "tool_use",
            "id": fitting_id(call.id, _TOOL_ID, "toolu_"),
            "name": call.name,
            "input": _input(call),
        }
        if call.issuer == self._reader and call.state:
            block |= call.state
            if isinstance(toolset := call.state.get("toolset_name"), str):  # its result must name it, too
                self._toolsets[call.id] = toolset
            if is_called_by_code(call):
                self._by_code.add(call.id)
        return block


def is_called_by_code(call: ToolCall) -> bool:
    """Whether code that the model runs on Anthropic's servers makes the call, and not the model itself."""
    caller = (call.state or {}).get("caller")
    return isinstance(caller, dict) and str(caller.get("type")).startswith("code_execution")


def _text(text: str) -> dict[str, Any] | None:
    """A text block; None for one without words, which the wire refuses."""
    return {"type": "text", "text": text} if text.strip() else None


def _as_result(part: Text | Media | Document | Opaque) -> AnyPart:
    """A part of a result: an object that is no block of the wire's is what the tool returned."""
    return object_in_words(part) if isinstance(part, Opaque) and part.value.get("type") not in _OF_RESULTS else part


def _as_instruction(part: AnyPart) -> Sequence[AnyPart]:
    """A part of the system prompt, which this wire takes in words alone."""
    if isinstance(part, Document):
        return in_words(part)
    if isinstance(part, Media):
        raise cannot_carry("The system prompt of messages", part, "text; put it into a user message")
    return [part]


def _cited(citation: dict[str, Any]) -> dict[str, Any]:
    """A citation as the wire takes it back: answers have `file_id` null, which it refuses as input."""
    return {key: value for key, value in citation.items() if key != "file_id" or value is not None}


def _simplest(blocks: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """One string where one plain text is all there is."""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        text: str = blocks[0]["text"]
        return text
    return blocks


def _thinking(part: Reasoning) -> dict[str, Any]:
    """A thinking block exactly as it came: its signature covers its text."""
    state = part.state or {}
    if "redacted" in state:
        return {"type": "redacted_thinking", "data": state["redacted"]}
    return {"type": "thinking", "thinking": part.text, **state}


def _can_return(part: Reasoning) -> bool:
    """Claude refuses thoughts without a signature; others that speak this wire give none."""
    state = part.state or {}
    return bool(state.get("signature") or state.get("redacted")) or (
        part.issuer is not None and part.issuer.family != "claude"
    )


def _input(call: ToolCall) -> dict[str, Any]:
    """A call's arguments, which the wire takes as an object only."""
    value = parsed_arguments(call)
    if value is not None:
        return value
    warn(f"The arguments of a call of {call.name!r} are no JSON object: they are sent as text.")
    return {"arguments": call.arguments}


# --- media ----------------------------------------------------------------------------------------------------------


def _media(part: Media) -> dict[str, Any]:
    mime = part.mime_type or ""
    if part.kind in {"audio", "video"} or mime.startswith(("audio/", "video/")):
        raise cannot_carry("messages", part, _TAKES)
    is_image = part.kind == "image" or mime.startswith("image/")
    block: dict[str, Any] = {"type": "image" if is_image else "document", "source": _source(part, is_image=is_image)}
    options = part.options or {}
    if not is_image and part.name:
        block["title"] = part.name
    return block | {name: options[name] for name in _OPTIONS[block["type"]] if options.get(name) is not None}


def _source(part: Media, *, is_image: bool) -> dict[str, Any]:
    if part.file_id:
        return {"type": "file", "file_id": part.file_id}
    if part.url:
        return {"type": "url", "url": part.url}
    data, mime = part.data or "", (part.mime_type or "").partition(";")[0].lower()
    if is_image:
        found = next((kind for start, kind in _IMAGE_SIGNATURES.items() if data.startswith(start)), None)
        mime = {"image/jpg": "image/jpeg", "": "image/png"}.get(mime, mime)
        return {"type": "base64", "media_type": found or mime, "data": data}
    if mime in {"", "application/pdf"}:
        return {"type": "base64", "media_type": "application/pdf", "data": data}
    if mime.startswith("text/") or mime in {"application/json", "application/xml"}:
        try:
            text = b64decode(data).decode()
        except ValueError:
            raise cannot_carry("messages", part, _TAKES) from None
        return {"type": "text", "media_type": "text/plain", "data": text}
    raise cannot_carry("messages", part, _TAKES)
