"""However a call is cut into requests (by count, by tokens, in halves of what was refused), its promises hold."""

from __future__ import annotations

import asyncio
import builtins
import itertools
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from langchain_classic.embeddings import CacheBackedEmbeddings
from langchain_core.stores import InMemoryByteStore
from llama_index.core.storage.kvstore import SimpleKVStore

from langchain_tikhub import TikHubEmbeddings
from llama_index_tikhub import TikHubEmbedding
from tests.embeddings_gateway import Gateway, client_of, dying, each_way, error, vector_of
from tikhub_ai import (
    BadRequestError,
    InvalidResponseError,
    ServerError,
    Settings,
    TikHubAIError,
)
from tikhub_ai.apis import embeddings as codec
from tikhub_ai.embeddings import EmbeddingsClient
from tikhub_ai.pace import Pace
from tikhub_ai.rates import Rates

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = [f"text {number:03}" for number in range(60)]  # 9 bytes: 3 tokens by the estimate, and 1
VECTORS = [vector_of(text) for text in TEXTS]
IN_ONE = 5
"""Texts of a request, whatever cuts the call."""


class Cut:
    """What makes a call more than one request."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
        self.batch_size = IN_ONE if by == "count" else 2048
        self.max_inputs = IN_ONE if by == "refusals" else 2048
        if by == "tokens":
            monkeypatch.setattr(codec, "MAX_TOKENS", IN_ONE * codec.estimated_tokens(TEXTS[0]))


@pytest.fixture(params=["count", "tokens", "refusals"])
def cut(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Cut:
    return Cut(monkeypatch, request.param)


def core(gateway: Gateway, size: int, **_: Any) -> Any:
    client = client_of(gateway, batch_size=size)
    return lambda texts: client.embed(texts).vectors, lambda texts: _vectors(client.aembed(texts))


async def _vectors(call: Any) -> Any:
    return (await call).vectors


def langchain(gateway: Gateway, size: int, **more: Any) -> Any:
    embeddings = TikHubEmbeddings(**gateway.clients, batch_size=size, max_retries=0, **more)
    return embeddings.embed_documents, embeddings.aembed_documents


def llama_index(gateway: Gateway, size: int, **more: Any) -> Any:
    embedding = TikHubEmbedding(**gateway.clients, embed_batch_size=size, max_retries=0, **more)
    return embedding.get_text_embedding_batch, embedding.aget_text_embedding_batch


def llama_index_timed(gateway: Gateway, size: int, **more: Any) -> Any:
    limiters = pytest.importorskip("llama_index.core.rate_limiter", reason="llama-index-core 0.14.6 has none")
    return llama_index(gateway, size, rate_limiter=limiters.TokenBucketRateLimiter(requests_per_minute=1e9), **more)


each_class = pytest.mark.parametrize("make", [core, langchain, llama_index, llama_index_timed])
each_kind = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


def calls(make: Callable[..., Any], gateway: Gateway, size: int, *, is_async: bool, **more: Any) -> Any:
    """One of a class's two calls, as an async one."""
    sync_call, async_call = make(gateway, size, **more)
    return async_call if is_async else lambda texts: asyncio.to_thread(sync_call, texts)


@each_kind
@pytest.mark.parametrize("make", [core, langchain, llama_index])
async def test_several_requests_are_under_way_at_once(make: Callable[..., Any], is_async: bool, cut: Cut) -> None:
    patience = itertools.count()
    gateway = Gateway(max_inputs=cut.max_inputs)
    gateway.holds = lambda body: len(body["input"]) <= IN_ONE and gateway.most_at_once < 4 and next(patience) < 20_000
    assert await calls(make, gateway, cut.batch_size, is_async=is_async)(TEXTS) == VECTORS
    assert gateway.most_at_once >= 4


@each_kind
@each_class
@pytest.mark.parametrize("has_cache", [False, True])
async def test_nothing_that_was_paid_is_lost(
    make: Callable[..., Any], is_async: bool, has_cache: bool, cut: Cut
) -> None:
    has_recovered = False
    gateway = Gateway(max_inputs=cut.max_inputs)
    dies = dying(Gateway(), TEXTS[27], until=lambda: has_recovered).refuse
    gateway.refuse = lambda body: dies(body) if len(body["input"]) <= gateway.max_inputs else None
    gateway.holds = lambda body: gateway.refuse(body) is not None and not texts_answered(gateway)
    store = SimpleKVStore()
    more = {"embeddings_cache": store} if has_cache and "llama" in make.__name__ else {}
    ask = calls(make, gateway, cut.batch_size, is_async=is_async, **more)
    with pytest.raises(ServerError) as caught:
        await ask(TEXTS)
    failed, paid = caught.value, texts_answered(gateway)
    assert 27 in (failed.positions or [])
    assert len(paid) >= IN_ONE
    assert failed.partial == {place: VECTORS[place] for place, text in enumerate(TEXTS) if text in paid}
    assert not more or {text for text in TEXTS if store.get(text, "embeddings")} == set(paid)
    before, has_recovered = len(gateway.requests), True
    assert await ask(["another"]) == [vector_of("another")], "which lets nothing be forgotten"
    assert await ask(TEXTS) == VECTORS
    assert len(paid) + len(texts_answered(gateway, before)) == len(TEXTS) + 1, "it was paid for twice"


