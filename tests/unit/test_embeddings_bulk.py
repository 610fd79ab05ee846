"""Embeddings in bulk: how fast they go out, vectors as they come, as arrays, in base64."""

from __future__ import annotations

import asyncio
import itertools
import math
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from llama_index.core import Document, VectorStoreIndex

from llama_index_tikhub import TikHubEmbedding
from tests.embeddings_gateway import Gateway, client_of, dying, each_way, error, vector_of
from tests.embeddings_server import serving
from tikhub_ai import (
    EmbeddingsClient,
    InvalidRequestError,
    InvalidResponseError,
    RateLimitError,
    ServerError,
    Settings,
)
from tikhub_ai.pace import Pace
from tikhub_ai.rates import Rates

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = [f"text {number}" for number in range(2000)]
VECTORS = [vector_of(text) for text in TEXTS]


def busy(retry_after: float = 0.01) -> httpx.Response:
    said = {"error": {"message": "slow down", "type": "requests"}}
    return httpx.Response(429, json=said, headers={"retry-after": str(retry_after)})


# --- how fast -------------------------------------------------------------------------------------------------------


@each_way
@pytest.mark.parametrize("room", [1, 2, 3, 7])
@pytest.mark.parametrize("max_retries", [0, 2])
async def test_a_server_that_takes_few_at_once_gets_few_and_the_call_succeeds(
    embed: Callable[..., Any], room: int, max_retries: int
) -> None:
    gateway = Gateway(delay=0.004)
    gateway.refuse = lambda _: busy() if gateway._at_once > room else None
    client = client_of(gateway, batch_size=40, max_concurrency=8, max_retries=max_retries)
    assert (await embed(client, TEXTS)).vectors == VECTORS
    assert client.session.pace.limit(8) < 8 or room == 7


@each_way
async def test_a_server_that_is_always_busy_ends_the_call_after_a_bounded_number_of_requests(
    embed: Callable[..., Any],
) -> None:
    gateway = Gateway(refuse=lambda _: busy(0))
    with pytest.raises(RateLimitError):
        await embed(client_of(gateway, batch_size=10, max_concurrency=8, max_retries=0), TEXTS)
    assert 8 <= len(gateway.requests) <= 8 + 4 + 2 + 1 + 8


@each_way
async def test_a_server_that_asks_to_wait_too_long_ends_the_call_at_once(embed: Callable[..., Any]) -> None:
    gateway = Gateway(refuse=lambda _: busy(3600))
    with pytest.raises(RateLimitError, match="longer than max_retry_after"):
        await embed(client_of(gateway, batch_size=10, max_concurrency=2, max_retries=2), TEXTS)
    assert len(gateway.requests) <= 4


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_refusal_halves_what_goes_out_and_answers_raise_it_again() -> None:
    clock = Clock()
    pace = Pace(clock)
    began = clock.now
    clock.now += 1
    assert pace.refused(8, began, None)
    assert pace.limit(8) == 4
    assert pace.refused(8, began, None), "it went out before anyone knew"
    assert pace.limit(8) == 4
    clock.now += 1
    for expected in (2, 1):
        assert pace.refused(8, clock.now, None)
        assert pace.limit(8) == expected
        clock.now += 1
    assert not pace.refused(8, clock.now, None), "one at a time is the least"
    limits = [pace.limit(8)]
    for _ in range(60):
        pace.answered(8)
        limits.append(pace.limit(8))
    assert limits == sorted(limits)
    assert limits[-1] == 8
    assert limits.index(2) == 1, "one answer of one request at a time"
    assert limits.index(8) > 20


def test_nothing_goes_out_before_the_server_allows_it() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.refused(8, clock.now - 1, 7.5)
    assert pace.wait(1) == 7.5
    clock.now += 7.5
    assert pace.wait(1) == 0


@pytest.mark.parametrize(("requests", "tokens"), [(10, None), (None, 500), (10, 500), (1, 1), (0.5, None)])
def test_in_no_minute_does_more_go_out_than_may(requests: float | None, tokens: float | None) -> None:
    clock = Clock()
    pace = Pace(clock)
    rates, sent = Rates(requests, tokens), list[tuple[float, int]]()
    sizes = itertools.cycle([30, 70, 110, 5])
    for size in itertools.islice(sizes, 60):
        while seconds := pace.wait(size, rates):
            assert seconds > 0
            clock.now += seconds
        sent.append((clock.now, size))
        clock.now += 0.3
    for start, _ in sent:
        minute = [size for at, size in sent if start <= at < start + 60]
        assert requests is None or len(minute) <= max(1, requests)
        assert tokens is None or sum(minute) <= tokens or len(minute) == 1


