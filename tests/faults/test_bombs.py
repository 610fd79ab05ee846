"""Answers without end, and small ones that stand for huge ones: bounded, typed, and nothing of them is kept."""

from __future__ import annotations

import gzip
import pickle
import tracemalloc
import zlib
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import pytest
import zstandard

from tests.faults.lanes import CORE, Lane, assert_ours
from tests.faults.operations import CELLS, Cell, operation_of
from tests.faults.thin import crossed
from tests.faults.wire import EVENTS, JSON, PLAIN, STREAM, TEXT, Steps, chunk, fill, head, repeat, send, whole
from tikhub_ai import (
    DownloadError,
    IncompleteStreamError,
    InvalidResponseError,
    JobTimeoutError,
    LostCreateError,
    TikHubAIError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.answers import Answers
    from tests.faults.conftest import FaultServer

pytestmark = pytest.mark.outside_openapi("one request again and again; others hold it against the OpenAPI")

FAULT = "answers without end and bombs"
LIMIT = 1_000_000
BLOCKS = 10_000
"""Of a million bytes each: 10 GB in all, of which 10 MB are sent."""


def block(piece: bytes) -> bytes:
    """A million bytes, or somewhat less, that are deflated by themselves, so that they can be sent again and again."""
    deflating = zlib.compressobj(wbits=-15)
    return deflating.compress(piece * (1_000_000 // len(piece))) + deflating.flush(zlib.Z_FULL_FLUSH)


def bomb(opening: bytes, piece: bytes, coding: str) -> tuple[bytes, bytes]:
    """The beginning of a bomb, and what comes again and again after it."""
    if coding == "zstd":
        pack = zstandard.ZstdCompressor().compress  # frames, one after another
        return pack(opening), pack(piece * (1_000_000 // len(piece)))
    deflating = zlib.compressobj(wbits=WINDOWS[coding])
    return deflating.compress(opening) + deflating.flush(zlib.Z_FULL_FLUSH), block(piece)


WINDOWS = {"gzip": 31, "deflate": 15, "deflate without its header": -15}
KINDS = {kind: kind for kind in ("endless", *WINDOWS, "zstd")}


@cache
def answer(kind: str, answers: Answers, *, streamed: bool) -> Steps:
    """What is sent: spaces that JSON allows before it ends, comments and texts of a stream, or a film's frames."""
    content = EVENTS if streamed else JSON
    opening = answers.first if streamed else answers.plain if answers.is_file else answers.plain[:-1]
    piece = answers.piece + b": " + b"x" * 30_000 + b"\n\n" if streamed else b" "
    if kind == "endless":
        begun = head(content, "transfer-encoding: chunked") + chunk(opening)
        return [*send(begun), repeat(chunk(piece * (50_000 // len(piece))))]
    first, again = bomb(opening, piece, kind)
    said = head(
        content, f"content-encoding: {kind.split(maxsplit=1)[0]}", f"content-length: {len(first) + BLOCKS * len(again)}"
    )
    return [*send(said + first), fill(again, BLOCKS)]


def skipped(kind: str, lane: Cell) -> bool:
    """A file goes to the disk, whose end is its limit."""
    return lane.is_file and kind == "endless"


CASES = [case for case in crossed(KINDS, CELLS, operation_of, is_costly=lambda _: True) if not skipped(*case.values)]


@pytest.fixture(autouse=True, scope="module")
def _frameworks_are_there() -> None:
    """Importing them takes memory of its own, and long where it is traced."""
    import langchain_tikhub
    import llama_index_tikhub

    for adapter in (langchain_tikhub, llama_index_tikhub):
        for name in adapter.__all__:
            getattr(adapter, name)


@pytest.mark.fault(FAULT)
@pytest.mark.parametrize(("kind", "lane"), CASES)
async def test_an_answer_beyond_the_limit_is_a_typed_error_in_little_memory(
    faults: FaultServer, lane: Cell, kind: str
) -> None:
    faults.script("x", answer(kind, lane.answers, streamed=lane.streamed))
    tracemalloc.start()
    try:
        with pytest.raises(TikHubAIError) as caught:
            await lane.ask(base_url=faults.url(), max_response_bytes=LIMIT, max_retries=2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(faults.seen("x")) == 1, "it was paid for"
    assert peak < 50 * LIMIT  # which leaves room for a framework that is imported meanwhile
    error: Any = caught.value
    assert_ours(error)
    check(kind, lane, error)
    error.partial = None
    assert len(pickle.dumps(error)) < (1_500_000 if kind == "zstd" else 10_000)  # as of any answer that is none


def check(kind: str, lane: Cell, error: Any) -> None:
    """The error says what the limit is, or, of what is not undone, that it is no answer."""
    expected = {"create": LostCreateError, "poll": JobTimeoutError if lane.is_tool else InvalidResponseError}
    kinds = expected | {"download": DownloadError if lane.is_file else InvalidResponseError}
    if kind == "zstd" and lane.streamed:
        assert isinstance(error, (InvalidResponseError, IncompleteStreamError))
        return
    assert isinstance(error, kinds.get(lane.what, InvalidResponseError))
    if kind == "zstd":
        return
    assert f"more than max_response_bytes={LIMIT} bytes" in str(error)
    if lane.streamed:
        assert error.partial.text.startswith(TEXT[:6]), "what had come is not lost"


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate without its header": partial(zlib.compress, wbits=-15),
}


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
