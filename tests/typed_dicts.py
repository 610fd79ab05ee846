"""A JSON value held against a vendor's TypedDicts, strictly: unknown keys and missing ones are problems too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints
from typing import NotRequired as OtherNotRequired
from typing import Required as OtherRequired

from typing_extensions import is_typeddict

_WRAPPERS = (Required, NotRequired, OtherRequired, OtherNotRequired, Annotated)
_SCALARS: dict[Any, Any] = {str: str, int: int, bool: bool, float: (int, float), NoneType: NoneType}


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


@cache
def required(kind: Any) -> frozenset[str]:
    """The fields of a TypedDict that must be there: `Required` in an annotation that is text hides from the class."""
    return frozenset(kind.__required_keys__) | {
        name for name, value in _hints(kind).items() if get_origin(value) in (Required, OtherRequired)
    }


def plain(kind: Any) -> Any:
    """A type without `Required` and its like."""
    while get_origin(kind) in _WRAPPERS:
        kind = get_args(kind)[0]
    return kind


def problems(value: Any, kind: Any, path: str = "") -> list[str]:
    """What is wrong with a value by a type.

    Args:
        value: JSON value.
        kind: The type: a TypedDict, a union, a literal, a list of these, ...
        path: Where it stands.
    """
    kind = plain(kind)
    origin = get_origin(kind)
    if kind in {Any, object}:
        return []
    if is_typeddict(kind):
        return _of_dict(value, kind, path)
    if origin in {Union, UnionType}:
        return _of_union(value, get_args(kind), path)
    if origin is Literal:
        return [] if value in get_args(kind) else [f"{path}: {value!r} is none of {get_args(kind)}"]
    if origin is dict:
        return [] if isinstance(value, dict) else [f"{path}: no object"]
    if origin is not None and issubclass(origin, (Iterable, Sequence)):
        if not isinstance(value, list):
            return [f"{path}: no list"]
        inner = get_args(kind)[0]
        return [found for number, item in enumerate(value) for found in problems(item, inner, f"{path}/{number}")]
    expected = _SCALARS.get(kind)
    if expected is None:  # a protocol such as SequenceNotStr, or bytes and paths, which JSON has not
        is_list = "Sequence" in str(kind) and isinstance(value, list)
        return [] if is_list else [f"{path}: not known to the test: {kind}"]
    is_right = isinstance(value, expected) and not (isinstance(value, bool) and kind in {int, float})
    return [] if is_right else [f"{path}: {value!r} is no {kind.__name__}"]


def _of_dict(value: Any, kind: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: no object"]
    hints = _hints(kind)
    allows_more = (getattr(kind, "__pydantic_config__", None) or {}).get("extra") == "allow"
    found = [f"{path}/{key}: not known to {kind.__name__}" for key in value.keys() - hints.keys() if not allows_more]
    found += [f"{path}/{key}: missing" for key in required(kind) - value.keys()]
    for key in value.keys() & hints.keys():
        found += problems(value[key], hints[key], f"{path}/{key}")
    return found


def _of_union(value: Any, kinds: tuple[Any, ...], path: str) -> list[str]:
    attempts = [problems(value, kind, path) for kind in kinds]
    return min(attempts, key=lambda found: (len(found), max((one.count("/") for one in found), default=0) * -1))
