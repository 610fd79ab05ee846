"""What goes in: LangChain's messages as the neutral conversation, message by message.

`input_blocks` reads what stands inside one message; here are the roles, and what of an earlier answer is sent back.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_tikhub.content_blocks import annotation, whole_block
from langchain_tikhub.foreign_answers import foreign_parts, legacy_id, only_cache_control
from langchain_tikhub.input_blocks import call_part, part_of, parts_of_content, result_content, tool_answers
from langchain_tikhub.skeleton import (
    AUDIO,
    COMMENTARY,
    SLICED,
    Placed,
    entries_of,
    part_of_entry,
    placed,
)
from tikhub_ai import (
    InvalidRequestError,
    Media,
    Message,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    replay,
    warn,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tikhub_ai import AnyPart, Citation, Role

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
}


def to_conversation(messages: Sequence[BaseMessage]) -> list[Message]:
    """LangChain's messages as the neutral conversation.

    Reasoning, opaque items and other state of a message keep their issuer where one of our classes made it, and have
    none otherwise, so the codec leaves them out. Text and calls are those that the message holds now, even where
    somebody edited them since.

    Args:
        messages: The history, oldest first; not changed.

    Raises:
        InvalidRequestError: A message of a class or role that no model knows.
    """
    answered = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
    out: list[Message] = []
    for message in messages:
        out += _messages(message, answered)
    return out


def _messages(message: BaseMessage, answered: set[str]) -> list[Message]:
    match message:
        case AIMessage():
            return [Message("assistant", _assistant(message, answered), message.name)]
        case ToolMessage():
            return [Message("tool", [*tool_answers(message)])]
        case FunctionMessage():
            result = ToolResult(legacy_id(message.name), result_content(message.content), message.name)
            return [Message("tool", [result])]
        case SystemMessage():
            is_developer = message.additional_kwargs.get("__openai_role__") == "developer"  # as ChatOpenAI marks it
            return [_plain("developer" if is_developer else "system", message)]
        case HumanMessage():
            return _user(message)
        case ChatMessage():
            known = _ROLES.get(message.role.lower())
            if known is not None:
                return [_plain(known, message)]
            raise InvalidRequestError(f"A ChatMessage has role {message.role!r}: use {', '.join(sorted(_ROLES))}.")
        case _:
            raise InvalidRequestError(
                f"{type(message).__name__} is not a message that a model can read: use system, human, AI and tool "
                "messages."
            )


def _plain(role: Role, message: BaseMessage) -> Message:
    return Message(role, parts_of_content(message.content), message.name)


def _user(message: HumanMessage) -> list[Message]:
    """A user's turn; results of tools in it, as Anthropic writes them, are messages of their own."""
    out: list[Message] = []
    for part in parts_of_content(message.content):
        role: Role = "tool" if isinstance(part, ToolResult) else "user"
        if not out or out[-1].role != role:
            out.append(Message(role, name=message.name if role == "user" else None))
        out[-1].parts.append(part)
    return out or [Message("user", [Text("")], message.name)]


# --- an assistant's message -----------------------------------------------------------------------------------------


def _assistant(message: AIMessage, answered: set[str]) -> list[AnyPart]:
    calls: list[Mapping[str, Any]] = [*message.tool_calls]
    valid = {call.get("id") for call in calls}
    for call in message.invalid_tool_calls:  # an answer to it must find its call; without one, it would be refused
        if call.get("id") in valid:
            continue  # the same call, read twice
        if call.get("id") in answered:
            calls.append(call)
        else:
            warn(f"A call of {call.get('name')!r} with invalid arguments, which nobody answered, is left out.")
    if entries_of(message) is None:
        return foreign_parts(message, calls)
    if isinstance(message.content, str):
        parts = _replayed(placed(message, message.content, calls), message)
    elif message.response_metadata.get("output_version") == "v1":
        parts = _from_v1(message, calls)
    else:
        parts = _from_list(message, calls)
    return replay.without_lone_halves(parts)


def _replayed(places: Sequence[Placed], message: AIMessage) -> list[AnyPart]:
    found = [part for place in places if (part := _part(place, message)) is not None]
    return [part for part in found if not replay.says_nothing(part)]


def _part(place: Placed, message: AIMessage) -> AnyPart | None:
    """A part as the message holds it now, with the state it was issued with unless it was edited since."""
    match place.type:
        case "text" | "commentary":
            part: AnyPart | None = Text(place.text)
        case "reasoning":
            part = Reasoning(text=place.text)
        case "refusal":
            part = Refusal(place.text)
        case "tool_call":
            part = call_part(place.call or {})
        case _:
            part = part_of_entry(place.entry, message.additional_kwargs.get(AUDIO))
    return None if part is None else replay.returned(place.entry, part, is_kept=place.is_kept)


def _from_list(message: AIMessage, calls: list[Mapping[str, Any]]) -> list[AnyPart]:
    """An answer of ours whose text was turned into a list of blocks since, such as one with a cache mark."""
    given = [only_cache_control(part) for part in parts_of_content(message.content)]
    texts = [part for part in given if isinstance(part, Text)]
    parts = _replayed(placed(message, "".join(part.text for part in texts), calls), message)
    options = next((part.options for part in reversed(texts) if part.options), None)
    marked = next((part for part in reversed(parts) if isinstance(part, Text)), None)
    if options and marked is not None:
        marked.options = {**(marked.options or {}), **options}
    return parts + [part for part in given if isinstance(part, Media)]


