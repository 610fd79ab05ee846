"""What the encoders of all wire APIs do alike with a conversation's history."""

from __future__ import annotations

import json
from collections import Counter, deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.due_calls import KINDS, settled
from tikhub_ai.apis.payloads import made_id
from tikhub_ai.conversation import Document, Media, Message, Opaque, Text, ToolCall, ToolResult
from tikhub_ai.errors import InvalidRequestError, warn
from tikhub_ai.json_text import is_json, parsed

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Sequence

    from tikhub_ai.conversation import AnyPart, Issuer


_SAY_NOTHING = frozenset({"metadata", "cache_control", "prompt_cache_breakpoint"})
"""Options that need no word where a wire lacks them: notes of the framework, and marks of caches that others have."""


class Dropped:
    """The parts that an encoder had to leave out, so that one warning names them all.

    Args:
        reader: Whom the conversation is encoded for.
    """

    def __init__(self, reader: Issuer) -> None:
        self._reader = reader
        self._counts: Counter[str] = Counter()
        self._options: dict[str, None] = {}

    def add(self, part: AnyPart) -> None:
        """Leave a part out."""
        issuer = f" of {part.issuer.family} on {part.issuer.api}" if part.issuer else ""
        self._counts[f"{_called(part)}{issuer}"] += 1

    def options(self, part: AnyPart, taken: Collection[str]) -> None:
        """Leave out what the caller asks for a part, but for what the wire takes."""
        for name in part.options or ():
            if name not in taken and name not in _SAY_NOTHING:
                kind = part.kind if isinstance(part, Media) else type(part).__name__
                self._options[f"{name!r} of {kind}"] = None

    def warn(self) -> None:
        """Say what was left out, if anything was."""
        if self._options:
            warn(f"{self._reader.family} on {self._reader.api} has no {', '.join(self._options)}: not sent.")
        if self._counts:
            named = ", ".join(f"{name} ({count} times)" if count > 1 else name for name, count in self._counts.items())
            warn(f"What {self._reader.family} on {self._reader.api} cannot read is left out: {named}.")


def _called(part: AnyPart) -> str:
    match part:
        case Media():
            return f"{part.kind} of an answer"
        case Opaque(value={"type": str(kind)}):
            return f"{kind} and what answers it" if kind in KINDS else kind
        case _:
            return type(part).__name__


NOT_ANSWERED = "The call was not answered."
"""What stands for the result of a call that has none, such as one of an agent that was stopped."""


class _Called:
    """A call of the conversation, where it stands, and what came of it."""

    __slots__ = ("answered_at", "at", "call", "id", "is_async", "result")

    def __init__(self, call: ToolCall, at: int, reader: Issuer | None) -> None:
        self.call = call
        self.is_async = reader is not None and call.issuer == reader and bool((call.state or {}).get("async"))
        self.at = at
        self.id = call.id
        self.result: ToolResult | None = None
        self.answered_at = at


def paired(messages: Sequence[Message], reader: Issuer | None = None) -> Sequence[Message]:
    """The conversation with each call answered once, right after it, by an id of its own, as all wires demand.

    Results that stand elsewhere are moved to their calls. A call without a result, with something after it, gets one
    that says so. Where several results answer one call, the last counts. Of calls with the same id, which some
    providers count anew in every answer, the later ones get another. Calls at the very end wait for their results, and
    stay as they are: the wire says what it thinks of them. So do asynchronous calls of the reader's own, and their
    results: the conversation goes on before these come.

    Args:
        messages: The conversation; not changed. It comes back itself where nothing is wrong with it.
        reader: Whom it is encoded for, where that reads OpenAI's own tools' calls. See `due_calls`.

    Raises:
        InvalidRequestError: A result has no call before it.
    """
    messages = settled(messages, reader)
    calls, repeated = _matched(messages, reader)
    unanswered = [
        called for called in calls if called.result is None and called.at < len(messages) - 1 and not called.is_async
    ]
    renamed = _renamed(calls)
    if repeated:
        warn(f"Calls with several results get the last one: {', '.join(repeated)}.")
    if unanswered:
        named = ", ".join(f"{called.call.name!r} ({called.call.id})" for called in unanswered)
        warn(f"Calls without a result, with more of the conversation after them, are said to have failed: {named}.")
    is_in_place = _in_place(calls, messages)
    if not (repeated or unanswered or renamed) and is_in_place:
        return messages
    if not is_in_place:
        warn("Results of tools that do not stand right after the message with their calls are moved there.")
    for called in unanswered:
        called.result = ToolResult(called.id, [Text(NOT_ANSWERED)], called.call.name, is_error=True)
    return _put_together(messages, calls)


def _matched(messages: Sequence[Message], reader: Issuer | None) -> tuple[list[_Called], list[str]]:
    """All calls with their results, and the ids of calls that have several.

    A result answers the last message before it that calls by its id; of several calls there, the first that is open.
    """
    calls: list[_Called] = []
    by_id: dict[str, deque[_Called]] = {}
    repeated: dict[str, None] = {}
    for number, message in enumerate(messages):
        for part in message.parts:
            if isinstance(part, ToolCall):
                calls.append(_Called(part, number, reader))
                named = by_id.get(part.id)
                if named is None or named[-1].at != number:
                    named = by_id[part.id] = deque()
                named.append(calls[-1])
            elif isinstance(part, ToolResult):
                named = by_id.get(part.tool_call_id)
                if not named:
                    raise InvalidRequestError(
                        f"The result of tool call {part.tool_call_id!r} has no such call before it: keep the assistant "
                        "message that made the call in the history, or drop the result."
                    )
                called = named.popleft() if len(named) > 1 else named[0]  # the last one stays, for a second result
                if called.result is not None:
                    repeated[part.tool_call_id] = None
                called.result, called.answered_at = part, number
    return calls, list(repeated)


