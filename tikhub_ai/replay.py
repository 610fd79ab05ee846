"""What of an answer a framework's message has no place for, as JSON, and how it becomes parts again.

A message of LangChain or LlamaIndex holds the answer's words, calls and media where its users look for them, and where
people and middlewares edit them. Beside them goes a *skeleton*: one entry for each part, in order, with what only the
provider can read back (a signature, encrypted reasoning, an item's id), and parts of which the message knows nothing.

What the message holds now wins, always. So each entry has the hash of the content that its part was issued with
(`check`): state goes back only with the content that it was issued for. Where somebody edited that, be it by one letter
in place of another, the content goes without the state, and a warning says so. Messages that earlier versions wrote
have no hash: there, lengths and arguments decide.

An entry's keys are `type` (a part's class, in snake case), `length` (characters, of words that the message holds
joined), `id` and `arguments` (of a call), `citations`, `part` (the content of a part that is here whole), `state`,
`issuer`, `options`, `check`, and `cited`, the hash of the citations. Values with a float or a bool are JSON text under
the key with `_json` behind it, since LangChain's sum of a stream's chunks joins strings and adds up ints, but refuses
these two.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from hashlib import blake2b
from typing import Any, NamedTuple
from zlib import crc32

from tikhub_ai.conversation import (
    AnyPart,
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
from tikhub_ai.errors import warn

PART_TYPES: dict[type[Any], str] = {
    Text: "text",
    Reasoning: "reasoning",
    Refusal: "refusal",
    ToolCall: "tool_call",
    Media: "media",
    ServerToolCall: "server_tool_call",
    ServerToolResult: "server_tool_result",
    Opaque: "opaque",
}
"""The `type` of the entry of each part that an answer can hold."""
_WHOLE = {name: kind for kind, name in PART_TYPES.items() if kind in {Media, ServerToolCall, ServerToolResult, Opaque}}
_KEPT = frozenset({"state", "issuer", "options"})
_CITATION = tuple(field.name for field in fields(Citation))


# --- part to entry --------------------------------------------------------------------------------------------------


def kept_of(part: AnyPart) -> dict[str, Any]:
    """What is kept of a part, once it is complete: the state that its issuer requires, and the hash of its content.

    Args:
        part: A part of an answer.

    Returns:
        The keys of an entry; empty where there is nothing to keep, as for most calls.
    """
    kept: dict[str, Any] = {}
    if part.state is not None:
        pack(kept, "state", part.state)
    if part.issuer is not None:
        kept["issuer"] = list(part.issuer)
    if part.options is not None:
        pack(kept, "options", part.options)
    match part:
        case Text() | Reasoning() | Refusal():
            kept["length"] = len(part.text)
            if isinstance(part, Text) and part.citations:
                kept["cited"] = _digest(_json([citation_dict(citation) for citation in part.citations]))
        case ToolCall() if part.state or not _is_usual(part.arguments):
            kept["arguments"] = part.arguments  # providers' prompt caches want it back to the letter
    return kept | {"check": check_of(part)} if kept else kept


def whole_of(part: AnyPart) -> dict[str, Any]:
    """The content of a part that the message has no other place for.

    Args:
        part: Media, a provider's own tool's call or result, or something opaque.
    """
    content: dict[str, Any] = {}
    pack(content, "part", _said(part, without=_KEPT))
    return content


def citation_dict(citation: Citation) -> dict[str, Any]:
    """A citation as JSON, without empty fields."""
    return _said(citation)


def check_of(part: AnyPart) -> str:
    """The hash of a part's content: of what the issuer's state was issued with, and nothing else.

    Of a call it is the same however its arguments are spaced, ordered and escaped, and of 1.0 as of 1, since stores
    write them anew. Media have two, of the source and of the words spoken.
    """
    match part:
        case Text() | Reasoning() | Refusal():
            return _digest(part.text)
        case ToolCall():
            return _digest(f"{part.name}\n{_canonical(part.arguments)}")
        case Media():
            return f"{_digest(part.data or part.url or part.file_id or '')}.{_digest(part.transcript or '')}"
        case _:
            return _digest(_json(_said(part, without=_KEPT)))


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _canonical(arguments: str) -> str:
    """A call's arguments in one spelling; the text itself where it is no JSON."""
    try:
        return _json(json.loads(arguments or "{}", strict=False)) or arguments
    except (ValueError, RecursionError):
        return arguments


