"""What the wire's words are called, and what a model's name says of the model."""

from __future__ import annotations

import re
from base64 import b64encode
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tikhub_ai.catalog import ModelFacts


class Generation(NamedTuple):
    """A Gemini model's generation: what it takes on the wire depends on it, and its name is all that tells it."""

    major: int
    minor: int


NEWEST = Generation(99, 0)
"""Of a Gemini model whose name has no number, such as gemini-flash-latest."""
GEMINI_2 = Generation(2, 0)
"""From here on answers follow JSON Schema as it is: gemini-2.0-flash answers requests that ask for it."""
GEMINI_2_5 = Generation(2, 5)
"""From here on JSON Schema is taken as it is, and the model thinks."""
GEMINI_3 = Generation(3, 0)
"""From here on thought signatures are demanded, thinking has levels, and function responses hold media."""

_NUMBER = re.compile(r"gemini-(\d+)(?:\.(\d+))?")


def generation_of(model: str, facts: ModelFacts) -> Generation | None:
    """A model's generation; None for a model that is no Gemini, which gets the oldest form of everything."""
    found = _NUMBER.search(model.lower())
    if found:
        return Generation(int(found.group(1)), int(found.group(2) or 0))
    return NEWEST if facts.family == "gemini" else None


def is_from(generation: Generation | None, first: Generation) -> bool:
    """Whether a model is of this generation or a later one."""
    return generation is not None and generation >= first


_UNDERSCORE = re.compile(r"_([a-z0-9])")
_AS_IT_IS = frozenset(
    {"args", "response", "responseJsonSchema", "parametersJsonSchema", "parameters", "customMetadata", "partMetadata"}
)
"""Fields whose values are the caller's or the model's own: their keys are no words of the wire."""


def camel(name: str) -> str:
    """A name as the wire spells it: `file_search` is `fileSearch`."""
    return _UNDERSCORE.sub(lambda found: found.group(1).upper(), name)


def camelised(value: Any) -> Any:
    """A JSON value with its keys as the wire spells them, those of schemas and arguments left alone.

    Objects of Google's SDK are read too.
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, dict):
        return {
            (key := camel(str(name))): item if key in _AS_IT_IS else camelised(item) for name, item in value.items()
        }
    return [camelised(item) for item in value] if isinstance(value, list) else value


def with_wire_names(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same with the wire's names, where some are not: relays send on what Google's client libraries give them."""
    for name in value:
        if "_" in name:
            spelled: dict[str, Any] = camelised(value)
            return spelled
    return value
