"""Values of a vendor's TypedDicts: for each field of each type, the least value that has it."""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from typing_extensions import is_typeddict

from tests.typed_dicts import plain, required

if TYPE_CHECKING:
    from collections.abc import Iterator


class Sample(NamedTuple):
    """A value made to have one field.

    Attributes:
        owner: The name of the type that has the field, and its `type` where it says one.
        field: The field.
        value: The whole value, from the root on.
        mark: What the field holds.
    """

    owner: str
    field: str
    value: Any
    mark: Any


_TEXTS = count(1)


@cache
def hints(kind: Any) -> dict[str, Any]:
    """The fields of a TypedDict and their types."""
    return {name: plain(value) for name, value in get_type_hints(kind, include_extras=True).items()}


def name_of(kind: Any) -> str:
    """A type's name without the vendor's `Beta` and `Param`, with its `type`."""
    said = hints(kind).get("type")
    tag = get_args(said)[0] if get_origin(said) is Literal else None
    return str(tag or kind.__name__.removeprefix("Beta").removesuffix("Param"))


def least(kind: Any) -> Any:
    """The least value of a type. Texts are all different, so that each can be found again."""
    kind = plain(kind)
    origin, inner = get_origin(kind), get_args(kind)
    if is_typeddict(kind):
        return {name: least(value) for name, value in hints(kind).items() if name in required(kind)}
    if origin is Literal:
        return inner[0]
    if origin is dict:
        return {"k": least(inner[1])}
    if kind in {dict, object, Any}:
        return {"x": least(str)}
    if kind is bool:
        return True
    if kind in {int, float}:
        return 4000 + next(_TEXTS)
    if kind is str:
        return f"word{next(_TEXTS)}"
    if origin is not None and (origin is Union or "Union" in str(origin)):
        return least(next(one for one in inner if one is not type(None)))
    if origin is not None:  # lists and what may be looped over
        return [least(inner[0])]
    return [least(str)] if "Sequence" in str(kind) else "aGk="


def samples(kind: Any, seen: set[Any] | None = None) -> Iterator[Sample]:
    """For each field of each TypedDict that a type reaches, one value of the type that has it, and little else.

    Args:
        kind: The type of the values.
        seen: TypedDicts whose fields are not asked for; those that are found are added.
    """
    seen = set() if seen is None else seen
    kind = plain(kind)
    origin, inner = get_origin(kind), get_args(kind)
    if is_typeddict(kind):
        if kind in seen:
            return
        seen.add(kind)
        for name, value in hints(kind).items():
            base = least(kind)
            base[name] = least(value)
            yield Sample(name_of(kind), name, base, base[name])
            for sample in samples(value, seen):
                yield sample._replace(value={**base, name: sample.value})
    elif origin is dict:
        for sample in samples(inner[1], seen):
            yield sample._replace(value={"k": sample.value})
    elif origin is not None and (origin is Union or "Union" in str(origin)):
        for one in inner:
            yield from samples(one, seen)
    elif origin is not None and origin is not Literal:
        for sample in samples(inner[0], seen):
            yield sample._replace(value=[sample.value])


def reached(kind: Any, found: dict[Any, None] | None = None) -> list[Any]:
    """All TypedDicts that a type reaches, itself included."""
    found = {} if found is None else found
    kind = plain(kind)
    if is_typeddict(kind):
        if kind not in found:
            found[kind] = None
            for value in hints(kind).values():
                reached(value, found)
    elif get_origin(kind) is not Literal:
        for one in get_args(kind):
            reached(one, found)
    return list(found)