def _is_usual(arguments: str) -> bool:
    """Whether a framework that keeps parsed arguments writes the same text again."""
    try:
        return arguments == json.dumps(json.loads(arguments, strict=False), ensure_ascii=False)
    except (ValueError, RecursionError):
        return True  # it keeps the text


def _json(value: Any) -> str:
    """One spelling of a value; of one that is nested too deeply none, since it is not kept either."""
    try:
        return json.dumps(_whole_numbers(value), sort_keys=True, default=str)
    except RecursionError:
        return ""


def _whole_numbers(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {str(key): _whole_numbers(item) for key, item in value.items()}
        case list() | tuple():
            return [_whole_numbers(item) for item in value]
        case _:
            return value


def _said(value: Any, without: Iterable[str] = ()) -> dict[str, Any]:
    found = {field.name: getattr(value, field.name) for field in fields(value) if field.name not in without}
    return {name: item for name, item in found.items() if item is not None and item is not False}


def pack(entry: dict[str, Any], key: str, value: Any) -> None:
    """Keep a JSON value as it is where LangChain's sum of chunks keeps it, else as JSON text.

    Warns, and keeps nothing, where it is nested more deeply than every Python's json can write and read.
    """
    if _adds_up(value, _DEEPEST):
        entry[key] = value
        return
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        text = ""
    if not text or _is_deeper(value, _DEEPEST_TEXT):
        warn("A part of an answer is nested too deeply to be kept: it cannot be sent back.")
    else:
        entry[f"{key}_json"] = text


def unpack(entry: Mapping[str, Any], key: str) -> Any:
    """What `pack` kept; None where somebody edited it into no JSON."""
    text = entry.get(f"{key}_json")
    if not isinstance(text, str):
        return entry.get(key)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


_DEEPEST = 100
"""Levels of a value that is kept as it is: frameworks and stores walk through it by recursion."""
_DEEPEST_TEXT = 1000
"""Levels of one that is kept as text. Python 3.11 writes about as many, 3.14 as many as its stack has room for; what
one of them writes, another has to read."""


def _adds_up(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        return levels > 0 and all(_adds_up(item, levels - 1) for item in value.values())
    if isinstance(value, list):
        return levels > 0 and all(_adds_up(item, levels - 1) for item in value)
    return not isinstance(value, (bool, float))


def _is_deeper(value: Any, levels: int) -> bool:
    layer = [value]
    for _ in range(levels + 1):
        layer = [item for outer in layer if isinstance(outer, (dict, list)) for item in _items(outer)]
        if not layer:
            return False
    return True


def _items(outer: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return outer.values() if isinstance(outer, dict) else outer


# --- entry to part --------------------------------------------------------------------------------------------------


def has_state(entry: Mapping[str, Any]) -> bool:
    """Whether an entry holds state for its issuer."""
    return bool(entry.keys() & {"state", "state_json"})


def issued_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """`state`, `issuer` and `options` of an entry, as arguments of a part."""
    issuer, state, options = entry.get("issuer"), unpack(entry, "state"), unpack(entry, "options")
    is_pair = isinstance(issuer, (list, tuple)) and len(issuer) == 2
    return {
        "state": state if isinstance(state, dict) else None,
        "issuer": Issuer(str(issuer[0]), str(issuer[1])) if is_pair and issuer else None,
        "options": options if isinstance(options, dict) else None,
    }


def citations_of(entry: Mapping[str, Any]) -> list[Citation]:
    """The sources of a text part."""
    given = entry.get("citations")
    found = [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []
    return [Citation(**{"type": "citation"} | {key: item[key] for key in _CITATION if key in item}) for item in found]


def is_as_issued(entry: Mapping[str, Any], part: AnyPart) -> bool:
    """Whether a part's content is still what it was when its entry was written."""
    check = entry.get("check")
    match part:
        case Media() if isinstance(check, str) and not (part.data or part.url or part.file_id):
            return check.endswith(f".{_digest(part.transcript or '')}")  # bytes that were cleared away are not edited
        case ToolCall() if not isinstance(check, str):
            name, arguments = entry.get("name", part.name), entry.get("arguments", part.arguments)
            return name == part.name and _canonical(str(arguments)) == _canonical(part.arguments)
        case _ if isinstance(check, int):
            return check == crc32(getattr(part, "text", "").encode())
        case _:
            return not isinstance(check, str) or check == check_of(part)


def returned(entry: Mapping[str, Any], part: AnyPart, *, is_kept: bool = True) -> AnyPart | None:
    """A part with its state, where it is still as it was issued; else without, and with a warning.

    Args:
        entry: Its entry; empty where it has none.
        part: What the message holds now. Not changed.
        is_kept: False where it is known to have been edited.

    Returns:
        None for an opaque part that was edited: there is nothing of it that could be sent without its issuer's state.
    """
    kept = issued_of(entry)
    options = {**(kept["options"] or {}), **(part.options or {})} or None
    if not (is_kept and is_as_issued(entry, part)):
        is_whole = isinstance(part, (Opaque, ServerToolCall, ServerToolResult))
        if is_whole or has_state(entry) or entry.get("citations"):
            warn(f"{_named(part)} of an answer was edited, so the state it was issued with is not sent back.")
        return None if isinstance(part, Opaque) else replace(part, state=None, issuer=None, options=options)
    part = replace(part, **kept | {"options": options})
    if isinstance(part, Text) and (citations := citations_of(entry)):
        cited = _digest(_json([citation_dict(citation) for citation in citations]))
        part.citations = citations if entry.get("cited", cited) == cited else []
        warn_of_sources(len(citations) - len(part.citations))
    if isinstance(part, ToolCall) and isinstance(arguments := entry.get("arguments"), str):
        part.arguments = arguments
    return part


def whole_part(entry: Mapping[str, Any]) -> AnyPart | None:
    """The part that an entry holds whole, edited or not, with its state.

    Returns:
        None where it is of no kind known here.
    """
    kind, content = _WHOLE.get(str(entry.get("type"))), unpack(entry, "part")
    if "part" not in entry and "part_json" not in entry:  # as earlier versions wrote LlamaIndex's messages
        content = entry
    if kind is None or not isinstance(content, Mapping):
        return None
    known = {field.name for field in fields(kind)} - _KEPT
    try:
        part: AnyPart = kind(**{key: value for key, value in content.items() if key in known}, **issued_of(entry))
    except TypeError:  # of another version, or edited
        return None
    return None if isinstance(part, Opaque) and not isinstance(part.value, dict) else part


def says_nothing(part: AnyPart) -> bool:
    """Whether nothing of a part is left to be sent, as of words that somebody took away."""
    match part:
        case Text():
            return not (part.text or part.state or part.citations)
        case Reasoning() | Refusal():
            return not (part.text or part.state)
        case Media():
            return not (part.data or part.url or part.file_id or part.transcript or part.state)
        case _:
            return False


def warn_of_sources(count: int) -> None:
    """Say that sources of a text were edited or removed, if any were: who did so in the message meant it."""
    if count:
        warn(f"{count} sources of an answer's text were edited or removed, so they are not sent back.")


def without_lone_halves(parts: Sequence[AnyPart]) -> list[AnyPart]:
    """The parts of an answer, where a call of a provider's own tool has lost its issuer with its result, and so back.

    One half alone would be refused; without an issuer, the encoder leaves both out, with a warning.
    """
    lost = {_tool_id(part) for part in parts if part.issuer is None} - {None}
    return (
        [replace(part, state=None, issuer=None) if _tool_id(part) in lost else part for part in parts]
        if lost
        else [*parts]
    )


def _tool_id(part: AnyPart) -> str | None:
    match part:
        case ServerToolCall():
            return part.id
        case ServerToolResult():
            return part.tool_call_id
        case _:
            return None


def _named(part: AnyPart) -> str:
    match part:
        case ToolCall():
            return f"The call of {part.name!r} ({part.id})"
        case Media():
            return f"The {part.kind}"
        case _:
            return f"The {PART_TYPES[type(part)].replace('_', ' ')}"


# --- words and calls, as the message holds them ---------------------------------------------------------------------


class Slice(NamedTuple):
    """A part's words: what of the joined text is its own, and whether it is as it was issued."""

    text: str
    is_kept: bool


class Sliced(NamedTuple):
    """Joined words, taken apart.

    Attributes:
        slices: Each part's.
        added: Words that somebody added where no part was edited.
        before: The number of the part that these stand before; that of all parts where they stand at the end.
    """

    slices: list[Slice]
    added: str
    before: int


def sliced(entries: Sequence[Mapping[str, Any]], text: str) -> Sliced:
    """Take joined words apart again.

    Where the lengths add up, they tell the parts apart. Where they do not, the text was edited: the parts whose words
    still stand at its beginning and at its end keep them, and the first of those between gets what is between.

    Args:
        entries: Those of the parts whose words were joined, in order, each with its `length`.
        text: The joined words, as the message holds them now.
    """
    lengths = [_length(entry) for entry in entries]
    if sum(lengths) == len(text):
        return Sliced(_cut(entries, lengths, text), "", len(entries))
    found: list[Slice | None] = [None] * len(entries)
    start, end = 0, len(text)
    first, last = 0, len(entries)
    while first < last and _stands(entries[first], piece := text[start : start + lengths[first]], lengths[first]):
        found[first] = Slice(piece, is_kept=True)
        start += lengths[first]
        first += 1
    while first < last and end - lengths[last - 1] >= start:
        piece = text[end - lengths[last - 1] : end]
        if not _stands(entries[last - 1], piece, lengths[last - 1]):
            break
        last -= 1
        found[last] = Slice(piece, is_kept=True)
        end -= lengths[last]
    rest = text[start:end]
    slices = []
    for slice_ in found:
        slices.append(slice_ or Slice(rest, is_kept=False))
        rest = rest if slice_ else ""
    return Sliced(slices, rest, first)


def _cut(entries: Sequence[Mapping[str, Any]], lengths: Sequence[int], text: str) -> list[Slice]:
    out: list[Slice] = []
    start = 0
    for entry, length in zip(entries, lengths, strict=True):
        piece = text[start : start + length]
        start += length
        out.append(Slice(piece, is_kept=not isinstance(entry.get("check"), str) or _stands(entry, piece, length)))
    return out


def _stands(entry: Mapping[str, Any], piece: str, length: int) -> bool:
    return len(piece) == length and entry.get("check") == _digest(piece)


def _length(entry: Mapping[str, Any]) -> int:
    length = entry.get("length")
    return length if isinstance(length, int) and length > 0 else 0


class CallsById:
    """Calls to be taken one by one by their ids, which some gateways give to several. What is left keeps its order.

    Args:
        calls: The calls, of any form.
        ids: Their ids, in the same order.
    """

    def __init__(self, calls: Iterable[Any], ids: Iterable[Any]) -> None:
        self._calls = dict(enumerate(calls))
        self._places: dict[str, deque[int]] = {}
        for place, identifier in enumerate(ids):
            self._places.setdefault(str(identifier or ""), deque()).append(place)

    def take(self, identifier: Any) -> Any:
        """The first call of that id that was not taken yet; None where there is none."""
        places = self._places.get(str(identifier or ""))
        return self._calls.pop(places.popleft()) if places else None

    def left(self) -> list[Any]:
        """The calls that were not taken, in their order."""
        return list(self._calls.values())
