"""What a single call says of its headers, its key and its timeout, by every way that the four classes have to call."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage
from llama_index.core import Document
from llama_index.core.agent import ReActAgent
from llama_index.core.agent.react import ReActChatFormatter, ReActOutputParser
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.extractors import DocumentContextExtractor
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index.core.llms import ChatMessage, MockLLM
from llama_index.core.prompts import PromptTemplate
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, ValidationError

from langchain_tikhub import ChatTikHub, TikHubEmbeddings
from llama_index_tikhub import TikHub, TikHubEmbedding
from tests.patience import short
from tests.scripted_server import Answer
from tests.secrets.callers import success
from tikhub_ai import APITimeoutError, BadRequestError, ConfigurationError, InvalidRequestError
from tikhub_ai.http.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.scripted_server import Request, ScriptedServer

SECRET = "call-canary-5f1d"
KEY = "sk-canary-of-the-call-90ae"
HI = [ChatMessage(content="hi")]


class City(BaseModel):
    """A city."""

    name: str


def look_up(name: str) -> str:
    """Look a city up."""
    return name


TOOL = FunctionTool.from_defaults(look_up)
ASK = PromptTemplate("hi")
CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "chat": lambda method, call: method(HI, **call),
    "complete": lambda method, call: method("hi", **call),
    "chat_with_tools": lambda method, call: method([TOOL], user_msg="hi", **call),
    "predict_and_call": lambda method, call: method([TOOL], user_msg="hi", **call),
    "structured_predict": lambda method, call: method(City, ASK, llm_kwargs=call),
    "invoke": lambda method, call: method("hi", **call),
    "stream_events": lambda method, call: method("hi", version="v3", **call),
    "batch": lambda method, call: method(["hi"], **call),
    "generate": lambda method, call: method([[HumanMessage("hi")]], **call),
    "embed_documents": lambda method, call: method(["hi"], **call),
    "embed_query": lambda method, call: method("hi", **call),
    "get_text_embedding": lambda method, call: method("hi", **call),
    "get_text_embedding_batch": lambda method, call: method(["hi"], **call),
}
LIKE = {"stream_chat": "chat", "stream_complete": "complete", "stream_chat_with_tools": "chat_with_tools",
        "stream_structured_predict": "structured_predict", "stream": "invoke", "batch_as_completed": "batch",
        "get_query_embedding": "get_text_embedding"}  # fmt: skip


class Way(NamedTuple):
    """One method of one class, by which something is sent."""

    cls: Any
    method: str
    structured: bool = False
    react: bool = False

    def call(self, server: ScriptedServer, call: dict[str, Any], **settings: Any) -> None:
        """Call it to the end, in a loop of its own where it is async."""
        given = {"model": "gpt-4o", "api_key": "sk-1", "base_url": server.url, "max_retries": 0, **settings}
        if issubclass(self.cls, (ChatTikHub, TikHub)):
            given.setdefault("api", "chat_completions")
        if self.react:  # core has no defaults of its own for these
            given["is_function_calling_model"] = False
            call = {**call, "react_chat_formatter": ReActChatFormatter(), "output_parser": ReActOutputParser()}
        owner = self.cls(**given)
        if self.structured:
            owner = owner.as_structured_llm(City)
        name = self.method
        plain = name if name in CALLS or name in LIKE else name[1:]
        result = CALLS[LIKE.get(plain, plain)](getattr(owner, name), call)
        asyncio.run(_whole(result)) if _is_async(result) else _read(result)


def _is_async(result: Any) -> bool:
    return inspect.isawaitable(result) or hasattr(result, "__aiter__")


def _read(result: Any) -> None:
    if hasattr(result, "__iter__") and not isinstance(result, (list, BaseModel)):
        list(result)


async def _whole(result: Any) -> None:
    if inspect.isawaitable(result):
        result = await result
    if hasattr(result, "__aiter__"):
        async for _ in result:
            pass


def _makes_react_agents() -> bool:
    """Whether this llama-index-core can make the agent of its `predict_and_call`. 0.14.6 refuses its own default."""
    try:
        ReActAgent(llm=MockLLM(), tools=[], formatter=None)
    except ValidationError:
        return False
    return True


def _with_async(cls: Any, *names: str, **how: Any) -> list[Any]:
    ways = [Way(cls, name, **how) for plain in names for name in (plain, f"a{plain}")]
    return [pytest.param(way, id=f"{cls.__name__}-{'-'.join([*how, way.method])}") for way in ways]


WAYS = [
    *_with_async(TikHub, "chat", "stream_chat", "complete", "stream_complete", "chat_with_tools",
                 "stream_chat_with_tools", "predict_and_call", "structured_predict", "stream_structured_predict"),
    *_with_async(TikHub, "chat", "stream_chat", "complete", structured=True),
    *(_with_async(TikHub, "predict_and_call", react=True) if _makes_react_agents() else ()),
    *_with_async(ChatTikHub, "invoke", "stream", "batch", "batch_as_completed", "stream_events"),
    pytest.param(Way(ChatTikHub, "generate"), id="ChatTikHub-generate"),
    *_with_async(TikHubEmbeddings, "embed_documents", "embed_query"),
    *_with_async(TikHubEmbedding, "get_query_embedding", "get_text_embedding", "get_text_embedding_batch"),
]  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore:.*is in beta")
each_way = pytest.mark.parametrize("way", WAYS)
TEMPLATE_VARIABLES = {"predict", "apredict", "stream", "astream"}
NO_CALL = {"as_structured_llm", "get_tool_calls_from_response", "convert_chat_messages"}


@pytest.fixture
def sent(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> list[Transport]:
    """The transport of each request that went out."""
    used: list[Transport] = []
    original = Transport._wire

    def noting(self: Transport, *args: Any, **how: Any) -> Any:
        used.append(self)
        return original(self, *args, **how)

    monkeypatch.setattr(Transport, "_wire", noting)
    server.answer = _answer
    return used


def _answer(request: Request) -> Answer:
    if request.json().get("response_format") or request.json().get("tools"):
        return Answer({"error": {"message": "no"}}, 400)  # what comes back is of no interest here
    return success(request)


def run(way: Way, server: ScriptedServer, call: dict[str, Any], **settings: Any) -> Request:
    try:
        way.call(server, call, **settings)
    except Exception as error:
        if "400" not in str(error):  # what `_answer` says to tools
            raise
    return server.requests[0]


def test_no_way_of_llama_indexs_is_left_out() -> None:
    """Each public method that takes keywords, or `llm_kwargs`, and is none of pydantic's."""
    taking = {
        name
        for cls in TikHub.__mro__
        if cls.__module__.startswith(("llama_index.core.llms", "llama_index.core.base.llms", "llama_index_tikhub"))
        for name, method in vars(cls).items()
        if not name.startswith("_") and callable(method) and "kwargs" in str(inspect.signature(method))
    }
    walked = {way.values[0].method for way in WAYS if way.values[0].cls is TikHub}
    assert taking - walked == NO_CALL - {"convert_chat_messages"}
    embedding = {
        name for name in dir(BaseEmbedding) if name.startswith(("get_text", "get_query", "aget_text", "aget_q"))
    }
    assert embedding == {way.values[0].method for way in WAYS if way.values[0].cls is TikHubEmbedding}


