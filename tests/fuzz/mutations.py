"""One or two fields of a JSON value replaced by values of other types and sizes.

    payloads = mutated(answer.payloads, [(path, odd value), ...])

`places` are all paths of a value, `ODD` what may stand there instead; `mutants` draws both for hypothesis.
"""

from __future__ import annotations

import json
from copy import copy
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Path: TypeAlias = "tuple[str | int, ...]"

GONE = object()
"""Instead of a value: the field is left out."""


_DEPTHS = (40, 900, 5000)
_NESTED = "lists in lists, to a depth of "


def encoded(value: Any) -> bytes:
    """A mutated value as JSON; numbers that are none are written as Python's json writes them."""
    text = json.dumps(value)
    if _NESTED in text:
        for depth in _DEPTHS:
            text = text.replace(f'"{_NESTED}{depth}"', "[" * depth + "]" * depth)
    return text.encode()


ODD: list[Any] = [
    GONE,
    None,
    True,
    False,
    0,
    -1,
    7,
    2**63,
    10**400,
    1.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    float("-inf"),
    "",
    "n/a",
    "0",
    "12",
    "1" * 400,
    "a\x00b\r\n",
    "\ud83d",
    "\ude00 and more",
    "text",
    "function",
    "data:image/png;base64,AAAA",
    "é" * 3000,
    [],
    [None],
    [1, "a", {}, []],
    ["text"],
    [{"type": "text", "text": "in a list"}],
    [[{"index": 0}]],
    {},
    {"": None},
    {"text": None},
    {"type": 5},
    {"type": "text", "text": "in an object"},
    {"index": [], "id": 5, "name": {}, "text": [], "arguments": {"a": [1]}},
    {"a": {"b": {"c": [1, 2.5, None]}}},
    *(f"{_NESTED}{depth}" for depth in _DEPTHS),
]
"""What stands in a field instead of what belongs there. `encoded` turns the last ones into lists in lists."""


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every path in a JSON value or a dataclass, its own, the empty one, left out."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    elif is_dataclass(value):
        items = [(field.name, getattr(value, field.name)) for field in fields(value)]
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def mutated(value: Any, changes: Sequence[tuple[Path, Any]]) -> Any:
    """A copy of a value with some of its places changed. A place that an earlier change has taken away is passed by."""
    for path, odd in changes:
        value = _changed(value, path, odd)
    return value


def _changed(value: Any, path: Path, odd: Any) -> Any:
    if not path:
        return odd
    key, rest = path[0], path[1:]
    if isinstance(value, dict) and key in value:
        out = dict(value)
        if odd is GONE and not rest:
            del out[key]
        else:
            out[key] = _changed(value[key], rest, odd)
        return out
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        items = list(value)
        items[key : key + 1] = [] if odd is GONE and not rest else [_changed(value[key], rest, odd)]
        return items
    if is_dataclass(value) and isinstance(key, str) and hasattr(value, key):
        changed = copy(value)
        setattr(changed, key, None if odd is GONE and not rest else _changed(getattr(value, key), rest, odd))
        return changed
    return value


@st.composite
def mutants(draw: st.DrawFn, value: Any, odd: Sequence[Any] = ODD) -> Any:
    """A value with one or two places changed."""
    paths = list(places(value))
    changes = draw(st.lists(st.tuples(st.sampled_from(paths), st.sampled_from(odd)), min_size=1, max_size=2))
    return mutated(value, changes)
