"""Where a message of LangChain holds the parts of an answer, and how they are found again in order.

`content` holds the answer's text, `reasoning_content` in `additional_kwargs` its reasoning, `refusal` its refusal,
`audio` its speech, each joined, and `tool_calls` its calls, since that is where users and LangChain's own middlewares
look for them and edit them. What a model says while it works stands in `commentary`, so that `content` is the answer;
where there is no other text, it is in `content`, too. `tikhub_parts` is what these lack: the entries of
`tikhub_ai.replay`, one for each part, keyed by an int `index`.

The entries are shaped by how LangChain merges the chunks of a stream: dicts of a list join by equal `index`, ints add
up (but for equal ones, of which the second is dropped), strings are continued, and floats and bools raise. So
everything is sent once: what a part is when it begins (`opened`), what is kept of it with the last chunk (`closed`).
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from langchain_core.messages import AIMessageChunk

from tikhub_ai import Media, Opaque, Reasoning, Refusal, Text, ToolCall, is_commentary, is_due, replay

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.messages import AIMessage

    from tikhub_ai import AnyPart

PARTS = "tikhub_parts"
REASONING = "reasoning_content"
REFUSAL = "refusal"
AUDIO = "audio"
DUE = "tool_outputs"

COMMENTARY = "commentary"

SLICED = {"text": "content", "commentary": COMMENTARY, "reasoning": REASONING, "refusal": REFUSAL}
"""Parts that are a slice of a string of the message, and which."""


# --- part to entry --------------------------------------------------------------------------------------------------


def skeleton(parts: Sequence[AnyPart]) -> dict[str, Any]:
    """The `additional_kwargs` of a whole answer: what the chunks of the same answer, streamed, merge to."""
    kwargs: dict[str, Any] = {}
    joined: dict[str, list[str]] = {}
    entries: list[dict[str, Any]] = []
    for index, part in enumerate(parts):
        if holds_speech(part, kwargs):
            kwargs[AUDIO] = speech_of(part)
            entry: dict[str, Any] = {"index": index, "type": "speech"} | _said("mime_type", part.mime_type)
        else:
            strings, entry = opened(part, index)
            for name, text in strings.items():
                joined.setdefault(name, []).append(text)
        entries.append(entry | closed(entry, part))
    kwargs |= {name: "".join(texts) for name, texts in joined.items()}
    kwargs |= due_calls(*parts)
    return kwargs | ({PARTS: entries} if entries else {})


def due_calls(*parts: AnyPart) -> dict[str, Any]:
    """Calls of OpenAI's own tools that wait for the caller's answer, where users of ChatOpenAI look for them too."""
    return _said(DUE, [part.value for part in parts if isinstance(part, Opaque) and is_due(part.value)])


def opened(part: AnyPart, index: int, version: int = 0) -> tuple[dict[str, str], dict[str, Any]]:
    """What is sent of a part when it begins, or comes whole.

    Args:
        part: The part.
        index: Its place in the answer.
        version: How many parts came whole at this place before. It is in the id, which keeps LangChain from merging a
            later version into an earlier one.

    Returns:
        Its string in `additional_kwargs`, if any, and its entry, without what is kept for replay.
    """
    entry: dict[str, Any] = {"index": index, "type": kind_of(part)}
    match part:
        case Text():
            if part.citations:
                entry["citations"] = [replay.citation_dict(citation) for citation in part.citations]
            return _said(COMMENTARY, part.text) if is_commentary(part) else {}, entry
        case Reasoning():
            return _said(REASONING, part.text), entry
        case Refusal():
            return _said(REFUSAL, part.text), entry
        case ToolCall():
            return {}, entry | {"id": part.id}
        case _:
            return {}, entry | {"id": f"{index}.{version}"} | replay.whole_of(part)


def kind_of(part: AnyPart) -> str:
    """The `type` of a part's entry."""
    return COMMENTARY if is_commentary(part) else replay.PART_TYPES.get(type(part), "unknown")


def closed(entry: Mapping[str, Any], part: AnyPart) -> dict[str, Any]:
    """What is sent of a part once, when it is complete. Empty where there is nothing."""
    kept = replay.kept_of(part)
    return {"index": entry["index"], "type": entry["type"], **kept} if kept else {}


def holds_speech(part: AnyPart, kwargs: Mapping[str, Any]) -> TypeGuard[Media]:
    """Whether it belongs in `additional_kwargs["audio"]`, where users of OpenAI's audio models look. There is one."""
    return isinstance(part, Media) and part.kind == "audio" and part.data is not None and AUDIO not in kwargs


def speech_of(part: Media) -> dict[str, Any]:
    """OpenAI's `audio` object of a message: `data`, `transcript`, and its state, such as `id`."""
    return {"data": part.data or ""} | _said("transcript", part.transcript) | (part.state or {})


def _said(key: str, value: Any) -> dict[str, Any]:
    return {key: value} if value else {}