@each_way
async def test_a_minutes_requests_are_all_that_goes_out(
    embed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tikhub_ai.rates.MINUTE", 0.2)
    gateway = Gateway()
    reply = await embed(client_of(gateway, batch_size=250, requests_per_minute=3), TEXTS)
    assert reply.vectors == VECTORS
    assert len(gateway.requests) >= 8


def test_retries_count_for_what_comes_after_them() -> None:
    clock = Clock()
    pace, rates = Pace(clock), Rates(3)
    assert pace.wait(1, rates) == 0
    pace.spend(1, rates)
    pace.spend(1, rates)
    assert pace.wait(1, rates) == 60


@each_way
async def test_a_call_counts_its_retries(embed: Callable[..., Any]) -> None:
    gateway = Gateway()
    gateway.refuse = lambda _: error("busy", 503) if len(gateway.requests) == 1 else None
    client = client_of(gateway, batch_size=10, max_retries=2, requests_per_minute=100)
    await embed(client, TEXTS[:20])
    assert len(client.session.pace._window._held) == len(gateway.requests) == 3


@each_way
@pytest.mark.parametrize("text", ["word " * 20_000, "字" * 60_000])
async def test_no_request_holds_more_tokens_than_the_wire_takes(embed: Callable[..., Any], text: str) -> None:
    gateway = Gateway()
    assert len((await embed(client_of(gateway), [text] * 40)).vectors) == 40
    for body in gateway.requests:
        assert sum(len(one.encode()) for one in body["input"]) / 3 <= 300_000
    assert max(gateway.sizes) > 1


# --- as they come ---------------------------------------------------------------------------------------------------


async def by_iter(client: Any, texts: Any, into: list[Any] | None = None, **how: Any) -> list[Any]:
    found = [] if into is None else into
    found.extend(client.embed_iter(texts, **how))  # which has added all that came, where it raises
    return found


async def by_aiter(client: Any, texts: Any, into: list[Any] | None = None, **how: Any) -> list[Any]:
    found = [] if into is None else into
    async for batch in client.aembed_iter(texts, **how):
        found.append(batch)
    return found


each_iter = pytest.mark.parametrize("iterate", [by_iter, by_aiter])


@each_iter
@pytest.mark.parametrize("as_array", [False, True])
async def test_batches_come_with_their_positions(iterate: Callable[..., Any], as_array: bool) -> None:
    batches = await iterate(client_of(Gateway(), batch_size=300), iter(TEXTS), as_array=as_array)
    found = {at: list(vector) for batch in batches for at, vector in zip(batch.positions, batch.vectors, strict=True)}
    assert found == dict(enumerate(VECTORS))
    assert sum(batch.usage.input_tokens for batch in batches) == sum(map(len, TEXTS))
    assert {batch.model for batch in batches} == {"text-embedding-3-small-001"}


def test_texts_are_taken_as_they_are_needed_and_closing_ends_it() -> None:
    taken = itertools.count()
    gateway = Gateway()
    texts = (f"text {number}" for number in taken)
    batches = client_of(gateway, batch_size=10, max_concurrency=2).embed_iter(texts)
    assert len([next(batches) for _ in range(5)]) == 5
    batches.close()
    assert next(taken) < 10 * (5 + 2 + 2)
    assert len(gateway.requests) <= 8


@each_iter
async def test_what_had_come_is_given_before_the_failure(iterate: Callable[..., Any]) -> None:
    gateway = dying(Gateway(), TEXTS[25])
    client = client_of(gateway, batch_size=10, max_concurrency=4, max_retries=0)
    got: list[Any] = []
    with pytest.raises(ServerError) as caught:
        await iterate(client, TEXTS, into=got)
    assert caught.value.partial is None
    given = {at for batch in got for at in batch.positions}
    answered = [body["input"] for body in gateway.requests if TEXTS[25] not in body["input"]]
    assert given == {TEXTS.index(text) for texts in answered for text in texts}


@each_iter
async def test_what_is_no_text_ends_the_iteration_after_those_before_it(iterate: Callable[..., Any]) -> None:
    gateway = Gateway()
    with pytest.raises(InvalidRequestError, match=r"texts\[3\]"):
        await iterate(client_of(gateway, batch_size=2, max_concurrency=1), ["a", "b", "c", None, "d"])
    assert [body["input"] for body in gateway.requests] == [["a"], ["b"]]


@each_iter
async def test_only_some_may_be_asked_for(iterate: Callable[..., Any]) -> None:
    gateway = Gateway()
    batches = await iterate(client_of(gateway), TEXTS, only=[5, 1, 9])
    assert [batch.positions for batch in batches] == [[5, 1, 9]]
    assert gateway.requests[0]["input"] == [TEXTS[5], TEXTS[1], TEXTS[9]]


@each_iter
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("only", [None, [7, 3, 1500, 4]])
async def test_rows_come_whole_whatever_else_is_asked(
    iterate: Callable[..., Any], keep: bool, only: list[int] | None
) -> None:
    batches = await iterate(client_of(Gateway(), batch_size=300), TEXTS, as_array=True, keep=keep, only=only)
    found = {at: row.tolist() for batch in batches for at, row in zip(batch.positions, batch.vectors, strict=True)}
    assert found == {at: VECTORS[at] for at in (range(2000) if only is None else only)}


# --- rows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("form", ["float", "base64", "auto"])
async def test_an_array_has_the_same_numbers(form: str, is_async: bool) -> None:
    client = client_of(Gateway(), batch_size=300, encoding_format=form)
    vectors: Any = (await client.aembed_array(TEXTS) if is_async else client.embed_array(TEXTS)).vectors
    assert (type(vectors), vectors.dtype, vectors.shape) == (np.ndarray, np.float32, (2000, 4))
    assert vectors.tolist() == VECTORS
    none: Any = client.embed_array([]).vectors
    assert none.shape == (0, 0)


@pytest.mark.parametrize(
    "wrong",
    [None, [], "AAAA", "no base64!", [1.0, None, 0.0, 0.0], [1e39, 0, 0, 0], "AADAfwAAAAAAAAAAAAAAAA==", [0.5]],
)
def test_unsound_vectors_are_no_rows(wrong: Any) -> None:
    def change(payload: dict[str, Any]) -> dict[str, Any]:
        payload["data"][1]["embedding"] = wrong
        return payload

    with pytest.raises(InvalidResponseError, match="cannot be trusted"):
        client_of(Gateway(change=change)).embed_array(["a", "b", "c"])


@pytest.mark.long
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("form", ["float", "base64"])
def test_an_array_needs_little_more_memory_than_itself(form: Any, is_async: bool) -> None:
    """Beyond the answers under way, which are as many however long the array is."""

    def peak(count: int) -> int:
        texts = ["x"] * count
        tracemalloc.start()
        try:
            reply = asyncio.run(client.aembed_array(texts)) if is_async else client.embed_array(texts)
            vectors: Any = reply.vectors
            assert vectors.shape == (count, 256)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    with serving(256) as url:
        settings = Settings(api_key="sk-1", base_url=url)
        client = EmbeddingsClient(settings, batch_size=25, max_concurrency=2, encoding_format=form)
        peak(200)
        assert peak(6_000) - peak(2_000) < 1.3 * 4_000 * 256 * 4


# --- base64 once it is known ----------------------------------------------------------------------------------------


def forms(gateway: Gateway) -> list[str]:
    return [body["encoding_format"] for body in gateway.requests]


@each_way
async def test_base64_is_asked_for_with_one_text_and_then_with_all(embed: Callable[..., Any]) -> None:
    gateway = Gateway()
    # So that the text that was asked with is answered, and the answer seen, while what went out beside it is under way.
    gateway.holds = lambda body: body["encoding_format"] == "float" and forms(gateway).count("base64") < 2
    client = client_of(gateway, batch_size=100, max_concurrency=2)
    assert (await embed(client, TEXTS)).vectors == VECTORS
    asked = sorted(zip(forms(gateway), gateway.sizes, strict=True))
    assert asked[:2] == [("base64", 1), ("base64", 100)]
    assert [size for form, size in asked if form == "float"] == [99], (
        "what went out beside the text that was asked with"
    )
    assert forms(gateway)[-1] == "base64"
    gateway.requests.clear()
    await embed(client, TEXTS[:3])
    assert forms(gateway) == ["base64"]


@each_way
@pytest.mark.parametrize("status", [400, 422, 500, 200])
async def test_a_server_that_cannot_do_base64_is_asked_with_one_text_only(
    embed: Callable[..., Any], status: int
) -> None:
    gateway = Gateway()

    def refuse(body: dict[str, Any]) -> httpx.Response | None:
        if body["encoding_format"] == "float":
            return None
        return httpx.Response(200, json={"data": "?"}) if status == 200 else error("what is base64?", status)

    gateway.refuse = refuse
    client = client_of(gateway, batch_size=100, max_retries=0)
    assert (await embed(client, TEXTS)).vectors == VECTORS
    assert [size for form, size in zip(forms(gateway), gateway.sizes, strict=True) if form == "base64"] == [1]
    before = len(gateway.requests)
    await embed(client, TEXTS)
    assert set(forms(gateway)[before:]) == {"float"}


@each_way
async def test_a_server_that_ignores_the_form_is_not_asked_again(embed: Callable[..., Any]) -> None:
    gateway = Gateway(sends="float")
    client = client_of(gateway, batch_size=100)
    assert (await embed(client, TEXTS)).vectors == VECTORS
    assert forms(gateway).count("base64") == 1


@each_way
async def test_few_texts_are_not_worth_finding_out(embed: Callable[..., Any]) -> None:
    gateway = Gateway()
    await embed(client_of(gateway, batch_size=10), TEXTS[:1000])
    assert set(forms(gateway)) == {"float"}


# --- LlamaIndex -----------------------------------------------------------------------------------------------------


def test_an_index_is_embedded_with_many_requests_at_once_without_being_asked() -> None:
    count = 1 + math.ceil(len(TEXTS) / 256)  # one text finds out about base64
    together, requests = threading.Barrier(count, timeout=60), itertools.count()

    def wait_for_others(_: dict[str, Any]) -> None:
        if next(requests) < count:
            together.wait()  # which breaks where fewer are under way

    gateway = Gateway(refuse=wait_for_others)
    embedding = TikHubEmbedding(**gateway.clients)
    documents = [Document(text=text) for text in TEXTS]
    VectorStoreIndex.from_documents(documents, embed_model=embedding, transformations=[])
    assert gateway.most_at_once == count
    assert max(gateway.sizes) == 256
