"""JSON schemas in the form that providers accept, for structured answers and strict tools. Pure."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel

from tikhub_ai import ConfigurationError, ResponseFormat, strict_schema


def schema_name(name: str) -> str:
    """A name that the wire accepts: letters, digits, `_` and `-`, 64 of them at most."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:64] or "response"


def response_format_of(given: Any) -> ResponseFormat | None:
    """The form of an answer: a pydantic class, OpenAI's dict, flat as in Responses or not, or a `ResponseFormat`.

    Raises:
        ConfigurationError: It is none of these.
    """
    match given:
        case None | ResponseFormat():
            return given
        case {"type": "text" | "json_object" as kind}:
            return ResponseFormat(kind)
        case {"type": "json_schema"}:
            said: dict[str, Any] = given.get("json_schema") or given
            return ResponseFormat(
                "json_schema",
                schema=said.get("schema") or {},
                name=said.get("name") or "response",
                description=said.get("description"),
                strict=said.get("strict"),
            )
        case type() if issubclass(given, BaseModel):
            return model_format(given)
    raise ConfigurationError(
        "response_format must be a pydantic class or a dict with type text, json_object or json_schema."
    )


def model_format(output_cls: type[BaseModel]) -> ResponseFormat:
    """The form that a pydantic class describes: strict wherever its schema can be."""
    schema = output_cls.model_json_schema()
    strict = strict_schema(schema)
    return ResponseFormat(
        "json_schema",
        schema=strict or schema,
        name=schema_name(str(schema.get("title") or output_cls.__name__)),
        description=schema.get("description"),
        strict=strict is not None,
    )
