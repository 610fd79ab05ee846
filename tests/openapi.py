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
}


@cache
def _validator(path: str) -> Draft202012Validator | None:
    name = next((schema for end, schema in SCHEMAS.items() if path.endswith(end)), None)
    if name is None or not SPEC.is_file():
        return None
    components = _document()["components"]
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": components})


@cache
def _document() -> dict[str, Any]:
    return json.loads(SPEC.read_text())


def problems(path: str, body: Any) -> list[str]:
    """What is wrong with a request body by the specification; nothing for paths that it does not cover."""
    validator = _validator(path)
    if validator is None:
        return []
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator.iter_errors(body)
    ]
