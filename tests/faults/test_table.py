"""Calls that must not be made twice, pooled connections, and embeddings in batches."""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.answers import CHAT
from tests.faults.lanes import CORE, CREATES, REQUEST, Lane, assert_ours, settings_of
from tests.faults.rows import rows_of
from tests.faults.seen import BROKEN, NO_ANSWER, TOO_SLOW, Row, Seen
from tests.faults.wire import CLOSE, FIRST, HOLD, JSON, RESET, TEXT, chunked, good, head, send, whole
from tests.patience import scaled, short
from tikhub_ai import (
    APIConnectionError,
    APITimeoutError,
    ChatClient,
    EmbeddingsClient,
    EmbeddingsReply,
    TextDelta,
    TikHubAIError,
)
from tikhub_ai.http import aiohttp_backend, httpx_family

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.faults.conftest import FaultServer
    from tests.faults.wire import Steps

pytestmark = pytest.mark.outside_openapi("one request again and again; others hold it against the OpenAPI")

ROWS = rows_of(CHAT["chat_completions"])


def arrange(faults: FaultServer, row: Row, *, streamed: bool) -> dict[str, Any]:
    """Set the server up, and give the settings of the call."""
    answers = row.streamed if streamed and row.streamed is not None else row.plain
    faults.script("x", *(answers or ([],)))
    return {"base_url": faults.url("x", row.port, row.scheme)} | scaled(row.settings)


# --- calls that must not be made twice ------------------------------------------------------------------------------

ONCE: tuple[str, ...] = (
    "closed after the request was read",
    "reset after the request was read",
    "closed before the request was read",
)
ONCE += ("no answer", "half a body, then nothing", "a status line of rubbish", "closed inside the headers")
AGAIN: tuple[str, ...] = ("connection refused", "no such host", "an unknown certificate", "connecting takes too long")
AGAIN += ("closed during the TLS handshake",)


@pytest.mark.parametrize("lane", CREATES, ids=lambda lane: lane.name)
@pytest.mark.parametrize("row", [row for row in ROWS if row.name in ONCE + AGAIN], ids=lambda row: row.name)
async def test_a_call_that_must_not_be_made_twice_is_tried_again_only_where_it_was_surely_not_sent(
    faults: FaultServer, attempts: list[str], row: Row, lane: Lane
) -> None:
    settings = arrange(faults, row, streamed=False)
    with pytest.raises(TikHubAIError) as caught:
        await lane.ask(**settings)
    assert isinstance(caught.value, row.seen.error or ())
    assert_ours(caught.value)
    assert caught.value.may_have_been_sent is (row.name in ONCE)  # type: ignore[attr-defined]  # both members have it
    assert len(attempts) == (1 if row.name in ONCE else row.settings.get("max_retries", 2) + 1)


# --- pooled connections ---------------------------------------------------------------------------------------------

STALE = pytest.mark.fault("stale pooled connection")


@STALE
@pytest.mark.parametrize("lane", CORE, ids=lambda lane: lane.id)
@pytest.mark.parametrize("pause", [0.0, 0.05])
async def test_a_pooled_connection_that_the_server_closed_costs_at_most_one_more_attempt(
    faults: FaultServer, lane: Lane, pause: float
) -> None:
    answer = good(streamed=lane.streamed)
    faults.script("x", [*answer, CLOSE], answer)
    for _ in range(2):
        assert await lane.ask(base_url=faults.url(), max_retries=1) == TEXT
        await asyncio.sleep(pause)
    assert len(faults.seen("x")) == 2


@STALE
@pytest.mark.parametrize("lane", CORE, ids=lambda lane: lane.id)
async def test_a_pooled_connection_that_closes_on_the_next_request_is_tried_again(
    faults: FaultServer, lane: Lane
) -> None:
    answer = good(streamed=lane.streamed)
    faults.script("x", answer, [CLOSE], answer)
    for _ in range(2):
        assert await lane.ask(base_url=faults.url()) == TEXT
    assert len(faults.seen("x")) == 3


@STALE
@pytest.mark.parametrize("lane", CREATES, ids=lambda lane: lane.name)
async def test_a_pooled_connection_that_closes_on_a_call_not_to_be_made_twice_is_an_error(
    faults: FaultServer, lane: Lane
) -> None:
    faults.script("x", good(streamed=False), [CLOSE], good(streamed=False))
    await lane.ask(base_url=faults.url())
    with pytest.raises(APIConnectionError) as caught:
        await lane.ask(base_url=faults.url())
    assert caught.value.may_have_been_sent
    assert len(faults.seen("x")) == 2


