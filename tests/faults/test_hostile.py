"""What never ends before an answer or around it: heads, interim answers, framing, comments. Bounded and typed."""

from __future__ import annotations

import asyncio
import pickle
import tracemalloc
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.faults.lanes import assert_ours
from tests.faults.operations import CELLS, Cell, operation_of
from tests.faults.thin import crossed
from tests.faults.wire import EVENTS, JSON, TEXT, chunk, head, repeat, send
from tikhub_ai import (
    APIConnectionError,
    BadRequestError,
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
    from tests.faults.wire import Steps

pytestmark = pytest.mark.outside_openapi("one request again and again; others hold it against the OpenAPI")

FAULT = "heads, framing and comments without end"
LIMIT = 300_000
CHUNKED = "transfer-encoding: chunked"


@dataclass(frozen=True)
class Row:
    """Something without end.

    Attributes:
        plain: What the server sends.
        streamed: The same to a streamed call; None where it makes no difference.
        over_httpx: What is seen there, where h11 has a limit of its own.
        error: What the caller gets.
        streams_end: Whether a stream is whole before it begins.
        is_body: Whether it is counted as `max_response_bytes`; else as a head.
        has_begun: Whether a stream gives a text before.
    """

    plain: Steps
    streamed: Steps | None = None
    error: type[TikHubAIError] = InvalidResponseError
    over_httpx: tuple[type[TikHubAIError], ...] = ()
    streams_end: bool = False
    is_body: bool = True
    has_begun: bool = True


def opened(w: Answers, *, streamed: bool) -> bytes:
    """A head, and most of an answer."""
    return head(EVENTS if streamed else JSON, CHUNKED) + chunk(w.first if streamed else w.plain[:-1])


GZIP = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
EARLY_HINT = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
TRAILER = b"x-name: " + b"v" * 60_000 + b"\r\n"
NOTHING = b"\x00\x00\x00\xff\xff"
"""A block of gzip that holds no byte."""


@cache
def rows_of(w: Answers) -> dict[str, Row]:
    """The table, of answers of one wire."""
    return {
        "headers": Row([*send(head()[:-2]), repeat(b"x-name: value\r\n" * 2000)], is_body=False, has_begun=False),
        "a header's value": Row(
            [*send(head()[:-2] + b"x-long: "), repeat(b"a" * 30_000)], is_body=False, has_begun=False
        ),
        "a header's name": Row([*send(head()[:-2]), repeat(b"a" * 30_000)], is_body=False, has_begun=False),
        "the status line": Row([*send(b"HTTP/1.1 200 "), repeat(b"a" * 30_000)], is_body=False, has_begun=False),
        "early hints": Row([repeat(EARLY_HINT * 1000)], is_body=False, has_begun=False),
        "continues": Row([repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)], is_body=False, has_begun=False),
        "a chunk's extension": Row(
            [*send(opened(w, streamed=False) + b"5;x="), repeat(b"a" * 60_000)],
            [*send(opened(w, streamed=True) + b"5;x="), repeat(b"a" * 60_000)],
            over_httpx=(APIConnectionError, IncompleteStreamError),
        ),
        "chunks with long extensions": Row(
            [*send(opened(w, streamed=False)), repeat(b"1;x=" + b"a" * 50_000 + b"\r\n \r\n")],
            [*send(opened(w, streamed=True)), repeat(b"1;x=" + b"a" * 50_000 + b"\r\n:\r\n")],
        ),
        "trailers": Row(
            [*send(opened(w, streamed=False) + chunk(w.plain[-1:]) + b"0\r\n"), repeat(TRAILER)],
            [
                *send(opened(w, streamed=True) + chunk(w.second + w.finish + w.done) + b"0\r\n"),
                repeat(TRAILER),
            ],
            over_httpx=(APIConnectionError, IncompleteStreamError),
            streams_end=True,
        ),
        "blocks of gzip that hold nothing": Row(
            [*send(head(JSON, CHUNKED, "content-encoding: gzip") + chunk(GZIP)), repeat(chunk(NOTHING * 10_000))],
            [*send(head(EVENTS, CHUNKED, "content-encoding: gzip") + chunk(GZIP)), repeat(chunk(NOTHING * 10_000))],
            has_begun=False,
        ),
        "blanks": Row(
            [*send(head(JSON, CHUNKED)), repeat(chunk(b" \n" * 25_000))],
            [*send(opened(w, streamed=True)), repeat(chunk(b"\n" * 50_000))],
        ),
        "comments": Row(
            [*send(head(JSON, CHUNKED)), repeat(chunk(b" \n" * 25_000))],
            [*send(opened(w, streamed=True)), repeat(chunk(b": PING\n\n" * 6000))],
        ),
        "one comment": Row(
            [*send(head(JSON, CHUNKED)), repeat(chunk(b" \n" * 25_000))],
            [*send(opened(w, streamed=True) + chunk(b": ")), repeat(chunk(b"x" * 50_000))],
        ),
        "an error's body": Row(
            [*send(head(JSON, CHUNKED, status="400 Bad Request")), repeat(chunk(b'{"error": ' + b" " * 200_000))],
            error=BadRequestError,
        ),
    }