def _renamed(calls: Sequence[_Called]) -> bool:
    """Give calls that share an id, or have none, one of their own. Whether there were any."""
    taken = {called.id for called in calls}
    seen: set[str] = {""}
    last: dict[str, int] = {}
    found = False
    for called in calls:
        if called.id in seen:
            found = True
            number = last.get(called.call.id, 1) + 1
            while (name := f"{called.call.id or 'call'}_{number}") in taken:
                number += 1
            last[called.call.id] = number
            called.id = name
            taken.add(name)
        seen.add(called.id)
    return found


def _in_place(calls: Sequence[_Called], messages: Sequence[Message]) -> bool:
    """Whether nothing but other results stands between any call and its result."""
    if not calls:
        return True
    next_other = [len(messages)] * (len(messages) + 1)  # from each message on, the first with something else in it
    for number in range(len(messages) - 1, -1, -1):
        is_other = not all(isinstance(part, ToolResult) for part in messages[number].parts)
        next_other[number] = number if is_other else next_other[number + 1]
    return all(called.is_async or next_other[called.at + 1] >= called.answered_at for called in calls)


def _put_together(messages: Sequence[Message], calls: Sequence[_Called]) -> list[Message]:
    called_in: dict[int, list[_Called]] = {}
    late: dict[int, _Called] = {}
    for called in calls:
        called_in.setdefault(called.at, []).append(called)
        if called.is_async:
            late[id(called.result)] = called
    out: list[Message] = []
    for number, message in enumerate(messages):
        own = called_in.get(number, [])
        ids = iter(called.id for called in own)
        said: list[AnyPart] = []
        for part in message.parts:
            if isinstance(part, ToolCall):
                said.append(replace(part, id=next(ids)))
            elif not isinstance(part, ToolResult):
                said.append(part)
            elif id(part) in late:
                said.append(replace(part, tool_call_id=late[id(part)].id))
        if said or not message.parts:
            out.append(Message(message.role, said, message.name))
        results = [
            replace(called.result, tool_call_id=called.id)
            for called in own
            if called.result is not None and not called.is_async
        ]
        if results:
            out.append(Message("tool", [*results]))
    return out


OPENING = "..."
"""What stands for a user's first turn, where the conversation begins with the model's, as trimming leaves it."""


def warn_of_opening(api: str) -> None:
    """Say that `OPENING` was put before the conversation."""
    warn(
        f"{api} refuses a conversation that the model begins: a user's turn of {OPENING!r} is put before it. "
        'Trim with start_on="human" to begin with what the user said.'
    )


def warn_of_lone_thoughts(api: str, count: int) -> None:
    """Say that thoughts were left out because nothing of the answer that they led to is there."""
    if count:
        warn(f"{api} refuses thoughts that nothing of their answer follows: left out ({count} times).")


def result_parts(result: ToolResult) -> list[Text | Media]:
    """What a tool returned, for a wire that has words and media alone in its results."""
    out: list[Text | Media] = []
    for part in result.content:
        if isinstance(part, Document):
            out += in_words(part)
        else:
            out.append(object_in_words(part) if isinstance(part, Opaque) else part)
    return out


def object_in_words(part: Opaque) -> Text:
    """A JSON object that a tool returned, as text."""
    return Text(json.dumps(part.value, ensure_ascii=False, default=str))


def in_words(source: Document) -> list[Text | Media]:
    """A source as plain parts, for a wire that has no sources: its title and where it comes from head the first text.

    Warns where the caller asked for citations.
    """
    if (source.options or {}).get("citations"):
        warn("A source is sent as text with its title: this API cites no sources that it is given.")
    origin = f"({source.source})" if source.source else None
    heading = " ".join(word for word in ("Source:" if origin else None, source.title, origin) if word)
    if not heading:
        return list(source.content)
    first = source.content[0] if source.content else None
    if isinstance(first, Text):
        return [replace(first, text=f"{heading}\n{first.text}"), *source.content[1:]]
    return [Text(heading), *source.content]


def sources_in_words(parts: Sequence[AnyPart]) -> list[AnyPart]:
    """The parts, each source among them in words. See `in_words`."""
    out: list[AnyPart] = []
    for part in parts:
        out += in_words(part) if isinstance(part, Document) else [part]
    return out


def cannot_carry(api: str, part: Media, takes: str) -> InvalidRequestError:
    """The error for media that a wire has no place for.

    Args:
        api: The wire API.
        part: What it cannot carry.
        takes: What it can carry, as a clause.
    """
    given = "URL" if part.url else "file id" if part.file_id else "base64 data"
    kind = f"{part.kind} input ({part.mime_type})" if part.mime_type else f"{part.kind} input"
    return InvalidRequestError(f"{api} cannot carry {kind} given as {given}. It takes {takes}.")


def parsed_arguments(call: ToolCall) -> dict[str, Any] | None:
    """A call's arguments as an object; None where they are none, or hold a number that JSON cannot carry."""
    return parsed_object(call.arguments or "{}")


def parsed_object(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is, or None."""
    found = parsed(text)
    return found if isinstance(found, dict) and is_json(found) else None


def fitting_id(identifier: str, pattern: re.Pattern[str], prefix: str) -> str:
    """A call's id as a wire takes it: other providers' ids may be too long, or hold what it refuses.

    The call and its result get the same id, each time the same history is sent.

    Args:
        identifier: The id as its issuer gave it.
        pattern: What the wire takes, to be matched whole.
        prefix: How the wire's own ids begin.
    """
    if pattern.fullmatch(identifier):
        return identifier
    return made_id(prefix, identifier)