@each_way
@pytest.mark.parametrize("names", [("extra_headers", "timeout"), ("headers", "request_timeout")], ids="-".join)
def test_headers_key_and_timeout_of_a_call_are_its_own(
    way: Way, names: tuple[str, str], server: ScriptedServer, sent: list[Transport]
) -> None:
    """Headers stand beside the constructor's; none of the three is a field of the body."""
    headers, timeout = names
    call = {headers: {"X-Call": SECRET, "x-both": "call"}, timeout: 7, "api_key": KEY}
    request = run(way, server, call, default_headers={"X-Own": "own", "X-Both": "own"})
    assert (request.headers["x-call"], request.headers["x-own"], request.headers["x-both"]) == (SECRET, "own", "call")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert sent[0].settings.timeout == 7
    assert not {"timeout", "request_timeout", "headers", "extra_headers", "api_key"} & request.json().keys()
    assert SECRET.encode() not in request.body


@each_way
def test_none_says_nothing_with_a_call(way: Way, server: ScriptedServer, sent: list[Transport]) -> None:
    request = run(way, server, {"extra_headers": None, "timeout": None, "api_key": None}, timeout=9)
    assert request.headers["authorization"] == "Bearer sk-1"
    assert sent[0].settings.timeout == 9
    assert not {"timeout", "extra_headers", "api_key"} & request.json().keys()