@each_kind
async def test_a_cache_of_langchain_has_its_finished_batches_for_another_process(is_async: bool) -> None:
    has_recovered, store = False, InMemoryByteStore()
    gateway = dying(Gateway(), TEXTS[47], until=lambda: has_recovered)

    async def ask() -> Any:  # by another object each time, as another process would
        embeddings = TikHubEmbeddings(**gateway.clients, batch_size=IN_ONE, max_retries=0)
        cached = CacheBackedEmbeddings.from_bytes_store(embeddings, store, key_encoder="sha256", batch_size=20)
        return await cached.aembed_documents(TEXTS) if is_async else cached.embed_documents(TEXTS)

    with pytest.raises(ServerError):
        await ask()
    before, has_recovered = len(gateway.requests), True
    assert await ask() == VECTORS
    assert sorted(texts_answered(gateway, before)) == TEXTS[40:]


def texts_answered(gateway: Gateway, start: int = 0) -> list[str]:
    """The texts of the requests that were answered, hence paid."""
    sent = [body for body in gateway.requests[start:] if len(body["input"]) <= gateway.max_inputs]
    return [text for body in sent if gateway.refuse(body) is None for text in body["input"]]


@each_kind
@pytest.mark.parametrize("make", [core, langchain, llama_index])
async def test_refusals_for_too_many_requests_pass(make: Callable[..., Any], is_async: bool, cut: Cut) -> None:
    gateway, said = Gateway(max_inputs=cut.max_inputs), {"error": {"message": "slow down", "type": "requests"}}
    number = itertools.count(1)
    gateway.refuse = lambda _: None if next(number) % 3 else httpx.Response(429, json=said)
    assert await calls(make, gateway, cut.batch_size, is_async=is_async)(TEXTS) == VECTORS


