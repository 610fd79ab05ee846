"""Texts at which an answer ends, enforced here because this wire has no field for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class StopFinder:
    """Finds the first stop text in text that comes in pieces.

    What could be the beginning of a stop text is held back until more has come; it is never longer than that. The
    answer does not depend on how the text was cut into pieces: the stop text that is complete first ends it.

    Args:
        stops: The texts; none of them empty.
    """

    __slots__ = ("_longest", "_stops", "held")

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._longest = max(map(len, stops))
        self.held = ""

    def feed(self, text: str) -> tuple[str, bool]:
        """What may be handed out now, and whether a stop text ends it."""
        text = self.held + text
        self.held = ""
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            return text[: min(found)[1]], True
        start = len(text) - self._beginning(text)
        self.held = text[start:]
        return text[:start], False

    def flush(self) -> str:
        """What was held back: no more comes, so it is no stop text."""
        held, self.held = self.held, ""
        return held

    def _beginning(self, text: str) -> int:
        """How many characters at the end could begin a stop text."""
        for length in range(min(self._longest - 1, len(text)), 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stops):
                return length
        return 0
