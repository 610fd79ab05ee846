"""Answers without end, and small ones that stand for huge ones: bounded, typed, and nothing of them is kept."""

from __future__ import annotations

import gzip
import pickle
import tracemalloc
import zlib
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.faults.lanes import CORE, FRAMEWORKS, Lane, assert_ours
from tests.faults.thin import crossed
from tests.faults.wire import EVENTS, FIRST, JSON, PLAIN, STREAM, TEXT, chunk, head, repeat, send, whole
from tikhub_ai import InvalidResponseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.conftest import FaultServer
from tests.faults.wire import Steps

pytestmark = pytest.mark.outside_openapi("one request again and again; others hold it against the OpenAPI")

FAULT = "answers without end and bombs"
LIMIT = 1_000_000
HUGE = 100 * LIMIT


def bomb(*, streamed: bool) -> bytes:
    """100 MB: spaces that JSON allows before it ends, or comments and texts of a stream."""
    if streamed:
        return (FIRST + b": " + b"x" * 100_000 + b"\n\n") * (HUGE // 100_000)
    return PLAIN[:-1] + b" " * HUGE + b"}"


def bare(body: bytes) -> bytes:
    return zlib.compress(body, wbits=-15)


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate without its header": bare,
}

KINDS = {kind: kind for kind in ("endless", *CODINGS)}


@cache
def answers(kind: str, *, streamed: bool) -> Steps:
    content = EVENTS if streamed else JSON
    if kind == "endless":
        opening = head(content, "transfer-encoding: chunked") + (b"" if streamed else chunk(PLAIN[:-1]))
        return [*send(opening), repeat(chunk(FIRST * 500 if streamed else b" " * 50_000))]
    return whole(CODINGS[kind](bomb(streamed=streamed)), content, f"content-encoding: {kind.split(maxsplit=1)[0]}")


@pytest.mark.fault(FAULT)
@pytest.mark.parametrize(("kind", "lane"), crossed(KINDS, [*CORE, *FRAMEWORKS]))
async def test_an_answer_beyond_the_limit_is_a_typed_error_in_little_memory(
    faults: FaultServer, lane: Lane, kind: str
) -> None:
    faults.script("x", answers(kind, streamed=lane.streamed))
    tracemalloc.start()
    try:
        with pytest.raises(InvalidResponseError, match=f"more than max_response_bytes={LIMIT} bytes") as caught:
            await lane.ask(base_url=faults.url(), max_response_bytes=LIMIT, max_retries=2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(faults.seen("x")) == 1, "it was paid for"
    assert peak < HUGE / 2  # which leaves room for a framework that is imported meanwhile
    error = caught.value
    assert_ours(error)
    if lane.streamed:
        assert error.partial.text.startswith(TEXT[:6]), "what had come is not lost"
    error.partial = None
    assert len(pickle.dumps(error)) < 10_000


@pytest.mark.fault(FAULT)
@pytest.mark.parametrize("lane", CORE, ids=lambda lane: lane.id)
async def test_an_answer_of_just_the_limit_is_read(faults: FaultServer, lane: Lane) -> None:
    body = STREAM if lane.streamed else PLAIN
    for coding, pack in CODINGS.items():
        coded = f"content-encoding: {coding.split()[0]}"
        faults.script("x", whole(pack(body), EVENTS if lane.streamed else JSON, coded))
        assert await lane.ask(base_url=faults.url(), max_response_bytes=len(body)) == TEXT
        with pytest.raises(InvalidResponseError):
            await lane.ask(base_url=faults.url(), max_response_bytes=20)
