"""The input of OpenAI's custom tools: free text on the wire, and in a `ToolCall` the `input` of a JSON object."""

from __future__ import annotations

from tikhub_ai.json_text import dumps, parsed

OPENING = '{"input":"'
CLOSING = '"}'


def escaped(text: str) -> str:
    """Text as it stands between `OPENING` and `CLOSING`."""
    return dumps(text)[1:-1]


def text_of(arguments: str) -> str:
    """The free text that a call's arguments hold; the arguments themselves where they are of another shape."""
    found = parsed(arguments)
    given = found.get("input") if isinstance(found, dict) else None
    return given if isinstance(given, str) else arguments
