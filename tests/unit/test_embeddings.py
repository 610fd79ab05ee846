"""Embeddings: what goes out, what comes back, batches, and what each refusal means."""

from __future__ import annotations

import asyncio
import contextvars
import math
import warnings
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.embeddings_gateway import Gateway, client_of, each_way, error, vector_of
from tikhub_ai import (
    AuthenticationError,
    ConfigurationError,
    EmbeddingsClient,
    EmbeddingsReply,
    InvalidRequestError,
    InvalidResponseError,
    ModelNotFoundError,
    ServerError,
    Settings,
)
from tikhub_ai.errors import TikHubAIWarning

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = [f"text {number} " + "x" * (number % 5) for number in range(23)]
VECTORS = [vector_of(text) for text in TEXTS]


# --- what goes out --------------------------------------------------------------------------------------------------


@each_way
async def test_texts_go_out_as_they_are_and_the_form_is_always_said(embed: Callable[..., Any]) -> None:
    gateway = Gateway()
    await embed(client_of(gateway), ["one\ntext", "日本語"])
    assert gateway.requests == [
        {"model": "text-embedding-3-small", "encoding_format": "float", "input": ["one\ntext", "日本語"]}
    ]


def test_all_options_go_out_and_extra_fields_win_but_for_the_input() -> None:
    gateway = Gateway()
    client = client_of(
        gateway,
        model="m",
        dimensions=8,
        encoding_format="base64",
        user="u",
        extra_body={"user": "v", "input": "lost"},
        extra_headers={"X-One": "1"},
    )
    assert client.embed(["a"]).vectors == [vector_of("a", 8)]
    assert gateway.requests == [
        {"model": "m", "encoding_format": "base64", "dimensions": 8, "user": "v", "input": ["a"]}
    ]
    assert gateway.headers[0]["x-one"] == "1"
    assert gateway.headers[0]["authorization"] == "Bearer sk-test"


@each_way
@pytest.mark.parametrize("nothing", [[], (), iter([])])
async def test_no_texts_make_no_request(embed: Callable[..., Any], nothing: Any) -> None:
    gateway = Gateway()
    assert await embed(client_of(gateway), nothing) == EmbeddingsReply([], "text-embedding-3-small")
    assert gateway.requests == []


@each_way
@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["a", None], r"texts\[1\] is a NoneType"),
        (["a", "b", 3], r"texts\[2\] is a int"),
        ([[1, 2, 3]], r"texts\[0\] is a list.*no token ids"),
        ([b"a"], r"texts\[0\] is a bytes"),
        ("a text", "a list of strings, not a str"),
        (b"a text", "a list of strings, not a bytes"),
        (["fine", "broken \ud83d"], r"texts\[1\] holds half a character at 7"),
    ],
)
async def test_what_is_no_text_is_named_before_any_request(embed: Callable[..., Any], texts: Any, words: str) -> None:
    gateway = Gateway()
    with pytest.raises(InvalidRequestError, match=words):
        await embed(client_of(gateway, batch_size=1), texts)
    assert gateway.requests == []


@pytest.mark.parametrize(
    "bad",
    [{"model": ""}, {"batch_size": 0}, {"max_concurrency": True}, {"dimensions": 1.5}, {"encoding_format": "int8"}],
)
def test_options_that_cannot_work_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        EmbeddingsClient(Settings(), **bad)


# --- what comes back ------------------------------------------------------------------------------------------------


@each_way
@pytest.mark.parametrize("asked", ["float", "base64"])
@pytest.mark.parametrize("sends", ["float", "base64"])
async def test_either_form_is_read_whatever_was_asked(embed: Callable[..., Any], asked: str, sends: str) -> None:
    gateway = Gateway(sends=sends)
    reply = await embed(client_of(gateway, encoding_format=asked), TEXTS)
    assert gateway.requests[0]["encoding_format"] == asked
    assert reply.vectors == VECTORS
    assert {type(number) for vector in reply.vectors for number in vector} == {float}


def test_whole_numbers_of_the_wire_become_floats() -> None:
    def whole(payload: dict[str, Any]) -> dict[str, Any]:
        payload["data"][0]["embedding"] = [0, 1, -1, 0.5]
        return payload

    (vector,) = client_of(Gateway(change=whole)).embed(["a"]).vectors
    assert vector == [0.0, 1.0, -1.0, 0.5]
    assert {type(number) for number in vector} == {float}


