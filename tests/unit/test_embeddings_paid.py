"""Embeddings that were paid for are lost by no failure: by whom they are asked for, and whatever ends the call."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
from array import array
from typing import TYPE_CHECKING, Any

import pytest
from langchain_classic.embeddings import CacheBackedEmbeddings
from langchain_core.stores import InMemoryByteStore
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.storage.kvstore import SimpleKVStore

from langchain_tikhub import TikHubEmbeddings
from llama_index_tikhub import TikHubEmbedding
from tests.embeddings_gateway import Gateway, client_of, dying, vector_of
from tests.patience import eventually
from tikhub_ai import (
    EmbeddingsSession,
    TikHubAIError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

TEXTS = [f"text {number}" for number in range(2000)]
VECTORS = [vector_of(text) for text in TEXTS]


async def core(gateway: Gateway, *, is_async: bool) -> Callable[[], Any]:
    client = client_of(gateway, batch_size=100, max_concurrency=4)
    return lambda: client.aembed(TEXTS) if is_async else asyncio.to_thread(client.embed, TEXTS)


async def langchain(gateway: Gateway, *, is_async: bool) -> Callable[[], Any]:
    embeddings = TikHubEmbeddings(**gateway.clients, batch_size=100, max_concurrency=4)
    return lambda: (
        embeddings.aembed_documents(TEXTS) if is_async else asyncio.to_thread(embeddings.embed_documents, TEXTS)
    )


async def langchain_cached(gateway: Gateway, *, is_async: bool) -> Callable[[], Any]:
    embeddings = TikHubEmbeddings(**gateway.clients, batch_size=100, max_concurrency=4)
    cached = CacheBackedEmbeddings.from_bytes_store(embeddings, InMemoryByteStore(), key_encoder="sha256")
    return lambda: cached.aembed_documents(TEXTS) if is_async else asyncio.to_thread(cached.embed_documents, TEXTS)


async def llama_index(gateway: Gateway, *, is_async: bool, **more: Any) -> Callable[[], Any]:
    embedding = TikHubEmbedding(**gateway.clients, embed_batch_size=100, **{"num_workers": 4} | more)
    return lambda: (
        embedding.aget_text_embedding_batch(TEXTS)
        if is_async
        else asyncio.to_thread(embedding.get_text_embedding_batch, TEXTS)
    )


async def llama_index_cached(gateway: Gateway, *, is_async: bool) -> Callable[[], Any]:
    store = SimpleKVStore()

    async def ask() -> Any:  # each time by another object: what remains is the store
        return await (await llama_index(gateway, is_async=is_async, embeddings_cache=store))()

    return ask


async def llama_index_in_turn(gateway: Gateway, *, is_async: bool) -> Callable[[], Any]:
    return await llama_index(gateway, is_async=is_async, num_workers=1)


WAYS = [core, langchain, langchain_cached, llama_index, llama_index_cached, llama_index_in_turn]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("way", WAYS)
async def test_a_server_that_dies_loses_nothing_that_was_paid(way: Callable[..., Any], is_async: bool) -> None:
    has_recovered = False
    gateway = dying(Gateway(), TEXTS[700], until=lambda: has_recovered)
    ask = await way(gateway, is_async=is_async)
    with pytest.raises(TikHubAIError, match=r"texts\[700\] to texts\[799\] could not be embedded") as caught:
        await ask()
    failed = caught.value
    assert failed.positions == list(range(700, 800))
    paid = {text for body in gateway.requests for text in body["input"] if TEXTS[700] not in body["input"]}
    assert failed.partial == {place: VECTORS[place] for place, text in enumerate(TEXTS) if text in paid}
    assert len(paid) >= 700
    assert f"{len(paid):,} of 2,000 texts were embedded" in str(failed)
    before, has_recovered = len(gateway.requests), True
    vectors = await ask()
    assert getattr(vectors, "vectors", vectors) == VECTORS
    again = [text for body in gateway.requests[before:] for text in body["input"]]
    assert not paid & set(again), "it was paid for twice"
    assert len(again) == 2000 - len(paid)


@pytest.mark.long
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("way", WAYS)
async def test_calls_that_succeed_leave_no_vector_behind(way: Callable[..., Any], is_async: bool) -> None:
    def kept() -> int:
        gc.collect()
        return sum(isinstance(one, array) for one in gc.get_objects())

    ask = await way(Gateway(), is_async=is_async)
    before = kept()
    for _ in range(3):
        vectors = await ask()
        assert len(getattr(vectors, "vectors", vectors)) == len(TEXTS)
        del vectors
        assert eventually(lambda: kept() <= before), "a thread that ends holds its last answer for a moment"


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("way", WAYS)
async def test_calls_that_succeed_do_not_begin_to_keep_vectors(
    way: Callable[..., Any], is_async: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To copy them all for a next call took LlamaIndex's a quarter of its CPU, and was forgotten at once."""
    copied: list[Any] = []
    monkeypatch.setattr(EmbeddingsSession, "keep", lambda _, of, vectors: copied.extend(vectors))
    ask = await way(Gateway(), is_async=is_async)
    vectors = await ask()
    assert getattr(vectors, "vectors", vectors) == VECTORS
    assert copied == []


