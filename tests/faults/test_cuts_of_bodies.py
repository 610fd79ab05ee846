"""Plain answers and files, cut at every byte: an answer where all of it came, else the error that it is, asked once."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.expected import answer_of, seen_of
from tests.faults.lanes import assert_ours
from tests.faults.operations import CELLS, Cell, operation_of
from tests.faults.rows import CUT
from tests.faults.seen import ANSWER, BROKEN, NO_ANSWER, Row, Seen
from tests.faults.thin import WHOLE, crossed, wanted
from tests.faults.wire import CLOSE, JSON, RESET, chunk, head, send, sleep, whole
from tikhub_ai import TikHubAIError, TikHubAIWarning

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.faults.conftest import FaultServer
    from tests.faults.wire import Steps

pytestmark = pytest.mark.outside_openapi("one request again and again; others hold it against the OpenAPI")

FAULT = "plain answers and files cut at every byte"
HEAD_OF_A_BOX = 8
SECOND_BOX = 32
"""Where a film is whole by its own structure: it has a head only."""
CHUNKED = "transfer-encoding: chunked"


def closed(body: bytes, at: int) -> Steps:
    return [*send(head(JSON, f"content-length: {len(body)}") + body[:at]), CLOSE]


def reset(body: bytes, at: int) -> Steps:
    return [*send(head(JSON, f"content-length: {len(body)}") + body[:at]), sleep(0.005), RESET]


def closed_in_a_chunk(body: bytes, at: int) -> Steps:
    return [*send(head(JSON, CHUNKED) + chunk(body)[: at + 3]), CLOSE]


def ended(body: bytes, at: int) -> Steps:
    return whole(body[:at], JSON)


def ended_in_chunks(body: bytes, at: int) -> Steps:
    return send(head(JSON, CHUNKED) + (chunk(body[:at]) if at else b"") + b"0\r\n\r\n")


ENDS = {end.__name__: end for end in (closed, reset, closed_in_a_chunk, ended, ended_in_chunks)}


def seen_at(end: str, lane: Cell, at: int) -> Seen:
    """What comes of a body of which so many bytes came, and not all."""
    is_broken = end not in {"ended", "ended_in_chunks"}
    if lane.is_file and end == "ended_in_chunks":
        is_broken = at >= HEAD_OF_A_BOX and at != SECOND_BOX
    if lane.is_file and not is_broken:
        return ANSWER
    return seen_of(Row("a cut", CUT, seen=BROKEN if is_broken else NO_ANSWER), lane)


def offsets(size: int, *, every: bool) -> Iterable[int]:
    """Where a body is cut; of a long one, at some bytes in its middle."""
    if not every:
        return sorted({0, 1, 33, size // 2, size - 1, size})
    return [*range(min(size, 100)), *range(100, size - 20, 97), *range(max(size - 20, 100), size + 1)]


LANES = [lane for lane in CELLS if not lane.streamed]
SOME = crossed(ENDS, LANES, operation_of, is_costly=lambda _: True)
EVERY = [(name, lane) for name in ENDS for lane in LANES] if wanted["whole"] else []
CASES = [
    *(pytest.param(*case.values, False, id=str(case.id), marks=case.marks) for case in SOME),
    *(pytest.param(ENDS[name], lane, True, id=f"{name}-{lane.id}-every", marks=WHOLE) for name, lane in EVERY),
]


@pytest.mark.fault(FAULT)
@pytest.mark.parametrize(("end", "lane", "every"), CASES)
async def test_a_cut_body(faults: FaultServer, end: Any, lane: Cell, every: bool) -> None:
    body = lane.answers.plain
    settings = {"base_url": faults.url(), "max_retries": 0}
    for at in offsets(len(body), every=every):
        faults.script("x", end(body, at))
        seen = ANSWER if at == len(body) and end is not closed_in_a_chunk else seen_at(end.__name__, lane, at)
        if seen.error is None and (at or not lane.is_file):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", TikHubAIWarning)  # of a file that is too short to begin as one
                answer = await lane.ask(**settings)
            assert answer == (body[:at] if lane.is_file else answer_of(Row("", ""), lane)), at
        else:
            with pytest.raises(TikHubAIError) as caught:
                await lane.ask(**settings)
            error = caught.value
            assert_ours(error)
            assert seen.error is None or isinstance(error, seen.error), (at, repr(error))
            assert seen.cause is None or isinstance(error.__cause__, seen.cause), (at, repr(error.__cause__))
            assert getattr(error, "partial", None) is None
        assert len(faults.seen("x")) == 1, at
