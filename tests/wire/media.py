"""The recorded media traffic: whole recordings, since a job's poll means something only after its create."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.wire.recordings import WIRE
from tikhub_ai.error_bodies import error_from_response
from tikhub_ai.wire import ApiResponse


@dataclass(frozen=True)
class MediaExchange:
    """One recorded request and its answer."""

    method: str
    url: str
    request_headers: dict[str, str]
    request: bytes
    response: ApiResponse

    @property
    def asked(self) -> Any:
        """The request's JSON."""
        return json.loads(self.request)

    def answer(self) -> ApiResponse:
        """The answer, or the error that the transport makes of its status."""
        if self.response.status_code >= 300:
            raise error_from_response(self.response.status_code, self.response.headers, self.response.body)
        return self.response


def media_recordings(folder: str) -> list[Any]:
    """The recordings of one folder, each a list of exchanges, as pytest parameters."""
    return [
        pytest.param([_exchange(item) for item in json.loads(path.read_text())["interactions"]], id=path.stem)
        for path in sorted((WIRE / folder).glob("*.json"))
    ]


def _exchange(item: dict[str, Any]) -> MediaExchange:
    request, response = item["request"] or {}, item["response"]
    headers = {key.lower(): str(value) for key, value in (response.get("headers") or {}).items()}
    return MediaExchange(
        request.get("method", "POST"),
        request.get("url", ""),
        {key.lower(): str(value) for key, value in (request.get("headers") or {}).items()},
        _body(request),
        ApiResponse(response["status"], headers, _body(response)),
    )


def _body(message: dict[str, Any]) -> bytes:
    if message.get("body_b64"):
        return base64.b64decode(message["body_b64"])
    body = message.get("body") or ""
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