# --- no connection is free ------------------------------------------------------------------------------------------


@pytest.fixture
def one_connection(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A TLS context that no client was made with yet, so that one is made whose pool holds one connection."""
    for library in (aiohttp_backend, httpx_family):
        monkeypatch.setattr(library, "MAX_CONNECTIONS", 1)
    return ssl.create_default_context()


@pytest.mark.fault("pool exhausted, slow headers, silence")
@pytest.mark.parametrize("lane", CORE, ids=lambda lane: lane.id)
async def test_where_no_connection_comes_free_in_time_nothing_was_sent(
    faults: FaultServer, attempts: list[str], lane: Lane, one_connection: ssl.SSLContext
) -> None:
    settings = {"base_url": faults.url(), "verify": one_connection, "max_retries": 1, "http_backend": lane.backend}
    client = ChatClient(settings_of(settings))
    faults.script("x", [*chunked(FIRST, end=False), HOLD], good(streamed=lane.streamed))
    held, aheld = client.stream(REQUEST), client.astream(REQUEST)
    assert isinstance(next(held) if lane.is_sync else await anext(aheld), TextDelta)
    with pytest.raises(APITimeoutError, match="concurrency") as caught:
        await lane.ask(**settings | {"timeout": short(0.1)})
    assert_ours(caught.value)
    assert not caught.value.may_have_been_sent
    assert len(attempts) == 3
    assert len(faults.seen("x")) == 1
    held.close()
    await aheld.aclose()
    assert await asyncio.to_thread(faults.gone, "x")
    assert await lane.ask(**settings) == TEXT


# --- embeddings: plain calls in batches -----------------------------------------------------------------------------


async def sync_embed(**settings: Any) -> EmbeddingsReply:
    return EmbeddingsClient(settings_of(settings), batch_size=2).embed(["a", "b", "c", "d"])


def async_embed(backend: str) -> Callable[..., Awaitable[EmbeddingsReply]]:
    async def embed(**settings: Any) -> EmbeddingsReply:
        client = EmbeddingsClient(settings_of(settings | {"http_backend": backend}), batch_size=2)
        return await client.aembed(["a", "b", "c", "d"])

    return embed


EMBEDS = [
    pytest.param(Lane("sync httpx", streamed=False, ask=sync_embed), id="sync httpx"),
    pytest.param(Lane("async httpx", streamed=False, ask=async_embed("httpx")), id="async httpx"),
    pytest.param(Lane("async aiohttp", streamed=False, ask=async_embed("aiohttp")), id="async aiohttp"),
]
VECTORS = {"data": [{"index": 1, "embedding": [3, 4]}, {"index": 0, "embedding": [1, 2]}], "model": "m"}
EMBEDDED = whole(json.dumps(VECTORS).encode(), JSON)
FEW = whole(json.dumps({"data": VECTORS["data"][:1]}).encode(), JSON)


@pytest.mark.fault("embeddings")
@pytest.mark.parametrize("lane", EMBEDS)
async def test_embeddings_in_which_each_batch_fails_once_are_whole_and_in_order(
    faults: FaultServer, lane: Lane
) -> None:
    faults.script("x", [CLOSE], [RESET], EMBEDDED)
    reply = await lane.ask(base_url=faults.url())
    assert [list(vector) for vector in reply.vectors] == [[1, 2], [3, 4]] * 2
    assert len(faults.seen("x")) == 4


@pytest.mark.fault("embeddings")
@pytest.mark.parametrize("lane", EMBEDS)
@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        ([CLOSE], BROKEN),
        ([*send(head(JSON, "content-length: 999"), b'{"data": ['), CLOSE], BROKEN),
        ([HOLD], TOO_SLOW),
        (FEW, NO_ANSWER),
        (whole(b'{"data": [', JSON), NO_ANSWER),
        (whole(b"<html>", "content-type: text/html"), NO_ANSWER),
    ],
    ids=["closed", "cut", "no answer", "too few", "cut quietly", "HTML"],
)
async def test_embeddings_fail_as_chat_does(faults: FaultServer, lane: Lane, answer: Steps, seen: Seen) -> None:
    faults.script("x", answer)
    with pytest.raises(TikHubAIError) as caught:
        await lane.ask(base_url=faults.url(), max_retries=0, timeout=short(0.3) if answer == [HOLD] else 300)
    assert isinstance(caught.value, seen.error or ())
    assert caught.value.is_retryable is seen.retried
    assert_ours(caught.value)
