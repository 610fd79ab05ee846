"""The real recorded provider traffic of ../shared/wire, which is not part of this repository."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

WIRE = Path(__file__).parents[3] / "shared" / "wire"

needs_recordings = pytest.mark.skipif(
    not WIRE.is_dir(),
    reason="needs the recorded provider traffic in ../shared/wire, which lies outside this repository",
)


@dataclass(frozen=True)
class Exchange:
    """One recorded request and its answer."""

    name: str
    request: dict[str, Any]
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_stream(self) -> bool:
        return "event-stream" in self.headers.get("content-type", "") or self.body.startswith((b"data:", b"event:"))

    @property
    def chunks(self) -> list[Any]:
        """The JSON payloads of a streamed answer."""
        lines = self.body.decode().splitlines()
        payloads = [line[5:].strip() for line in lines if line.startswith("data:")]
        return [json.loads(payload) for payload in payloads if payload and payload != "[DONE]"]


def exchanges(api: str) -> list[Any]:
    """All exchanges of one wire API, as pytest parameters."""
    if not WIRE.is_dir():
        return []
    return [pytest.param(exchange, id=exchange.name) for exchange in _read(api)]


def _read(api: str) -> Iterator[Exchange]:
    for path in sorted((WIRE / api).glob("*.json")):
        document = json.loads(path.read_text())
        for number, interaction in enumerate(document["interactions"]):
            response = interaction["response"]
            body = _body(response, named=api in {"messages", "responses"})
            request = (interaction["request"] or {}).get("body")
            headers = {key.lower(): _one(value) for key, value in (response.get("headers") or {}).items()}
            for name in ("content-encoding", "content-length", "transfer-encoding"):
                headers.pop(name, None)  # the body is kept decoded
            yield Exchange(f"{path.stem}[{number}]", _json(request), response["status"], headers, body)


def _one(value: Any) -> str:
    return str(value[0] if isinstance(value, list) else value)


def _json(text: Any) -> dict[str, Any]:
    try:
        parsed = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {}


def _body(response: dict[str, Any], *, named: bool) -> bytes:
    if "chunks" in response:
        events = []
        for chunk in response["chunks"]:
            kind = json.loads(chunk).get("type") if named and chunk.startswith("{") else None
            events.append((f"event: {kind}\n" if kind else "") + f"data: {chunk}\n\n")
        if not named:
            events.append("data: [DONE]\n\n")
        return "".join(events).encode()
    if "body_b64" in response:
        return base64.b64decode(response["body_b64"])
    body = response.get("body")
    return (body if isinstance(body, str) else json.dumps(body)).encode()
