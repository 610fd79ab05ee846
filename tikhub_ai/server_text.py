"""Texts of a server, made fit for messages, warnings and logs."""

from __future__ import annotations

import re

LONGEST = 4000
"""Characters of a message: enough for any that is meant to be read. The answer itself is kept elsewhere."""

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters: terminal escapes, line ends that forge another line of a log
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # line ends, and marks that reorder a line
    "\ud800-\udfff\U000e0000-\U000e007f]"  # halves of characters, which no file takes, and invisible letters
)


def printable(text: str, longest: int = LONGEST) -> str:
    r"""A text on one line, without characters that do more than show themselves, cut where it is very long.

    Args:
        text: As a server, or a file, wrote it.
        longest: Characters that are kept of it.

    Returns:
        White space stands as spaces, and other control characters by their number, such as `\x1b`.
    """
    if len(text) > longest:
        text = f"{text[:longest]} ... ({len(text) - longest} characters more)"
    return text if text.isascii() and text.isprintable() else _UNSAFE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    character = found.group()
    return " " if character.isspace() else character.encode("unicode_escape").decode("ascii")
