"""What a stream yields, and the accumulator that folds it into the reply that a plain call would have given.

Every delta names its choice and the position (`index`) of its part in that choice's answer. The positions count from
0 in order of first appearance, so a consumer that only appends sees the parts in the wire's order. A stream is any
number of part deltas, then exactly one `End` per call, which holds everything that is said once: usage, finish reasons,
ids, headers. A plain answer is decoded through the same deltas.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, assert_never

from tikhub_ai.conversation import (
    AnyPart,
    ChatReply,
    Choice,
    Citation,
    Document,
    Issuer,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from tikhub_ai.json_text import joined

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class TextDelta:
    """More answer text. `phase` is `commentary` where the model says that it is not the answer itself."""

    text: str
    index: int
    choice: int = 0
    phase: str | None = None


@dataclass(slots=True)
class ReasoningDelta:
    """More reasoning: text, or `state` to be sent back with it, whose strings are joined to those already there."""

    text: str
    index: int
    choice: int = 0
    state: dict[str, Any] | None = None
    issuer: Issuer | None = None


@dataclass(slots=True)
class ToolCallDelta:
    """More of a tool call. `id` and `name` come with the call's first delta only; `arguments` is a fragment of JSON.

    A relay may go on with the name after arguments, in a call of no tool that the request names: then a later delta has
    the rest of it.
    """

    arguments: str
    index: int
    choice: int = 0
    id: str | None = None
    name: str | None = None
    state: dict[str, Any] | None = None
    issuer: Issuer | None = None


@dataclass(slots=True)
class RefusalDelta:
    """More of a refusal's text."""

    text: str
    index: int
    choice: int = 0


@dataclass(slots=True)
class CitationDelta:
    """Sources of the text part at `index`, and who may read them back."""

    citations: list[Citation]
    index: int
    choice: int = 0
    issuer: Issuer | None = None


@dataclass(slots=True)
class AudioDelta:
    """More of an audio answer: base64 bytes, words spoken, or both."""

    index: int
    choice: int = 0
    data: str = ""
    transcript: str = ""
    mime_type: str | None = None
    state: dict[str, Any] | None = None
    issuer: Issuer | None = None


@dataclass(slots=True)
class PartDelta:
    """A part that came whole: media, a server tool's call or result, something opaque. Replaces the part at `index`."""

    part: AnyPart
    index: int
    choice: int = 0


@dataclass(slots=True)
class End:
    """The last delta of a stream: the folded reply, complete."""

    reply: ChatReply


Delta: TypeAlias = (
    TextDelta | ReasoningDelta | ToolCallDelta | RefusalDelta | CitationDelta | AudioDelta | PartDelta | End
)


@dataclass(slots=True)
class _Growing:
    """A part still being written: fragments are kept in lists, since joining strings at every delta is quadratic.

    `held` is what of a call's arguments may become `null`; None once they are something else.
    """

    part: AnyPart
    text: list[str] = field(default_factory=list)
    held: str | None = ""
    data: list[str] = field(default_factory=list)
    state: dict[str, list[Any]] = field(default_factory=dict)


