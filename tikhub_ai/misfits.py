"""Which value of a request has another type than it should.

Asked only where a request could not be encoded, so that the error names the place instead of a fault within a codec.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import MISSING, fields, is_dataclass, replace
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from tikhub_ai import conversation
from tikhub_ai.errors import silence

if TYPE_CHECKING:
    from tikhub_ai.conversation import ChatRequest

_DEEPEST = 20


class Misfit(NamedTuple):
    """A value in the wrong place.

    Attributes:
        place: Such as `messages[0].parts[1].text`.
        found: The type that stands there.
    """

    place: str
    found: str


def misfit(value: Any) -> Misfit | None:
    """The first field of a dataclass of the neutral model, or of what is in it, that has another type than declared."""
    return next(_in_dataclass(value, ""), None)


def culprit(request: ChatRequest, encode: Callable[[ChatRequest], Any]) -> str:
    """The smallest part of a request without which it can be encoded, such as `tools[0]`; else `something in it`.

    Args:
        request: One that `encode` fails at.
        encode: Pure.
    """
    for place, changed in _without_one_thing(request):
        if _succeeds(encode, changed):
            return place
    return "something in it"


def _without_one_thing(request: ChatRequest) -> Iterator[tuple[str, ChatRequest]]:
    """The request without one of its values, for each of them, smaller ones before those that they are in."""
    for number, message in enumerate(request.messages):
        for place, part in enumerate(message.parts):
            before, after = message.parts[:place], message.parts[place + 1 :]
            for name, rest in (
                ("state", [replace(part, state=None)]),
                ("options", [replace(part, options=None)]),
                ("", []),
            ):
                changed = replace(message, parts=[*before, *rest, *after])
                messages = [*request.messages[:number], changed, *request.messages[number + 1 :]]
                where = f"messages[{number}].parts[{place}]"
                yield f"{where}.{name}" if name else where, replace(request, messages=messages)
    for field in fields(request):
        value: Any = getattr(request, field.name)
        default: Any = field.default_factory() if field.default_factory is not MISSING else field.default
        if default is MISSING or value is default:
            continue
        for key in _keys(value):
            yield f"{field.name}{_step(key)}", _with(request, field.name, _lacking(value, key))
        yield field.name, _with(request, field.name, default)


def _keys(value: Any) -> list[Any]:
    return list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []


def _step(key: Any) -> str:
    return f"[{key}]" if isinstance(key, int) else f".{key}"


def _lacking(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if name != key}
    return [*value[:key], *value[key + 1 :]]


def _with(request: ChatRequest, name: str, value: Any) -> ChatRequest:
    changed = copy(request)
    setattr(changed, name, value)
    return changed


def _succeeds(encode: Callable[[ChatRequest], Any], request: ChatRequest) -> bool:
    try:
        with silence():
            encode(request)
    except Exception:  # noqa: BLE001 - the one that is looked for, or another
        return False
    return True


def _in_dataclass(value: Any, place: str) -> Any:
    hints = _hints(type(value))
    for field in fields(value):
        where = f"{place}.{field.name}" if place else field.name
        yield from _in_value(getattr(value, field.name), hints.get(field.name, Any), where, 0)


def _in_value(value: Any, hint: Any, place: str, depth: int) -> Any:
    if depth > _DEEPEST or hint is Any:
        return
    options = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
    option = next((option for option in options if _is_of(value, option)), None)
    if option is None:
        yield Misfit(place, type(value).__name__)
    elif is_dataclass(value):
        yield from _in_dataclass(value, place)
    elif isinstance(value, list):
        inner = get_args(option)
        for number, item in enumerate(value):
            yield from _in_value(item, inner[0] if inner else Any, f"{place}[{number}]", depth + 1)
    elif isinstance(value, dict):
        inner = get_args(option)
        for name, item in value.items():
            yield from _in_value(item, inner[1] if inner else Any, f"{place}.{name}", depth + 1)


def _is_of(value: Any, hint: Any) -> bool:
    kind = get_origin(hint) or hint
    if kind is Literal:
        return isinstance(value, str)  # words not known here are the wire's business
    if hint is Any or not isinstance(kind, type):
        return True
    if kind is float:
        kind = (int, float)
    return isinstance(value, NoneType if kind is None else kind) and not (kind is int and isinstance(value, bool))


class _Names(dict[str, Any]):
    """What annotations may name. What is imported for the type checker alone is not looked into."""

    def __missing__(self, _: str) -> Any:
        return Any


def _hints(kind: type[Any]) -> dict[str, Any]:
    names = _Names({**vars(builtins), **vars(conversation), "Mapping": Mapping, "Sequence": Sequence})
    return get_type_hints(kind, None, names)
