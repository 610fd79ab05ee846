"""TikHubEmbedding: LlamaIndex's face of the embeddings client."""

from __future__ import annotations

import asyncio
import json
import pickle
import traceback
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.callbacks.schema import EventPayload
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent, EmbeddingStartEvent
from llama_index.core.schema import TextNode
from llama_index.core.storage.kvstore import SimpleKVStore
from pydantic import SecretStr, ValidationError

from llama_index_tikhub.embeddings import TikHubEmbedding
from tests.embeddings_gateway import Gateway, error, vector_of
from tests.scripted_server import Answer
from tikhub_ai import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    InvalidResponseError,
    MissingKeyError,
    TikHubAIWarning,
)

if TYPE_CHECKING:
    from tests.scripted_server import Request, ScriptedServer

TEXTS = ["one", "two", "three", "four", "five"]
VECTORS = [vector_of(text) for text in TEXTS]


def module_key() -> str:
    return "sk-from-a-function"


async def by_sync(embedding: TikHubEmbedding, texts: Any) -> Any:
    return embedding.get_text_embedding_batch(texts)


async def by_async(embedding: TikHubEmbedding, texts: Any) -> Any:
    return await embedding.aget_text_embedding_batch(texts)


each_way = pytest.mark.parametrize("embed", [by_sync, by_async])


def test_it_is_an_embedding_with_every_hook_its_own() -> None:
    assert BaseEmbedding in TikHubEmbedding.__mro__
    hooks = ("query_embedding", "text_embedding", "text_embeddings")
    for hook in [f"_get_{name}" for name in hooks] + [f"_aget_{name}" for name in hooks]:
        assert hook in vars(TikHubEmbedding)


async def test_all_public_methods_agree() -> None:
    gateway = Gateway()
    embedding = TikHubEmbedding(**gateway.clients)
    assert embedding.get_text_embedding("one") == await embedding.aget_text_embedding("one") == VECTORS[0]
    assert embedding.get_query_embedding("one") == await embedding.aget_query_embedding("one") == VECTORS[0]
    assert embedding.get_text_embedding_batch(TEXTS) == await embedding.aget_text_embedding_batch(TEXTS) == VECTORS
    assert embedding.get_agg_embedding_from_queries(["one"]) == VECTORS[0]
    assert gateway.requests[0] == {"model": "text-embedding-3-small", "encoding_format": "float", "input": ["one"]}