@pytest.mark.parametrize("show", [False, True])
@each_kind
@each_class
async def test_progress_counts_texts(
    make: Callable[..., Any], is_async: bool, show: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[Any] = []

    class Bar:
        def __init__(self, items: Any = None, *, total: int | None = None, **_: Any) -> None:
            self.total, self.n = total, 0
            bars.append(self)

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None: ...

        def update(self, more: int) -> None:
            self.n += more

    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    more = {"show_progress_bar": show} if make is langchain else {}
    sync_call, async_call = make(Gateway(), IN_ONE, **more)
    if make in {core, langchain}:
        assert (await async_call(TEXTS) if is_async else sync_call(TEXTS)) == VECTORS
    else:
        how = {"show_progress": show}
        assert (await async_call(TEXTS, **how) if is_async else sync_call(TEXTS, **how)) == VECTORS
    assert [(bar.n, bar.total) for bar in bars] == ([(60, 60)] if show and make is not core else [])


@each_kind
@pytest.mark.parametrize("kind", [lambda _: None, lambda _: 5, "".join, list, iter, lambda _: []])
async def test_a_progress_bar_changes_nothing(is_async: bool, kind: Callable[[list[str]], Any]) -> None:
    results = list[Any]()
    for shows in (False, True):
        embeddings = TikHubEmbeddings(**Gateway().clients, show_progress_bar=shows)
        try:
            given = kind(TEXTS)
            results.append(await embeddings.aembed_documents(given) if is_async else embeddings.embed_documents(given))
        except TikHubAIError as error:
            results.append(str(error))
    assert results[0] == results[1]
    assert results[0] == VECTORS or kind not in {list, iter}


@each_kind
async def test_with_a_rate_limiter_no_more_go_out_than_num_workers(is_async: bool) -> None:
    gateway = Gateway(delay=0.002)
    ask = calls(llama_index_timed, gateway, IN_ONE, is_async=is_async, num_workers=1)
    assert await ask(TEXTS) == VECTORS
    assert gateway.most_at_once == 1


async def test_batches_that_wait_for_a_rate_limiter_end_with_a_call_that_fails() -> None:
    limiters: Any = pytest.importorskip("llama_index.core.rate_limiter", reason="llama-index-core 0.14.6 has none")

    class Slow(limiters.TokenBucketRateLimiter):  # type: ignore[misc]  # a newer core's
        async def async_acquire(self, num_tokens: int = 0) -> None:
            await (asyncio.sleep(0) if len(gateway.requests) < 2 else go_on.wait())

    go_on, gateway = asyncio.Event(), dying(Gateway(), TEXTS[7])
    limiter = Slow(requests_per_minute=1e9)
    _, ask = llama_index(gateway, IN_ONE, rate_limiter=limiter, num_workers=2)
    with pytest.raises(ServerError) as caught:
        await ask(TEXTS)
    assert caught.value.positions == list(range(5, 10))
    go_on.set()
    for _ in range(1000):
        await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1
    assert len(texts_answered(gateway)) < len(TEXTS) / 2


# --- whatever ends the call -----------------------------------------------------------------------------------------


@each_way
async def test_an_error_of_the_callers_own_loses_nothing_that_is_paid(embed: Callable[..., Any]) -> None:
    numbers = itertools.count()

    def key() -> str:
        if next(numbers) == 7:
            raise ZeroDivisionError
        return "sk-test"

    gateway = Gateway(delay=0.005)
    settings = Settings(max_retries=0, **gateway.clients | {"api_key": key})
    client = EmbeddingsClient(settings, batch_size=IN_ONE, max_concurrency=4)
    with pytest.raises(ZeroDivisionError):
        await embed(client, TEXTS)
    assert (await embed(client, TEXTS)).vectors == VECTORS
    assert len(texts_answered(gateway)) == len(TEXTS), "it was paid for twice"


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_texts_that_cannot_be_read_any_more_lose_nothing_that_is_paid(is_async: bool) -> None:
    def texts() -> Any:
        yield from TEXTS[:33]
        raise OSError("the disk is gone")

    gateway, came = Gateway(delay=0.005), list[int]()
    client = client_of(gateway, batch_size=IN_ONE, max_concurrency=4)

    async def read() -> None:
        if is_async:
            async for batch in client.aembed_iter(texts()):
                came.extend(batch.positions)
        else:
            for batch in client.embed_iter(texts()):
                came.extend(batch.positions)

    with pytest.raises(OSError, match="the disk is gone"):
        await read()
    assert sorted(TEXTS[place] for place in came) == sorted(texts_answered(gateway))
    assert sorted(came) == list(range(30)), "the three texts of the last batch are not sent"


@each_kind
async def test_texts_that_do_not_follow_each_other_are_named_so(is_async: bool) -> None:
    store = SimpleKVStore()
    for text in TEXTS[::2]:
        store.put(text, {"one": vector_of(text)}, "embeddings")
    gateway = dying(Gateway(), TEXTS[27])
    ask = calls(llama_index, gateway, IN_ONE, is_async=is_async, embeddings_cache=store)
    said = r"5 texts, texts\[21\] to texts\[29\], could not be embedded"
    with pytest.raises(ServerError, match=said) as caught:
        await ask(TEXTS)
    assert caught.value.positions == [21, 23, 25, 27, 29]


@each_way
async def test_a_server_that_mixes_two_models_is_told_of_with_all_that_fits_together(
    embed: Callable[..., Any],
) -> None:
    def change(payload: dict[str, Any]) -> dict[str, Any]:
        if len(gateway.requests) != 4:
            return payload
        return payload | {"data": [item | {"embedding": [0.5] * 3} for item in payload["data"]]}

    gateway = Gateway(change=change)
    client = client_of(gateway, batch_size=IN_ONE, max_concurrency=1)
    said = r"texts\[15\] to texts\[19\] could not be embedded: .* vectors of 3 and 4 numbers"
    with pytest.raises(InvalidResponseError, match=said) as caught:
        await embed(client, TEXTS)
    assert caught.value.positions == list(range(15, 20))
    assert caught.value.partial == dict(enumerate(VECTORS[:15]))
    assert (await embed(client, TEXTS)).vectors == VECTORS, "which of the two was right is not known: all is asked anew"
    assert gateway.sizes[4:] == [IN_ONE] * 12


def test_vectors_of_two_models_are_no_rows_of_one_array_and_never_iterated_over() -> None:
    gateway = Gateway()

    def change(payload: dict[str, Any]) -> dict[str, Any]:
        if len(gateway.requests) == 3:
            payload["data"] = [item | {"embedding": [0.5] * 3} for item in payload["data"]]
        return payload

    gateway.change = change
    client = client_of(gateway, batch_size=IN_ONE, max_concurrency=1)
    with pytest.raises(InvalidResponseError, match="mixed two models") as caught:
        client.embed_array(TEXTS)
    assert {at: list(row) for at, row in caught.value.partial.items()} == dict(enumerate(VECTORS[:10]))
    gateway.requests.clear()
    came: list[int] = []
    with pytest.raises(InvalidResponseError, match="mixed two models"):
        came.extend(place for batch in client.embed_iter(TEXTS) for place in batch.positions)
    assert came == [0, 1, 2, 3, 4], "one text shows whether the server answers in base64, and four are the rest"


@each_way
async def test_what_an_earlier_model_had_paid_for_never_stands_beside_another_ones(embed: Callable[..., Any]) -> None:
    gateway = dying(Gateway(), TEXTS[27])
    client = client_of(gateway, batch_size=IN_ONE, max_concurrency=1)
    with pytest.raises(ServerError):
        await embed(client, TEXTS)
    gateway.refuse = lambda _: None
    gateway.change = lambda payload: payload | {"data": [one | {"embedding": [0.5] * 3} for one in payload["data"]]}
    with pytest.raises(InvalidResponseError, match="mixed two models"):
        await embed(client, TEXTS)
    assert (await embed(client, TEXTS)).vectors == [[0.5] * 3] * len(TEXTS), "the next call asks for all of them"


@pytest.mark.parametrize("ask", ["embed_array", "aembed_array", "embed_iter", "aembed_iter"])
@pytest.mark.parametrize("texts", [TEXTS, []])
async def test_a_missing_numpy_is_told_of_before_anything_is_paid(
    ask: str, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, real = Gateway(), builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "numpy":
            raise ImportError(name)
        return real(name, *rest)

    client = client_of(gateway)
    monkeypatch.setattr(builtins, "__import__", without)

    async def call() -> None:
        found = getattr(client, ask)(texts, **({"as_array": True} if "iter" in ask else {}))
        if ask == "aembed_array":
            await found

    with pytest.raises(ImportError, match="pip install numpy"):
        await call()
    assert gateway.requests == []


# --- base64 that is refused later on ----------------------------------------------------------------------------------

MANY = [f"text {number}" for number in range(1500)]


@each_way
@pytest.mark.parametrize("way", ["refused", "garbage"])
async def test_base64_that_fails_later_is_given_up_and_nothing_else_is(embed: Callable[..., Any], way: str) -> None:
    def refuse(body: dict[str, Any]) -> httpx.Response | None:
        if body["encoding_format"] != "base64" or len(gateway.requests) < 8:
            return None
        return error("encoding_format: base64 is not supported") if way == "refused" else garbage(body)

    def garbage(body: dict[str, Any]) -> httpx.Response:
        data = [{"index": place, "embedding": "%%%"} for place in range(len(body["input"]))]
        return httpx.Response(200, json={"data": data, "model": "m"})

    gateway = Gateway(refuse=refuse)
    client = client_of(gateway, batch_size=50, max_concurrency=4)
    client.session.answers_base64 = True
    assert (await embed(client, MANY)).vectors == [vector_of(text) for text in MANY]
    before = len(gateway.requests)
    assert client.session.answers_base64 is False
    assert (await embed(client, MANY)).vectors == [vector_of(text) for text in MANY]
    assert {body["encoding_format"] for body in gateway.requests[before:]} == {"float"}


@each_way
async def test_a_text_that_is_refused_in_any_form_leaves_base64_as_it_is(embed: Callable[..., Any]) -> None:
    gateway = Gateway()
    gateway.refuse = lambda body: error("this input is refused") if MANY[1200] in body["input"] else None
    client = client_of(gateway, batch_size=50, max_concurrency=4)
    client.session.answers_base64 = True
    with pytest.raises(BadRequestError, match=r"texts\[1200\] to texts\[1249\] could not be embedded"):
        await embed(client, MANY)
    assert client.session.answers_base64 is True
    refused = [body["encoding_format"] for body in gateway.requests if gateway.refuse(body) is not None]
    assert refused == ["base64", "float"]


# --- rates ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [20, 31, 1000])
def test_a_request_holds_no_more_tokens_than_a_minute(most: int) -> None:
    texts = [*TEXTS[:3], "long " * 40, *TEXTS[3:6]]
    gateway = Gateway()
    batches = client_of(gateway, tokens_per_minute=most)._batches(enumerate(texts), None, as_array=False)
    found = list(iter(batches._take, None))
    assert [text for batch in found for text in batch.texts] == texts
    for batch in found:
        assert sum(map(codec.estimated_tokens, batch.texts)) <= most or len(batch.texts) == 1


@pytest.mark.parametrize(("rates", "tokens", "seconds"), [
    (Rates(tokens_per_minute=100), 250, 150),
    (Rates(tokens_per_minute=100), 100, 60),
    (Rates(0.5), 1, 120),
    (Rates(0.25, 100), 250, 240),
])  # fmt: skip
def test_what_is_more_than_a_minutes_worth_holds_for_as_long_as_it_is_worth(
    rates: Rates, tokens: int, seconds: float
) -> None:
    now = 0.0
    pace = Pace(lambda: now)
    assert pace.wait(tokens, rates) == 0
    now = 1.0
    assert pace.wait(1, rates) == seconds - 1
    now = seconds
    assert pace.wait(1, rates) == 0
