"""The skeleton of an answer: the order of its parts, and what must be sent back with them, as JSON.

LlamaIndex's blocks have no place for a tool call's signature, for opaque items, or for several texts in one answer.
These stand in `message.additional_kwargs["tikhub_parts"]`, tool calls by their id. On replay the message's own blocks
give text, calls, reasoning and media, as some framework may have edited them; the skeleton gives order and state, and
only where they still fit.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

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
    errors,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tikhub_ai import AnyPart

SKELETON = "tikhub_parts"
REFUSAL = "refusal"

_WHOLE: dict[str, type[Any]] = {
    "opaque": Opaque,
    "server_tool_call": ServerToolCall,
    "server_tool_result": ServerToolResult,
}
"""Parts without a block, which are in the skeleton whole."""


def issued(entry: Mapping[str, Any]) -> dict[str, Any]:
    """`state` and `issuer` of a JSON object, as a part's arguments."""
    issuer, state = entry.get("issuer"), entry.get("state")
    return {
        "issuer": Issuer(str(issuer[0]), str(issuer[1]))
        if isinstance(issuer, list | tuple) and len(issuer) == 2
        else None,
        "state": state if isinstance(state, dict) else None,
    }


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, [], {})}


def skeleton_of(parts: Sequence[AnyPart]) -> list[dict[str, Any]]:
    """The skeleton of an answer; empty where its blocks say everything by themselves."""
    entries = [_entry(part) for part in parts]
    texts = sum(entry["type"] in {"text", REFUSAL} for entry in entries)
    plain = all(entry.keys() <= {"type", "length", "id"} and entry["type"] in _BLOCKS for entry in entries)
    return [] if plain and texts <= 1 else entries


_BLOCKS = frozenset({"text", "reasoning", "tool_call"})


def _entry(part: AnyPart) -> dict[str, Any]:
    kept = _without_empty({"state": part.state, "issuer": list(part.issuer) if part.issuer else None})
    match part:
        case Text():
            citations = [_without_empty(asdict(citation)) for citation in part.citations]
            return {"type": "text", "length": len(part.text), **_without_empty({"citations": citations}), **kept}
        case Refusal():
            return {"type": REFUSAL, "length": len(part.text), **kept}
        case Reasoning():
            return {"type": "reasoning"}
        case ToolCall():
            return {"type": "tool_call", "id": part.id, **_as_issued(part), **kept}
        case Media():
            has_block = bool(part.data or part.url)
            rest = {"transcript": part.transcript, "has_block": has_block, "kind": part.kind, "file_id": part.file_id}
            if part.kind == "audio":  # a block knows the format only, and raw speech has its rate here
                rest["mime_type"] = part.mime_type
            return {"type": "media", **_without_empty(rest), **kept}
        case _:
            kind = next((kind for kind, whole in _WHOLE.items() if isinstance(part, whole)), "unknown")
            values = {key: value for key, value in asdict(part).items() if value is not None}
            return {"type": kind, **values, **kept}


def _as_issued(call: ToolCall) -> dict[str, Any]:
    """The call's own text, which caches of the provider want back to the letter, and by which an edited one shows."""
    return {"arguments": call.arguments, **({"name": call.name} if call.state else {})}


