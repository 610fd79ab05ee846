"""Who is measured: each class with its ways to call, made as its documents say, against the benchmarks' server.

The table is read by the runner, which imports nothing of it; `make` is called in the subject's own environment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Way = Callable[[], Any]

KEY = "sk-bench"
MODELS = {
    "chat_completions": "gpt-4o-mini",
    "responses": "gpt-4o-mini",
    "messages": "claude-sonnet-4-5",
    "generate_content": "gemini-2.5-flash",
}
ALL = tuple(MODELS)


@dataclass
class Ways:
    """How a subject is called; a stream returns an iterable over its chunks."""

    call: Way
    stream: Way
    acall: Way | None = None
    many: Callable[[int, int], Any] | None = None
    """So many calls on so many threads."""


@dataclass
class Subject:
    """One class.

    Attributes:
        name: As the tables show it.
        environment: Where it is installed.
        family: `core` where it is of no framework.
        make: Its ways, by API and the server's address.
        apis: Those that it speaks.
        is_floor: Whether it is nobody's product.
    """

    name: str
    environment: str
    family: str
    make: Callable[[str, str], Ways]
    apis: tuple[str, ...] = ("chat_completions",)
    is_floor: bool = False
    module: str = field(default="", kw_only=True)
    """The statement that imports it."""


# --- frameworks -----------------------------------------------------------------------------------------------------


def of_langchain(model: Any) -> Ways:
    def many(count: int, workers: int) -> Any:
        return model.batch(["hi"] * count, config={"max_concurrency": workers})

    return Ways(lambda: model.invoke("hi"), lambda: model.stream("hi"), acall=lambda: model.ainvoke("hi"), many=many)


def of_llama_index(llm: Any) -> Ways:
    from llama_index.core.llms import ChatMessage

    hello = [ChatMessage(role="user", content="hi")]
    return Ways(lambda: llm.chat(hello), lambda: llm.stream_chat(hello), acall=lambda: llm.achat(hello))


# --- ours and the floor ---------------------------------------------------------------------------------------------


def tikhub_core(api: str, url: str) -> Ways:
    from tikhub_ai import ChatClient, ChatRequest, Message, Settings, Text

    named: Any = api
    client = ChatClient(Settings(api_key=KEY, base_url=url), api=named)
    request = ChatRequest(MODELS[api], [Message("user", [Text("hi")])])
    return Ways(
        lambda: client.complete(request), lambda: client.stream(request), acall=lambda: client.acomplete(request)
    )


def tikhub_langchain(api: str, url: str) -> Ways:
    from langchain_tikhub import ChatTikHub

    return of_langchain(ChatTikHub(model=MODELS[api], api=api, api_key=KEY, base_url=url))


def tikhub_llama_index(api: str, url: str) -> Ways:
    from llama_index_tikhub import TikHub

    return of_llama_index(TikHub(model=MODELS[api], api=api, api_key=KEY, base_url=url))


def floor(api: str, url: str) -> Ways:
    from concurrent.futures import ThreadPoolExecutor

    from floors import Floor

    alone = Floor(api, url, MODELS[api])

    def many(count: int, workers: int) -> Any:
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(alone.ask, ["hi"] * count))

    return Ways(lambda: alone.ask("hi"), lambda: alone.events("hi"), acall=lambda: alone.aask("hi"), many=many)


def floor_langchain(api: str, url: str) -> Ways:
    import floors

    return of_langchain(floors.langchain_model(floors.Floor(api, url, MODELS[api])))


def floor_llama_index(api: str, url: str) -> Ways:
    import floors

    return of_llama_index(floors.llama_index_model(floors.Floor(api, url, MODELS[api])))


# --- the vendors' -----------------------------------------------------------------------------------------------------


def chat_openai(api: str, url: str) -> Ways:
    from langchain_openai import ChatOpenAI

    responses = {"use_responses_api": True} if api == "responses" else {}
    return of_langchain(
        ChatOpenAI(model=MODELS[api], api_key=KEY, base_url=f"{url}/v1", stream_usage=True, **responses)
    )


def chat_anthropic(api: str, url: str) -> Ways:
    from langchain_anthropic import ChatAnthropic

    return of_langchain(ChatAnthropic(model=MODELS[api], api_key=KEY, base_url=url, max_tokens=1024))


def chat_google(api: str, url: str) -> Ways:
    from langchain_google_genai import ChatGoogleGenerativeAI

    return of_langchain(ChatGoogleGenerativeAI(model=MODELS[api], api_key=KEY, base_url=url))


def chat_deepseek(_: str, url: str) -> Ways:
    from langchain_deepseek import ChatDeepSeek

    return of_langchain(ChatDeepSeek(model="deepseek-chat", api_key=KEY, api_base=f"{url}/v1"))


def chat_openrouter(api: str, url: str) -> Ways:
    from langchain_openrouter import ChatOpenRouter

    return of_langchain(ChatOpenRouter(model=MODELS[api], api_key=KEY, base_url=f"{url}/v1"))


def chat_litellm(api: str, url: str) -> Ways:
    from langchain_litellm import ChatLiteLLM

    return of_langchain(ChatLiteLLM(model=f"openai/{MODELS[api]}", api_key=KEY, api_base=f"{url}/v1"))


def any_llm(api: str, url: str) -> Ways:
    from any_llm import AnyLLM

    client = AnyLLM.create("openai", api_key=KEY, api_base=f"{url}/v1")
    asked: dict[str, Any] = {"model": MODELS[api], "messages": [{"role": "user", "content": "hi"}]}
    return Ways(
        lambda: client.completion(**asked),
        lambda: client.completion(**asked, stream=True),
        acall=lambda: client.acompletion(**asked),
    )


def index_openai(api: str, url: str) -> Ways:
    from llama_index.llms.openai import OpenAI, OpenAIResponses

    kind: Any = OpenAIResponses if api == "responses" else OpenAI
    return of_llama_index(kind(model=MODELS[api], api_key=KEY, api_base=f"{url}/v1"))


def index_anthropic(api: str, url: str) -> Ways:
    from llama_index.llms.anthropic import Anthropic

    return of_llama_index(Anthropic(model=MODELS[api], api_key=KEY, base_url=url, max_tokens=1024))


def index_google(api: str, url: str) -> Ways:
    from google.genai import types
    from llama_index.llms.google_genai import GoogleGenAI

    options = types.HttpOptions(base_url=url)
    return of_llama_index(GoogleGenAI(model=MODELS[api], api_key=KEY, http_options=options))


def index_openai_like(api: str, url: str) -> Ways:
    from llama_index.llms.openai_like import OpenAILike

    return of_llama_index(OpenAILike(model=MODELS[api], api_key=KEY, api_base=f"{url}/v1", is_chat_model=True))


def sdk_openai(api: str, url: str) -> Ways:
    from openai import AsyncOpenAI, OpenAI

    client, aclient = OpenAI(api_key=KEY, base_url=f"{url}/v1"), AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1")
    if api == "responses":
        asked: dict[str, Any] = {"model": MODELS[api], "input": "hi"}
        create: Any = client.responses.create
        acreate: Any = aclient.responses.create
    else:
        asked = {"model": MODELS[api], "messages": [{"role": "user", "content": "hi"}]}
        create, acreate = client.chat.completions.create, aclient.chat.completions.create
    return Ways(lambda: create(**asked), lambda: create(**asked, stream=True), acall=lambda: acreate(**asked))


def sdk_anthropic(api: str, url: str) -> Ways:
    from anthropic import Anthropic, AsyncAnthropic

    client, aclient = Anthropic(api_key=KEY, base_url=url), AsyncAnthropic(api_key=KEY, base_url=url)
    asked: dict[str, Any] = {
        "model": MODELS[api],
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": "hi"}],
    }
    return Ways(
        lambda: client.messages.create(**asked),
        lambda: client.messages.create(**asked, stream=True),
        acall=lambda: aclient.messages.create(**asked),
    )


def sdk_google(api: str, url: str) -> Ways:
    from google import genai
    from google.genai import types

    client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=url))
    asked: dict[str, Any] = {"model": MODELS[api], "contents": "hi"}
    return Ways(
        lambda: client.models.generate_content(**asked),
        lambda: client.models.generate_content_stream(**asked),
        acall=lambda: client.aio.models.generate_content(**asked),
    )


_OPENAI = ("chat_completions", "responses")
_LC, _LI = "langchain", "llama-index"
SUBJECTS = [
    Subject("httpx + orjson", "floor-langchain", "core", floor, ALL, is_floor=True, module="import httpx, orjson"),
    Subject("tikhub_ai", "tikhub-langchain", "core", tikhub_core, ALL, module="from tikhub_ai import ChatClient"),
    Subject("openai", "openai", "core", sdk_openai, _OPENAI, module="from openai import OpenAI"),
    Subject(
        "anthropic", "anthropic", "core", sdk_anthropic, ("messages",), module="from anthropic import Anthropic"
    ),
    Subject(
        "google-genai", "google-genai", "core", sdk_google, ("generate_content",), module="from google import genai"
    ),
    Subject("any-llm", "any-llm", "core", any_llm, module="from any_llm import AnyLLM"),
    Subject(
        "a fake model", "floor-langchain", _LC, floor_langchain, ALL, is_floor=True,
        module="from langchain_core.language_models.chat_models import BaseChatModel",
    ),
    Subject(
        "ChatTikHub", "tikhub-langchain", _LC, tikhub_langchain, ALL, module="from langchain_tikhub import ChatTikHub"
    ),
    Subject(
        "ChatOpenAI", "langchain-openai", _LC, chat_openai, _OPENAI, module="from langchain_openai import ChatOpenAI"
    ),
    Subject(
        "ChatAnthropic", "langchain-anthropic", _LC, chat_anthropic, ("messages",),
        module="from langchain_anthropic import ChatAnthropic",
    ),
    Subject(
        "ChatGoogleGenerativeAI", "langchain-google-genai", _LC, chat_google, ("generate_content",),
        module="from langchain_google_genai import ChatGoogleGenerativeAI",
    ),
    Subject(
        "ChatDeepSeek", "langchain-deepseek", _LC, chat_deepseek,
        module="from langchain_deepseek import ChatDeepSeek",
    ),
    Subject(
        "ChatOpenRouter", "langchain-openrouter", _LC, chat_openrouter,
        module="from langchain_openrouter import ChatOpenRouter",
    ),
    Subject("ChatLiteLLM", "langchain-litellm", _LC, chat_litellm, module="from langchain_litellm import ChatLiteLLM"),
    Subject(
        "a fake model", "floor-llama-index", _LI, floor_llama_index, ALL, is_floor=True,
        module="import llama_index.core",
    ),
    Subject(
        "TikHub", "tikhub-llama-index", _LI, tikhub_llama_index, ALL, module="from llama_index_tikhub import TikHub"
    ),
    Subject(
        "OpenAI", "llama-index-openai", _LI, index_openai, _OPENAI, module="from llama_index.llms.openai import OpenAI"
    ),
    Subject(
        "Anthropic", "llama-index-anthropic", _LI, index_anthropic, ("messages",),
        module="from llama_index.llms.anthropic import Anthropic",
    ),
    Subject(
        "GoogleGenAI", "llama-index-google-genai", _LI, index_google, ("generate_content",),
        module="from llama_index.llms.google_genai import GoogleGenAI",
    ),
    Subject(
        "OpenAILike", "llama-index-openai-like", _LI, index_openai_like,
        module="from llama_index.llms.openai_like import OpenAILike",
    ),
]  # fmt: skip


def subject(family: str, name: str) -> Subject:
    """The subject of a name."""
    return next(one for one in SUBJECTS if (one.family, one.name) == (family, name))
