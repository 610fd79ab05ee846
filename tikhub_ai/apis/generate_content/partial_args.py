"""Streamed arguments of a function call: Vertex sends them value by value, we hand them out as JSON text."""

from __future__ import annotations

import re
from typing import Any

from tikhub_ai.json_text import dumps

_STEP = re.compile(r"""\.?([^.\[\]$]+)|\[(\d{1,18})\]|\[(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\]""")


class PartialArguments:
    """Writes one JSON object from `partialArgs`, each a path in it and a value or a piece of a string.

    The values come in the object's order, so that what is written never has to be taken back.
    """

    __slots__ = ("_in_string", "_last")

    def __init__(self) -> None:
        self._last: list[str | int] = []
        self._in_string = False

    def add(self, partial: dict[str, Any]) -> str:
        """The text that a `PartialArg` adds."""
        path = _steps(str(partial.get("jsonPath") or ""))
        if not path:
            return ""
        if path != self._last:
            text = self._to(path) + _json(partial)
        elif self._in_string:
            text = _json(partial)[1:]
        else:
            return ""
        string = isinstance(partial.get("stringValue"), str)
        self._in_string = string and bool(partial.get("willContinue"))
        return text[:-1] if self._in_string else text

    def is_written(self, partial: dict[str, Any]) -> bool:
        """Whether the value at its path is whole already, so that it belongs to another object."""
        return bool(self._last) and not self._in_string and _steps(str(partial.get("jsonPath") or "")) == self._last

    def finish(self) -> str:
        """The text that closes the object."""
        text = self._close_string() + self._close(0) + "}" if self._last else "{}"
        self._last = []
        return text

    def _to(self, path: list[str | int]) -> str:
        """From the value written last to where the next one goes."""
        if not self._last:
            text, shared = "{", 0
        else:
            shared = 0
            while shared < min(len(path), len(self._last)) - 1 and path[shared] == self._last[shared]:
                shared += 1
            text = self._close_string() + self._close(shared) + ","
        for depth in range(shared, len(path)):
            step = path[depth]
            if isinstance(step, str):
                text += dumps(step) + ":"
            if depth + 1 < len(path):
                text += "[" if isinstance(path[depth + 1], int) else "{"
        self._last = path
        return text

    def _close_string(self) -> str:
        was_open, self._in_string = self._in_string, False
        return '"' if was_open else ""

    def _close(self, depth: int) -> str:
        """Close the containers below a depth, the innermost first."""
        return "".join("]" if isinstance(step, int) else "}" for step in reversed(self._last[depth + 1 :]))


def _steps(path: str) -> list[str | int]:
    """`$.a[0]['b c']` as its keys and positions. An object is the root, so the first step is a key."""
    found = [
        int(index) if index else re.sub(r"\\(.)", r"\1", name or single or double)
        for name, index, single, double in _STEP.findall(path.removeprefix("$"))
    ]
    return found if found and isinstance(found[0], str) else []


def _json(partial: dict[str, Any]) -> str:
    for name in ("stringValue", "numberValue", "boolValue"):
        value = partial.get(name)
        if value is not None:
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            return dumps(value)
    return "null"
