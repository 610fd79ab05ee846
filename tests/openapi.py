"""OpenAI's OpenAPI document of ../shared/spec, for checking request bodies. It is not part of this repository."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SPEC = Path(__file__).parents[2] / "shared" / "spec" / "openai-openapi.json"
SCHEMAS = {
    "/v1/chat/completions": "CreateChatCompletionRequest",
    "/v1/embeddings": "CreateEmbeddingRequest",
    "/v1/responses": "CreateResponse",
    "/v1/audio/transcriptions": "CreateTranscriptionRequest",
    "/v1/videos": "CreateVideoJsonBody",
    "/remix": "CreateVideoRemixBody",
}


FORMS = {"/v1/videos": "CreateVideoMultipartBody"}


@cache
def _validator(path: str, *, is_form: bool = False) -> Draft202012Validator | None:
    schemas = SCHEMAS | FORMS if is_form else SCHEMAS
    name = next((schema for end, schema in schemas.items() if path.endswith(end)), None)
    if name is None or not SPEC.is_file():
        return None
    components = _document()["components"]
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": components})


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(SPEC.read_text())
    _without_noise(document["components"]["schemas"])
    return document


def _without_noise(schemas: dict[str, Any]) -> None:
    """Undo what the document says of itself and cannot mean: real requests that were answered 200 fail it too."""
    # A message whose content is a list is both an EasyInputMessage and an Item (an InputMessage): "one of" refuses it.
    schemas["InputItem"]["anyOf"] = schemas["InputItem"].pop("oneOf")
    # It requires a `request_id` that it does not describe; the SDK's type has none.
    schemas["MCPApprovalResponse"]["required"].remove("request_id")


def problems(path: str, body: Any, *, is_form: bool = False) -> list[str]:
    """What is wrong with a request body by the specification; nothing for paths that it does not cover."""
    validator = _validator(path, is_form=is_form)
    if validator is None:
        return []
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator.iter_errors(body)
    ]
