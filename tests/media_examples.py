"""The answers and requests of ../shared/media_examples, each with the reading expected. Not part of this repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tikhub_ai.error_bodies import error_from_response
from tikhub_ai.wire import ApiResponse

EXAMPLES = Path(__file__).parents[2] / "shared" / "media_examples"
FILES = {"transcriptions": "transcriptions", "videos": "sora", "seedance": "seedance", "kling": "kling", "veo": "veo"}

needs_examples = pytest.mark.skipif(
    not EXAMPLES.is_dir(),
    reason="needs the answers in ../shared/media_examples, which lie outside this repository",
)


def requests(family: str) -> list[Any]:
    """A family's requests, as pytest parameters."""
    return [pytest.param(request, id=request["name"]) for request in _read(family).get("requests", ())]


def cases(family: str) -> list[Any]:
    """A family's answers, as pytest parameters."""
    return [pytest.param(case, id=f"{family}: {case['name']}") for case in _read(family).get("cases", ())]


def answer(case: dict[str, Any]) -> ApiResponse:
    """The answer as it comes from the wire, or the error that the transport makes of its status."""
    body = case["response"]["body"]
    is_text = isinstance(body, str)
    raw = body.encode() if is_text else json.dumps(body).encode()
    kind = "application/json"
    if is_text:
        kind = "text/event-stream" if body.startswith("data:") else "text/plain; charset=utf-8"
    response = ApiResponse(case["response"]["status"], {"content-type": kind}, raw)
    if response.status_code >= 300:
        raise error_from_response(response.status_code, response.headers, raw)
    return response


def _read(family: str) -> dict[str, Any]:
    path = EXAMPLES / f"{FILES[family]}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found
