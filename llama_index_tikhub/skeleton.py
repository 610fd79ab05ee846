"""Where a message of LlamaIndex holds the parts of an answer, and how they are found again in order.

Its blocks have no place for a tool call's signature, for opaque items, or for several texts in one answer. These stand
in `message.additional_kwargs["tikhub_parts"]`, as the entries of `tikhub_ai.replay`: one for each part, in order, tool
calls by their id. When an answer is sent back, its text, calls, thoughts and media are those of the message's own
blocks, which a person or a framework may have edited; order and state are the skeleton's.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, assert_never

from tikhub_ai import (
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
    warn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tikhub_ai import AnyPart, Citation

SKELETON = "tikhub_parts"
REFUSAL = "refusal"
TRANSCRIPT = "audio_transcript"

_PLAIN = frozenset({"type", "length", "check", "id"})
"""What an entry has at least."""
_WORDS = frozenset({"text", "refusal"})
"""Parts whose words are in the message's text."""


# --- part to entry --------------------------------------------------------------------------------------------------


def skeleton_of(parts: Sequence[AnyPart], shown: Mapping[int, Media]) -> list[dict[str, Any]]:
    """The skeleton of an answer; empty where its blocks alone are enough.

    Args:
        parts: The answer.
        shown: The media part at an index as its block holds it, where it has a block.
    """
    entries = [_entry(part, shown.get(index)) for index, part in enumerate(parts)]
    texts = sum(isinstance(part, (Text, Refusal)) for part in parts)
    is_plain = all(isinstance(part, (Text, Reasoning, ToolCall)) for part in parts)
    return [] if is_plain and texts <= 1 and all(entry.keys() <= _PLAIN for entry in entries) else entries