def changed(*path: Any, to: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A rewriter of answers that sets one place."""

    def change(payload: dict[str, Any]) -> dict[str, Any]:
        place: Any = payload
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to
        return payload

    return change


def without(*path: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(payload: dict[str, Any]) -> dict[str, Any]:
        place: Any = payload
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]
        return payload

    return change


@each_way
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("data", 0), "1 vectors came for 2 texts"),
        (lambda p: p | {"data": p["data"] * 2}, "4 vectors came for 2 texts"),
        (without("data"), "no list named `data`"),
        (changed("data", to=None), "no list named `data`"),
        (changed("data", 0, to="x"), "index None"),
        (without("data", 0, "index"), "index None, where 0 to 1 were due"),
        (changed("data", 0, "index", to=0), "two vectors have the index 0"),
        (changed("data", 0, "index", to=2), "index 2"),
        (changed("data", 0, "index", to=-1), "index -1"),
        (changed("data", 0, "index", to=True), "index True"),
        (changed("data", 0, "embedding", to=[]), "index 1 is neither"),
        (changed("data", 0, "embedding", to=None), "index 1 is neither"),
        (changed("data", 0, "embedding", to=[0.5, None, 1.0, 1.0]), "index 1 is neither"),
        (changed("data", 0, "embedding", to=["0.5", "1", "2", "3"]), "index 1 is neither"),
        (changed("data", 0, "embedding", to=[[0.5], [1.0]]), "index 1 is neither"),
        (changed("data", 0, "embedding", to="not base64!"), "index 1 is neither"),
        (changed("data", 0, "embedding", to="AAAA"), "index 1 is neither"),  # three bytes
        (changed("data", 0, "embedding", to="AADAfwAAAAAAAAAAAAAAAA=="), "index 1 holds a number that is not finite"),
        (changed("data", 0, "embedding", to="AACAfwAAgP8AAAAAAAAAAA=="), "index 1 holds a number that is not finite"),
        (changed("data", 0, "embedding", to=[0.5]), "vectors of 1 and 4 numbers"),
    ],
)
async def test_vectors_that_cannot_be_matched_to_their_texts_raise(
    embed: Callable[..., Any], change: Any, words: str
) -> None:
    with pytest.raises(InvalidResponseError, match=words) as caught:
        await embed(client_of(Gateway(change=change)), ["a", "b"])
    assert caught.value.status_code == 200
    assert caught.value.request_id == "req-1"
    assert caught.value.response is not None


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_has_not_raise(number: str) -> None:
    body = b'{"data": [{"index": 0, "embedding": [%s]}]}' % number.encode()
    gateway = Gateway(refuse=lambda _: httpx.Response(200, content=body))
    with pytest.raises(InvalidResponseError):
        client_of(gateway).embed(["a"])


def test_large_numbers_whose_sum_overflows_are_sound() -> None:
    (vector,) = client_of(Gateway(change=changed("data", 0, "embedding", to=[1e308] * 4))).embed(["a"]).vectors
    assert all(map(math.isfinite, vector))


def test_a_large_unsound_answer_is_not_kept_in_the_error() -> None:
    gateway = Gateway(change=lambda payload: payload | {"data": payload["data"][1:], "pad": "x" * 200_000})
    with pytest.raises(InvalidResponseError) as caught:
        client_of(gateway).embed(TEXTS)
    assert caught.value.response is None


@each_way
async def test_batches_that_differ_in_length_raise(embed: Callable[..., Any]) -> None:
    lengths = iter([3, 4])

    def change(payload: dict[str, Any]) -> dict[str, Any]:
        length = next(lengths)
        return payload | {"data": [item | {"embedding": [0.5] * length} for item in payload["data"]]}

    with pytest.raises(InvalidResponseError, match="vectors of 3 and 4 numbers"):
        await embed(client_of(Gateway(change=change), batch_size=1, max_concurrency=1), ["a", "b"])


def test_a_model_that_ignores_dimensions_is_told_of() -> None:
    gateway = Gateway(change=lambda p: p | {"data": [item | {"embedding": [0.5] * 4} for item in p["data"]]})
    with pytest.warns(TikHubAIWarning, match="ignored dimensions=2: its vectors have 4 numbers"):
        assert client_of(gateway, dimensions=2).embed(["a"]).vectors == [[0.5] * 4]


@each_way
async def test_usage_and_ids_are_summed_over_the_batches(embed: Callable[..., Any]) -> None:
    gateway = Gateway()
    reply = await embed(client_of(gateway, batch_size=10), TEXTS)
    assert reply.usage.input_tokens == reply.usage.total_tokens == sum(map(len, TEXTS))
    assert sorted(reply.request_ids) == ["req-1", "req-2", "req-3"]
    assert reply.model == "text-embedding-3-small-001"


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 8, "total_tokens": 9}, (8, 9)),
        ({"prompt_tokens": 8}, (8, 8)),
        ({"total_tokens": 8, "prompt_tokens": None}, (8, 8)),
        ({}, (0, 0)),
        (None, (0, 0)),
        ("many", (0, 0)),
    ],
)
def test_usage_is_read_leniently(usage: Any, tokens: tuple[int, int]) -> None:
    reply = client_of(Gateway(change=changed("usage", to=usage))).embed(["a"])
    assert (reply.usage.input_tokens, reply.usage.total_tokens) == tokens
    assert reply.usage.raw == (usage if isinstance(usage, dict) else {})


# --- batches --------------------------------------------------------------------------------------------------------


@each_way
@pytest.mark.parametrize("batch_size", [1, 2, 7, 22, 23, 24, 5000])
@pytest.mark.parametrize("max_concurrency", [1, 3, 64])
async def test_any_batch_size_gives_the_same_vectors(
    embed: Callable[..., Any], batch_size: int, max_concurrency: int
) -> None:
    gateway = Gateway()
    progress: list[tuple[int, int]] = []
    client = client_of(gateway, batch_size=batch_size, max_concurrency=max_concurrency)
    reply = await embed(client, TEXTS, on_progress=lambda *done: progress.append(done))
    assert reply.vectors == VECTORS
    assert sum(gateway.sizes) == len(TEXTS)
    assert max(gateway.sizes) <= batch_size
    assert progress[-1] == (len(TEXTS), len(TEXTS))
    assert [done for done, _ in progress] == sorted({done for done, _ in progress})


@each_way
async def test_no_more_than_max_concurrency_run_at_once_but_as_many_do(embed: Callable[..., Any]) -> None:
    gateway = Gateway(delay=0.03)
    await embed(client_of(gateway, batch_size=1, max_concurrency=4), TEXTS)
    assert gateway.most_at_once == 4


def test_one_batch_makes_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor.submit", lambda *_: pytest.fail("a thread was made"))
    assert client_of(Gateway()).embed(TEXTS).vectors == VECTORS


def test_threads_see_the_callers_context() -> None:
    tenant = contextvars.ContextVar("tenant", default="nobody")
    gateway = Gateway()
    settings = Settings(**(gateway.clients | {"api_key": lambda: f"sk-{tenant.get()}"}))
    tenant.set("somebody")
    EmbeddingsClient(settings, batch_size=5).embed(TEXTS)
    assert {headers["authorization"] for headers in gateway.headers} == {"Bearer sk-somebody"}


def test_more_than_2048_texts_never_share_a_request() -> None:
    gateway = Gateway()
    client = client_of(gateway, batch_size=10_000, encoding_format="float")
    assert len(client.embed(["a"] * 2049).vectors) == 2049
    assert sorted(gateway.sizes) == [1, 2048]


@each_way
async def test_what_is_under_way_when_a_batch_fails_is_waited_for_and_in_the_error(embed: Callable[..., Any]) -> None:
    def refuse(body: dict[str, Any]) -> httpx.Response | None:
        return error("no", 401) if body["input"] == [TEXTS[0]] else None

    gateway = Gateway(refuse=refuse, holds=lambda _: gateway.most_at_once < 4)
    client = client_of(gateway, batch_size=1, max_concurrency=4)
    with pytest.raises(AuthenticationError, match=r"texts\[0\] could not be .* of 23 texts were embedded") as caught:
        await embed(client, TEXTS)
    assert caught.value.positions == [0]
    assert caught.value.partial == {place: VECTORS[place] for place in range(1, len(gateway.requests))}
    assert len(gateway.requests) >= 4
    assert gateway.cancelled == 0
    assert len(asyncio.all_tasks()) == 1


async def test_cancelling_the_call_cancels_its_requests() -> None:
    gateway = Gateway(delay=30)
    task = asyncio.create_task(client_of(gateway, batch_size=1, max_concurrency=3).aembed(TEXTS))
    while gateway.most_at_once < 3:  # noqa: ASYNC110 - the gateway is no part of this loop
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gateway.cancelled == 3
    assert len(asyncio.all_tasks()) == 1


@each_way
async def test_a_failure_stops_further_batches(embed: Callable[..., Any]) -> None:
    gateway = Gateway(refuse=lambda _: error("Invalid token", 401), delay=0.01)
    with pytest.raises(AuthenticationError):
        await embed(client_of(gateway, batch_size=1, max_concurrency=2), TEXTS)
    assert len(gateway.requests) <= 3


@each_way
async def test_an_error_inside_a_200_is_the_right_member(embed: Callable[..., Any]) -> None:
    body = {"error": {"message": "No available channel for model m (request id: 2026)", "code": "model_not_found"}}
    gateway = Gateway(refuse=lambda _: httpx.Response(200, json=body))
    with pytest.raises(ModelNotFoundError) as caught:
        await embed(client_of(gateway, max_retries=2), ["a"])
    assert caught.value.request_id == "2026"
    assert len(gateway.requests) == 1


@each_way
@pytest.mark.parametrize("body", [b"", b"<html></html>", b"[]", b'"text"'])
async def test_an_answer_that_is_no_json_object_raises(embed: Callable[..., Any], body: bytes) -> None:
    gateway = Gateway(refuse=lambda _: httpx.Response(200, content=body))
    with pytest.raises(InvalidResponseError, match="Check base_url"):
        await embed(client_of(gateway), ["a"])


@each_way
async def test_each_batch_is_tried_max_retries_times_more(embed: Callable[..., Any]) -> None:
    gateway = Gateway(refuse=lambda _: error("boom", 500, "do_request_failed"))
    with pytest.raises(ServerError):
        await embed(client_of(gateway, max_retries=2), TEXTS)
    assert len(gateway.requests) == 3


def test_no_warning_where_all_is_well() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert client_of(Gateway(), dimensions=4).embed(TEXTS).vectors == VECTORS
