"""A value for a JSON Schema, out of the words of a question: what a model fills in that is asked for JSON."""

from __future__ import annotations

import re
from typing import Any

_NAMES = re.compile(r"\b[A-Z][\w'-]+(?: [A-Z][\w'-]+)*")
_NUMBERS = re.compile(r"\b\d+(?:\.\d+)?\b")
_NO_NAMES = {
    "What",
    "Which",
    "Who",
    "When",
    "Where",
    "Why",
    "How",
    "Is",
    "Are",
    "The",
    "A",
    "An",
    "I",
    "Tell",
    "Please",
}


def names_in(question: str) -> list[str]:
    """Capitalised words, such as `Paris`, without those that begin a question."""
    found = [name for name in _NAMES.findall(question) if name.split()[0] not in _NO_NAMES]
    return list(dict.fromkeys(found))


def sample(schema: dict[str, Any], question: str, name: str | None = None) -> Any:
    """A value that is valid under a schema.

    Args:
        schema: JSON Schema, `$defs` included.
        question: Where names and numbers are taken from.
        name: For the first text, in place of the question's first name.
    """
    return _Sampler(schema, question, name)(schema)


class _Sampler:
    def __init__(self, schema: dict[str, Any], question: str, name: str | None) -> None:
        self._root = schema
        self._names = iter([name] if name else names_in(question))
        self._numbers = iter(_NUMBERS.findall(question))
        self._question = question

    def __call__(self, schema: dict[str, Any]) -> Any:
        if "$ref" in schema:
            value: Any = self._root
            for key in schema["$ref"].removeprefix("#/").split("/"):
                value = value[key]
            return self(value)
        for key in ("const", "default"):
            if schema.get(key) is not None:
                return schema[key]
        if schema.get("enum"):
            return self._chosen(schema["enum"])
        for key in ("anyOf", "oneOf", "allOf"):
            if schema.get(key):
                return self(next(one for one in schema[key] if one.get("type") != "null"))
        kind = schema.get("type", "object" if "properties" in schema else "string")
        kind = next(one for one in kind if one != "null") if isinstance(kind, list) else kind
        return getattr(self, f"_{str(kind).lower()}")(schema)

    def _chosen(self, values: list[Any]) -> Any:
        said = [value for value in values if str(value).lower() in self._question.lower()]
        return (said or values)[0]

    def _object(self, schema: dict[str, Any]) -> dict[str, Any]:
        wanted = schema.get("required", schema.get("properties", {}))
        return {key: self(value) for key, value in schema.get("properties", {}).items() if key in wanted}

    def _array(self, schema: dict[str, Any]) -> list[Any]:
        return [self(schema.get("items") or {"type": "string"}) for _ in range(max(1, schema.get("minItems", 1)))]

    def _string(self, schema: dict[str, Any]) -> str:
        form = {"date": "2026-01-31", "date-time": "2026-01-31T12:00:00Z", "uri": "https://example.com"}
        return form.get(schema.get("format", "")) or next(self._names, None) or self._question[-200:]

    def _number(self, schema: dict[str, Any]) -> float:
        low = float(schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1))
        value = float(next(self._numbers, low))
        return max(low, min(value, float(schema.get("maximum", value))))

    def _integer(self, schema: dict[str, Any]) -> int:
        return int(self._number(schema))

    def _boolean(self, schema: dict[str, Any]) -> bool:
        return True

    def _null(self, schema: dict[str, Any]) -> None:
        return None
