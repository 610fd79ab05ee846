"""Every public class, by every way that it sends something: each a caller that the same faults are put to."""

from __future__ import annotations

import asyncio
import traceback
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.llms import ChatMessage

from langchain_tikhub import ChatTikHub, TikHubEmbeddings
from llama_index_tikhub import TikHub, TikHubEmbedding
from tests.scripted_server import Answer, Request, sse
from tests.secrets.canaries import CALL_HEADERS, DEFAULT_HEADERS, KEY
from tikhub_ai import ChatClient, ChatRequest, EmbeddingsClient, Message, Settings, Text, Transport
from tikhub_ai.wire import ApiRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Collection, Iterable

MODEL = "grok-4"


@dataclass
class Outcome:
    """What came of a call: what it gave, what it raised, and what Python would print of that."""

    gave: list[Any] = field(default_factory=list)
    error: Exception | None = None
    printed: str = ""
    warned: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Caller:
    """One way to call one class.

    Attributes:
        make: The object, from the settings that all classes share.
        call: Calls it; appends what it gives to a list as it comes.
        streams: Whether the answer must be a stream.
        takes_call_headers: Whether headers can be given with the call, or with the client where it makes each call.
        embeds: Whether it wants vectors.
    """

    make: Callable[..., Any]
    call: Callable[[Any, list[Any]], Awaitable[None] | None]
    streams: bool = False
    takes_call_headers: bool = True
    embeds: bool = False

    def run(self, subject: Any) -> Outcome:
        """Call, in a loop of its own with asyncio's debug mode where it is async."""
        outcome = Outcome()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                under_way = self.call(subject, outcome.gave)
                if under_way is not None:
                    asyncio.run(_whole(under_way), debug=True)
            except Exception as error:  # noqa: BLE001 - what it is, is what tests look at
                outcome.error, outcome.printed = error, traceback.format_exc()
        outcome.warned = [str(warning.message) for warning in warned]
        return outcome


async def _whole(under_way: Awaitable[None]) -> None:
    await under_way


async def kept(stream: AsyncIterable[Any], gave: list[Any]) -> None:
    """Append what comes, up to the error that may end it."""
    async for item in stream:
        gave.append(item)  # noqa: PERF401 - a comprehension would lose what came before the error


def _request() -> ChatRequest:
    return ChatRequest(model=MODEL, messages=[Message("user", [Text("hi")])], extra_headers=CALL_HEADERS)


def _api_request() -> ApiRequest:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}
    return ApiRequest("/v1/chat/completions", body, extra_headers=CALL_HEADERS)


def _client(**settings: Any) -> ChatClient:
    return ChatClient(Settings(**settings))


def _transport(**settings: Any) -> Transport:
    return Transport(Settings(**settings))


def _embeddings_client(**settings: Any) -> EmbeddingsClient:
    return EmbeddingsClient(Settings(**settings), extra_headers=CALL_HEADERS)


def _lc(**settings: Any) -> ChatTikHub:
    return ChatTikHub(model=MODEL, **settings)


def _li(**settings: Any) -> TikHub:
    return TikHub(model=MODEL, **settings)


def _lc_bound(**settings: Any) -> Any:
    return _lc(**settings).bind(extra_headers=CALL_HEADERS)


def _api_answer(response: Any) -> Any:
    """What a codec would take: that the body, too, is the answer's is the server's own business."""
    return len(response.json_object()), response.headers


async def _transport_asend(transport: Transport, gave: list[Any]) -> None:
    gave.append(await transport.asend(_api_request(), _api_answer))


async def _complete(client: ChatClient, gave: list[Any]) -> None:
    gave.append(await client.acomplete(_request()))


async def _astream(client: ChatClient, gave: list[Any]) -> None:
    await kept(client.astream(_request()), gave)


async def _aembed(client: EmbeddingsClient, gave: list[Any]) -> None:
    gave.append(await client.aembed(["a"]))


async def _ainvoke(llm: ChatTikHub, gave: list[Any]) -> None:
    gave.append(await llm.ainvoke("hi", extra_headers=CALL_HEADERS))


async def _lc_astream(llm: ChatTikHub, gave: list[Any]) -> None:
    await kept(llm.astream("hi", extra_headers=CALL_HEADERS), gave)


async def _lc_astream_bound(llm: Any, gave: list[Any]) -> None:
    await kept(llm.astream("hi"), gave)


async def _lc_aembed(model: TikHubEmbeddings, gave: list[Any]) -> None:
    gave.append(await model.aembed_documents(["a"]))


_HI = [ChatMessage(content="hi")]


async def _achat(llm: TikHub, gave: list[Any]) -> None:
    gave.append(await llm.achat(_HI))


async def _astream_chat(llm: TikHub, gave: list[Any]) -> None:
    await kept(await llm.astream_chat(_HI), gave)


async def _acomplete(llm: TikHub, gave: list[Any]) -> None:
    gave.append(await llm.acomplete("hi"))


