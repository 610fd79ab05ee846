"""Numbers and texts of a job's answer, read leniently: strings, floats, milliseconds, nonsense."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_MILLISECONDS = 1e11
"""More seconds than this are milliseconds: it is the year 5138."""
_LONG = 4096
"""Characters: a text of an answer that is longer is a file in base64, not something to read."""
DEEPEST = 64
"""Lists and objects in one another: what lies deeper is nobody's answer, and walking it may end the stack."""
LONGEST_WAIT = 600.0


def number(value: Any) -> float | None:
    """A finite number, which may be a string; None for all else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def text(value: Any) -> str:
    """A text without blanks around it, or a number as one; empty for all else."""
    if isinstance(value, bool):
        return ""
    return str(value).strip() if isinstance(value, (str, int)) else ""


def moment(value: Any) -> float | None:
    """Seconds since the epoch, from seconds, milliseconds, text of either, or an ISO date. None for 0 and nonsense."""
    found = number(value)
    if found is None:
        if not isinstance(value, str):
            return None
        try:
            date = datetime.fromisoformat(value.strip())
            return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    if found <= 0:
        return None
    return found / 1000 if found > _MILLISECONDS else found


def percent(value: Any) -> int | None:
    """Progress as whole percents, from 50, `"50%"` or 0.5; None for nonsense."""
    is_fraction = isinstance(value, float) and 0 < value < 1
    found = number(value.strip().removesuffix("%") if isinstance(value, str) else value)
    if found is None:
        return None
    return max(0, min(100, int(found * 100 if is_fraction else found)))


def poll_after(headers: Mapping[str, str]) -> float | None:
    """Seconds after which the server wants to be asked again, where it says so in numbers.

    Args:
        headers: Response headers, lower case.
    """
    for name, scale in (("openai-poll-after-ms", 1000.0), ("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        seconds = number(headers.get(name))
        if seconds is not None and seconds >= 0:
            return min(seconds / scale, LONGEST_WAIT)
    return None


def without_long(value: Any, deepest: int = DEEPEST) -> Any:
    """A copy of a JSON value with a note in place of each long text: it is for reading, keeping and printing.

    Args:
        value: The value.
        deepest: Lists and objects in one another that are copied. In place of what lies deeper stands a note as well.
    """
    if isinstance(value, str):
        return value if len(value) <= _LONG else f"<{len(value):,} characters left out>"
    if isinstance(value, (dict, list, tuple)):
        if not deepest:
            return f"<{len(value):,} values left out>"
        if isinstance(value, dict):
            return {str(key): without_long(item, deepest - 1) for key, item in value.items()}
        return [without_long(item, deepest - 1) for item in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value):,} bytes left out>"
    return value if isinstance(value, (int, float, bool, type(None))) else str(value)[:_LONG]
