"""How the tests read a recorded exchange: through ChatClient, sync and async, over its recorded bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import openai

from tests.streams import end_of
from tikhub_ai import ChatClient, ChatReply, ChatRequest, End, Message, Settings, Text, ToolResult

if TYPE_CHECKING:
    from tests.wire.recordings import Exchange


def client_of(api: Any, exchange: Exchange, *, is_async: bool = False) -> ChatClient:
    """A client that every call gives the exchange's answer."""
    transport = httpx.MockTransport(
        lambda _: httpx.Response(exchange.status, headers=exchange.headers, content=exchange.body)
    )
    clients: dict[str, Any] = {"http_client": httpx.Client(transport=transport)}
    if is_async:
        clients = {"http_async_client": httpx.AsyncClient(transport=transport)}
    return ChatClient(Settings(api_key="sk-test", base_url="http://gateway.test", max_retries=0, **clients), api=api)


def openai_sdk(status: int, headers: Any, body: bytes) -> openai.OpenAI:
    """The openai SDK, which gets this answer to every call."""
    transport = httpx2.MockTransport(lambda _: httpx2.Response(status, headers=headers, content=body))
    return openai.OpenAI(
        api_key="sk-test",
        base_url="http://gateway.test/v1",
        max_retries=0,
        http_client=httpx2.Client(transport=transport),
    )


def request_of(exchange: Exchange, default: str = "gpt-4o") -> ChatRequest:
    """A request of the recorded model."""
    model = exchange.request.get("model") or default
    return ChatRequest(model=model, messages=[Message("user", [Text("as recorded")])])


async def all_ways(api: Any, exchange: Exchange, default: str = "gpt-4o") -> list[ChatReply]:
    """The reply, read each way that fits the exchange: sync and async."""
    request = request_of(exchange, default)
    if not exchange.is_stream:
        plain = client_of(api, exchange).complete(request)
        return [plain, await client_of(api, exchange, is_async=True).acomplete(request)]
    sync = list(client_of(api, exchange).stream(request))
    other = [delta async for delta in client_of(api, exchange, is_async=True).astream(request)]
    assert sync == other
    end = end_of(sync)
    assert [delta for delta in sync if isinstance(delta, End)] == [end]
    return [end.reply, end_of(other).reply]


def continued(reply: ChatReply, asked: str = "go on") -> list[Message]:
    """A conversation in which the reply was given, its calls were answered, and the user says more."""
    results = [ToolResult(call.id, [Text("done")], call.name) for call in reply.tool_calls]
    answered = [Message("tool", [result]) for result in results]
    return [
        Message("user", [Text("hi")]),
        Message("assistant", list(reply.parts)),
        *answered,
        Message("user", [Text(asked)]),
    ]