class Accumulator:
    """Folds deltas into a `ChatReply`; `reply()` may be asked at any time and returns what is there so far.

    Args:
        api: The wire API whose answer it is.
    """

    __slots__ = (
        "_choices",
        "api",
        "choice_extras",
        "extras",
        "finish_reasons",
        "id",
        "logprobs",
        "model",
        "usage",
    )

    def __init__(self, api: str) -> None:
        self.api = api
        self.id: str | None = None
        self.model: str | None = None
        self.usage: Usage | None = None
        self.extras: dict[str, Any] = {}
        self.finish_reasons: dict[int, str] = {}
        self.logprobs: dict[int, dict[str, Any]] = {}
        self.choice_extras: dict[int, dict[str, Any]] = {}
        self._choices: dict[int, dict[int, _Growing]] = {}

    @property
    def is_empty(self) -> bool:
        """Whether no part has come yet."""
        return not self._choices

    def add_choice(self, choice: int) -> None:
        """Make sure that the choice exists in the reply, even if it stays empty."""
        self._choices.setdefault(choice, {})

    @property
    def is_finished(self) -> bool:
        """Whether every choice that began has said why it ended, and one has."""
        return bool(self.finish_reasons) and self.finish_reasons.keys() >= self._choices.keys()

    def add_logprobs(self, choice: int, logprobs: Any) -> None:
        """Take in more log probabilities of `choice`: lists go on, all else is replaced.

        Args:
            choice: Its number.
            logprobs: The wire's object, or the list of tokens alone, as some servers send it. Anything else is kept
                in the choice's extras.
        """
        if isinstance(logprobs, list):
            logprobs = {"content": logprobs}
        if not isinstance(logprobs, dict):
            self.choice_extras.setdefault(choice, {})["logprobs"] = logprobs
            return
        into = self.logprobs.setdefault(choice, {})
        for key, value in logprobs.items():
            if isinstance(value, list) and isinstance(before := into.get(key), list):
                before.extend(value)
            elif value is not None:
                into[key] = list(value) if isinstance(value, list) else value

    def next_index(self, choice: int) -> int:
        """The position that a new part of `choice` gets."""
        return len(self._choices.get(choice, ()))

    def text_fragments(self, choice: int, index: int) -> list[str]:
        """The growing text at a position, for a decoder to append to: the one thing that happens a thousand times."""
        return self._growing(TextDelta("", index, choice), Text, Text, "").text

    def name_call(self, choice: int, index: int, id: str, name: str) -> None:  # noqa: A002 - the wire's word
        """Set the head of the call at a position, whose wire said it late or in pieces."""
        part = self._choices[choice][index].part
        assert isinstance(part, ToolCall)  # noqa: S101 - a call's first delta has made it
        part.id, part.name = id, name

    def add(self, delta: Delta) -> None:
        """Take one delta in. Of a call's arguments, those that are `null` are taken out of it."""
        match delta:
            case TextDelta():
                self._growing(delta, Text, Text, "").text.append(delta.text)
            case ToolCallDelta():
                growing = self._growing(delta, ToolCall, ToolCall, delta.id or "", delta.name or "")
                if growing.held is not None and delta.arguments:
                    delta.arguments = _without_null(growing, growing.held + delta.arguments)
                growing.text.append(delta.arguments)
                _add_state(growing, delta)
            case ReasoningDelta():
                growing = self._growing(delta, Reasoning, Reasoning)
                growing.text.append(delta.text)
                _add_state(growing, delta)
            case PartDelta():
                self._choices.setdefault(delta.choice, {})[delta.index] = _Growing(delta.part)
            case RefusalDelta():
                self._growing(delta, Refusal, Refusal, "").text.append(delta.text)
            case CitationDelta():
                part = self._growing(delta, Text, Text, "").part
                assert isinstance(part, Text)  # noqa: S101 - _growing has checked it
                part.citations.extend(delta.citations)
                part.issuer = part.issuer or delta.issuer
            case AudioDelta():
                growing = self._growing(delta, Media, partial(Media, data="", mime_type=delta.mime_type), "audio")
                growing.data.append(delta.data)
                growing.text.append(delta.transcript)
                _add_state(growing, delta)
            case End():
                pass  # it is made from here
            case _:
                assert_never(delta)

    def _growing(self, delta: _OfPart, kind: type[AnyPart], new: Callable[..., AnyPart], *args: Any) -> _Growing:
        """The part that a delta goes on with; a new one, made with these arguments, at a position that is free."""
        parts = self._choices.get(delta.choice)
        if parts is None:
            parts = self._choices[delta.choice] = {}
        growing = parts.get(delta.index)
        if growing is None:
            part = new(*args)
            part.issuer = getattr(delta, "issuer", None)
            growing = parts[delta.index] = _Growing(part)
        elif not isinstance(growing.part, kind):
            raise TypeError(f"part {delta.index} is {type(growing.part).__name__}, not {kind.__name__}")
        return growing

    def reply(self) -> ChatReply:
        """The reply so far: complete after the stream's finish, partial before.

        It is a copy: what comes later does not change it, nor does what is done to it change what comes later.
        """
        known = set(self._choices) | set(self.finish_reasons)
        return ChatReply(
            choices=[self._choice(number) for number in sorted(known)],
            api=self.api,
            model=self.model,
            id=self.id,
            usage=None if self.usage is None else _copied_usage(self.usage),
            extras=_copied(self.extras),
        )

    def _choice(self, number: int) -> Choice:
        parts = self._choices.get(number, {})
        return Choice(
            parts=[_finished(parts[index]) for index in sorted(parts)],
            finish_reason=self.finish_reasons.get(number),
            logprobs=_copied(self.logprobs.get(number)),
            extras=_copied(self.choice_extras.get(number, {})),
        )