async def _li_aembed(model: TikHubEmbedding, gave: list[Any]) -> None:
    gave.append(await model.aget_text_embedding("a"))


CALLERS: dict[str, Caller] = {
    "Transport.send": Caller(_transport, lambda t, gave: gave.append(t.send(_api_request(), _api_answer))),
    "Transport.asend": Caller(_transport, _transport_asend),
    "ChatClient.complete": Caller(_client, lambda c, gave: gave.append(c.complete(_request()))),
    "ChatClient.acomplete": Caller(_client, _complete),
    "ChatClient.stream": Caller(_client, lambda c, gave: gave.extend(c.stream(_request())), streams=True),
    "ChatClient.astream": Caller(_client, _astream, streams=True),
    "EmbeddingsClient.embed": Caller(_embeddings_client, lambda c, gave: gave.append(c.embed(["a"])), embeds=True),
    "EmbeddingsClient.aembed": Caller(_embeddings_client, _aembed, embeds=True),
    "ChatTikHub.invoke": Caller(_lc, lambda m, gave: gave.append(m.invoke("hi", extra_headers=CALL_HEADERS))),
    "ChatTikHub.ainvoke": Caller(_lc, _ainvoke),
    "ChatTikHub.stream": Caller(
        _lc, lambda m, gave: gave.extend(m.stream("hi", extra_headers=CALL_HEADERS)), streams=True
    ),
    "ChatTikHub.astream": Caller(_lc, _lc_astream, streams=True),
    "ChatTikHub.bind.invoke": Caller(_lc_bound, lambda m, gave: gave.append(m.invoke("hi"))),
    "ChatTikHub.bind.astream": Caller(_lc_bound, _lc_astream_bound, streams=True),
    "TikHubEmbeddings.embed_documents": Caller(
        TikHubEmbeddings, lambda m, gave: gave.append(m.embed_documents(["a"])), takes_call_headers=False, embeds=True
    ),
    "TikHubEmbeddings.aembed_documents": Caller(TikHubEmbeddings, _lc_aembed, takes_call_headers=False, embeds=True),
    "TikHub.chat": Caller(_li, lambda m, gave: gave.append(m.chat(_HI)), takes_call_headers=False),
    "TikHub.achat": Caller(_li, _achat, takes_call_headers=False),
    "TikHub.stream_chat": Caller(
        _li, lambda m, gave: gave.extend(m.stream_chat(_HI)), streams=True, takes_call_headers=False
    ),
    "TikHub.astream_chat": Caller(_li, _astream_chat, streams=True, takes_call_headers=False),
    "TikHub.complete": Caller(_li, lambda m, gave: gave.append(m.complete("hi")), takes_call_headers=False),
    "TikHub.acomplete": Caller(_li, _acomplete, takes_call_headers=False),
    "TikHubEmbedding.get_text_embedding": Caller(
        TikHubEmbedding, lambda m, gave: gave.append(m.get_text_embedding("a")), takes_call_headers=False, embeds=True
    ),
    "TikHubEmbedding.aget_text_embedding": Caller(TikHubEmbedding, _li_aembed, takes_call_headers=False, embeds=True),
}


def secrets(**settings: Any) -> dict[str, Any]:
    """Settings with the canaries, and no retries."""
    return {"api_key": KEY, "default_headers": DEFAULT_HEADERS, "max_retries": 0, **settings}


CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
PLAIN = {"id": "c1", "object": "chat.completion", "model": MODEL, "choices": [CHOICE], "usage": USAGE}
VECTOR = {"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}
VECTORS = {"object": "list", "data": [VECTOR], "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}


def event(**delta: Any) -> dict[str, Any]:
    """One event of a stream."""
    finish = delta.pop("finish_reason", None)
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "model": MODEL, "choices": [choice]}


STREAM = (event(role="assistant", content="Hel"), event(content="lo"), event(finish_reason="stop"))


def success(request: Request) -> Answer:
    """The right answer to any caller."""
    body = request.json()
    if "input" in body:
        return Answer(VECTORS)
    return sse(*STREAM) if body.get("stream") else Answer(PLAIN)


OF_THE_CORE = [name for name in CALLERS if name.startswith(("Transport.", "ChatClient.", "EmbeddingsClient."))]


def pairs(cases: Iterable[Any], through_frameworks: Collection[Any]) -> list[Any]:
    """Every case through the core, where its mechanism is, and the telling ones through each framework's classes."""
    return [
        pytest.param(name, case, id=f"{name}-{case}")
        for name in CALLERS
        for case in cases
        if name in OF_THE_CORE or case in through_frameworks
    ]


LANES = [
    *((name, "auto") for name in CALLERS),
    *((name, "httpx") for name in CALLERS if ".a" in name),  # sync calls go over httpx already
    *((name, "httpx2") for name in OF_THE_CORE),
]
"""Every caller over the library that it takes by itself, and over the others."""
