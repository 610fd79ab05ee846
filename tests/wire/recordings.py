"""The real recorded provider traffic of ../shared/wire, which is not part of this repository."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

WIRE = Path(__file__).parents[3] / "shared" / "wire"

needs_recordings = pytest.mark.skipif(
    not WIRE.is_dir(),
    reason="needs the recorded provider traffic in ../shared/wire, which lies outside this repository",
)


ENDPOINTS = {
    "chat_completions": "/chat/completions",
    "responses": "/responses",
    "messages": "/messages",
    "generate_content": ":generateContent",
    "embeddings": "/embeddings",
}
"""How the path of each API's calls ends. The folders also hold the uploads, counts and the like around them."""

Outcome = Literal["answer", "refused", "failed", "cut"]


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
        lines = self.body.decode("utf-8", "replace").splitlines()
        payloads = [_parsed(line[5:].strip()) for line in lines if line.startswith("data:")]
        return [payload for payload in payloads if payload is not None]

    @property
    def payloads(self) -> list[Any]:
        """The answer's JSON: one object, the chunks of an event stream, or the items of an array stream."""
        if self.is_stream:
            return self.chunks
        parsed = _parsed(self.body)
        return parsed if isinstance(parsed, list) else [] if parsed is None else [parsed]


def exchanges(api: str, *outcomes: Outcome) -> list[Any]:
    """All exchanges of one wire API, as pytest parameters.

    Args:
        api: The API. An exchange is known by its URL, wherever it lies; one without a URL by its folder.
        *outcomes: Only those that ended so. Without any, all.
    """
    found = [exchange for exchange in (_recorded().get(api, ())) if not outcomes or outcome(api, exchange) in outcomes]
    return [pytest.param(exchange, id=exchange.name) for exchange in found]


def named(api: str, *names: str) -> list[Any]:
    """Exchanges whose names hold one of these, as pytest parameters: of these, a test knows what they say."""
    return [param for param in exchanges(api) if any(name in str(param.id) for name in names)]


def outcome(api: str, exchange: Exchange) -> Outcome:
    """How an exchange ended, by the wire's own words: an answer, refused by its status, failed after it, or cut."""
    if exchange.status >= 400:
        return "refused"
    payloads = [payload for payload in exchange.payloads if isinstance(payload, dict)]
    if any(payload.get("error") or payload.get("type") == "error" for payload in payloads):
        return "failed"
    if not payloads:
        return "cut" if exchange.is_stream else "failed"
    return _ENDINGS[api](payloads, exchange.is_stream or exchange.body.lstrip().startswith(b"["))


def _chat_completion_ended(payloads: list[dict[str, Any]], is_stream: bool) -> Outcome:
    choices = [choice for payload in payloads for choice in payload.get("choices") or ()]
    ended = {choice.get("index", 0) for choice in choices if choice.get("finish_reason")}
    return "answer" if not is_stream or (ended and ended == {choice.get("index", 0) for choice in choices}) else "cut"


def _response_ended(payloads: list[dict[str, Any]], is_stream: bool) -> Outcome:
    kinds = {payload.get("type") for payload in payloads}
    if "response.failed" in kinds or (not is_stream and payloads[0].get("status") == "failed"):
        return "failed"
    return "answer" if not is_stream or kinds & {"response.completed", "response.incomplete"} else "cut"


def _message_ended(payloads: list[dict[str, Any]], is_stream: bool) -> Outcome:
    reasons = [(payload.get("delta") or payload).get("stop_reason") for payload in payloads]
    if "model_context_window_exceeded" in reasons:
        return "failed"
    ended = any(reasons) or any(payload.get("type") == "message_stop" for payload in payloads)
    return "answer" if not is_stream or ended else "cut"


def _content_ended(payloads: list[dict[str, Any]], is_stream: bool) -> Outcome:
    reasons = [candidate.get("finishReason") for payload in payloads for candidate in payload.get("candidates") or ()]
    if any((payload.get("promptFeedback") or {}).get("blockReason") for payload in payloads):
        return "failed"
    if is_stream:
        return "answer" if any(reasons) else "cut"
    return "answer" if payloads[0].get("candidates") else "failed"


_ENDINGS: dict[str, Callable[[list[dict[str, Any]], bool], Outcome]] = {
    "chat_completions": _chat_completion_ended,
    "responses": _response_ended,
    "messages": _message_ended,
    "generate_content": _content_ended,
    "embeddings": lambda _payloads, _is_stream: "answer",
}


@cache
def _recorded() -> dict[str, list[Exchange]]:
    found: dict[str, list[Exchange]] = {}
    for path in sorted(WIRE.glob("*/*.json")):
        for number, interaction in enumerate(json.loads(path.read_text())["interactions"]):
            api = _api_of(interaction["request"] or {}, path.parent.name)
            if api is None:
                continue
            response = interaction["response"]
            body = _body(response, named=api in {"messages", "responses"})
            request = (interaction["request"] or {}).get("body")
            headers = {key.lower(): _one(value) for key, value in (response.get("headers") or {}).items()}
            for name in ("content-encoding", "content-length", "transfer-encoding"):
                headers.pop(name, None)  # the body is kept decoded
            exchange = Exchange(f"{path.stem}[{number}]", _json(request), response["status"], headers, body)
            found.setdefault(api, []).extend(_answers_of(exchange))
    return found


def _api_of(request: dict[str, Any], folder: str) -> str | None:
    """The API whose call it is, or None."""
    url = request.get("url")
    if not url:
        return folder if folder in ENDPOINTS else None
    if request.get("method", "POST") != "POST":
        return None
    path = urlsplit(url).path.replace(":streamGenerateContent", ":generateContent")
    return next((api for api, ending in ENDPOINTS.items() if path.endswith(ending)), None)


def _answers_of(exchange: Exchange) -> list[Exchange]:
    """An exchange's answers: one recording keeps four streams, one after another."""
    events = exchange.body.split(b"\n\n")
    starts = [at for at, event in enumerate(events) if event.startswith(b"event: response.created")]
    if len(starts) < 2:
        return [exchange]
    ends = [*starts[1:], len(events)]
    return [
        replace(exchange, name=f"{exchange.name}.{number}", body=b"\n\n".join(events[start:end]) + b"\n\n")
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def _parsed(text: str | bytes) -> Any:
    """The JSON value of a text; None where it is none, as `[DONE]`, or is cut."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def _one(value: Any) -> str:
    return str(value[0] if isinstance(value, list) else value)


def _json(text: Any) -> dict[str, Any]:
    parsed = _parsed(text) if isinstance(text, str) else text
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