_OfPart: TypeAlias = TextDelta | ReasoningDelta | ToolCallDelta | RefusalDelta | CitationDelta | AudioDelta

_SAID_ONCE = frozenset({"id", "field", "type", "status"})
"""State that names something; a second one is the same again, not its continuation."""


def _without_null(growing: _Growing, arguments: str) -> str:
    """What may be handed out of a call's first arguments: not `null`, which some models write where there are none."""
    if "null".startswith(arguments.strip()):
        growing.held = arguments
        return ""
    growing.held = None
    return arguments


def _add_state(growing: _Growing, delta: ReasoningDelta | ToolCallDelta | AudioDelta) -> None:
    """Take in new replay state: strings and lists go on, all else is replaced."""
    if not delta.state:
        return
    growing.part.issuer = growing.part.issuer or delta.issuer
    for key, value in delta.state.items():
        pieces = growing.state.get(key)
        if pieces and key not in _SAID_ONCE and isinstance(value, str | list) and type(pieces[0]) is type(value):
            pieces.append(value)
        else:
            growing.state[key] = [value]


def _joined_state(growing: _Growing) -> dict[str, Any] | None:
    if not growing.state:
        return None if growing.part.state is None else _copied_object(growing.part.state)
    state = dict(growing.part.state or {})
    for key, pieces in growing.state.items():
        if len(pieces) == 1:
            state[key] = pieces[0]
        elif isinstance(pieces[0], str):
            state[key] = joined("".join(pieces))
        else:
            state[key] = [item for piece in pieces for item in piece]
    return _copied_object(state)


def _finished(growing: _Growing) -> AnyPart:
    """A copy of the part with its fragments joined. The growing part keeps them, so more may follow."""
    part = _like(growing.part)
    part.state = _joined_state(growing)
    text = joined("".join(growing.text)) if growing.text else None
    match part:
        case Text():
            part.citations = [replace(citation, raw=_copied(citation.raw)) for citation in part.citations]
            part.text = part.text if text is None else text
        case Reasoning() | Refusal():
            part.text = part.text if text is None else text
        case ToolCall():
            part.arguments = part.arguments if text is None else text or "{}"
        case Media():
            if growing.data:
                part.transcript = text or None
                part.data = _join_base64(growing.data)
        case ServerToolCall():
            part.arguments = _copied(part.arguments)
        case ServerToolResult():
            part.output = _copied(part.output)
        case Opaque():
            part.value = _copied(part.value)
        case ToolResult() | Document():
            part = deepcopy(part)
        case _:
            assert_never(part)
    return part


_ValueT = TypeVar("_ValueT", bound=AnyPart | Usage)


def _like(value: _ValueT) -> _ValueT:
    """The same value anew; `copy.copy` takes several times as long."""
    kind: Any = type(value)
    made: _ValueT = kind.__new__(kind)
    for name in _fields_of(kind):
        setattr(made, name, getattr(value, name))
    return made


@cache
def _fields_of(kind: type[Any]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind))


def _copied(value: Any, depth: int = 0) -> Any:
    """A JSON value that shares no list or object with the original, down to a depth that no answer has."""
    if depth > _DEEPEST:
        return value
    if isinstance(value, dict):
        return {key: _copied(item, depth + 1) if type(item) in _NESTED else item for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item, depth + 1) if type(item) in _NESTED else item for item in value]
    return value


def _copied_object(value: dict[str, Any]) -> dict[str, Any]:
    copied: dict[str, Any] = _copied(value)
    return copied


_NESTED = frozenset({dict, list})
_DEEPEST = 100


def _copied_usage(usage: Usage) -> Usage:
    copied = _like(usage)
    copied.input_details = dict(usage.input_details)
    copied.output_details = dict(usage.output_details)
    copied.raw = _copied_object(usage.raw)
    return copied


def _join_base64(fragments: list[str]) -> str:
    """Base64 fragments as one; those with padding inside must be decoded to be joined.

    Fragments that are no base64 are joined as they are: what of them is sound is not lost.
    """
    fragments = [fragment for fragment in fragments if fragment]
    whole = "".join(fragments)
    if all(len(fragment) % 4 == 0 and not fragment.endswith("=") for fragment in fragments[:-1]):
        return whole
    try:
        return b64encode(b"".join(b64decode(fragment + "=" * (-len(fragment) % 4)) for fragment in fragments)).decode()
    except ValueError:
        return whole
