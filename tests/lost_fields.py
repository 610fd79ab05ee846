"""Whether what a user wrote in a vendor's words has reached the wire, was refused, or was named by a warning."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

from tikhub_ai import TikHubAIError, TikHubAIWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.typed_dict_samples import Sample


PARTS = {"function_call": "ToolCall", "reasoning": "Reasoning"}
"""What warnings call an item that is left out as a whole."""


def lost(sample: Sample, send: Callable[[Any], Any], *, may_grow: bool = False) -> bool:
    """Whether a field was neither sent, nor refused, nor named by a warning, by itself or with what holds it.

    Args:
        sample: The field, and a value that has it.
        send: Gives what is sent of a value: body, headers.
        may_grow: Whether a dict may have been given further keys, as schemas are that a provider wants closed.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            sent = send(sample.value)
        except TikHubAIError:
            return False
    if is_there(sent, sample, may_grow=may_grow):
        return False
    told = [str(one.message) for one in caught if issubclass(one.category, TikHubAIWarning)]
    item = sample.value.get("type") if isinstance(sample.value, dict) else None
    whole = f"is left out: {PARTS[item]}" if item in PARTS else sample.field
    return not any(sample.field in one or whole in one for one in told)


def is_there(sent: Any, sample: Sample, *, may_grow: bool = False) -> bool:
    """Whether what a field holds was sent: words that occur but once, wherever; else the field by its name."""
    once = [leaf for leaf in leaves(sample.mark) if not isinstance(leaf, bool) and str(leaf)[:4] in ("word", "4000")]
    numbers = [leaf for leaf in leaves(sample.mark) if type(leaf) is int and leaf >= 4000]
    text = json.dumps(sent)
    if once or numbers:
        return all(str(leaf) in text for leaf in [*once, *numbers])
    return holds(sent, sample.field, sample.mark, may_grow=may_grow)


def leaves(value: Any) -> Iterator[Any]:
    """The texts, numbers and bools of a value."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield value


def holds(value: Any, field: str, mark: Any, *, may_grow: bool) -> bool:
    """Whether a field of this value stands anywhere in another."""
    if isinstance(value, dict):
        return any(
            (name == field and _has(inner, mark, may_grow=may_grow)) or holds(inner, field, mark, may_grow=may_grow)
            for name, inner in value.items()
        )
    return isinstance(value, list) and any(holds(inner, field, mark, may_grow=may_grow) for inner in value)


def _has(value: Any, mark: Any, *, may_grow: bool) -> bool:
    if may_grow and isinstance(value, dict) and isinstance(mark, dict):
        return mark.items() <= value.items()
    if isinstance(value, list) and isinstance(mark, list):
        return all(one in value for one in mark)
    return bool(value == mark)
