"""What a model says in one answer, in no wire's words, and what of it must reach the user."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

INPUT, CACHED, OUTPUT, THOUGHT = 78, 64, 9, 4
"""Tokens of every answer: of the input, of it from a cache, of the output, of it thoughts."""
LOGPROB = -0.25
"""Of every token."""


@dataclass(frozen=True)
class Think:
    """A thought, signed."""

    text: str


class Source(NamedTuple):
    """What a text rests on: a page of the web, or, without `url`, a document that the caller gave."""

    title: str
    quote: str
    url: str | None = None


@dataclass(frozen=True)
class Say:
    """Words of the answer."""

    text: str
    source: Source | None = None


@dataclass(frozen=True)
class Call:
    """A call of a function of the caller's."""

    arguments: dict[str, Any]
    name: str = "weather"
    id: str = "call_1"

    @property
    def json(self) -> str:
        return json.dumps(self.arguments)


@dataclass(frozen=True)
class Search:
    """A tool that the provider runs by itself. Wires show what they show of it."""

    query: str


@dataclass(frozen=True)
class Refuse:
    """The model declines."""

    text: str


@dataclass(frozen=True)
class Show:
    """A picture, base64."""

    data: str


@dataclass(frozen=True)
class Speak:
    """Sound, base64, and its words where the wire says them."""

    data: str
    transcript: str


Part = Think | Say | Call | Search | Refuse | Show | Speak


@dataclass(frozen=True)
class Said:
    """One answer.

    Attributes:
        parts: What is said, in order.
        finish: Why it ends, where no part says it: `stop`, or `length` for one that was cut.
        others: Further answers to the same question, in words.
        logprobs: Whether the probability of each piece of text comes with it.
    """

    parts: tuple[Part, ...]
    finish: str = "stop"
    others: tuple[str, ...] = ()
    logprobs: bool = False

    def of(self, kind: type[Any]) -> list[Any]:
        return [part for part in self.parts if isinstance(part, kind)]

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.of(Say))

    def without_extras(self) -> Said:
        """The same in plain words, and calls."""
        return Said(tuple(self.of(Call)) or (Say(self.text or "It is sunny."),))


def pieces(text: str) -> list[str]:
    """A text in pieces of four characters, as a stream gives it, and so as base64 stays whole."""
    return [text[start : start + 4] for start in range(0, len(text), 4)]


@dataclass
class Outcome:
    """What a framework's answer holds, wherever it keeps it.

    Attributes:
        message: The framework's own message, to be sent back.
        whole: Everything in it, as JSON, to be compared with what the other ways give.
        parsed: The object of a structured call; then only it is looked at.
    """

    message: Any = None
    whole: Any = None
    parsed: Any = None
    api: str | None = None
    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    citations: list[tuple[str, str | None]] = field(default_factory=list)
    media: list[tuple[str, str]] = field(default_factory=list)
    transcript: str | None = None
    searches: int = 0
    refusal: str | None = None
    usage: dict[str, int] = field(default_factory=dict)
    finish: str | None = None
    logprobs: list[tuple[str, float]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