@each_way
@pytest.mark.parametrize("embed_batch_size", [1, 2, 5, 100])
@pytest.mark.parametrize("num_workers", [None, 1, 2])
async def test_any_batch_size_gives_the_same_vectors(
    embed: Any, embed_batch_size: int, num_workers: int | None
) -> None:
    gateway = Gateway()
    embedding = TikHubEmbedding(embed_batch_size=embed_batch_size, num_workers=num_workers, **gateway.clients)
    assert await embed(embedding, TEXTS) == VECTORS
    assert max(gateway.sizes) == min(embed_batch_size, 5)
    assert len(gateway.requests) == -(-5 // embed_batch_size)


async def test_async_batches_are_bounded_by_num_workers() -> None:
    gateway = Gateway(delay=0.02)
    await TikHubEmbedding(embed_batch_size=1, num_workers=3, **gateway.clients).aget_text_embedding_batch(TEXTS * 4)
    assert gateway.most_at_once == 3


@each_way
async def test_no_texts_make_no_request(embed: Any) -> None:
    gateway = Gateway()
    embedding = TikHubEmbedding(**gateway.clients)
    assert await embed(embedding, []) == []
    assert embedding._get_text_embeddings([]) == await embedding._aget_text_embeddings([]) == []
    assert gateway.requests == []


def test_every_option_reaches_the_wire() -> None:
    gateway = Gateway()
    TikHubEmbedding(
        model="text-embedding-3-large",
        dimensions=8,
        encoding_format="base64",
        user="u",
        extra_body={"input": "lost"},
        additional_kwargs={"user": "v"},
        default_headers={"X-One": "1"},
        **gateway.clients,
    ).get_query_embedding("one")
    expected = {"model": "text-embedding-3-large", "dimensions": 8, "encoding_format": "base64", "user": "v"}
    assert gateway.requests == [expected | {"input": ["one"]}]
    assert gateway.headers[0]["x-one"] == "1"


@pytest.mark.parametrize("given", [{"model": "m"}, {"model_name": "m"}, {"model": "lost", "model_name": "m"}])
def test_model_and_model_name_are_one(given: dict[str, str]) -> None:
    assert TikHubEmbedding(**given).model_name == "m"
    assert TikHubEmbedding("m").model_name == "m"


def test_names_that_other_vendors_use_work() -> None:
    gateway = Gateway()
    clients = gateway.clients
    embedding = TikHubEmbedding(
        api_base="http://gateway.test/v1", async_http_client=clients["http_async_client"], api_key="sk-test"
    )
    assert embedding.base_url == "http://gateway.test"
    assert asyncio.run(embedding.aget_query_embedding("one")) == VECTORS[0]


@pytest.mark.outside_openapi("a field of another server")
def test_unknown_arguments_go_to_additional_kwargs_with_a_warning() -> None:
    gateway = Gateway()
    with pytest.warns(TikHubAIWarning, match="'truncate' is no argument of TikHubEmbedding"):
        embedding = TikHubEmbedding(**gateway.clients, truncate="END")
    embedding.get_query_embedding("one")
    assert gateway.requests[0]["truncate"] == "END"


# --- with the rest of LlamaIndex ------------------------------------------------------------------------------------


@each_way
async def test_callbacks_and_events_tell_of_each_batch(embed: Any) -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    seen: list[Any] = []

    class Handler(BaseEventHandler):
        def handle(self, event: Any, **_: Any) -> None:
            seen.append(event)

    handler = Handler()
    get_dispatcher().add_event_handler(handler)
    try:
        embedding = TikHubEmbedding(embed_batch_size=2, callback_manager=CallbackManager([debug]), **Gateway().clients)
        await embed(embedding, TEXTS)
    finally:
        get_dispatcher().event_handlers.remove(handler)
    pairs = debug.get_event_pairs(CBEventType.EMBEDDING)
    payloads = [pair[1].payload or {} for pair in pairs]
    assert [payload[EventPayload.EMBEDDINGS] for payload in payloads] == [VECTORS[:2], VECTORS[2:4], VECTORS[4:]]
    assert len([event for event in seen if isinstance(event, EmbeddingStartEvent)]) == 3
    ends = [event for event in seen if isinstance(event, EmbeddingEndEvent)]
    assert [vector for event in ends for vector in event.embeddings] == VECTORS


@each_way
async def test_a_cache_keeps_what_was_embedded(embed: Any) -> None:
    gateway = Gateway()
    embedding = TikHubEmbedding(embeddings_cache=SimpleKVStore(), **gateway.clients)
    assert await embed(embedding, TEXTS[:3]) == VECTORS[:3]
    assert await embed(embedding, TEXTS) == VECTORS
    assert [body["input"] for body in gateway.requests] == [TEXTS[:3], TEXTS[3:]]


@each_way
async def test_a_rate_limiter_is_asked_once_for_each_batch(embed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    limiters = pytest.importorskip("llama_index.core.rate_limiter", reason="llama-index-core 0.14.6 has none")
    limiter = limiters.TokenBucketRateLimiter(requests_per_minute=600)
    asked: list[str] = []
    monkeypatch.setattr(type(limiter), "acquire", lambda *_, **__: asked.append("sync"))

    async def async_acquire(*_: Any, **__: Any) -> None:
        asked.append("async")

    monkeypatch.setattr(type(limiter), "async_acquire", async_acquire)
    await embed(TikHubEmbedding(embed_batch_size=2, rate_limiter=limiter, **Gateway().clients), TEXTS)
    assert len(asked) == 3


async def test_an_index_is_built_and_searched() -> None:
    gateway = Gateway()
    embedding = TikHubEmbedding(**gateway.clients)
    documents = [Document(text=text) for text in TEXTS]
    index = VectorStoreIndex.from_documents(documents, embed_model=embedding)
    assert "three" in {node.text for node in index.as_retriever(similarity_top_k=5).retrieve("three")}
    assert len(await index.as_retriever(similarity_top_k=2).aretrieve("three")) == 2


@each_way
async def test_errors_are_members_of_our_tree(embed: Any) -> None:
    with pytest.raises(AuthenticationError):
        await embed(TikHubEmbedding(**Gateway(refuse=lambda _: error("Invalid token", 401)).clients), TEXTS)
    with pytest.raises(InvalidRequestError, match=r"texts\[1\] is a NoneType"):
        await embed(TikHubEmbedding(**Gateway().clients), ["a", None])
    with pytest.raises(InvalidResponseError, match="0 vectors came for 5 texts"):
        await embed(TikHubEmbedding(**Gateway(change=lambda payload: payload | {"data": []}).clients), TEXTS)


# --- saved and sent -------------------------------------------------------------------------------------------------


def test_it_is_saved_and_made_again() -> None:
    embedding = TikHubEmbedding(
        model="m", dimensions=8, base_url="http://gateway.test/v1", timeout=5, api_key="k", additional_kwargs={"a": 1}
    )
    saved = embedding.to_dict()
    assert saved["class_name"] == TikHubEmbedding.class_name() == "TikHubEmbedding"
    again = TikHubEmbedding.from_dict(saved)
    assert again.to_dict() == saved
    assert (again.model_name, again.dimensions, again.base_url, again.timeout) == ("m", 8, "http://gateway.test", 5)
    assert TikHubEmbedding.from_json(embedding.to_json()).to_dict() == saved


@pytest.mark.parametrize("source", ["text", "environment"])
def test_no_secret_is_shown_or_saved(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "sk-canary")
    given: dict[str, Any] = {"api_key": "sk-canary"} if source == "text" else {}
    embedding = TikHubEmbedding(**given, default_headers={"X-Secret": "canary"})
    shown = [
        repr(embedding),
        str(embedding),
        str(embedding.to_dict()),
        embedding.to_json(),
        embedding.model_dump_json(),
        json.dumps(embedding.to_payload() if hasattr(embedding, "to_payload") else {}),  # of newer ones
        pickle.dumps(embedding).decode("latin-1"),
    ]
    assert not [text for text in shown if "canary" in text]
    assert embedding.api_key == SecretStr("sk-canary")


def test_a_pickle_reads_a_key_of_the_environment_again_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKHUB_API_KEY", "sk-here")
    pickled = pickle.dumps(TikHubEmbedding("m", base_url="http://gateway.test", embed_batch_size=7))
    monkeypatch.setenv("TIKHUB_API_KEY", "sk-there")
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "sk-another")
    twin = pickle.loads(pickled)
    assert twin.api_key == SecretStr("sk-there")
    assert (twin.model_name, twin.base_url, twin.embed_batch_size) == ("m", "http://gateway.test", 7)
    monkeypatch.delenv("TIKHUB_API_KEY")
    with pytest.raises(MissingKeyError, match="variable TIKHUB_API_KEY, not set in this process"):
        pickle.loads(pickled).get_query_embedding("one")


def test_a_key_given_as_text_does_not_travel_and_no_other_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    pickled = pickle.dumps(TikHubEmbedding(api_key="sk-text"))
    assert b"sk-text" not in pickled
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "sk-another")
    with pytest.raises(MissingKeyError, match="given as text"):
        pickle.loads(pickled).get_query_embedding("one")


