"""Every vendor's specification of request bodies, by path: OpenAI's OpenAPI, and the types of the others' SDKs."""

from __future__ import annotations

from typing import Any

from tests import openapi


def problems(path: str, body: Any) -> list[str]:
    """What is wrong with a request body; nothing for paths that no specification covers."""
    if path.startswith("/v1/messages"):
        from tests import anthropic_types

        return anthropic_types.problems(path, body)
    if "enerateContent" in path:
        from tests import gemini_types

        return gemini_types.problems(body)
    return openapi.problems(path, body)
