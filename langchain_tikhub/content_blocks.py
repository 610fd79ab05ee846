"""`content_blocks` of our messages and chunks: LangChain's standard blocks, complete and in order.

`import langchain_tikhub` registers them with LangChain as the translator of `model_provider="tikhub"`, so they work for
messages of old runs loaded from a store too. Every block has a unique int `index`, so that blocks of chunks join right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never, cast

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.content import KNOWN_BLOCK_TYPES

from langchain_tikhub.skeleton import AUDIO, COMMENTARY, Placed, begins, entries_of, part_of_entry, placed
from tikhub_ai import (
    Citation,
    Document,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
    ToolResult,
    replay,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from langchain_core.messages import AIMessage
    from langchain_core.messages.content import ContentBlock

    from tikhub_ai import AnyPart


def translate_content(message: AIMessage) -> list[ContentBlock]:
    """The blocks of a whole answer.

    Raises:
        NotImplementedError: It is not in our form, so LangChain's best effort is due.
    """
    if not isinstance(message.content, str) or entries_of(message) is None:
        raise NotImplementedError
    return _blocks(placed(message, message.content, [*message.tool_calls, *message.invalid_tool_calls]), message)


def translate_content_chunk(chunk: AIMessageChunk) -> list[ContentBlock]:
    """The blocks of one chunk, or of the sum of some.

    Raises:
        NotImplementedError: It is not in our form, so LangChain's best effort is due.
    """
    if not isinstance(chunk.content, str) or (entries_of(chunk) is None and not chunk.tool_call_chunks):
        raise NotImplementedError
    if chunk.chunk_position == "last" and any(piece["name"] for piece in chunk.tool_call_chunks):
        return translate_content(chunk)  # a sum, whose calls are complete
    blocks = _blocks(placed(chunk, chunk.content, ()), chunk)
    for piece in chunk.tool_call_chunks:
        block = {"type": "tool_call_chunk", "id": piece["id"], "name": piece["name"], "args": piece["args"]}
        blocks.append(cast("ContentBlock", block | ({} if piece["index"] is None else {"index": piece["index"]})))
    blocks += [cast("ContentBlock", block) for block in _extras_of_calls(chunk)]
    return sorted(blocks, key=_index) if len(blocks) > 1 else blocks


def _extras_of_calls(chunk: AIMessageChunk) -> list[dict[str, Any]]:
    """What the last chunk says of calls that came before: pieces of them without a word."""
    if chunk.tool_call_chunks or chunk.chunk_position != "last":
        return []
    found: list[dict[str, Any]] = []
    for index, entry in (entries_of(chunk) or {}).items():
        if entry.get("type") == "tool_call" and replay.has_state(entry):
            issued = replay.issued_of(entry)
            if shown := issued_fields("tool_call", issued["state"], issued["issuer"]):
                found.append({"type": "tool_call_chunk", "args": "", "index": index, **shown})
    return found


def _index(block: ContentBlock) -> int:
    index = block.get("index")
    return index if isinstance(index, int) else 0


def _blocks(parts: list[Placed], message: AIMessage) -> list[ContentBlock]:
    blocks = (_block(part, message) for part in parts)
    return [cast("ContentBlock", block) for block in blocks if block is not None]


def _block(part: Placed, message: AIMessage) -> dict[str, Any] | None:
    # A stream's last chunk says what parts were issued with whose words came before.
    is_issued = part.type in _WITH_STATE and (part.is_kept or isinstance(message, AIMessageChunk))
    issued = replay.issued_of(part.entry) if is_issued else {}
    shown = issued_fields(part.type, issued.get("state"), issued.get("issuer"))
    if not (part.text or part.is_kept or shown):  # words that somebody took away
        return None
    match part.type:
        case "text" | "commentary":
            block: dict[str, Any] = {"type": "text", "text": part.text, "index": part.at}
            if part.type == COMMENTARY and _says_phase(part, message):
                block["phase"] = part.type
            if part.is_kept and (citations := replay.citations_of(part.entry)):
                block["annotations"] = [annotation(citation) for citation in citations]
            return block | shown
        case "reasoning":
            return thought_block(part.text, shown) | {"index": part.at}
        case "refusal":
            return refusal_block(part.text) | {"index": part.at}
        case "tool_call":
            return None if part.call is None else call_block(part.call) | shown | {"index": part.at}
        case _:
            whole = part_of_entry(part.entry, message.additional_kwargs.get(AUDIO))
            return None if whole is None else whole_block(whole) | {"index": part.at}


def _says_phase(part: Placed, message: AIMessage) -> bool:
    """In a stream once, with the first words: LangChain joins what a sum's blocks say."""
    is_whole = "check" in part.entry and bool(part.text)
    return begins(part.entry) or is_whole or not isinstance(message, AIMessageChunk)


_WITH_STATE = frozenset({"text", "commentary", "reasoning", "tool_call"})
_OF_A_CALL = ("status", "namespace", "async", "caller")
_OF_AN_IMAGE = ("status", "background", "output_format", "quality", "revised_prompt", "size")
"""What ChatOpenAI shows of an item."""