class Refusing(BaseCallbackHandler):
    """A callback of the user's, which fails at the end of the last batch: all vectors have come by then."""

    is_failing = True

    def __init__(self) -> None:
        super().__init__([], [])

    def on_event_start(self, event_type: CBEventType, *_: Any, event_id: str = "", **__: Any) -> str:
        return event_id

    def on_event_end(
        self, event_type: CBEventType, payload: dict[str, Any] | None = None, event_id: str = "", **_: Any
    ) -> None:
        if self.is_failing and payload and TEXTS[-1] in payload.get(EventPayload.CHUNKS, ()):
            raise ZeroDivisionError

    def start_trace(self, trace_id: str | None = None) -> None:
        pass

    def end_trace(self, trace_id: str | None = None, trace_map: dict[str, list[str]] | None = None) -> None:
        pass


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_a_call_that_fails_when_all_vectors_have_come_is_not_paid_for_twice(is_async: bool) -> None:
    gateway, refusing = Gateway(), Refusing()
    ask = await llama_index(gateway, is_async=is_async, callback_manager=CallbackManager([refusing]))
    with pytest.raises(ZeroDivisionError):
        await ask()
    paid, refusing.is_failing = len(gateway.requests), False
    assert await ask() == VECTORS
    assert len(gateway.requests) == paid, "it was paid for twice"
    assert await ask() == VECTORS
    assert len(gateway.requests) == paid + 20, "what was kept is for one call"


@pytest.mark.outside_openapi("a field of another provider's")
def test_what_was_paid_is_kept_for_the_same_model_alone_and_until_a_call_succeeds() -> None:
    gateway = dying(Gateway(), TEXTS[700])
    embeddings = TikHubEmbeddings(**gateway.clients, batch_size=100, max_concurrency=1)
    with pytest.raises(TikHubAIError):
        embeddings.embed_documents(TEXTS)
    for changes in ({"dimensions": 4}, {"model": "other"}, {"extra_body": {"task": "x"}}):
        before = len(gateway.requests)
        assert embeddings.embed_documents(TEXTS[:5], **changes) == VECTORS[:5]
        assert gateway.sizes[before:] == [5]


def test_an_interrupt_keeps_what_had_come() -> None:
    gateway = Gateway()

    def refuse(body: dict[str, Any]) -> httpx.Response | None:
        if TEXTS[700] in body["input"] and not gateway.headers[0].get("done"):
            raise KeyboardInterrupt
        return None

    gateway.refuse = refuse
    client = client_of(gateway, batch_size=100, max_concurrency=1)
    with pytest.raises(KeyboardInterrupt):
        client.embed(TEXTS)
    gateway.refuse = lambda _: None
    before = len(gateway.requests)
    assert client.embed(TEXTS).vectors == VECTORS
    assert gateway.requests[before]["input"][0] == TEXTS[700]


def test_a_session_goes_nowhere_else_and_makes_no_object_another() -> None:
    embeddings = TikHubEmbeddings(api_key="sk-1")
    embeddings._session.keep("model", [("text", [1.0])])
    assert embeddings == TikHubEmbeddings(api_key="sk-1")
    for other in (pickle.loads(pickle.dumps(embeddings._session)), copy.deepcopy(embeddings._session)):
        assert other.take("model", "text") is None
    assert embeddings._session.take("model", "text") is not None


def test_no_more_is_kept_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tikhub_ai.embedding_session.LARGEST_KEPT", 8 * 10)
    session = EmbeddingsSession()
    session.keep("m", [(str(number), [0.0] * 4) for number in range(5)])
    session.keep("m", [("more", [0.0] * 4)])
    kept = [name for name in ("0", "1", "2", "more") if session.take("m", name) is not None]
    assert kept == ["0", "1"]


class Forgetful(SimpleKVStore):
    """A cache that has everything when it is asked for the first time, and nothing after that."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def get(self, key: str, collection: str = "data") -> Any:
        if key in self.asked:
            return None
        self.asked.add(key)
        return {"id": [0.0]}

    async def aget(self, key: str, collection: str = "data") -> Any:
        return self.get(key, collection)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_what_a_cache_has_lost_meanwhile_is_asked_for(is_async: bool) -> None:
    embedding = TikHubEmbedding(**Gateway().clients, embeddings_cache=Forgetful(), embed_batch_size=10)
    texts = TEXTS[:50]
    if is_async:
        assert await embedding.aget_text_embedding_batch(texts) == VECTORS[:50]
    else:
        assert embedding.get_text_embedding_batch(texts) == VECTORS[:50]
