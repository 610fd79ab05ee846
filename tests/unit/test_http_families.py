"""Clients of httpx and of httpx2 are used as they are: sync and async, in all classes, with their failures mapped."""

from __future__ import annotations

import inspect
import logging
import sys
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest
from llama_index.core.llms import ChatMessage

from langchain_tikhub import ChatTikHub, TikHubEmbeddings
from llama_index_tikhub import TikHub, TikHubEmbedding
from tests.secrets.callers import PLAIN, VECTORS, success
from tikhub_ai import (
    APIConnectionError,
    APITimeoutError,
    ChatClient,
    ChatRequest,
    ConfigurationError,
    EmbeddingsClient,
    Message,
    Settings,
    Text,
    TikHubAIError,
    alist_models,
    list_models,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scripted_server import ScriptedServer

REQUEST = ChatRequest("m", [Message("user", [Text("hi")])])
FAMILY = {"httpx": httpx, "httpx2": httpx2}
each_library = pytest.mark.parametrize("library", FAMILY.values(), ids=FAMILY)


async def langchain_astream(**given: Any) -> Any:
    return [chunk async for chunk in ChatTikHub(model="m", **given).astream("hi")]


async def core_astream(**given: Any) -> Any:
    return [delta async for delta in ChatClient(Settings(**given)).astream(REQUEST)]


WAYS: dict[str, Callable[..., Any]] = {
    "ChatClient.complete": lambda **given: ChatClient(Settings(**given)).complete(REQUEST),
    "ChatClient.stream": lambda **given: list(ChatClient(Settings(**given)).stream(REQUEST)),
    "ChatClient.acomplete": lambda **given: ChatClient(Settings(**given)).acomplete(REQUEST),
    "ChatClient.astream": core_astream,
    "EmbeddingsClient.embed": lambda **given: EmbeddingsClient(Settings(**given)).embed(["a"]),
    "EmbeddingsClient.aembed": lambda **given: EmbeddingsClient(Settings(**given)).aembed(["a"]),
    "list_models": lambda **given: list_models(Settings(**given)),
    "alist_models": lambda **given: alist_models(Settings(**given)),
    "ChatTikHub.invoke": lambda **given: ChatTikHub(model="m", **given).invoke("hi"),
    "ChatTikHub.ainvoke": lambda **given: ChatTikHub(model="m", **given).ainvoke("hi"),
    "ChatTikHub.stream": lambda **given: list(ChatTikHub(model="m", **given).stream("hi")),
    "ChatTikHub.astream": langchain_astream,
    "TikHubEmbeddings": lambda **given: TikHubEmbeddings(**given).embed_query("a"),
    "TikHubEmbeddings, async": lambda **given: TikHubEmbeddings(**given).aembed_query("a"),
    "TikHub.chat": lambda **given: TikHub(model="m", **given).chat([ChatMessage(content="hi")]),
    "TikHub.achat": lambda **given: TikHub(model="m", **given).achat([ChatMessage(content="hi")]),
    "TikHubEmbedding": lambda **given: TikHubEmbedding(**given).get_text_embedding("a"),
    "TikHubEmbedding, async": lambda **given: TikHubEmbedding(**given).aget_text_embedding("a"),
}
each_way = pytest.mark.parametrize("way", WAYS)


async def ask(way: str, **given: Any) -> Any:
    answer = WAYS[way](**{"api_key": "sk-1", "max_retries": 0} | given)
    return await answer if inspect.isawaitable(answer) else answer


def answer_of(library: Any, request: Any) -> Any:
    if request.method == "GET":
        return library.Response(200, json={"data": [{"id": "m"}]})
    sent = request.read().decode()
    if "input" in sent:
        return library.Response(200, json=VECTORS)
    if '"stream":true' in sent:
        event = 'data: {"choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": "stop"}]}\n\n'
        return library.Response(
            200, content=f"{event}data: [DONE]\n\n".encode(), headers={"content-type": "text/event-stream"}
        )
    return library.Response(200, json=PLAIN)


def clients(library: Any, handle: Any, **options: Any) -> dict[str, Any]:
    transport = library.MockTransport(handle)
    return {
        "http_client": library.Client(transport=transport, **options),
        "http_async_client": library.AsyncClient(transport=transport, **options),
        "base_url": "http://gateway.test",
    }


@each_library
@each_way
async def test_an_injected_client_is_used_as_it_is(library: Any, way: str) -> None:
    """Its transport, its headers, and its own timeout class for ours."""
    seen: list[Any] = []

    def handle(request: Any) -> Any:
        seen.append(request)
        return answer_of(library, request)

    given = clients(library, handle, headers={"X-Of-The-Client": "1"})
    assert await ask(way, **given, timeout=library.Timeout(7, connect=3))
    (request,) = seen
    assert isinstance(request, library.Request)
    assert request.headers["x-of-the-client"] == "1"
    assert request.headers["authorization"] == "Bearer sk-1"
    assert request.extensions["timeout"] == {"connect": 3, "read": 7, "write": 7, "pool": 7}
    assert not given["http_client"].is_closed
    assert not given["http_async_client"].is_closed


@each_library
async def test_event_hooks_of_an_injected_client_are_called(library: Any) -> None:
    called: list[str] = []

    def sync_hook(message: Any) -> None:
        called.append(type(message).__name__)

    async def async_hook(message: Any) -> None:
        called.append(type(message).__name__)

    def handle(request: Any) -> Any:
        return answer_of(library, request)

    hooks: dict[str, Any] = {"event_hooks": {"request": [sync_hook], "response": [sync_hook]}}
    await ask("ChatClient.complete", **clients(library, handle, **hooks))
    hooks = {"event_hooks": {"request": [async_hook], "response": [async_hook]}}
    await ask("ChatClient.acomplete", **clients(library, handle, **hooks))
    assert called == ["Request", "Response"] * 2


def raised(library: Any) -> dict[str, type[Exception]]:
    """Every exception of a library that a call can end with."""
    kinds: dict[str, Any] = {
        name: kind for name, kind in vars(library).items() if inspect.isclass(kind) and name in dir(httpx)
    }
    return {name: kind for name, kind in kinds.items() if issubclass(kind, library.TransportError)}


@each_way
@pytest.mark.parametrize("name", raised(httpx))
async def test_every_failure_of_either_library_is_the_same_member_of_the_tree(way: str, name: str) -> None:
    met: list[TikHubAIError] = []
    for library in FAMILY.values():

        def handle(request: Any, library: Any = library) -> Any:
            raise getattr(library, name)("broken")

        with pytest.raises(TikHubAIError) as caught:
            await ask(way, **clients(library, handle))
        met.append(caught.value)
        assert caught.value.__context__ is None
        assert caught.value.__cause__ is None
    one, other = met
    assert type(one) is type(other)
    assert str(one) == str(other)
    assert getattr(one, "may_have_been_sent", None) is getattr(other, "may_have_been_sent", None)
    assert isinstance(one, (APIConnectionError, APITimeoutError, ConfigurationError))


def test_httpx2_has_no_failure_that_httpx_has_not() -> None:
    ours = {kind.__name__ for kind in vars(httpx2).values() if inspect.isclass(kind) and issubclass(kind, Exception)}
    assert raised(httpx).keys() == raised(httpx2).keys()
    assert {name for name in ours if name not in dir(httpx)} <= {"SSEError"}, "what does it mean for a call?"


@each_way
@pytest.mark.parametrize("backend", ["httpx", "httpx2"])
async def test_the_library_is_chosen_by_name(
    server: ScriptedServer, way: str, backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(request: Any) -> Any:
        from tests.scripted_server import Answer

        return Answer({"data": [{"id": "m"}]}) if request.method == "GET" else success(request)

    server.answer = answer
    caplog.set_level(logging.DEBUG, logger="tikhub_ai")
    await ask(way, base_url=server.url, http_backend=backend)
    (line,) = [record.getMessage() for record in caplog.records if "sent over" in record.getMessage()]
    assert line.removesuffix(", a shared client").split()[-1] == backend


@each_library
async def test_an_injected_client_is_used_whatever_library_is_named(library: Any) -> None:
    def handle(request: Any) -> Any:
        return answer_of(library, request)

    for backend in ("auto", "httpx", "httpx2", "aiohttp"):
        for way in ("ChatClient.complete", "ChatClient.acomplete"):
            assert await ask(way, **clients(library, handle), http_backend=backend)


@pytest.mark.parametrize("way", ["ChatClient.complete", "ChatClient.acomplete"])
async def test_where_httpx2_is_missing_the_remedy_is_named(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tikhub_ai.http.httpx_family import library

    library.cache_clear()
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(ConfigurationError, match=r"http_backend='httpx2'.*pip install httpx2"):
        await ask(way, base_url="http://gateway.test", http_backend="httpx2")
    library.cache_clear()


class Borrowed(httpx2.Client):
    """A subclass, as vendors make them."""


async def test_a_subclass_is_of_its_library_too() -> None:
    def handle(request: Any) -> Any:
        raise httpx2.ConnectError("no")

    client = Borrowed(transport=httpx2.MockTransport(handle))
    with pytest.raises(APIConnectionError, match="no"):
        await ask("ChatClient.complete", base_url="http://gateway.test", http_client=client)