# --- entry to part --------------------------------------------------------------------------------------------------


class Placed(NamedTuple):
    """A part's place in an answer.

    Attributes:
        at: The part's index, unique in the answer.
        type: As in the entry.
        entry: The part's entry; empty where the message holds a part that the skeleton does not know.
        text: The part's slice, or an invalid call's arguments.
        call: The call as the message holds it now.
        is_kept: False where its place among the words shows already that it was edited.
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

    Text and calls are those passed in, since an edit of the message is meant. The skeleton has the order, and what has
    no other place.

    Args:
        message: The answer, with a skeleton.
        text: Its `content`, or what stands for it.
        calls: Its calls, valid or not.
    """
    entries = entries_of(message) or {}
    by_id = replay.CallsById(calls, (call.get("id") for call in calls))
    strings = {**message.additional_kwargs, "content": text}
    if {"text", COMMENTARY} & {entry.get("type") for entry in entries.values()} == {COMMENTARY}:
        strings |= {"content": ""} if _is_piece(message) else {"content": "", COMMENTARY: text}
    slices, added = _slices(entries, strings)
    out: list[Placed] = []
    for index, entry in entries.items():
        kind = str(entry.get("type"))
        if kind in SLICED:
            part, is_kept = slices[index]
            if part or replay.has_state(entry) or (is_kept and "citations" in entry) or begins(entry):
                out.append(Placed(index, kind, entry, part, is_kept=is_kept))
        elif kind == "tool_call":
            if (call := by_id.take(entry.get("id"))) is not None:
                out.append(Placed(index, kind, entry, call=call))
        else:
            out.append(Placed(index, kind, entry))
    unused = max(entries, default=-1) + 1
    first_call = next((at for at, part in enumerate(out) if part.type == "tool_call"), len(out))
    places = [
        (first_call if index is None else bisect_left(out, index, key=lambda part: part.at), kind, words)
        for kind, words, index in added
    ]
    for place, kind, words in sorted(places, reverse=True):
        out.insert(place, Placed(unused, kind, {}, words))
        unused += 1
    return out + [Placed(unused + at, "tool_call", {}, call=call) for at, call in enumerate(by_id.left())]


def begins(entry: Mapping[str, Any]) -> bool:
    """Whether a stream has said no more than that here is a part, whose words may turn out to be none."""
    return entry.get("length") == 0 and "check" not in entry


def _is_piece(message: AIMessage) -> bool:
    """Whether more of a stream's commentary is to come, or came before: its `content` is said with the last chunk."""
    is_last = getattr(message, "chunk_position", None) == "last"
    return isinstance(message, AIMessageChunk) and not (is_last and COMMENTARY in message.additional_kwargs)


def _slices(
    entries: Mapping[int, Mapping[str, Any]], strings: Mapping[str, Any]
) -> tuple[dict[int, tuple[str, bool]], list[tuple[str, str, int | None]]]:
    """Each part's words, and whether they are those that were issued; and words that are no part's.

    Those have their kind, and the index that they stand before; None where no part is of their kind. In a stream's
    chunk, whose lengths are not known yet, the first part of the kind gets them all: it holds a piece of one part only.
    """
    found: dict[int, tuple[str, bool]] = {}
    added: list[tuple[str, str, int | None]] = []
    for kind, name in SLICED.items():
        whole = strings.get(name)
        whole = whole if isinstance(whole, str) else ""
        own = {index: entry for index, entry in entries.items() if entry.get("type") == kind}
        indices = list(own)
        if own and all("length" not in entry or begins(entry) for entry in own.values()):
            first = next((index for index, entry in own.items() if not begins(entry)), indices[0])
            found |= dict.fromkeys(own, ("", True)) | {first: (whole, True)}
        elif own:
            taken = replay.sliced(list(own.values()), whole)
            found |= zip(own, taken.slices, strict=True)
            if taken.added:
                added.append((kind, taken.added, indices[taken.before] if indices[taken.before :] else indices[-1] + 1))
        elif whole and kind == "text":
            added.append((kind, whole, None))
    return found, added


def part_of_entry(entry: Mapping[str, Any], audio: Any = None) -> AnyPart | None:
    """The part that an entry holds whole, edited or not; None where it is of no kind known here.

    Args:
        entry: The entry.
        audio: The message's `additional_kwargs["audio"]`, for speech.
    """
    if entry.get("type") != "speech":
        return replay.whole_part(entry)
    speech = audio if isinstance(audio, dict) else {}
    data, transcript, mime_type = speech.get("data"), speech.get("transcript"), entry.get("mime_type")
    return Media(
        "audio",
        data=data if isinstance(data, str) else "",
        mime_type=mime_type if isinstance(mime_type, str) else None,
        transcript=transcript if isinstance(transcript, str) and transcript else None,
        **replay.issued_of(entry),
    )