def issued_fields(kind: str, state: Mapping[str, Any] | None, issuer: Any) -> dict[str, Any]:
    """What a block shows of the state that a part was issued with, where the vendors' classes show it.

    Args:
        kind: The part's, as in its entry.
        state: Its state.
        issuer: Who issued it.
    """
    if not state or issuer is None:
        return {}
    fields: dict[str, Any] = {}
    extras: dict[str, Any] = {}
    match issuer.api, kind:
        case "messages", "reasoning":
            if "redacted" in state:
                return {"redacted": state["redacted"]}
            extras = _only(state, ("signature",))
        case "messages", "tool_call":
            extras = _only(state, ("caller", "toolset_name"))
        case "generate_content", _:
            extras = {"signature": state["thoughtSignature"]} if state.get("thoughtSignature") else {}
        case "responses", "reasoning" | "media":
            item = state.get("item")
            item = item if isinstance(item, dict) else {}
            fields = _only(item, ("id",))
            extras = _only(item, _OF_AN_IMAGE if kind == "media" else ("encrypted_content", "status"))
        case "responses", "text" | "commentary":
            fields = _only(state, ("id", "phase") if kind == "text" else ("id",))
        case "responses", "tool_call":
            extras = ({"item_id": state["id"]} if state.get("id") else {}) | _only(state, _OF_A_CALL)
    return fields | ({"extras": extras} if extras else {})


def _only(state: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: state[name] for name in names if state.get(name) not in (None, "")}


def thought_block(text: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    """A thought as a block; a redacted one as ChatAnthropic shows it, since nobody can read it."""
    if "redacted" in shown:
        return {"type": "non_standard", "value": {"type": "redacted_thinking", "data": shown["redacted"]}}
    return {"type": "reasoning", "reasoning": text, **shown}


def call_block(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call as the message holds it, valid or not, as a block."""
    if call.get("type") == "invalid_tool_call":
        return {"type": "invalid_tool_call", **{key: call.get(key) for key in ("id", "name", "args", "error")}}
    return {"type": "tool_call", "id": call.get("id"), "name": call["name"], "args": call["args"]}


def refusal_block(text: str) -> dict[str, Any]:
    """A refusal: LangChain's own block where it has one (langchain-core 1.7.5)."""
    block = {"type": "refusal", "refusal": text}
    return block if "refusal" in KNOWN_BLOCK_TYPES else {"type": "non_standard", "value": block}


def annotation(citation: Citation) -> dict[str, Any]:
    """A source of a text, as LangChain's annotation."""
    said = {
        "url": citation.url,
        "title": citation.title,
        "cited_text": citation.cited_text,
        "start_index": citation.start,
        "end_index": citation.end,
    }
    out: dict[str, Any] = {"type": "citation", **{key: value for key, value in said.items() if value is not None}}
    if citation.url is None and str(citation.type) not in {"citation", "url_citation"}:
        # ChatOpenAI writes extras over OpenAI's own fields: a `type` there, or any with a URL, makes what it refuses.
        raw = citation.raw if isinstance(citation.raw, dict) else {}
        rest = {key: value for key, value in raw.items() if key not in out and value is not None}
        out["extras"] = {**rest, "citation_type": citation.type}
    return out


def whole_block(part: AnyPart) -> dict[str, Any]:
    """Media, server tools and unknown parts as blocks."""
    match part:
        case Media():
            said = {"url": part.url, "base64": part.data, "file_id": part.file_id, "mime_type": part.mime_type}
            extras = {"name": part.name, "transcript": part.transcript}
            block: dict[str, Any] = {"type": part.kind, **{key: item for key, item in said.items() if item is not None}}
            shown = issued_fields("media", part.state, part.issuer)
            if extras := {key: item for key, item in extras.items() if item} | shown.pop("extras", {}):
                block["extras"] = extras
            return block | shown
        case ServerToolCall():
            args = part.arguments if isinstance(part.arguments, dict) else {}
            if part.arguments is not None and not isinstance(part.arguments, dict):
                args = {"value": part.arguments}
            shown = issued_fields("server_tool_call", part.state, part.issuer)
            return {"type": "server_tool_call", "id": part.id, "name": part.name, "args": args, **shown}
        case ServerToolResult():
            status = "error" if part.is_error else "success"
            out: dict[str, Any] = {"type": "server_tool_result", "tool_call_id": part.tool_call_id, "status": status}
            out |= issued_fields("server_tool_result", part.state, part.issuer)
            return out if part.output is None else out | {"output": part.output}
        case Opaque():
            return {"type": "non_standard", "value": part.value}
        case Text() | Reasoning() | Refusal() | ToolCall() | ToolResult() | Document():  # none of them comes here
            return {"type": "non_standard", "value": {"type": replay.PART_TYPES.get(type(part), "unknown")}}
        case _:
            assert_never(part)
