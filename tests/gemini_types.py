"""Google's own types, of the google-genai SDK, for checking request bodies of generateContent.

The SDK's models refuse fields that they do not know, so a misspelt one shows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from google.genai import types
from pydantic import TypeAdapter, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIELDS: dict[str, TypeAdapter[Any]] = {
    "contents": TypeAdapter(list[types.Content]),
    "systemInstruction": TypeAdapter(types.Content),
    "tools": TypeAdapter(list[types.Tool]),
    "toolConfig": TypeAdapter(types.ToolConfig),
    # The SDK's GenerationConfig lacks `imageConfig`, which the wire has there; its call's config has all of it.
    "generationConfig": TypeAdapter(types.GenerateContentConfig),
    "safetySettings": TypeAdapter(list[types.SafetySetting]),
    "cachedContent": TypeAdapter(str),
    "labels": TypeAdapter(dict[str, str]),
    # Of these, the SDK's own converters know that they stand beside `generationConfig`.
    "serviceTier": TypeAdapter(types.ServiceTier),
    "store": TypeAdapter(bool),
    "continuationToken": TypeAdapter(str),
    "modelArmorConfig": TypeAdapter(types.ModelArmorConfig),
    "outputConfig": TypeAdapter(types.GenerationOutputConfig),
}
_SCHEMA = TypeAdapter(types.Schema)
_OF_THE_CALL = {"systemInstruction", "toolConfig", "httpOptions", *_FIELDS} - {"generationConfig", "contents"}
_FREE = {
    "args",
    "response",
    "parameters",
    "parametersJsonSchema",
    "responseJsonSchema",
    "responseSchema",
    "labels",
    "partMetadata",
}
"""Their keys are the caller's."""
_BESIDE = {"thought", "thoughtSignature", "audioTranscription", "mediaProcessing", "mediaResolution"} | {
    f"{of}Metadata" for of in ("audio", "document", "part", "speech", "spreadsheet", "video")
}
"""What stands in a part beside its own field."""
_ROLES = {"user", "model"}


def problems(body: dict[str, Any]) -> list[str]:
    """What is wrong with a request body by Google's types."""
    return list(_problems(body))


def _problems(body: dict[str, Any]) -> Iterator[str]:
    if not body.get("contents"):
        yield "contents: missing"
    for name, value in body.items():
        if name not in _FIELDS:
            yield f"{name}: no field of a request"
            continue
        yield from _invalid(name, _FIELDS[name], _of_sdk(value) if name == "generationConfig" else value)
        yield from _snake(name, value)
    for number, content in enumerate(body.get("contents", ())):
        if content.get("role") not in _ROLES:
            yield f"contents.{number}.role: {content.get('role')!r}"
        if not content.get("parts"):
            yield f"contents.{number}.parts: empty"
        for place, part in enumerate(content.get("parts", ())):
            data = part.keys() - _BESIDE
            if len(data) > 1:
                yield f"contents.{number}.parts.{place}: {sorted(data)} are one of"
    config = body.get("generationConfig", {})
    for name in config.keys() & _OF_THE_CALL:
        yield f"generationConfig.{name}: no field of it"
    if "responseSchema" in config:
        yield from _invalid("generationConfig.responseSchema", _SCHEMA, config["responseSchema"])
    if "responseSchema" in config and "responseJsonSchema" in config:
        yield "generationConfig: responseSchema and responseJsonSchema exclude each other"
    for tool in body.get("tools", ()):
        for declaration in tool.get("functionDeclarations", ()):
            if "parameters" in declaration and "parametersJsonSchema" in declaration:
                yield f"{declaration['name']}: parameters and parametersJsonSchema exclude each other"


def _of_sdk(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration by the SDK's names: its converter makes `modelConfig` of one."""
    return {"modelSelectionConfig" if name == "modelConfig" else name: value for name, value in config.items()}


def _invalid(name: str, adapter: TypeAdapter[Any], value: Any) -> Iterator[str]:
    try:
        adapter.validate_json(json.dumps(value))
    except ValidationError as error:
        for found in error.errors():
            yield f"{name}.{'.'.join(map(str, found['loc']))}: {found['msg']}"


def _snake(where: str, value: Any) -> Iterator[str]:
    """Names that only the SDK takes, which knows both spellings."""
    if isinstance(value, dict):
        for name, item in value.items():
            if "_" in name and where.rsplit(".", 1)[-1] not in _FREE:
                yield f"{where}.{name}: not as the wire spells it"
            if name not in _FREE:
                yield from _snake(f"{where}.{name}", item)
    elif isinstance(value, list):
        for item in value:
            yield from _snake(where, item)
