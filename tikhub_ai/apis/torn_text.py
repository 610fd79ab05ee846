"""Characters that a stream cuts in two, each half an escape in an event of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.deltas import AudioDelta, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from tikhub_ai.json_text import joined

if TYPE_CHECKING:
    from tikhub_ai.deltas import Delta

_FIELDS: dict[type[Any], str] = {
    TextDelta: "text",
    ReasoningDelta: "text",
    RefusalDelta: "text",
    ToolCallDelta: "arguments",
    AudioDelta: "transcript",
}
"""Where each kind of delta has its text."""


class TornText:
    r"""Gives deltas whole characters: half of one waits for the delta that has its other half.

    Servers written in Python send a character beyond the basic plane as `\ud83d\ude00`, and some cut their text there.
    A half whose other one never comes is U+FFFD, as the accumulator reads it too.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[type[Any], int, int], str] = {}

    def mended(self, deltas: list[Delta]) -> list[Delta]:
        """The deltas with whole characters only. Those that a text is taken from are changed in place."""
        for delta in deltas:
            kind: Any = type(delta)
            field = _FIELDS.get(kind)
            if field is None:
                continue
            place = kind, getattr(delta, "choice", 0), getattr(delta, "index", 0)
            text = self._held.pop(place, "") + getattr(delta, field)
            if "\ud800" <= text[-1:] <= "\udbff":
                self._held[place], text = text[-1], text[:-1]
            setattr(delta, field, joined(text))
        return [delta for delta in deltas if type(delta) is not TextDelta or delta.text]

    def rest(self) -> list[Delta]:
        """The halves that no other one came for."""
        held, self._held = self._held, {}
        out: list[Delta] = []
        for kind, choice, index in held:
            delta = AudioDelta(index, choice) if kind is AudioDelta else kind("", index, choice)
            setattr(delta, _FIELDS[kind], "\ufffd")
            out.append(delta)
        return out