# --- who is told ----------------------------------------------------------------------------------------------------


class Heard(BaseEventHandler, BaseSpanHandler[Any]):
    """All that core's events and spans show."""

    said: list[str] = []  # noqa: RUF012 - pydantic copies it

    @classmethod
    def class_name(cls) -> str:
        return "Heard"

    def handle(self, event: Any, **_: Any) -> None:
        self.said.append(f"{event!r} {event.model_dump()}")

    def new_span(self, id_: str, bound_args: Any, *args: Any, **kwargs: Any) -> None:
        self.said.append(f"{id_} {bound_args} {args} {kwargs}")

    def prepare_to_exit_span(self, *args: Any, **kwargs: Any) -> None:
        self.said.append(f"{args} {kwargs}")

    def prepare_to_drop_span(self, *args: Any, **kwargs: Any) -> None:
        self.said.append(f"{args} {kwargs}")


class Told(BaseCallbackHandler):
    """All that LangChain tells its handlers when a call begins."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.said.append(f"{args} {kwargs}")


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard, root = Heard(), get_dispatcher()
    root.add_event_handler(heard)
    root.add_span_handler(heard)
    yield heard
    root.event_handlers.remove(heard)
    root.span_handlers.remove(heard)


@each_way
def test_no_event_span_or_callback_shows_what_is_secret_of_a_call(
    way: Way, server: ScriptedServer, sent: list[Transport], heard: Heard
) -> None:
    debug, told = LlamaDebugHandler(print_trace_on_end=False), Told()
    settings: dict[str, Any] = {}
    call: dict[str, Any] = {"extra_headers": {"X-Call": SECRET}, "api_key": KEY}
    if issubclass(way.cls, (TikHub, TikHubEmbedding)):
        settings["callback_manager"] = CallbackManager([debug])
    elif way.cls is ChatTikHub:
        settings["callbacks"] = [told]
    run(way, server, call, **settings)
    said = heard.said + told.said + [str(event.payload) for event in debug.get_events()]
    assert said or way.cls is TikHubEmbeddings
    assert not [text for text in said if SECRET in text or KEY in text]
    assert call == {"extra_headers": {"X-Call": SECRET}, "api_key": KEY}, "the caller's own are not changed"


# --- what else ------------------------------------------------------------------------------------------------------


@pytest.mark.outside_openapi("a field that no provider has")
@pytest.mark.parametrize("embed", [TikHubEmbeddings, TikHubEmbedding], ids=lambda cls: cls.__name__)
def test_a_call_of_embeddings_may_have_its_own_body(embed: Any, server: ScriptedServer, sent: list[Transport]) -> None:
    call = {"model": "m2", "dimensions": 2, "user": "u", "extra_body": {"a": {"b": 1}}}
    embedding = embed(model="m1", api_key="sk-1", base_url=server.url, extra_body={"a": {"c": 2}})
    method = embedding.embed_query if embed is TikHubEmbeddings else embedding.get_query_embedding
    method("hi", **call)
    body = server.requests[0].json()
    assert (body["model"], body["dimensions"], body["user"], body["a"]) == ("m2", 2, "u", {"b": 1, "c": 2})
    method("hi")
    body = server.requests[1].json()
    assert (body["model"], body["a"]) == ("m1", {"c": 2})
    assert "dimensions" not in body


def test_what_a_call_of_embeddings_cannot_have_is_refused_by_name(server: ScriptedServer) -> None:
    with pytest.raises(ConfigurationError, match="'base_url', 'colour' cannot be given with a call"):
        TikHubEmbeddings(api_key="sk-1", base_url=server.url).embed_query("hi", base_url="http://x", colour=1)
    with pytest.raises(TypeError, match="colour"):
        TikHubEmbedding(api_key="sk-1", base_url=server.url).get_text_embedding("hi", colour=1)


@pytest.mark.parametrize("way", [Way(TikHub, "chat"), Way(TikHub, "achat"), Way(TikHubEmbeddings, "embed_query"),
                                 Way(TikHubEmbedding, "aget_text_embedding")], ids=str)  # fmt: skip
def test_a_calls_timeout_is_one(way: Way, server: ScriptedServer) -> None:
    server.answer = lambda _: Answer(held=True)
    with pytest.raises(APITimeoutError):
        way.call(server, {"timeout": short(0.2)})


@pytest.mark.parametrize("value", ["soon", -1, [1]])
def test_a_timeout_that_cannot_work_is_refused_with_a_call(value: Any, server: ScriptedServer) -> None:
    for way in (Way(TikHub, "chat"), Way(TikHubEmbeddings, "embed_query"), Way(TikHubEmbedding, "get_text_embedding")):
        with pytest.raises((ConfigurationError, InvalidRequestError), match="timeout"):
            way.call(server, {"timeout": value})
    assert not server.requests


async def test_cores_document_context_extractor_has_its_context(server: ScriptedServer) -> None:
    """It gives `extra_headers` with the call, and logs what a call raises: its nodes would stay without context."""
    server.answer = success
    store = SimpleDocumentStore()
    document = Document(text="All of it.", id_="d1")
    await store.async_add_documents([document])
    node = TextNode(text="A part.", relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id="d1")})
    llm = TikHub("claude-sonnet-4-5", api="chat_completions", api_key="sk-1", base_url=server.url)
    extractor = DocumentContextExtractor(docstore=store, llm=llm, num_workers=1, max_output_tokens=99)
    found = await extractor.aextract([node])
    assert found == [{"context": "Hello"}]
    assert server.requests[0].headers["anthropic-beta"] == "prompt-caching-2024-07-31"
    assert server.requests[0].json()["max_tokens"] == 99


def test_betas_that_a_call_names_stand_beside_those_of_the_class_and_of_its_arguments(server: ScriptedServer) -> None:
    """Core's extractor names one with each call, which took away what the class and its tools need."""
    server.answer = lambda _: Answer({"error": {"message": "no"}}, 400)
    llm = TikHub(
        "claude-sonnet-4-5",
        api_key="sk-1",
        base_url=server.url,
        betas=["context-1m-2025-08-07"],
        mcp_servers=[{"type": "url", "url": "https://x.test", "name": "x"}],
        default_headers={"Anthropic-Beta": "own-2025-01-01"},
    )
    for call, expected in [
        ({}, "context-1m-2025-08-07,mcp-client-2025-11-20,own-2025-01-01"),
        ({"anthropic-beta": "prompt-caching-2024-07-31, own-2025-01-01"},
         "context-1m-2025-08-07,mcp-client-2025-11-20,own-2025-01-01,prompt-caching-2024-07-31"),
        ({"anthropic-beta": "mcp-client-2025-04-04"},
         "context-1m-2025-08-07,mcp-client-2025-04-04,own-2025-01-01"),
    ]:  # fmt: skip
        with pytest.raises(BadRequestError):
            llm.chat(HI, extra_headers=call)
        assert server.requests[-1].headers["anthropic-beta"] == expected
