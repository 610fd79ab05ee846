"""The columns of the matrix: one for each wire API, and DeepSeek's dialect.

A column writes what the model says as its wire does, plain and streamed; knows what a request's body must show of a
feature; and says which features its wire has no place for, and how the caller is told.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tests.matrix.said import (
    CACHED,
    INPUT,
    LOGPROB,
    OUTPUT,
    THOUGHT,
    Call,
    Outcome,
    Refuse,
    Say,
    Search,
    Show,
    Speak,
    Think,
    pieces,
)

if TYPE_CHECKING:
    from tests.matrix.said import Said


@dataclass(frozen=True)
class LeftOut:
    """A warning names what is not sent; the call goes on without it.

    Attributes:
        warning: What it says, a regular expression.
        path: Where in the body it would be, keys joined by dots.
        note: Why, for the table.
    """

    warning: str
    path: str
    note: str


@dataclass(frozen=True)
class Refused:
    """`InvalidRequestError` names it, and nothing is sent."""

    words: str
    note: str


@dataclass(frozen=True)
class Answered400:
    """The wire has a place for it, so it is sent; the provider refuses it, and `BadRequestError` has its words."""

    words: str
    note: str


Missing = LeftOut | Refused | Answered400


class Column(ABC):
    """One wire API as one maker's models speak it."""

    title: ClassVar[str]
    api: ClassVar[str]
    asked_api: ClassVar[str] = "auto"
    """What the user writes; `auto` wherever it comes to this API by itself."""
    model: ClassVar[str]
    models: ClassVar[dict[str, str]] = {}
    """Another model, by feature: one that has it, by the catalog."""
    arguments: ClassVar[dict[str, dict[str, Any]]] = {}
    """What is asked in this API's own words, by feature: arguments of the call, the same in both frameworks."""
    own_tools: ClassVar[dict[str, dict[str, Any]]] = {}
    """A tool that the provider runs, by feature."""
    wants: ClassVar[dict[str, Any]] = {}
    """What a request's body must show, by feature. See `differences`."""
    missing: ClassVar[dict[str, Missing]] = {}
    """What this wire has no place for, by feature."""
    notes: ClassVar[dict[str, str]] = {}
    """What a cell of the table needs to be understood, by feature."""
    shows_searches: ClassVar[bool] = True
    shows_transcript: ClassVar[bool] = True

    @abstractmethod
    def plain(self, said: Said) -> dict[str, Any]:
        """The JSON of a plain answer."""

    @abstractmethod
    def stream(self, said: Said) -> list[dict[str, Any]]:
        """The payloads of a streamed answer."""

    def says(self, feature: str, said: Said) -> Said:
        """What the provider really sends where it does not heed a feature that we make up for."""
        return said

    def framed(self, payloads: list[dict[str, Any]]) -> bytes:
        """Payloads as named events."""
        return "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in payloads).encode()

    def streams(self, path: str, body: dict[str, Any]) -> bool:
        """Whether a request asks for a stream."""
        return bool(body.get("stream"))

    def finish(self, said: Said) -> str:
        """The finish reason that the user is told."""
        return "tool_calls" if said.of(Call) else said.finish

    def expected(self, said: Said) -> Outcome:
        """What of an answer must reach the user."""
        refusals, spoken = said.of(Refuse), said.of(Speak)
        refusal = "".join(part.text for part in refusals) if refusals else None
        return Outcome(
            api=self.api,
            text=said.text,
            reasoning="".join(part.text for part in said.of(Think)),
            calls=[(call.name, call.arguments) for call in said.of(Call)],
            citations=[(part.source.title, part.source.url) for part in said.of(Say) if part.source],
            media=[("image", part.data) for part in said.of(Show)] + [("audio", part.data) for part in spoken],
            transcript=spoken[0].transcript if spoken and self.shows_transcript else None,
            searches=len(said.of(Search)) if self.shows_searches else 0,
            refusal=refusal,
            usage={"input": INPUT, "output": OUTPUT, "total": INPUT + OUTPUT, "cached": CACHED, "thought": THOUGHT},
            finish=self.finish(said),
            logprobs=_tokens(said),
            others=list(said.others),
        )


def _tokens(said: Said) -> list[tuple[str, float]]:
    return [(piece, LOGPROB) for piece in pieces(said.text)] if said.logprobs else []


def differences(wanted: Any, body: Any, path: str = "body") -> list[str]:
    """What of `wanted` a body does not show. `...` is any value; lists may hold more than is wanted, in between."""
    if wanted is ...:
        return []
    if isinstance(wanted, dict) and isinstance(body, dict):
        found: list[str] = []
        for key, value in wanted.items():
            found += differences(value, body[key], f"{path}.{key}") if key in body else [f"{path} has no {key!r}"]
        return found
    if isinstance(wanted, list) and isinstance(body, list):
        rest = iter(body)
        return [
            f"{path} has no {value!r} there: {body!r}"
            for value in wanted
            if not any(not differences(value, item, path) for item in rest)
        ]
    return [] if wanted == body else [f"{path} is {body!r}, not {wanted!r}"]


def lookup(body: Any, path: str) -> Any:
    """What stands at a path of keys joined by dots, numbers counting in lists; None where nothing does."""
    for key in path.split("."):
        if isinstance(body, list):
            body = body[int(key)] if int(key) < len(body) else None
        else:
            body = body.get(key) if isinstance(body, dict) else None
    return body
