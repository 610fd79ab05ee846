"""What the encoders of all wire APIs do alike with a conversation's history."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tikhub_ai.conversation import Media, ToolCall, ToolResult
from tikhub_ai.errors import InvalidRequestError, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tikhub_ai.conversation import AnyPart, Issuer, Message


class Dropped:
    """The parts that an encoder had to leave out, so that one warning names them all.

    Args:
        reader: Whom the conversation is encoded for.
    """

    def __init__(self, reader: Issuer) -> None:
        self._reader = reader
        self._counts: Counter[str] = Counter()

    def add(self, part: AnyPart) -> None:
        """Leave a part out."""
        issuer = f" of {part.issuer.family} on {part.issuer.api}" if part.issuer else ""
        kind = f"{part.kind} of an answer" if isinstance(part, Media) else type(part).__name__
        self._counts[f"{kind}{issuer}"] += 1

    def warn(self) -> None:
        """Say what was left out, if anything was."""
        if self._counts:
            named = ", ".join(f"{name} ({count} times)" if count > 1 else name for name, count in self._counts.items())
            warn(f"What {self._reader.family} on {self._reader.api} cannot read is left out: {named}.")


def check_results_have_calls(messages: Sequence[Message]) -> None:
    """Every tool result must have its call before it: all wires refuse one that has not, in words that help nobody.

    Raises:
        InvalidRequestError: One has not.
    """
    called: set[str] = set()
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolCall):
                called.add(part.id)
            elif isinstance(part, ToolResult) and part.tool_call_id not in called:
                raise InvalidRequestError(
                    f"The result of tool call {part.tool_call_id!r} has no such call before it: keep the assistant "
                    "message that made the call in the history, or drop the result."
                )


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
