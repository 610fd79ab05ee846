"""Anthropic's marks for its cache, where a conversation that has some goes to somebody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tikhub_ai.conversation import ToolResult
from tikhub_ai.errors import warn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tikhub_ai.conversation import AnyPart, Message

MARK = "cache_control"


def warn_of_marks(messages: Sequence[Message], who: str) -> None:
    """Warn of marks in a conversation that goes to somebody who takes none.

    Args:
        messages: The conversation.
        who: Who takes none.
    """
    if any(part.options and MARK in part.options for message in messages for part in _with_contents(message.parts)):
        warn(f"{who} takes no {MARK}, since it caches by itself: the marks are not sent.")


def _with_contents(parts: Sequence[AnyPart]) -> Iterator[AnyPart]:
    for part in parts:
        yield part
        if isinstance(part, ToolResult):
            yield from part.content
