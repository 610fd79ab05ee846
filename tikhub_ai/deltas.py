"""What a stream yields, and the accumulator that folds it into the reply that a plain call would have given.

Every delta names its choice and the position (`index`) of its part in that choice's answer. The positions count from
0 in order of first appearance, so a consumer that only appends sees the parts in the wire's order. A stream is any
number of part deltas, then exactly one `End` per call, which holds everything that is said once: usage, finish reasons,
ids, headers. A plain answer is decoded through the same deltas.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tikhub_ai.conversation import (
    AnyPart,
    ChatReply,
    Choice,
    Citation,
    Issuer,
    Media,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Usage,
)


@dataclass(slots=True)
class TextDelta:
    """More answer text."""

    text: str
    index: int
    choice: int = 0


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
    """More of a tool call. `id` and `name` come with the call's first delta only; `arguments` is a fragment of JSON."""

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
    """A part still being written: fragments are kept in lists, since joining strings at every delta is quadratic."""

    part: AnyPart
    text: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)


class Accumulator:
    """Folds deltas into a `ChatReply`; `reply()` may be asked at any time and gives what is there so far.

    Args:
        api: The wire API whose answer it is.
    """

    __slots__ = (
        "_choices",
        "_order",
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
        self._order: list[int] = []

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

    def add_logprobs(self, choice: int, logprobs: dict[str, Any]) -> None:
        """Take in more log probabilities of `choice`: lists go on, all else is replaced."""
        into = self.logprobs.setdefault(choice, {})
        for key, value in logprobs.items():
            if isinstance(value, list):
                into.setdefault(key, []).extend(value)
            elif value is not None:
                into[key] = value

    def next_index(self, choice: int) -> int:
        """The position that a new part of `choice` gets."""
        return len(self._choices.get(choice, ()))

    def text_fragments(self, choice: int, index: int) -> list[str]:
        """The growing text at a position, for a decoder to append to: the one thing that happens a thousand times."""
        return self._part(TextDelta("", index, choice), Text, lambda _: Text("")).text

    def add(self, delta: Delta) -> None:
        """Take one delta in."""
        _HANDLERS[type(delta)](self, delta)

    def _part(self, delta: Any, kind: type[Any], new: Any) -> _Growing:
        parts = self._choices.get(delta.choice)
        if parts is None:
            parts = self._choices[delta.choice] = {}
        growing = parts.get(delta.index)
        if growing is None:
            growing = parts[delta.index] = _Growing(new(delta))
        elif not isinstance(growing.part, kind):
            raise TypeError(f"part {delta.index} is {type(growing.part).__name__}, not {kind.__name__}")
        return growing

    def _text(self, delta: TextDelta) -> None:
        self._part(delta, Text, lambda _: Text("")).text.append(delta.text)

    def _reasoning(self, delta: ReasoningDelta) -> None:
        growing = self._part(delta, Reasoning, lambda d: Reasoning(issuer=d.issuer))
        growing.text.append(delta.text)
        _merge_state(growing.part, delta.state, delta.issuer)

    def _refusal(self, delta: RefusalDelta) -> None:
        self._part(delta, Refusal, lambda _: Refusal("")).text.append(delta.text)

    def _tool_call(self, delta: ToolCallDelta) -> None:
        growing = self._part(delta, ToolCall, lambda d: ToolCall(d.id or "", d.name or "", issuer=d.issuer))
        growing.text.append(delta.arguments)
        _merge_state(growing.part, delta.state, delta.issuer)

    def _citations(self, delta: CitationDelta) -> None:
        part = self._part(delta, Text, lambda _: Text("")).part
        assert isinstance(part, Text)  # noqa: S101 - _part has checked it
        part.citations.extend(delta.citations)
        part.issuer = part.issuer or delta.issuer

    def _audio(self, delta: AudioDelta) -> None:
        growing = self._part(delta, Media, lambda d: Media("audio", data="", mime_type=d.mime_type, issuer=d.issuer))
        growing.data.append(delta.data)
        growing.text.append(delta.transcript)
        _merge_state(growing.part, delta.state, delta.issuer)

    def _whole(self, delta: PartDelta) -> None:
        self._choices.setdefault(delta.choice, {})[delta.index] = _Growing(delta.part)

    def _end(self, delta: End) -> None:
        """Nothing: `End` is made from here."""

    def reply(self) -> ChatReply:
        """The reply so far: complete after the stream's finish, partial before."""
        known = set(self._choices) | set(self.finish_reasons)
        return ChatReply(
            choices=[self._choice(number) for number in sorted(known)],
            api=self.api,
            model=self.model,
            id=self.id,
            usage=self.usage,
            extras=dict(self.extras),
        )

    def _choice(self, number: int) -> Choice:
        parts = self._choices.get(number, {})
        return Choice(
            parts=[_finished(parts[index]) for index in sorted(parts)],
            finish_reason=self.finish_reasons.get(number),
            logprobs=self.logprobs.get(number),
            extras=dict(self.choice_extras.get(number, {})),
        )


_HANDLERS: dict[type[Any], Any] = {
    TextDelta: Accumulator._text,  # noqa: SLF001
    ReasoningDelta: Accumulator._reasoning,  # noqa: SLF001
    ToolCallDelta: Accumulator._tool_call,  # noqa: SLF001
    RefusalDelta: Accumulator._refusal,  # noqa: SLF001
    CitationDelta: Accumulator._citations,  # noqa: SLF001
    AudioDelta: Accumulator._audio,  # noqa: SLF001
    PartDelta: Accumulator._whole,  # noqa: SLF001
    End: Accumulator._end,  # noqa: SLF001
}


def _merge_state(part: AnyPart, state: dict[str, Any] | None, issuer: Issuer | None) -> None:
    """Join new replay state to the part's: strings are continued, lists extended, all else replaced."""
    if not state:
        return
    part.issuer = part.issuer or issuer
    if part.state is None:
        part.state = {}
    for key, value in state.items():
        old = part.state.get(key)
        continues = isinstance(old, str | list) and type(old) is type(value) and key not in _SAID_ONCE
        part.state[key] = old + value if continues else value


_SAID_ONCE = frozenset({"id", "field", "type", "status"})
"""State that names something; a second one is the same again, not its continuation."""


def _finished(growing: _Growing) -> AnyPart:
    """The part with its fragments joined. The growing part keeps its fragments, so more may follow."""
    part = growing.part
    if not growing.text and not growing.data:
        return part
    text = "".join(growing.text)
    match part:
        case Text() | Reasoning() | Refusal():
            part.text = text
        case ToolCall():
            part.arguments = text or "{}"
        case Media():
            part.transcript = text or None
            part.data = _join_base64(growing.data)
        case _:
            pass
    return part


def _join_base64(fragments: list[str]) -> str:
    """Base64 fragments as one; those with padding inside must be decoded to be joined."""
    fragments = [fragment for fragment in fragments if fragment]
    if all(len(fragment) % 4 == 0 and not fragment.endswith("=") for fragment in fragments[:-1]):
        return "".join(fragments)
    return b64encode(b"".join(b64decode(fragment + "=" * (-len(fragment) % 4)) for fragment in fragments)).decode()
