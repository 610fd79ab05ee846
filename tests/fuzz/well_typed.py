"""Whether a value of the neutral model holds what its annotations say, all the way down."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from tikhub_ai import conversation, deltas


def problems(value: Any, place: str = "") -> list[str]:
    """Each field of a dataclass, and of those in it, that holds another type than it declares."""
    found: list[str] = []
    kind: Any = type(value)
    for field in fields(value):
        inner = getattr(value, field.name)
        if not _fits(inner, _hints(kind)[field.name]):
            found.append(f"{place}{type(value).__name__}.{field.name} is {inner!r:.60}")
        for number, item in enumerate(inner if isinstance(inner, list) else [inner]):
            if is_dataclass(item) and not isinstance(item, type):
                found += problems(item, f"{place}{type(value).__name__}.{field.name}[{number}].")
    return found


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, {**vars(conversation), **vars(deltas), "Mapping": dict, "Sequence": list})


def _fits(value: Any, hint: Any) -> bool:
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in {Union, UnionType}:
        return any(_fits(value, each) for each in args)
    if origin is Literal:
        return value in args
    if origin is list:
        return isinstance(value, list) and all(_fits(item, args[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(k, args[0]) and _fits(v, args[1]) for k, v in value.items())
    kind = origin or hint
    if kind in {int, float}:
        return isinstance(value, int | float if kind is float else int) and not isinstance(value, bool)
    return isinstance(value, type(None) if kind is None else kind)