# --- output_version="v1" --------------------------------------------------------------------------------------------


def _from_v1(message: AIMessage, calls: list[Mapping[str, Any]]) -> list[AnyPart]:
    """An answer of ours in `output_version="v1"`: the blocks are the answer, the skeleton has what they lack."""
    entries = entries_of(message) or {}
    by_call = {str(entry.get("id")): entry for entry in entries.values() if entry.get("type") == "tool_call"}
    rest = replay.CallsById(calls, (call.get("id") for call in calls))
    parts: list[AnyPart] = []
    silent = deque(_silent(message, entries))
    for at, block in _in_order(message.content, by_call):
        while silent and isinstance(at, int) and silent[0].at < at:
            parts += _replayed([silent.popleft()], message)
        part = part_of(block)
        if part is None or isinstance(block, str):
            parts += [] if part is None else [part]
        elif isinstance(part, ToolCall):
            if (call := rest.take(part.id)) is not None:
                parts += _replayed([Placed(0, "tool_call", by_call.get(part.id, {}), call=call)], message)
        elif (back := _of_block(part, block, {} if at is None else entries.get(at, {}), message)) is not None:
            parts.append(back)
    return [*parts, *_replayed(silent, message), *(call_part(call) for call in rest.left())]


def _in_order(content: Sequence[Any], by_call: Mapping[str, Mapping[str, Any]]) -> list[tuple[int | None, Any]]:
    """The blocks with their places in the answer, sorted by these; blocks that somebody put in stay where they are.

    In a sum of chunks, a thought without words stands at the end: its block comes with its state, in the last chunk.
    """
    found: list[tuple[int | None, Any]] = []
    for block in content:
        at = block.get("index", by_call.get(str(block.get("id")), {}).get("index")) if isinstance(block, dict) else None
        found.append((at if isinstance(at, int) else None, block))
    ordered = iter(sorted((pair for pair in found if pair[0] is not None), key=lambda pair: pair[0] or 0))
    return [pair if pair[0] is None else next(ordered) for pair in found]


def _silent(message: AIMessage, entries: Mapping[int, Mapping[str, Any]]) -> list[Placed]:
    """The parts that have no words, and so no block, but state that their issuer requires."""
    blocks = [block for block in message.content if isinstance(block, dict) and part_of(block) is not None]
    shown = {block["index"] for block in blocks if isinstance(block.get("index"), int)}
    missing = {index: entry for index, entry in entries.items() if index not in shown}
    return [
        Placed(index, str(entry["type"]), entry)
        for index, entry in missing.items()
        if entry.get("type") in SLICED and not entry.get("length") and replay.has_state(entry)
    ]


def _of_block(part: AnyPart, block: dict[str, Any], entry: Mapping[str, Any], message: AIMessage) -> AnyPart | None:
    """A part of a v1 block, with what the skeleton keeps of it where the block still shows what was issued."""
    marked = only_cache_control(part)
    match marked:
        case Text() | Reasoning() | Refusal() if _type(entry) == replay.PART_TYPES[type(marked)]:
            is_kept = "check" in entry or entry.get("length") == len(marked.text)
            back = replay.returned(entry, marked, is_kept=is_kept)
            if isinstance(back, Text) and "check" in entry:
                back.citations = _still_shown(back.citations, block)
            return back
        case Text() | Reasoning() | Refusal():
            return marked
    whole = part_of_entry(entry, message.additional_kwargs.get(AUDIO))
    if whole is None:
        return part
    shown = whole_block(whole)
    is_kept = _key(shown) == _key({key: value for key, value in block.items() if key not in _MARKS or key in shown})
    if is_kept or not isinstance(part, Media):
        return replay.returned(entry, whole, is_kept=is_kept)
    transcript = (part.options or {}).get("transcript")
    spoken = (
        replace(marked, transcript=transcript) if isinstance(marked, Media) and isinstance(transcript, str) else marked
    )
    return replay.returned(entry, spoken)


def _type(entry: Mapping[str, Any]) -> Any:
    return "text" if entry.get("type") == COMMENTARY else entry.get("type")


_MARKS = frozenset({"index", "id", "cache_control"})
"""What a block may have besides what it shows."""


def _still_shown(citations: list[Citation], block: Mapping[str, Any]) -> list[Citation]:
    """The citations that a block still has: who edited or took away its annotations meant it."""
    annotations = block.get("annotations")
    shown = Counter(_key(one) for one in annotations) if isinstance(annotations, list) else Counter()
    kept: list[Citation] = []
    for citation in citations:
        key = _key(annotation(citation))
        if shown[key]:
            shown[key] -= 1
            kept.append(citation)
    replay.warn_of_sources(len(citations) - len(kept))
    return kept


def _key(shown: Any) -> str:
    return json.dumps(shown, sort_keys=True, default=str)