def test_a_key_function_is_pickled_by_reference() -> None:
    assert pickle.loads(pickle.dumps(TikHubEmbedding(api_key=module_key))).api_key is module_key


@pytest.mark.long
def test_an_ingestion_pipeline_embeds_in_other_processes(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: Request) -> Answer:
        texts = request.json()["input"]
        return Answer({"data": [{"index": i, "embedding": vector_of(text)} for i, text in enumerate(texts)]})

    server.answer = answer
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "sk-environment")
    pipeline = IngestionPipeline(transformations=[TikHubEmbedding(base_url=server.url)], disable_cache=True)
    nodes = pipeline.run(nodes=[TextNode(text=text) for text in TEXTS], num_workers=2)
    assert [node.embedding for node in nodes] == VECTORS
    assert len(server.requests) >= 2
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer sk-environment"}


@pytest.mark.long
@pytest.mark.parametrize("is_async", [False, True])
async def test_an_ingestion_pipeline_with_a_key_as_text_ends_with_one_error_that_tells_the_way(
    is_async: bool, server: ScriptedServer
) -> None:
    """Nothing is sent, no other key takes its place, and no pickle holds it."""
    embedding = TikHubEmbedding(base_url=server.url, api_key="sk-canary-of-text")
    assert b"canary" not in pickle.dumps(embedding) + ForkingPickler.dumps(embedding).tobytes()
    pipeline = IngestionPipeline(transformations=[embedding], disable_cache=True)
    nodes = [TextNode(text=text) for text in TEXTS]
    with pytest.raises(MissingKeyError, match=r"num_workers.*set the environment variable TIKHUB_AI_API_KEY") as caught:
        await pipeline.arun(nodes=nodes, num_workers=2) if is_async else pipeline.run(nodes=nodes, num_workers=2)
    assert not server.requests
    assert "canary" not in "".join(traceback.format_exception(caught.value))
    assert embedding.api_key == "sk-canary-of-text", "the living object keeps it"


