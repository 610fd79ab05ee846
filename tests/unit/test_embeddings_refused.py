"""Embeddings that a server refuses: batches too large, a text too long, blank texts."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.embeddings_gateway import Gateway, client_of, each_way, error, vector_of
from tikhub_ai import BadRequestError, ContextWindowExceededError
from tikhub_ai.apis.embeddings import is_too_large
from tikhub_ai.error_bodies import error_from_response

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = [f"text {number} " + "x" * (number % 5) for number in range(23)]
VECTORS = [vector_of(text) for text in TEXTS]


@each_way
@pytest.mark.parametrize(
    "limit", [{"max_inputs": 1}, {"max_inputs": 5}, {"max_total": 60}, {"max_inputs": 9, "max_total": 30}]
)
@pytest.mark.parametrize("max_concurrency", [1, 4])
async def test_a_batch_refused_as_too_large_is_sent_in_halves(
    embed: Callable[..., Any], limit: dict[str, Any], max_concurrency: int
) -> None:
    gateway = Gateway(**limit)
    progress: list[int] = []
    client = client_of(gateway, max_concurrency=max_concurrency)
    reply = await embed(client, TEXTS, on_progress=lambda done, _: progress.append(done))
    assert reply.vectors == VECTORS
    assert progress[-1] == len(TEXTS)


def test_a_limit_once_found_is_kept_for_the_rest_of_the_call() -> None:
    gateway = Gateway(max_inputs=10)
    client_of(gateway, batch_size=80, max_concurrency=1).embed(["a"] * 800)
    assert gateway.sizes[:4] == [80, 40, 20, 10]
    assert set(gateway.sizes[3:]) == {10}


@each_way
@pytest.mark.parametrize("batch_size", [1, 6, 256])
async def test_one_text_too_long_is_named_with_its_place_and_length(embed: Callable[..., Any], batch_size: int) -> None:
    gateway = Gateway(max_text=100)
    texts = [*TEXTS[:17], "secret " * 200, *TEXTS[17:]]
    with pytest.raises(ContextWindowExceededError, match=r"texts\[17\], of 1,400 characters, is too long") as caught:
        await embed(client_of(gateway, batch_size=batch_size, max_concurrency=1), texts)
    error = caught.value
    assert (error.status_code, error.code, error.request_id) == (400, "context_length_exceeded", "req-refused")
    assert error.response is not None
    assert error.response.json()["error"]["code"] == "context_length_exceeded"
    assert "secret" not in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert len(gateway.requests) < 30


def test_a_body_too_large_is_a_bad_request_that_names_the_text() -> None:
    gateway = Gateway(refuse=lambda _: httpx.Response(413, content=b"<html><title>413</title></html>"))
    with pytest.raises(BadRequestError, match=r"texts\[0\], of 9 characters") as caught:
        client_of(gateway, max_concurrency=1).embed(["some text", "b"])
    assert caught.value.status_code == 413
    assert gateway.sizes == [2, 1]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Requested 346134 tokens, max 300000 tokens per request"),
        (
            400,
            "Invalid 'input': array too long. Expected an array with maximum length 2048, but got 2049 instead.",
        ),
        (400, "Too many tokens in batch. Max is 16384 got 17555"),
        (400, "Too many inputs in request. Split into more batches."),
        (400, "Too many inputs. The max number of inputs is 16."),
        (400, "<400> InternalError.Algo.InvalidParameter: batch size is invalid, it should not be larger than 10."),
        (400, "BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch"),
        (400, "invalid request: total number of texts must be at most 96 - received 256"),
        (400, "The max allowed tokens per submitted batch is 120000. Your batch has 150000 tokens after truncation."),
        (400, "This model's maximum context length is 8192 tokens, however you requested 10001 tokens"),
        (400, "Input length 9000 exceeds maximum allowed token size 8192"),
        (413, "batch size 64 > maximum allowed batch size 32"),
        (413, "Input validation error: `inputs` must have less than 512 tokens. Given: 600"),
        (422, "batch size 64 > maximum allowed batch size 32"),
        (
            500,
            "input (1024 tokens) is too large to process. increase the physical batch size (current batch size: 512)",
        ),
    ],
)
def test_servers_have_many_words_for_too_large(status: int, message: str) -> None:
    refusal = error_from_response(status, {}, error(message, status).content)
    assert is_too_large(refusal)
    assert not refusal.is_retryable


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "'$.input' is invalid. Please check the API reference."),
        (400, "Unknown parameter: foo"),
        (400, "Invalid value for 'dimensions' = 5000. Must be less than or equal to 1536."),
        (400, "dimensions must be at most 1536"),
        (401, "Incorrect API key"),
        (429, "You have sent too many requests"),
        (500, "too many open files"),
        (503, "No available channel for model x"),
    ],
)
def test_other_refusals_are_not_taken_for_it(status: int, message: str) -> None:
    assert not is_too_large(error_from_response(status, {}, error(message, status).content))


# --- blank texts -------------------------------------------------------------------------------------------------


@each_way
async def test_blank_texts_are_sent_and_named_where_they_are_refused(embed: Callable[..., Any]) -> None:
    texts = ["a", "", "b", " \n"]
    assert (await embed(client_of(Gateway()), texts)).vectors == [vector_of(text) for text in texts]
    refusing = Gateway(refuse=lambda _: error("'$.input' is invalid. Please check the API reference."))
    with pytest.raises(
        BadRequestError, match=r"'\$\.input' is invalid.*Blank texts.*: texts\[1\], texts\[3\]"
    ) as caught:
        await embed(client_of(refusing), texts)
    assert caught.value.request_id == "req-refused"
    assert len(refusing.requests) == 1
