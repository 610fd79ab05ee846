"""What an answer keeps in `additional_kwargs`, so that its parts stay in order and can be sent back.

`content` holds the answer's text, `reasoning_content` its reasoning, `refusal` its refusal, `audio` its speech, each
joined, and `tool_calls` its calls, since that is where users and LangChain's own middlewares look for them and edit
them. `tikhub_parts` is what these lack: a list of dicts, one for each part, in order, keyed by an int `index`. A text,
reasoning or refusal part says how many characters of its string are its own; a call says its id; all other parts are
here whole. Replay state and its issuer are kept beside.

The entries are shaped by how LangChain merges the chunks of a stream: dicts of a list join by equal `index`, ints add
up (but for equal ones, of which the second is dropped), strings are continued, and floats and bools raise. So all is
said once, lengths with the last chunk, and values that hold a float or a bool are kept as JSON text.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from tikhub_ai import (
    Citation,
    Issuer,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.messages import AIMessage

    from tikhub_ai import AnyPart

PARTS = "tikhub_parts"
REASONING = "reasoning_content"
REFUSAL = "refusal"
AUDIO = "audio"

SLICED = {"text": "content", "reasoning": REASONING, "refusal": REFUSAL}
"""Parts that are a slice of a string of the message, and which."""

_WHOLE_TYPES = {
    Media: "media",
    ServerToolCall: "server_tool_call",
    ServerToolResult: "server_tool_result",
    Opaque: "opaque",
}
_WHOLE_CLASSES: dict[str, type[Any]] = {name: kind for kind, name in _WHOLE_TYPES.items()}
_KEPT = ("state", "issuer", "options")
_WORTH_AN_EMPTY_PART = {"state", "state_json", "citations"}


# --- part to entry --------------------------------------------------------------------------------------------------


def skeleton(parts: Sequence[AnyPart]) -> dict[str, Any]:
    """The `additional_kwargs` of a whole answer: what the chunks of the same answer, streamed, merge to."""
    kwargs: dict[str, Any] = {}
    listed: list[dict[str, Any]] = []
    for index, part in enumerate(parts):
        if holds_speech(part, kwargs):
            kwargs[AUDIO] = speech_of(part)
            entry: dict[str, Any] = {"index": index, "type": "speech"} | _said("mime_type", part.mime_type)
        else:
            strings, entry = first_said(part, index)
            kwargs |= {name: kwargs.get(name, "") + text for name, text in strings.items()}
        listed.append(entry | (kept_entry(entry, part) or {}))
    return kwargs | ({PARTS: listed} if listed else {})


def first_said(part: AnyPart, index: int) -> tuple[dict[str, str], dict[str, Any]]:
    """A part that came whole: its string in `additional_kwargs`, if any; its entry, without what is kept for replay."""
    match part:
        case Text():
            entry: dict[str, Any] = {"index": index, "type": "text", "length": len(part.text)}
            if part.citations:
                entry["citations"] = [citation_dict(citation) for citation in part.citations]
            return {}, entry
        case Reasoning():
            return _said(REASONING, part.text), {"index": index, "type": "reasoning", "length": len(part.text)}
        case Refusal():
            return _said(REFUSAL, part.text), {"index": index, "type": "refusal", "length": len(part.text)}
        case ToolCall():
            return {}, {"index": index, "type": "tool_call", "id": part.id}
        case _:
            return {}, whole_entry(part, index)


def whole_entry(part: AnyPart, index: int, version: int = 0) -> dict[str, Any]:
    """The entry of a part that has no other place. The id keeps a second version from being merged into the first."""
    entry: dict[str, Any] = {"index": index, "id": f"{index}.{version}", "type": _WHOLE_TYPES[type(part)]}
    _pack(entry, "part", _fields(part, without=_KEPT))
    return entry | (kept_entry(entry, part) or {})


def kept_entry(entry: Mapping[str, Any], part: AnyPart) -> dict[str, Any] | None:
    """What is said of a part once, when it is complete: its state, issuer and options. None where there is nothing."""
    kept: dict[str, Any] = {"index": entry["index"], "type": entry["type"]}
    if part.state is not None:
        _pack(kept, "state", part.state)
        if isinstance(part, ToolCall):
            kept["arguments"] = part.arguments  # an edited call shows by this, and its signature no longer holds
    if part.issuer is not None:
        kept["issuer"] = list(part.issuer)
    if part.options is not None:
        _pack(kept, "options", part.options)
    return kept if len(kept) > 2 else None


def citation_dict(citation: Citation) -> dict[str, Any]:
    """A citation as JSON, without what it does not say."""
    return _fields(citation)


def holds_speech(part: AnyPart, kwargs: Mapping[str, Any]) -> TypeGuard[Media]:
    """Whether it belongs in `additional_kwargs["audio"]`, where users of OpenAI's audio models look. There is one."""
    return isinstance(part, Media) and part.kind == "audio" and part.data is not None and AUDIO not in kwargs


def speech_of(part: Media) -> dict[str, Any]:
    """OpenAI's `audio` object of a message: `data`, `transcript`, and what else was said of it."""
    return {"data": part.data or ""} | _said("transcript", part.transcript) | (part.state or {})


def _fields(value: Any, without: Sequence[str] = ()) -> dict[str, Any]:
    found = {field.name: getattr(value, field.name) for field in fields(value) if field.name not in without}
    return {name: item for name, item in found.items() if item is not None and item is not False}


def _said(key: str, value: Any) -> dict[str, Any]:
    return {key: value} if value else {}


