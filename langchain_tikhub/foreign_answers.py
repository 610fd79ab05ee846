"""Answers of other classes than ours, with the state that their provider must get back. Pure.

A thread that ChatAnthropic, ChatGoogleGenerativeAI, ChatOpenAI or ChatDeepSeek began goes on with the same model here:
thought signatures, encrypted reasoning, items and phases go back as that class would send them. To another provider's
model they are left out, as our own are. Of classes not known here, words, calls and media are read, in any form.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langchain_tikhub.input_blocks import arguments_text, call_part, part_of, parts_of_content
from langchain_tikhub.skeleton import AUDIO, REASONING, REFUSAL
from langchain_tikhub.vendor_blocks import ITEM_IDS, SIGNATURES, Piece, claude_pieces, gemini_pieces, openai_pieces
from tikhub_ai import (
    Issuer,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    model_facts,
    parts_of_wire,
    replay,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.messages import AIMessage

    from tikhub_ai import AnyPart

_PIECES: dict[str, Callable[[AIMessage], Iterator[Piece]]] = {
    "messages": claude_pieces,
    "generate_content": gemini_pieces,
    "responses": openai_pieces,
}
_OF_PROVIDERS = {
    "anthropic": "messages",
    "google_anthropic_vertex": "messages",
    "google_genai": "generate_content",
    "google_vertexai": "generate_content",
    "openai": "responses",
    "azure": "responses",
    "azure_openai": "responses",
    "deepseek": "chat_completions",
}
"""By `model_provider`, the API whose form an answer's state has."""
_OF_FAMILIES = {"claude": "messages", "gemini": "generate_content", "gpt": "responses", "deepseek": "chat_completions"}
_NOBODY = "another provider"
_FAMILIES = {api: family for family, api in _OF_FAMILIES.items()}
_SIGNS = {
    **dict.fromkeys(
        (
            "thinking",
            "redacted_thinking",
            "tool_use",
            "server_tool_use",
            "mcp_tool_use",
            "mcp_tool_listing",
            "fallback",
        ),
        "messages",
    ),
    **dict.fromkeys(("executable_code", "code_execution_result", "function_call_signature"), "generate_content"),
    **dict.fromkeys(("function_call", "custom_tool_call", "web_search_call", "file_search_call"), "responses"),
}
"""Kinds of blocks that tell whose an answer is, where the message does not say it."""
_ITEM_IDS = ("msg_", "rs_", "fc_", "ig_", "ws_")
"""How OpenAI's ids begin of the items that a block may be of."""


def foreign_parts(message: AIMessage, calls: Sequence[Mapping[str, Any]]) -> list[AnyPart]:
    """An answer of another class as parts.

    Args:
        message: The answer.
        calls: The calls that it holds now. They win over those of its content, which may show their places.
    """
    kwargs = message.additional_kwargs
    content = _issued(message)
    is_known = content is not None
    maker = Issuer("another class", str(message.response_metadata.get("model_provider") or _NOBODY))
    if content is None:
        content = [_not_issued(part, maker) for part in parts_of_content(message.content)]
    parts = [*_placed(content, calls, keeps_others=not (message.tool_calls or message.invalid_tool_calls))]
    if not any(isinstance(part, Reasoning) for part in parts):
        thoughts = kwargs.get(REASONING)
        if isinstance(thoughts, str):
            parts.insert(0, Reasoning(text=thoughts))
    if isinstance(refusal := kwargs.get(REFUSAL), str) and not any(isinstance(part, Refusal) for part in parts):
        at = next((at for at, part in enumerate(parts) if isinstance(part, ToolCall)), len(parts))
        parts.insert(at, Refusal(refusal))
    if isinstance(audio := kwargs.get(AUDIO), dict) and audio.get("transcript") and not message.content:
        parts.append(Text(audio["transcript"]))
    legacy = kwargs.get("function_call")
    if isinstance(legacy, dict) and not is_known and not any(isinstance(part, ToolCall) for part in parts):
        name = str(legacy.get("name") or "")
        parts.append(ToolCall(legacy_id(name), name, arguments_text(legacy.get("arguments"))))
    return parts


def legacy_id(name: str | None) -> str:
    """OpenAI's `function_call` of 2023 has no id; a name stands for the one call that it could be."""
    return f"call_{name or 'function'}"


def only_cache_control(part: AnyPart) -> AnyPart:
    """Of the extras that other classes' answers carry, only cache marks are the caller's."""
    mark = (part.options or {}).get("cache_control")
    return replace(part, options=None if mark is None else {"cache_control": mark})


def _not_issued(part: AnyPart, maker: Issuer) -> AnyPart:
    if isinstance(part, Opaque) or (isinstance(part, Media) and part.file_id is not None and maker.family != _NOBODY):
        return replace(part, issuer=maker)  # without an issuer, it would be the caller's own, and sent
    return part if isinstance(part, ToolCall) else only_cache_control(part)


# --- calls ----------------------------------------------------------------------------------------------------------


def _placed(parts: Sequence[AnyPart], calls: Sequence[Mapping[str, Any]], *, keeps_others: bool) -> Iterator[AnyPart]:
    """The parts with the calls that the message holds now: in their places, and in their order where they have none.

    Args:
        parts: The content's parts.
        calls: The calls.
        keeps_others: Whether calls of the content that are not among them stay: nobody has read it yet.
    """
    placed = {part.id for part in parts if isinstance(part, ToolCall)}
    numbered = replay.CallsById(enumerate(calls), (call.get("id") for call in calls))
    unplaced = deque((number, call) for number, call in enumerate(calls) if (call.get("id") or "") not in placed)
    taken: set[int] = set()
    for part in parts:
        if not isinstance(part, ToolCall):
            yield part
        elif (found := numbered.take(part.id)) is not None:
            while unplaced and unplaced[0][0] < found[0]:
                taken.add(unplaced[0][0])
                yield call_part(unplaced.popleft()[1])
            yield _as_now(part, found[1])
        elif keeps_others:
            yield part
    for number, call in numbered.left():
        if number not in taken:
            yield call_part(call)


