"""Values as fields of a multipart form, as OpenAI's clients spell them: `name[]` for lists, `name[key]` for maps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tikhub_ai.errors import InvalidRequestError
from tikhub_ai.wire import FormField


def form_fields(name: str, value: Any, *, brackets: bool = True) -> list[FormField]:
    """The fields that carry a value; none for None.

    Args:
        name: The field's name. One that ends in `[]` is taken as it is.
        value: Text, a number, a bool, a list or a mapping, nested at will.
        brackets: Whether a list is sent as `name[]`; else as `name`, once for each item.

    Raises:
        InvalidRequestError: A form cannot carry it.
    """
    if value is None:
        return []
    if isinstance(value, Mapping):
        return [
            field for key, item in value.items() for field in form_fields(f"{name}[{key}]", item, brackets=brackets)
        ]
    if isinstance(value, (list, tuple, set, frozenset)):
        inner = f"{name}[]" if brackets and not name.endswith("[]") else name
        return [field for item in value for field in form_fields(inner, item, brackets=brackets)]
    return [FormField(name, _text(name, value))]


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidRequestError(f"{name}={value!r} is no number that can be sent.")
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, int):
        return str(value)
    raise InvalidRequestError(f"{name} is a {type(value).__name__}, which a form cannot carry: give text or a number.")
