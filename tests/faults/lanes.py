"""The ways a call can take: core over each backend, and each framework's four methods. One signature for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tikhub_ai import ChatClient, ChatRequest, Message, Settings, Text, TextDelta, TikHubAIError
from tikhub_ai.http.transport import Transport
from tikhub_ai.wire import ApiRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KEY = "sk-canary-1234"
REQUEST = ChatRequest(model="m", messages=[Message("user", [Text("hi")])])
DEFAULTS: dict[str, Any] = {"api_key": KEY, "retry_wait": 0.001}
LIBRARIES = {
    "httpx",
    "httpcore",
    "httpx2",
    "httpcore2",
    "aiohttp",
    "h11",
    "anyio",
    "tenacity",
    "ssl",
    "asyncio",
    "zlib",
}
"""Whose exceptions may not be seen, nor hang on ours."""


@dataclass(frozen=True)
class Lane:
    """One way a call can take.

    Attributes:
        name: Its column in the table.
        streamed: Whether it asks for a stream.
        ask: Makes a call with such settings, and returns the text of the answer; of embeddings, the whole reply.
    """

    name: str
    streamed: bool
    ask: Callable[..., Awaitable[Any]]

    @property
    def backend(self) -> str:
        """The HTTP library."""
        last = self.name.split()[-1]
        return last if last not in {"sync", "async"} else "httpx" if last == "sync" else "aiohttp"

    @property
    def is_sync(self) -> bool:
        """Whether its calls block."""
        return "async" not in self.name

    @property
    def id(self) -> str:
        return f"{self.name} {'streamed' if self.streamed else 'plain'}"


def settings_of(settings: dict[str, Any]) -> Settings:
    return Settings(**DEFAULTS | settings)


def client_of(settings: dict[str, Any]) -> ChatClient:
    api = settings.get("api", "auto")
    return ChatClient(settings_of({name: value for name, value in settings.items() if name != "api"}), api=api)


def sync_plain(backend: str) -> Callable[..., Awaitable[str]]:
    async def ask(**settings: Any) -> str:
        return client_of(settings | {"http_backend": backend}).complete(REQUEST).text

    return ask


def sync_streamed(backend: str) -> Callable[..., Awaitable[str]]:
    async def ask(**settings: Any) -> str:
        stream = client_of(settings | {"http_backend": backend}).stream(REQUEST)
        return "".join(delta.text for delta in stream if isinstance(delta, TextDelta))

    return ask


def async_plain(backend: str) -> Callable[..., Awaitable[str]]:
    async def ask(**settings: Any) -> str:
        return (await client_of(settings | {"http_backend": backend}).acomplete(REQUEST)).text

    return ask


def async_streamed(backend: str) -> Callable[..., Awaitable[str]]:
    async def ask(**settings: Any) -> str:
        stream = client_of(settings | {"http_backend": backend}).astream(REQUEST)
        return "".join([delta.text async for delta in stream if isinstance(delta, TextDelta)])

    return ask


CORE = [
    Lane("sync httpx", False, sync_plain("httpx")),
    Lane("sync httpx", True, sync_streamed("httpx")),
    Lane("sync httpx2", False, sync_plain("httpx2")),
    Lane("sync httpx2", True, sync_streamed("httpx2")),
    Lane("async httpx", False, async_plain("httpx")),
    Lane("async httpx", True, async_streamed("httpx")),
    Lane("async httpx2", False, async_plain("httpx2")),
    Lane("async httpx2", True, async_streamed("httpx2")),
    Lane("async aiohttp", False, async_plain("aiohttp")),
    Lane("async aiohttp", True, async_streamed("aiohttp")),
]


def chat_tikhub(settings: dict[str, Any]) -> Any:
    from langchain_tikhub import ChatTikHub

    return ChatTikHub(model="m", **DEFAULTS | settings)


async def invoke(**settings: Any) -> str:
    return str(chat_tikhub(settings).invoke("hi").content)


async def stream(**settings: Any) -> str:
    return "".join(str(chunk.content) for chunk in chat_tikhub(settings).stream("hi"))


async def ainvoke(**settings: Any) -> str:
    return str((await chat_tikhub(settings).ainvoke("hi")).content)


async def astream(**settings: Any) -> str:
    return "".join([str(chunk.content) async for chunk in chat_tikhub(settings).astream("hi")])


def tikhub(settings: dict[str, Any]) -> tuple[Any, list[Any]]:
    from llama_index.core.llms import ChatMessage

    from llama_index_tikhub import TikHub

    return TikHub(model="m", **DEFAULTS | settings), [ChatMessage(role="user", content="hi")]


async def chat(**settings: Any) -> str:
    llm, messages = tikhub(settings)
    return str(llm.chat(messages).message.content)


async def stream_chat(**settings: Any) -> str:
    llm, messages = tikhub(settings)
    return "".join(response.delta or "" for response in llm.stream_chat(messages))


async def achat(**settings: Any) -> str:
    llm, messages = tikhub(settings)
    return str((await llm.achat(messages)).message.content)


async def astream_chat(**settings: Any) -> str:
    llm, messages = tikhub(settings)
    return "".join([response.delta or "" async for response in await llm.astream_chat(messages)])


FRAMEWORKS = [
    Lane("LangChain sync", False, invoke),
    Lane("LangChain sync", True, stream),
    Lane("LangChain async", False, ainvoke),
    Lane("LangChain async", True, astream),
    Lane("LlamaIndex sync", False, chat),
    Lane("LlamaIndex sync", True, stream_chat),
    Lane("LlamaIndex async", False, achat),
    Lane("LlamaIndex async", True, astream_chat),
]

CREATE = ApiRequest("/v1/things", body={"model": "m"}, retry_when_sent=False)
"""A call that must not be made twice."""


def sync_create(backend: str) -> Callable[..., Awaitable[str]]:
    async def ask(**settings: Any) -> str:
        transport = Transport(settings_of(settings | {"http_backend": backend}))
        return transport.send(CREATE, lambda response: response.body.decode())

    return ask


def async_create(backend: str) -> Callable[..., Awaitable[str]]:
    async def ask(**settings: Any) -> str:
        transport = Transport(settings_of(settings | {"http_backend": backend}))
        return await transport.asend(CREATE, lambda response: response.body.decode())

    return ask


CREATES = [
    Lane("sync httpx", False, sync_create("httpx")),
    Lane("sync httpx2", False, sync_create("httpx2")),
    Lane("async httpx", False, async_create("httpx")),
    Lane("async httpx2", False, async_create("httpx2")),
    Lane("async aiohttp", False, async_create("aiohttp")),
]


def assert_ours(error: BaseException) -> None:
    """A member of the tree, on which nothing of an HTTP library and no key hangs."""
    assert isinstance(error, TikHubAIError), repr(error)
    todo: list[BaseException | None] = [error]
    met: set[int] = set()
    while todo:
        one = todo.pop()
        if one is None or id(one) in met:
            continue
        met.add(id(one))
        for kind in type(one).__mro__:
            assert kind.__module__.partition(".")[0] not in LIBRARIES, f"{one!r} hangs on {error!r}"
        for value in (*vars(one).values(), *one.args):
            assert type(value).__module__.partition(".")[0] not in LIBRARIES, f"{value!r} hangs on {error!r}"
        assert KEY not in f"{one!r} {one} {vars(one)}"
        todo += [one.__cause__, one.__context__]