NAMES = {name: name for name in rows_of(CELLS[0].answers)}


@pytest.fixture(autouse=True, scope="module")
def _frameworks_are_there(fault_server: Callable[[], FaultServer]) -> None:
    """Importing them takes memory of its own."""
    faults = fault_server()

    async def ask() -> None:
        for lane in {(cell.name, cell.is_file): cell for cell in CELLS}.values():
            with pytest.raises(TikHubAIError):
                await lane.ask(base_url=faults.url(port="refusing"), max_retries=0)

    asyncio.run(ask())


def skipped(name: str, lane: Cell) -> bool:
    """A file has no limit: the end of the disk is its own, and what carries it is not counted either."""
    return lane.is_file and rows_of(lane.answers)[name].is_body


CASES = [case for case in crossed(NAMES, CELLS, operation_of, is_costly=lambda _: True) if not skipped(*case.values)]


def kinds_of(row: Row, lane: Cell) -> tuple[type[TikHubAIError], ...]:
    """What the caller of a cell may see."""
    kinds = (row.error, *row.over_httpx)
    if row.error is not InvalidResponseError:
        return (DownloadError,) if lane.is_file else kinds
    if lane.what == "create":
        return (LostCreateError,)
    if lane.what == "poll" and lane.is_tool:
        return (JobTimeoutError,)
    return (DownloadError,) if lane.is_file else kinds


@pytest.mark.fault(FAULT)
@pytest.mark.parametrize(("name", "lane"), CASES)
async def test_what_never_ends_is_a_typed_error_in_little_memory(faults: FaultServer, lane: Cell, name: str) -> None:
    row = rows_of(lane.answers)[name]
    faults.script("x", row.streamed if lane.streamed and row.streamed is not None else row.plain)
    settings = {"base_url": faults.url(), "max_response_bytes": LIMIT, "max_retries": 1}
    if lane.streamed and row.streams_end:
        assert await lane.ask(**settings) == TEXT
        return
    tracemalloc.start()
    try:
        with pytest.raises(TikHubAIError) as caught:
            await lane.ask(**settings)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 30_000_000
    error = caught.value
    assert_ours(error)
    assert isinstance(error, kinds_of(row, lane)), repr(error)
    assert len(faults.seen("x")) <= (2 if row.over_httpx else 1)
    if type(error) is InvalidResponseError:
        assert ("max_response_bytes" if row.is_body else "do not end") in str(error)
        partial, error.partial = error.partial, None
        assert not lane.streamed or not row.has_begun or partial.text == TEXT[:6]
    assert len(pickle.dumps(error)) < 3_000_000
