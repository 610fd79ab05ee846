"""Fields of an answer, read whatever stands in them.

A wire's document says what type a field has; gateways, relays and other makers' servers send numbers for ids, a string
for `usage`, one object for a list. Each codec reads every field through these, so that a field of another type costs
what it says and never the answer around it.
"""

from __future__ import annotations

from typing import Any

_LONGEST_INTEGER = 18
"""Digits of a string that counts as an integer."""


def text(value: Any) -> str:
    """Words: a string as it is, a number as its text, those of a list of parts joined; of anything else none."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_words(item) for item in value)
    return _words(value)


def _words(value: Any) -> str:
    """The words of one part of a list."""
    if isinstance(value, dict):
        found = value.get("text")
        return found if isinstance(found, str) else ""
    return name(value)


def name(value: Any) -> str:
    """An id, a name or an address: a string as it is, a number as its text, anything else empty."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def named(value: Any) -> str | None:
    """`name`, or None where there is none."""
    return name(value) or None


def finish_word(value: Any) -> str:
    """Why an answer ended, where something says that it did; `unknown` where that is no word."""
    return name(value) or "unknown"


def mapping(value: Any) -> dict[str, Any]:
    """An object, or an empty one where something else stands."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """A list; an object that stands where a list of them belongs is its only item; anything else is none."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict) and value else []


def mappings(value: Any) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [item for item in items(value) if isinstance(item, dict)]


def integer(value: Any) -> int | None:
    """A position; also one that came as a whole float, or in a string. None where it is no integer."""
    if isinstance(value, int):
        return None if isinstance(value, bool) else value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and len(value) <= _LONGEST_INTEGER and value.isascii() and value.isdigit():
        return int(value)
    return None


def number(value: Any) -> int:
    """A count, which may be missing, null, a float or a string; 0 where it is none."""
    try:
        return int(value or 0)
    except (TypeError, ValueError, OverflowError):
        return 0
