"""Answers to be mutated: the matrix's, the cassettes' real ones, and the recorded traffic of ../shared where it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from tests.cassettes import FOLDER
from tests.fuzz.mutations import encoded
from tests.matrix.chat_completions import ChatCompletions, DeepSeek
from tests.matrix.features import FEATURES
from tests.matrix.generate_content import GenerateContent
from tests.matrix.messages import Messages
from tests.matrix.responses import Responses
from tests.wire.recordings import exchanges

CHAT_APIS = ("chat_completions", "messages", "responses", "generate_content")
MODELS = {
    "chat_completions": "gpt-5",
    "messages": "claude-sonnet-4-5",
    "responses": "gpt-5",
    "generate_content": "gemini-3-pro-preview",
    "embeddings": "text-embedding-3-small",
}
_COLUMNS = {
    "chat_completions": (ChatCompletions(), DeepSeek()),
    "messages": (Messages(),),
    "responses": (Responses(),),
    "generate_content": (GenerateContent(),),
}
_LARGEST = 60_000
"""Bytes: above, an answer is left out, since it only makes each example slow."""


@dataclass(frozen=True)
class Answer:
    """One answer that was given once.

    Attributes:
        name: Where it is from.
        api: The wire API.
        payloads: Its JSON: one object, or the payloads of a stream's events.
        is_stream: Whether it is a stream.
    """

    name: str
    api: str
    payloads: list[Any]
    is_stream: bool

    def body(self, payloads: list[Any]) -> bytes:
        """The bytes that carry payloads as this answer does. See `mutations.encoded`."""
        if not self.is_stream:
            return encoded(payloads[0]) if payloads else b""
        return b"".join(_event(payload, named=self.api in {"messages", "responses"}) for payload in payloads)

    @property
    def content_type(self) -> str:
        return "text/event-stream" if self.is_stream else "application/json"


def _event(payload: Any, *, named: bool) -> bytes:
    kind = payload.get("type") if named and isinstance(payload, dict) else None
    name = f"event: {kind}\n" if isinstance(kind, str) and kind.isascii() and "\n" not in kind else ""
    return name.encode() + b"data: " + encoded(payload) + b"\n\n"


@cache
def answers(api: str) -> list[Answer]:
    """Answers of an API, each with a field or a kind of value that none before it has."""
    found: list[Answer] = []
    seen: set[Any] = set()
    for answer in [*_of_the_matrix(api), *_of_the_cassettes(api), *_of_the_recordings(api)]:
        shapes = {(answer.is_stream, shape) for payload in answer.payloads for shape in _shapes(payload, ())}
        if shapes - seen and len(answer.body(answer.payloads)) <= _LARGEST:
            seen |= shapes
            found.append(answer)
    return found


def _shapes(value: Any, path: tuple[Any, ...]) -> set[Any]:
    """Each path in a value, the places of lists left out, with the type of what stands there."""
    found: set[Any] = {(path, type(value).__name__)}
    if isinstance(value, dict):
        kind = value.get("type")
        path = (*path, kind) if isinstance(kind, str) else path
        for key, item in value.items():
            found |= _shapes(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            found |= _shapes(item, (*path, 0))
    return found


def _of_the_matrix(api: str) -> list[Answer]:
    found = []
    for column in _COLUMNS.get(api, ()):
        for feature in FEATURES:
            for number, said in enumerate(feature.says):
                name = f"{column.title}, {feature.name}, {number}"
                try:
                    found.append(Answer(name, api, [column.plain(said)], is_stream=False))
                    found.append(Answer(name, api, column.stream(said), is_stream=True))
                except (AssertionError, NotImplementedError, ValueError, TypeError):
                    continue  # this wire has no words for it
    return found


def _of_the_cassettes(api: str) -> list[Answer]:
    found = []
    for path in sorted(FOLDER.glob(f"*/{api}/core_*.yaml")) + sorted(FOLDER.glob(f"*/{api}.yaml")):
        document = yaml.load(path.read_text(), yaml.CSafeLoader)
        for number, exchange in enumerate(document["interactions"]):
            body = exchange["response"]["body"]["string"]
            text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
            if exchange["response"]["status"]["code"] < 300:
                found += _read(f"{path.parent.parent.name}/{path.stem}[{number}]", api, text)
    return found


def _of_the_recordings(api: str) -> list[Answer]:
    found = []
    for parameter in exchanges(api):
        exchange = parameter.values[0]
        if exchange.status < 300 and exchange.payloads:
            found.append(Answer(exchange.name, api, exchange.payloads, is_stream=exchange.is_stream))
    return found


def _read(name: str, api: str, text: str) -> list[Answer]:
    lines = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
    payloads = [json.loads(line) for line in lines if line and line != "[DONE]"]
    if payloads:
        return [Answer(name, api, payloads, is_stream=True)]
    return [Answer(name, api, [json.loads(text)], is_stream=False)] if text.startswith("{") else []
