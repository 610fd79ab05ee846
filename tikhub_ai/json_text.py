"""JSON in and out: orjson where it can, and what it cannot read or write but has one right reading all the same.

Out, everything that has a JSON of its own is sent as that (a numpy scalar, an integer of more than 64 bits, a set, a
pydantic model), and all else is an error that names its place; orjson alone would send NaN as null. In, what Python's
own `json` reads is read: servers written in Python send NaN, integers of any length, and characters beyond the basic
plane as two escapes, which a stream may cut between two events.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any
from uuid import UUID

import orjson

from tikhub_ai.errors import InvalidRequestError

NO_JSON = object()
"""What `parsed` returns for a text that is no JSON. No exception does it, since that would hold the text."""

_TORN_FIELDS = frozenset(
    {"content", "text", "reasoning_content", "reasoning", "thinking", "delta", "arguments", "partial_json", "refusal",
     "transcript", "input", "stringValue"}
)  # fmt: skip
"""Fields whose strings a stream gives in pieces, in any of the wire APIs."""
_DEEPEST = 200
"""Levels of a request's body. orjson writes 254, and no API takes as many."""
_LARGEST = 14_000
"""Bits of an integer: Python writes 4,300 digits at most."""


# --- in -------------------------------------------------------------------------------------------------------------


def parsed(data: bytes | str, *, is_piece: bool = False) -> Any:
    """The JSON value of a text, or `NO_JSON`.

    Args:
        data: The text, UTF-8 where it is bytes.
        is_piece: Whether its texts go on in other values, so that half a character at a text's edge is kept for its
            other half. Else, and everywhere else, half a character becomes U+FFFD.
    """
    try:
        return orjson.loads(data)
    except ValueError:
        pass
    try:
        return without_halves(_LENIENT.decode(_decoded(data)), is_piece=is_piece)
    except (ValueError, RecursionError):
        return NO_JSON


def _decoded(data: bytes | str) -> str:
    if isinstance(data, str):
        return data
    try:
        return data.decode("utf-8", "surrogatepass").removeprefix("\ufeff")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace").removeprefix("\ufeff")