async def test_an_ingestion_pipeline_with_a_function_that_returns_the_key_works(server: ScriptedServer) -> None:
    server.answer = lambda request: Answer(
        {"data": [{"index": i, "embedding": [1.0]} for i, _ in enumerate(request.json()["input"])]}
    )
    embedding = TikHubEmbedding(base_url=server.url, api_key=module_key)
    pipeline = IngestionPipeline(transformations=[embedding], disable_cache=True)
    assert len(await pipeline.arun(nodes=[TextNode(text=text) for text in TEXTS], num_workers=2)) == len(TEXTS)
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer sk-from-a-function"}


# --- construction ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["api_key", "tikhub_api_key", "openai_api_key", "azure_openai_api_key"])
def test_a_key_by_any_vendors_name_is_the_key_and_never_sent_in_the_body(name: str) -> None:
    gateway = Gateway()
    given = {key: value for key, value in gateway.clients.items() if key != "api_key"}
    embedding = TikHubEmbedding(**given, **{name: "sk-canary"})
    embedding.get_query_embedding("one")
    assert gateway.headers[0]["authorization"] == "Bearer sk-canary"
    assert "canary" not in f"{gateway.requests} {embedding!r}"


@each_way
async def test_a_missing_key_raises_at_the_first_call(embed: Any) -> None:
    embedding = TikHubEmbedding()
    with pytest.raises(MissingKeyError, match="TIKHUB_AI_API_KEY"):
        await embed(embedding, TEXTS)


def test_a_base_url_without_a_scheme_raises_our_error_at_construction() -> None:
    with pytest.raises(ConfigurationError, match="scheme"):
        TikHubEmbedding(base_url="ai.tikhub.io")


def test_what_pydantic_refuses_is_not_quoted() -> None:
    with pytest.raises(ValidationError) as caught:
        TikHubEmbedding(api_key=b"sk-canary", embed_batch_size=0)
    assert "canary" not in str(caught.value)
