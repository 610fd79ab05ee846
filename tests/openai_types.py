"""OpenAI's request types, as its SDK declares them: their kinds, their fields, and a value of each."""

from __future__ import annotations

from functools import cache
from itertools import count
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import typing_extensions
from typing_extensions import is_typeddict

if typing_extensions.TYPE_CHECKING:
    from collections.abc import Iterator

_WRAPPERS = (Required, NotRequired, typing_extensions.Required, typing_extensions.NotRequired, Annotated)
_counted = count(1001)


class Hint(NamedTuple):
    """A field of a type."""

    kind: Any
    is_required: bool


@cache
def fields_of(kind: Any) -> dict[str, Hint]:
    """The fields of a TypedDict by their names."""
    hints = get_type_hints(kind, include_extras=True)
    return {name: Hint(bare(hint), get_origin(hint) in {Required, typing_extensions.Required})
            for name, hint in hints.items()}  # fmt: skip


def bare(kind: Any) -> Any:
    """A type without what only says whether it is required."""
    while get_origin(kind) in _WRAPPERS:
        kind = get_args(kind)[0]
    return kind


def kinds_of(kind: Any) -> list[Any]:
    """The alternatives of a union, flat and without None; of anything else, itself."""
    kind = bare(kind)
    if get_origin(kind) in {Union, UnionType}:
        return [one for inner in get_args(kind) if inner is not NoneType for one in kinds_of(inner)]
    return [kind]


def item_of(kind: Any) -> Any:
    """The type of a list's items; None where the type is no list."""
    for one in kinds_of(kind):
        origin = get_origin(one)
        if origin is not None and origin not in {dict, Literal} and get_args(one):
            return get_args(one)[0]
    return None


def objects_of(kind: Any) -> list[Any]:
    """The TypedDicts that a value, or the items of a list, may be."""
    found: list[Any] = []
    for one in kinds_of(kind):
        if is_typeddict(one):
            found.append(one)
        elif (item := item_of(one)) is not None:
            found += objects_of(item)
    return found


def words_of(kind: Any) -> list[Any]:
    """The values of all literals among the alternatives."""
    return [word for one in kinds_of(kind) if get_origin(one) is Literal for word in get_args(one)]


def sample(kind: Any, *further: str) -> Any:
    """A value of a type: of an object the fields that it requires, and those that are named.

    Texts and numbers are no two alike, so that each can be found again.
    """
    kind = kinds_of(kind)[0]
    if is_typeddict(kind):
        return {
            name: sample(hint.kind) for name, hint in fields_of(kind).items() if hint.is_required or name in further
        }
    if get_origin(kind) is Literal:
        return get_args(kind)[-1]
    if get_origin(kind) is dict or kind is dict:
        return {"key": sample(get_args(kind)[1]) if get_args(kind) else word()}
    if (item := item_of(kind)) is not None:
        return [sample(item)]
    return {bool: True, int: next(_counted), float: next(_counted) + 0.5}.get(kind, word())


def word() -> str:
    """A text that stands nowhere else."""
    return f"word{next(_counted)}"


def leaves(value: Any) -> Iterator[Any]:
    """The texts, numbers and bools of a value."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value