def _pack(entry: dict[str, Any], key: str, value: Any) -> None:
    """Keep a JSON value as it is where it merges, else as JSON text."""
    if _merges(value):
        entry[key] = value
    else:
        entry[f"{key}_json"] = json.dumps(value, ensure_ascii=False)


def _unpack(entry: Mapping[str, Any], key: str) -> Any:
    text = entry.get(f"{key}_json")
    return json.loads(text) if isinstance(text, str) else entry.get(key)


def _merges(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_merges(item) for item in value.values())
    if isinstance(value, list):
        return all(_merges(item) for item in value)
    return not isinstance(value, (bool, float))


# --- entry to part --------------------------------------------------------------------------------------------------


class Placed(NamedTuple):
    """A part's place in an answer.

    Attributes:
        at: The part's index, unique in the answer.
        type: As in the entry.
        entry: The part's entry; empty where the message holds a part that the skeleton does not know.
        text: The part's slice, or an invalid call's arguments.
        call: The call as the message holds it now.
        is_kept: Whether the message still holds the part as it was issued.
    """

    at: int
    type: str
    entry: Mapping[str, Any]
    text: str = ""
    call: Mapping[str, Any] | None = None
    is_kept: bool = True


def entries_of(message: AIMessage) -> dict[int, dict[str, Any]] | None:
    """The skeleton by index, in order; None for a message of another class. A later version replaces an earlier one."""
    listed = message.additional_kwargs.get(PARTS)
    if not isinstance(listed, list):
        return None
    entries = {
        entry["index"]: entry for entry in listed if isinstance(entry, dict) and isinstance(entry.get("index"), int)
    }
    return dict(sorted(entries.items()))


def placed(message: AIMessage, text: str, calls: Sequence[Mapping[str, Any]]) -> list[Placed]:
    """The parts of an answer in order, as the message holds them now.

    Text and calls are those given: who edited them in the message meant it. The skeleton gives the order, and what fits
    nowhere else.

    Args:
        message: The answer, with a skeleton.
        text: Its `content`, or what stands for it.
        calls: Its calls, valid or not.
    """
    entries = entries_of(message) or {}
    calls = list(calls)
    slices = _slices(entries, {**message.additional_kwargs, "content": text})
    out: list[Placed] = []
    for index, entry in entries.items():
        kind = str(entry.get("type"))
        if kind in SLICED:
            part, is_kept = slices[index]
            if part or (is_kept and entry.keys() & _WORTH_AN_EMPTY_PART):
                out.append(Placed(index, kind, entry, part, is_kept=is_kept))
        elif kind == "tool_call":
            call = next((call for call in calls if call.get("id") == entry.get("id")), None)
            if call is not None:
                calls.remove(call)
                out.append(Placed(index, kind, entry, call=call))
        else:
            out.append(Placed(index, kind, entry))
    unused = max(entries, default=-1) + 1
    if text and not any(entry.get("type") == "text" for entry in entries.values()):
        before = next((at for at, part in enumerate(out) if part.type == "tool_call"), len(out))
        out.insert(before, Placed(unused, "text", {}, text))
        unused += 1
    return out + [Placed(unused + at, "tool_call", {}, call=call) for at, call in enumerate(calls)]


def _slices(entries: Mapping[int, Mapping[str, Any]], strings: Mapping[str, Any]) -> dict[int, tuple[str, bool]]:
    """Each sliced part's text, and whether it is the text that was issued.

    Where the lengths do not add up, somebody edited the string: the first part of the kind gets all of it. So it does
    in a stream's chunk, whose lengths are not said yet, and which holds a piece of one part only.
    """
    found: dict[int, tuple[str, bool]] = {}
    for kind, name in SLICED.items():
        whole = strings.get(name)
        whole = whole if isinstance(whole, str) else ""
        lengths = {index: entry.get("length", 0) for index, entry in entries.items() if entry.get("type") == kind}
        is_open = not any("length" in entries[index] for index in lengths)
        is_kept = is_open or sum(lengths.values()) == len(whole)
        start = 0
        for index, length in lengths.items():
            end = start + length if is_kept and not is_open else len(whole)
            found[index] = (whole[start:end], is_kept)
            start = end
    return found


def state_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry keeps for replay, as arguments of a part."""
    issuer = entry.get("issuer")
    return {
        "state": _unpack(entry, "state"),
        "issuer": Issuer(*issuer) if isinstance(issuer, list) and len(issuer) == 2 else None,
        "options": _unpack(entry, "options"),
    }


def citations_of(entry: Mapping[str, Any]) -> list[Citation]:
    """The sources of a text part."""
    known = {field.name for field in fields(Citation)}
    return [
        Citation(**{"type": "citation", **{key: value for key, value in item.items() if key in known}})
        for item in entry.get("citations") or ()
        if isinstance(item, dict)
    ]


def whole_part(entry: Mapping[str, Any], audio: Any = None) -> AnyPart | None:
    """The part that an entry holds whole; None where the entry tells of none that is known here.

    Args:
        entry: The entry.
        audio: The message's `additional_kwargs["audio"]`, for speech.
    """
    if entry.get("type") == "speech":
        speech = audio if isinstance(audio, dict) else {}
        data, transcript = speech.get("data") or "", speech.get("transcript") or None
        return Media("audio", data=data, mime_type=entry.get("mime_type"), transcript=transcript, **state_of(entry))
    kind, values = _WHOLE_CLASSES.get(str(entry.get("type"))), _unpack(entry, "part")
    if kind is None or not isinstance(values, dict):
        return None
    part: AnyPart = kind(**values, **state_of(entry))
    return part