class Skeleton:
    """Puts the parts that a message's blocks give back into the order and the state they had in the answer.

    Args:
        entries: The skeleton.
        kwargs: The message's `additional_kwargs`, for the calls as the model made them.
        parts: What the message's blocks say now, in their order.
    """

    def __init__(self, entries: Sequence[Any], kwargs: Mapping[str, Any], parts: Sequence[AnyPart]) -> None:
        self._entries = [entry for entry in entries if isinstance(entry, dict)]
        self._originals = {call.id: call for call in calls_in_kwargs(kwargs)}
        self._text = "".join(part.text for part in parts if isinstance(part, Text))
        self._reasoning = [part for part in parts if isinstance(part, Reasoning)]
        self._media = [part for part in parts if isinstance(part, Media)]
        self._calls = [part for part in parts if isinstance(part, ToolCall)]
        self._at = 0
        self._fits = sum(int(entry.get("length") or 0) for entry in self._entries) == len(self._text)
        self._media_fit = sum(bool(entry.get("has_block")) for entry in self._entries) == len(self._media)

    def restored(self) -> list[AnyPart]:
        """The parts as they are to be sent."""
        if not self._fits and any("state" in entry and "length" in entry for entry in self._entries):
            errors.warn("An answer's text was edited, so what was kept with it no longer fits: only the text is sent.")
        parts = [part for entry in self._entries for part in self._restored(entry)]
        added: list[AnyPart] = [*self._reasoning, *([Text(self._text)] if self._left_text() else []), *self._media]
        return [*parts, *added, *self._calls]

    def _left_text(self) -> bool:
        return not self._fits and self._at == 0 and bool(self._text)

    def _restored(self, entry: dict[str, Any]) -> list[AnyPart]:
        match entry.get("type"):
            case "text" | "refusal":
                return self._text_part(entry)
            case "reasoning":
                return [self._reasoning.pop(0)] if self._reasoning else []
            case "tool_call":
                return self._call(entry)
            case "media":
                return self._media_part(entry)
            case kind:
                return _whole(_WHOLE.get(str(kind)), entry)

    def _text_part(self, entry: dict[str, Any]) -> list[AnyPart]:
        if not self._fits:  # edited: all of it stands where the first text stood
            left, self._at = self._left_text(), len(self._text)
            return [Text(self._text)] if left else []
        start, self._at = self._at, self._at + int(entry.get("length") or 0)
        text = self._text[start : self._at]
        if entry["type"] == REFUSAL:
            return [Refusal(text, **issued(entry))]
        citations = [citation for given in entry.get("citations") or () if (citation := _citation(given)) is not None]
        return [Text(text, citations=citations, **issued(entry))]

    def _call(self, entry: dict[str, Any]) -> list[AnyPart]:
        call = next((call for call in self._calls if call.id == entry.get("id")), None)
        if call is None:
            return []
        self._calls.remove(call)
        original = self._originals.get(call.id)  # where messages of older versions keep it
        name = entry.get("name", original.name if original else call.name)
        arguments = entry.get("arguments", original.arguments if original else None)
        if isinstance(arguments, str) and name == call.name and same_arguments(arguments, call.arguments):
            call.arguments = arguments
            call.state, call.issuer = issued(entry)["state"], issued(entry)["issuer"]
        elif "state" in entry:
            errors.warn(f"Tool call {call.id} was edited, so its signature no longer fits: it is sent without.")
        return [call]

    def _media_part(self, entry: dict[str, Any]) -> list[AnyPart]:
        if not entry.get("has_block"):
            if "file_id" in entry:
                return [Media(entry.get("kind", "file"), file_id=entry["file_id"], **issued(entry))]
            return [Media(entry.get("kind", "audio"), transcript=entry.get("transcript"), **issued(entry))]
        if not self._media:
            return []
        media = self._media.pop(0)
        if self._media_fit:
            media.transcript = entry.get("transcript")
            media.mime_type = entry.get("mime_type", media.mime_type)
            media.state, media.issuer = issued(entry)["state"], issued(entry)["issuer"]
        return [media]


def _whole(kind: type[Any] | None, entry: dict[str, Any]) -> list[AnyPart]:
    if kind is None:
        return []
    values = {key: value for key, value in entry.items() if key not in {"type", "state", "issuer"}}
    try:
        return [kind(**values, **issued(entry))]
    except TypeError:  # written by another version of this library
        return []


def _citation(given: Any) -> Citation | None:
    try:
        return Citation(**given)
    except TypeError:
        return None


# --- tool calls -----------------------------------------------------------------------------------------------------


def parsed_arguments(arguments: str) -> dict[str, Any] | None:
    """A call's arguments, or None where they are no JSON object."""
    try:
        value = json.loads(arguments or "{}")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def same_arguments(left: str, right: str) -> bool:
    """Whether two texts say the same arguments."""
    return left == right or ((parsed := parsed_arguments(left)) is not None and parsed == parsed_arguments(right))


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