def _integer(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:  # more digits than Python converts
        return float(digits)


_LENIENT = json.JSONDecoder(strict=False, parse_int=_integer)


def without_halves(value: Any, *, is_piece: bool = False, is_edge_kept: bool = False) -> Any:
    """A JSON value with whole characters alone. See `parsed` and `joined`."""
    if isinstance(value, str):
        return joined(value, is_edge_kept=is_edge_kept)
    if isinstance(value, list):
        return [without_halves(item, is_piece=is_piece, is_edge_kept=is_edge_kept) for item in value]
    if isinstance(value, dict):
        return {
            joined(key): without_halves(item, is_piece=is_piece, is_edge_kept=is_piece and key in _TORN_FIELDS)
            for key, item in value.items()
        }
    return value


def joined(text: str, *, is_edge_kept: bool = False) -> str:
    """A text without halves of characters: two that belong together are one character, one alone is U+FFFD.

    Args:
        text: Any text.
        is_edge_kept: Leave a second half at the very beginning, and a first half at the very end.
    """
    if is_whole(text):
        return text
    first = text[:1] if is_edge_kept and "\udc00" <= text[:1] <= "\udfff" else ""
    last = text[-1:] if is_edge_kept and "\ud800" <= text[-1:] <= "\udbff" else ""
    middle = text[len(first) : len(text) - len(last)]
    return first + middle.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") + last


def is_whole(text: str) -> bool:
    """Whether a text holds no half of a character, so that UTF-8 can carry it."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def dumps(value: Any) -> str:
    """A value that was read from JSON, as JSON again."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- out ------------------------------------------------------------------------------------------------------------


def body_of(value: Any) -> bytes:
    """A request's body as JSON.

    Args:
        value: The body; besides JSON's own types, whatever has one right form in JSON: numpy's numbers and arrays,
            pydantic models, dataclasses, enums, dates, decimals, UUIDs, sets.

    Raises:
        InvalidRequestError: Something in it has no such form. The message says where, such as
            `messages[0].content[1].data`, and quotes nothing.
    """
    try:
        body = orjson.dumps(value)
    except TypeError:
        body = None
    # orjson writes NaN as null, so where there is no null there was none either. Many bytes take longer to search than
    # the few values that they are written of.
    if body is not None and ((len(body) < _FEW and b"null" not in body) or is_json(value)):
        return body
    return json.dumps(_plain(value, "", 0), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def is_json(value: Any) -> bool:
    """Whether a value holds JSON's own types alone, and no number that is none, such as NaN. Keys are not looked at."""
    kind = type(value)
    for item in value.values() if kind is dict else value if kind is list else (value,):
        kind = type(item)
        if kind in _SIMPLE:
            continue
        if kind is dict or kind is list:
            if not is_json(item):
                return False
        elif kind is not float or not math.isfinite(item):
            return False
    return True


_SIMPLE = frozenset({str, int, bool, type(None)})
_FEW = 32_768
"""Bytes."""


def _plain(value: Any, place: str, depth: int) -> Any:
    """A value in JSON's own types."""
    if depth > _DEEPEST:
        raise _unfit(place, "is nested too deeply, or holds itself")
    match value:
        case None | bool():
            return value
        case Enum():
            return _plain(value.value, place, depth + 1)
        case str():
            if not is_whole(value):
                raise _unfit(place, f"holds half a character, which UTF-8 cannot carry. {_REPAIR}")
            return str(value)
        case int():
            return _whole_number(int(value), place)
        case float():
            return _finite(float(value), place)
        case Decimal():
            return _number(value, place)
        case Mapping():
            return _object(value.items(), place, depth)
        case bytes() | bytearray() | memoryview():
            raise _unfit(place, "holds bytes, for which JSON has no type. Give them as base64 text")
        case Sequence() | AbstractSet():
            return [_plain(item, f"{place}[{n}]", depth + 1) for n, item in enumerate(_in_order(value))]
        case date() | time():
            return value.isoformat()
        case UUID():
            return str(value)
    return _foreign(value, place, depth)


_REPAIR = "Repair it with text.encode('utf-8', 'replace').decode()"


def _foreign(value: Any, place: str, depth: int) -> Any:
    """A value of another library's type, as that library itself turns it into plain ones."""
    if is_dataclass(value) and not isinstance(value, type):
        return _object(((field.name, getattr(value, field.name)) for field in fields(value)), place, depth)
    plain = None
    if not isinstance(value, type):
        if callable(dump := getattr(value, "model_dump", None)):  # pydantic
            plain = partial(dump, mode="json")
        elif hasattr(value, "dtype"):  # numpy, torch, jax
            plain = getattr(value, "tolist", None)
    try:
        found = value if plain is None else plain()
    except Exception:  # noqa: BLE001 - whatever the value's own library raises
        found = value
    if found is value:
        raise _unfit(place, f"is a {type(value).__name__}, which has no form in JSON")
    return _plain(found, place, depth + 1)


def _object(entries: Any, place: str, depth: int) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, item in entries:
        name = _key(key, place)
        out[name] = _plain(item, f"{place}.{name}" if place else name, depth + 1)
    return out


def _key(key: Any, place: str) -> str:
    key = key.value if isinstance(key, Enum) else key
    if isinstance(key, str):
        if not is_whole(key):
            raise _unfit(place, f"has a key with half a character, which UTF-8 cannot carry. {_REPAIR}")
        return str(key)
    if isinstance(key, bool) or key is None:
        return {True: "true", False: "false", None: "null"}[key]
    if isinstance(key, int):
        return str(int(key))
    if isinstance(key, float) and math.isfinite(key):
        return repr(float(key))
    if isinstance(key, date | time):
        return key.isoformat()
    if isinstance(key, UUID):
        return str(key)
    raise _unfit(place, f"has a key of type {type(key).__name__}, where JSON takes text alone")


def _finite(value: float, place: str) -> float:
    if not math.isfinite(value):
        raise _unfit(place, f"is {value}, which is no number in JSON")
    return value


def _whole_number(value: int, place: str) -> int:
    if value.bit_length() > _LARGEST:
        raise _unfit(place, "is a number of too many digits")
    return value


def _number(value: Decimal, place: str) -> int | float:
    """A decimal as a number, where that is exactly what it says."""
    found = _finite(float(value), place)
    if value == value.to_integral_value():
        return int(value)
    if Decimal(repr(found)) != value:
        raise _unfit(place, "is a Decimal of more digits than a number in JSON keeps. Give it as text, or as a float")
    return found


def _in_order(value: Any) -> Any:
    """The items of a list; those of a set in an order that is the same in every process."""
    if not isinstance(value, AbstractSet):
        return value
    try:
        return sorted(value)
    except TypeError:
        return sorted(value, key=repr)


def _unfit(place: str, what: str) -> InvalidRequestError:
    return InvalidRequestError(f"The request cannot be sent as JSON: {place[:200] or 'its body'} {what}.")