def _entry(part: AnyPart, shown: Media | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": replay.PART_TYPES.get(type(part), "unknown")}
    match part:
        case Text():
            citations = [replay.citation_dict(citation) for citation in part.citations]
            return entry | ({"citations": citations} if citations else {}) | replay.kept_of(part)
        case Refusal():
            return entry | replay.kept_of(part)
        case Reasoning():
            return entry  # its block has all
        case ToolCall():
            return entry | {"id": part.id} | replay.kept_of(part)
        case Media():
            spoken = {"spoken": len(part.transcript)} if part.transcript else {}
            return (
                entry
                | spoken
                | (replay.whole_of(part) | replay.kept_of(part) if shown is None else _of_block(part, shown))
            )
        case ServerToolCall() | ServerToolResult() | Opaque() | ToolResult() | Document():
            return entry | replay.whole_of(part) | replay.kept_of(part)
        case _:
            assert_never(part)


def _of_block(part: Media, shown: Media) -> dict[str, Any]:
    """What the block of media has no place for. The hash is of the block's content, since it normalises addresses."""
    kept = replay.kept_of(part)
    if kept:
        kept["check"] = replay.check_of(replace(shown, transcript=part.transcript))
    if part.kind == "audio" and part.mime_type:  # a block knows the format only, and raw speech has its rate here
        kept["mime_type"] = part.mime_type
    return {"has_block": True, "kind": part.kind} | kept


# --- entry to part --------------------------------------------------------------------------------------------------


class Skeleton:
    """Puts the parts that a message's blocks hold back into the order and the state that they had in the answer.

    Args:
        entries: The skeleton.
        kwargs: The message's `additional_kwargs`: words spoken, and calls as the model made them.
        parts: The parts that the message's blocks hold now, in their order.
        shown: Returns a citation as its block holds it.
    """

    def __init__(
        self,
        entries: Sequence[Any],
        kwargs: Mapping[str, Any],
        parts: Sequence[AnyPart],
        shown: Callable[[Citation], Citation],
    ) -> None:
        self._entries: list[dict[str, Any]] = [dict(entry) for entry in entries if isinstance(entry, dict)]
        self._originals = {call.id: call for call in calls_in_kwargs(kwargs)}
        self._reasoning = deque(part for part in parts if isinstance(part, Reasoning))
        calls = [part for part in parts if isinstance(part, ToolCall)]
        self._calls = replay.CallsById(calls, (call.id for call in calls))
        texts = [part for part in parts if isinstance(part, Text)]
        words = [entry for entry in self._entries if entry.get("type") in _WORDS]
        taken = replay.sliced(words, "".join(part.text for part in texts))
        self._slices = deque(taken.slices)
        self._added, self._words_before = taken.added, taken.before
        self._shown = shown
        self._cited = Counter(_key(citation) for part in texts for citation in part.citations)
        self._set_media([part for part in parts if isinstance(part, Media)], kwargs.get(TRANSCRIPT))

    def _set_media(self, media: Sequence[Media], spoken: Any) -> None:
        """Find each entry's block: by its content, else by its place where none was added or taken away."""
        entries = [entry for entry in self._entries if entry.get("type") == "media"]
        lengths = [{"length": entry.get("spoken", len(str(entry.get("transcript") or "")))} for entry in entries]
        self._transcripts = deque(replay.sliced(lengths, spoken if isinstance(spoken, str) else "").slices)
        with_block = [entry for entry in entries if entry.get("has_block")]
        by_source = replay.CallsById(media, (_source(replay.check_of(one)) for one in media))
        found = [by_source.take(_source(entry.get("check") or "none")) for entry in with_block]
        self._media_left = deque(by_source.left())
        is_whole = len(with_block) == len(media)
        self._media: deque[Media | None] = deque()
        for entry, block in zip(with_block, found, strict=True):
            is_next = block is None and self._media_left and (is_whole or "check" not in entry)
            self._media.append(self._media_left.popleft() if is_next else block)

    def restored(self) -> list[AnyPart]:
        """The parts as they are to be sent."""
        found: list[AnyPart] = []
        added_at, words = 0, 0
        for entry in self._entries:
            if (is_words := entry.get("type") in _WORDS) and words == self._words_before:
                added_at = len(found)
            if (part := self._restored(entry)) is not None and not replay.says_nothing(part):
                found.append(part)
            if is_words:
                words += 1
                added_at = len(found) if words == self._words_before else added_at
        if self._added:
            found.insert(added_at if words else len(found), Text(self._added))
        return replay.without_lone_halves([*found, *self._reasoning, *self._media_left, *self._calls.left()])

    def _restored(self, entry: dict[str, Any]) -> AnyPart | None:
        """An entry's part as the message holds it, with its state where it is as it was issued."""
        is_kept = True
        match entry.get("type"):
            case "reasoning":
                return self._reasoning.popleft() if self._reasoning else None  # its block has its state
            case "text":
                text, is_kept = self._slices.popleft()
                part: AnyPart | None = Text(text)
            case "refusal":
                text, is_kept = self._slices.popleft()
                part = Refusal(text)
            case "tool_call":
                part = self._call(entry)
            case "media":
                part = self._media_part(entry)
            case _:
                part = replay.whole_part(entry)
        back = None if part is None else replay.returned(entry, part, is_kept=is_kept)
        if isinstance(back, Text) and "check" in entry:
            back.citations = self._still_shown(back.citations)
        return back

    def _call(self, entry: dict[str, Any]) -> ToolCall | None:
        call: ToolCall | None = self._calls.take(entry.get("id"))
        original = self._originals.get(call.id) if call else None
        if original is not None and "arguments" not in entry:  # where messages of older versions keep them
            entry |= {"name": original.name, "arguments": original.arguments}
        return call

    def _media_part(self, entry: dict[str, Any]) -> Media | None:
        transcript = self._transcripts.popleft().text or None
        if not entry.get("has_block"):
            media = replay.whole_part({"kind": "audio"} | entry)  # earlier versions did not say it of speech
            return replace(media, transcript=transcript) if isinstance(media, Media) else None
        block = self._media.popleft()
        if block is None:
            if replay.has_state(entry):
                warn("Media of an answer were taken away, and with them what their issuer wants back.")
            return None
        return replace(block, transcript=transcript, mime_type=entry.get("mime_type", block.mime_type))

    def _still_shown(self, citations: list[Citation]) -> list[Citation]:
        """The citations that the message still has blocks of."""
        kept: list[Citation] = []
        for citation in citations:
            key = _key(self._shown(citation))
            if self._cited[key]:
                self._cited[key] -= 1
                kept.append(citation)
        replay.warn_of_sources(len(citations) - len(kept))
        return kept


def _key(citation: Citation) -> tuple[Any, ...]:
    return citation.url, citation.title, citation.cited_text, citation.start, citation.end


def _source(check: Any) -> str:
    return str(check).partition(".")[0]


# --- tool calls -----------------------------------------------------------------------------------------------------


def parsed_arguments(arguments: str) -> dict[str, Any] | None:
    """A call's arguments, or None where they are no JSON object. `null` is an empty one."""
    try:
        value = json.loads(arguments or "{}")
    except ValueError:
        return None
    if value is None:
        return {}
    return value if isinstance(value, dict) else None


def as_arguments(value: Any) -> str:
    """A call's arguments as JSON text."""
    return value if isinstance(value, str) else json.dumps(value or {}, ensure_ascii=False, default=str)


def calls_in_kwargs(kwargs: Mapping[str, Any]) -> list[ToolCall]:
    """The calls that a message's `additional_kwargs` hold, in any of the shapes that LlamaIndex's classes leave there.

    OpenAI's `{id, function: {name, arguments}}`, its Responses' `{call_id, name, arguments}`, Anthropic's
    `{id, name, input}`, Google's `{name, args}`, each as a dict or as the vendor's object, and the old
    `function_call: {name, arguments}`.
    """
    given = kwargs.get("tool_calls")
    calls = list(given) if isinstance(given, list | tuple) else []
    if not calls and kwargs.get("function_call"):
        calls = [kwargs["function_call"]]
    return [call for item in calls if (call := _call_of(item)) is not None]


def _call_of(item: Any) -> ToolCall | None:
    function = _field(item, "function") or item
    name = _field(function, "name")
    if not isinstance(name, str):
        return None
    arguments = next(
        (value for key in ("arguments", "input", "args") if (value := _field(function, key)) is not None), ""
    )
    return ToolCall(str(_field(item, "call_id") or _field(item, "id") or ""), name, as_arguments(arguments) or "{}")


def _field(item: Any, name: str) -> Any:
    return item.get(name) if isinstance(item, dict) else getattr(item, name, None)
