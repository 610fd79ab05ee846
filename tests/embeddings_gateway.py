"""A gateway that embeds, in process: deterministic vectors, and the limits and vices that a test gives it."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tikhub_ai import EmbeddingsClient, EmbeddingsReply, Settings

if TYPE_CHECKING:
    from collections.abc import Callable


def vector_of(text: str, length: int = 4) -> list[float]:
    """The vector of a text: numbers that float32 holds exactly, and that tell texts apart."""
    seed = sum(sum(map(ord, text[place::7])) * (place + 1) for place in range(7)) + 1
    return [float((seed * (place + 3)) % 4096) / 64 for place in range(length)]


@dataclass
class Gateway:
    """Answers POST /v1/embeddings through `httpx.MockTransport`.

    Attributes:
        max_inputs: More texts than this are refused.
        max_total: More characters than this in one request are refused.
        max_text: A text of more characters than this is refused.
        delay: Seconds that an answer takes.
        sends: `float`, `base64`, or None for what was asked.
        change: Rewrites an answer's payload.
        refuse: Gives an answer for a request, or None to go on.
        holds: Whether a request is still to wait, and not to be answered yet.
        requests: The bodies that came.
        headers: The headers that came.
        most_at_once: The most requests that were under way at one time.
    """

    max_inputs: int = 2048
    max_total: int = 10**9
    max_text: int = 10**9
    delay: float = 0.0
    sends: str | None = None
    change: Callable[[dict[str, Any]], Any] = lambda payload: payload
    refuse: Callable[[dict[str, Any]], httpx.Response | None] = lambda body: None
    holds: Callable[[dict[str, Any]], bool] = lambda body: False
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[httpx.Headers] = field(default_factory=list)
    most_at_once: int = 0
    cancelled: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def clients(self) -> dict[str, Any]:
        """What settings and adapters take to talk to this gateway."""
        return {
            "api_key": "sk-test",
            "base_url": "http://gateway.test",
            "retry_wait": 0.001,
            "http_client": httpx.Client(transport=httpx.MockTransport(self._handle)),
            "http_async_client": httpx.AsyncClient(transport=httpx.MockTransport(self._ahandle)),
        }

    @property
    def sizes(self) -> list[int]:
        """How many texts each request held."""
        return [len(body["input"]) for body in self.requests]

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self._enter()
        try:
            time.sleep(self.delay)
            while self.holds(json.loads(request.content)):
                time.sleep(0.001)
            return self._answer(request)
        finally:
            self._leave()

    async def _ahandle(self, request: httpx.Request) -> httpx.Response:
        self._enter()
        try:
            await asyncio.sleep(self.delay)
            while self.holds(json.loads(request.content)):  # noqa: ASYNC110 - what threads ask is no event of a loop
                await asyncio.sleep(0.001)
            return self._answer(request)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)

    def _leave(self) -> None:
        with self._lock:
            self._at_once -= 1

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        with self._lock:
            self.requests.append(body)
            self.headers.append(request.headers)
            number = len(self.requests)
        if (refusal := self.refuse(body)) is not None:
            return refusal
        texts = body["input"]
        if len(texts) > self.max_inputs:
            return error(f"Too many inputs. The max number of inputs is {self.max_inputs}.")
        if (longest := max(map(len, texts))) > self.max_text:
            message = f"This model's maximum context length is {self.max_text} tokens, however you requested {longest}."
            return error(message, code="context_length_exceeded")
        if (total := sum(map(len, texts))) > self.max_total:
            message = f"Requested {total} tokens, max {self.max_total} tokens per request"
            return error(message, code="max_tokens_per_request")
        form = self.sends or body["encoding_format"]
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": _as(form, vector_of(text, body.get("dimensions") or 4)),
            }
            for index, text in enumerate(texts)
        ]
        data.reverse()  # order is the index's business
        usage = {"prompt_tokens": total, "total_tokens": total}
        payload = {"object": "list", "data": data, "model": body["model"] + "-001", "usage": usage}
        return httpx.Response(200, json=self.change(payload), headers={"x-oneapi-request-id": f"req-{number}"})


def error(message: str, status: int = 400, code: str | None = None) -> httpx.Response:
    """A refusal in OpenAI's shape."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    said = {"message": message, "type": kind, "param": None, "code": code}
    return httpx.Response(status, json={"error": said}, headers={"x-oneapi-request-id": "req-refused"})


def _as(form: str, vector: list[float]) -> Any:
    return vector if form == "float" else base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def client_of(gateway: Gateway, **options: Any) -> EmbeddingsClient:
    settings = Settings(max_retries=options.pop("max_retries", 0), **gateway.clients)
    return EmbeddingsClient(settings, **options)


async def by_embed(client: EmbeddingsClient, texts: Any, **options: Any) -> EmbeddingsReply:
    return client.embed(texts, **options)


async def by_aembed(client: EmbeddingsClient, texts: Any, **options: Any) -> EmbeddingsReply:
    return await client.aembed(texts, **options)


each_way = pytest.mark.parametrize("embed", [by_embed, by_aembed])


def dying(gateway: Gateway, text: str, *, until: Callable[[], bool] = lambda: False) -> Gateway:
    """A gateway that fails whatever holds a text."""
    gateway.refuse = lambda body: error("died", 500) if text in body["input"] and not until() else None
    return gateway