def _as_now(part: ToolCall, call: Mapping[str, Any]) -> ToolCall:
    """A call as the message holds it now, with its state; its arguments to the letter where nobody edited them."""
    now, args = call_part(call), call.get("args")
    if (part.state or {}).get("type") == "custom_tool_call" and isinstance(args, Mapping) and args.keys() == {"__arg1"}:
        now.arguments = json.dumps({"input": args["__arg1"]}, ensure_ascii=False)  # as ChatOpenAI calls the text
    same = replay.check_of(part) == replay.check_of(now)
    return part if same else replace(part, name=now.name, arguments=now.arguments)


# --- answers of the vendors' classes --------------------------------------------------------------------------------


def _issued(message: AIMessage) -> list[AnyPart] | None:
    """The content's parts with their state; None where no class is known that keeps any."""
    issuer = _issuer(message)
    if issuer is None:
        return None
    if issuer.api == "chat_completions":
        return _of_chat_completions(message, issuer)
    return [part for piece in _PIECES[issuer.api](message) for part in _parts_of_piece(piece, issuer)]


def _of_chat_completions(message: AIMessage, issuer: Issuer) -> list[AnyPart] | None:
    """ChatDeepSeek's answer, whose thought DeepSeek requires back beside its calls."""
    said = message.additional_kwargs.get(REASONING)
    parts = parts_of_content(message.content)
    thought = said if isinstance(said, str) else "".join(part.text for part in parts if isinstance(part, Reasoning))
    if not thought:
        return None
    wire = {"role": "assistant", "content": None, "reasoning_content": thought}
    return [*parts_of_wire(issuer, wire), *(only_cache_control(part) for part in parts if type(part) is not Reasoning)]


def _issuer(message: AIMessage) -> Issuer | None:
    """Who made an answer, and in which API's form its state is."""
    said = message.response_metadata
    model = str(said.get("model_name") or said.get("model") or said.get("model_id") or "")
    provider = str(said.get("model_provider") or "")
    if "claude" in model.lower():  # whoever serves it: its signatures hold on every platform
        return Issuer("messages", "claude") if isinstance(message.content, list) else None
    family = model_facts(model).family if model else ""
    api = _OF_PROVIDERS.get(provider) or ("" if provider else _OF_FAMILIES.get(family) or _by_signs(message))
    if not api or (api == "responses" and not _is_of_responses(message)):
        return None
    return Issuer(api, family if family and api in {"responses", "chat_completions"} else _FAMILIES[api])


def _by_signs(message: AIMessage) -> str:
    """The API of an answer that does not say whose it is: of a class of before `model_provider`, or made by hand."""
    kwargs = message.additional_kwargs
    if SIGNATURES in kwargs:
        return "generate_content"
    if ITEM_IDS in kwargs or isinstance(kwargs.get("reasoning"), dict):
        return "responses"
    for block in message.content:
        if not isinstance(block, dict):
            continue
        kind = str(block.get("type"))
        if api := _SIGNS.get(kind):
            return api
        if kind.endswith("_tool_result") or (kind == "compaction" and "content" in block):  # OpenAI's is encrypted
            return "messages"
        if str(block.get("id")).startswith(_ITEM_IDS) or "phase" in block:
            return "responses"
        if block.get("type") == "reasoning" and ("summary" in block or "encrypted_content" in block):
            return "responses"
        extras = block.get("extras")
        if block.get("thought_signature") or (isinstance(extras, dict) and isinstance(extras.get("signature"), str)):
            return "generate_content"
    return ""


def _is_of_responses(message: AIMessage) -> bool:
    """Whether ChatOpenAI had it from Responses: chat completions leave nothing that must go back."""
    kwargs = message.additional_kwargs
    return isinstance(message.content, list) or ITEM_IDS in kwargs or isinstance(kwargs.get("reasoning"), dict)


def _parts_of_piece(piece: Piece, issuer: Issuer) -> list[AnyPart]:
    if piece.wire is not None:
        found = parts_of_wire(issuer, piece.wire)
    else:
        read = part_of(piece.block)
        found = [] if read is None else [_with_signature(only_cache_control(read), piece.signature, issuer)]
    mark = _cache_mark(piece.block)
    for part in found:
        if mark is not None:
            part.options = {**(part.options or {}), "cache_control": mark}
        if isinstance(part, ToolCall) and piece.call_id is not None:
            part.id = piece.call_id
    return found


def _with_signature(part: AnyPart, signature: str | None, issuer: Issuer) -> AnyPart:
    """A part that was read like any class's. What nobody can read is in no wire's form; a file's id is its issuer's."""
    if isinstance(part, Opaque):
        return replace(part, issuer=Issuer("another class", issuer.family))
    if isinstance(part, Media) and (signature or part.file_id):
        return replace(part, state={"thoughtSignature": signature} if signature else None, issuer=issuer)
    return part


def _cache_mark(block: Any) -> Any:
    if not isinstance(block, Mapping):
        return None
    extras = block.get("extras")
    return block.get("cache_control") or (extras.get("cache_control") if isinstance(extras, Mapping) else None)
